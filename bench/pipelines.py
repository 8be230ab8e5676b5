"""Pipelines of any size, all alike, and edits in them.

About 700 bytes a step in the document: a prompt, a few options, a connection to the step before.
All steps are siblings, which is the hardest case for names and order.
"""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import UUID

from pycrdt import Doc, Map, TransactionEvent

from crdt.pipeline.fields import MAIN_SLOT
from crdt.pipeline.fractional_index import fresh_keys, key_between
from crdt.pipeline.model import Connection, Json, Pipeline, PipelineSettings, Point, Step

SEED, OTHER_SEED = 20, 21
PROMPT = "Read the change below and list what a careful reviewer should look at, in order. " * 4


def pipeline(size: int, seed: int = SEED) -> Pipeline:
    """A chain of `size` steps. The same size and seed give the same pipeline.

    Of one seed, the steps of a small pipeline are the first ones of a large pipeline, ids included.
    """
    draw = random.Random(seed)
    ids = [str(UUID(int=draw.getrandbits(128), version=4)) for _ in range(2 * size)]
    orders = fresh_keys(size)
    steps = [_step(index, ids[index], order) for index, order in enumerate(orders)]
    connections = [
        Connection(ids[size + index], one.id, other.id)
        for index, (one, other) in enumerate(pairwise(steps))
    ]
    return Pipeline(
        PipelineSettings(name=f"{size} steps"),
        {step.id: step for step in steps},
        {connection.id: connection for connection in connections},
    )


def _step(index: int, id_: str, order: str) -> Step:
    return Step(
        id=id_,
        name=f"step_{index}",
        type="claude",
        order=order,
        position=Point(240.0 * (index % 40), 140.0 * (index // 40)),
        config={
            "role": "muscle",
            "prompt": [{"type": "static", "content": f"{index}: {PROMPT}"}],
            "claude_options": {"max_turns": 5, "allowed_tools": ["Read", "Grep"]},
        },
    )


def drawn(size: int) -> Pipeline:
    """A pipeline as people draw one, `size` steps in all: forty containers, the rest on the canvas.

    Twenty loops of ten steps, in ten of these a loop of six, and ten switches of three cases with
    four steps each; plain steps in 24 columns above, each fed by the one above it, one in ten if a
    condition holds. Raises ValueError below the 420 steps that the containers take.
    """
    if size < CONTAINED:
        raise ValueError(f"expected at least {CONTAINED} steps, got {size}")
    drawing = _Drawing()
    for at in range(size - CONTAINED):
        drawing.add("claude", Point(280.0 * (at % COLUMNS), 100.0 * (at // COLUMNS)))
    top = 100.0 * (-(-(size - CONTAINED) // COLUMNS) + 1)
    for at in range(LOOPS + SWITCHES):
        corner = Point(960.0 * (at % 7), top + 1000.0 * (at // 7))
        drawing.add_loop(corner, at < NESTED) if at < LOOPS else drawing.add_switch(corner)
    return drawing.pipeline(f"{size} drawn steps")


COLUMNS, LOOPS, NESTED, SWITCHES = 24, 20, 10, 10
CONTAINED = LOOPS * 11 + NESTED * 7 + SWITCHES * 13


class _Drawing:
    """Steps that are added one by one."""

    def __init__(self) -> None:
        self._draw = random.Random(SEED)
        self._orders = fresh_keys(10_000)
        self._steps: list[Step] = []

    def add(self, type_: str, position: Point, parent: str | None = None, slot: str = "") -> str:
        at = len(self._steps)
        plain = _step(at, self._id(), self._orders[at])
        config = CONFIGS.get(type_, plain.config)
        if at % 10 == 0:
            config = {**config, "condition": f"step_{at}.score > 3"}
        step = replace(plain, type=type_, position=position, config=config)
        step = replace(step, parent_step_id=parent, slot=slot or MAIN_SLOT)
        self._steps.append(step)
        return step.id

    def add_loop(self, corner: Point, is_nested: bool) -> None:
        loop = self.add("for_loop", corner)
        for at in range(10):
            self.add("claude", Point(20.0 + 280 * (at % 2), 60.0 + 100 * (at // 2)), loop)
        inner = self.add("for_loop", Point(20, 560), loop) if is_nested else None
        for at in range(6 if inner else 0):
            self.add("claude", Point(20.0 + 280 * (at % 2), 60.0 + 100 * (at // 2)), inner)

    def add_switch(self, corner: Point) -> None:
        switch = self.add("switch", corner)
        for at in range(12):
            place = Point(20.0 + 280 * (at // 4), 80.0 + 100 * (at % 4))
            self.add("claude", place, switch, f'cases:"{at // 4}"')

    def pipeline(self, name: str) -> Pipeline:
        lists: dict[tuple[str | None, str, float], Step] = {}
        connections: list[Connection] = []
        for step in self._steps:
            above = lists.get(key := (step.parent_step_id, step.slot, step.position.x))
            if above is not None:
                connections.append(Connection(self._id(), above.id, step.id))
            lists[key] = step
        return Pipeline(
            PipelineSettings(name=name),
            {step.id: step for step in self._steps},
            {connection.id: connection for connection in connections},
        )

    def _id(self) -> str:
        return str(UUID(int=self._draw.getrandbits(128), version=4))


CONFIGS: dict[str, dict[str, Json]] = {
    "for_loop": {"iterator": "file", "data_source": "previous_response:step_0.files"},
    "switch": {"expression": "previous_response:step_0.kind"},
}


class Author:
    """A client's document, and the updates that its edits make."""

    def __init__(self, state: bytes) -> None:
        self._doc: Doc[Any] = Doc()
        self._doc.apply_update(state)
        self._steps: Map[Any] = self._doc.get("steps", type=Map)
        self._update = b""
        # The subscription ends with the object that stands for it.
        self._subscription = self._doc.observe(self._on_transaction)

    def _on_transaction(self, event: TransactionEvent) -> None:
        self._update = event.update

    @property
    def state(self) -> bytes:
        """Everything, as one update."""
        return self._doc.get_update()

    def step_ids(self) -> list[str]:
        """The steps in the order of their ids."""
        return sorted(self._steps.keys())

    def move(self, step_id: str, number: int, y: int = 1) -> bytes:
        """Put a step to x = -`number`, where none was; return the update, which holds its mark."""
        self._steps[step_id]["position"] = {"x": -number, "y": y, "mark": mark(number).decode()}
        return self._update

    def nudge(self, step_id: str, number: int) -> bytes:
        """Move a step a little to and fro from where it stands; return the update."""
        place = self._steps[step_id]["position"]
        by = 20 if number % 4 < 2 else -20
        self._steps[step_id]["position"] = {"x": place["x"] + by, "y": place["y"]}
        return self._update

    def write(self, number: int, size: int) -> bytes:
        """Overwrite one setting with `size` bytes; return the update, which holds its mark."""
        self._doc.get("pipeline", type=Map)["ballast"] = mark(number).decode() + "x" * size
        return self._update

    def rename(self, step_id: str, name: str) -> bytes:
        """Give a step another name; return the update."""
        self._steps[step_id]["name"] = name
        return self._update

    def to_the_front(self, step_id: str) -> bytes:
        """Move a step before all its siblings; return the update."""
        first = min(step["order"] for step in self._steps.values())
        self._steps[step_id]["order"] = key_between(None, first)
        return self._update


def mark(number: int) -> bytes:
    """The bytes by which an edit is found in any frame that carries it, merged or not."""
    return b"edit-%08d" % number
