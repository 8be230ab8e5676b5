import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

import sql
from crdt.pipeline.rows import STEP_TYPES, UNSUPPORTED
from persistence.embedded.server import EmbeddedPostgres
from persistence.errors import (
    NotAllowed,
    SchemaNewer,
    SchemaOutdated,
    StoreError,
    UnsuitableDatabase,
)
from persistence.postgres import migrations
from persistence.postgres.migrations import (
    migrate,
    missing_migrations,
    pending,
    require_current,
    stop_reason,
)
from persistence.postgres.pool import Pool, connect, connection, open_pool
from tests.conftest import a_database, dsn_of
from tests.persistence.worlds import a_world, build
from tests.server import eventually

CATALOGUE = {
    "columns": """
        SELECT table_name, column_name, data_type, udt_name, column_default, is_nullable,
               generation_expression
        FROM information_schema.columns WHERE table_schema = 'public'""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), condeferrable,
               condeferred
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace""",
    "indexes": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "functions": """
        SELECT proname, pg_get_functiondef(oid) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace""",
    "triggers": "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal",
    "relations": """
        SELECT relname, relkind, relpersistence, relrowsecurity, relforcerowsecurity, reloptions,
               array(SELECT item::text FROM unnest(relacl) AS item ORDER BY 1)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'""",
    "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
    "column rights": """
        SELECT attrelid::regclass::text, attname, attacl FROM pg_attribute
        WHERE attacl IS NOT NULL AND attrelid::regclass::text NOT LIKE 'pg_%'""",
    "function rights": """
        SELECT proname, array(SELECT item::text FROM unnest(proacl) AS item ORDER BY 1)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace""",
    "policies": "SELECT * FROM pg_policies",
    "schema rights": """
        SELECT array(SELECT item::text FROM unnest(nspacl) AS item ORDER BY 1) FROM pg_namespace
        WHERE nspname = 'public'""",
}


async def catalogue(dsn: str) -> dict[str, list[str]]:
    """What the database holds beside the record of migrations, by kind."""
    driver = await connect(dsn)
    found = {kind: [str(row) for row in await driver.fetch(q)] for kind, q in CATALOGUE.items()}
    await driver.close()
    return {
        kind: sorted(row for row in rows if "schema_migrations" not in row)
        for kind, rows in found.items()
    }


async def test_the_schema_is_the_sum_of_the_migrations(
    empty_database_url: str, database_url: str
) -> None:
    async with connection(empty_database_url) as database:
        await database.run_script(sql.schema())
    by_schema, by_migrations = await catalogue(empty_database_url), await catalogue(database_url)
    assert by_schema == by_migrations
    assert len(by_schema["columns"]) > 80
    assert {kind for kind, rows in by_schema.items() if not rows} == set()


async def test_migrations_apply_once(empty_database_url: str) -> None:
    assert await migrate(empty_database_url) == list(sql.migrations())
    assert await migrate(empty_database_url) == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_of_another_encoding_is_refused_untouched(
    postgres_server: str, encoding: str
) -> None:
    template = f"template0 ENCODING '{encoding}' LOCALE_PROVIDER libc LOCALE 'C'"
    async with a_database(postgres_server, template) as dsn:
        await assert_refused(dsn, f"the encoding {encoding}.*ENCODING 'UTF8'")


@pytest.mark.parametrize("path", ["app, public", "nowhere"])
async def test_a_search_path_that_does_not_begin_with_public_is_refused(
    empty_database_url: str, path: str
) -> None:
    async with connection(empty_database_url) as database:
        await database.run_script(
            f"""DO $$ BEGIN
            EXECUTE format('ALTER DATABASE %I SET search_path = {path}', current_database());
            END $$; CREATE SCHEMA app"""
        )
    await assert_refused(empty_database_url, r"search_path.*run ALTER DATABASE \w+ SET search_path")
    # The remedy that changes no setting.
    joint = "&" if "?" in empty_database_url else "?"
    parameter = f"{empty_database_url}{joint}search_path=public"
    assert await migrate(parameter) == list(sql.migrations())


