"""Handshakes that cannot be read are answered, and nobody is taken for dead who is read slowly."""

import asyncio
import random
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN

from app.websocket.uvicorn_protocol import HELD, PING, WebSocketProtocol
from crdt.protocol.messages import Update
from crdt.protocol.y_websocket import encode
from tests.editor import joined
from tests.rounds import SEED, rounds
from tests.server import PATIENCE, Installation, Server

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


async def test_messages_of_all_sizes_get_into_the_log_in_their_order_however_they_are_cut(
    shared_installation: Installation, room: str, pipeline_id: str
) -> None:
    """Short ones go the short way, long ones and fragments do not, and some are read aside."""
    draw, sent = random.Random(SEED), list[bytes]()
    async with joined(room) as author, joined(room) as other:
        for number in range(rounds(400, few=60)):
            text = str(number) + "x" * draw.choice((0, 100, 200, 20_000, 70_000))
            before = author.doc.get_state()
            author.notes[str(number % 3)] = text
            sent.append(author.doc.get_update(before))
            author.unechoed.append(sent[-1])
            frame = encode(Update(sent[-1]))
            parts = [frame[:40], frame[40:]] if draw.randrange(3) == 0 else [frame]
            await author._socket.send(parts if len(parts) > 1 else frame)
        await author.until_echoed()
        await other.until("the last edit", lambda: other.notes.to_py() == author.notes.to_py())
    async with shared_installation.sql() as sql:
        rows = await sql.fetch(LOG, pipeline_id)
    assert [row["payload"] for row in rows if row["payload"] in set(sent)] == sent


LOG = "SELECT payload FROM pipeline_updates WHERE pipeline_id = $1 ORDER BY seq"


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


