"""An installation in which everybody has a role of their own, with no more rights than needed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from pycrdt import Map

from persistence.postgres.pool import connect
from tests.conftest import dsn_of
from tests.editor import joined
from tests.server import Installation, eventually

# Roles belong to the cluster, in which other tests may have made these.
PREPARE = """
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pipeloom_api', 'pipeloom_reader', 'pipeloom_server'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
        EXECUTE format('GRANT %I TO {owner} WITH ADMIN OPTION', name);
    END LOOP;
END $$
"""


@dataclass(frozen=True, slots=True)
class Roles:
    owner: str
    server: str
    worker: str
    reader: str


@pytest.fixture
async def roles(postgres_server: str) -> AsyncIterator[Roles]:
    """Four roles without any right, the first of which owns a new database of the same name."""
    made = Roles(*(f"{name}_{uuid4().hex[:8]}" for name in Roles.__slots__))
    names = [getattr(made, name) for name in Roles.__slots__]
    admin = await connect(postgres_server)
    for name in names:
        await admin.execute(f"CREATE ROLE {name} LOGIN")
    await admin.execute(PREPARE.format(owner=made.owner))
    await admin.execute(f"CREATE DATABASE {made.owner} OWNER {made.owner} TEMPLATE template0")
    yield made
    await admin.execute(f"DROP DATABASE {made.owner} WITH (FORCE)")
    for name in names:
        await admin.execute(f"DROP OWNED BY {name}")
        await admin.execute(f"DROP ROLE {name}")
    await admin.close()


async def test_each_role_does_its_work_and_nobody_is_a_superuser(
    postgres_server: str, roles: Roles, tmp_path: Path
) -> None:
    def url(role: str) -> str:
        parts = urlsplit(dsn_of(postgres_server, roles.owner))
        return parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()

    owner = Installation(url(roles.owner), tmp_path / "data")
    owner.data_dir.mkdir()
    await owner.result("migrate")
    early = await replace(owner, database_url=url(roles.server)).run("serve", "--no-worker")
    assert (early.code, early.out) == (1, "")
    assert "permission denied" in early.err
    assert "`pipeloom servers grant ROLE`" in early.err
    for role in (roles.server, roles.worker):
        await owner.run("servers", "grant", role)
    await owner.run("readers", "grant", roles.reader)
    listed = await owner.run("readers", "list")
    assert roles.reader in listed.out.splitlines()

    server, worker = (
        replace(owner, database_url=url(role)) for role in (roles.server, roles.worker)
    )
    step = str(UUID(int=7))
    async with server.serve("--no-worker") as served, worker.background("worker") as working:
        room = served.room(await owner.demo_pipeline(), await owner.token())
        async with joined(room) as editor:
            await editor.edit(lambda _: editor.steps.update({step: Map({"name": "seven"})}))
            await editor.until_echoed()
        reader = await connect(url(roles.reader))
        seen = "SELECT count(*) = 1 FROM steps WHERE name = 'seven'"
        await eventually("a step that the reader sees", lambda: reader.fetchval(seen))
        await reader.close()
        assert await working.end() == 0
        assert await served.program.end() == 0
    assert "level=error" not in owner.log_file.read_text()
    outcome = await replace(owner, database_url=url(roles.reader)).run("servers", "grant", "x")
    assert outcome.code == 1
