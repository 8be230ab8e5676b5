"""An installation goes on as before when it is made ready for Electric, and when that is undone."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from pycrdt import Map

from persistence.postgres.electric import SLOT
from persistence.postgres.pool import connect
from tests.app.test_crash import CAUGHT_UP
from tests.conftest import a_database, dsn_of
from tests.editor import joined
from tests.server import Installation, Server, eventually

STEP = str(UUID(int=7))
PUBLISHED = "SELECT count(*) FROM pg_publication_rel"


@pytest.fixture
async def role(postgres_server: str) -> AsyncIterator[str]:
    """A role as an administrator makes it for Electric."""
    name = f"electric_{uuid4().hex[:8]}"
    admin = await connect(postgres_server)
    await admin.execute(f"CREATE ROLE {name} LOGIN REPLICATION")
    yield name
    await admin.execute(f"DROP ROLE {name}")
    await admin.close()


async def rename(server: Server, installation: Installation, pipeline_id: str, name: str) -> None:
    """Have a step called so, and wait until the tables have it."""
    async with joined(server.room(pipeline_id, await installation.token())) as editor:
        await editor.edit(lambda _: editor.steps.update({STEP: Map({"name": name})}))
        await editor.until_echoed()
    async with installation.sql() as sql:
        await eventually("rows", lambda: sql.fetchval(CAUGHT_UP, pipeline_id))
        assert await sql.fetchval("SELECT name FROM steps WHERE id = $1", STEP) == name


async def test_a_running_server_goes_on_with_electric_and_without(
    installation: Installation, role: str
) -> None:
    async with installation.serve() as server, installation.sql() as sql:
        pipeline_id = await installation.demo_pipeline()
        for _ in range(2):
            done = await installation.run("electric", "setup", role)
            assert done.code == 0, done
            assert "Electric needs logical" in done.err
        await rename(server, installation, pipeline_id, "warp")
        await rename(server, installation, pipeline_id, "weft")
        assert await sql.fetchval(PUBLISHED) == 10
        assert (await installation.run("electric", "remove")).code == 0
        assert await sql.fetchval(PUBLISHED) == 0
        await rename(server, installation, pipeline_id, "selvedge")
        await installation.result("delete", pipeline_id)
        assert "level=error" not in server.program.log


@pytest.fixture
async def owner(postgres_server: str) -> AsyncIterator[str]:
    """The DSN of an empty database for a role that owns it, and may make roles and no more."""
    name = f"owner_{uuid4().hex[:8]}"
    admin = await connect(postgres_server)
    await admin.execute(f"CREATE ROLE {name} LOGIN CREATEROLE")
    for group in ("pipeloom_api", "pipeloom_electric"):
        # Roles belong to the cluster, in which other tests may have made these.
        await admin.execute(
            f"DO $$ BEGIN CREATE ROLE {group}; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        await admin.execute(f"GRANT {group} TO {name} WITH ADMIN OPTION")
    await admin.execute(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
    parts = urlsplit(dsn_of(postgres_server, name))
    yield parts._replace(netloc=f"{name}@{parts.netloc.rpartition('@')[2]}").geturl()
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")
    await admin.close()


async def test_an_owner_needs_an_administrator_for_the_slot_alone(
    owner: str, role: str, postgres_server: str, tmp_path: Path
) -> None:
    installation = Installation(owner, tmp_path / "data")
    await installation.result("migrate")
    await installation.result("electric", "setup", role)
    admin = await connect(postgres_server)
    # Any slot will do here: one of Electric's kind needs another wal_level.
    await admin.execute(f"SELECT pg_create_physical_replication_slot('{SLOT}')")
    try:
        refused = await installation.run("electric", "remove")
    finally:
        await admin.execute(f"SELECT pg_drop_replication_slot('{SLOT}')")
        await admin.close()
    assert refused.code == 1
    assert f"SELECT pg_drop_replication_slot('{SLOT}')" in refused.err
    async with installation.sql() as sql:
        assert await sql.fetchval(PUBLISHED) == 0
    await installation.result("electric", "remove")


async def test_it_says_what_is_missing(installation: Installation) -> None:
    await installation.result("migrate")
    refused = await installation.run("electric", "setup", "nobody_yet")
    assert refused.code == 1
    assert "LOGIN REPLICATION PASSWORD" in refused.err


async def test_what_was_published_is_restored_and_can_be_published_again(
    installation: Installation, role: str, postgres_server: str, tmp_path: Path
) -> None:
    file = str(tmp_path / "backup.pipeloom")
    await installation.result("migrate")
    await installation.result("electric", "setup", role)
    await installation.result("backup", file)
    for _ in range(2):
        await installation.result("restore", file, "--force")
        async with installation.sql() as sql:
            assert await sql.fetchval(PUBLISHED) == 0
        await installation.result("electric", "setup", role)
    async with a_database(postgres_server, "template1") as dsn, installation.sql() as sql:
        elsewhere = Installation(dsn, installation.data_dir)
        await elsewhere.result("restore", file)
        assert await sql.fetchval(PUBLISHED) == 10
