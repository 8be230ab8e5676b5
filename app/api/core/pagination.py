"""Keyset pagination: rows inserted between two pages neither repeat nor hide other rows.

A cursor holds the sort key of the last item of a page. It is opaque to clients and checked when it
comes back, but it is no secret: it gives access to nothing that its list does not show anyway.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field

from .json_body import storable
from .problems import BadCursor

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200

T = TypeVar("T")

Limit: TypeAlias = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items per page.")]
Cursor: TypeAlias = Annotated[
    str | None, Query(max_length=1000, description="The `next_cursor` of the page before.")
]


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    items: Sequence[T]
    next_cursor: str | None = Field(
        description="Pass it as `cursor` for the next page; null on the last."
    )


@dataclass(frozen=True, slots=True)
class Keyset:
    """What a list is sorted by: column names and how their values are read back."""

    name: str
    columns: Mapping[str, Callable[[str], Any]]

    def after(self, cursor: str | None) -> list[Any]:
        """The values to go on after, None for each on the first page. Raises BadCursor."""
        if cursor is None:
            return [None] * len(self.columns)
        try:
            name, *values = json.loads(urlsafe_b64decode(cursor.encode("ascii")))
            if name != self.name or not all(isinstance(value, str) for value in values):
                raise BadCursor
            pairs = zip(self.columns.values(), values, strict=True)
            return [read(value) for read, value in pairs]
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            raise BadCursor from error

    def page(
        self, rows: Sequence[Mapping[str, Any]], limit: int, make: Callable[[Mapping[str, Any]], T]
    ) -> Page[T]:
        """Make a page of the first `limit` rows; one row more means another page."""
        shown = rows[:limit]
        more = len(rows) > limit
        cursor = self.cursor(shown[-1]) if more else None
        return Page(items=[make(row) for row in shown], next_cursor=cursor)

    def cursor(self, row: Mapping[str, Any]) -> str:
        """The cursor that goes on after a row."""
        values = [_text(row[column]) for column in self.columns]
        return urlsafe_b64encode(json.dumps([self.name, *values]).encode()).decode()


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def timestamp(text: str) -> datetime:
    """Read a point in time of a cursor. Raises ValueError for one without a time zone.

    Raises OverflowError for one that is in no year from 1 to 9999 in UTC.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError("expected a time zone")
    return time.astimezone(UTC)


def text_value(text: str) -> str:
    """Read a text of a cursor. Raises ValueError for one that no row can hold."""
    if not storable(text):
        raise ValueError("expected a text without NUL characters and half surrogate pairs")
    return text


def small_integer(text: str) -> int:
    """Read an integer of a cursor that fits a bigint. Raises ValueError."""
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError("expected at most 63 bits")
    return number


NEWEST_FIRST: Final[Mapping[str, Callable[[str], Any]]] = {"created_at": timestamp, "id": UUID}
