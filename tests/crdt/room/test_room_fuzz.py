"""Whatever a client sends, a room answers by its rules; findings of the past are kept as examples.

Frames are random bytes, and random changes to frames that mean something, through both codecs.
"""

from typing import Any
from uuid import UUID

from hypothesis import example, given, seed, settings
from hypothesis import strategies as st
from pycrdt import Map

from crdt.document.document import Document
from crdt.errors import DocumentPoisoned, ProtocolError
from crdt.protocol import hocuspocus, y_websocket
from crdt.protocol.hocuspocus import Authenticate, Detach
from crdt.protocol.lib0 import var_bytes, var_string, var_uint
from crdt.protocol.messages import ClientMessage
from crdt.room.effects import (
    Append,
    Broadcast,
    CloseSession,
    Effect,
    Publish,
    Send,
    SendWhenDurable,
    WhenDurable,
)
from crdt.room.room import Room
from crdt.room.session import Session, UserProfile
from crdt.updates.state_vector import read_state_vector
from tests.crdt.raw_updates import Y_MAP, after, chain, deletions, in_root, in_type, update, value
from tests.rounds import SEED, rounds

ANN, BEN = 1, 2
ROOM = var_string("doc")

PRESENCE = b"\x01\x07\x01" + var_string('{"cursor":{"x":1}}')
UPDATES = [
    update(in_root(7, Y_MAP, key="a"), client=9),
    update(in_type(8, value(b"\x7e"), (1, 0)), client=10, deletions=deletions(1, (0, 1))),
    b"\x00" + deletions(1, (0, 3), (2**31, 5)),
]
BODIES = [
    b"\x00\x00" + var_bytes(b"\x01\x01\x03"),
    *(b"\x00" + step + var_bytes(each) for each in UPDATES for step in (b"\x01", b"\x02")),
    b"\x01" + var_bytes(PRESENCE),
    b"\x03",
    b"\x05" + var_string("hello"),
]
"""Frames of y-websocket, and of Hocuspocus but for the address."""


def one_behind_the_other(count: int) -> list[bytes]:
    """Values that the library joins by copying them, again and again."""
    behind = (after(8, value(b"\x7e"), (11, clock)) for clock in range(count - 1))
    return [in_root(8, value(b"\x7e"), key=None), *behind]


FOUND = [
    b"\x00\x02" + var_bytes(update(in_root(8, value(b"\x75\x01" * 20_000 + b"\x7e")))),
    b"\x00\x02" + var_bytes(update(*chain(1_001))),
    b"\x00\x02" + var_bytes(update(in_root(6, b"\x01b\x04true"))),
    b"\x00\x02" + var_bytes(update(in_type(7, Y_MAP, (2**32, 0)))),
    b"\x00\x02" + var_bytes(b"\x00" + deletions(1, (2**32, 1))),
    b"\x00\x02" + var_bytes(b"\x01" + var_uint(2**60) + b"\x01\x00"),
    b"\x01" + var_bytes(b"\x01\x07\x01" + var_string('{"x":1e999}')),
    b"\x01" + var_bytes(b"\x01\x07\x01" + var_string('{"x":"\\ud800"}')),
    b"\x01" + var_bytes(b"\x01" + var_uint(2**64) + b"\x01" + var_string("{}")),
    b"\x01" + var_bytes(b"\x01\x07\x01" + var_string("[" * 100_000)),
    b"\x00\x02" + var_bytes(update(*one_behind_the_other(3_000), client=11)),
    b"\x00\x02" + var_bytes(update(*[in_root(8, value(b"\x7e"))] * 1_010, client=12)),
    b"\x00\x02" + var_bytes(b"\x00" + deletions(1, *((clock, 1) for clock in range(0, 20_000, 2)))),
]
"""Killed the process, spoiled the document, took gigabytes or minutes, or would not have been read
by others."""


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame, whole or damaged, or nothing like one."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=80))
    frame = bytearray(draw(st.sampled_from(BODIES)))
    for _ in range(draw(st.integers(0, 3))):
        frame[draw(st.integers(0, len(frame) - 1))] = draw(st.integers(0, 255))
    return bytes(frame[: draw(st.integers(1, len(frame)))] if draw(st.booleans()) else frame)


def a_room() -> Room:
    document = Document(client_id=1)
    with document.transact():
        document.doc.get("steps", type=Map)["first"] = Map({"name": "a"})
    room = Room(document, "here")
    for number in (ANN, BEN):
        room.join(Session(number, UserProfile(UUID(int=number), "A"), "read-write"))
    return room


def read(frame: bytes) -> list[ClientMessage]:
    """What a frame means in either protocol; what it does not is a ProtocolError and no other."""
    messages: list[Any] = []
    for decode in (y_websocket.decode, lambda each: hocuspocus.decode(ROOM + each)[1]):
        try:
            messages.append(decode(frame))
        except ProtocolError:
            continue
    return [each for each in messages if not isinstance(each, Authenticate | Detach)]


def check(effects: list[Effect], session: int) -> None:
    for effect in effects:
        match effect:
            case CloseSession(closed, error):
                assert (closed, isinstance(error, Exception)) == (session, True)
                assert len(error.reason.encode()) <= 123
            case Send(told, _) | SendWhenDurable(told, _):
                assert told == session
            case _:
                assert isinstance(effect, Append | Broadcast | Publish | WhenDurable)


@seed(SEED)
@settings(max_examples=rounds(400, few=30), deadline=None)
@given(st.lists(frames(), min_size=1, max_size=12))
@example(FOUND)
@example([*FOUND[::-1], *BODIES])
def test_whatever_is_sent_the_room_answers_by_its_rules(received: list[bytes]) -> None:
    room = a_room()
    for number, frame in enumerate(received):
        session = (ANN, BEN)[number % 2]
        for message in read(frame):
            try:
                check(room.handle(session, message, float(number)), session)
            except DocumentPoisoned:
                # The library gave up on bytes that nobody honest writes: the room is loaded anew.
                room = a_room()
    copy = Document()
    copy.load(room.document.encode())
    here, there = (read_state_vector(each.state_vector()) for each in (room.document, copy))
    assert here == there
