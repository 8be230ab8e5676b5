"""Places steps on the canvas: in layers from top to bottom, readers below what they read.

A runner executes steps in the order of their list, so a list without references becomes a column. A
step that has no reference in or out keeps its place in that order; between two such steps the
others are layered by their data, and those that read the same output stand side by side. A parent
grows to hold its slots, which stand side by side as well.

This is the layered drawing of Sugiyama, Tagawa and Toda (1981), simplified: each step stands in the
layer after the last one that it reads (longest path), within a layer steps are sorted once by the
barycenter of what they read, and each stands as near to that as its neighbours let it, by the
least squares of the distances. Crossings are not counted, and long edges get no bends.

All plain steps, however deep they are nested, stand in the same columns: a parent reaches `PADDING`
beyond the columns of its steps on either side, and one of parents further. The page draws steps by
the same measures (`web/src/editor/canvas/measures.ts`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from math import ceil
from typing import Final, TypeAlias

from .fields import MAIN_SLOT
from .model import Pipeline, Point, Size, Step
from .placement import Scope, children_of, crosses_border, walk
from .step_types import TYPES

GRID: Final = 20
"""Every position is a multiple of this many canvas pixels."""

NODE_WIDTH, NODE_HEIGHT = 224, 56
"""Size of a step that holds no others, in canvas pixels."""

GAP_X, GAP_Y = 56, 44
"""Canvas pixels between steps, so that columns are 280 wide and rows 100 high."""

PADDING: Final = GRID
"""Canvas pixels between the edge of a parent and its steps."""

HEAD, LANE_HEAD = 40, 40
"""Canvas pixels at the top of a parent, and of its slots where it shows several."""

MAX_ABREAST: Final = 8
"""Most steps in one row; a wider layer continues in the row below."""

Layout: TypeAlias = dict[str, tuple[Point, Size]]
Producers: TypeAlias = Mapping[str, set[str]]
"""Step id -> ids of the siblings whose output the step, or one inside it, reads."""

_MARGIN: Final = 2 * GRID
"""Canvas pixels between the corner of the canvas and its steps."""

_SLOTS_LAST = {"default": 1, "on_not_found": 2, "error_handler": 3, "on_error": 4}


def lay_out(pipeline: Pipeline) -> Layout:
    """Return the position and the size of every step, in canvas pixels.

    The slots of a parent stand in the order in which the pipeline's mapping of steps first has a
    step of each, which is that of a file; those that run otherwise or after an error stand last.

    A position is that of the upper left corner, relative to the corner of the parent. A parent gets
    the size that holds its steps. Steps whose chain of parents does not lead to the top level stay
    where they are, and as large. The time is linear in steps and connections, apart from the
    sorting.
    """
    canvas = _Canvas(pipeline)
    # Parents come before their children, so the reverse sizes children first.
    for step in reversed(list(walk(canvas.children))):
        canvas.draw(step)
    canvas.fill(canvas.children.get(None, {}), _MARGIN, _MARGIN)
    return {id_: (canvas.points[id_], canvas.sizes[id_]) for id_ in pipeline.steps}


@dataclass(frozen=True, slots=True)
class _Box:
    """What a step takes: the width of its columns, its height, and the parents inside each other.

    On either side it reaches `overhang` beyond its columns.
    """

    columns: int = NODE_WIDTH
    height: int = NODE_HEIGHT
    levels: int = 0

    @property
    def overhang(self) -> int:
        return self.levels * PADDING


class _Canvas:
    """The places and sizes found so far."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.children = children_of(pipeline.steps)
        self.sizes = {step.id: step.size for step in pipeline.steps.values()}
        self.points = {step.id: step.position for step in pipeline.steps.values()}
        self._boxes: dict[str, _Box] = {}
        self._producers = _producers(pipeline)
        self._ranks = _ranks(pipeline.steps.values())

    def draw(self, step: Step) -> None:
        """Find the size of a step, and the places of the steps in it."""
        box = self._parent(step) if step.id in self.children or is_parent(step) else _Box()
        self._boxes[step.id] = box
        width = box.columns + 2 * box.overhang
        self.sizes[step.id] = Size(float(width), float(box.height))

    def _parent(self, step: Step) -> _Box:
        slots = dict(self.children.get(step.id, {}))
        if step.type == "switch":
            slots.setdefault("default", [])
        inside = (self._boxes[one.id].levels for steps in slots.values() for one in steps)
        levels = 1 + max(inside, default=0)
        top = HEAD + (LANE_HEAD if shows_slots(step, slots) else PADDING)
        columns, bottom = self.fill(self._ordered(step, slots), levels * PADDING, top)
        return _Box(columns, bottom + PADDING, levels)

    def _ordered(self, parent: Step, slots: Mapping[str, list[Step]]) -> dict[str, list[Step]]:
        # Grouped by parent, slots come by name: a switch would have its cases by the alphabet.
        def rank(slot: str) -> tuple[int, int]:
            return _SLOTS_LAST.get(slot, 0), self._ranks.get((parent.id, slot), 0)

        return {slot: slots[slot] for slot in sorted(slots, key=rank)}

    def fill(self, slots: Mapping[str, list[Step]], left: int, top: int) -> tuple[int, int]:
        """Place the steps of all slots; return the width of their columns and the y of their end.

        The slots stand from left to right as they come. `left` is the x of the first column, `top`
        the y of the first row.
        """
        right, overhang, bottom = left - GAP_X, 0, top + NODE_HEIGHT
        for steps in slots.values():
            rows, centers = self._rows(steps)
            reach = max((self._boxes[step.id].overhang for step in steps), default=0)
            start = left if right < left else right + _gap(overhang, reach)
            width = self._align(centers, start)
            bottom = max(bottom, self._stack(rows, top))
            right, overhang = start + width, reach
        return _columns(right - left), bottom

    def _rows(self, steps: list[Step]) -> tuple[list[list[Step]], dict[str, float]]:
        """Return the steps row by row, and the x of their centers, relative to each other."""
        rows: list[list[Step]] = []
        centers: dict[str, float] = {}
        for layer in _layers(steps, self._producers):
            wanted = {step.id: _mean(self._producers[step.id], centers) for step in layer}
            rest = iter(sorted(layer, key=lambda step: wanted[step.id]))
            while row := list(islice(rest, MAX_ABREAST)):
                rows.append(row)
                centers |= self._centers(row, [wanted[step.id] for step in row])
        return rows, centers

    def _centers(self, row: list[Step], wanted: list[float]) -> dict[str, float]:
        """Return the centers of a row's steps, each as near as can be to the one wanted."""
        boxes = [self._boxes[step.id] for step in row]
        distances = [
            (a.columns + b.columns) // 2 + _gap(a.overhang, b.overhang) for a, b in pairwise(boxes)
        ]
        found = _spaced(wanted, [_on_grid(each) for each in distances])
        return dict(zip((step.id for step in row), found, strict=True))

    def _align(self, centers: Mapping[str, float], left: int) -> int:
        """Find the x of steps whose first column is at `left`; return the width of all columns."""
        half = {id_: self._boxes[id_].columns / 2 for id_ in centers}
        first = min((center - half[id_] for id_, center in centers.items()), default=0.0)
        last = max((center + half[id_] for id_, center in centers.items()), default=0.0)
        for id_, center in centers.items():
            x = left + center - half[id_] - first - self._boxes[id_].overhang
            self.points[id_] = Point(x, 0.0)
        return _columns(int(last - first))

    def _stack(self, rows: list[list[Step]], top: int) -> int:
        """Put rows one below the other; return the y where the last ends."""
        y = bottom = top
        for row in rows:
            for step in row:
                self.points[step.id] = Point(self.points[step.id].x, float(y))
            bottom = y + max(self._boxes[step.id].height for step in row)
            y = _on_grid(bottom + GAP_Y)
        return bottom


