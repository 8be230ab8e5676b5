"""Who is where, in the table presence."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from persistence.ports.presence import PRESENCE_SECONDS, Pose, Seat

from .pool import Pool


class PostgresPresence:
    """`PresenceBoard` over one unlogged table."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def show(self, news: Mapping[Seat, Pose], same: Mapping[Seat, Pose]) -> datetime:
        """See `PresenceBoard.show`: one statement, whatever the number of rooms."""
        poses = [*news.items(), *same.items()]
        moment: datetime = await self._pool.fetchval(
            "show_presence",
            [pipeline_id for (pipeline_id, _), _ in poses],
            [user_id for (_, user_id), _ in poses],
            [pose.cursor and pose.cursor[0] for _, pose in poses],
            [pose.cursor and pose.cursor[1] for _, pose in poses],
            [_array(pose.selection) for _, pose in poses],
            [pose.status for _, pose in poses],
            [seat in news for seat, _ in poses],
        )
        return moment

    async def remove(self, gone: Mapping[Seat, datetime]) -> None:
        """See `PresenceBoard.remove`."""
        pipelines, users = [seat[0] for seat in gone], [seat[1] for seat in gone]
        await self._pool.execute("remove_presence", pipelines, users, list(gone.values()))

    async def sweep(self) -> None:
        """See `PresenceBoard.sweep`."""
        await self._pool.execute("sweep_presence", PRESENCE_SECONDS)


def _array(ids: Sequence[UUID]) -> str:
    # An array of arrays would have to be rectangular.
    return "{" + ",".join(map(str, ids)) + "}"
