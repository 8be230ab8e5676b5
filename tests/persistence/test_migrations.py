import asyncio
import re

import pytest

import sql
from crdt.rows import STEP_TYPES, UNSUPPORTED
from persistence.errors import SchemaOutdated, StoreError
from persistence.migrations import migrate, pending, require_current
from persistence.pool import Pool, connect, connection, open_pool

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


async def test_nodes_migrate_side_by_side(empty_database_url: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database_url) for _ in range(6)))
    assert sorted(applied) == [[]] * 5 + [list(sql.migrations())]


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
    assert numbers == list(range(1, len(numbers) + 1))


async def test_the_step_types_are_those_of_the_code(pool: Pool) -> None:
    check = await pool._driver.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'steps_type_check'"
    )
    assert set(re.findall(r"'(\w+)'", check)) == STEP_TYPES | {UNSUPPORTED}
