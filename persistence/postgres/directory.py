"""Users, teams and the pipelines they own, on PostgreSQL."""

from collections.abc import Collection
from uuid import UUID

from crdt.errors import PipelineNotFound
from crdt.room.session import UserProfile
from persistence.errors import NotAllowed, UnknownSubject
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
from persistence.ports.user_rows import Record

from .columns import columns
from .pool import DatabaseConnection, Pool, as_setting


class PostgresDirectory:
    """`Directory`, and what the command line and the demo need beside it.

    A user makes at most `most_changes` within an hour of what the audit log has, if that is given.
    """

    def __init__(self, pool: Pool, most_changes: int | None = None) -> None:
        self._pool, self._most_changes = pool, as_setting(most_changes)

    async def member(self, user_id: UUID, pipeline_id: UUID) -> Member | None:
        """See `Directory.member`."""
        row = await self._pool.fetchrow("member_of_team", user_id, pipeline_id)
        if row is None:
            raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")
        if row["role"] is None:
            return None
        return Member(UserProfile(user_id, row["name"], row["avatar_url"]), row["role"])

    async def roles(
        self, seats: Collection[tuple[UUID, UUID]]
    ) -> dict[tuple[UUID, UUID], Role | None]:
        """See `Directory.roles`."""
        users, pipelines = [user for user, _ in seats], [pipeline for _, pipeline in seats]
        rows = await self._pool.fetch("roles_of_users", users, pipelines)
        return {(row["user_id"], row["pipeline_id"]): row["role"] for row in rows}

    async def user_by_email(self, email: str) -> User:
        """See `Directory.user_by_email`."""
        row = await self._pool.fetchrow("user_by_email", email)
        if row is None:
            raise UnknownSubject(f"no user has the email {email}: check it, or create the user")
        return User(**row)

    async def create_pipeline(self, pipeline: NewPipeline) -> int:
        """See `Directory.create_pipeline`. Raises StoreError when the id is taken."""
        async with self._pool.transaction() as transaction:
            if pipeline.needs_member:
                await _require_editor(transaction, pipeline)
            if pipeline.claim is not None:
                await transaction.execute("set_claim", str(pipeline.claim))
            transaction_id: int = await transaction.fetchval(
                "create_pipeline",
                pipeline.id,
                pipeline.team_id,
                pipeline.created_by,
                pipeline.created_at,
                pipeline.first_update,
                pipeline.parent_id,
                pipeline.address,
                self._most_changes,
                *columns(pipeline.row),
            )
        return transaction_id

    async def team_by_slug(self, slug: str) -> UUID:
        """Find a team by "team", or by "organization/team" where several have that slug.

        Raises UnknownSubject when there is none, or more than one.
        """
        organization, _, team = slug.rpartition("/")
        rows = await self._pool.fetch("teams_by_slug", team, organization or None)
        return only_team(slug, {row["path"]: row["id"] for row in rows})

    async def ensure_demo(self) -> Demo:
        """Create organization "demo", team "demo", its owner and its viewer, unless they exist."""
        organization_id = await self._new_id("ensure_organization", "Demo", "demo")
        team_id = await self._new_id("ensure_team", organization_id, "Demo", "demo")
        owner = _user(await self._pool.fetchrow("ensure_user", DEMO_OWNER, "Demo Owner"))
        viewer = _user(await self._pool.fetchrow("ensure_user", DEMO_VIEWER, "Demo Viewer"))
        await self._pool.execute("set_member", team_id, owner.id, "owner")
        await self._pool.execute("set_member", team_id, viewer.id, "viewer")
        return Demo(team_id, owner, viewer)

    async def has_users(self) -> bool:
        """Whether this installation was ever used."""
        found: bool = await self._pool.fetchval("has_users")
        return found

    async def demo_pipeline(self) -> UUID | None:
        """The oldest pipeline of the demo team, None if there is none."""
        found: UUID | None = await self._pool.fetchval("demo_pipeline")
        return found

    async def _new_id(self, name: str, *args: object) -> UUID:
        created: UUID = await self._pool.fetchval(name, *args)
        return created


async def _require_editor(transaction: DatabaseConnection, pipeline: NewPipeline) -> None:
    if not await transaction.fetchval("lock_editor", pipeline.team_id, pipeline.created_by):
        raise NotAllowed("whoever creates a pipeline must be a member of the team")


def _user(row: Record | None) -> User:
    if row is None:
        raise UnknownSubject("expected the user just written, got none: was it deleted meanwhile?")
    return User(**row)
