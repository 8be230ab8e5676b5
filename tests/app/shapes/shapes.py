"""Shapes without a database: definitions, rows as they are read, and what messages say."""

import json
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from app.shapes.changes import Region, joined, parts_of
from app.shapes.parameters import Definition, Log, Replica
from app.shapes.scopes import Scope
from app.shapes.shape_log import LogLimits, ShapeLog
from app.shapes.tables import TABLES
from persistence.ports.shapes import Position, StoredRow


def an_id(number: int) -> str:
    return str(UUID(int=number))


ONE, TWO = an_id(1), an_id(2)
UNLIMITED = LogLimits()


def a_definition(
    table: str, columns: str, replica: Replica = "default", log: Log = "full"
) -> Definition:
    return Definition(TABLES[table], tuple(columns.split()), replica=replica, log=log)


def a_position(lsn: int, xmin: int = 100) -> Position:
    return Position(xmin, xmin + 1, (), lsn)


def a_row(xid: int, *values: str | None) -> StoredRow:
    return StoredRow(xid, values)


def run(steps: Iterator[None]) -> int:
    """Run what pauses to its end; return how often it has paused."""
    return sum(1 for _ in steps)


def a_log(
    definition: Definition, rows: Sequence[StoredRow] = (), limits: LogLimits = UNLIMITED
) -> ShapeLog:
    """The log of a shape that was read at 1,000."""
    log = ShapeLog(definition, limits)
    run(log.begin(rows, a_position(1000)))
    return log


def said(messages: Sequence[bytes] | None) -> list[dict[str, Any]]:
    assert messages is not None
    return [json.loads(message) for message in messages]


def narrowed(region: Region, definition: Definition, scope: Scope) -> Region | None:
    """What of a region a shape can have; None if it has none of it, before or after."""
    parts = (part.of(region) for part in parts_of(definition, scope))
    found = [part for part in parts if part is not None]
    return joined(found) if found else None
