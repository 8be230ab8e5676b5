"""The ports in memory: for tests, and for trying things out without PostgreSQL.

Refuses what PostgreSQL refuses, with the same errors; tests/contracts/ sees to it. Nothing is
awaited inside a method, so every call is a transaction.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from uuid import UUID, uuid4

from crdt.errors import PipelineNotFound
from crdt.pipeline.rows import RowChanges, Rows
from crdt.room.session import UserProfile
from persistence.errors import Conflict, StoreError, UnknownSubject
from persistence.ports.directory import (
    DEMO_OWNER,
    DEMO_VIEWER,
    Demo,
    Member,
    NewPipeline,
    Role,
    User,
    only_team,
)
from persistence.ports.projections import Projected
from persistence.ports.update_log import LoggedUpdate, NewUpdate, StoredDocument, UpdateInfo
from persistence.ports.versions import Version

from .announcements import MemoryAnnouncements
from .constraints import changed, check_pipeline


@dataclass(slots=True)
class _Pipeline:
    """One pipeline: its log, its stored state, its rows, and who works on them."""

    team_id: UUID
    rows: Rows
    projected: int
    log: list[LoggedUpdate] = field(default_factory=list)
    state: bytes | None = None
    state_seq: int = 0
    waiting: Sequence[bytes] = ()
    cursor: int = 0
    is_claimed: bool = False
    versions: list[Version] = field(default_factory=list)
    unsaved_from: int | None = None
    """The first update in the rows that no version holds."""

    @property
    def is_dirty(self) -> bool:
        return len(self.log) > self.cursor

    def is_due(self, first_before: datetime | None, last_before: datetime | None) -> bool:
        if self.unsaved_from is None:
            return False
        last = self.log[self.cursor - 1].received_at
        return (first_before is not None and self.unsaved_since <= first_before) or (
            last_before is not None and last <= last_before
        )

    @property
    def unsaved_since(self) -> datetime:
        return self.log[(self.unsaved_from or 1) - 1].received_at

    def append(self, update: NewUpdate, author: UUID | None) -> int:
        seq = len(self.log) + 1
        self.log.append(LoggedUpdate(seq, author, update.payload, update.received_at))
        return seq


@dataclass(frozen=True, slots=True)
class _Team:
    organization_id: UUID
    slug: str


class MemoryStore:
    """`UpdateLog`, `UpdateHistory`, `Projections` and `Directory` in one; `new_id` makes ids."""

    def __init__(self, new_id: Callable[[], UUID] = uuid4) -> None:
        self._new_id = new_id
        self._pipelines: dict[UUID, _Pipeline] = {}
        self._users: dict[UUID, User] = {}
        self._organizations: dict[UUID, str] = {}
        self._teams: dict[UUID, _Team] = {}
        self._roles: dict[tuple[UUID, UUID], Role] = {}
        self._turns = count()
        self.announcements = MemoryAnnouncements()

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog.append`."""
        return [self._append(update) for update in updates]

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """See `UpdateLog.load`."""
        pipeline = self._pipeline(pipeline_id)
        tail = pipeline.log[pipeline.state_seq :]
        return StoredDocument(pipeline.state, pipeline.state_seq, tail, pipeline.waiting)

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """See `UpdateLog.since`."""
        if pipeline_id not in self._pipelines:
            return []
        return self._pipelines[pipeline_id].log[max(seq, 0) :][:limit]

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `UpdateLog.heads`."""
        found = {each: self._pipelines.get(each) for each in pipeline_ids}
        return {each: len(pipeline.log) for each, pipeline in found.items() if pipeline}

    async def newest_updates(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[UpdateInfo]:
        """See `UpdateHistory.newest_updates`."""
        log = await self.since(pipeline_id, 0)
        found = [update for update in reversed(log) if before is None or update.seq < before]
        return [UpdateInfo(each.seq, each.user_id, each.received_at) for each in found[:limit]]

    async def store_state(
        self, pipeline_id: UUID, seq: int, state: bytes, waiting: Sequence[bytes] = ()
    ) -> None:
        """See `UpdateLog.store_state`.

        Raises PipelineNotFound, and StoreError for a `seq` that was never given out.
        """
        pipeline = self._pipeline(pipeline_id)
        if seq > len(pipeline.log):
            raise StoreError(f"expected a state of at most {len(pipeline.log)}, got one of {seq}")
        if seq > pipeline.state_seq:
            pipeline.state, pipeline.state_seq, pipeline.waiting = state, seq, list(waiting)

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator["MemoryClaim | None"]:
        """See `Projections.claim`."""
        pipeline_id = self._claimable(only, excluding)
        if pipeline_id is None:
            yield None
            return
        pipeline = self._pipelines[pipeline_id]
        claim = MemoryClaim(pipeline_id, pipeline.cursor, pipeline.rows)
        pipeline.is_claimed = True
        try:
            yield claim
            self._commit(pipeline, claim)
            if claim.was_applied:
                self.announcements.announce(Projected(pipeline_id, claim.cursor))
        finally:
            pipeline.is_claimed = False

    async def refresh_search(self) -> bool:
        """See `Projections.refresh_search`: nobody searches in memory."""
        return False

    async def member(self, user_id: UUID, pipeline_id: UUID) -> Member | None:
        """See `Directory.member`."""
        role = self._roles.get((self._pipeline(pipeline_id).team_id, user_id))
        user = self._users.get(user_id)
        return Member(UserProfile(user.id, user.name), role) if role and user else None

    async def roles(
        self, seats: Collection[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], Role | None]:
        """See `Directory.roles`."""
        return {
            (user_id, pipeline_id): self._roles.get((pipeline.team_id, user_id))
            for user_id, pipeline_id in seats
            if (pipeline := self._pipelines.get(pipeline_id))
        }

    async def user_by_email(self, email: str) -> User:
        """See `Directory.user_by_email`."""
        for user in self._users.values():
            if user.email.lower() == email.lower():
                return user
        raise UnknownSubject(f"no user has the email {email}: check it, or create the user")

    async def create_pipeline(self, pipeline: NewPipeline) -> None:
        """See `Directory.create_pipeline`. Raises StoreError when the id is taken."""
        if pipeline.id in self._pipelines:
            raise Conflict(f"expected a new id, got that of a pipeline there is: {pipeline.id}")
        _expect("team", pipeline.team_id, self._teams)
        if pipeline.created_by is not None:
            _expect("user", pipeline.created_by, self._users)
        if pipeline.parent_id is not None:
            _expect("pipeline", pipeline.parent_id, self._pipelines)
        check_pipeline(pipeline.row)
        created = _Pipeline(pipeline.team_id, Rows(pipeline.row), next(self._turns))
        seed = NewUpdate(
            pipeline.id, pipeline.created_by, pipeline.first_update, pipeline.created_at
        )
        created.append(seed, pipeline.created_by)
        self._pipelines[pipeline.id] = created

    async def delete_pipeline(self, pipeline_id: UUID) -> None:
        """Delete a pipeline with its document, log and rows. Raises PipelineNotFound."""
        self._pipeline(pipeline_id)
        del self._pipelines[pipeline_id]

    async def create_organization(self, name: str, slug: str) -> UUID:  # noqa: ARG002 - as the twin
        """Add an organization, return its id. Raises StoreError when the slug is taken."""
        if slug in self._organizations.values():
            raise Conflict(f"expected a new slug, got that of another organization: {slug}")
        organization_id = self._new_id()
        self._organizations[organization_id] = slug
        return organization_id

    async def create_team(self, organization_id: UUID, name: str, slug: str) -> UUID:  # noqa: ARG002 - as the twin
        """Add a team, return its id. Raises StoreError, UnknownSubject as in PostgreSQL."""
        _expect("organization", organization_id, self._organizations)
        if _Team(organization_id, slug) in self._teams.values():
            raise Conflict(f"expected a new slug, got that of another team: {slug}")
        team_id = self._new_id()
        self._teams[team_id] = _Team(organization_id, slug)
        return team_id

    async def create_user(self, email: str, name: str) -> User:
        """Add a user. Raises StoreError when the email, ignoring case, is taken."""
        if any(user.email.lower() == email.lower() for user in self._users.values()):
            raise Conflict(f"expected a new email, got that of another user: {email}")
        user = User(self._new_id(), email, name)
        self._users[user.id] = user
        return user

    async def add_member(self, team_id: UUID, user_id: UUID, role: Role) -> None:
        """Give a user a role in a team, in place of any earlier one.

        Raises UnknownSubject, and Conflict when that would leave the team without an owner.
        """
        _expect("team", team_id, self._teams)
        _expect("user", user_id, self._users)
        if role != "owner":
            self._keep_an_owner(team_id, excluding=user_id)
        self._roles[team_id, user_id] = role

    async def remove_member(self, team_id: UUID, user_id: UUID) -> None:
        """Take a user out of a team; nothing happens if the user is not in it.

        Raises Conflict for the last owner.
        """
        self._keep_an_owner(team_id, excluding=user_id)
        self._roles.pop((team_id, user_id), None)

    async def team_by_slug(self, slug: str) -> UUID:
        """Find a team by "team" or "organization/team". Raises UnknownSubject."""
        paths = {
            f"{self._organizations[team.organization_id]}/{team.slug}": team_id
            for team_id, team in self._teams.items()
        }
        found = {path: paths[path] for path in sorted(paths) if f"/{path}".endswith(f"/{slug}")}
        return only_team(slug, found)

    async def ensure_demo(self) -> Demo:
        """Create organization "demo", team "demo", its owner and its viewer, unless they exist."""
        if "demo" not in self._organizations.values():
            organization_id = await self.create_organization("Demo", "demo")
            team_id = await self.create_team(organization_id, "Demo", "demo")
            owner = await self.create_user(DEMO_OWNER, "Demo Owner")
            viewer = await self.create_user(DEMO_VIEWER, "Demo Viewer")
            await self.add_member(team_id, owner.id, "owner")
            await self.add_member(team_id, viewer.id, "viewer")
        return Demo(
            await self.team_by_slug("demo/demo"),
            await self.user_by_email(DEMO_OWNER),
            await self.user_by_email(DEMO_VIEWER),
        )

    def _keep_an_owner(self, team_id: UUID, excluding: UUID) -> None:
        owners = {
            user for (team, user), role in self._roles.items() if (team, role) == (team_id, "owner")
        }
        if owners == {excluding}:
            raise Conflict(
                "a team keeps an owner: make somebody else its owner first", "team_keeps_an_owner"
            )

    def versions_of(self, pipeline_id: UUID) -> list[Version]:
        """The versions of a pipeline, oldest first. Raises PipelineNotFound."""
        return self._pipeline(pipeline_id).versions

    def claim_unsaved(
        self,
        first_before: datetime | None,
        last_before: datetime | None,
        excluding: Collection[UUID],
    ) -> UUID | None:
        """One pipeline of which a version is due, see `Versions.claim_unsaved`."""
        due = {
            pipeline_id: pipeline.unsaved_since
            for pipeline_id, pipeline in self._pipelines.items()
            if pipeline_id not in excluding and pipeline.is_due(first_before, last_before)
        }
        return min(due, key=due.__getitem__, default=None)

    def mark_saved(self, pipeline_id: UUID, seq: int) -> None:
        """Note what the last version of a pipeline holds, see `Versions.mark_saved`."""
        pipeline = self._pipelines.get(pipeline_id)
        if pipeline is not None and pipeline.unsaved_from is not None:
            pipeline.unsaved_from = seq + 1 if seq < pipeline.cursor else None

    def known_user(self, user_id: UUID | None) -> UUID | None:
        """The user if there is one of this id."""
        return user_id if user_id in self._users else None

    def _pipeline(self, pipeline_id: UUID) -> _Pipeline:
        if pipeline_id not in self._pipelines:
            raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
        return self._pipelines[pipeline_id]

    def _append(self, update: NewUpdate) -> int | None:
        pipeline = self._pipelines.get(update.pipeline_id)
        return (
            None if pipeline is None else pipeline.append(update, self.known_user(update.user_id))
        )

    def _claimable(self, only: Collection[UUID] | None, excluding: Collection[UUID]) -> UUID | None:
        candidates = {
            pipeline_id: pipeline.projected
            for pipeline_id, pipeline in self._pipelines.items()
            if pipeline.is_dirty
            and not pipeline.is_claimed
            and (only is None or pipeline_id in only)
            and pipeline_id not in excluding
        }
        return min(candidates, key=candidates.__getitem__, default=None)

    def _commit(self, pipeline: _Pipeline, claim: "MemoryClaim") -> None:
        if claim.cursor != pipeline.cursor:
            pipeline.projected = next(self._turns)
            if pipeline.unsaved_from is None:
                pipeline.unsaved_from = pipeline.cursor + 1
        pipeline.rows, pipeline.cursor = claim.rows, claim.cursor


class MemoryClaim:
    """`Claim` on rows of its own, which become the pipeline's when the claim ends well."""

    def __init__(self, pipeline_id: UUID, cursor: int, rows: Rows) -> None:
        self._pipeline_id = pipeline_id
        self._cursor = cursor
        self._rows = rows
        self.was_applied = False

    @property
    def pipeline_id(self) -> UUID:
        """The pipeline that nobody else projects meanwhile."""
        return self._pipeline_id

    @property
    def cursor(self) -> int:
        """The last update that the rows contain."""
        return self._cursor

    @property
    def rows(self) -> Rows:
        """The rows as of now, inside the claim."""
        return self._rows

    async def stored_rows(self) -> Rows:
        """See `Claim.stored_rows`."""
        return self._rows

    async def apply(self, changes: RowChanges, cursor: int) -> None:
        """See `Claim.apply`. Raises StoreError when the rows break a constraint of the tables."""
        self._rows = changed(self._rows, changes)
        self._cursor = cursor
        self.was_applied = True


def _expect(what: str, key: UUID, known: Collection[UUID]) -> None:
    if key not in known:
        raise UnknownSubject(f"there is no {what} {key}: check the id")
