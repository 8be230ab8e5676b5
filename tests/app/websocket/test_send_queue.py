"""What is let go, what is not, and who is caught up when."""

from dataclasses import dataclass, field

from app.websocket.send_queue import SendQueue

LIMIT = 100


@dataclass
class Session:
    """A lane that is caught up by one frame, unless it must wait."""

    send_queue: SendQueue
    name: bytes
    ready: bool = True
    is_behind: bool = False
    is_owed: bool = False
    times: int = field(default=0)

    def catch_up(self) -> bool:
        if self.ready:
            self.times += 1
            self.send_queue.put(b"all of " + self.name)
        return self.ready


def drained(send_queue: SendQueue) -> list[bytes]:
    """Let the client take everything that waits."""
    frames = []
    while send_queue:
        frames.append(send_queue.pop())
        send_queue.sent(frames[-1])
    return frames


def test_frames_come_out_in_the_order_they_went_in() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    send_queue.put(b"ack")
    send_queue.offer(b"edit", ann)
    send_queue.answer(b"answer", ann)
    assert (send_queue.size, drained(send_queue), send_queue.size) == (
        13,
        [b"ack", b"edit", b"answer"],
        0,
    )


def test_what_may_be_let_go_is_let_go_past_the_limit_and_the_rest_is_not() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    send_queue.put(b"ack")
    for _ in range(4):
        send_queue.offer(bytes(30), ann)
    assert ann.is_behind
    send_queue.put(b"another ack")
    send_queue.offer(b"let go too", ann)
    assert drained(send_queue) == [b"ack", b"another ack"]


def test_who_fell_behind_is_caught_up_once_and_then_told_everything_again() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    for _ in range(4):
        send_queue.offer(bytes(30), ann)
    drained(send_queue)
    send_queue.catch_up()
    send_queue.offer(b"edit", ann)
    assert drained(send_queue) == [b"all of ann", b"edit"]
    send_queue.catch_up()
    assert (ann.times, ann.is_behind) == (1, False)


def test_every_session_of_a_socket_is_caught_up_one_at_a_time() -> None:
    send_queue = SendQueue(LIMIT)
    ann, ben, eve = (Session(send_queue, name) for name in (b"ann", b"ben", b"eve"))
    send_queue.offer(bytes(40), ann)
    send_queue.offer(bytes(40), ben)
    send_queue.offer(bytes(40), ben)
    assert (ann.is_behind, ben.is_behind, eve.is_behind) == (True, True, False)
    drained(send_queue)
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ann"]
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ben"]


def test_who_cannot_be_caught_up_yet_stays_behind_and_lets_others_pass() -> None:
    send_queue = SendQueue(LIMIT)
    ann, ben = Session(send_queue, b"ann", ready=False), Session(send_queue, b"ben")
    send_queue.offer(bytes(60), ann)
    send_queue.offer(bytes(60), ben)
    drained(send_queue)
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ben"]
    send_queue.offer(b"edit", ann)
    assert (ann.is_behind, drained(send_queue)) == (True, [])
    ann.ready = True
    send_queue.catch_up()
    assert drained(send_queue) == [b"all of ann"]


def test_a_frame_larger_than_the_limit_passes_when_nothing_waits() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    send_queue.offer(bytes(500), ann)
    assert (drained(send_queue), ann.is_behind) == ([bytes(500)], False)
    assert send_queue.put(bytes(500))
    assert not send_queue.put(b"ack")


def test_what_must_arrive_may_take_twice_the_limit() -> None:
    send_queue = SendQueue(LIMIT)
    assert [send_queue.put(bytes(90)) for _ in range(4)] == [True, True, True, False]


def test_there_is_no_room_while_answers_wait_or_are_about_to() -> None:
    send_queue = SendQueue(LIMIT)
    send_queue.put(bytes(50))
    send_queue.reserved = 50
    assert send_queue.has_room
    send_queue.reserved = 51
    assert not send_queue.has_room
    drained(send_queue)
    assert send_queue.has_room


def test_what_is_being_sent_counts() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    send_queue.offer(bytes(90), ann)
    sending = send_queue.pop()
    send_queue.offer(bytes(20), ann)
    assert (send_queue.size, ann.is_behind, bool(send_queue)) == (90, True, False)
    send_queue.sent(sending)
    assert send_queue.size == 0


def test_an_answer_without_room_is_owed() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    send_queue.put(bytes(150))
    send_queue.answer(b"answer", ann)
    assert (ann.is_owed, ann.is_behind) == (True, True)
    assert drained(send_queue) == [bytes(150)]


def test_frames_that_must_arrive_make_room_by_those_that_need_not() -> None:
    send_queue = SendQueue(LIMIT)
    ann = Session(send_queue, b"ann")
    send_queue.offer(bytes(90), ann)
    assert send_queue.put(bytes(20))
    assert send_queue.put(b"ack")
    assert (ann.is_behind, drained(send_queue)) == (True, [bytes(20), b"ack"])


def test_clearing_forgets_what_waits_but_not_what_is_being_sent() -> None:
    send_queue = SendQueue(LIMIT)
    send_queue.put(bytes(10))
    send_queue.put(bytes(20))
    sending = send_queue.pop()
    send_queue.clear()
    assert (send_queue.size, bool(send_queue)) == (len(sending), False)
