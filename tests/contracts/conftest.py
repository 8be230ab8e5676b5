"""Every contract suite runs over every store."""

import pytest

from persistence.directory import PostgresDirectory
from persistence.memory import MemoryStore
from persistence.memory_versions import MemoryVersions
from persistence.pool import Pool
from persistence.projections import PostgresProjections
from persistence.update_log import PostgresUpdateLog
from persistence.versions import PostgresVersions
from tests.contracts.stores import Stores


@pytest.fixture(params=["memory", "postgres"])
def empty_stores(request: pytest.FixtureRequest) -> Stores:
    return _in_memory() if request.param == "memory" else _on(request.getfixturevalue("pool"))


@pytest.fixture
async def stores(empty_stores: Stores) -> Stores:
    await empty_stores.prepare()
    return empty_stores


def _in_memory() -> Stores:
    store = MemoryStore()
    return Stores(store, store, store, MemoryVersions(store))


def _on(pool: Pool) -> Stores:
    return Stores(
        PostgresUpdateLog(pool),
        PostgresProjections(pool),
        PostgresDirectory(pool),
        PostgresVersions(pool),
    )
