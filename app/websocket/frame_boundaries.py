"""Cuts the bytes of a WebSocket into frames, and unmasks those that are plain short messages.

Nearly every frame of a client is one whole binary message of a few hundred bytes. A parser for all
that RFC 6455 allows takes ten times as long for it as this does, which leaves everything else to
such a parser: control frames, fragments, long frames, and whatever is wrong.
"""

from math import inf
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # built without its C part: on rare platforms
    from websockets.utils import apply_mask

WHOLE_BINARY: Final = 0x82
"""FIN and the opcode of a binary message, without reserved bits (RFC 6455 §5.2)."""

RESERVED, MASKED, LENGTH = 0x70, 0x80, 0x7F
LENGTH_16, LENGTH_64 = 126, 127
"""What stands in place of a length that has two, or eight, bytes of its own."""

MASK_BYTES: Final = 4

SHORTEST: Final = 2 + MASK_BYTES
"""Bytes of the shortest frame of a client."""

LONGEST_SHORT: Final = 2**16 - 1
"""Longest payload of a short message."""


class FrameBoundaries:
    """The frames of one client, from the first byte behind the handshake on.

    `limit` is the longest payload, in bytes, that is a short message, up to 64 KiB. What a parser
    is to read is handed out frame by frame, so that it never waits inside a short message.
    """

    __slots__ = ("_data", "_left", "_limit", "_position")

    def __init__(self, limit: int = LONGEST_SHORT) -> None:
        self._limit = min(limit, LONGEST_SHORT)
        self._data, self._position = b"", 0
        self._left: float = 0
        """Bytes of a frame that a parser reads which have not come yet."""

    def add(self, data: bytes) -> None:
        """Add what came off the socket."""
        if self._position < len(self._data):
            data = self._data[self._position :] + data
        self._data, self._position = data, 0

    def whole(self, data: bytes) -> bytes | None:
        """Return the payload if one short message is all that came; else None, and `add` it.

        That is what nearly always comes off the socket of somebody who edits. No parser may be
        within a message then.
        """
        if self._left or self._position < len(self._data):
            return None
        size = len(data)
        if size < SHORTEST or data[0] != WHOLE_BINARY:
            return None
        length, begin = data[1] - MASKED, SHORTEST
        if length == LENGTH_16:
            length, begin = int.from_bytes(data[2:4]), SHORTEST + 2
        if length + begin != size or length > self._limit or data[1] == MASKED | LENGTH_64:
            return None
        return apply_mask(data[begin:], data[begin - MASK_BYTES : begin])

    def rest(self) -> bytes:
        """Hand out everything that was not handed out yet; nothing is cut any more."""
        rest, self._data = self._data[self._position :], b""
        self._position, self._left = 0, inf
        return rest

    def next(self, *, within_message: bool) -> tuple[bool, bytes] | None:
        """Return the next piece, or None before more has come.

        A piece is the payload of a short message, with True; or bytes for a parser, with False.
        `within_message` is whether that parser has begun a message of several frames: another one
        must not begin within it, and the parser says so.
        """
        data, start = self._data, self._position
        if len(data) - start < 2:
            return (False, self._take(self._left)) if self._left and start < len(data) else None
        if self._left or within_message or data[start] != WHOLE_BINARY:
            return self._other()
        length, head = data[start + 1] - MASKED, 2 + MASK_BYTES
        if length == LENGTH_16:
            length, head = int.from_bytes(data[start + 2 : start + 4]), 4 + MASK_BYTES
        elif length == LENGTH_64:
            return self._other()
        if not 0 <= length <= self._limit:
            return self._other()
        begin = start + head
        if (end := begin + length) > len(data):
            return None
        self._position = end
        return True, apply_mask(data[begin:end], data[begin - MASK_BYTES : begin])

    def _other(self) -> tuple[bool, bytes] | None:
        """Hand out a frame for a parser, or as much of it as is here."""
        if not self._left:
            size = self._frame_size()
            if size is None:
                return None
            self._left = size
        return False, self._take(self._left)

    def _take(self, size: float) -> bytes:
        start = self._position
        taken = self._data[start:] if size == inf else self._data[start : start + int(size)]
        self._position += len(taken)
        self._left -= len(taken) if size != inf else 0
        return taken

    def _frame_size(self) -> float | None:
        """Return how long the next frame is; None before its header is here.

        What is no frame of a client's, a parser refuses: it gets everything from there on.
        """
        data = memoryview(self._data)[self._position :]
        length, extra = data[1] & LENGTH, 0
        if data[0] & RESERVED or not data[1] & MASKED:
            return inf
        if length >= LENGTH_16:
            extra = 2 if length == LENGTH_16 else 8
            if len(data) < 2 + extra:
                return None
            length = int.from_bytes(data[2 : 2 + extra])
        return 2 + extra + MASK_BYTES + length
