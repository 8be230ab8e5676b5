"""Pipelines of any size, all alike, and edits in them.

About 700 bytes a step in the document: a prompt, a few options, a connection to the step before.
All steps are siblings, which is the hardest case for names and order.
"""

import random
from itertools import pairwise
from typing import Any
from uuid import UUID

from pycrdt import Doc, Map, TransactionEvent

from crdt.pipeline.fractional_index import fresh_keys, key_between
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Point, Step

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

    def move(self, step_id: str, number: int) -> bytes:
        """Put a step to x = -`number`, where none was; return the update, which holds its mark."""
        self._steps[step_id]["position"] = {"x": -number, "y": 1, "mark": mark(number).decode()}
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
