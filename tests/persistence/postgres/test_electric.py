"""A database that Electric may follow: everything works as before, and there is a way back."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from persistence.embedded.server import EmbeddedPostgres
from persistence.errors import Conflict, NotAllowed, StoreError, UnknownSubject
from persistence.postgres import electric, groups
from persistence.postgres.electric import SLOT, ReplicationFacts
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import Pool, connect, open_pool
from tests.persistence.postgres.test_groups import as_role
from tests.persistence.worlds import TABLES, World, a_world, build

PUBLISHED = {
    "users", "organizations", "teams", "team_members", "pipelines", "steps", "connections",
    "pipeline_templates", "comments", "pipeline_versions",
}  # fmt: skip
PUBLICATION = "electric_publication_default"


@pytest.fixture
async def role(pool: Pool) -> AsyncIterator[str]:
    """A role as an administrator makes it for Electric; a name that SQL must quote."""
    name = f"Electric {uuid4().hex}"
    await pool.run_script(f'CREATE ROLE "{name}" LOGIN REPLICATION')
    yield name
    await pool.run_script(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


@pytest.fixture
async def world(pool: Pool) -> World:
    made = a_world()
    await build(pool, made)
    return made


@pytest.fixture
async def driver(database_url: str) -> AsyncIterator[Any]:
    """A connection as the owner of the tables."""
    opened = await connect(database_url)
    yield opened
    await opened.close()


async def published(driver: Any) -> set[str]:
    rows = await driver.fetch(
        "SELECT c.relname FROM pg_publication_rel AS r JOIN pg_class AS c ON c.oid = r.prrelid "
        f"JOIN pg_publication AS p ON p.oid = r.prpubid WHERE p.pubname = '{PUBLICATION}'"
    )
    return {row["relname"] for row in rows}


async def whole_rows(driver: Any) -> set[str]:
    """The tables of which the log gets the whole old row."""
    rows = await driver.fetch("SELECT relname FROM pg_class WHERE relreplident = 'f'")
    return {row["relname"] for row in rows}


async def test_the_tables_of_shapes_are_published_and_no_others(
    pool: Pool, role: str, driver: Any
) -> None:
    await electric.set_up(pool, role)
    assert await published(driver) == await whole_rows(driver) == PUBLISHED
    row = await driver.fetchrow(f"SELECT * FROM pg_publication WHERE pubname = '{PUBLICATION}'")
    assert not row["puballtables"]
    assert all(row[f"pub{kind}"] for kind in ("insert", "update", "delete", "truncate"))
    assert row.get("pubgencols", b"s") == b"s"


async def changes(driver: Any, world: World) -> None:
    """An UPDATE of each table that is published, and a DELETE of all."""
    for name in sorted(PUBLISHED):
        # Two steps of one pipeline cannot be called the same.
        change = "width = 9" if name == "steps" else TABLES[name].change
        rows = world.say(TABLES[name].rows)
        done = await driver.execute(f"UPDATE {name} SET {change} WHERE {rows}")
        assert done != "UPDATE 0", name
    assert await driver.execute(f"DELETE FROM organizations WHERE id = '{world.organization}'")
    assert await driver.execute(f"DELETE FROM users WHERE id = '{world.user}'")
    for name in PUBLISHED - {"users"}:
        rows = world.say(TABLES[name].rows)
        assert await driver.fetchval(f"SELECT count(*) FROM {name} WHERE {rows}") == 0, name


async def test_every_change_works_as_before(
    pool: Pool, world: World, role: str, driver: Any
) -> None:
    await electric.set_up(pool, role)
    await changes(driver, world)
    await driver.execute("TRUNCATE steps, connections")


async def test_a_stored_column_of_a_later_migration_breaks_nothing(
    pool: Pool, world: World, role: str, driver: Any
) -> None:
    await electric.set_up(pool, role)
    await driver.execute(
        "ALTER TABLE pipelines ADD COLUMN later text GENERATED ALWAYS AS (upper(name)) STORED"
    )
    await changes(driver, world)


async def test_done_again_it_changes_nothing(pool: Pool, role: str, driver: Any) -> None:
    await electric.set_up(pool, role)
    written = "SELECT oid, xmin FROM pg_publication UNION ALL SELECT oid, xmin FROM pg_policy"
    before = await driver.fetch(written)
    await electric.set_up(pool, role)
    assert await driver.fetch(written) == before


async def test_a_publication_that_others_made_is_put_right(
    pool: Pool, role: str, driver: Any
) -> None:
    await driver.execute(
        f"CREATE PUBLICATION {PUBLICATION} FOR TABLE users (id, name), audit_log, "
        "steps WHERE (enabled) WITH (publish = 'insert')"
    )
    await electric.set_up(pool, role)
    await test_the_tables_of_shapes_are_published_and_no_others(pool, role, driver)
    await driver.execute("UPDATE users SET name = 'x'")


async def test_a_publication_of_everything_is_refused(pool: Pool, role: str, driver: Any) -> None:
    await driver.execute(f"CREATE PUBLICATION {PUBLICATION} FOR ALL TABLES")
    with pytest.raises(StoreError, match=f"DROP PUBLICATION {PUBLICATION}"):
        await electric.set_up(pool, role)
    assert await whole_rows(driver) == set()


async def test_electric_reads_the_tables_of_shapes_and_changes_none(
    pool: Pool, world: World, role: str, database_url: str
) -> None:
    await electric.set_up(pool, role)
    reader = await connect(as_role(database_url, role))
    for name in PUBLISHED:
        assert await reader.fetchval(f"SELECT count(*) FROM {name}") > 0, name
        with pytest.raises(Exception, match="permission denied"):
            await reader.execute(f"DELETE FROM {name}")
    for name in ("pipeline_updates", "pipeline_states", "audit_log", "event_tickets"):
        with pytest.raises(Exception, match="permission denied"):
            await reader.fetchval(f"SELECT count(*) FROM {name}")
    await reader.close()


async def test_a_role_that_could_not_follow_is_refused(pool: Pool, role: str) -> None:
    with pytest.raises(UnknownSubject, match=r"CREATE ROLE .nobody. LOGIN REPLICATION"):
        await electric.set_up(pool, "nobody")
    await pool.run_script(f'ALTER ROLE "{role}" NOREPLICATION')
    with pytest.raises(NotAllowed, match="REPLICATION first"):
        await electric.set_up(pool, role)


async def test_removing_takes_everything_back(
    pool: Pool, world: World, role: str, driver: Any, database_url: str
) -> None:
    await electric.set_up(pool, role)
    for _ in range(2):
        await electric.remove(pool)
        assert await published(driver) == await whole_rows(driver) == set()
        for left in (
            f"SELECT count(*) FROM pg_publication WHERE pubname = '{PUBLICATION}'",
            "SELECT count(*) FROM pg_policy WHERE polname = 'electric_select'",
        ):
            assert await driver.fetchval(left) == 0
    reader = await connect(as_role(database_url, role))
    with pytest.raises(Exception, match="permission denied"):
        await reader.fetch("SELECT id FROM pipelines")
    await reader.close()
    assert await migrate(database_url) == []
    await changes(driver, world)


async def test_a_migration_publishes_what_it_adds(pool: Pool, role: str, driver: Any) -> None:
    await electric.set_up(pool, role)
    await driver.execute(f"ALTER PUBLICATION {PUBLICATION} DROP TABLE comments")
    await groups.refresh_groups(pool)
    assert await published(driver) == PUBLISHED


def test_settings_that_do_not_suit_electric_are_named() -> None:
    assert ReplicationFacts("logical", "4GB", has_slot=False, is_followed=False).advice == []
    advice = ReplicationFacts("replica", "-1", has_slot=False, is_followed=False).advice
    assert ["wal_level" in one for one in advice] == [True, False]
    assert ["max_slot_wal_keep_size" in one for one in advice] == [False, True]


@pytest.fixture
async def logical(cluster: Any) -> AsyncIterator[Pool]:
    """A migrated PostgreSQL on which slots can be read."""
    with EmbeddedPostgres(cluster) as first:
        admin = await connect(first.dsn)
        await admin.execute("ALTER SYSTEM SET wal_level = logical")
        await admin.close()
    with EmbeddedPostgres(cluster) as server:
        await migrate(server.dsn)
        opened = await open_pool(server.dsn)
        yield opened
        await opened.close()


async def test_what_changes_is_in_the_slot_and_the_slot_goes_with_the_rest(logical: Pool) -> None:
    world = a_world()
    await build(logical, world)
    await logical.run_script("CREATE ROLE electric LOGIN REPLICATION")
    facts = await electric.set_up(logical, "electric")
    assert ["max_slot_wal_keep_size" in one for one in facts.advice] == [True]
    async with logical.transaction() as own:
        await own.run_script(f"SELECT pg_create_logical_replication_slot('{SLOT}', 'pgoutput')")
    await logical.run_script(f"UPDATE steps SET name = 'woven' WHERE id = '{world.step}'")
    await logical.run_script(f"DELETE FROM pipelines WHERE id = '{world.pipeline}'")
    await logical.run_script(
        "CREATE TABLE read AS SELECT data FROM pg_logical_slot_get_binary_changes("
        f"'{SLOT}', NULL, NULL, 'proto_version', '1', 'publication_names', '{PUBLICATION}')"
    )
    kinds = {row["kind"]: row["number"] for row in await _kinds(logical)}
    assert kinds["U"] == 2, "of the step, and of the template of the pipeline"
    assert kinds["D"] >= 5, "of the pipeline, its steps, connection, comment and version"
    assert (await electric.replication_facts(logical)).has_slot
    await electric.remove(logical)
    assert not (await electric.replication_facts(logical)).has_slot


async def _kinds(logical: Pool) -> Any:
    # The first byte of a message says what it is (PostgreSQL, Logical Replication Message Formats).
    return await _fetch(
        logical, "SELECT chr(get_byte(data, 0)) AS kind, count(*) AS number FROM read GROUP BY 1"
    )


async def _fetch(pool: Pool, text: str) -> Any:
    return await pool._driver.fetch(text)


async def test_nothing_is_removed_while_electric_follows(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def followed(_: object) -> ReplicationFacts:
        return ReplicationFacts("logical", "4GB", has_slot=True, is_followed=True)

    monkeypatch.setattr(electric, "replication_facts", followed)
    with pytest.raises(Conflict, match="stop it first"):
        await electric.remove(pool)
