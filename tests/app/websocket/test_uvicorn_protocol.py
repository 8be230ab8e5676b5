"""Handshakes that cannot be read are answered, and nobody is taken for dead who is read slowly."""

import asyncio

import pytest

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
