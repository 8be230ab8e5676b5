"""The directory in memory: the twin of `persistence/postgres/directory.py`.

It also has the methods that fill it, which `tests/directory.py` adds to the one on PostgreSQL.
"""

from collections.abc import Collection
from uuid import UUID

from crdt.pipeline.rows import Rows
from crdt.room.session import UserProfile
from persistence.errors import Conflict, NotAllowed, UnknownSubject
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
from persistence.ports.update_log import NewUpdate

from .constraints import check_pipeline
from .tables import MemoryPipeline, MemoryTables, MemoryTeam


class MemoryDirectory(MemoryTables):
    """`Directory` over the shared state."""

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

    async def create_pipeline(self, pipeline: NewPipeline) -> int:
        """See `Directory.create_pipeline`. Raises StoreError when the id is taken."""
        if pipeline.id in self._pipelines:
            raise Conflict(f"expected a new id, got that of a pipeline there is: {pipeline.id}")
        _expect("team", pipeline.team_id, self._teams)
        if pipeline.created_by is not None:
            _expect("user", pipeline.created_by, self._users)
        if pipeline.parent_id is not None:
            _expect("pipeline", pipeline.parent_id, self._pipelines)
        if pipeline.needs_member:
            self._require_editor(pipeline)
        check_pipeline(pipeline.row)
        created = MemoryPipeline(pipeline.team_id, Rows(pipeline.row), next(self._turns))
        seed = NewUpdate(
            pipeline.id, pipeline.created_by, pipeline.first_update, pipeline.created_at
        )
        created.append(seed, pipeline.created_by)
        self._pipelines[pipeline.id] = created
        return next(self._turns)

    def _require_editor(self, pipeline: NewPipeline) -> None:
        role = pipeline.created_by and self._roles.get((pipeline.team_id, pipeline.created_by))
        if role not in ("member", "admin", "owner"):
            raise NotAllowed("whoever creates a pipeline must be a member of the team")

    async def delete_pipeline(self, pipeline_id: UUID) -> None:
        """Delete a pipeline with its document, log and rows. Raises PipelineNotFound."""
        self._pipeline(pipeline_id)
        del self._pipelines[pipeline_id]

    async def create_organization(self, name: str, slug: str) -> UUID:
        """Add an organization and return its id. Raises Conflict when the slug is taken."""
        if slug in self._organizations.values():
            raise Conflict(f"expected a new slug, got that of another organization: {slug}")
        organization_id = self._new_id()
        self._organizations[organization_id], self._names[organization_id] = slug, name
        return organization_id

    async def create_team(self, organization_id: UUID, name: str, slug: str) -> UUID:
        """Add a team and return its id.

        Raises UnknownSubject for an unknown organization, and Conflict when the slug is taken in
        it.
        """
        _expect("organization", organization_id, self._organizations)
        if MemoryTeam(organization_id, slug) in self._teams.values():
            raise Conflict(f"expected a new slug, got that of another team: {slug}")
        team_id = self._new_id()
        self._teams[team_id] = MemoryTeam(organization_id, slug)
        self._names[team_id] = name
        return team_id

    async def create_user(self, email: str, name: str) -> User:
        """Add a user and return it. Raises Conflict when the email is taken, ignoring case."""
        self._require_free(email)
        user = User(self._new_id(), email, name)
        self._users[user.id] = user
        return user

    def _require_free(self, email: str) -> None:
        if any(user.email.lower() == email.lower() for user in self._users.values()):
            text = f"expected a new email, got that of another user: {email}"
            raise Conflict(text, "users_email_key")

    async def add_member(self, team_id: UUID, user_id: UUID, role: Role) -> None:
        """Give a user a role in a team, in place of any earlier one.

        Raises UnknownSubject, and Conflict when that would leave the team without an owner.
        """
        _expect("team", team_id, self._teams)
        _expect("user", user_id, self._users)
        if role != "owner":
            self._keep_an_owner(team_id, excluding=user_id)
        self._roles[team_id, user_id] = role
        self._from_groups.discard((team_id, user_id))

    async def remove_member(self, team_id: UUID, user_id: UUID) -> None:
        """Remove a user from a team, if the user is in it. Raises Conflict for the last owner."""
        self._keep_an_owner(team_id, excluding=user_id)
        self._roles.pop((team_id, user_id), None)
        self._from_groups.discard((team_id, user_id))

    async def team_by_slug(self, slug: str) -> UUID:
        """Find a team by "team" or "organization/team". Raises UnknownSubject."""
        paths = self._paths()
        found = {path: paths[path] for path in sorted(paths) if f"/{path}".endswith(f"/{slug}")}
        return only_team(slug, found)

    def _paths(self) -> dict[str, UUID]:
        return {
            f"{self._organizations[team.organization_id]}/{team.slug}": team_id
            for team_id, team in self._teams.items()
        }

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


def _expect(what: str, key: UUID, known: Collection[UUID]) -> None:
    if key not in known:
        raise UnknownSubject(f"there is no {what} {key}: check the id")
