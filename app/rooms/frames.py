"""Messages that go to many clients together: made once, and framed as the socket takes them."""

from collections.abc import Iterable
from dataclasses import dataclass


def header(length: int) -> bytes:
    """Begin a whole, unmasked binary message of so many bytes (RFC 6455 §5.2)."""
    if length < 126:
        return bytes((0x82, length))
    if length < 2**16:
        return b"\x82\x7e" + length.to_bytes(2)
    return b"\x82\x7f" + length.to_bytes(8)


@dataclass(frozen=True, slots=True)
class FrameBatch:
    """Binary messages, as payloads and as one piece of RFC 6455 frames. `size` is in bytes.

    Each message keeps a frame of its own: y-websocket clients up to 3.1 read only the first message
    of a frame.
    """

    payloads: tuple[bytes, ...]
    wire: bytes
    size: int

    @classmethod
    def of(cls, payloads: Iterable[bytes]) -> "FrameBatch":
        """Wrap messages up."""
        wrapped = tuple(payloads)
        pieces = (piece for each in wrapped for piece in (header(len(each)), each))
        return cls(wrapped, b"".join(pieces), sum(map(len, wrapped)))
