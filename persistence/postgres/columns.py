"""The columns of the projected tables, for the queries that read or write all of them.

The fields of a row class are its columns, by name. A query of `sql/` asks for them by phrases in
braces, so that a new column is named in no query:

    {columns of steps}              id, name, type, …
    {content of steps}              the same without the key, which an upsert leaves alone
    {content of steps in excluded}  excluded.name, excluded.type, …
    {parameters of steps from 2}    $2, $3, …: one for each of the columns, in their order
"""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Final, TypeAlias

from crdt.pipeline.rows import ConnectionRow, Diagnostic, PipelineRow, StepPosition, StepRow

RowType: TypeAlias = type[PipelineRow | StepRow | StepPosition | ConnectionRow | Diagnostic]

TABLES: Final[Mapping[str, RowType]] = {
    "pipelines": PipelineRow,
    "steps": StepRow,
    "connections": ConnectionRow,
}

_PHRASE: Final = re.compile(
    r"\{(?P<what>columns|content|parameters) of (?P<table>\w+)"
    r"(?: in (?P<alias>\w+)| from (?P<first>\d+))?\}"
)


def column_names(row: RowType) -> tuple[str, ...]:
    """Return the columns of a row class."""
    return tuple(field.name for field in fields(row))


def fill_in_columns(statements: str) -> str:
    """Replace every phrase in braces. Raises KeyError for a table without a row class."""
    return _PHRASE.sub(_columns, statements)


def _columns(phrase: re.Match[str]) -> str:
    names = column_names(TABLES[phrase["table"]])
    match phrase["what"]:
        case "parameters":
            first = int(phrase["first"] or 1)
            return ", ".join(f"${number}" for number in range(first, first + len(names)))
        case "content":
            names = tuple(name for name in names if name != "id")
    return ", ".join(f"{phrase['alias']}.{name}" if phrase["alias"] else name for name in names)
