"""Which shape of Electric a user may have of a definition, now."""

from collections.abc import Mapping
from typing import TypeAlias
from uuid import UUID

from persistence.errors import StoreUnavailable
from persistence.ports.shapes import QueryTooSlow, RowQuery, ShapeReader, TooMuchRead

from .electric_query import ElectricView, electric_shape, listing
from .gatekeeper import Gatekeeper
from .parameters import Definition
from .shared import Shared

_Ids: TypeAlias = tuple[str, ...]


class ElectricShapes:
    """Looks up who may see what; those who ask at the same time share the queries."""

    def __init__(self, reader: ShapeReader) -> None:
        self._reader = reader
        self._gatekeeper = Gatekeeper(reader)
        self._lists = Shared[RowQuery, Mapping[RowQuery, _Ids]](self._look)

    async def view(self, definition: Definition, user_id: UUID) -> ElectricView:
        """The user's shape of a definition, and since when, at a moment after the call.

        Raises StoreUnavailable; InvalidShape if there are too many ids in it.
        """
        view = await self._gatekeeper.view(user_id, definition)
        query = listing(view.scope, definition.table)
        ids = () if query is None else (await self._lists.ask(query))[query]
        return ElectricView(electric_shape(definition, view.scope, ids), view.since)

    async def _look(self, queries: frozenset[RowQuery]) -> Mapping[RowQuery, _Ids]:
        asked = list(queries)
        try:
            read = await self._reader.read(asked)
        except (QueryTooSlow, TooMuchRead) as error:
            # The query is ours: no client can ask for less.
            raise StoreUnavailable(str(error)) from error
        return {
            query: tuple(str(row.values[0]) for row in rows)
            for query, rows in zip(asked, read.rows, strict=True)
        }
