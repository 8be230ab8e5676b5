"""The verbs of the durable side. PostgreSQL implements them, and so does memory (`memory.py`).

tests/contracts/ runs one suite over every implementation.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol, TypeAlias
from uuid import UUID

from crdt.pipeline.model import JsonMap
from crdt.pipeline.rows import PipelineRow, RowChanges, Rows
from crdt.room.session import UserProfile

from .errors import UnknownSubject

Role: TypeAlias = Literal["owner", "admin", "member", "viewer"]


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update as it came in: `payload` is the received bytes, never re-encoded."""

    pipeline_id: UUID
    user_id: UUID | None
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedUpdate:
    """An update in the log. `seq` counts from 1 without a gap, per pipeline."""

    seq: int
    user_id: UUID | None
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Everything a document is made of: its last stored state and the updates since.

    `waiting` belongs to the state: updates that wait for their predecessors, which it cannot hold.
    """

    state: bytes | None
    state_seq: int
    tail: Sequence[LoggedUpdate]
    waiting: Sequence[bytes] = ()

    @property
    def seq(self) -> int:
        """The number of the last update in here."""
        return self.tail[-1].seq if self.tail else self.state_seq

    @property
    def size(self) -> int:
        """Bytes of the state and all updates since."""
        return len(self.state or b"") + sum(len(update.payload) for update in self.tail)


class UpdateLog(Protocol):
    """The memory of all documents: append-only, in the order of commits, bytes only."""

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """Append all in one transaction and wake the workers; return one `seq` each, in order.

        None stands for an update whose pipeline does not exist (any more). Updates of one pipeline
        keep their order. Raises StoreUnavailable; the same call may then be repeated, since an
        update in the log twice changes nothing.
        """
        ...

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """Read the last stored state and every update after it. Raises PipelineNotFound."""
        ...

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """Read the updates after `seq`, oldest first, at most `limit`."""
        ...

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """Read the number of the last update of each pipeline that exists."""
        ...

    async def store_state(
        self, pipeline_id: UUID, seq: int, state: bytes, waiting: Sequence[bytes] = ()
    ) -> None:
        """Keep `state`, the merge of the updates 1..seq, so that loading starts there.

        `waiting` is what of them waits for its predecessors, as updates. Deletes no
        update. A state older than the stored one is ignored.
        """
        ...


@dataclass(frozen=True, slots=True)
class Authored:
    """An update in the log without its content."""

    seq: int
    user_id: UUID | None
    at: datetime


class Authorship(Protocol):
    """Who wrote what in the log, for telling its history."""

    async def authored(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[Authored]:
        """Read who made the last `limit` updates before number `before`, newest first."""
        ...


class Claim(Protocol):
    """One dirty document, held by one worker until the transaction around it ends."""

    @property
    def pipeline_id(self) -> UUID: ...

    @property
    def cursor(self) -> int:
        """The last update that the rows contain."""
        ...

    async def held(self) -> Rows:
        """Read all rows of the pipeline as the tables hold them."""
        ...

    async def apply(self, changes: RowChanges, cursor: int) -> None:
        """Write the changes and move the cursor, in the claim's transaction."""
        ...


class Projections(Protocol):
    """The tables made from documents, and which of them lag behind the log."""

    def claim(
        self, only: Collection[UUID] | None = None, *, besides: Collection[UUID] = ()
    ) -> AbstractAsyncContextManager[Claim | None]:
        """Lock one document whose log is ahead of its rows; None if there is none to be had.

        Documents claimed by another worker are passed over, and so are those in `besides`: a
        worker names there the documents that failed a moment ago. Leaving the context commits;
        leaving it by an exception undoes everything. Raises StoreUnavailable.
        """
        ...

    async def refresh_search(self) -> bool:
        """Bring one pipeline that search does not find by its latest text up to date.

        False if there is none, or none whose turn it is. Raises StoreUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class NewPipeline:
    """A pipeline about to exist. `first_update` is its document's first and only seed.

    `parent_id` is the pipeline it was forked from.
    """

    id: UUID
    team_id: UUID
    created_by: UUID | None
    row: PipelineRow
    first_update: bytes
    created_at: datetime
    parent_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person who may hold tokens."""

    id: UUID
    email: str
    name: str


DEMO_OWNER: Final = "owner@demo.pipeloom"
DEMO_VIEWER: Final = "viewer@demo.pipeloom"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo team and its two users: one may edit, one may only watch."""

    team_id: UUID
    owner: User
    viewer: User


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a team."""

    user: UserProfile
    role: Role


