"""Permissions that live: a change of role or membership reaches the sockets that are open.

Triggers announce changes, also those made by hand in SQL; what is announced is only a reason to
look at the roles again. After anything that may have swallowed an announcement, everybody's are.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Protocol, TypeAlias
from uuid import UUID

import structlog

from app.clock import Clock
from crdt.protocol.messages import Scope
from persistence.errors import StoreError
from persistence.ports.directory import Directory, Role

from .tokens import scope_of

Seat: TypeAlias = tuple[UUID, UUID]
"""A user, and the pipeline that user has open."""

RETRY_SECONDS: Final = 0.5
"""Between two attempts to reach PostgreSQL."""

NET_SECONDS: Final = 60.0
"""After which everybody's roles are looked at again, announced or not."""

PIPELINE: Final = "pipeline:"
"""How an announcement begins that is about a pipeline; any other is the id of a user."""

_logger = structlog.get_logger(__name__)


class SessionHolder(Protocol):
    """Who is here; the hub."""

    def seats(self) -> set[Seat]:
        """Every user and pipeline with a session on this node."""
        ...

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """Give users of a room another scope in place; None sends them away."""
        ...

    def withdraw(self, pipeline_id: UUID) -> None:
        """Send everybody away from a pipeline that is no more."""
        ...


class SessionHolders:
    """Several audiences as one."""

    def __init__(self, *holders: SessionHolder) -> None:
        self._holders = holders

    def seats(self) -> set[Seat]:
        """See `SessionHolder.seats`."""
        return {seat for holder in self._holders for seat in holder.seats()}

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """See `SessionHolder.apply_scopes`."""
        for holder in self._holders:
            holder.apply_scopes(pipeline_id, scopes)

    def withdraw(self, pipeline_id: UUID) -> None:
        """See `SessionHolder.withdraw`."""
        for holder in self._holders:
            holder.withdraw(pipeline_id)


class Announcements(Protocol):
    """What the database announces; see `persistence/postgres/listener.py`."""

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer, not an error
    ) -> Collection[str] | None:
        """Return what was announced, None if anything may have been."""
        ...


@dataclass(slots=True)
class Doubts:
    """Whose roles may have changed since they were looked at."""

    everybody: bool = True
    announced: frozenset[str] = frozenset()

    def add(self, announced: Collection[str] | None) -> None:
        """Note what was announced; None and what cannot be read raise doubts about everybody."""
        if announced is None or not all(_is_readable(one) for one in announced):
            self.everybody = True
        else:
            self.announced |= frozenset(announced)

    def about(self, seats: Collection[Seat]) -> list[Seat]:
        """The seats in doubt."""
        if self.everybody:
            return list(seats)
        return [
            (user_id, pipeline_id)
            for user_id, pipeline_id in seats
            if str(user_id) in self.announced or f"{PIPELINE}{pipeline_id}" in self.announced
        ]


class AccessWatch:
    """Keeps the sessions of this node in step with the tables.

    `moment` counts announcements. Who looks up a role and joins later takes `moment` before, and
    calls `catch_up` after, so that no change falls between.
    """

    def __init__(
        self,
        holder: SessionHolder,
        directory: Directory,
        announcements: Announcements,
        clock: Clock,
        *,
        net: float = NET_SECONDS,
    ) -> None:
        self.moment = 0
        self._sessions, self._directory = holder, directory
        self._announcements, self._clock, self._net = announcements, clock, net
        self._doubts = Doubts()
        self._swept_at = clock.monotonic()
        # An older answer must not overwrite a newer one.
        self._turn = asyncio.Lock()

    async def run(self) -> None:
        """Watch until cancelled. While PostgreSQL is away, everybody keeps what they have."""
        is_away = False
        while True:
            try:
                await self.step()
                is_away = False
            except StoreError as error:
                if not is_away:
                    _logger.warning("access.unchecked", error=str(error))
                is_away = True
                await asyncio.sleep(RETRY_SECONDS)
            except Exception as error:
                _logger.exception("access.failed", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)

    async def step(self) -> None:
        """Wait for announcements, for a while, and act on them. Raises StoreError."""
        self._hear(await self._announcements.wait(RETRY_SECONDS))
        if self._clock.monotonic() - self._swept_at >= self._net:
            self._doubts.everybody = True
        async with self._turn:
            await self._settle(self._doubts)

    async def catch_up(self, user_id: UUID, since: int) -> None:
        """Look at the roles of a user again if anything was announced since. Raises StoreError."""
        if self.moment != since:
            async with self._turn:
                await self._look(Doubts(False, frozenset([str(user_id)])))

    def _hear(self, announced: Collection[str] | None) -> None:
        if announced is None or announced:
            self.moment += 1
            self._doubts.add(announced)

    async def _settle(self, doubts: Doubts) -> None:
        swept_at = self._clock.monotonic()
        await self._look(doubts)
        # Not earlier: what could not be looked at stays in doubt.
        self._doubts = Doubts(everybody=False)
        if doubts.everybody:
            self._swept_at = swept_at

    async def _look(self, doubts: Doubts) -> None:
        if not (seats := doubts.about(self._sessions.seats())):
            return
        roles = await self._directory.roles(seats)
        for pipeline_id, group in groupby(sorted(seats, key=_pipeline_of), key=_pipeline_of):
            self._apply(pipeline_id, [user_id for user_id, _ in group], roles)

    def _apply(
        self, pipeline_id: UUID, users: Collection[UUID], roles: Mapping[Seat, Role | None]
    ) -> None:
        found = {user: roles[user, pipeline_id] for user in users if (user, pipeline_id) in roles}
        if found:
            scopes = {
                user: None if role is None else scope_of(role) for user, role in found.items()
            }
            self._sessions.apply_scopes(pipeline_id, scopes)
        else:
            self._sessions.withdraw(pipeline_id)


def _pipeline_of(seat: Seat) -> UUID:
    return seat[1]


def _is_readable(announced: str) -> bool:
    try:
        UUID(announced.removeprefix(PIPELINE))
    except ValueError:
        return False
    return True
