"""PostgreSQL and Redis for the tests: one server of each per process, a fresh database per test.

The server is the embedded one, or that of PIPELOOM_TEST_DATABASE_URL: the DSN of a database from
which others can be created and dropped. Redis is that of a wheel, or of PIPELOOM_TEST_REDIS_URL.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import pytest_asyncio

from persistence.embedded.server import EmbeddedPostgres
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import Pool, connection, open_pool
from tests import second_attempts, temporary, timed
from tests.redis_server import RedisServer, a_cluster, a_redis
from tests.rounds import SEED, summary

TOLD: Final = "told"
BROWSERS: Final = str(Path(__file__).parent / "web")

# In the role of a replica no trigger and no foreign key asks for an order.
DELETE_ALL_ROWS: Final = """
    DO $$
    DECLARE emptied regclass;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR emptied IN
            SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                AND relname NOT IN ('schema_migrations', 'users')
        LOOP
            EXECUTE format('DELETE FROM %s', emptied);
        END LOOP;
        DELETE FROM users WHERE name <> 'system';
    END $$
"""


Tell: TypeAlias = Callable[[str], None]


def pytest_configure(config: pytest.Config) -> None:
    temporary.keep_in_memory(config)
    timed.register(config)
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = str(SEED)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without looking for garbage: among so many tests, that takes nearly half the time.

    What was collected and imported lives until the end, so nobody looks through it later, either.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long and needs a browser: what is left at the end is divided finely.

    What needs PostgreSQL is marked so, for `-m postgres`.
    """
    items.sort(key=lambda item: not str(item.path).startswith(BROWSERS))
    second_attempts.allow(items)
    for item in items:
        if _needs_postgres(item):
            item.add_marker(pytest.mark.postgres)


def _needs_postgres(item: pytest.Item) -> bool:
    """Whether a test has the server among its fixtures, or a parameter chooses it."""
    chosen = item.callspec.params.values() if hasattr(item, "callspec") else ()
    is_chosen = any(isinstance(value, str) and value == "postgres" for value in chosen)
    return is_chosen or "postgres_server" in getattr(item, "fixturenames", ())


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Have a line printed at the end of the run, whichever process the test ran in."""
    return lambda line: request.node.user_properties.append((TOLD, line))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(summary())
    reports = chain.from_iterable(terminalreporter.stats.values())
    for report in reports:
        if isinstance(report, pytest.TestReport) and report.when == "call":
            for name, line in report.user_properties:
                if name == TOLD:
                    terminalreporter.write_line(str(line))


def run_aside(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end in a thread: the fixture may be set up within a running loop."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, coroutine).result()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The DSN of a database from which others can be created."""
    if dsn := os.environ.get("PIPELOOM_TEST_DATABASE_URL"):
        yield dsn
        return
    with TemporaryDirectory(prefix="pipeloom-") as data_dir, EmbeddedPostgres(Path(data_dir)) as pg:
        run_aside(_stop_syncing(pg.dsn))
        yield pg.dsn


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis server that is left alone by everybody."""
    if url := os.environ.get("PIPELOOM_TEST_REDIS_URL"):
        yield url
        return
    with a_redis() as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_cluster_url() -> Iterator[str]:
    """A Redis Cluster of one server."""
    with a_cluster() as server:
        yield server.url


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis server that the test may kill."""
    with a_redis() as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres_server: str) -> Iterator[str]:
    """The name of a migrated database, to copy. Nobody may stay connected to it."""
    name = f"pipeloom_template_{uuid4().hex}"
    asyncio.run(_create(postgres_server, name))
    asyncio.run(migrate(dsn_of(postgres_server, name)))
    yield name
    asyncio.run(_drop(postgres_server, name))


@pytest.fixture
async def database_url(postgres_server: str, template_database: str) -> AsyncIterator[str]:
    """The DSN of a fresh, migrated database."""
    async with a_database(postgres_server, template_database) as dsn:
        yield dsn


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_database(postgres_server: str, template_database: str) -> AsyncIterator[str]:
    """The DSN of a migrated database that tests use one after the other."""
    async with a_database(postgres_server, template_database) as dsn:
        yield dsn


@pytest.fixture
async def emptied_database_url(shared_database: str) -> AsyncIterator[str]:
    """The DSN of a migrated database without rows, for a test that changes no schema.

    Where all tests of a module are like that, it has a `database_url` of its own that is this one:
    deleting the rows costs PostgreSQL nearly nothing, a fresh copy a quarter of a second.
    """
    yield shared_database
    async with connection(shared_database) as admin:
        await admin.run_script(DELETE_ALL_ROWS)


@pytest.fixture
async def empty_database_url(postgres_server: str) -> AsyncIterator[str]:
    """The DSN of a fresh database without any table."""
    async with a_database(postgres_server, "template1") as dsn:
        yield dsn


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool of connections to a fresh, migrated database."""
    opened = await open_pool(database_url)
    yield opened
    await opened.close()


@asynccontextmanager
async def a_database(server: str, template: str) -> AsyncIterator[str]:
    name = f"pipeloom_test_{uuid4().hex}"
    await _create(server, name, template)
    yield dsn_of(server, name)
    await _drop(server, name)


def dsn_of(server: str, database: str) -> str:
    return urlsplit(server)._replace(path=f"/{database}").geturl()


async def _stop_syncing(server: str) -> None:
    """Leave it to the system when it writes to the disk: only a crash of the machine loses that."""
    async with connection(server) as admin:
        for statement in (
            "ALTER SYSTEM SET fsync = off",
            "ALTER SYSTEM SET full_page_writes = off",
            "ALTER SYSTEM SET max_wal_size = '64MB'",
            "ALTER SYSTEM SET min_wal_size = '32MB'",
            "SELECT pg_reload_conf()",
        ):
            await admin.run_script(statement)


async def _create(server: str, name: str, template: str = "template1") -> None:
    async with connection(server) as admin:
        # Copied block by block, it would go through the write-ahead log: thrice as much to do.
        await admin.run_script(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")


async def _drop(server: str, name: str) -> None:
    async with connection(server) as admin:
        await admin.run_script(f"DROP DATABASE {name} WITH (FORCE)")
