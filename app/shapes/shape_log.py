"""What a shape has and what became of it: rows by key, and the latest changes as messages.

Pure: rows that were read go in, operations come out, offsets are counted. An offset is `L_0`,
where `L` is where the write-ahead log ended when the rows were read, or two more than the last one.
The last message of a batch is at `L_0` and those before it at `L-1`, so that the offset in the
header of an answer and the one that clients of server-sent events make of `up-to-date` are the
same.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from persistence.ports.shapes import Position, StoredRow, Values

from .changes import Places, Region, id_column, owner_column
from .messages import Operation, RowMessages, snapshot_end
from .parameters import Definition, Offset

Key: TypeAlias = str | tuple[str | None, ...] | None

SLICE: Final = 50
"""Rows that are compared, and messages that are made, before others have their turn."""

_VALUE: Final = 60
"""Bytes that a value takes beside its text."""


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How many operations a log keeps, and how many bytes of them."""

    operations: int = 10_000
    bytes: int = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one refresh; whoever has them is at `end`."""

    end: Offset
    messages: Sequence[bytes]
    size: int


@dataclass(slots=True)
class _Difference:
    """What a refresh has found so far: what becomes of each key, and its operations."""

    rows: dict[Key, Values | None] = field(default_factory=dict)
    operations: list[tuple[Operation, Values, Values | None, int]] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    touches_held: bool = False
    bytes: int = 0


class ShapeLog:
    """The rows of one shape, and its latest changes. `offset` is where whoever has all of it is."""

    def __init__(self, definition: Definition, limits: LogLimits) -> None:
        table = definition.table
        self.messages = RowMessages(definition)
        self._limits = limits
        self._width = len(definition.columns)
        owner = owner_column(table)
        hidden = () if owner is None or owner in definition.columns else (owner,)
        self.read_columns = (*definition.columns, *hidden)
        """What is to be read: the columns of the shape, and the owner of each row."""
        self._places = Places(
            self.read_columns.index(id_column(table)),
            None if owner is None else self.read_columns.index(owner),
        )
        self._key = tuple(definition.columns.index(column) for column in table.key)
        self.rows: dict[Key, Values] = {}
        self.offset = Offset(0, 0)
        self.position = Position(0, 0, (), 0)
        self.bytes = 0
        self._batches: deque[Batch] = deque()
        self._operations = self._log_bytes = 0
        self._floor = Offset(0, 0)

    @property
    def row_bytes(self) -> int:
        """About what the rows take, without the changes that are kept."""
        return self.bytes - self._log_bytes

    @property
    def operations(self) -> int:
        """How many operations are kept."""
        return self._operations

    @property
    def log_bytes(self) -> int:
        """How many bytes the kept operations take."""
        return self._log_bytes

    def forget_changes(self) -> int:
        """Keep no operations: who has not had all of them begins anew. Returns the bytes freed."""
        freed, self._log_bytes = self._log_bytes, 0
        self.bytes -= freed
        self._batches.clear()
        self._operations, self._floor = 0, self.offset
        return freed

    def begin(self, rows: Sequence[StoredRow], position: Position) -> Iterator[None]:
        """Take the first rows; pauses every SLICE rows."""
        for place, row in enumerate(rows, 1):
            self.rows[self._key_of(row.values)] = row.values
            self.bytes += _size(row.values)
            if place % SLICE == 0:
                yield
        self.offset = self._floor = Offset(max(2, position.lsn), 0)
        self.position = position

    def refresh(
        self, region: Region, rows: Sequence[StoredRow], position: Position, *, is_certain: bool
    ) -> Iterator[None]:
        """Take all rows of a region as they are now; it takes effect after the last pause.

        `is_certain` says that the transactions of the region concern this shape, even if they left
        nothing behind: clients that wait for these have to receive something.
        """
        found = _Difference()
        yield from self._compare(rows, found)
        yield from self._find_gone(region, found)
        tx = max(self.offset.tx + 2, position.lsn)
        has_end = region.is_all or (not found.operations and (is_certain or found.touches_held))
        yield from self._encode(found, tx, region, has_end=has_end)
        self.position = position
        self._take(found)
        if has_end:
            found.messages.append(snapshot_end(position))
        if found.messages:
            self._append(Batch(Offset(tx, 0), found.messages, sum(map(len, found.messages))))

    def since(self, offset: Offset) -> list[bytes] | None:
        """The messages after an offset; None if not all of them are kept."""
        if offset < self._floor:
            return None
        found: list[Sequence[bytes]] = []
        for batch in reversed(self._batches):
            if batch.end <= offset:
                break
            found.append(batch.messages)
        return [message for messages in reversed(found) for message in messages]

    def _compare(self, rows: Sequence[StoredRow], found: _Difference) -> Iterator[None]:
        for place, row in enumerate(rows, 1):
            key, values = self._key_of(row.values), row.values
            former = self.rows.get(key)
            found.bytes += _size(values)
            if former is None:
                found.operations.append(("insert", values, None, row.xid))
            else:
                found.touches_held = True
                found.bytes -= _size(former)
                if former[: self._width] != values[: self._width]:
                    found.operations.append(("update", values, former, row.xid))
            found.rows[key] = values
            if place % SLICE == 0:
                yield

    def _find_gone(self, region: Region, found: _Difference) -> Iterator[None]:
        for place, key in enumerate(self._held_in(region), 1):
            former = self.rows.get(key)
            if former is not None and key not in found.rows and self._places.within(region, former):
                found.rows[key] = None
                found.touches_held = True
                found.bytes -= _size(former)
                found.operations.append(("delete", former, None, 0))
            if place % SLICE == 0:
                yield

    def _held_in(self, region: Region) -> Sequence[Key]:
        """Keys that may be in a region, among them all that are."""
        if not region.is_all and not region.wholes:
            if len(self._key) == 1:
                return [*region.ids]
            owners = region.owners
            if owners is not None and len(owners) * len(region.ids) <= len(self.rows):
                # The key of what has an owner and is named within it is the owner and the name.
                return [(owner, id_) for owner in owners for id_ in region.ids]
        return [*self.rows]

    def _encode(
        self, found: _Difference, tx: int, region: Region, *, has_end: bool
    ) -> Iterator[None]:
        last = len(found.operations) - 1
        for place, (operation, values, former, xid) in enumerate(found.operations):
            is_last = place == last
            ends = is_last and not has_end
            # What was done to a row that was changed again meanwhile is named with the last one.
            xids = region.xids if operation == "delete" or is_last else frozenset()
            headers: dict[str, object] = {
                "txids": sorted(xids | ({xid} if xid else set())),
                "lsn": str(tx if ends else tx - 1),
                "op_position": 0 if ends else place,
            }
            if is_last:
                headers["last"] = True
            found.messages.append(self.messages.operation(operation, values, former, headers))
            if place % SLICE == SLICE - 1:
                yield

    def _take(self, found: _Difference) -> None:
        self.bytes += found.bytes
        for key, values in found.rows.items():
            if values is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = values

    def _append(self, batch: Batch) -> None:
        self._batches.append(batch)
        self.offset = batch.end
        self._operations += len(batch.messages)
        self._log_bytes += batch.size
        self.bytes += batch.size
        while self._operations > self._limits.operations or self._log_bytes > self._limits.bytes:
            dropped = self._batches.popleft()
            self._floor = dropped.end
            self._operations -= len(dropped.messages)
            self._log_bytes -= dropped.size
            self.bytes -= dropped.size

    def _key_of(self, values: Values) -> Key:
        if len(self._key) == 1:
            return values[self._key[0]]
        return tuple(values[place] for place in self._key)


def _size(values: Values) -> int:
    return _VALUE * len(values) + sum(map(len, filter(None, values)))
