"""A backup is taken beside a running server, and what it restores is the same and goes on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Map

from app.commands import backup
from persistence.embedded.binaries import installed_programs
from persistence.embedded.server import EmbeddedPostgres
from persistence.errors import StoreError
from persistence.postgres.client_programs import ClientPrograms, environment
from tests.app.test_crash import CAUGHT_UP
from tests.conftest import a_database
from tests.editor import joined
from tests.server import Installation, eventually, run
from tests.temporary import open_directory

CONTENT = {
    "users": "id, email, name",
    "teams": "id, name, slug",
    "pipelines": "id, name, status, config",
    "steps": "pipeline_id, id, name, type, config, position_x",
    "connections": "pipeline_id, id, from_step_id, to_step_id",
    "pipeline_updates": "pipeline_id, seq, user_id, payload",
    "pipeline_documents": "pipeline_id, head_seq, log_bytes",
    "pipeline_versions": "pipeline_id, version_number, state",
    "comments": "id, content",
    "audit_log": "id, action, subject_id",
    "schema_migrations": "name",
}


@pytest.fixture
async def empty(postgres_server: str, installation: Installation) -> AsyncIterator[Installation]:
    """An installation with the same secret on a database without a table."""
    async with a_database(postgres_server, "template1") as dsn:
        yield replace(installation, database_url=dsn)


async def content(installation: Installation) -> dict[str, list[Any]]:
    async with installation.sql() as sql:
        return {
            table: await sql.fetch(f"SELECT {columns} FROM {table} ORDER BY {columns}")
            for table, columns in CONTENT.items()
        }


async def add_steps(room: str, names: str) -> None:
    async with joined(room) as editor:
        for name in names:
            step = str(UUID(int=ord(name)))
            await editor.edit(lambda _, s=step, n=name: editor.steps.update({s: Map({"name": n})}))  # type: ignore[misc]
        await editor.until_echoed()


async def caught_up(installation: Installation, pipeline_id: str) -> None:
    async with installation.sql() as sql:
        await eventually("rows", lambda: sql.fetchval(CAUGHT_UP, pipeline_id))


async def backed_up(installation: Installation, file: Path) -> dict[str, list[Any]] | None:
    """Take a backup; return its content, None if the worker mended a document meanwhile."""
    before = await content(installation)
    saved = await installation.run("backup", str(file))
    assert saved.code == 0, saved
    if await content(installation) == before:
        return before
    _discard(file)
    return None


def _discard(file: Path) -> None:
    file.unlink()


async def test_a_backup_restores_everything_and_edits_go_on(
    installation: Installation, empty: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "backup.pipeloom"
    async with installation.serve() as server:
        pipeline_id, token = await installation.demo_pipeline(), await installation.token()
        await add_steps(server.room(pipeline_id, token), "abc")
        await caught_up(installation, pipeline_id)
        expected = await eventually("quiet", lambda: backed_up(installation, file))
        await add_steps(server.room(pipeline_id, token), "d")
        refused = await installation.run("restore", str(file), "--force")
        assert "stop these programs first" in refused.err
    assert file.stat().st_mode & 0o777 == 0o600
    restored = await empty.run("restore", str(file))
    assert restored.code == 0, restored
    assert await content(empty) == expected
    assert (await empty.run("check")).code == 0
    async with empty.serve() as server:
        # The page that was open all the time has an edit which the backup has not.
        await add_steps(server.room(pipeline_id, token), "de")
        await caught_up(empty, pipeline_id)
    async with empty.sql() as sql:
        names = {row["name"] for row in await sql.fetch("SELECT name FROM steps")}
    assert names >= set("abcde")
    again = await empty.run("restore", str(file))
    assert again.code == 1
    assert "is not empty" in again.err
    assert (await empty.run("restore", str(file), "--force")).code == 0
    assert await content(empty) == expected


async def test_a_backup_that_does_not_go_in_leaves_what_was_there(
    installation: Installation, empty: Installation, tmp_path: Path
) -> None:
    """Also with --force: what was there is dropped in the transaction that brings the backup in."""
    for one in (installation, empty):
        async with one.serve("--no-worker"):
            pass
    async with installation.sql() as sql:
        # As somebody leaves it who deletes rows by hand: keys of other tables refer to them.
        await sql.execute("SET session_replication_role = replica; DELETE FROM teams")
    file = tmp_path / "torn"
    assert (await installation.run("backup", str(file))).code == 0
    before = await content(empty)
    refused = await empty.run("restore", str(file), "--force")
    assert (refused.code, refused.out) == (1, "")
    assert "psql failed" in refused.err
    assert "foreign key" in refused.err
    assert await content(empty) == before
    async with installation.sql() as sql:
        await sql.execute("CREATE SCHEMA other; CREATE TABLE other.kept AS SELECT 1 AS one")
    whole = tmp_path / "whole"
    assert (await empty.run("backup", str(whole))).code == 0
    assert (await installation.run("restore", str(whole), "--force")).code == 0
    assert await content(installation) == before
    async with installation.sql() as sql:
        assert await sql.fetchval("SELECT one FROM other.kept") == 1


async def test_what_is_read_in_part_is_not_committed(empty: Installation, tmp_path: Path) -> None:
    programs = installed_programs()
    assert programs is not None
    (tmp_path / "psql").symlink_to(programs / "bin" / "psql")
    (tmp_path / "pg_restore").write_text("#!/bin/sh\necho 'CREATE TABLE half();'\nexit 1\n")
    (tmp_path / "pg_restore").chmod(0o755)
    with pytest.raises(StoreError, match="pg_restore failed"):
        ClientPrograms(18, tmp_path).restore(tmp_path / "x", dsn=empty.database_url, first="")
    async with empty.sql() as sql:
        assert await sql.fetchval("SELECT to_regclass('half')") is None


async def test_a_backup_of_the_embedded_postgresql_goes_into_the_server_of_the_tests(
    empty: Installation, tmp_path: Path
) -> None:
    """Which may be an older one: .ci/run plays this on PostgreSQL 15."""
    file = tmp_path / "backup"
    # PostgreSQL runs as another account where root runs the tests.
    with open_directory() as folder, EmbeddedPostgres(data_dir := folder / "data") as postgres:
        embedded = Installation(postgres.dsn, tmp_path / "of no use")
        async with embedded.serve() as server:
            pipeline_id, token = await embedded.demo_pipeline(), await embedded.token()
            await add_steps(server.room(pipeline_id, token), "ab")
            await caught_up(embedded, pipeline_id)
        assert (await run("backup", str(file), "--data-dir", str(data_dir))).code == 0
        expected = await content(embedded)
    restored = await empty.run("restore", str(file))
    assert restored.code == 0, restored
    assert await content(empty) == expected
    assert (await empty.run("check")).code == 0
    async with empty.serve() as server:
        await add_steps(server.room(pipeline_id, await empty.token()), "c")
        await caught_up(empty, pipeline_id)


async def test_what_cannot_be_backed_up_or_restored_is_explained(
    installation: Installation, empty: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "there"
    file.write_text("no backup")
    for outcome, words in [
        (await installation.run("backup", str(file)), "is there already"),
        (await installation.run("backup", str(tmp_path / "no" / "folder")), "there is no folder"),
        (await empty.run("restore", str(file)), "cannot be restored"),
        (await empty.run("restore", str(tmp_path / "missing")), "no file"),
    ]:
        assert (outcome.code, outcome.out) == (1, "")
        assert words in outcome.err
        assert len(outcome.err.splitlines()) == 1


def test_a_backup_goes_into_no_file_of_somebody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "token_hex", lambda _: "guessed")
    theirs, link = tmp_path / "theirs", tmp_path / "mine.guessed.unfinished"
    theirs.touch()
    link.symlink_to(theirs)
    with (
        pytest.raises(FileExistsError),
        backup._new_file(tmp_path / "mine") as written,
    ):
        written.write(b"everything")
    assert (theirs.read_bytes(), link.is_symlink()) == (b"", True)


def test_programs_older_than_the_server_are_refused(tmp_path: Path) -> None:
    for major in (15, 18):
        folder = tmp_path / str(major)
        folder.mkdir()
        (folder / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.4 (X)'\n")
        (folder / "pg_dump").chmod(0o755)
        (folder / "pg_restore").touch()
        (folder / "psql").touch()
    folders = sorted(tmp_path.iterdir(), reverse=True)
    assert [one.major for one in ClientPrograms.for_server(15, folders)] == [15, 18]
    assert [one.major for one in ClientPrograms.for_server(16, folders)] == [18]
    with pytest.raises(StoreError, match=r"19 or newer.*found 15, 18.*postgresql-client-19"):
        ClientPrograms.for_server(19, folders)


@pytest.mark.parametrize(
    ("dsn", "expected"),
    [
        (
            "postgresql://me:s%40fe@db.example:5433/loom?sslmode=require&search_path=public",
            {"PGUSER": "me", "PGPASSWORD": "s@fe", "PGHOST": "db.example", "PGPORT": "5433",
             "PGDATABASE": "loom", "PGSSLMODE": "require"},
        ),
        (
            "postgresql://postgres@/postgres?host=%2Fsrv%2Fdata&port=5432",
            {"PGUSER": "postgres", "PGHOST": "/srv/data", "PGPORT": "5432",
             "PGDATABASE": "postgres"},
        ),
        ("postgres://[::1]/a", {"PGHOST": "::1", "PGDATABASE": "a"}),
        ("postgres://a:1,b:2/c", {"PGHOST": "a,b", "PGPORT": "1,2", "PGDATABASE": "c"}),
    ],
)  # fmt: skip
def test_the_programs_connect_to_where_the_driver_does(dsn: str, expected: dict[str, str]) -> None:
    assert environment(dsn) == {**expected, "PGAPPNAME": "pipeloom command"}
