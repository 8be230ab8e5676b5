"""The directory on PostgreSQL with verbs that only tests need.

The API creates organizations, teams and members on behalf of a user (`sql/api.sql`). Tests need
some without a user who may do so.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from crdt.errors import PipelineNotFound
from persistence.ports.directory import Role, User
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.pool import Pool
from persistence.postgres.queries import parse

QUERIES: Final = parse("""
-- lock_cursor --
SELECT FROM projection_cursors WHERE pipeline_id = $1 FOR UPDATE

-- delete_pipeline --
DELETE FROM pipelines WHERE id = $1 RETURNING id

-- create_organization --
INSERT INTO organizations (name, slug) VALUES ($1, $2) RETURNING id

-- create_team --
INSERT INTO teams (organization_id, name, slug) VALUES ($1, $2, $3) RETURNING id

-- create_user --
INSERT INTO users (email, name) VALUES ($1, $2) RETURNING id, email, name

-- set_member --
INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, $3)
ON CONFLICT (team_id, user_id) DO UPDATE SET role = excluded.role, from_groups = false

-- add_link --
INSERT INTO invitation_links (team_id, digest, role, invited_by, expires_at, max_uses)
VALUES ($1, $2, $3, $4, now() + $6, $5)

-- revoke_link --
UPDATE invitation_links SET revoked_at = now() WHERE digest = $1

-- address_of --
SELECT email FROM users WHERE id = $1

-- role_in --
SELECT role FROM team_members WHERE team_id = $1 AND user_id = $2

-- remove_member --
DELETE FROM team_members WHERE team_id = $1 AND user_id = $2
""")


class WritableDirectory(PostgresDirectory):
    """`PostgresDirectory` that can be filled; raises what the tables refuse as StoreError."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._writing = pool.with_queries(QUERIES)

    async def delete_pipeline(self, pipeline_id: UUID) -> None:
        """Delete a pipeline with its document, log and rows. Raises PipelineNotFound."""
        async with self._pool.transaction() as transaction:
            writing = transaction.with_queries(QUERIES)
            # Workers lock the cursor before the rows, so this must as well.
            await writing.execute("lock_cursor", pipeline_id)
            if await writing.fetchval("delete_pipeline", pipeline_id) is None:
                raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")

    async def create_organization(self, name: str, slug: str) -> UUID:
        created: UUID = await self._writing.fetchval("create_organization", name, slug)
        return created

    async def create_team(self, organization_id: UUID, name: str, slug: str) -> UUID:
        created: UUID = await self._writing.fetchval("create_team", organization_id, name, slug)
        return created

    async def create_user(self, email: str, name: str) -> User:
        row = await self._writing.fetchrow("create_user", email, name)
        assert row is not None
        return User(**row)

    async def add_member(self, team_id: UUID, user_id: UUID, role: Role) -> None:
        await self._writing.execute("set_member", team_id, user_id, role)

    async def remove_member(self, team_id: UUID, user_id: UUID) -> None:
        await self._writing.execute("remove_member", team_id, user_id)

    async def add_link(
        self,
        team_id: UUID,
        digest: bytes,
        role: Role,
        inviter: UUID,
        *,
        uses: int,
        lasts: timedelta,
    ) -> None:
        await self._writing.execute("add_link", team_id, digest, role, inviter, uses, lasts)

    async def revoke_link(self, digest: bytes) -> None:
        await self._writing.execute("revoke_link", digest)

    async def address_of(self, user_id: UUID) -> str:
        found: str = await self._writing.fetchval("address_of", user_id)
        return found

    async def role_in(self, team_id: UUID, user_id: UUID) -> Role | None:
        found: Role | None = await self._writing.fetchval("role_in", team_id, user_id)
        return found