class Transport(asyncio.Transport):
    """A socket that is only looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.is_read, self.written = True, b""
        self.is_closed = self.is_cut_off = False

    def pause_reading(self) -> None:
        assert self.is_read
        self.is_read = False

    def resume_reading(self) -> None:
        assert not self.is_read
        self.is_read = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_cut_off = True


class Draining(Transport):
    """A socket that closes once its client has taken the rest."""

    def is_closing(self) -> bool:
        return self.is_closed


def opened() -> tuple[WebSocketProtocol, Transport]:
    """A WebSocket after its handshake."""
    protocol, transport = connected(), Transport()
    protocol.transport, protocol.conn.state = transport, OPEN
    # Its parser began before the handshake.
    protocol.conn.parser = protocol.conn.parse()
    next(protocol.conn.parser)
    return protocol, transport


def frames(*payloads: bytes) -> bytes:
    """Binary messages as a client sends them."""
    return b"".join(Frame(Opcode.BINARY, each).serialize(mask=True) for each in payloads)


async def test_messages_are_handed_over_as_they_come_behind_those_that_wait() -> None:
    protocol, transport = opened()
    taken: list[bytes] = []
    protocol.data_received(frames(b"one", b"two"))
    assert not transport.is_read
    protocol.read_messages(taken.append)
    assert transport.is_read
    last = frames(b"four")
    protocol.data_received(frames(b"three", bytes(2**16)) + last[:5])
    protocol.data_received(last[5:])
    assert taken == [b"one", b"two", b"three", bytes(2**16), b"four"]
    assert transport.is_read


async def test_nothing_more_is_handed_over_before_the_application_asks_again() -> None:
    protocol, transport = opened()
    taken: list[bytes] = []

    def take(message: bytes) -> str | None:
        taken.append(message)
        return "wait" if message.startswith(b"slow") else None

    protocol.data_received(frames(b"slow 1", b"waits"))
    protocol.read_messages(take)
    assert (await protocol.receive())[HELD] == "wait"  # type: ignore[typeddict-item]
    assert (taken, transport.is_read) == ([b"slow 1"], False)
    # Some transports deliver once more when they are paused.
    protocol.data_received(frames(b"slow 2", b"last"))
    assert taken == [b"slow 1"]
    assert (await protocol.receive())[HELD] == "wait"  # type: ignore[typeddict-item]
    assert (taken, transport.is_read) == ([b"slow 1", b"waits", b"slow 2"], False)
    asked = asyncio.ensure_future(protocol.receive())
    await asyncio.sleep(0)
    assert (taken[3:], transport.is_read) == ([b"last"], True)
    protocol.queue.put_nowait({"type": "websocket.disconnect", "code": 1005})
    assert (await asked)["type"] == "websocket.disconnect"


async def test_a_text_message_goes_the_long_way_and_what_is_behind_it_waits() -> None:
    protocol, transport = opened()
    taken: list[bytes] = []
    protocol.read_messages(taken.append)
    text = Frame(Opcode.TEXT, b"text").serialize(mask=True)
    protocol.data_received(text + frames(b"behind"))
    assert (await protocol.receive()) == {"type": "websocket.receive", "text": "text"}
    assert (taken, transport.is_read) == ([], False)


async def test_the_answer_to_a_close_is_read_whatever_waits_before_it() -> None:
    protocol, _ = opened()
    protocol.read_messages(lambda _: "wait")
    answer = Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True)
    protocol.data_received(frames(b"slow", b"waits") + answer)
    await protocol.send({"type": "websocket.close", "code": 1000, "reason": ""})
    assert protocol.conn.close_rcvd is not None


@pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
async def test_the_answer_to_a_close_is_read_that_comes_after_a_message_was_refused(
    opcode: Opcode,
) -> None:
    protocol, transport = opened()
    protocol.read_messages(lambda _: "wait")
    protocol.data_received(Frame(opcode, b"refused").serialize(mask=True))
    await protocol.receive()
    await protocol.send({"type": "websocket.close", "code": 4400, "reason": ""})
    assert transport.is_read
    protocol.data_received(Frame(Opcode.CLOSE, b"\x11\x30").serialize(mask=True))
    assert protocol.conn.close_rcvd is not None


async def test_who_sends_frames_before_the_handshake_is_over_goes_the_long_way() -> None:
    protocol, _ = opened()
    protocol.handshake_initiated, protocol.handshake_complete = True, False
    message = frames(b"cut in two")
    protocol.data_received(message[:5])
    protocol.handshake_complete = True
    taken: list[bytes] = []
    protocol.read_messages(taken.append)
    protocol.data_received(message[5:])
    assert taken == [b"cut in two"]


async def test_a_silent_client_is_pinged_and_closed_and_one_that_speaks_is_not() -> None:
    protocol, transport = opened()
    protocol.data_received(frames(b"hello"))
    protocol.read_messages(lambda _: None)
    protocol.ping_if_silent()
    assert transport.written == b""
    protocol.ping_if_silent()
    assert transport.written == Frame(Opcode.PING, PING).serialize(mask=False)
    protocol.data_received(Frame(Opcode.PONG, PING).serialize(mask=True))
    protocol.ping_if_silent()
    assert not protocol.close_sent
    for _ in range(2):
        protocol.ping_if_silent()
    assert protocol.close_sent, "pinged, and silent for the time between two looks"


async def test_a_socket_is_cut_off_whose_client_does_not_take_the_rest() -> None:
    protocol, _ = opened()
    transport = protocol.transport = Draining()
    protocol.ping_if_silent()
    transport.close()
    protocol.ping_if_silent()
    assert not transport.is_cut_off, "it may take the rest until the next look"
    protocol.ping_if_silent()
    assert transport.is_cut_off


async def test_a_socket_that_stays_outlives_the_call_and_hands_over_what_happens() -> None:
    protocol, transport = opened()
    events: list[Any] = []
    taken: list[bytes] = []

    async def call(_scope: Any, _receive: Any, _send: Any) -> None:
        protocol.read_messages(lambda message: taken.append(message) or "wait")  # type: ignore[func-returns-value]
        protocol.stay(events.append)

    protocol.app, protocol.scope = call, {}  # type: ignore[assignment,typeddict-item]
    protocol.data_received(frames(b"one", b"two"))
    await protocol.run_asgi()
    assert not transport.is_closed
    assert protocol.close_timer is None
    assert ([each[HELD] for each in events], taken) == (["wait"], [b"one"])
    protocol.read_on()
    assert (len(events), taken) == (2, [b"one", b"two"])
    protocol.read_on()
    assert transport.is_read
    protocol.connections.add(protocol)
    protocol.connection_lost(None)
    assert events[2]["type"] == "websocket.disconnect"


async def test_a_socket_whose_call_ends_is_closed() -> None:
    protocol, transport = opened()
    protocol.app, protocol.scope = no_app, {}  # type: ignore[assignment,typeddict-item]
    await protocol.run_asgi()
    assert transport.is_closed
