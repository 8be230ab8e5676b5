"""Shapes of a running server, seen from outside."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.app.shapes.copies import Copy, http
from tests.server import Installation, Server


@pytest.fixture
async def client(shared_server: Server, owner_token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with http(shared_server, owner_token) as made:
        yield made


async def test_a_copy_follows_the_rows(
    client: httpx.AsyncClient, shared_installation: Installation, pipeline_id: str
) -> None:
    copy = Copy(client, "pipelines", {"columns": "id,name"})
    await copy.catch_up()
    [before] = copy.values("name")
    waiting = asyncio.create_task(copy.live())
    async with shared_installation.sql() as sql:
        xid = await sql.fetchval(
            "WITH x AS (UPDATE pipelines SET name = name || '!') "
            "SELECT pg_current_xact_id()::xid::text"
        )
    await waiting
    assert copy.values("name") == [f"{before}!"]
    assert copy.operations[-1] == "update"
    assert int(xid) in copy.txids
