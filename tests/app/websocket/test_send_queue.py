"""What is let go, what is not, and who is caught up when."""

from dataclasses import dataclass, field

from app.websocket.send_queue import Backlog

LIMIT = 100


@dataclass
class Session:
    """A lane that is caught up by one frame, unless it must wait."""

    backlog: Backlog
    name: bytes
    ready: bool = True
    is_behind: bool = False
    is_owed: bool = False
    times: int = field(default=0)

    def catch_up(self) -> bool:
        if self.ready:
            self.times += 1
            self.backlog.put(b"all of " + self.name)
        return self.ready


def drained(backlog: Backlog) -> list[bytes]:
    """Let the client take everything that waits."""
    frames = []
    while backlog:
        frames.append(backlog.pop())
        backlog.sent(frames[-1])
    return frames


def test_frames_come_out_in_the_order_they_went_in() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    backlog.put(b"ack")
    backlog.offer(b"edit", ann)
    backlog.answer(b"answer", ann)
    assert (backlog.size, drained(backlog), backlog.size) == (13, [b"ack", b"edit", b"answer"], 0)


def test_what_may_be_let_go_is_let_go_past_the_limit_and_the_rest_is_not() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    backlog.put(b"ack")
    for _ in range(4):
        backlog.offer(bytes(30), ann)
    assert ann.is_behind
    backlog.put(b"another ack")
    backlog.offer(b"let go too", ann)
    assert drained(backlog) == [b"ack", b"another ack"]


def test_who_fell_behind_is_caught_up_once_and_then_told_everything_again() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    for _ in range(4):
        backlog.offer(bytes(30), ann)
    drained(backlog)
    backlog.catch_up()
    backlog.offer(b"edit", ann)
    assert drained(backlog) == [b"all of ann", b"edit"]
    backlog.catch_up()
    assert (ann.times, ann.is_behind) == (1, False)


def test_every_session_of_a_socket_is_caught_up_one_at_a_time() -> None:
    backlog = Backlog(LIMIT)
    ann, ben, eve = (Session(backlog, name) for name in (b"ann", b"ben", b"eve"))
    backlog.offer(bytes(40), ann)
    backlog.offer(bytes(40), ben)
    backlog.offer(bytes(40), ben)
    assert (ann.is_behind, ben.is_behind, eve.is_behind) == (True, True, False)
    drained(backlog)
    backlog.catch_up()
    assert drained(backlog) == [b"all of ann"]
    backlog.catch_up()
    assert drained(backlog) == [b"all of ben"]


def test_who_cannot_be_caught_up_yet_stays_behind_and_lets_others_pass() -> None:
    backlog = Backlog(LIMIT)
    ann, ben = Session(backlog, b"ann", ready=False), Session(backlog, b"ben")
    backlog.offer(bytes(60), ann)
    backlog.offer(bytes(60), ben)
    drained(backlog)
    backlog.catch_up()
    assert drained(backlog) == [b"all of ben"]
    backlog.offer(b"edit", ann)
    assert (ann.is_behind, drained(backlog)) == (True, [])
    ann.ready = True
    backlog.catch_up()
    assert drained(backlog) == [b"all of ann"]


def test_a_frame_larger_than_the_limit_passes_when_nothing_waits() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    backlog.offer(bytes(500), ann)
    assert (drained(backlog), ann.is_behind) == ([bytes(500)], False)
    assert backlog.put(bytes(500))
    assert not backlog.put(b"ack")


def test_what_must_arrive_may_take_twice_the_limit() -> None:
    backlog = Backlog(LIMIT)
    assert [backlog.put(bytes(90)) for _ in range(4)] == [True, True, True, False]


def test_there_is_no_room_while_answers_wait_or_are_about_to() -> None:
    backlog = Backlog(LIMIT)
    backlog.put(bytes(50))
    backlog.reserved = 50
    assert backlog.has_room
    backlog.reserved = 51
    assert not backlog.has_room
    drained(backlog)
    assert backlog.has_room


def test_what_is_being_sent_counts() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    backlog.offer(bytes(90), ann)
    sending = backlog.pop()
    backlog.offer(bytes(20), ann)
    assert (backlog.size, ann.is_behind, bool(backlog)) == (90, True, False)
    backlog.sent(sending)
    assert backlog.size == 0


def test_an_answer_without_room_is_owed() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    backlog.put(bytes(150))
    backlog.answer(b"answer", ann)
    assert (ann.is_owed, ann.is_behind) == (True, True)
    assert drained(backlog) == [bytes(150)]


def test_frames_that_must_arrive_make_room_by_those_that_need_not() -> None:
    backlog = Backlog(LIMIT)
    ann = Session(backlog, b"ann")
    backlog.offer(bytes(90), ann)
    assert backlog.put(bytes(20))
    assert backlog.put(b"ack")
    assert (ann.is_behind, drained(backlog)) == (True, [bytes(20), b"ack"])


def test_clearing_forgets_what_waits_but_not_what_is_being_sent() -> None:
    backlog = Backlog(LIMIT)
    backlog.put(bytes(10))
    backlog.put(bytes(20))
    sending = backlog.pop()
    backlog.clear()
    assert (backlog.size, bool(backlog)) == (len(sending), False)
