"""What the tests with Electric's clients stand on: one server, and one process of Node.js."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.clients.shapes import Clients, Team, electric_clients, new_team
from tests.conftest import a_database
from tests.server import Installation, Server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shapes_installation(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One installation for all tests of shapes but those that restart its server."""
    async with a_database(postgres_server, template_database) as dsn:
        yield Installation(dsn, tmp_path_factory.mktemp("shapes") / "data")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shapes_server(shapes_installation: Installation) -> AsyncIterator[Server]:
    """One server for all of them."""
    async with shapes_installation.serve() as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def running_clients(shapes_server: Server) -> AsyncIterator[Clients]:
    """One process of Node.js for all of them."""
    async with electric_clients(shapes_server) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def clients(running_clients: Clients) -> AsyncIterator[Clients]:
    """The clients, none of which is left from another test."""
    yield running_clients
    await running_clients.end()


@pytest_asyncio.fixture(loop_scope="session")
async def team(shapes_installation: Installation) -> AsyncIterator[Team]:
    """A new team that has nothing."""
    async with shapes_installation.sql() as sql:
        yield await new_team(shapes_installation, sql)
