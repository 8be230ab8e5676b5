"""A server stops in time, whoever does not read and whatever does not answer."""

import asyncio
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import IPPROTO_TCP

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app import stoppable_http
from app.stoppable_http import PART_BYTES, StoppableHttp
from app.tasks import in_background
from app.unsent import TCP_NOTSENT_LOWAT, UNSENT_BYTES
from tests.app.stalled import small_socket
from tests.server import PATIENCE, eventually

ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
START = {"type": "http.response.start", "status": 200, "headers": []}


async def endless(_scope: Scope, receive: Receive, send: Send) -> None:
    """Send until the client has gone."""
    await send(START)

    async def forever() -> None:
        while True:
            await send({"type": "http.response.body", "body": bytes(2**16), "more_body": True})
            await asyncio.sleep(0)

    async with in_background(forever()):
        while (await receive())["type"] != "http.disconnect":
            pass


async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def begun(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Begin an answer, and never end it."""
    await send(START)
    await asyncio.Event().wait()


@asynccontextmanager
async def asked(
    app: ASGIApp, requests: bytes = ASK
) -> AsyncIterator[tuple[uvicorn.Server, asyncio.StreamReader]]:
    """A server in this process, and somebody who has asked it something."""
    config = uvicorn.Config(
        app,
        port=0,
        http=StoppableHttp,
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    sock = small_socket()
    address = server.servers[0].sockets[0].getsockname()
    await asyncio.get_running_loop().sock_connect(sock, address)
    reader, writer = await asyncio.open_connection(sock=sock, limit=1)
    writer.write(requests)
    state = server.server_state
    await eventually("a request", lambda: asyncio.sleep(0, state.tasks or state.total_requests))
    yield server, reader
    writer.close()


async def test_the_kernel_keeps_little_for_who_does_not_read() -> None:
    async with asked(silent) as (server, _):
        [connection] = server.server_state.connections
        socket = connection.transport.get_extra_info("socket")  # type: ignore[union-attr]
        if sys.platform == "linux":  # other systems have no such limit
            assert socket.getsockopt(IPPROTO_TCP, TCP_NOTSENT_LOWAT) == UNSENT_BYTES
        server.config.timeout_graceful_shutdown = 0
        await server.shutdown()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]


async def test_who_does_not_read_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stoppable_http, "UNREAD_SECONDS", 0)
    async with asyncio.timeout(PATIENCE), asked(endless) as (server, _):
        [connection] = server.server_state.connections
        is_full = connection.flow  # type: ignore[union-attr]
        await eventually("a full socket", lambda: asyncio.sleep(0, is_full.write_paused))
        await server.shutdown()
        assert not server.server_state.tasks
    assert complaints(caplog) == []


BODY = bytes(range(256)) * 2**16
"""More than the kernel takes."""

LENGTH = [(b"content-length", str(len(BODY)).encode())]


async def large(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Send a whole answer at once."""
    await send({**START, "headers": LENGTH})
    await send({"type": "http.response.body", "body": BODY})


@pytest.mark.parametrize("part_bytes", [PART_BYTES, len(BODY)], ids=["in parts", "written whole"])
async def test_a_whole_answer_of_which_nothing_is_read_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, part_bytes: int
) -> None:
    monkeypatch.setattr(stoppable_http, "PART_BYTES", part_bytes)
    monkeypatch.setattr(stoppable_http, "STALLED_SECONDS", 0.05)
    async with asyncio.timeout(PATIENCE), asked(large) as (server, _):
        state = server.server_state
        await eventually("the end of it", lambda: asyncio.sleep(0, not state.connections))
        await server.shutdown()
    assert complaints(caplog) == []


async def test_an_answer_that_is_not_whole_is_not_taken_for_one_that_nobody_reads() -> None:
    async with asyncio.timeout(PATIENCE), asked(endless) as (server, _):
        [connection] = server.server_state.connections
        assert isinstance(connection, StoppableHttp)
        is_full = connection.flow
        await eventually("a full socket", lambda: asyncio.sleep(0, is_full.write_paused))
        connection._end_if_stalled(1)
        assert not connection.transport.is_closing()
        await server.shutdown()


async def test_an_answer_is_sent_as_it_is_read() -> None:
    async with asyncio.timeout(PATIENCE), asked(large) as (server, reader):
        [connection] = server.server_state.connections
        assert isinstance(connection, StoppableHttp)
        flow, size = connection.flow, connection.transport.get_write_buffer_size
        await eventually("a full buffer", lambda: asyncio.sleep(0, flow.write_paused))
        assert size() <= 2 * PART_BYTES
        assert server.server_state.tasks
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += await reader.readexactly(1)
        assert LENGTH[0][1] in head
        assert await reader.readexactly(len(BODY)) == BODY
        await eventually("the end", lambda: asyncio.sleep(0, not server.server_state.tasks))
        await server.shutdown()


async def test_an_answer_that_is_read_slowly_is_kept() -> None:
    async with asyncio.timeout(PATIENCE), asked(large) as (server, reader):
        [connection] = server.server_state.connections
        assert isinstance(connection, StoppableHttp)
        size = connection.transport.get_write_buffer_size
        await eventually("a watch", lambda: asyncio.sleep(0, connection._watching is not None))
        watch, received = connection._watching, 0
        while connection._watching is watch:
            received += len(await reader.read(2**16))
        assert watch is not None
        assert watch.cancelled()
        connection._end_if_stalled(size() + 1)
        while received < len(BODY):
            received += len(await reader.read(2**18))
        await server.shutdown()


async def test_an_application_that_goes_on_after_its_answer_answers_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    running: list[asyncio.Task[None] | None] = []

    async def lingering(_scope: Scope, _receive: Receive, send: Send) -> None:
        running.append(asyncio.current_task())
        if len(running) == 1:
            await send(START)
            await send({"type": "http.response.body", "body": b"done"})
        await asyncio.Event().wait()

    async with asyncio.timeout(PATIENCE), asked(lingering, ASK * 2) as (server, reader):
        tasks = server.server_state.tasks
        await eventually("the second request", lambda: asyncio.sleep(0, len(running) == 2))
        for task in running:
            assert task is not None
            task.cancel()
            await eventually("its end", lambda task=task: asyncio.sleep(0, task not in tasks))
        await server.shutdown()
        received = await reader.read()
    assert [received.count(b" 200 "), received.count(b" 503 ")] == [1, 1]
    assert complaints(caplog) == []


@pytest.mark.parametrize(("app", "answer"), [(silent, b" 503 "), (begun, b" 200 ")])
async def test_what_does_not_end_is_ended_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    app: ASGIApp,
    answer: bytes,
) -> None:
    async with asyncio.timeout(PATIENCE), asked(app) as (server, reader):
        server.config.timeout_graceful_shutdown = 0
        await server.shutdown()
        received = b""
        try:
            while piece := await reader.read(4096):
                received += piece
        except ConnectionResetError:
            pass
        assert answer in received
    assert complaints(caplog) == ["Cancel 1 running task(s), timeout graceful shutdown exceeded"]
