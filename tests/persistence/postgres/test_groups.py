"""Roles with fewer rights than the owner's: each may do its work, and nothing else."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest

import sql
from persistence.errors import NotAllowed, UnknownSubject
from persistence.postgres import groups
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import Pool, connect
from tests.persistence.worlds import World, a_world, build


@pytest.fixture
async def world(pool: Pool) -> World:
    made = a_world()
    await build(pool, made)
    return made


@pytest.fixture
async def role(pool: Pool) -> AsyncIterator[str]:
    """A role that may connect, and nothing else; a name that SQL must quote."""
    name = f"Reader {uuid4().hex}"
    await pool.run_script(f'CREATE ROLE "{name}" LOGIN')
    yield name
    await pool.run_script(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


def as_role(dsn: str, role: str) -> str:
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role.replace(' ', '%20')}@{host}").geturl()


async def count(reader: Any, relation: str) -> int:
    return int(await reader.fetchval(f"SELECT count(*) FROM {relation}"))


SEEN = (
    "pipelines", "steps", "connections", "teams", "team_members", "users", "organizations",
    "pipeline_stats", "pipeline_versions", "pipeline_documents", "projection_cursors", "comments",
    "pipeline_templates", "pipeline_diagnostics",
)  # fmt: skip


async def test_a_reader_sees_the_rows_and_changes_none(
    pool: Pool, world: World, role: str, database_url: str
) -> None:
    owner, reader = await connect(database_url), await connect(as_role(database_url, role))
    await groups.grant(pool, "reader", role)
    for relation in SEEN:
        assert await count(reader, relation) > 0, relation
    # Another one was deleted, and a third one is in a team that was.
    assert (await count(reader, "pipelines"), await count(owner, "pipelines")) == (1, 3)
    for statement in (
        "SELECT payload FROM pipeline_updates",
        "SELECT state FROM pipeline_states",
        "SELECT state FROM pipeline_versions",
        "SELECT email FROM users",
        "SELECT authentication FROM pipelines",
        "SELECT pipeline_config FROM pipeline_templates",
        "SELECT default_values FROM pipeline_templates",
        "SELECT FROM audit_log",
        "SELECT FROM event_tickets",
        "SELECT FROM invitations",
        "SELECT FROM deleted_pipelines",
        "DELETE FROM pipelines",
        "UPDATE steps SET name = 'mine'",
        "CREATE TABLE mine ()",
        "SET ROLE pipeloom_api",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute(statement)
    await owner.close()
    await reader.close()


async def test_a_reader_does_not_see_what_was_deleted(
    pool: Pool, world: World, role: str, database_url: str
) -> None:
    await groups.grant(pool, "reader", role)
    reader = await connect(as_role(database_url, role))
    await pool.run_script("UPDATE teams SET deleted_at = now()")
    for relation in ("teams", "pipelines", "steps", "pipeline_stats"):
        assert await count(reader, relation) == 0
    await reader.close()


async def test_addresses_are_read_by_whom_they_were_granted(
    pool: Pool, world: World, role: str, database_url: str
) -> None:
    await groups.grant(pool, "reader", role, emails=True)
    reader = await connect(as_role(database_url, role))
    assert await reader.fetchval("SELECT count(email) FROM users") > 1
    assert [(one["name"], one["emails"]) for one in await groups.members(pool, "reader")
            if one["name"] == role] == [(role, True)]  # fmt: skip
    await groups.revoke(pool, "reader", role)
    for column in ("email", "id"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch(f"SELECT {column} FROM users")
    with pytest.raises(UnknownSubject, match="not in pipeloom_reader"):
        await groups.revoke(pool, "reader", role)
    await reader.close()


async def test_a_role_that_could_not_read_is_refused(pool: Pool, role: str) -> None:
    with pytest.raises(UnknownSubject, match=r"CREATE ROLE .nobody. LOGIN"):
        await groups.grant(pool, "reader", "nobody")
    await pool.run_script(f'ALTER ROLE "{role}" NOINHERIT')
    with pytest.raises(NotAllowed, match="INHERIT"):
        await groups.grant(pool, "reader", role)
    await pool.run_script(f'ALTER ROLE "{role}" BYPASSRLS')
    with pytest.raises(NotAllowed, match="sees everything already"):
        await groups.grant(pool, "reader", role)


async def test_a_migration_gives_the_groups_their_rights_on_what_is_new(
    pool: Pool, role: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await groups.grant(pool, "server", role)
    later = "CREATE TABLE later (); ALTER TABLE later ENABLE ROW LEVEL SECURITY"
    real = sql.migrations()
    monkeypatch.setattr(sql, "migrations", lambda: {**real, "9999_later": later})
    assert await migrate(database_url) == ["9999_later"]
    server = await connect(as_role(database_url, role))
    await server.execute("INSERT INTO later DEFAULT VALUES")
    assert await count(server, "later") == 1
    await server.close()


async def test_a_role_that_serves_cannot_change_the_schema(
    pool: Pool, role: str, database_url: str
) -> None:
    await groups.grant(pool, "server", role)
    server = await connect(as_role(database_url, role))
    for statement in (
        "CREATE TABLE mine ()",
        "ALTER TABLE steps ADD COLUMN mine integer",
        "DROP POLICY pipelines_select ON pipelines",
        "DELETE FROM schema_migrations",
        "TRUNCATE audit_log",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await server.execute(statement)
    assert await migrate(as_role(database_url, role)) == []
    await server.close()
