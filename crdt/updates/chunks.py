"""Updates taken apart, so that a document can take them piece by piece and stop in between.

What an insertion costs the library depends on what others put at the same place: it walks over all
of that. What splitting a text costs depends on the text's length. No update tells either, so one
that inserts or deletes at many places is cut into pieces with few such places each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from crdt.protocol.lib0 import Reader

from .format import GC, HAS_LEFT, HAS_RIGHT, DeleteSet, Struct, merged, skip_place
from .writer import Draft

PLACES: Final = 32
"""How many places to look up one piece may have."""

Order: TypeAlias = Sequence[tuple[int, Struct]]
"""Structs and their clients, in an order in which they can be integrated."""


def split_update(update: bytes, order: Order, deletions: DeleteSet, *, finely: bool) -> list[bytes]:
    """Cut an update up, `finely` at every so many structs; nothing if one piece is enough.

    What it deletes of its own goes with what it inserts: neighbours are joined at each piece's end.
    """
    places = _Places(update)
    marks = [finely or places.is_new(client, struct) for client, struct in order]
    ranges = sum(map(len, deletions.values()))
    if sum(marks) + ranges <= PLACES:
        return []
    cutter = _Cutter(update, deletions)
    for (client, struct), mark in zip(order, marks, strict=True):
        cutter.insert(client, struct, counts=mark)
    return cutter.finish()


class _Places:
    """Tells structs that lie right behind the one before, or where nothing else does, from others.

    Only these can have a long way to go.
    """

    def __init__(self, update: bytes) -> None:
        self._update, self._reader = update, Reader(update)
        self._claims = Counter[bytes]()

    def is_new(self, client: int, struct: Struct) -> bool:
        """Whether the library has to look for a struct's place."""
        info = self._update[struct.start]
        if info & HAS_LEFT:
            return struct.surroundings[0] != (client, struct.clock - 1)
        if info & HAS_RIGHT:
            return True
        if info == GC:
            return False
        self._reader.position = struct.start + 1
        skip_place(self._reader, info)
        claim = self._update[struct.start + 1 : self._reader.position]
        self._claims[claim] += 1
        return self._claims[claim] > 1


class _Cutter:
    """Writes pieces, in the order of the structs."""

    def __init__(self, update: bytes, deletions: DeleteSet) -> None:
        self._update = update
        self._deletions = {client: _Ranges(ranges) for client, ranges in deletions.items()}
        self._draft, self._count = Draft(), 0
        self._pieces: list[bytes] = []

    def insert(self, client: int, struct: Struct, *, counts: bool) -> None:
        """Add a struct, and what is deleted of its client up to it."""
        ranges = self._deletions.get(client)
        if ranges is not None:
            self._delete(client, ranges.below(struct.clock))
        self._draft.insert(client, struct, self._update)
        if ranges is not None:
            for start, stop in ranges.below(struct.end):
                self._draft.delete(client, start, stop)
        if counts:
            self._look()

    def finish(self) -> list[bytes]:
        """Add what else is deleted; return all pieces."""
        for client, ranges in self._deletions.items():
            self._delete(client, ranges.below(ranges.stop))
        self._cut()
        return self._pieces

    def _delete(self, client: int, ranges: Iterable[tuple[int, int]]) -> None:
        for start, stop in ranges:
            self._draft.delete(client, start, stop)
            self._look()

    def _look(self) -> None:
        self._count += 1
        if self._count >= PLACES:
            self._cut()

    def _cut(self) -> None:
        self._pieces += self._draft.updates()
        self._draft, self._count = Draft(), 0


class _Ranges:
    """What is deleted of one client, taken in ascending order."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self._spans, self._next, self._from = merged(ranges), 0, 0
        self.stop = self._spans[-1][1] if self._spans else 0

    def below(self, clock: int) -> Iterator[tuple[int, int]]:
        """Take what lies below a clock."""
        while self._next < len(self._spans) and self._spans[self._next][0] < clock:
            start, stop = self._spans[self._next]
            first, last = max(start, self._from), min(stop, clock)
            if first < last:
                yield first, last
            self._from = max(self._from, last)
            if stop > clock:
                return
            self._next += 1
