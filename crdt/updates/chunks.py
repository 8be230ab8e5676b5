"""Splits an update into chunks, so that a document can apply it in steps and stop in between.

What an insertion costs the library depends on what others inserted at the same position, which it
walks over; what splitting a text costs depends on the length of the text. An update shows neither,
so one that inserts or deletes at many positions is split into chunks with few of these each.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from crdt.protocol.lib0 import Reader

from .delete_set import DeleteSet, merge_ranges
from .format import GC, HAS_LEFT, HAS_RIGHT, Struct, skip_origins
from .writer import UpdateBuilder

MAX_LOOKUPS: Final = 32
"""How many positions the library may have to look up in one chunk."""

Order: TypeAlias = Sequence[tuple[int, Struct]]
"""Clients and their structs, in an order in which these can be integrated."""


def split_update(update: bytes, order: Order, deletions: DeleteSet, *, finely: bool) -> list[bytes]:
    """Split an update into chunks; return none if it needs no splitting.

    With `finely`, every struct counts as a lookup. Where an update deletes what it inserts, both
    are in one chunk: the library joins neighbours at the end of each chunk, which would be in vain
    for those that a later chunk deletes.
    """
    lookups = _Lookups(update)
    marks = [finely or lookups.is_needed(client, struct) for client, struct in order]
    ranges = sum(map(len, deletions.values()))
    if sum(marks) + ranges <= MAX_LOOKUPS:
        return []
    writer = _ChunkWriter(update, deletions)
    for (client, struct), needs_lookup in zip(order, marks, strict=True):
        writer.insert(client, struct, needs_lookup=needs_lookup)
    return writer.finish()


class _Lookups:
    """Finds the structs whose position the library has to look up.

    A struct right behind the one before needs no lookup, nor one where nothing else can be.
    """

    def __init__(self, update: bytes) -> None:
        self._update, self._reader = update, Reader(update)
        self._keys = Counter[bytes]()

    def is_needed(self, client: int, struct: Struct) -> bool:
        """Whether the library has to look up the position of a struct."""
        info = self._update[struct.start]
        if info & HAS_LEFT:
            return struct.dependencies[0] != (client, struct.clock - 1)
        if info & HAS_RIGHT:
            return True
        if info == GC:
            return False
        self._reader.position = struct.start + 1
        skip_origins(self._reader, info)
        key = self._update[struct.start + 1 : self._reader.position]
        self._keys[key] += 1
        return self._keys[key] > 1


class _ChunkWriter:
    """Writes chunks, in the order of the structs."""

    def __init__(self, update: bytes, deletions: DeleteSet) -> None:
        self._update = update
        self._deletions = {client: _DeletedRanges(ranges) for client, ranges in deletions.items()}
        self._builder, self._count = UpdateBuilder(), 0
        self._chunks: list[bytes] = []

    def insert(self, client: int, struct: Struct, *, needs_lookup: bool) -> None:
        """Add a struct, and what is deleted of its client up to it."""
        ranges = self._deletions.get(client)
        if ranges is not None:
            self._delete(client, ranges.below(struct.clock))
        self._builder.insert(client, struct, self._update)
        if ranges is not None:
            for start, stop in ranges.below(struct.end):
                self._builder.delete(client, start, stop)
        if needs_lookup:
            self._count_lookup()

    def finish(self) -> list[bytes]:
        """Add the deletions that are left; return all chunks."""
        for client, ranges in self._deletions.items():
            self._delete(client, ranges.below(ranges.stop))
        self._cut()
        return self._chunks

    def _delete(self, client: int, ranges: Iterable[tuple[int, int]]) -> None:
        for start, stop in ranges:
            self._builder.delete(client, start, stop)
            self._count_lookup()

    def _count_lookup(self) -> None:
        self._count += 1
        if self._count >= MAX_LOOKUPS:
            self._cut()

    def _cut(self) -> None:
        self._chunks += self._builder.build()
        self._builder, self._count = UpdateBuilder(), 0


class _DeletedRanges:
    """The deletions of one client, taken in ascending order."""

    def __init__(self, ranges: list[tuple[int, int]]) -> None:
        self._spans, self._next, self._from = merge_ranges(ranges), 0, 0
        self.stop = self._spans[-1][1] if self._spans else 0

    def below(self, clock: int) -> Iterator[tuple[int, int]]:
        """Remove and return the ranges below a clock."""
        while self._next < len(self._spans) and self._spans[self._next][0] < clock:
            start, stop = self._spans[self._next]
            first, last = max(start, self._from), min(stop, clock)
            if first < last:
                yield first, last
            self._from = max(self._from, last)
            if stop > clock:
                return
            self._next += 1
