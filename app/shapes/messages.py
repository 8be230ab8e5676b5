"""The messages of a shape as JSON, and the headers of answers, by Electric's HTTP protocol.

Every message is encoded once, when it is made, however many clients it is sent to.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final, Literal, TypeAlias

from persistence.ports.shapes import Position, Values

from .parameters import Definition, Offset

Operation: TypeAlias = Literal["insert", "update", "delete"]

EPOCH: Final = 1_728_432_000
"""When the cursor of Electric was 0: 2024-10-09, in seconds since 1970."""

ROUNDED: Final = 20
"""Seconds to which a cursor is rounded up."""

HEADERS: Final = (
    "electric-handle",
    "electric-offset",
    "electric-schema",
    "electric-cursor",
    "electric-up-to-date",
    "electric-has-data",
    "electric-snapshot",
    "electric-internal-known-error",
    "etag",
    "retry-after",
)
"""What scripts of other origins have to be able to read, or the clients fail."""

PRIVATE: Final[Mapping[str, str]] = {
    "cache-control": "private, no-store",
    "vary": "Authorization, Cookie",
}
"""Of each answer: it is for one user, and what that user may see can change within a moment."""

SUBSET_END: Final = b"]}"

MUST_REFETCH: Final = b'[{"headers":{"control":"must-refetch"}}]'


# `json.dumps` makes an encoder for each call, which takes as long as a message.
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encoded(value: Any) -> bytes:
    """JSON without spaces, in UTF-8."""
    return _encode(value).encode()


def row_key(table: str, key: Iterable[str | None]) -> str:
    """The key of a row: `"public"."steps"/"…"/"…"`, with slashes doubled and `_` for NULL."""
    parts = ("_" if part is None else f'"{part.replace("/", "//")}"' for part in key)
    return f'"public"."{table}"/' + "/".join(parts)


class RowMessages:
    """Encodes the rows of one shape.

    A row is filled into a text that is made once: that takes a quarter of what a dictionary takes.
    """

    def __init__(self, definition: Definition) -> None:
        table = definition.table
        self._name = table.name
        self._columns = definition.columns
        self._key = [definition.columns.index(column) for column in table.key]
        self._is_full = definition.replica == "full"
        self._members = [f"{_encode(name)}:%s" for name in definition.columns]
        row = ",".join(self._members)
        headers = _encode({"operation": "insert", "relation": ["public", table.name]})
        self._snapshot = f'{{"key":%s,"value":{{{row}}},"headers":{headers}}}'

    def snapshot_row(self, values: Values) -> bytes:
        """A row of the first answer, which no transaction is named for."""
        # What follows the columns is read for the server itself.
        texts = [_text(value) for value in values[: len(self._columns)]]
        return (self._snapshot % (self._key_text(values), *texts)).encode()

    def operation(
        self,
        operation: Operation,
        values: Values,
        former: Values | None,
        headers: Mapping[str, object],
    ) -> bytes:
        """A row that came, changed (`former` as it was) or went, as clients apply it."""
        said = {"operation": operation, "relation": ["public", self._name], **headers}
        changed = self._changed(values, former)
        named: Iterable[int] = range(len(self._columns))
        if operation != "insert" and not self._is_full:
            named = dict.fromkeys((*self._key, *changed))
        old = ""
        if operation == "update" and self._is_full:
            old = f',"old_value":{self._object(values if former is None else former, changed)}'
        value, key = self._object(values, named), self._key_text(values)
        return f'{{"key":{key},"value":{value},"headers":{_encode(said)}{old}}}'.encode()

    def _changed(self, values: Values, former: Values | None) -> list[int]:
        """The places of the columns that have another value than before."""
        if former is None:
            return []
        return [place for place in range(len(self._columns)) if values[place] != former[place]]

    def _object(self, values: Values, places: Iterable[int]) -> str:
        members = [self._members[place] % _text(values[place]) for place in places]
        return "{" + ",".join(members) + "}"

    def _key_text(self, values: Values) -> str:
        return encode_basestring(row_key(self._name, [values[place] for place in self._key]))


def _text(value: str | None) -> str:
    return "null" if value is None else encode_basestring(value)


def snapshot_end(position: Position) -> bytes:
    """What the rows before it show: those of which transactions. Clients wait for these."""
    return encoded({"headers": {"control": "snapshot-end", **_snapshot(position)}})


@lru_cache(maxsize=100)
def up_to_date(tx: int) -> bytes:
    """The end of what there is. The clients read the position as an integer, in decimal."""
    return encoded({"headers": {"control": "up-to-date", "global_last_seen_lsn": str(tx)}})


def subset_start(position: Position, mark: int) -> bytes:
    """How the answer to a question for a subset begins: an object, not a list of messages.

    Its rows follow, with commas between them, and SUBSET_END.
    """
    metadata = {
        **_snapshot(position),
        "snapshot_mark": mark,
        "database_lsn": str(position.lsn),
    }
    return b'{"metadata":' + encoded(metadata) + b',"data":['


def _snapshot(position: Position) -> dict[str, object]:
    return {
        "xmin": str(position.xmin),
        "xmax": str(position.xmax),
        "xip_list": [str(xid) for xid in position.running],
    }


def schema(definition: Definition) -> str:
    """The header `electric-schema`: the types of the columns, an array's by its elements."""
    described: dict[str, dict[str, object]] = {}
    for name in definition.columns:
        column = definition.table.column(name)
        if column is None:
            continue
        of = described[name] = {"type": column.type}
        if column.dims:
            of["dims"] = column.dims
        if column.not_null:
            of["not_null"] = True
        if column.pk_index is not None:
            of["pk_index"] = column.pk_index
    return json.dumps(described, separators=(",", ":"))


def cursor(now: float, given: int | None, jump: int) -> str:
    """The cursor of a live answer at `now`, seconds since 1970.

    It is one that the client has not, or a cache on the way would give it the same answer again:
    then it is greater by `jump`, of 1 to 3,600.
    """
    seconds = int(now) - EPOCH
    rounded = seconds + (-seconds) % ROUNDED
    return str(rounded + jump if given == rounded else rounded)


def headers(handle: str, offset: Offset | str) -> dict[str, str]:
    """What every answer with rows has."""
    return {
        "content-type": "application/json",
        **PRIVATE,
        "electric-handle": handle,
        "electric-offset": str(offset),
    }
