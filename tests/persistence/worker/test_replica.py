"""Rows that follow a document update by update are those of its content, whichever way is taken."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pycrdt import Array, Map, Text

from crdt.document.document import Document
from crdt.document.schema import seed, shared_step
from crdt.pipeline.model import Pipeline, PipelineSettings, Point, Step
from crdt.pipeline.rows import RowChanges, Rows
from persistence.memory.constraints import changed
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replica import Replica
from tests.crdt.entries import A, B, C, D
from tests.rounds import some

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
KEYS = (A, B, C, D)

POSITIONS: tuple[Any, ...] = (
    *({"x": 10, "y": 20.5}, {"x": -1e9 + 1, "y": 1e9}, {"x": 0, "y": -0.0}, {"x": 1, "y": 2}),
    *({"x": 3, "y": 4, "by": "hand"}, {"x": 5, "y": 6, "by": [{"deep": 1}, None, True, b"x"]}),
    *({"x": 7, "y": 8, "by": "\0"}, {"x": 7, "y": 8, "by": float("inf")}, {"x": 9}, {}),
    *({"x": True, "y": 1}, {"x": "1", "y": 1}, {"x": None, "y": 1}, {"x": 1, "y": 2e9}),
    *({"x": float("nan"), "y": 1}, {"x": float("inf"), "y": 1}, {"x": 2**60, "y": 1}),
    *(None, True, 5, "far away", b"\x00", [1, 2], float("nan")),
)


def _position(chance: random.Random) -> Any:
    # Most are as they should be: beside a fault that stays, nothing takes the short way.
    if chance.random() < 0.7:
        return {"x": chance.choice([1, 2.5, -0.0, 1e9]), "y": chance.randrange(4)}
    drawn = chance.choice(POSITIONS)
    makes: tuple[Any, ...] = (lambda: Map({"x": 1, "y": 2}), lambda: Array([1]), lambda: Text("x"))
    return chance.choice(makes)() if chance.random() < 0.1 else drawn


def _edit(steps: "Map[Any]", chance: random.Random) -> None:
    key = chance.choice(KEYS)
    step = steps.get(key)
    kind = chance.random()
    if not isinstance(step, Map) or kind < 0.05:
        plain = {"name": "plain", "type": "claude", "position": {"x": 1, "y": 1}}
        steps[key] = shared_step(Step(key, key, "claude")) if kind < 0.04 else plain
    elif kind < 0.08:
        del steps[key]
    elif kind < 0.12 and "position" in step:
        del step["position"]
    elif kind < 0.75:
        step["position"] = _position(chance)
    elif kind < 0.85:
        step["name"] = chance.choice(["a", "b", "", None])
    elif kind < 0.92:
        step["order"] = chance.choice(["a0", "a1", "a2", 7])
    else:
        step["size"] = chance.choice([{"width": 5, "height": 6}, {"width": 0, "height": 1}, None])


def _replica(document: Document, seq: int) -> Replica:
    return Replica(StoredDocument(document.encode(), seq, ()))


def _spelled(rows: Rows) -> str:
    tables = (rows.steps, rows.connections, rows.diagnostics)
    return repr([sorted(map(repr, table.items())) for table in tables])


@pytest.mark.parametrize("seed_", some(range(200), few=3))
def test_moves_of_every_kind_lead_to_the_rows_of_the_content(seed_: int) -> None:
    print(f"seed {seed_}")
    chance = random.Random(seed_)
    document, seq, is_short = Document(), 1, False
    steps = {key: Step(key, key, "claude", position=Point(1, 1)) for key in KEYS}
    seed(document, Pipeline(PipelineSettings("moves"), steps, {}))
    replica = _replica(document, seq)
    held = changed(Rows(), replica.changes_from(Rows()))
    for _ in range(25):
        updates = []
        for _ in range(chance.randint(1, 4)):
            with document.transact() as own:
                _edit(document.doc.get("steps", type=Map), chance)
            seq += len(own)
            updates += [LoggedUpdate(seq, None, each, NOON) for each in own]
        changes = replica.advance(updates) if updates else RowChanges()
        held, is_short = changed(held, changes), is_short or bool(changes.moved_steps)
        wanted = changed(Rows(), _replica(document, seq).changes_from(Rows()))
        assert _spelled(held) == _spelled(wanted)
        assert replica.changes_from(held) == RowChanges(
            steps=[],
            removed_steps=[],
            connections=[],
            removed_connections=[],
            diagnostics=[],
            removed_diagnostics=[],
        )
    assert is_short