def _ranks(steps: Iterable[Step]) -> dict[Scope, int]:
    """Number the lists of steps as they come."""
    ranks: dict[Scope, int] = {}
    for step in steps:
        ranks.setdefault((step.parent_step_id, step.slot), len(ranks))
    return ranks


def is_parent(step: Step) -> bool:
    """Whether a step is drawn as one that holds others, even while there are none."""
    type_ = TYPES.get(step.type)
    return type_ is not None and any(slot.is_required for slot in type_.slots)


def shows_slots(step: Step, slots: Iterable[str]) -> bool:
    """Whether a parent has its slots drawn with their names: unless it has its main one only."""
    return step.type == "switch" or any(
        slot != MAIN_SLOT and not crosses_border(slot) for slot in slots
    )


def _gap(left: int, right: int) -> int:
    """Return the distance between the columns of neighbours that reach so far beyond them."""
    return GAP_X + max(0, left + right - 2 * PADDING)


def _columns(width: int) -> int:
    """Return the next width of which half, too, is on the grid, counted from a plain step's."""
    step = 2 * GRID
    return NODE_WIDTH + max(0, ceil((width - NODE_WIDTH) / step)) * step


def _on_grid(length: float) -> int:
    return ceil(length / GRID) * GRID


def _spaced(wanted: Sequence[float], distances: Sequence[int]) -> list[float]:
    """Return places in this order, at least so far apart, with the least squares to those wanted.

    It is isotonic regression by pooling adjacent violators (Ayer et al. 1955). The places are on
    the grid, relative to each other.
    """
    offsets = [0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, int]] = []
    for each, offset in zip(wanted, offsets, strict=True):
        total, count = each - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            total, count = total + pools[-1][0], count + pools.pop()[1]
        pools.append((total, count))
    shifts = [total / count for total, count in pools for _ in range(count)]
    return [
        offset + round(shift / GRID) * GRID for offset, shift in zip(offsets, shifts, strict=True)
    ]


