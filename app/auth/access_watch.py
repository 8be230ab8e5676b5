"""Live permissions: a change of role or membership reaches the connections that are open.

Triggers of the database announce changes, also those made by hand in SQL. An announcement is only a
reason to look up roles again. After anything that may have lost one, everybody's are looked up.
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

CHECK_ALL_SECONDS: Final = 60.0
"""After so long everybody's roles are looked up again, whether a change was announced or not.

It bounds how long a role may be out of date if an announcement is lost unnoticed.
"""

PIPELINE: Final = "pipeline:"
"""How an announcement begins that is about a pipeline; any other is the id of a user."""

_logger = structlog.get_logger(__name__)


class SessionRegistry(Protocol):
    """The sessions of this node; the hub is one."""

    def seats(self) -> set[Seat]:
        """Every user and pipeline with a session on this node."""
        ...

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """Give users of a room another scope in place; None sends them away."""
        ...

    def withdraw(self, pipeline_id: UUID) -> None:
        """Send everybody away from a pipeline that is no more."""
        ...


class SessionRegistries:
    """Several registries as one."""

    def __init__(self, *registries: SessionRegistry) -> None:
        self._registries = registries

    def seats(self) -> set[Seat]:
        """See `SessionRegistry.seats`."""
        return {seat for registry in self._registries for seat in registry.seats()}

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        """See `SessionRegistry.apply_scopes`."""
        for registry in self._registries:
            registry.apply_scopes(pipeline_id, scopes)

    def withdraw(self, pipeline_id: UUID) -> None:
        """See `SessionRegistry.withdraw`."""
        for registry in self._registries:
            registry.withdraw(pipeline_id)


class Announcements(Protocol):
    """What the database announces; see `persistence/postgres/listener.py`."""

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer, not an error
    ) -> Collection[str] | None:
        """Return what was announced, None if anything may have been."""
        ...


@dataclass(slots=True)
class UncheckedRoles:
    """Whose roles may have changed since they were looked up."""

    everybody: bool = True
    announced: frozenset[str] = frozenset()

    def add(self, announced: Collection[str] | None) -> None:
        """Add what was announced; None, and what cannot be read, stand for everybody."""
        if announced is None or not all(_is_readable(one) for one in announced):
            self.everybody = True
        else:
            self.announced |= frozenset(announced)

    def among(self, seats: Collection[Seat]) -> list[Seat]:
        """Those of the seats whose roles are to be looked up."""
        if self.everybody:
            return list(seats)
        return [
            (user_id, pipeline_id)
            for user_id, pipeline_id in seats
            if str(user_id) in self.announced or f"{PIPELINE}{pipeline_id}" in self.announced
        ]


class AccessWatch:
    """Keeps the sessions of this node in step with the tables.

    `revision` counts announcements. Whoever looks up a role and joins later reads `revision` before
    the look-up and calls `catch_up` after joining, so that a change between the two is not missed.
    """

    def __init__(
        self,
        sessions: SessionRegistry,
        directory: Directory,
        announcements: Announcements,
        clock: Clock,
        *,
        check_all_every: float = CHECK_ALL_SECONDS,
    ) -> None:
        self.revision = 0
        self._sessions, self._directory = sessions, directory
        self._announcements, self._clock = announcements, clock
        self._check_all_every = check_all_every
        self._unchecked = UncheckedRoles()
        self._checked_all_at = clock.monotonic()
        # Look-ups take turns, so that an older answer never overwrites a newer one.
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
        self._receive(await self._announcements.wait(RETRY_SECONDS))
        if self._clock.monotonic() - self._checked_all_at >= self._check_all_every:
            self._unchecked.everybody = True
        async with self._turn:
            await self._check(self._unchecked)

    async def catch_up(self, user_id: UUID, since: int) -> None:
        """Look up the roles of a user again if anything was announced since. Raises StoreError."""
        if self.revision != since:
            async with self._turn:
                await self._check_roles(UncheckedRoles(False, frozenset([str(user_id)])))

    def _receive(self, announced: Collection[str] | None) -> None:
        if announced is None or announced:
            self.revision += 1
            self._unchecked.add(announced)

    async def _check(self, unchecked: UncheckedRoles) -> None:
        started_at = self._clock.monotonic()
        await self._check_roles(unchecked)
        # After the look-up: if it failed, the same roles are looked up by the next step.
        self._unchecked = UncheckedRoles(everybody=False)
        if unchecked.everybody:
            self._checked_all_at = started_at

    async def _check_roles(self, unchecked: UncheckedRoles) -> None:
        if not (seats := unchecked.among(self._sessions.seats())):
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
