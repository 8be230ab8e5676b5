"""Every contract suite runs over every store."""

from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from persistence.memory.stores import MemoryStore
from persistence.memory.versions import MemoryVersions
from persistence.postgres.pool import connection
from tests.conftest import a_database
from tests.contracts.stores import Stores, stores_on

# In the role of a replica no trigger and no foreign key asks for an order.
DELETE_ALL_ROWS: Final = """
    DO $$
    DECLARE emptied regclass;
    BEGIN
        SET LOCAL session_replication_role = replica;
        FOR emptied IN
            SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                AND relname <> 'schema_migrations'
        LOOP
            EXECUTE format('DELETE FROM %s', emptied);
        END LOOP;
    END $$
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_database(postgres_server: str, template_database: str) -> AsyncIterator[str]:
    """The DSN of a migrated database for all contracts."""
    async with a_database(postgres_server, template_database) as dsn:
        yield dsn


@pytest.fixture
async def database_url(shared_database: str) -> AsyncIterator[str]:
    """A database without rows. Contracts change rows and no schema, so one serves them all."""
    yield shared_database
    async with connection(shared_database) as admin:
        await admin.run_script(DELETE_ALL_ROWS)


@pytest.fixture(params=["memory", "postgres"])
def empty_stores(request: pytest.FixtureRequest) -> Stores:
    return _in_memory() if request.param == "memory" else stores_on(request.getfixturevalue("pool"))


@pytest.fixture
async def stores(empty_stores: Stores) -> Stores:
    await empty_stores.prepare()
    return empty_stores


def _in_memory() -> Stores:
    store = MemoryStore()
    return Stores(store, store, store, MemoryVersions(store))
