"""Every contract suite runs over every store."""

import pytest

from persistence.memory.stores import MemoryStore
from persistence.memory.versions import MemoryVersions
from tests.contracts.stores import Stores, stores_on


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """Contracts change rows and no schema."""
    return emptied_database_url


@pytest.fixture(params=["memory", "postgres"])
def empty_stores(request: pytest.FixtureRequest) -> Stores:
    return _in_memory() if request.param == "memory" else stores_on(request.getfixturevalue("pool"))


@pytest.fixture
async def stores(empty_stores: Stores) -> Stores:
    await empty_stores.prepare()
    return empty_stores


def _in_memory() -> Stores:
    store = MemoryStore()
    return Stores(store, store, store, MemoryVersions(store), store, store, store)
