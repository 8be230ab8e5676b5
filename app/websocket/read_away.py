"""Reads messages away that are too large, so that their senders live to receive the reason.

A server that closes a socket from which it has not read everything resets the connection (RFC 1122
§4.2.2.13), and the client loses the close frame: it takes the end for a broken network, reconnects
and sends the same again. So such a message is received as it comes, and only its beginning kept.
"""

from collections.abc import Generator
from typing import Any, Final

from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

READ_AWAY: Final = 16
"""A message is read away up to so many times the size that is accepted. Beyond, its sender cannot
be helped."""

BEGINNING_BYTES: Final = 1024
"""How much is kept: on `/collab` a message begins with the document that it is for."""

SMALL: Final = 125
"""The longest header field or control frame (RFC 6455 §5.2, §5.5): always read as a whole."""


class Beginning(bytes):
    """The first bytes of a message that was too large, in its place."""


class _SkippingReader(StreamReader):
    """Keeps only the beginning of what would make a message larger than `limit`.

    `size` is that of the message's earlier frames, and `skipped` how many bytes of this one's are
    gone.
    """

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit, self.size, self.skipped = limit, 0, 0

    def read_exact(self, n: int) -> Generator[None, None, bytearray]:
        """Read `n` bytes, or their beginning. Raises EOFError as the base class does."""
        if n <= SMALL or self.size + n <= self.limit:
            return (yield from super().read_exact(n))
        kept = min(n, BEGINNING_BYTES)
        beginning = yield from super().read_exact(kept)
        self.skipped = n - kept
        yield from self._skip(self.skipped)
        return beginning

    def _skip(self, left: int) -> Generator[None, None, None]:
        while left:
            yield from super().read_exact(1)
            there = min(left - 1, len(self.buffer))
            del self.buffer[:there]
            left -= 1 + there


class ReadAwayProtocol(ServerProtocol):
    """The protocol of websockets, except that a message larger than `max_size` does not end it.

    Its event has a `Beginning` for its data. Only a message of more than `READ_AWAY` times that
    size fails the connection.
    """

    reader: _SkippingReader

    def __init__(self, *, max_size: int, **options: Any) -> None:
        super().__init__(max_size=max_size * READ_AWAY, **options)
        self._beginning = b""
        self.reader = _SkippingReader(max_size)
        # The parser that the base class has made reads from another reader.
        self.parser = self.parse()
        next(self.parser)

    def recv_frame(self, frame: Frame) -> None:
        """See websockets: this receives every frame."""
        super().recv_frame(frame)
        if frame.opcode in DATA_OPCODES:
            self._count(frame)

    def _count(self, frame: Frame) -> None:
        reader = self.reader
        if not reader.size:
            self._beginning = bytes(frame.data[:BEGINNING_BYTES])
        reader.size += len(frame.data) + reader.skipped
        reader.skipped = 0
        if reader.size > reader.limit:
            # Whoever puts the frames together again must not keep what is thrown away.
            frame.data = b""
            if frame.fin:
                self.events[-1] = Frame(Opcode.BINARY, Beginning(self._beginning))
        if frame.fin:
            reader.size = 0
        else:
            self.current_size = reader.size
