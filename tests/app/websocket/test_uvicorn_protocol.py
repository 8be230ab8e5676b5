"""Handshakes that cannot be read are answered, and nobody is taken for dead who is read slowly."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState

from app.websocket.uvicorn_protocol import WebSocketProtocol
from tests.server import PATIENCE, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

UPGRADE = b"Host: loom\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"


async def answer(server: Server, request: bytes) -> bytes:
    """Send a request; return everything that comes back until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request)
    try:
        async with asyncio.timeout(PATIENCE):
            return await reader.read()
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /ws/x?token=" + b"t" * 9000 + b" HTTP/1.1\r\n" + UPGRADE + b"\r\n", b"414"),
        (b"GET /ws/x HTTP/1.1\r\n" + UPGRADE + b"X: " + b"y" * 9000 + b"\r\n\r\n", b"431"),
        (b"GET /ws/x HTTP/1.1\r\n" + UPGRADE + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /ws/x HTTP/1.1\r\n" + UPGRADE + b"Content-Length: 5\r\n\r\nhello", b"400"),
    ],
    ids=["line too long", "header too long", "too many headers", "with a body"],
)
async def test_a_request_that_cannot_be_read_is_answered_and_closed(
    shared_server: Server, request_: bytes, status: bytes
) -> None:
    assert (await answer(shared_server, request_)).startswith(b"HTTP/1.1 " + status)


async def no_app(scope: Any, receive: Any, send: Any) -> None:
    """An application that does nothing."""


def connected() -> WebSocketProtocol:
    """A WebSocket after its handshake, without a transport."""
    protocol = WebSocketProtocol(uvicorn.Config(no_app, log_config=None), ServerState(), {})
    protocol.handshake_complete = True
    return protocol


async def test_sending_on_a_websocket_that_uvicorn_has_closed_finds_the_client_gone() -> None:
    protocol = connected()
    protocol.close_sent = True
    with pytest.raises(ClientDisconnected):
        await protocol.send({"type": "websocket.send", "bytes": b"frame"})


async def test_a_message_that_may_not_be_sent_is_still_a_bug() -> None:
    with pytest.raises(RuntimeError, match="Expected ASGI message"):
        await connected().send({"type": "websocket.accept"})
