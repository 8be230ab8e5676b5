"""What the tests with foreign clients stand on."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.conftest import a_database
from tests.interop.matrix import is_played
from tests.interop.providers import VERSIONS
from tests.interop.servers import ARRANGEMENTS
from tests.interop.site import ENVIRONMENT, Site, a_site
from tests.interop.stock import install
from tests.rounds import SOAK
from tests.server import Installation


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of every test, play a part of its matrix in which each client and each arrangement occurs."""
    if SOAK or any("[" in wanted for wanted in config.args):
        return
    config.hook.pytest_deselected(items=[item for item in items if not is_played(item)])
    items[:] = filter(is_played, items)


@pytest.fixture(scope="session")
def npm_packages() -> None:
    """The packages of package.json; the first run installs them."""
    asyncio.run(install())


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=ARRANGEMENTS, ids=str)
async def running(
    request: pytest.FixtureRequest,
    postgres_server: str,
    template_database: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Site]:
    """One site for all tests, in each arrangement: what a test does must not disturb the others."""
    environment = {**ENVIRONMENT, **request.param.environment(redis_url)}
    data_dir = tmp_path_factory.mktemp("site") / "data"
    await install()
    async with (
        a_database(postgres_server, template_database) as dsn,
        a_site(request.param, Installation(dsn, data_dir, environment)) as site,
    ):
        yield site


@pytest_asyncio.fixture(loop_scope="session")
async def site(running: Site) -> AsyncIterator[Site]:
    """The site, with an empty page afterwards."""
    yield running
    await running.page.clear()


@pytest_asyncio.fixture(loop_scope="session")
async def document(running: Site) -> str:
    """A pipeline that is empty but for its name."""
    return await running.new_pipeline()


@pytest.fixture(params=VERSIONS, ids=lambda version: f"v{version}")
def version(request: pytest.FixtureRequest) -> str:
    """Each version of the Hocuspocus provider."""
    return str(request.param)
