"""Places steps on the canvas: in layers from top to bottom, readers below what they read.

A runner executes steps in the order of their list, so a list without references becomes a column. A
step that has no reference in or out keeps its place in that order; between two such steps the
others are layered by their data, and those that read the same output stand side by side. A parent
grows to hold its slots, which stand side by side as well.

This is the layered drawing of Sugiyama, Tagawa and Toda (1981), simplified: each step stands in the
layer after the last one that it reads (longest path), and within a layer steps are sorted once by
the barycenter of what they read. Crossings are not counted, and long edges get no bends.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import islice
from math import ceil
from typing import Final, TypeAlias

from .fields import DEFAULT_HEIGHT, DEFAULT_WIDTH
from .model import Pipeline, Point, Size, Step
from .placement import children_of, walk

GRID: Final = 20
"""Every position and every grown size is a multiple of this many canvas pixels."""

MAX_ABREAST: Final = 8
"""Most steps in one row; a wider layer continues in the row below."""

Layout: TypeAlias = dict[str, tuple[Point, Size]]
Producers: TypeAlias = Mapping[str, set[str]]
"""Step id -> ids of the siblings whose output the step, or one inside it, reads."""

_GAP = 2 * GRID
"""Canvas pixels between steps, and between a step and the edge of its parent."""

_HEADER = 3 * GRID
"""Canvas pixels at the top of a parent, above its steps."""

_SLOTS_LAST = {"default": 1, "on_not_found": 2, "error_handler": 3, "on_error": 4}


def lay_out(pipeline: Pipeline) -> Layout:
    """Return the position and the size of every step, in canvas pixels.

    A position is that of the upper left corner, relative to the corner of the parent. A parent gets
    the size that holds its steps, and others keep theirs. Steps whose chain of parents does not
    lead to the top level stay where they are. The time is linear in steps and connections, apart
    from the sorting.
    """
    canvas = _Canvas(pipeline)
    # Parents come before their children, so the reverse sizes children first.
    for step in reversed(list(walk(canvas.children))):
        if step.id in canvas.children:
            canvas.sizes[step.id] = canvas.fill(step.id, _HEADER)
    canvas.fill(None, _GAP)
    return {id_: (canvas.points[id_], canvas.sizes[id_]) for id_ in pipeline.steps}


class _Canvas:
    """The places and sizes found so far."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.children = children_of(pipeline.steps)
        self.sizes = {step.id: step.size for step in pipeline.steps.values()}
        self.points = {step.id: step.position for step in pipeline.steps.values()}
        self._producers = _producers(pipeline)

    def fill(self, parent: str | None, top: int) -> Size:
        """Place the steps in all slots of a parent and return the size that holds them."""
        x, bottom = _GAP, 0
        slots = self.children.get(parent, {})
        for slot in sorted(slots, key=lambda slot: (_SLOTS_LAST.get(slot, 0), slot)):
            rows = _rows(slots[slot], self._producers)
            width = max(map(self._width, rows))
            bottom = max(bottom, self._place(rows, x, top, width))
            x += width + _GAP
        return Size(max(DEFAULT_WIDTH, x), max(DEFAULT_HEIGHT, bottom + _GAP))

    def _place(self, rows: list[list[Step]], left: int, top: int, width: int) -> int:
        """Place rows one below the other, each centred in `width`; return the y where they end."""
        y = top
        for row in rows:
            x = left + (width - self._width(row)) // 2 // GRID * GRID
            for step in row:
                self.points[step.id] = Point(float(x), float(y))
                x += _on_grid(self.sizes[step.id].width) + _GAP
            y += max(_on_grid(self.sizes[step.id].height) for step in row) + _GAP
        return y - _GAP

    def _width(self, row: Iterable[Step]) -> int:
        return sum(_on_grid(self.sizes[step.id].width) + _GAP for step in row) - _GAP


def _on_grid(length: float) -> int:
    return ceil(length / GRID) * GRID


def _rows(steps: list[Step], producers: Producers) -> list[list[Step]]:
    rows: list[list[Step]] = []
    column: dict[str, int] = {}
    for layer in _layers(steps, producers):
        rest = iter(sorted(layer, key=lambda step: _mean(producers[step.id], column)))
        while row := list(islice(rest, MAX_ABREAST)):
            rows.append(row)
            column |= {step.id: index for index, step in enumerate(row)}
    return rows


def _mean(ids: Iterable[str], column: Mapping[str, int]) -> float:
    """Return the mean column of some steps (their barycenter), 0 if none of them is placed yet."""
    columns = [column[id_] for id_ in ids if id_ in column]
    return sum(columns) / len(columns) if columns else 0


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
