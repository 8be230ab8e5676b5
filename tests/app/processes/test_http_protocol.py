"""Silent sockets, half heads and half handshakes are closed, and probes find room at the limit."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.http import healthz
from app.processes.http_protocol import HttpProtocol
from app.processes.sockets import PROBE_FILES, Sockets
from app.websocket.uvicorn_protocol import WebSocketProtocol
from tests.server import PATIENCE

HEAD_SECONDS = 0.2
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Served:
    """A server in this process, its sockets, and requests that may be held."""

    def __init__(self, limit: int) -> None:
        self.sockets = Sockets(limit, 1000)
        self.may_answer = asyncio.Event()
        self.port = 0

    async def slow(self, _: Request) -> PlainTextResponse:
        await self.may_answer.wait()
        return PlainTextResponse("at last")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def sends(self, *parts: bytes) -> bytes:
        """Connect and send, each part after an answer; return all until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(PATIENCE):
                return await said(reader, writer, parts)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()


async def said(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: Sequence[bytes]
) -> bytes:
    answers = b""
    for number, part in enumerate(parts, 1):
        writer.write(part)
        answers += await (reader.read(4096) if number < len(parts) else reader.read())
    return answers or await reader.read()


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


@asynccontextmanager
async def serving(limit: int = 100) -> AsyncIterator[Served]:
    served = Served(limit)
    routes = [
        Route("/healthz", healthz),
        Route("/slow", served.slow),
        WebSocketRoute("/ws", echo),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes),
        port=0,
        http=partial(HttpProtocol, sockets=served.sockets, head_seconds=HEAD_SECONDS),  # type: ignore[arg-type]
        ws=WebSocketProtocol,
        lifespan="off",
        log_config=None,
        timeout_keep_alive=int(PATIENCE),
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[method-assign,attr-defined]
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    served.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        served.may_answer.set()
        await server.shutdown()


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"GET / HT",),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",),
        (b"GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",),
    ],
    ids=["silence", "half a line", "half a head", "half a handshake"],
)
async def test_who_sends_no_whole_head_is_closed(parts: tuple[bytes, ...]) -> None:
    async with serving() as served:
        assert await served.sends(*parts) == b""
        assert served.sockets.open == 0


async def test_the_head_of_a_later_request_has_as_long() -> None:
    async with serving() as served:
        assert b'{"status":"ok"}' in await served.sends(WHOLE, b"GET /healthz HTTP/1.1\r\nX: ")


async def test_a_body_that_nobody_reads_keeps_no_socket() -> None:
    head = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
    async with serving() as served:
        assert b" 405 " in await served.sends(head, b"a little of it")


async def test_an_answer_may_take_longer() -> None:
    async with serving() as served, httpx.AsyncClient(base_url=served.url) as client:
        asked = asyncio.create_task(client.get("/slow"))
        # As long as the silence of another takes to be ended, and thus longer than a head may.
        await served.sends()
        served.may_answer.set()
        assert (await asked).text == "at last"
        assert (await client.get("/healthz")).status_code == 200


async def test_a_websocket_stays_and_is_counted_until_it_ends() -> None:
    async with serving() as served:
        async with connect(f"ws://127.0.0.1:{served.port}/ws") as websocket:
            await served.sends()
            assert served.sockets.open == 1
            await websocket.send("still here")
            assert await websocket.recv() == "still here"
            await websocket.wait_closed()
        async with httpx.AsyncClient(base_url=served.url) as client:
            await client.get("/healthz")
            assert served.sockets.open == 1


async def test_at_the_limit_probes_are_answered_and_nobody_else() -> None:
    async with serving(limit=1) as served, httpx.AsyncClient(base_url=served.url) as first:
        assert (await first.get("/healthz")).status_code == 200
        async with httpx.AsyncClient(base_url=served.url) as late:
            assert (await late.get("/healthz")).status_code == 200
            refused = await late.get("/slow")
            assert (refused.status_code, refused.headers["connection"]) == (503, "close")
            assert refused.json()["code"] == "overloaded"
        with pytest.raises(InvalidStatus):
            await connect(f"ws://127.0.0.1:{served.port}/ws")


async def test_when_probes_have_no_room_either_a_socket_is_closed_at_once() -> None:
    async with serving(limit=-PROBE_FILES) as served:
        assert await served.sends(WHOLE) == b""
        assert served.sockets.open == 0
