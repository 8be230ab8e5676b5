"""A connection that stays has tasks only while something is awaited, and loses nothing by it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

import app.websocket.attendant
from app.websocket.attendant import DISCONNECT, HELD, Event
from app.websocket.connection import ClientConnection, Pause
from app.websocket.uvicorn_protocol import READ, STAY, WRITE
from crdt.errors import Draining, ProtocolError
from crdt.protocol.messages import KEEP_ALIVE
from crdt.protocol.y_websocket import encode
from tests.app.fakes import turns
from tests.app.wire import Wire


class Socket:
    """A socket with the ASGI extension. It takes frames at once while `is_free`.

    As long as it is not `writable`, it is not lost, either: something is left for its client.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closes: list[tuple[int, str]] = []
        self.is_free, self.is_hung_up = True, False
        self.reads_on = 0
        self.writable = asyncio.Event()
        self.writable.set()
        self.failure: Exception | None = None
        self.on_event: Callable[[Event], None] = lambda _: None
        self.take: Callable[[bytes], object] = lambda _: None

    def extensions(self) -> dict[str, Any]:
        return {
            WRITE: {"frames": self.write},
            READ: {"messages": self.read},
            STAY: {"socket": self},
        }

    def write(self, frames: bytes) -> bool:
        if self.is_free:
            self.sent.append(frames[2:])
        return self.is_free

    def read(self, take: Callable[[bytes], object]) -> None:
        self.take = take

    def stay(self, on_event: Callable[[Event], None]) -> None:
        self.on_event = on_event

    def read_on(self) -> None:
        self.reads_on += 1

    def receive(self, frame: bytes) -> None:
        """Receive a frame from the client."""
        if (held := self.take(frame)) is not None:
            self.on_event({"type": "websocket.receive", HELD: held})

    async def send_frame(self, frame: bytes) -> None:
        await self.writable.wait()
        if self.failure is not None:
            raise self.failure
        self.sent.append(frame)

    async def send_close(self, code: int, reason: str) -> None:
        await self.writable.wait()
        self.closes.append((code, reason))
        self.on_event({"type": DISCONNECT, "code": code})

    def hang_up(self) -> None:
        self.is_hung_up = True
        if self.writable.is_set():
            self.on_event({"type": DISCONNECT, "code": 1006})


class Scene:
    """One connection that stays. `receive` is what its frames are handed to."""

    def __init__(self, receive: Callable[[bytes], Pause] = lambda _: 0.0) -> None:
        self.socket = Socket()
        wire = Wire()
        wire.websocket.scope["extensions"] = self.socket.extensions()
        self.connection = ClientConnection(
            wire.websocket, encode, outbox_bytes=100, keep_alive=600.0
        )
        self.failures: list[Exception] = []
        self.ends = 0
        self.connection.stay(receive, self.fail, self.end)

    def fail(self, error: Exception) -> None:
        self.failures.append(error)
        self.connection.close(Draining())

    def end(self) -> None:
        self.ends += 1

    def leave(self) -> None:
        self.socket.on_event({"type": DISCONNECT, "code": 1005})


def tasks() -> int:
    """How many tasks there are beside the test's own."""
    return len(asyncio.all_tasks()) - 1


async def test_a_connection_that_looks_on_has_no_task() -> None:
    taken: list[bytes] = []

    def receive(frame: bytes) -> float:
        taken.append(frame)
        return 0.0

    before = tasks()
    scene = Scene(receive)
    await turns()
    scene.socket.receive(b"in")
    scene.connection.put(b"out")
    assert (taken, scene.socket.sent, tasks()) == ([b"in"], [b"out"], before)
    scene.leave()
    await turns()
    assert (scene.ends, tasks()) == (1, before)


async def test_what_the_socket_does_not_take_at_once_is_sent_in_its_order() -> None:
    before, scene = tasks(), Scene()
    scene.socket.is_free = False
    scene.socket.writable.clear()
    for frame in (b"one", b"two"):
        scene.connection.put(frame)
    await turns()
    assert scene.socket.sent == []
    scene.socket.writable.set()
    await turns()
    assert scene.socket.sent == [b"one", b"two"]
    scene.connection.put(b"three")
    await turns()
    assert scene.socket.sent[2:] == [b"three"]
    scene.leave()
    await turns()
    assert tasks() == before


async def test_nothing_is_read_before_what_must_come_first() -> None:
    done = asyncio.Event()

    async def first() -> float:
        await done.wait()
        return 0.0

    scene = Scene(lambda _: first)
    scene.socket.receive(b"large")
    await turns()
    assert scene.socket.reads_on == 0
    done.set()
    await turns()
    assert (scene.socket.reads_on, scene.failures, scene.connection.error) == (1, [], None)


