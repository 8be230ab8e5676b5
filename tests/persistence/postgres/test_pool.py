import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg  # type: ignore[import-untyped]
import pytest

from persistence.errors import InvalidValue, SchemaOutdated, StoreError, StoreUnavailable
from persistence.postgres import pool as pools
from persistence.postgres.pool import Pool, connect, connection, open_pool, place_of
from tests.database_gate import gated
from tests.server import PATIENCE


async def test_a_missing_server_is_named_without_its_password(tmp_path: object) -> None:
    with pytest.raises(StoreUnavailable, match="cannot connect to PostgreSQL at") as caught:
        await open_pool(f"postgresql://me:secret@/db?host={tmp_path}")
    assert "secret" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


async def test_a_missing_database_is_unavailable(database_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist"):
        async with connection(database_url.replace("pipeloom_test_", "pipeloom_none_")):
            pass


async def test_a_dsn_that_is_none_is_refused() -> None:
    with pytest.raises(StoreError, match="mysql"):
        await open_pool("mysql://localhost/db")


async def test_missing_tables_ask_for_a_migration(empty_database_url: str) -> None:
    async with connection(empty_database_url) as database:
        with pytest.raises(SchemaOutdated, match="pipeloom migrate"):
            await database.fetch("applied_migrations")


async def test_a_value_that_does_not_fit_is_a_store_error(pool: Pool) -> None:
    with pytest.raises(StoreError, match="cannot store this value") as caught:
        await pool.fetch("document_head", "not a uuid")
    assert not isinstance(caught.value, StoreUnavailable)


async def test_a_killed_connection_is_unavailable_and_replaced(database_url: str) -> None:
    pool = await open_pool(database_url, max_size=1)
    with pytest.raises(StoreUnavailable):
        await _transaction_killed_halfway(pool, database_url)
    assert len(await pool.fetch("applied_migrations")) > 0
    await pool.close()


async def test_a_slow_command_is_unavailable(database_url: str) -> None:
    pool = await open_pool(database_url, command_timeout=0.05)
    with pytest.raises(StoreUnavailable):
        await pool.run_script("SELECT pg_sleep(10)")
    await pool.close()


async def _ask(pool: Pool) -> None:
    await pool.fetchval("ping")


async def _ask_in_a_transaction(pool: Pool) -> None:
    async with pool.transaction() as transaction:
        await transaction.fetchval("ping")


@pytest.mark.parametrize("ask", [_ask, _ask_in_a_transaction])
async def test_a_deadline_holds_also_while_postgresql_hangs(
    database_url: str, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Pool], Awaitable[None]]
) -> None:
    """What is cancelled is not waited for as long as a command may take, which is for ever here."""
    monkeypatch.setattr(pools, "CANCEL_SECONDS", 0.05)
    async with gated(database_url) as gate, asyncio.timeout(PATIENCE):
        pool = await open_pool(gate.dsn, max_size=1, command_timeout=3600)
        await ask(pool)
        gate.hold()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await ask(pool)
        # The connection was given up, and its place is taken by another one.
        gate.open()
        await ask(pool)
        await pool.close()


async def test_a_slow_query_that_is_cancelled_keeps_its_connection(database_url: str) -> None:
    pool = await open_pool(database_url, max_size=1)
    before = await pool._driver.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pool.run_script("SELECT pg_sleep(3600)")
    assert await pool._driver.fetchval("SELECT pg_backend_pid()") == before
    await pool.close()


async def test_a_transaction_is_undone_by_any_exception(pool: Pool) -> None:
    with pytest.raises(TimeoutError):
        await _failing_transaction(pool)
    assert await pool._driver.fetchval("SELECT count(*) FROM organizations") == 0


async def _failing_transaction(pool: Pool) -> None:
    async with pool.transaction() as transaction:
        await transaction.execute("ensure_organization", "Looms", "looms")
        raise TimeoutError


async def _transaction_killed_halfway(pool: Pool, database_url: str) -> None:
    async with pool.transaction() as transaction, connection(database_url) as other:
        pid = await transaction._driver.fetchval("SELECT pg_backend_pid()")
        await other.run_script(f"SELECT pg_terminate_backend({pid})")
        await transaction.fetch("applied_migrations")


async def test_a_connection_that_is_refused_says_why(database_url: str) -> None:
    name = f"crowd_{uuid4().hex[:8]}"
    parts = urlsplit(database_url)

    def url(user: str) -> str:
        host = parts.netloc.rpartition("@")[2]
        return parts._replace(netloc=f"{user}:hush@{host}").geturl()

    async with connection(database_url) as admin:
        await admin.run_script(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 0")
        try:
            with pytest.raises(StoreUnavailable) as crowded:
                await open_pool(url(name))
            with pytest.raises(StoreUnavailable) as unknown:
                await open_pool(url("nobody_of_this_name"))
        finally:
            await admin.run_script(f"DROP ROLE {name}")
    assert "has no connection left" in str(crowded.value)
    assert "PIPELOOM_POOL_LOG" in str(crowded.value)
    assert "refuses the user" in str(unknown.value)
    assert "nobody_of_this_name" in str(unknown.value)
    assert "hush" not in str(crowded.value) + str(unknown.value)


async def test_a_full_disk_lets_nobody_connect_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        message = "could not write init file: No space left on device"
        raise asyncpg.DiskFullError(message)  # as PostgreSQL answers after a crash

    monkeypatch.setattr(asyncpg, "connect", refuse)
    with pytest.raises(StoreUnavailable, match="make space: could not write init file") as full:
        await connect("postgresql://me:hush@db/loom")
    assert "is it running" not in str(full.value)


@pytest.mark.parametrize(
    ("dsn", "place"),
    [
        ("postgresql://me:hush@db:5433/loom?sslmode=require", "postgresql://db:5433/loom"),
        ("postgresql://me:hu/sh@db/loom", "postgresql://db/loom"),
        ("postgresql://db/loom?user=me&password=hush", "postgresql://db/loom"),
        ("postgresql://me@/loom?host=/run/pg", "postgresql:///loom?host=/run/pg"),
    ],
)
def test_a_place_has_no_password(dsn: str, place: str) -> None:
    assert place_of(dsn) == place


@pytest.mark.parametrize(
    ("dsn", "words"),
    [
        (
            "postgresql://me:hush@db/loom?sslmode=full",
            "`sslmode` parameter must be one of: disable",
        ),
        ("postgresql://me:hu/sh@db/loom", "percent-encoded"),
    ],
)
async def test_what_cannot_be_read_of_an_address_is_named(dsn: str, words: str) -> None:
    with pytest.raises(InvalidValue, match=words) as refused:
        await connect(dsn)
    assert "hu" not in str(refused.value)
