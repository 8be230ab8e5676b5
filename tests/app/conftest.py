"""What the tests of the running programs stand on."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from app.telemetry import spans
from app.telemetry.otel import provider_with, tracer_of
from tests.conftest import a_database
from tests.server import Installation, Server

SECRET = "a secret of the tests, long enough for HS256"


@pytest.fixture
def installation(database_url: str, tmp_path: Path) -> Installation:
    """A database without any users yet, and a data directory of its own."""
    return Installation(database_url, tmp_path / "data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_installation(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One installation for a whole module, with a secret that the tests know."""
    async with a_database(postgres_server, template_database) as dsn:
        data_dir = tmp_path_factory.mktemp("shared") / "data"
        yield Installation(dsn, data_dir, {"PIPELOOM_JWT_SECRET": SECRET})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(shared_installation: Installation) -> AsyncIterator[Server]:
    """One server for a whole module: what a test does to it must not disturb the others."""
    async with shared_installation.serve() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owner_token(shared_installation: Installation, shared_server: Server) -> str:
    """A token of the owner of the demo team."""
    return await shared_installation.token()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pipeline_id(shared_installation: Installation, shared_server: Server) -> str:
    """The demo pipeline."""
    return await shared_installation.demo_pipeline()


@pytest.fixture
def room(shared_server: Server, pipeline_id: str, owner_token: str) -> str:
    """The demo pipeline's room, for its owner."""
    return shared_server.room(pipeline_id, owner_token)


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """Every span that ends while the test runs."""
    exporter = InMemorySpanExporter()
    spans.set_tracer(tracer_of(provider_with(SimpleSpanProcessor(exporter))))
    yield exporter
    spans.set_tracer(None)
