"""A message that is too large leaves its beginning, and the connection as it was."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN

from app.websocket.read_away import BEGINNING_BYTES, READ_AWAY, Beginning, ReadAwayProtocol

LIMIT = 2000
PING = Frame(Opcode.PING, b"here?")


def bytes_of(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)


def frames_of(message: bytes, cuts: list[int], opcode: Opcode = Opcode.BINARY) -> list[Frame]:
    """A message in fragments (RFC 6455 §5.4)."""
    places = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    parts = [message[start:stop] for start, stop in pairwise(places)]
    return [
        Frame(Opcode.CONT if number else opcode, part, fin=number == len(parts) - 1)
        for number, part in enumerate(parts)
    ]


def received(protocol: ReadAwayProtocol, wire: bytes, piece: int = 1 << 20) -> list[bytes]:
    """Feed bytes in pieces; return the messages, put together as uvicorn does."""
    messages: list[bytes] = []
    parts: list[bytes] = []
    for at in range(0, len(wire), piece):
        protocol.receive_data(wire[at : at + piece])
        for frame in protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode in (Opcode.BINARY, Opcode.TEXT):
                parts = []
            if frame.opcode is not Opcode.PING:
                parts.append(frame.data)
            if frame.opcode is not Opcode.PING and frame.fin:
                messages.append(parts[0] if len(parts) == 1 else b"".join(parts))
    return messages


def protocol() -> ReadAwayProtocol:
    return ReadAwayProtocol(max_size=LIMIT, state=OPEN)


def wire_of(frames: list[Frame]) -> bytes:
    return b"".join(frame.serialize(mask=True) for frame in frames)


@given(
    sizes=st.lists(st.sampled_from([0, 1, 125, 126, 1999, 2000, 2001, 3000, 20_000]), max_size=6),
    cuts=st.lists(st.integers(0, 2500), max_size=4),
    piece=st.sampled_from([61, 500, 100_000]),
)
def test_what_is_too_large_leaves_its_beginning(
    sizes: list[int], cuts: list[int], piece: int
) -> None:
    sent = [bytes_of(seed, size) for seed, size in enumerate(sizes)]
    reader = protocol()
    wire = wire_of([frame for each in sent for frame in (*frames_of(each, cuts), PING)])
    got = received(reader, wire, piece)
    assert len(got) == len(sent)
    for message, arrived in zip(sent, got, strict=True):
        if len(message) <= LIMIT:
            assert arrived == message
        else:
            assert isinstance(arrived, Beginning)
            assert message.startswith(arrived)
            assert len(arrived) == BEGINNING_BYTES or cuts
    assert reader.parser_exc is None


def test_a_text_that_is_too_large_is_not_decoded() -> None:
    wire = wire_of(frames_of("é".encode() * LIMIT, [], Opcode.TEXT))
    [beginning] = received(protocol(), wire)
    assert isinstance(beginning, Beginning)


def test_nothing_of_it_is_kept_meanwhile() -> None:
    reader = protocol()
    wire = wire_of(frames_of(bytes(10 * LIMIT), []))[:-1]
    for at in range(0, len(wire), 100):
        reader.receive_data(wire[at : at + 100])
        assert len(reader.reader.buffer) <= BEGINNING_BYTES + 100
    assert not reader.events_received()


@pytest.mark.parametrize("cuts", [[], [LIMIT], list(range(0, LIMIT * READ_AWAY, LIMIT))])
def test_there_is_an_end_to_it(cuts: list[int]) -> None:
    reader = protocol()
    reader.receive_data(wire_of(frames_of(bytes(LIMIT * READ_AWAY + 1), cuts)))
    assert isinstance(reader.parser_exc, PayloadTooBig)
    assert reader.close_sent is not None
    assert reader.close_sent.code == CloseCode.MESSAGE_TOO_BIG
