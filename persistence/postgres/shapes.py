"""Shapes on PostgreSQL: rows as text, as Electric's clients expect them, and what changes them.

The session's settings are those under which Electric reads, so that a value has the same text from
both. Several queries are one statement: one round trip, and one snapshot.
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from persistence.errors import StoreError
from persistence.ports.shapes import (
    Access,
    Announced,
    Position,
    RowQuery,
    RowsChanged,
    RowsRead,
    StoredRow,
    TooMuchRead,
    Values,
)
from persistence.ports.user_rows import Record

from .listener import Listener
from .pool import Pool, statements_of_clients
from .queries import SHAPE_QUERIES

SESSION: Final[Mapping[str, str]] = {
    "bytea_output": "hex",
    "DateStyle": "ISO, DMY",
    "TimeZone": "UTC",
    "extra_float_digits": "1",
    "IntervalStyle": "iso_8601",
    "standard_conforming_strings": "on",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable read",
}
"""The settings of the sessions that read for shapes."""

ANSWER_SECONDS: Final = 2.0
"""How long the answer of a statement may be on its way, or that it took too long."""

AT_ONCE: Final = 25
"""Queries in one statement: the planner's memory grows with them."""

MOST_BYTES: Final = 64 * 1024 * 1024
"""Bytes of rows that are read at once, unless another limit is given."""

SLICE: Final = 500
"""Rows that are taken over before others have their turn."""

MARK: Final = "mark:"
"""How the payload of a mark begins; any other is JSON."""

_XID: Final = 1 << 32
_ID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pool_options(seconds: float) -> dict[str, Any]:
    """Options of `open_pool` for a pool whose statements may take so long."""
    return {
        "session": {**SESSION, "statement_timeout": str(max(1, int(seconds * 1000)))},
        # PostgreSQL ends it by itself, so if it has not answered then, it answers nothing at all.
        "command_timeout": seconds + ANSWER_SECONDS,
        # Nobody sets anything there: conditions have no function that could.
        "reset": False,
    }


class PostgresShapeReader:
    """`ShapeReader` on a pool of its own, opened with `pool_options`.

    It reads `most_bytes` at once at most.
    """

    def __init__(self, pool: Pool, *, most_bytes: int = MOST_BYTES) -> None:
        self._pool, self._most_bytes = pool, most_bytes
        self._queries = pool.with_queries(SHAPE_QUERIES)

    async def access(self, users: Collection[UUID], pipelines: Collection[UUID]) -> Access:
        """See `ShapeReader.access`."""
        rows = await self._queries.fetch("shape_access", [*users], [*pipelines])
        teams: dict[UUID, set[UUID]] = {user: set() for user in users}
        of_pipelines, joined = {}, {}
        for row in rows:
            if row["is_pipeline"]:
                of_pipelines[row["subject"]] = row["team_id"]
            else:
                teams[row["subject"]].add(row["team_id"])
                joined[row["subject"], row["team_id"]] = row["joined_at"]
        return Access({user: frozenset(ids) for user, ids in teams.items()}, of_pipelines, joined)

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        """See `ShapeReader.read`."""
        found: list[list[StoredRow]] = [[] for _ in queries]
        with statements_of_clients():
            rows = await self._rows([*_statements(queries, self._most_bytes)])
        # The one query that makes a row of a negative number is that of the position.
        position = None
        for place, (number, xid, values) in enumerate(_fields(rows), 1):
            if values is None:
                raise TooMuchRead(self._most_bytes)
            if number < 0:
                position = _position(values)
            else:
                found[number].append(StoredRow(int(xid), values))
            if place % SLICE == 0:
                await asyncio.sleep(0)
        if position is None:
            raise StoreError("expected a row with the position, got none")
        return RowsRead(position, found)

    async def _rows(self, statements: Sequence[str]) -> Sequence[Record]:
        if len(statements) == 1:
            # By itself it has one snapshot, and two round trips less, a third of what a read costs.
            return await self._pool.fetch_statement(statements[0])
        rows: list[Record] = []
        async with self._pool.transaction() as transaction:
            for statement in statements:
                rows += await transaction.fetch_statement(statement)
        return rows

    async def mark(self, text: str) -> None:
        """See `ShapeReader.mark`."""
        await self._queries.execute("mark_shapes", f"{MARK}{text}")


class PostgresShapeChanges:
    """`ShapeChanges` over a listener on the channel SHAPES."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
        *,
        is_needed: Callable[[], bool] = lambda: True,
    ) -> Announced | None:
        """See `ShapeChanges.wait`."""
        payloads = await self._listener.wait(timeout)
        if payloads is None:
            return None
        marks = frozenset(one.removeprefix(MARK) for one in payloads if one.startswith(MARK))
        if not is_needed():
            return Announced(marks=marks)
        try:
            changes = [_changed(one) for one in payloads if not one.startswith(MARK)]
        except (ValueError, TypeError, KeyError, AttributeError):
            # Anybody with access to the database may notify, and a later program may write another
            # format. What it says cannot be known, so it counts as lost.
            return None
        return Announced(changes, marks)


def _statements(queries: Sequence[RowQuery], most_bytes: int) -> Iterator[str]:
    """SQL for all the queries, AT_ONCE in each statement, the position first."""
    texts = [SHAPE_QUERIES["shape_position"], *map(_statement, range(len(queries)), queries)]
    for at in range(0, len(texts), AT_ONCE):
        joined = "\nUNION ALL\n".join(texts[at : at + AT_ONCE])
        yield _filled("shape_read", {"<bytes>": str(most_bytes), "<queries>": joined})


def _statement(number: int, query: RowQuery) -> str:
    """The text of one query. What is filled in has been made from allow-lists."""
    columns = [f'"{column}"::text' for column in query.columns]
    words = {
        "<number>": str(number),
        "<columns>": ", ".join(columns + [f"({test})::text" for test in query.tests]),
        "<table>": f'"{query.table}"',
        "<conditions>": " AND ".join(f"({one})" for one in query.conditions) or "true",
        "<order>": f"ORDER BY {query.order}" if query.order else "",
        "<limit>": "ALL" if query.limit is None else str(query.limit),
        "<offset>": str(query.offset),
    }
    return _filled("shape_rows", words)


def _filled(name: str, words: Mapping[str, str]) -> str:
    # One after the other, in the order of the template: a condition may have such a word in it.
    made, rest = "", SHAPE_QUERIES[name]
    for word, text in words.items():
        before, _, rest = rest.partition(word)
        made += before + text
    return made + rest


def _fields(rows: Sequence[Record]) -> Iterator[tuple[int, str, Values | None]]:
    for row in rows:
        number, xid, values = row
        yield int(number), str(xid), None if values is None else tuple(values)


def _position(values: Values) -> Position:
    snapshot, lsn = values
    xmin, xmax, running = str(snapshot).split(":")
    numbers = [int(one) % _XID for one in (xmin, xmax, *filter(None, running.split(",")))]
    return Position(numbers[0], numbers[1], tuple(numbers[2:]), int(str(lsn).partition(".")[0]))


def _changed(payload: str) -> RowsChanged:
    said: dict[str, Any] = json.loads(payload)
    ids, owners, moved, members = (_ids(said.get(key)) for key in "iomu")
    return RowsChanged(str(said["t"]), int(said["x"]), ids, owners, moved, members)


def _ids(listed: Collection[str] | None) -> frozenset[str] | None:
    if listed is None:
        return None
    # They become part of a statement, and anybody with access to the database may notify.
    if not all(map(_ID.fullmatch, listed)):
        raise ValueError("expected ids as PostgreSQL writes them")
    return frozenset(listed)
