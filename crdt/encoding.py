"""lib0 primitives, the alphabet of every Yjs protocol.

varUint: little-endian base 128, seven bits a byte, high bit = more follow.
varUint8Array: varUint byte length, then the bytes. varString: the same, holding UTF-8.
Source: lib0 0.2, encoding.js and decoding.js.
"""

from .errors import ProtocolError

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
    """Reads primitives off one frame and never past its end.

    Every method raises ProtocolError when the frame is shorter than it says.
    """

    __slots__ = ("_data", "_end", "_pos")

    def __init__(self, data: bytes) -> None:
        self._data, self._pos, self._end = data, 0, len(data)

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self._pos

    @property
    def remaining(self) -> int:
        """Bytes not read yet."""
        return self._end - self._pos

    def byte(self) -> int:
        """Read one byte."""
        if self._pos >= self._end:
            raise ProtocolError(f"truncated frame: expected a byte at {self._pos}, got the end")
        value = self._data[self._pos]
        self._pos += 1
        return value

    def take(self, length: int) -> bytes:
        """Read `length` bytes."""
        start = self._pos
        self.skip(length)
        return self._data[start : self._pos]

    def skip(self, length: int) -> None:
        """Pass over `length` bytes."""
        if length > self._end - self._pos:
            raise ProtocolError(
                f"truncated frame: expected {length} bytes at {self._pos}, got {self.remaining}"
            )
        self._pos += length

    def var_uint(self) -> int:
        """Read a non-negative integer of at most 70 bits."""
        pos = self._pos
        if pos < self._end and self._data[pos] < 0x80:
            self._pos = pos + 1
            return self._data[pos]
        return self._long_var_uint()

    def _long_var_uint(self) -> int:
        value = shift = 0
        for pos in range(self._pos, min(self._end, self._pos + MAX_VAR_UINT_BYTES)):
            byte = self._data[pos]
            if byte < 0x80:
                self._pos = pos + 1
                return value | byte << shift
            value |= (byte & 0x7F) << shift
            shift += 7
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
        """Insist that nothing is left: one message per frame."""
        if self.remaining:
            raise ProtocolError(f"expected one message per frame, got {self.remaining} bytes more")