class Directory(Protocol):
    """Who there is, and who may do what."""

    async def member(self, user_id: UUID, pipeline_id: UUID) -> Member | None:
        """Find a user in the pipeline's team, None for an outsider. Raises PipelineNotFound."""
        ...

    async def roles(
        self, seats: Collection[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], Role | None]:
        """The role of each (user, pipeline), None for outsiders.

        A pipeline that does not exist is not in the answer.
        """
        ...

    async def user_by_email(self, email: str) -> User:
        """Find a user, ignoring case. Raises UnknownSubject."""
        ...

    async def create_pipeline(self, pipeline: NewPipeline) -> None:
        """Create the pipeline's row and its document, seeded once, in one transaction.

        The document is dirty afterwards: a worker fills `steps` and `connections`.
        Raises UnknownSubject when the team, the user or the parent does not exist.
        """
        ...


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version about to be saved: the document's state, and the rows made of it as JSON.

    `seq` is the last update of the log that is in `state`; `name` None for one saved unasked.
    """

    pipeline_id: UUID
    seq: int
    state: bytes
    pipeline: JsonMap
    steps: Sequence[JsonMap]
    connections: Sequence[JsonMap]
    name: str | None
    change_summary: str | None
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A version without its content. `number` counts from 1 per pipeline, and is given once."""

    id: UUID
    number: int
    seq: int
    name: str | None
    change_summary: str | None
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its content; see `NewVersion`."""

    info: VersionInfo
    state: bytes
    pipeline: JsonMap
    steps: Sequence[JsonMap]
    connections: Sequence[JsonMap]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long versions without a name are kept: all of them, then the last of each day (UTC)."""

    all_for: timedelta = timedelta(days=1)
    daily_for: timedelta = timedelta(days=90)


class Versions(Protocol):
    """The versions of all pipelines: once saved, never changed."""

    async def save(self, version: NewVersion) -> VersionInfo:
        """Save a version under the next number. Its author may be gone: then it has none.

        Raises PipelineNotFound.
        """
        ...

    async def newest(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[VersionInfo]:
        """Read the versions with numbers below `before`, newest first; empty for no pipeline."""
        ...

    async def load(self, pipeline_id: UUID, number: int) -> Version | None:
        """Read one version with its content, None if there is none of this number."""
        ...

    def unsaved(
        self,
        first_before: datetime | None,
        last_before: datetime | None,
        *,
        besides: Collection[UUID] = (),
    ) -> AbstractAsyncContextManager[UUID | None]:
        """Hold one pipeline whose rows show edits that no version holds; None if none is due.

        Due is a pipeline if the first of those edits was received before `first_before`, or the
        last one before `last_before`; None is never. Nobody else holds it meanwhile, but it goes
        on being edited and projected. Raises StoreUnavailable.
        """
        ...

    async def settle(self, pipeline_id: UUID, seq: int) -> None:
        """Note that the last version holds all updates up to `seq`; `save` does so, too."""
        ...

    async def thin(self, pipeline_id: UUID, now: datetime, retention: Retention) -> None:
        """Delete versions without a name that are older than is worth keeping.

        The newest version stays whatever its age.
        """
        ...


@dataclass(frozen=True, slots=True)
class Pose:
    """Where somebody is and what they point at. The cursor is in pixels of the canvas."""

    cursor: tuple[float, float] | None = None
    selection: Sequence[UUID] = ()
    status: str = "active"


Seat: TypeAlias = tuple[UUID, UUID]
"""(pipeline, user)"""

PRESENCE_SECONDS: Final = 30.0
"""How long somebody counts as present whom no node has shown again."""


class PresenceBoard(Protocol):
    """Who is where on all nodes, for looking at: a mirror of the rooms, of which nothing hangs."""

    async def show(self, news: Mapping[Seat, Pose], same: Mapping[Seat, Pose]) -> datetime:
        """Write `news`, renew what is the `same` as before; return when, by PostgreSQL's clock.

        What is the same is written only where it is missing. Raises StoreError.
        """
        ...

    async def remove(self, gone: Mapping[Seat, datetime]) -> None:
        """Remove who has left, unless shown after the given time. Raises StoreError."""
        ...

    async def sweep(self) -> None:
        """Remove whom no node has shown for PRESENCE_SECONDS. Raises StoreError."""
        ...


def the_one_team(slug: str, found: dict[str, UUID]) -> UUID:
    """The only team in `found` (path to id). Raises UnknownSubject for none and for several."""
    match list(found.values()):
        case [team_id]:
            return team_id
        case []:
            raise UnknownSubject(f"no team has the slug {slug}: check it, or create the team")
        case _:
            raise UnknownSubject(f"several teams are called {slug}: say one of {', '.join(found)}")
