"""What is dropped, what is not, and who is caught up when."""

import asyncio
from dataclasses import dataclass, field

from app.rooms.outbox import FrameBatch
from app.websocket.send_queue import SendQueue, SessionOutbox, never_write
from crdt.errors import Overloaded, SyncError
from crdt.protocol.y_websocket import encode

LIMIT = 100


@dataclass
class Socket:
    """The queue of a socket that takes what it is written while it is writable."""

    writable: bool = False
    written: list[bytes] = field(default_factory=list)
    ends: list[SyncError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = SendQueue(LIMIT, self.write, self.ends.append)

    def write(self, frames: bytes) -> bool:
        if self.writable:
            self.written.append(frames)
        return self.writable


class Session:
    """A session that is caught up by one frame, unless it must wait."""

    def __init__(self, send_queue: SendQueue, name: bytes, ready: bool = True) -> None:
        self.outbox = SessionOutbox(send_queue, encode)
        self.outbox.refill = self.refill
        self.name, self.ready, self.times = name, ready, 0

    def refill(self) -> bool:
        if self.ready:
            self.times += 1
            self.outbox.put(b"all of " + self.name)
        return self.ready

    def offer(self, *frames: bytes) -> None:
        self.outbox.offer(FrameBatch.of(frames))

    @property
    def is_behind(self) -> bool:
        return self.outbox.is_behind


def a_queue() -> SendQueue:
    """The queue of a socket that takes nothing at once and is never closed."""
    return SendQueue(LIMIT, never_write, refuse_to_close)


def refuse_to_close(error: SyncError) -> None:
    raise AssertionError(f"closed: {error}")


def drained(send_queue: SendQueue) -> list[bytes]:
    """Let the client take everything that waits."""
    frames = []
    while send_queue:
        frames.append(send_queue.pop())
        send_queue.sent(frames[-1])
    return frames


def test_frames_come_out_in_the_order_they_went_in() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    send_queue.put(b"ack")
    ann.offer(b"edit")
    ann.outbox.answer(b"answer")
    assert (send_queue.size, drained(send_queue), send_queue.size) == (
        13,
        [b"ack", b"edit", b"answer"],
        0,
    )


def test_what_may_be_let_go_is_let_go_past_the_limit_and_the_rest_is_not() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    send_queue.put(b"ack")
    for _ in range(4):
        ann.offer(bytes(30))
    assert ann.is_behind
    send_queue.put(b"another ack")
    ann.offer(b"let go too")
    assert drained(send_queue) == [b"ack", b"another ack"]


def test_who_fell_behind_is_caught_up_once_and_then_told_everything_again() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    for _ in range(4):
        ann.offer(bytes(30))
    drained(send_queue)
    send_queue.catch_up()
    ann.offer(b"edit")
    assert drained(send_queue) == [b"all of ann", b"edit"]
    send_queue.catch_up()
    assert (ann.times, ann.is_behind) == (1, False)


def test_every_session_of_a_socket_is_caught_up_one_at_a_time() -> None:
    send_queue = a_queue()
    ann, ben, eve = (Session(send_queue, name) for name in (b"ann", b"ben", b"eve"))
    ann.offer(bytes(40))
    ben.offer(bytes(40))
    ben.offer(bytes(40))
    assert (ann.is_behind, ben.is_behind, eve.is_behind) == (True, True, False)
    drained(send_queue)
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ann"]
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ben"]


def test_who_cannot_be_caught_up_yet_stays_behind_and_lets_others_pass() -> None:
    send_queue = a_queue()
    ann, ben = Session(send_queue, b"ann", ready=False), Session(send_queue, b"ben")
    ann.offer(bytes(60))
    ben.offer(bytes(60))
    drained(send_queue)
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ben"]
    ann.offer(b"edit")
    assert (ann.is_behind, drained(send_queue)) == (True, [])
    ann.ready = True
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ann"]


def test_a_frame_larger_than_the_limit_passes_when_nothing_waits() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    ann.offer(bytes(500))
    assert (drained(send_queue), ann.is_behind) == ([bytes(500)], False)
    send_queue.put(bytes(500))
    assert drained(send_queue) == [bytes(500)]


def test_what_must_arrive_may_take_twice_the_limit_and_then_the_client_is_too_slow() -> None:
    socket = Socket()
    for _ in range(3):
        socket.queue.put(bytes(90))
    assert (socket.queue.size, socket.ends) == (270, [])
    socket.queue.put(b"ack")
    assert ([type(error) for error in socket.ends], socket.queue.size) == ([Overloaded], 0)


def test_there_is_no_room_while_answers_wait_or_are_about_to() -> None:
    send_queue = a_queue()
    send_queue.put(bytes(50))
    send_queue.reserve(50)
    assert send_queue.has_room
    send_queue.reserve(1)
    assert not send_queue.has_room
    drained(send_queue)
    assert send_queue.has_room


def test_what_is_being_sent_counts() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    ann.offer(bytes(90))
    sending = send_queue.pop()
    ann.offer(bytes(20))
    assert (send_queue.size, ann.is_behind, bool(send_queue)) == (90, True, False)
    send_queue.sent(sending)
    assert send_queue.size == 0


def test_an_answer_without_room_is_owed() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    send_queue.put(bytes(150))
    ann.outbox.answer(b"answer")
    assert (ann.outbox.is_owed, ann.is_behind) == (True, True)
    assert drained(send_queue) == [bytes(150)]


def test_frames_that_must_arrive_make_room_by_those_that_need_not() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    ann.offer(bytes(90))
    send_queue.put(bytes(20))
    send_queue.put(b"ack")
    assert (ann.is_behind, drained(send_queue)) == (True, [bytes(20), b"ack"])


def test_what_is_being_sent_counts_even_when_the_rest_is_forgotten() -> None:
    socket = Socket()
    for _ in range(3):
        socket.queue.put(bytes(90))
    sending = socket.queue.pop()
    socket.queue.put(b"one too many")
    assert (socket.queue.size, bool(socket.queue), len(socket.ends)) == (len(sending), False, 1)


def test_a_socket_that_takes_frames_is_written_to_at_once() -> None:
    socket = Socket(writable=True)
    ann = Session(socket.queue, b"ann")
    ann.outbox.put(b"ack")
    ann.outbox.answer(b"answer")
    ann.offer(b"one", b"two")
    assert socket.written == [b"\x82\x03ack", b"\x82\x06answer", b"\x82\x03one\x82\x03two"]
    assert (bool(socket.queue), socket.queue.size, socket.queue.writes) == (False, 0, 3)


def test_nothing_overtakes_what_waits_or_what_is_owed() -> None:
    socket = Socket()
    ann = Session(socket.queue, b"ann")
    for _ in range(2):
        ann.offer(bytes(60))
    socket.writable = True
    ann.outbox.put(b"ack")
    drained(socket.queue)
    ann.offer(b"edit")
    assert (socket.written, ann.is_behind) == ([], True)
    socket.queue.catch_up()
    assert socket.written == [b"\x82\x0aall of ann"]


def test_a_queue_that_has_ended_takes_nothing_more() -> None:
    socket = Socket()
    ann = Session(socket.queue, b"ann")
    ann.outbox.put(b"before")
    socket.queue.end()
    socket.writable = True
    ann.outbox.put(b"ack")
    ann.outbox.answer(b"answer")
    ann.offer(b"edit")
    assert (drained(socket.queue), socket.written) == ([b"before"], [])


async def test_whoever_waits_for_something_to_send_is_woken_by_it_and_by_the_end() -> None:
    send_queue = a_queue()
    ann = Session(send_queue, b"ann")
    for use in (
        lambda: send_queue.put(b"ack"),
        lambda: ann.outbox.answer(b"answer"),
        lambda: ann.offer(b"edit"),
        send_queue.end,
    ):
        waiting = asyncio.create_task(send_queue.wait())
        await asyncio.sleep(0)
        assert not waiting.done()
        use()
        await asyncio.wait_for(waiting, 10)
    await asyncio.wait_for(send_queue.wait(), 10)
