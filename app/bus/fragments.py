"""Splits messages into fragments, for a transport that carries only short ones."""

from collections import OrderedDict
from secrets import token_bytes
from typing import Final

ID_BYTES: Final = 8
HEADER_BYTES: Final = ID_BYTES + 4
MAX_INCOMPLETE: Final = 64
"""Messages of which some fragments are missing; beyond that the one begun first is given up."""


def split(message: bytes, max_fragment: int) -> list[bytes]:
    """Cut a message into fragments of at most `max_fragment` bytes.

    fragment = message id (8 bytes, random), index (16 bits), number of fragments (16 bits), content
    """
    step = max_fragment - HEADER_BYTES
    contents = [message[start : start + step] for start in range(0, len(message), step)] or [b""]
    message_id, count = token_bytes(ID_BYTES), len(contents).to_bytes(2)
    return [
        message_id + index.to_bytes(2) + count + content for index, content in enumerate(contents)
    ]


class Reassembler:
    """Puts the fragments of messages together again, in whatever order they arrive."""

    def __init__(self) -> None:
        self._incomplete: OrderedDict[bytes, dict[int, bytes]] = OrderedDict()

    def add(self, fragment: bytes) -> bytes | None:
        """Add a fragment; return its message if that is complete, else None.

        Raises ValueError for bytes that are no fragment.
        """
        message_id, content = fragment[:ID_BYTES], fragment[HEADER_BYTES:]
        index = int.from_bytes(fragment[ID_BYTES : ID_BYTES + 2])
        count = int.from_bytes(fragment[ID_BYTES + 2 : HEADER_BYTES])
        if len(fragment) < HEADER_BYTES or index >= count:
            raise ValueError(f"expected a fragment of a message, got {len(fragment)} bytes")
        if count == 1:
            return content
        return self._add(message_id, index, count, content)

    def _add(self, message_id: bytes, index: int, count: int, content: bytes) -> bytes | None:
        contents = self._incomplete.setdefault(message_id, {})
        contents[index] = content
        if len(contents) < count:
            self._limit()
            return None
        del self._incomplete[message_id]
        return b"".join(contents[index] for index in sorted(contents))

    def _limit(self) -> None:
        while len(self._incomplete) > MAX_INCOMPLETE:
            self._incomplete.popitem(last=False)
