"""The columns of the projected tables, for the queries that read or write all of them.

The fields of a row class are its columns, by name. A query of `sql/` asks for them by phrases in
braces, so that a new column is named in no query:

    {columns of steps}              id, name, type, …
    {content of steps}              the same without the key, which an upsert leaves alone
    {content of steps in excluded}  excluded.name, excluded.type, …
    {parameters of steps from 2}    $2, $3, …: one for each of the columns, in their order
    {arrays of steps from 2}        $2::uuid[], $3::text[], …: the same for the values of many rows
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from types import UnionType
from typing import Any, Final, TypeAlias, get_args
from uuid import UUID

from crdt.pipeline.rows import ConnectionRow, Diagnostic, PipelineRow, StepPosition, StepRow

Row: TypeAlias = PipelineRow | StepRow | StepPosition | ConnectionRow | Diagnostic
RowType: TypeAlias = type[Row]

TABLES: Final[Mapping[str, RowType]] = {
    "pipelines": PipelineRow,
    "steps": StepRow,
    "connections": ConnectionRow,
}

JSON: Final = "jsonb"

_TYPES: Final[Mapping[object, str]] = {
    UUID: "uuid",
    str: "text",
    bool: "boolean",
    int: "integer",
    float: "double precision",
}
"""The types of columns by those of fields; all others are JSON."""

_PHRASE: Final = re.compile(
    r"\{(?P<what>columns|content|parameters|arrays) of (?P<table>\w+)"
    r"(?: in (?P<alias>\w+)| from (?P<first>\d+))?\}"
)


def column_names(row: RowType) -> tuple[str, ...]:
    """Return the columns of a row class."""
    return tuple(field.name for field in fields(row))


def columns(row: Row) -> tuple[object, ...]:
    """Return the values of a row in the order of `{columns of …}` in `sql/queries.sql`."""
    return _VALUES[type(row)](row)


def json_columns(row: Row) -> tuple[int, ...]:
    """Return which of these values are JSON, by their places."""
    return _JSON_COLUMNS[type(row)]


def fill_in_columns(statements: str) -> str:
    """Replace every phrase in braces. Raises KeyError for a table without a row class."""
    return _PHRASE.sub(_columns, statements)


def _columns(phrase: re.Match[str]) -> str:
    row, first = TABLES[phrase["table"]], int(phrase["first"] or 1)
    names = column_names(row)
    match phrase["what"]:
        case "parameters":
            return ", ".join(f"${number}" for number in range(first, first + len(names)))
        case "arrays":
            types = enumerate((_column_type(field.type) for field in fields(row)), first)
            return ", ".join(f"${number}::{type_}[]" for number, type_ in types)
        case "content":
            names = tuple(name for name in names if name != "id")
    return ", ".join(f"{phrase['alias']}.{name}" if phrase["alias"] else name for name in names)


def _column_type(annotation: Any) -> str:
    """Return the type of a column whose field is annotated so."""
    if isinstance(annotation, UnionType):
        [annotation] = (each for each in get_args(annotation) if each is not type(None))
    return _TYPES.get(annotation, JSON)


_ROWS: Final[tuple[type, ...]] = (PipelineRow, StepRow, StepPosition, ConnectionRow, Diagnostic)

_VALUES: Final[Mapping[type, Callable[[Row], tuple[object, ...]]]] = {
    row: attrgetter(*column_names(row)) for row in _ROWS
}

_JSON_COLUMNS: Final[Mapping[type, tuple[int, ...]]] = {
    row: tuple(at for at, field in enumerate(fields(row)) if _column_type(field.type) == JSON)
    for row in _ROWS
}
