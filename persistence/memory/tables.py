"""The state that the stores in memory share; one object stands for one database."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid4

from crdt.errors import PipelineNotFound
from crdt.pipeline.rows import Rows
from persistence.ports.directory import (
    SYSTEM,
    Role,
    User,
)
from persistence.ports.update_log import LoggedUpdate, NewUpdate
from persistence.ports.versions import Version

from .announcements import MemoryAnnouncements


@dataclass(slots=True)
class MemoryPipeline:
    """One pipeline: its log, its stored state, its rows, its versions.

    `projected` orders pipelines by their last projection. `state` contains the log up to
    `state_seq`, with its `slices`, with `waiting` as its pending updates and what was `noticed`
    until there; `rows` reflect it up to `cursor`.
    """

    team_id: UUID
    rows: Rows
    projected: int
    log: list[LoggedUpdate] = field(default_factory=list)
    state: bytes | None = None
    state_seq: int = 0
    waiting: Sequence[bytes] = ()
    noticed: bytes = b""
    slices: bytes = b""
    cursor: int = 0
    reported: int = 0
    is_claimed: bool = False
    versions: list[Version] = field(default_factory=list)
    mend_at: datetime | None = None
    found_at: dict[tuple[str, str], datetime] = field(default_factory=dict)
    unsaved_from: int | None = None
    """The first update in the rows that no version holds."""
    folded: int = 0
    """Everything up to this update is folded, which has made the log smaller by `folded_bytes`."""
    folded_bytes: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by whoever appends to the log."""
    reserved_by: UUID | None = None
    reserved_until: float = 0.0

    @property
    def is_dirty(self) -> bool:
        return self.head > self.cursor

    @property
    def head(self) -> int:
        return self.log[-1].seq if self.log else 0

    def after(self, seq: int) -> list[LoggedUpdate]:
        """The updates after a number; the first may begin before, if it is folded."""
        return self.log[bisect_right(self.log, seq, key=lambda each: each.seq) :]

    def update(self, seq: int) -> LoggedUpdate:
        """The update that has a number."""
        return self.after(seq - 1)[0]

    def is_due(self, first_before: datetime | None, last_before: datetime | None) -> bool:
        if self.unsaved_from is None:
            return False
        last = self.update(self.cursor).received_at
        return (first_before is not None and self.unsaved_since <= first_before) or (
            last_before is not None and last <= last_before
        )

    @property
    def unsaved_since(self) -> datetime:
        return self.update(self.unsaved_from or 1).first_received_at

    def reservation(self, now: float) -> UUID | None:
        return self.reserved_by if self.reserved_until > now else None

    def reserve(self, edit: UUID, now: float, seconds: float) -> bool:
        is_ours = self.reserved_by == edit
        if is_ours != (self.reservation(now) is not None):
            return False
        self.reserved_by, self.reserved_until = edit, now + seconds
        return True

    def note_findings(self) -> None:
        # This store reads no clock: a diagnostic stands since the update that brought it.
        now = self.update(self.cursor).received_at
        self.found_at = {each: self.found_at.get(each, now) for each in self.rows.diagnostics}

    def append(self, update: NewUpdate, author: UUID | None) -> int:
        seq = self.head + 1
        self.log.append(LoggedUpdate(seq, author, update.payload, update.received_at))
        return seq


@dataclass(frozen=True, slots=True)
class MemoryTeam:
    organization_id: UUID
    slug: str


@dataclass(slots=True)
class MemoryLink:
    """A link by which people join a team."""

    team_id: UUID
    role: Role
    inviter: UUID
    expires_at: datetime
    uses_left: int
    is_revoked: bool = False


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryTables:
    """Pipelines, users, teams and roles. The stores are subclasses; `new_id` makes their ids."""

    def __init__(
        self,
        new_id: Callable[[], UUID] = uuid4,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._new_id, self._monotonic, self._now = new_id, monotonic, now
        self._pipelines: dict[UUID, MemoryPipeline] = {}
        self._users: dict[UUID, User] = {SYSTEM.id: SYSTEM}
        self._organizations: dict[UUID, str] = {}
        self._teams: dict[UUID, MemoryTeam] = {}
        self._names: dict[UUID, str] = {}
        """What organizations and teams are called."""
        self._roles: dict[tuple[UUID, UUID], Role] = {}
        self._from_groups: set[tuple[UUID, UUID]] = set()
        """The roles that came from groups of an issuer."""
        self._unproven: set[UUID] = set()
        """The users whose address nobody has proved."""
        self._identities: dict[tuple[str, str], tuple[UUID, datetime | None]] = {}
        """The user of each subject of an issuer, and when its newest token was issued."""
        self._links: dict[bytes, MemoryLink] = {}
        self._turns = count()
        self.announcements = MemoryAnnouncements()
        self.fulfilled: dict[UUID, UUID] = {}
        """What edits have created, by the claims of the requests that they fulfil."""

    def versions_of(self, pipeline_id: UUID) -> list[Version]:
        """Return the versions of a pipeline, oldest first. Raises PipelineNotFound."""
        return self._pipeline(pipeline_id).versions

    def known_user(self, user_id: UUID | None) -> UUID | None:
        """Return the id if there is such a user, else None: the log keeps no deleted author."""
        return user_id if user_id in self._users else None

    def _pipeline(self, pipeline_id: UUID) -> MemoryPipeline:
        if pipeline_id not in self._pipelines:
            raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
        return self._pipelines[pipeline_id]
