import asyncio
from collections.abc import Callable

import pytest
from starlette.websockets import WebSocketState

import app.websocket.connection
from app.websocket.connection import ClientConnection, close
from crdt.errors import Draining, Overloaded, PipelineNotFound, ProtocolError
from crdt.protocol.messages import KEEP_ALIVE
from crdt.protocol.y_websocket import encode
from tests.app.fakes import turns
from tests.app.wire import PATIENCE, Wire


async def connected(
    wire: Wire, *, outbox_bytes: int = 1000, keep_alive: float = 600.0
) -> ClientConnection:
    await wire.websocket.accept()
    return ClientConnection(
        wire.websocket, encode, outbox_bytes=outbox_bytes, keep_alive=keep_alive
    )


async def running(
    connection: ClientConnection, receive: Callable[[bytes], None] | None = None
) -> "asyncio.Task[None]":
    """Run a connection until it waits for something."""

    def take(frame: bytes) -> float:
        if receive is not None:
            receive(frame)
        return 0.0

    task = asyncio.create_task(connection.run(take))
    await turns()
    return task


async def ended(task: "asyncio.Task[None]") -> None:
    """Wait for the end of a connection and raise what it ended with."""
    async with asyncio.timeout(PATIENCE):
        await task


@pytest.fixture
async def wire() -> Wire:
    return Wire()


async def test_frames_go_out_in_the_order_they_were_put(wire: Wire) -> None:
    connection = await connected(wire)
    connection.put(b"before")
    task = await running(connection)
    for frame in (b"one", b"two", b"three"):
        connection.put(frame)
    await turns()
    assert wire.frames == [b"before", b"one", b"two", b"three"]
    wire.hang_up()
    await ended(task)
    assert wire.closes == []


async def test_frames_come_in_in_the_order_they_were_sent(wire: Wire) -> None:
    taken: list[bytes] = []
    task = await running(await connected(wire), taken.append)
    for frame in (b"one", b"two", b"three"):
        wire.send(frame)
    wire.hang_up()
    await ended(task)
    assert taken == [b"one", b"two", b"three"]


async def test_what_a_client_sent_before_it_went_away_is_read(wire: Wire) -> None:
    taken: list[bytes] = []
    connection = await connected(wire)
    task = await running(connection, taken.append)
    wire.failure = OSError("the client is gone")
    connection.put(b"for nobody")
    await turns()
    wire.send(b"last words")
    wire.hang_up()
    await ended(task)
    assert taken == [b"last words"]


async def test_a_slow_client_is_closed_and_its_frames_are_let_go(wire: Wire) -> None:
    connection = await connected(wire, outbox_bytes=100)
    task = await running(connection)
    wire.writable.clear()
    frames = [bytes([number]) * 50 for number in range(10)]
    connection.put(frames[0])
    await turns()
    for frame in frames[1:]:
        connection.put(frame)
    wire.writable.set()
    await ended(task)
    assert wire.frames == frames[:1]
    assert wire.closes == [(1013, "this client reads too slowly: reconnect")]


async def test_a_client_that_reads_again_in_time_misses_nothing(wire: Wire) -> None:
    connection = await connected(wire, outbox_bytes=100)
    task = await running(connection)
    frames = [bytes([number]) * 50 for number in range(10)]
    for first, second in zip(frames[::2], frames[1::2], strict=True):
        wire.writable.clear()
        connection.put(first)
        connection.put(second)
        wire.writable.set()
        await turns()
    assert wire.frames == frames
    wire.hang_up()
    await ended(task)


async def test_a_frame_larger_than_the_outbox_is_sent_when_nothing_waits(wire: Wire) -> None:
    connection = await connected(wire, outbox_bytes=100)
    task = await running(connection)
    connection.put(bytes(5000))
    await turns()
    assert wire.frames == [bytes(5000)]
    wire.hang_up()
    await ended(task)


async def test_what_was_queued_is_sent_before_the_close(wire: Wire) -> None:
    connection = await connected(wire)
    connection.put(b"echo")
    connection.close(Draining())
    connection.put(b"too late")
    await ended(await running(connection))
    assert wire.frames == [b"echo"]
    assert wire.closes == [(1012, Draining.remedy)]


async def test_the_first_reason_to_close_is_the_one_given(wire: Wire) -> None:
    connection = await connected(wire)
    task = await running(connection)
    connection.close(PipelineNotFound())
    connection.close(Draining())
    await ended(task)
    await close(wire.websocket, Overloaded())
    assert wire.closes == [(4404, PipelineNotFound.remedy)]