async def test_nothing_is_read_of_who_is_being_closed() -> None:
    read: list[bytes] = []
    scene = Scene(lambda frame: lambda: first(frame))

    async def first(frame: bytes) -> float:
        read.append(frame)
        scene.connection.close(Draining())
        return 0.0

    scene.socket.receive(b"one")
    scene.socket.receive(b"two")
    await turns()
    assert (read, scene.failures) == ([b"one"], [])


async def test_who_leaves_meanwhile_is_gone_after_it_was_read() -> None:
    done = asyncio.Event()

    async def first() -> float:
        await done.wait()
        return 0.0

    scene = Scene(lambda _: first)
    scene.socket.receive(b"last words")
    scene.leave()
    await turns()
    assert (scene.ends, scene.socket.reads_on) == (0, 0)
    done.set()
    await turns()
    assert (scene.ends, scene.socket.reads_on) == (1, 1)


async def test_what_a_frame_does_wrong_closes_the_connection_behind_what_waits() -> None:
    def refuse(_: bytes) -> float:
        raise ProtocolError("not like that")

    scene = Scene(refuse)
    scene.connection.put(b"before")
    scene.socket.receive(b"wrong")
    await turns()
    assert scene.socket.sent == [b"before"]
    assert scene.socket.closes == [(4400, "not like that")]
    assert (scene.ends, scene.failures) == (1, [])


async def test_a_text_message_is_a_breach_of_the_protocol() -> None:
    scene = Scene()
    scene.socket.on_event({"type": "websocket.receive", "text": "hello"})
    await turns()
    assert scene.socket.closes == [(4400, "expected a binary frame, got a text frame")]


async def test_a_bug_in_reading_and_one_in_sending_surface() -> None:
    def fail(_: bytes) -> float:
        raise LookupError("a bug")

    scene = Scene(fail)
    scene.socket.receive(b"one")
    await turns()
    assert [str(each) for each in scene.failures] == ["a bug"]
    assert (scene.ends, len(scene.socket.closes)) == (1, 1)
    scene = Scene()
    scene.socket.is_free, scene.socket.failure = False, LookupError("another")
    scene.connection.put(b"one")
    await turns()
    assert [str(each) for each in scene.failures] == ["another"]
    assert (scene.ends, scene.socket.is_hung_up) == (1, True)


async def test_who_is_gone_while_it_is_sent_to_is_no_bug() -> None:
    scene = Scene()
    scene.socket.is_free, scene.socket.failure = False, ConnectionError("gone")
    scene.connection.put(b"one")
    await turns()
    assert (scene.failures, scene.ends) == ([], 0)
    scene.leave()
    await turns()
    assert scene.ends == 1


async def test_a_client_that_never_reads_cannot_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.websocket.attendant, "CLOSE_SECONDS", 0.01)
    before, scene = tasks(), Scene()
    scene.socket.is_free = False
    scene.socket.writable.clear()
    scene.connection.put(b"one")
    scene.connection.close(Draining())
    async with asyncio.timeout(10):
        while not scene.ends:  # noqa: ASYNC110 - the end is what is waited for
            await asyncio.sleep(0.001)
    await turns()
    assert (scene.socket.closes, scene.socket.is_hung_up, tasks()) == ([], True, before)
    scene.leave()
    await turns()
    assert scene.ends == 1, "also when the socket is lost at last"


async def test_who_was_closed_before_it_stays_is_closed() -> None:
    wire, socket, ends = Wire(), Socket(), list[int]()
    wire.websocket.scope["extensions"] = socket.extensions()
    connection = ClientConnection(wire.websocket, encode, outbox_bytes=100, keep_alive=600.0)
    connection.close(Draining())
    connection.stay(lambda _: 0.0, lambda _: None, lambda: ends.append(1))
    await turns()
    assert socket.closes == [(1012, Draining.remedy)]
    assert ends == [1]


async def test_only_a_silent_line_is_kept_alive() -> None:
    scene = Scene()
    scene.connection.put(b"news")
    scene.connection.keep_alive_if_silent()
    assert scene.socket.sent == [b"news"]
    scene.connection.keep_alive_if_silent()
    assert scene.socket.sent[1:] == [encode(KEEP_ALIVE)]
    scene.connection.keep_alive_if_silent()
    assert len(scene.socket.sent) == 2
    scene.leave()
    await turns()