def _mean(ids: Iterable[str], at: Mapping[str, float]) -> float:
    """Return the mean place of some steps (their barycenter), 0 if none of them is placed yet."""
    places = [at[id_] for id_ in ids if id_ in at]
    return sum(places) / len(places) if places else 0.0


def _layers(steps: list[Step], producers: Producers) -> list[list[Step]]:
    """Sort steps into layers.

    References to later steps and to the step itself do not count, since steps run in the order of
    their list. Without them the graph has no cycle.
    """
    earlier = _earlier_producers(steps, producers)
    related = set(earlier).union(*earlier.values())
    layers: list[list[Step]] = []
    depth: dict[str, int] = {}
    first = 0
    for step in steps:
        # `first` is the layer below the last step without references, which nothing may pass.
        if step.id in related:
            above = [depth[id_] + 1 for id_ in earlier.get(step.id, ())]
            depth[step.id] = max([first, *above])
        else:
            depth[step.id], first = len(layers), len(layers) + 1
        if depth[step.id] == len(layers):
            layers.append([])
        layers[depth[step.id]].append(step)
    return layers


def _earlier_producers(steps: list[Step], producers: Producers) -> dict[str, set[str]]:
    place = {step.id: index for index, step in enumerate(steps)}
    earlier = {
        step.id: {id_ for id_ in producers[step.id] if place[id_] < place[step.id]}
        for step in steps
    }
    return {id_: found for id_, found in earlier.items() if found}


def _producers(pipeline: Pipeline) -> Producers:
    producers: dict[str, set[str]] = defaultdict(set)
    for connection in pipeline.connections.values():
        ends = _siblings(pipeline, connection.from_step_id, connection.to_step_id)
        if ends is not None:
            producers[ends[1]].add(ends[0])
    return producers


def _siblings(pipeline: Pipeline, a: str, b: str) -> tuple[str, str] | None:
    """Return the two siblings that are, or contain, `a` and `b`; None if they share no list."""
    for one, other in zip(_lineage(pipeline, a), _lineage(pipeline, b), strict=False):
        if one.id != other.id:
            return (one.id, other.id) if one.slot == other.slot else None
    return None


def _lineage(pipeline: Pipeline, id_: str) -> list[Step]:
    """Return a step with all its ancestors, outermost first; a cycle ends where it closes."""
    line: dict[str, Step] = {}
    current: str | None = id_
    while current is not None and current in pipeline.steps and current not in line:
        line[current] = pipeline.steps[current]
        current = line[current].parent_step_id
    return list(line.values())[::-1]
