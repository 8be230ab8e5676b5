"""Who is where, in the table presence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from persistence.ports.presence import PRESENCE_SECONDS, PresenceKey, PresenceState

from .pool import Pool


class PostgresPresence:
    """`PresenceTable` over one unlogged table."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def write(
        self,
        changed: Mapping[PresenceKey, PresenceState],
        unchanged: Mapping[PresenceKey, PresenceState],
    ) -> datetime:
        """See `PresenceTable.write`: one statement, whatever the number of rooms."""
        states = [*changed.items(), *unchanged.items()]
        moment: datetime = await self._pool.fetchval(
            "write_presence",
            [pipeline_id for (pipeline_id, _), _ in states],
            [user_id for (_, user_id), _ in states],
            [state.cursor and state.cursor[0] for _, state in states],
            [state.cursor and state.cursor[1] for _, state in states],
            [_array(state.selection) for _, state in states],
            [state.status for _, state in states],
            [key in changed for key, _ in states],
        )
        return moment

    async def remove(self, left: Mapping[PresenceKey, datetime]) -> None:
        """See `PresenceTable.remove`."""
        pipelines, users = [key[0] for key in left], [key[1] for key in left]
        await self._pool.execute("remove_presence", pipelines, users, list(left.values()))

    async def expire(self) -> None:
        """See `PresenceTable.expire`."""
        await self._pool.execute("expire_presence", PRESENCE_SECONDS)


def _array(ids: Sequence[UUID]) -> str:
    # An array of arrays would have to be rectangular.
    return "{" + ",".join(map(str, ids)) + "}"
