"""The API of a running server, in this process, and people of every role to ask it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest_asyncio

from app.main import application, services
from app.settings import Settings
from app.worker_main import work
from persistence.worker.autosave import Pauses
from tests.app.api.house import TOKENS, House, Team
from tests.conftest import a_database

MAX_BODY = 100_000


@asynccontextmanager
async def a_house(server: str, template: str, **settings: int) -> AsyncIterator[House]:
    """A server with a worker and a database of its own, which takes requests as they come."""
    fast = Settings(api_rate=10_000, api_burst=10_000, max_body_bytes=MAX_BODY, **settings)
    async with a_database(server, template) as dsn, services(fast, TOKENS, dsn) as made:
        stop = asyncio.Event()
        working = asyncio.create_task(work(dsn, stop, Pauses()))
        yield House(made, application(made), dsn)
        stop.set()
        await working
        await made.drain()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """One server with a worker for a whole module."""
    async with a_house(postgres_server, template_database) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def team(house: House) -> Team:
    """A fresh team with one user in every role, and an outsider with a team elsewhere."""
    return await house.a_team()
