"""Rows that people edit in place: read, compared with If-Match and written under one lock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from persistence.ports.user_rows import Record, UserRows

from . import etags
from .problems import NotFound

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LockedRow(Generic[T]):
    """A kind of row: how to show it, the queries that lock and write it, and what is editable.

    `lock` takes the key; `write` takes the key and then the values of `columns`, and returns the
    row.
    """

    show: Callable[[Record], T]
    lock: str
    write: str
    columns: tuple[str, ...]

    def tag(self, row: Record) -> str:
        """The ETag of a row: of what can be edited in it."""
        return etags.etag_of({column: row[column] for column in self.columns})

    async def change(
        self,
        rows: UserRows,
        key: tuple[object, ...],
        changes: Mapping[str, Any],
        if_match: str | None,
    ) -> Record:
        """Write the changes, if they change anything; return the row. Raises Stale, NotFound."""
        current = await rows.fetchrow(self.lock, *key)
        if current is None:
            raise NotFound("it has been deleted")
        etags.require_match(if_match, self.show(current), self.tag(current))
        wanted = {**current, **changes}
        if all(wanted[column] == current[column] for column in self.columns):
            rows.note_unchanged()
            return current
        row = await rows.fetchrow(self.write, *key, *(wanted[column] for column in self.columns))
        if row is None:
            raise NotFound("it has been deleted")
        return row
