"""The named queries of `sql/`: `-- name --`, a sentence, then one SQL statement.

`QUERIES` run as the server itself, `API_QUERIES` on behalf of a user (`user_rows.py`), and of
`SHAPE_QUERIES` others are made up (`shapes.py`). Phrases in
braces such as `{columns of steps}` stand for the columns of a row class: see `columns.py`.
"""

import re
from typing import Final, NoReturn

import sql

from .columns import fill_in_columns

_TITLE = re.compile(r"^-- (\w+) --$", re.MULTILINE)


class NamedQueries(dict[str, str]):
    """SQL statements by name. An unknown name raises KeyError with the names there are."""

    def __missing__(self, name: str) -> NoReturn:
        raise KeyError(f"no query {name!r} in this file of sql/; it has {', '.join(sorted(self))}")


def parse(text: str) -> NamedQueries:
    """Take a file of named queries apart. Raises ValueError for a name used twice."""
    before, *parts = _TITLE.split(text)
    if before.strip():
        raise ValueError(f"expected a title such as `-- name --` first, got {before.strip()!r}")
    names, statements = parts[::2], parts[1::2]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"expected every query name once, got {', '.join(sorted(twice))} twice")
    return NamedQueries(
        (name, statement.strip()) for name, statement in zip(names, statements, strict=True)
    )


QUERIES: Final = parse(fill_in_columns(sql.queries()))
API_QUERIES: Final = parse(fill_in_columns(sql.api_queries()))
SHAPE_QUERIES: Final = parse(sql.shape_queries())