async def test_a_program_older_than_the_schema_refuses(database_url: str) -> None:
    newest = max(sql.migrations())
    async with connection(database_url) as database:
        await database.execute("record_migration", "9999_from_the_future")
    refusal = rf"9999_from_the_future.* newer than this program's {newest}: upgrade.*backup"
    for refused in (migrate, missing_migrations):
        with pytest.raises(SchemaNewer, match=refusal):
            await refused(database_url)
    pool = await open_pool(database_url)
    with pytest.raises(SchemaNewer, match=refusal):
        await require_current(pool)
    await pool.close()


async def test_asking_what_is_missing_changes_nothing(empty_database_url: str) -> None:
    assert await missing_migrations(empty_database_url) == list(sql.migrations())
    async with connection(empty_database_url) as database:
        assert not await database.fetchval("has_migrations_table")


WAITING = """
    SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'steps'::regclass)
"""


async def test_a_migration_waits_for_a_lock_without_keeping_others_from_it(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives a lock up soon, so whoever reads the table meanwhile is not behind it for long."""
    real = sql.migrations()
    change = "ALTER TABLE steps ADD COLUMN later integer"
    monkeypatch.setattr(sql, "migrations", lambda: {**real, "9999_later": change})
    reader, other = await connect(database_url), await connect(database_url)
    transaction = reader.transaction()
    await transaction.start()
    await reader.fetch("SELECT FROM steps")
    async with asyncio.TaskGroup() as group:
        migrating = group.create_task(migrate(database_url))
        await eventually("a lock that is waited for", lambda: other.fetchval(WAITING))
        await other.fetch("SELECT FROM steps")
        assert not migrating.done()
        await transaction.commit()
    assert migrating.result() == ["9999_later"]
    await reader.close()
    await other.close()


def test_what_is_not_safe_beside_older_servers_says_why() -> None:
    assert "column" in (stop_reason("0003_search") or "")
    assert stop_reason("0001_first") is None
    marked = [name for name, text in sql.migrations().items() if "Stop older" in text]
    assert [name for name in marked if stop_reason(name) is None] == []
    assert migrations.STOP_MARK.startswith("-- ")


async def assert_refused(dsn: str, remedy: str) -> None:
    """Migrating and serving are refused, and there is no table afterwards."""
    with pytest.raises(UnsuitableDatabase, match=remedy):
        await migrate(dsn)
    pool = await open_pool(dsn)
    with pytest.raises(UnsuitableDatabase):
        await require_current(pool)
    await pool.close()
    driver = await connect(dsn)
    assert (
        await driver.fetchval("SELECT count(*) FROM pg_tables WHERE tablename LIKE '%team%'") == 0
    )
    await driver.close()


async def test_nodes_migrate_side_by_side(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(6)))
    assert sorted(applied) == [[]] * 5 + [list(sql.migrations())]


async def test_databases_of_one_cluster_migrate_side_by_side(cluster: Path) -> None:
    """The first to come makes the role that belongs to all of them."""
    with EmbeddedPostgres(cluster) as server:
        databases = [f"side_{number}" for number in range(4)]
        async with connection(server.dsn) as admin:
            for name in databases:
                await admin.run_script(f"CREATE DATABASE {name}")
        urls = [dsn_of(server.dsn, name) for name in databases]
        applied = await asyncio.gather(*(migrate(url) for url in urls))
    assert applied == [list(sql.migrations())] * 4


@asynccontextmanager
async def an_ordinary_role(server: str, database: str, rights: str) -> AsyncIterator[str]:
    """A role that owns the database and nothing else; yields its DSN."""
    role, name = f"ordinary_{uuid4().hex}", urlsplit(database).path[1:]
    async with connection(server) as admin:
        await admin.run_script(f"CREATE ROLE {role} LOGIN {rights}")
        await admin.run_script(f"ALTER DATABASE {name} OWNER TO {role}")
        yield urlsplit(database)._replace(netloc=f"{role}@{_host(database)}").geturl()
        await admin.run_script(f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
    async with connection(database) as own:
        await own.run_script(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def _host(dsn: str) -> str:
    return urlsplit(dsn).netloc.rpartition("@")[2]


async def test_a_role_that_may_not_join_says_what_the_administrator_should_run(
    postgres_server: str, template_database: str, empty_database_url: str
) -> None:
    async with an_ordinary_role(postgres_server, empty_database_url, "") as dsn:
        with pytest.raises(NotAllowed, match="let an administrator run") as caught:
            await migrate(dsn)
        (grant,) = re.findall(r"`(GRANT .*?)`", str(caught.value))
        async with connection(postgres_server) as admin:
            await admin.run_script(grant)
        assert await migrate(dsn) == list(sql.migrations())[1:]
        await _use(dsn)


async def test_a_role_that_may_create_roles_needs_no_administrator(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as server:
        dsn = dsn_of(server.dsn, "own")
        async with connection(server.dsn) as admin:
            await admin.run_script("CREATE DATABASE own")
        async with an_ordinary_role(server.dsn, dsn, "CREATEROLE") as ordinary:
            assert await migrate(ordinary) == list(sql.migrations())
            await _use(ordinary)


async def _use(dsn: str) -> None:
    """Do something as a user, as the owner of the tables, who is no superuser."""
    pool = await open_pool(dsn)
    world = a_world()
    await build(pool, world)
    async with pool.transaction() as transaction:
        await transaction.execute("become_api_user", world.user, "", "")
        await transaction.run_script("DELETE FROM comments; DELETE FROM pipelines")
    assert await pool._driver.fetchval("SELECT count(*) FROM steps") == 0
    await pool.close()


async def test_a_role_that_would_bypass_the_policies_is_refused(cluster: Path) -> None:
    with EmbeddedPostgres(cluster) as server:
        async with connection(server.dsn) as admin:
            await admin.run_script("CREATE ROLE pipeloom_api BYPASSRLS")
            with pytest.raises(NotAllowed, match="must be bound by row-level security"):
                await migrate(server.dsn)
            await admin.run_script("ALTER ROLE pipeloom_api NOBYPASSRLS")
            assert await migrate(server.dsn) == list(sql.migrations())[1:]


async def test_pending_names_what_is_missing(empty_database_url: str) -> None:
    async with connection(empty_database_url) as database:
        assert await pending(database) == list(sql.migrations())
    await migrate(empty_database_url)
    async with connection(empty_database_url) as database:
        assert await pending(database) == []


async def test_an_outdated_schema_says_what_to_run(empty_database_url: str) -> None:
    pool = await open_pool(empty_database_url)
    with pytest.raises(SchemaOutdated, match=r"0001_first.*pipeloom migrate"):
        await require_current(pool)
    await migrate(empty_database_url)
    await require_current(pool)
    await pool.close()


async def test_a_failed_migration_leaves_nothing(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = {"0001_good": "CREATE TABLE good ()", "0002_bad": "CREATE TABLE bad (); SELECT 1 / 0"}
    monkeypatch.setattr(sql, "migrations", lambda: steps)
    with pytest.raises(StoreError, match="division by zero"):
        await migrate(empty_database_url)
    async with connection(empty_database_url) as database:
        assert await pending(database) == ["0002_bad"]
        with pytest.raises(StoreError, match='"bad" does not exist'):
            await database.run_script("SELECT FROM bad")


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(re.match(r"(\d{4})_[a-z0-9_]+$", name)[1]) for name in sql.migrations()]  # type: ignore[index]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


async def test_the_step_types_are_those_of_the_code(pool: Pool) -> None:
    check = await pool._driver.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'steps_type_check'"
    )
    assert set(re.findall(r"'(\w+)'", check)) == STEP_TYPES | {UNSUPPORTED}
