"""Messages in parts, for a carrier of short ones."""

from collections import OrderedDict
from secrets import token_bytes
from typing import Final

MARK_BYTES: Final = 8
HEADER_BYTES: Final = MARK_BYTES + 4
MAX_PARTS: Final = 2**16 - 1
MAX_UNFINISHED: Final = 64
"""Messages of which parts are kept; the one begun first is given up for another."""


def split(message: bytes, max_part: int) -> list[bytes]:
    """Cut a message into parts of at most so many bytes: mark, place, count (16 bits), content."""
    step = max_part - HEADER_BYTES
    pieces = [message[start : start + step] for start in range(0, len(message), step)] or [b""]
    mark, count = token_bytes(MARK_BYTES), len(pieces).to_bytes(2)
    return [mark + place.to_bytes(2) + count + piece for place, piece in enumerate(pieces)]


class Reassembler:
    """Puts the parts of messages together again, in whatever order they come."""

    def __init__(self) -> None:
        self._unfinished: OrderedDict[bytes, dict[int, bytes]] = OrderedDict()

    def add(self, part: bytes) -> bytes | None:
        """Take a part; return the message if it was the last one missing.

        Raises ValueError for what is no part.
        """
        mark, rest = part[:MARK_BYTES], part[HEADER_BYTES:]
        place = int.from_bytes(part[MARK_BYTES : MARK_BYTES + 2])
        count = int.from_bytes(part[MARK_BYTES + 2 : HEADER_BYTES])
        if len(part) < HEADER_BYTES or place >= count:
            raise ValueError(f"expected a part of a message, got {len(part)} bytes")
        if count == 1:
            return rest
        parts = self._unfinished.setdefault(mark, {})
        parts[place] = rest
        if len(parts) < count:
            self._bound()
            return None
        del self._unfinished[mark]
        return b"".join(parts[place] for place in sorted(parts))

    def _bound(self) -> None:
        while len(self._unfinished) > MAX_UNFINISHED:
            self._unfinished.popitem(last=False)
