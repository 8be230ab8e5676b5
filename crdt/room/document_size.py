"""How large a document has grown, known without encoding it after every edit."""

from crdt.document.document import Document

MEASURE_EVERY = 1.0
"""Seconds between two encodings of a document that seems too large."""


class DocumentSize:
    """An upper bound of a document's encoded size, in bytes.

    The bound is the stored size plus that of every update since, some of which replaced others; so
    a document that seems larger than `limit` is encoded, at most once in `MEASURE_EVERY`.
    """

    def __init__(self, limit: int, stored: int = 0) -> None:
        self._limit, self._bytes = limit, stored
        self._measured_at = float("-inf")

    @property
    def bound(self) -> int:
        """The bound, in bytes."""
        return self._bytes

    def add(self, update: bytes) -> None:
        """Count an update that was applied."""
        self._bytes += len(update)

    def is_beyond(self, document: Document, now: float) -> bool:
        """Whether the document is larger than the limit, `now` being in seconds."""
        if self._bytes > self._limit and now - self._measured_at >= MEASURE_EVERY:
            self._bytes, self._measured_at = len(document.encode()), now
        return self._bytes > self._limit
