"""The short way into a WebSocket reads what the library for WebSockets reads, however it is cut."""

import random
from collections.abc import Sequence

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from app.websocket.frame_boundaries import FrameBoundaries
from tests.rounds import SEED, rounds

MASK = b"\x11\x22\x33\x44"


def frame(payload: bytes, opcode: Opcode = Opcode.BINARY, *, fin: bool = True) -> bytes:
    """A frame as a client sends it."""
    return Frame(opcode, payload, fin=fin).serialize(mask=True)


class Server:
    """A library that reads frames, behind what is cut for it; or all of it, without."""

    def __init__(self, boundaries: FrameBoundaries | None, *, at_once: bool = False) -> None:
        self.at_once = at_once
        self.library = ServerProtocol(max_size=2**20, state=OPEN)
        self.boundaries = boundaries
        self.messages: list[tuple[Opcode, bytes]] = []
        self.short = 0

    def receive(self, data: bytes) -> None:
        if self.boundaries is None:
            self._read(data)
            return
        within = self.library.current_size is not None
        if self.at_once and not within and (whole := self.boundaries.whole(data)) is not None:
            self.short += 1
            self.messages.append((Opcode.BINARY, whole))
            return
        self.boundaries.add(data)
        while self.library.state is OPEN:
            within = self.library.current_size is not None
            if (piece := self.boundaries.next(within_message=within)) is None:
                return
            is_message, data = piece
            if is_message:
                self.short += 1
                self.messages.append((Opcode.BINARY, data))
            else:
                self._read(data)

    def _read(self, data: bytes) -> None:
        self.library.receive_data(data)
        for event in self.library.events_received():
            assert isinstance(event, Frame)
            self.messages.append((event.opcode, bytes(event.data)))

    @property
    def outcome(self) -> object:
        failure = self.library.parser_exc
        return self.messages, self.library.close_sent, type(failure), self.library.state


def pieces(stream: bytes, draw: random.Random) -> list[bytes]:
    """The stream as a network might cut it."""
    cuts = sorted(draw.sample(range(len(stream) + 1), min(len(stream), draw.randrange(8))))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


def read_both(parts: Sequence[bytes], limit: int = 2**16) -> tuple[Server, Server]:
    short, long = Server(FrameBoundaries(limit)), Server(None)
    at_once = Server(FrameBoundaries(limit), at_once=True)
    for part in parts:
        for server in (short, long, at_once):
            if server.library.state is OPEN:
                server.receive(part)
    assert (at_once.outcome, at_once.short) == (short.outcome, short.short)
    return short, long


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 2**16 - 1])
def test_a_short_message_is_unmasked_without_a_parser(size: int) -> None:
    short, long = read_both([frame(bytes(range(256)) * (size // 256) + bytes(size % 256))])
    assert short.outcome == long.outcome
    assert short.short == 1


@pytest.mark.parametrize(
    "stream",
    [
        frame(bytes(2**16)),
        frame(b"text", Opcode.TEXT),
        frame(b"ping", Opcode.PING) + frame(b"then"),
        frame(b"one", fin=False) + frame(b"ping", Opcode.PING) + frame(b"two", Opcode.CONT),
        frame(b"one", fin=False) + frame(b"another begins within it"),
        frame(b"", Opcode.CONT),
        frame(b"\x03\xe8", Opcode.CLOSE) + frame(b"too late"),
        b"\xc2" + frame(b"a reserved bit")[1:] + frame(b"then"),
        Frame(Opcode.BINARY, b"not masked").serialize(mask=False) + frame(b"then"),
        b"\x82\xff" + b"\xff" * 8 + MASK + b"longer than anything",
        b"\x82",
        b"\x82\xfe\x01",
    ],
    # Their bytes, which pytest would take, differ between processes: masks are random.
    ids=map(str, range(12)),
)
def test_everything_else_is_left_to_the_parser(stream: bytes) -> None:
    for parts in ([stream], [stream[at : at + 1] for at in range(len(stream))]):
        short, long = read_both(parts[:2000])
        assert short.outcome == long.outcome


def test_a_message_that_came_alone_is_taken_at_once() -> None:
    boundaries = FrameBoundaries(300)
    for size in (0, 1, 125, 126, 127, 133, 300):
        assert boundaries.whole(frame(bytes(size))) == bytes(size)
    for other in (frame(bytes(301)), frame(b"a") + frame(b"b"), frame(b"a")[:-1], b""):
        assert boundaries.whole(other) is None
    boundaries.add(frame(b"a")[:-1])
    assert boundaries.next(within_message=False) is None
    assert boundaries.whole(frame(b"b")) is None


def test_what_is_longer_than_the_limit_is_left_to_the_parser() -> None:
    short, long = read_both([frame(bytes(101)) + frame(bytes(100))], limit=100)
    assert (short.outcome, short.short) == (long.outcome, 1)


def test_the_rest_is_handed_out_once_and_nothing_is_cut_any_more() -> None:
    boundaries = FrameBoundaries()
    boundaries.add(frame(b"one")[:4])
    assert boundaries.next(within_message=False) is None
    boundaries.add(b"more")
    assert boundaries.rest()[4:] == b"more"
    boundaries.add(frame(b"two"))
    assert boundaries.next(within_message=False) is not None
    assert boundaries.next(within_message=False) is None


@pytest.mark.parametrize("number", range(rounds(5_000, 60)))
def test_any_stream_is_read_alike_however_it_is_cut(number: int) -> None:
    draw = random.Random(SEED + number)
    stream = b"".join(_any_frames(draw) for _ in range(draw.randrange(1, 12)))
    if not draw.randrange(4):
        at = draw.randrange(len(stream))
        stream = stream[:at] + draw.randbytes(1) + stream[at + 1 :]
    short, long = read_both(pieces(stream, draw))
    assert short.outcome == long.outcome


def _any_frames(draw: random.Random) -> bytes:
    payload = draw.randbytes(draw.choice((0, 3, 125, 126, 300, 70_000)))
    match draw.randrange(8):
        case 0:
            return frame(payload[:125], draw.choice((Opcode.PING, Opcode.PONG)))
        case 1:
            middle = frame(b"", Opcode.PING) if draw.randrange(2) else b""
            return frame(payload, fin=False) + middle + frame(payload, Opcode.CONT)
        case 2:
            return frame(b"text", Opcode.TEXT)
        case _:
            return frame(payload)
