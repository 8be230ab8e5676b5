"""Finds the shapes that a change may concern, without a look at each shape that there is."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from .changes import Region, owner_column, owners_of
from .tables import Table

if TYPE_CHECKING:
    from .shape import Shape


class Routes:
    """Shapes by their tables, and by the pipelines or teams whose rows they have.

    Who edits one pipeline pays for the shapes of that one, however many there are of others.
    """

    def __init__(self) -> None:
        self._of_tables: dict[str, tuple[Table, dict[Shape, None]]] = {}
        self._of_owners: defaultdict[tuple[str, str], dict[Shape, None]] = defaultdict(dict)
        self._of_any: defaultdict[str, dict[Shape, None]] = defaultdict(dict)
        """Those whose rows may belong to anybody, by table."""

    @property
    def tables(self) -> list[Table]:
        """The tables of which there are shapes."""
        return [table for table, _ in self._of_tables.values()]

    def add(self, shape: Shape) -> None:
        """Have a shape be found."""
        table = shape.definition.table
        self._of_tables.setdefault(table.name, (table, {}))[1][shape] = None
        for group in self._groups(shape):
            group[shape] = None

    def remove(self, shape: Shape) -> None:
        """Have a shape be found no longer."""
        name = shape.definition.table.name
        if name in self._of_tables:
            shapes = self._of_tables[name][1]
            shapes.pop(shape, None)
            if not shapes:
                del self._of_tables[name]
        for group in self._groups(shape):
            group.pop(shape, None)
        for owner in self._owners(shape) or ():
            if not self._of_owners[name, owner]:
                del self._of_owners[name, owner]

    def find(self, table: Table, region: Region) -> list[Shape]:
        """The shapes that may have rows of a region: all that have, and few others."""
        name = table.name
        if region.is_all or region.owners is None:
            return [*self._of_tables[name][1]] if name in self._of_tables else []
        found = dict(self._of_any.get(name, {}))
        for owner in region.owners | region.wholes:
            found |= self._of_owners.get((name, owner), {})
        return [*found]

    def _groups(self, shape: Shape) -> list[dict[Shape, None]]:
        name, owners = shape.definition.table.name, self._owners(shape)
        if owners is None:
            return [self._of_any[name]]
        return [self._of_owners[name, owner] for owner in owners]

    def _owners(self, shape: Shape) -> frozenset[str] | None:
        if owner_column(shape.definition.table) is None:
            return None
        return owners_of(shape.definition, shape.scope)
