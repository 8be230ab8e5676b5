"""The connections to Electric: as many as there are requests, and none of them in another's way."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import suppress

import httpcore
import httpx
import pytest

from app.shapes.electric_client import POOLS, electric_connections
from tests.server import PATIENCE

WAITING = 120


class Waiting:
    """A server whose answers to `/live` wait until they may come."""

    def __init__(self) -> None:
        self.may_come, self.waiting, self.connections = asyncio.Event(), 0, 0
        self.all_wait = asyncio.Event()
        self.address = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /live"):
                    await self._wait()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")
        writer.close()

    async def _wait(self) -> None:
        self.waiting += 1
        if self.waiting == WAITING:
            self.all_wait.set()
        await self.may_come.wait()


@pytest.fixture
async def electric() -> AsyncIterator[Waiting]:
    made = Waiting()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, backlog=WAITING)
    made.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield made
        made.may_come.set()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The connections that were looked at, one entry for each look."""
    seen: list[object] = []
    look = httpcore.AsyncHTTPConnection.has_expired

    def has_expired(connection: httpcore.AsyncHTTPConnection) -> bool:
        seen.append(connection)
        return look(connection)

    monkeypatch.setattr(httpcore.AsyncHTTPConnection, "has_expired", has_expired)
    return seen


async def test_who_waits_for_changes_is_in_nobody_s_way(
    electric: Waiting, looks: list[object]
) -> None:
    async with asyncio.timeout(PATIENCE), electric_connections() as connections:
        live = [
            asyncio.create_task(connections.get(f"{electric.address}/live")) for _ in range(WAITING)
        ]
        await electric.all_wait.wait()
        looks.clear()
        first = await connections.get(f"{electric.address}/first")
        assert first.status_code == httpx.codes.OK
        # One pool would look at all of them, when the request begins and again when it ends.
        assert len(looks) <= 3 * (WAITING // POOLS + 2)
        electric.may_come.set()
        assert {one.status_code for one in await asyncio.gather(*live)} == {httpx.codes.OK}


async def test_a_connection_is_used_again_also_beside_many_that_wait(electric: Waiting) -> None:
    async with asyncio.timeout(PATIENCE), electric_connections() as connections:
        live = [
            asyncio.create_task(connections.get(f"{electric.address}/live")) for _ in range(WAITING)
        ]
        await electric.all_wait.wait()
        for _ in range(3 * POOLS):
            await connections.get(f"{electric.address}/first")
        assert electric.connections == WAITING + POOLS
        electric.may_come.set()
        await asyncio.gather(*live)


async def test_a_pool_that_cannot_be_closed_keeps_no_other_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[object] = []

    async def aclose(pool: object) -> None:
        closed.append(pool)
        if len(closed) == 1:
            raise OSError("it is broken")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "aclose", aclose)
    with pytest.raises(OSError, match="it is broken"):
        await electric_connections().aclose()
    assert len(closed) == POOLS
