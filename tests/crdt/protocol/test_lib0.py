"""lib0 primitives are read and written as lib0 does, and never past the end of a frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.errors import ProtocolError
from crdt.protocol.lib0 import Reader, var_bytes, var_string, var_uint


@pytest.mark.parametrize(
    ("value", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (300, "ac02"), (2**32 - 1, "ffffffff0f")],
)
def test_var_uint_is_little_endian_base_128(value: int, encoded: str) -> None:
    assert var_uint(value).hex() == encoded
    assert Reader(bytes.fromhex(encoded)).var_uint() == value


@given(st.integers(0, 2**70 - 1))
def test_var_uint_reads_back(value: int) -> None:
    reader = Reader(var_uint(value))
    assert reader.var_uint() == value
    assert reader.remaining == 0


def test_a_padded_var_uint_is_read_as_lib0_reads_it() -> None:
    assert Reader(bytes.fromhex("818000")).var_uint() == 1


def test_a_var_uint_of_eleven_bytes_is_refused() -> None:
    assert Reader(b"\xff" * 9 + b"\x7f").var_uint() == 2**70 - 1
    with pytest.raises(ProtocolError, match="at most 10 bytes"):
        Reader(b"\x80" * 10 + b"\x00").var_uint()


def test_a_var_string_counts_bytes_not_characters() -> None:
    assert var_string("é").hex() == "02c3a9"
    assert Reader(bytes.fromhex("02c3a9")).var_string() == "é"


@given(st.text(), st.binary())
def test_strings_and_bytes_read_back(text: str, data: bytes) -> None:
    reader = Reader(var_string(text) + var_bytes(data))
    assert (reader.var_string(), reader.var_bytes()) == (text, data)
    reader.finish()


def test_a_var_string_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(ProtocolError, match="UTF-8"):
        Reader(b"\x01\xff").var_string()


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff\xff"])
def test_a_var_uint_without_its_last_byte_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="truncated"):
        Reader(data).var_uint()


@pytest.mark.parametrize("data", ["", "01", "05aabb", "ffffffffffffffff7f00"])
def test_bytes_shorter_than_they_say_are_refused(data: str) -> None:
    with pytest.raises(ProtocolError, match="truncated"):
        Reader(bytes.fromhex(data)).var_bytes()


def test_what_failed_to_be_read_is_still_there() -> None:
    reader = Reader(b"\x02\x03")
    with pytest.raises(ProtocolError):
        reader.take(3)
    assert reader.remaining == 2


def test_finish_insists_on_the_end() -> None:
    reader = Reader(b"\x00\x01")
    reader.byte()
    with pytest.raises(ProtocolError, match="1 bytes more"):
        reader.finish()
    reader.byte()
    reader.finish()
