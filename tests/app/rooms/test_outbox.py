"""Messages framed as RFC 6455 has it, each in a frame of its own."""

import pytest

from app.rooms.outbox import FrameBatch, header


@pytest.mark.parametrize(
    ("length", "begins"),
    [
        (0, "8200"),
        (125, "827d"),
        (126, "827e007e"),
        (65535, "827effff"),
        (65536, "827f0000000000010000"),
    ],
)
def test_a_message_begins_as_rfc_6455_says(length: int, begins: str) -> None:
    assert header(length).hex() == begins


def test_several_messages_keep_frames_of_their_own() -> None:
    batch = FrameBatch.of([b"one", b"", bytes(200)])
    assert batch.payloads == (b"one", b"", bytes(200))
    assert batch.wire == b"\x82\x03one" + b"\x82\x00" + b"\x82\x7e\x00\xc8" + bytes(200)
    assert batch.size == 203
