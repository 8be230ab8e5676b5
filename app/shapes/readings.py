"""What is read for shapes that lack something: for those of the same rows it is read once.

A plan takes PostgreSQL most of a millisecond, an expression some microseconds. So shapes of one
scope that differ in their conditions share a query, which says of each row for whom it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from persistence.ports.shapes import RowQuery, StoredRow

from .changes import Region, joined
from .scopes import Scope, predicate
from .shape import Shape

MOST_SHARING: Final = 200
"""Shapes that share one query, if their conditions are short."""

MOST_CHARACTERS: Final = 100_000
"""The length of the conditions that are in one query."""

Group: TypeAlias = Sequence[Shape]
"""Shapes of one table in one scope."""


def grouped(shapes: Sequence[Shape]) -> list[Group]:
    """Sort shapes by what they have in common."""
    groups: dict[tuple[str, Scope], list[list[Shape]]] = {}
    lengths: dict[tuple[str, Scope], int] = {}
    for shape in shapes:
        key = shape.definition.table.name, shape.scope
        length = len(shape.definition.condition.sql)
        of_key = groups.setdefault(key, [[]])
        is_long = lengths.get(key, 0) + length > MOST_CHARACTERS
        if of_key[-1] and (is_long or len(of_key[-1]) == MOST_SHARING):
            of_key.append([])
            lengths[key] = 0
        of_key[-1].append(shape)
        lengths[key] = lengths.get(key, 0) + length
    return [group for of_key in groups.values() for group in of_key]


@dataclass(frozen=True, slots=True)
class Reading:
    """One query, and the shapes whose rows it reads: all that is in a region."""

    shapes: Group
    region: Region
    query: RowQuery

    def rows(self, rows: Sequence[StoredRow]) -> Iterator[Sequence[StoredRow]]:
        """The rows of each shape, in the order of the shapes, of what the query has found."""
        if not self.query.tests:
            yield rows
            return
        places = {name: place for place, name in enumerate(self.query.columns)}
        tests = {sql: len(places) + place for place, sql in enumerate(self.query.tests)}
        # Shapes of the same columns have the same rows in memory.
        made: dict[tuple[str, ...], list[StoredRow]] = {}
        for shape in self.shapes:
            columns = shape.log.read_columns
            if columns not in made:
                own = [places[name] for name in columns]
                made[columns] = [
                    StoredRow(row.xid, tuple([row.values[place] for place in own])) for row in rows
                ]
            test = tests[shape.definition.condition.sql]
            pairs = zip(made[columns], rows, strict=True)
            yield [one for one, row in pairs if row.values[test] == "true"]


def readings(group: Group, regions: Sequence[Region], most_rows: int) -> list[Reading]:
    """How to read what shapes of a group lack: together if that cannot be many rows."""
    whole = joined(regions)
    most = len(whole.ids) * max(1, len(whole.owners or ()))
    if len(group) > 1 and not whole.is_all and not whole.wholes and most <= most_rows:
        return [Reading(group, whole, _shared_query(group, whole, most_rows))]
    return [
        Reading([shape], region, query_of(shape, region, most_rows))
        for shape, region in zip(group, regions, strict=True)
    ]


def _shared_query(group: Group, region: Region, most_rows: int) -> RowQuery:
    table, scope = group[0].definition.table, group[0].scope
    read = {name for shape in group for name in shape.log.read_columns}
    return RowQuery(
        table.name,
        tuple(sorted(read)),
        _conditions(region.condition(table), predicate(scope, table)),
        limit=most_rows + 1,
        tests=tuple({shape.definition.condition.sql: None for shape in group}),
    )


def query_of(shape: Shape, region: Region, most_rows: int) -> RowQuery:
    """The rows of one shape in a region, and one more than it may have."""
    table = shape.definition.table
    conditions = (
        region.condition(table),
        predicate(shape.scope, table),
        shape.definition.condition.sql,
    )
    return RowQuery(
        table.name, shape.log.read_columns, _conditions(*conditions), limit=most_rows + 1
    )


def _conditions(*conditions: str | None) -> tuple[str, ...]:
    return tuple(condition for condition in conditions if condition is not None)
