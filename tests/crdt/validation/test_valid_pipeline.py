"""Whatever a document holds, the tables can hold its rows; and they follow from it alone."""

import json
import random
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any
from uuid import UUID

import pytest

from crdt.pipeline.model import MISSING, Json
from crdt.pipeline.rows import (
    STEP_TYPES,
    UNSUPPORTED,
    PipelineRow,
    RowChanges,
    Rows,
    StepRow,
)
from crdt.validation.valid_pipeline import Entries, ValidPipeline
from tests.crdt.entries import (
    key,
    step,
    wire,
    work,
)
from tests.crdt.vandal import Vandal
from tests.rounds import some

SEEDS = some(range(60), few=6)


class Tables:
    """What a database does with row changes."""

    def __init__(self) -> None:
        self.pipeline: PipelineRow | None = None
        self.steps: dict[UUID, Any] = {}
        self.connections: dict[UUID, Any] = {}
        self.diagnostics: dict[tuple[str, str], Any] = {}

    def apply(self, changes: RowChanges) -> None:
        self.pipeline = changes.pipeline or self.pipeline
        _write(self.steps, {r.id: r for r in changes.steps}, changes.removed_steps)
        wires = {r.id: r for r in changes.connections}
        _write(self.connections, wires, changes.removed_connections)
        found = {(d.code, d.subject): d for d in changes.diagnostics}
        _write(self.diagnostics, found, changes.removed_diagnostics)


def _write(table: dict[Any, Any], written: dict[Any, Any], removed: Iterable[Any]) -> None:
    for gone in removed:
        del table[gone]
    table.update(written)


def exact(result: Rows | Tables) -> str:
    """Spell rows out, so that True and 1 differ and messages count."""
    tables = (result.steps, result.connections, result.diagnostics)
    plain = [
        sorted(
            (str(k), json.dumps(asdict(row), default=str, sort_keys=True)) for k, row in t.items()
        )
        for t in tables
    ]
    header = json.dumps(asdict(result.pipeline), sort_keys=True) if result.pipeline else None
    return repr((header, plain))


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_follow_from_the_content_whatever_its_history(seed: int) -> None:
    print(f"seed {seed}")
    vandal = Vandal(seed)
    valid, tables = ValidPipeline(), Tables()
    content: dict[str, dict[str, Any]] = {"steps": {}, "connections": {}}
    settings: Json = {}
    tables.apply(valid.update(settings=settings))
    for _ in range(40):
        steps = vandal.entries(vandal.step_keys, vandal.any_step)
        connections = vandal.entries(vandal.wire_keys, vandal.any_wire)
        settings = vandal.any_settings()
        tables.apply(valid.update(settings=settings, steps=steps, connections=connections))
        _store(content["steps"], steps)
        _store(content["connections"], connections)
        fresh = ValidPipeline()
        fresh.update(settings=settings, **_shuffled(content, vandal.random))
        assert exact(valid.rows()) == exact(fresh.rows()) == exact(tables)
        assert_constraints(valid.rows())


def _store(held: dict[str, Any], entries: Entries) -> None:
    for each, raw in entries.items():
        held.pop(each, None)
        if raw is not MISSING:
            held[each] = raw


def _shuffled(content: dict[str, dict[str, Any]], chance: random.Random) -> dict[str, Any]:
    return {
        root: dict(chance.sample(list(entries.items()), len(entries)))
        for root, entries in content.items()
    }


def assert_constraints(result: Rows) -> None:
    """Check what sql/schema.sql demands of the tables."""
    steps = result.steps.values()
    scopes: dict[Any, list[StepRow]] = {}
    for row in steps:
        scopes.setdefault((row.parent_step_id, row.slot), []).append(row)
        assert row.type in STEP_TYPES or (row.type == UNSUPPORTED)
        assert row.width > 0 < row.height
        assert row.parent_step_id is not None or row.slot == "steps"
        assert_below_top(row, result)
    for siblings in scopes.values():
        assert len({row.name for row in siblings}) == len(siblings)
        assert sorted(row.order_index for row in siblings) == list(range(len(siblings)))
    routes = [
        (row.from_step_id, row.to_step_id, row.from_output, row.to_input)
        for row in result.connections.values()
    ]
    assert len(set(routes)) == len(routes)
    assert all(end in result.steps for route in routes for end in route[:2])
    text = json.dumps([asdict(row) for row in steps], default=str, allow_nan=False)
    assert "\\u0000" not in text


def assert_below_top(row: StepRow, result: Rows) -> None:
    for _ in result.steps:
        if row.parent_step_id is None:
            return
        row = result.steps[row.parent_step_id]
    pytest.fail(f"step {row.id} lies inside itself")


def many(count: int) -> ValidPipeline:
    """Return a pipeline of `count` steps, each connected to the next, and one loop among them."""
    valid = ValidPipeline()
    valid.update(
        settings={"name": "P"},
        steps={key(n): step(f"step {n}", order=f"a{n:06}") for n in range(count)},
        connections={key(10**6 + n): wire(key(n), key(n + 1)) for n in range(count - 1)},
    )
    return valid


@pytest.mark.parametrize(
    "edit",
    [
        {"position": {"x": 5, "y": 5}},
        {"config": {"prompt": "new"}},
        {"enabled": False},
        {"name": "renamed"},
        {"type": "gemini"},
        {"order": "a0000035"},
        {"parent_step_id": key(2)},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_an_edit_costs_the_same_in_a_pipeline_of_any_size(edit: dict[str, Json]) -> None:
    def cost(size: int) -> int:
        valid, edited = many(size), step("step 3", order="a000003")
        # Reparenting the last step shifts nobody behind it.
        target = key(size - 1) if "parent_step_id" in edit else key(3)
        if "parent_step_id" in edit:
            edited = step(f"step {size - 1}", order=f"a{size - 1:06}")
        return work(lambda: valid.update(steps={target: {**edited, **edit}}))

    assert cost(1000) < 1.05 * cost(20)


def test_connecting_and_deleting_cost_the_same_in_a_pipeline_of_any_size() -> None:
    def cost(size: int) -> int:
        valid = many(size)
        return work(
            lambda: valid.update(
                connections={key(10**7): wire(key(1), key(4)), key(10**6): MISSING}
            )
        ) + work(lambda: valid.update(steps={key(size - 1): MISSING}))

    assert cost(1000) < 1.05 * cost(20)
