"""Frames are those of y-protocols 1.0.7, byte for byte."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.errors import ProtocolError
from crdt.protocol.lib0 import var_bytes, var_uint
from crdt.protocol.messages import (
    KEEP_ALIVE,
    Accepted,
    Authenticated,
    AwarenessUpdate,
    Message,
    QueryAwareness,
    Refused,
    Stateless,
    SyncStep1,
    SyncStep2,
    TokenWanted,
    Update,
)
from crdt.protocol.y_websocket import decode, encode

EXAMPLES: list[tuple[Message, str]] = [
    (SyncStep1(b"\x00"), "00000100"),
    (SyncStep2(b"\x00\x00"), "0001020000"),
    (Update(b"\x00\x00"), "0002020000"),
    (KEEP_ALIVE, "010100"),
    (AwarenessUpdate(bytes.fromhex("0101056e756c6c")), "01070101056e756c6c"),
    (QueryAwareness(), "03"),
    (Update(b"x" * 200), "0002c801" + "78" * 200),
]

payloads = st.binary(max_size=300)
messages = st.one_of(
    st.builds(SyncStep1, payloads),
    st.builds(SyncStep2, payloads),
    st.builds(Update, payloads),
    st.builds(AwarenessUpdate, payloads),
    st.just(QueryAwareness()),
)


@pytest.mark.parametrize(("message", "frame"), EXAMPLES)
def test_examples_of_the_protocol(message: Message, frame: str) -> None:
    assert encode(message).hex() == frame
    assert decode(bytes.fromhex(frame)) == message


def test_permission_denied_as_y_protocols_writes_it() -> None:
    frame = encode(Refused("permission-denied"))
    assert frame.hex() == "020011" + b"permission-denied".hex()


def test_a_reason_is_counted_in_bytes() -> None:
    assert encode(Refused("né")).hex() == "0200036ec3a9"


@given(messages)
def test_a_message_reads_back(message: Message) -> None:
    assert decode(encode(message)) == message


@pytest.mark.parametrize(("message", "frame"), EXAMPLES)
def test_every_truncated_frame_is_refused(message: Message, frame: str) -> None:
    whole = bytes.fromhex(frame)
    for length in range(len(whole)):
        with pytest.raises(ProtocolError):
            decode(whole[:length])


@pytest.mark.parametrize(("message", "frame"), EXAMPLES)
def test_two_messages_in_one_frame_are_refused(message: Message, frame: str) -> None:
    with pytest.raises(ProtocolError, match="one message per frame"):
        decode(bytes.fromhex(frame) * 2)


@pytest.mark.parametrize("frame", ["04", "0a", "7f", "ff01", "66010a", "02000161"])
def test_types_that_no_client_sends_are_refused(frame: str) -> None:
    with pytest.raises(ProtocolError, match="message type"):
        decode(bytes.fromhex(frame))


def test_an_unknown_sync_step_is_refused() -> None:
    with pytest.raises(ProtocolError, match="sync step 0, 1 or 2, got 3"):
        decode(bytes.fromhex("00030100"))


@pytest.mark.parametrize("size", [1, 127, 128, 16_383, 16_384, 100_000])
def test_an_update_of_any_size_is_read_to_its_exact_end(size: int) -> None:
    frame = encode(Update(bytes(size)))
    assert decode(frame) == Update(bytes(size))
    for wrong in (frame + b"x", frame[:-1]):
        with pytest.raises(ProtocolError):
            decode(wrong)


def test_a_length_beyond_memory_is_refused() -> None:
    with pytest.raises(ProtocolError, match="truncated"):
        decode(b"\x00\x02" + var_uint(2**69))


@given(st.binary(max_size=100))
def test_random_bytes_are_a_message_or_a_protocol_error(frame: bytes) -> None:
    try:
        message = decode(frame)
    except ProtocolError:
        return
    assert decode(encode(message)) == message


@given(st.sampled_from(EXAMPLES), st.data())
def test_a_flipped_byte_is_a_message_or_a_protocol_error(
    example: tuple[Message, str], data: st.DataObject
) -> None:
    frame = bytearray.fromhex(example[1])
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ProtocolError):
        decode(bytes(frame))


def test_var_bytes_is_what_frames_are_made_of() -> None:
    assert encode(Update(b"abc")) == b"\x00\x02" + var_bytes(b"abc")


def test_an_accepted_update_is_echoed_and_an_accepted_answer_is_not() -> None:
    assert encode(Accepted(b"\x01\x02")) == encode(Update(b"\x01\x02"))
    assert encode(Accepted(b"")) == b""


def test_the_protocol_has_no_stateless_messages() -> None:
    assert encode(Stateless("hello")) == b""


def test_the_protocol_has_no_words_for_scopes_and_tokens() -> None:
    assert encode(Authenticated("readonly")) == encode(TokenWanted()) == b""
