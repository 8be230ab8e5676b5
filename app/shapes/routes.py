"""Finds the shapes that a change may concern, without a look at each shape that there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .changes import ALL, NOTHING, Changes, Part, Region, parts_of
from .journal import Journal
from .tables import Table

if TYPE_CHECKING:
    from .shape import Shape

ANY: Final = Part()


@dataclass(eq=False, slots=True)
class Route:
    """A part of a table, and what changed there: noted once for all shapes that have rows of it.

    Those in `awaited` are wanted now, and the others find out later what they lack.
    """

    part: Part
    journal: Journal = field(default_factory=Journal)
    shapes: dict[Shape, None] = field(default_factory=dict)
    awaited: dict[Shape, None] = field(default_factory=dict)

    def note(self, number: int, region: Region) -> bool:
        """Note what of a region belongs here; whether anything does."""
        part = self.part.of(region)
        if part is not None:
            self.journal.note(number, part)
        return part is not None

    def forget(self) -> None:
        """Forget what all shapes have read."""
        self.journal.forget(min(shape.taken for shape in self.shapes))


class _OfTable:
    """The routes of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._routes: dict[Part, Route] = {}
        self._of_owners: dict[str, Route] = {}
        self._of_ids: dict[str, Route] = {}

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def __len__(self) -> int:
        return len(self._routes)

    def obtain(self, part: Part) -> Route:
        """Find or make the route of a part."""
        if part not in self._routes:
            route = self._routes[part] = Route(part)
            if part.owner is not None:
                self._of_owners[part.owner] = route
            if part.id is not None:
                self._of_ids[part.id] = route
        return self._routes[part]

    def remove(self, part: Part) -> None:
        """Forget a route that no shape has."""
        del self._routes[part]
        self._of_owners.pop(part.owner or "", None)
        self._of_ids.pop(part.id or "", None)

    def find(self, region: Region) -> Iterator[Route]:
        """The routes that may have rows of a region: all that have, and few others."""
        if region.is_all or region.owners is None:
            yield from self
            return
        if ANY in self._routes:
            yield self._routes[ANY]
        yield from _among(self._of_owners, region.owners | region.wholes)
        # It is not known which ones the owners have.
        yield from self._of_ids.values() if region.wholes else _among(self._of_ids, region.ids)


def _among(routes: dict[str, Route], names: Iterable[str]) -> Iterator[Route]:
    return (routes[name] for name in names if name in routes) if routes else iter(())


class Routes:
    """Shapes by their tables, and by the pipelines or teams whose rows they have.

    Who edits one pipeline pays for the shapes of that one, however many there are of others, and of
    those only for the ones that somebody waits for.
    """

    def __init__(self) -> None:
        self._of_tables: dict[str, _OfTable] = {}
        self._number = 0

    def __iter__(self) -> Iterator[Route]:
        for of_table in self._of_tables.values():
            yield from of_table

    @property
    def bytes(self) -> int:
        """About what everything that is noted takes."""
        return sum(route.journal.bytes for route in self)

    def add(self, shape: Shape) -> None:
        """Have a shape find out what it lacks from now on."""
        table = shape.definition.table
        of_table = self._of_tables.setdefault(table.name, _OfTable(table))
        parts = parts_of(shape.definition, shape.scope)
        shape.routes = [of_table.obtain(part) for part in parts]
        for route in shape.routes:
            route.shapes[shape] = None

    def remove(self, shape: Shape) -> None:
        """Have a shape find out nothing more."""
        for route in shape.routes:
            route.shapes.pop(shape, None)
            route.awaited.pop(shape, None)
            if not route.shapes:
                self._of_tables[shape.definition.table.name].remove(route.part)
        shape.routes = []

    def note(self, changes: Changes) -> list[Shape]:
        """Note changes; return the shapes that somebody waits for and that may be concerned."""
        self._number += 1
        found: list[Shape] = []
        for of_table in self._of_tables.values():
            region = changes.of(of_table.table) if of_table else NOTHING
            for route in of_table.find(region):
                if route.note(self._number, region):
                    found += route.awaited
        return found

    def note_all(self) -> list[Shape]:
        """Note that anything may have changed; return the shapes that somebody waits for."""
        self._number += 1
        for route in self:
            route.note(self._number, ALL)
        return [shape for route in self for shape in route.awaited]

    def tidy(self) -> None:
        """Forget what has been read of all shapes that it concerns."""
        for route in self:
            route.forget()
