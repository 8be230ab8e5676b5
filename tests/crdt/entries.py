"""Entries of documents, what becomes of them, and what that costs."""

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from uuid import UUID

from crdt.pipeline.model import Json
from crdt.pipeline.rows import (
    Rows,
    StepRow,
)
from crdt.validation.valid_pipeline import Entries, ValidPipeline


def key(number: int) -> str:
    return str(UUID(int=number))


A, B, C, D = (key(number) for number in range(0xA, 0xE))


def step(name: Json = "n", **fields: Json) -> dict[str, Json]:
    return {"name": name, "type": "claude", "order": "a0", **fields}


def wire(start: Json, end: Json, **ports: Json) -> dict[str, Json]:
    return {"ends": {"from_step_id": start, "to_step_id": end, **ports}}


def rows(
    steps: Entries | None = None, connections: Entries | None = None, settings: Json = None
) -> Rows:
    valid = ValidPipeline()
    valid.update(
        settings=settings or {"name": "P"}, steps=steps or {}, connections=connections or {}
    )
    return valid.rows()


def only_step(raw: Json) -> StepRow:
    return rows({A: raw}).steps[UUID(A)]


def names(result: Rows) -> dict[str, str]:
    return {str(row.id): row.name for row in result.steps.values()}


def line(result: Rows) -> list[str]:
    return [str(r.id) for r in sorted(result.steps.values(), key=lambda r: r.order_index)]


def parents(result: Rows) -> dict[str, str | None]:
    return {
        str(row.id): str(row.parent_step_id) if row.parent_step_id else None
        for row in result.steps.values()
    }


def findings(result: Rows) -> set[tuple[str, str]]:
    return set(result.diagnostics)


def work(task: Callable[[], object]) -> int:
    """Count the bytecode instructions a task executes: a clock that is always right."""
    executed = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal executed
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        executed += event == "opcode"
        return trace

    former = sys.gettrace()
    # A collection in the middle would run the finalizers of what earlier tests left behind.
    gc.disable()
    sys.settrace(trace)
    try:
        task()
    finally:
        sys.settrace(former)
        gc.enable()
    return executed
