"""Frames are those of Hocuspocus 4, byte for byte."""

from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.errors import ProtocolError
from crdt.protocol.hocuspocus import (
    MAX_ADDRESS,
    Authenticate,
    Denied,
    Detach,
    Detached,
    Encoder,
    FromClient,
    ToClient,
    decode,
    document_name,
)
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import (
    KEEP_ALIVE,
    Accepted,
    Authenticated,
    AwarenessUpdate,
    QueryAwareness,
    Refused,
    Stateless,
    SyncStep1,
    SyncStep2,
    TokenWanted,
    Update,
)
from tests.hocuspocus import ACCEPTED, REFUSED, client_frame, read

DOC = "03 646f63"

BOTH_WAYS: list[tuple[FromClient, str]] = [
    (SyncStep1(b"\x00"), "00 00 01 00"),
    (SyncStep2(b"\x00\x00"), "00 01 02 0000"),
    (Update(b"\x00\x00"), "00 02 02 0000"),
    (KEEP_ALIVE, "01 01 00"),
    (QueryAwareness(), "03"),
    (Stateless("hé"), "05 03 68c3a9"),
]
TO_SERVER: list[tuple[FromClient, str]] = [
    *BOTH_WAYS,
    (Authenticate("tok"), "02 00 03 746f6b"),
    (Authenticate("tok"), "02 00 03 746f6b 05 342e352e30"),
    (Detach(), "07"),
]
TO_CLIENT: list[tuple[ToClient, str]] = [
    *BOTH_WAYS,
    (Authenticated("read-write"), "02 02 0a 726561642d7772697465"),
    (Authenticated("readonly"), "02 02 08 726561646f6e6c79"),
    (Denied("permission-denied"), "02 01 11 7065726d697373696f6e2d64656e696564"),
    (TokenWanted(), "02 00"),
    (Accepted(b"whatever"), "08 01"),
    (Refused("why"), "08 00"),
    (Detached("no"), "07 02 6e6f"),
]

payloads = st.binary(max_size=300)
texts = st.text(max_size=50)
addresses = st.text(min_size=1, max_size=MAX_ADDRESS).filter(
    lambda address: document_name(address).strip()
)
from_clients = st.one_of(
    st.builds(SyncStep1, payloads),
    st.builds(SyncStep2, payloads),
    st.builds(Update, payloads),
    st.builds(AwarenessUpdate, payloads),
    st.just(QueryAwareness()),
    st.builds(Stateless, texts),
    st.builds(Authenticate, texts),
    st.just(Detach()),
)
to_clients = st.one_of(
    st.builds(Update, payloads),
    st.builds(AwarenessUpdate, payloads),
    st.builds(Stateless, texts),
    st.builds(Denied, texts),
    st.builds(Detached, texts),
    st.just(TokenWanted()),
    st.just(ACCEPTED),
    st.just(REFUSED),
)


def test_every_kind_of_message_has_an_example() -> None:
    assert {type(message) for message, _ in TO_SERVER} == set(get_args(FromClient))
    assert {type(message) for message, _ in TO_CLIENT} == set(get_args(ToClient))


def framed(body: str, address: str = DOC) -> bytes:
    return bytes.fromhex(address + body)


@pytest.mark.parametrize(("message", "body"), TO_SERVER)
def test_examples_of_what_clients_send(message: FromClient, body: str) -> None:
    assert decode(framed(body)) == ("doc", message)


@pytest.mark.parametrize(("message", "body"), TO_CLIENT)
def test_examples_of_what_clients_get(message: ToClient, body: str) -> None:
    assert Encoder("doc")(message) == framed(body)


def test_an_address_may_name_a_session_beside_its_document() -> None:
    address, message = decode(framed("07", address="07 646f6300616263"))
    assert (address, message) == ("doc\0abc", Detach())
    assert document_name(address) == "doc"
    assert Encoder(address)(Accepted(b"")) == framed("08 01", address="07 646f6300616263")


@given(addresses, from_clients)
def test_what_a_client_sends_is_read(address: str, message: FromClient) -> None:
    assert decode(client_frame(address, message)) == (address, message)


@given(addresses, to_clients)
def test_what_is_written_reads_back(address: str, message: ToClient) -> None:
    assert read(Encoder(address)(message)) == (address, message)


def test_encoders_of_one_address_make_the_same_frames() -> None:
    assert Encoder("a") == Encoder("a") != Encoder("b")
    assert len({Encoder("a"), Encoder("a")}) == 1


@pytest.mark.parametrize("name", ["", " ", "\t\n", "\0abc", " \0abc", "x" * (MAX_ADDRESS + 1)])
def test_an_address_without_a_document_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match="the name of a document"):
        decode(var_string(name) + b"\x07")


def test_the_longest_address_is_read() -> None:
    assert decode(var_string("ü" * MAX_ADDRESS) + b"\x07")[0] == "ü" * MAX_ADDRESS


@pytest.mark.parametrize(("message", "body"), BOTH_WAYS)
def test_every_truncated_frame_is_refused(message: FromClient, body: str) -> None:
    whole = framed(body)
    for length in range(len(whole)):
        with pytest.raises(ProtocolError):
            decode(whole[:length])


@pytest.mark.parametrize(("message", "body"), TO_SERVER)
def test_two_messages_in_one_frame_are_refused(message: FromClient, body: str) -> None:
    with pytest.raises(ProtocolError):
        decode(framed(body) * 2)


@pytest.mark.parametrize("body", ["04 00 01 00", "06 02 6869", "08 01", "09", "0a", "7f", "ff01"])
def test_types_that_are_not_for_clients_are_refused(body: str) -> None:
    with pytest.raises(ProtocolError, match="message type"):
        decode(framed(body))


@pytest.mark.parametrize("body", ["02 01 00", "02 02 00", "02 05"])
def test_what_only_servers_say_about_tokens_is_refused(body: str) -> None:
    with pytest.raises(ProtocolError, match="expected a token"):
        decode(framed(body))


@pytest.mark.parametrize("frame", [b"\x00\x02", b"\x03doc\x02\x00", b"\x03doc\x05", b""])
def test_a_length_beyond_memory_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(frame + var_uint(2**69))


@pytest.mark.parametrize("frame", ["02 c328 07", "03 646f63 05 02 c328", "03 646f63 02 00 01 ff"])
def test_text_that_is_no_utf_8_is_refused(frame: str) -> None:
    with pytest.raises(ProtocolError, match="UTF-8"):
        decode(bytes.fromhex(frame))


@given(st.binary(max_size=100))
def test_random_bytes_are_a_message_or_a_protocol_error(frame: bytes) -> None:
    with suppress(ProtocolError):
        decode(frame)


@given(st.binary(max_size=100))
def test_random_bodies_are_a_message_or_a_protocol_error(body: bytes) -> None:
    try:
        address, message = decode(b"\x03doc" + body)
    except ProtocolError:
        return
    assert address == "doc"
    assert len(repr(message)) <= 5 * len(body) + 50


@given(st.sampled_from(TO_SERVER), st.data())
def test_a_flipped_byte_is_a_message_or_a_protocol_error(
    example: tuple[FromClient, str], data: st.DataObject
) -> None:
    frame = bytearray(framed(example[1]))
    frame[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ProtocolError):
        decode(bytes(frame))
