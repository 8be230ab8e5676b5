"""The primitives of lib0, of which every Yjs protocol is made.

varUint: little-endian base 128, seven bits a byte, high bit = more follow.
varUint8Array: varUint byte length, then the bytes. varString: the same, holding UTF-8.
Source: lib0 0.2, encoding.js and decoding.js.
"""

import sys

from crdt.errors import MessageTooBig, ProtocolError

MAX_VAR_UINT_BYTES = 10
"""Bytes of the longest varUint accepted: 70 bits, more than any lib0 number needs."""


def var_uint(value: int) -> bytes:
    """Encode a non-negative integer."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def var_bytes(value: bytes) -> bytes:
    """Encode a byte string with its length in front."""
    return var_uint(len(value)) + value


def var_string(value: str) -> bytes:
    """Encode text; the length in front counts UTF-8 bytes, not characters."""
    return var_bytes(value.encode())


class Reader:
    """Reads primitives from one frame, and never beyond its end.

    Every method raises ProtocolError when the frame ends too early. `position` is the
    number of bytes read so far. A frame may be refused for its number of parts, see `count`.
    """

    __slots__ = ("_data", "_end", "_max_parts", "_parts_left", "position")

    def __init__(self, data: bytes, max_parts: int = sys.maxsize) -> None:
        self._data, self._end = data, len(data)
        self._max_parts = self._parts_left = max_parts
        self.position = 0

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return self._end - self.position

    @property
    def counted(self) -> int:
        """How many parts `count` has counted so far."""
        return self._max_parts - self._parts_left

    def byte(self) -> int:
        """Read one byte."""
        position = self.position
        if position >= self._end:
            raise ProtocolError(f"truncated frame: expected a byte at {position}, got the end")
        self.position = position + 1
        return self._data[position]

    def take(self, length: int) -> bytes:
        """Read `length` bytes."""
        start = self.position
        self.skip(length)
        return self._data[start : self.position]

    def skip(self, length: int) -> None:
        """Skip `length` bytes."""
        position = self.position + length
        if position > self._end:
            raise ProtocolError(
                f"truncated frame: expected {length} bytes at {self.position}, got {self.remaining}"
            )
        self.position = position

    def skip_bytes(self) -> None:
        """Skip a byte string, or text, with its length in front."""
        self.skip(self.var_uint())

    def count(self, weight: int = 1) -> int:
        """Read how many parts follow, and count them, each as `weight`, before any of them is read.

        Raises MessageTooBig when more than `max_parts` were counted altogether, so that a frame of
        very many parts costs nothing to refuse.
        """
        parts = self.var_uint()
        # Each part takes at least one byte.
        if parts > self.remaining:
            raise ProtocolError(
                f"truncated frame: expected {parts} parts, got {self.remaining} bytes"
            )
        self._parts_left -= parts * weight
        if self._parts_left < 0:
            raise MessageTooBig("message too big: too many parts in one update, send it in several")
        return parts

    def var_uint(self) -> int:
        """Read a non-negative integer of at most 70 bits."""
        position = self.position
        if position < self._end and (value := self._data[position]) < 0x80:
            self.position = position + 1
            return value
        return self._long_var_uint()

    def _long_var_uint(self) -> int:
        value = shift = 0
        for byte in self._data[self.position : self.position + MAX_VAR_UINT_BYTES]:
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                self.position += shift // 7
                return value
        if shift == 7 * MAX_VAR_UINT_BYTES:
            raise ProtocolError("expected a varUint of at most 10 bytes, got a longer one")
        raise ProtocolError(f"truncated frame: expected a byte at {self._end}, got the end")

    def var_bytes(self) -> bytes:
        """Read a byte string with its length in front."""
        return self.take(self.var_uint())

    def var_string(self) -> str:
        """Read text."""
        try:
            return self.var_bytes().decode()
        except UnicodeDecodeError as error:
            raise ProtocolError("expected a varString of UTF-8, got other bytes") from error

    def finish(self) -> None:
        """Raise ProtocolError if bytes are left: there is one message per frame."""
        if self.remaining:
            raise ProtocolError(f"expected one message per frame, got {self.remaining} bytes more")
