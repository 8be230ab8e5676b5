"""How many connections each user, address or server may have."""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from crdt.errors import TooManyConnections


class ConnectionLimit:
    """Counts connections by whom they come from, up to `limit` each."""

    def __init__(self, limit: int, whose: str) -> None:
        self._limit, self._whose = limit, whose
        self._counts: Counter[Hashable] = Counter()

    def take(self, key: Hashable) -> None:
        """Count one connection until `give_back`. Raises TooManyConnections."""
        if self._counts[key] >= self._limit:
            raise TooManyConnections(
                f"too many connections{self._whose}: close some, then reconnect"
            )
        self._counts[key] += 1

    def give_back(self, key: Hashable) -> None:
        """Count one connection no more."""
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]

    @contextmanager
    def one_of(self, key: Hashable) -> Iterator[None]:
        """Count one connection while the block runs. Raises TooManyConnections."""
        self.take(key)
        try:
            yield
        finally:
            self.give_back(key)