async def test_who_takes_nothing_between_two_looks_is_stuck(wire: Wire) -> None:
    connection = await connected(wire)
    task = await running(connection)
    assert not connection.made_no_progress()
    wire.writable.clear()
    connection.put(b"one")
    connection.put(b"two")
    await turns()
    assert [connection.made_no_progress(), connection.made_no_progress()] == [True, True]
    wire.writable.set()
    await turns()
    wire.writable.clear()
    connection.put(b"three")
    assert [connection.made_no_progress(), connection.made_no_progress()] == [False, True]
    wire.writable.set()
    wire.hang_up()
    await ended(task)


async def test_nothing_is_read_while_answers_take_too_much_room(wire: Wire) -> None:
    taken: list[bytes] = []
    connection = await connected(wire, outbox_bytes=100)
    outbox = connection.outbox(encode)
    outbox.reserve(101)
    task = await running(connection, taken.append)
    for frame in (b"one", b"two", b"three"):
        wire.send(frame)
    await turns()
    assert taken == [b"one"]
    outbox.reserve(-1)
    await turns()
    assert taken == [b"one", b"two", b"three"]
    wire.hang_up()
    await ended(task)


async def test_a_client_that_never_reads_cannot_stay(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.websocket.connection, "CLOSE_SECONDS", 0.01)
    connection = await connected(wire, outbox_bytes=100)
    task = await running(connection)
    wire.writable.clear()
    for _ in range(10):
        connection.put(bytes(50))
        await turns()
    await ended(task)
    assert (wire.frames, wire.closes) == ([], [])


async def test_a_connection_that_is_cancelled_ends(wire: Wire) -> None:
    task = await running(await connected(wire))
    before = asyncio.all_tasks()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ended(task)
    assert len(before - asyncio.all_tasks()) == 4, "run, reader, writer and the wait for a close"


async def test_a_silent_line_is_kept_alive(wire: Wire) -> None:
    task = await running(await connected(wire, keep_alive=0.001))
    await wire.until_frames(2)
    assert wire.received[:2] == [KEEP_ALIVE, KEEP_ALIVE]
    wire.hang_up()
    await ended(task)


async def test_a_text_frame_is_a_breach_of_the_protocol(wire: Wire) -> None:
    task = await running(await connected(wire))
    wire.send_text("hello")
    await ended(task)
    assert wire.closes == [(4400, "expected a binary frame, got a text frame")]


async def test_a_frame_that_is_refused_closes_the_connection(wire: Wire) -> None:
    taken: list[bytes] = []

    def receive(frame: bytes) -> None:
        taken.append(frame)
        raise ProtocolError("not like that")

    task = await running(await connected(wire), receive)
    wire.send(b"one")
    wire.send(b"two")
    await ended(task)
    assert taken == [b"one"]
    assert wire.closes == [(4400, "not like that")]


async def test_a_bug_in_the_reader_surfaces(wire: Wire) -> None:
    def receive(frame: bytes) -> None:
        raise LookupError("a bug")

    task = await running(await connected(wire), receive)
    wire.send(b"one")
    with pytest.raises(LookupError, match="a bug"):
        await ended(task)


async def test_a_bug_in_sending_surfaces_and_ends_the_connection(wire: Wire) -> None:
    connection = await connected(wire)
    task = await running(connection)
    wire.failure = RuntimeError("a bug")
    connection.put(b"one")
    with pytest.raises(RuntimeError, match="a bug"):
        await ended(task)


async def test_a_bug_in_closing_surfaces(wire: Wire) -> None:
    connection = await connected(wire)
    task = await running(connection)
    wire.failure = RuntimeError("a bug")
    connection.close(Draining())
    with pytest.raises(RuntimeError, match="a bug"):
        await ended(task)


async def test_a_client_that_is_gone_is_not_closed_again(wire: Wire) -> None:
    await wire.websocket.accept()
    await wire.websocket.close(1000)
    await close(wire.websocket, Draining())
    assert wire.closes == [(1000, "")]


async def test_closing_a_line_that_broke_is_no_error(wire: Wire) -> None:
    await wire.websocket.accept()
    wire.failure = OSError("the client is gone")
    await close(wire.websocket, Draining())
    assert wire.websocket.application_state is WebSocketState.DISCONNECTED
    assert wire.closes == []
