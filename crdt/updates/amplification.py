"""Refuses updates that would cost the CRDT library far more than the number of their parts.

`Limits` describes both kinds. Measured with pycrdt 0.14.13 (yrs): within a transaction it keeps
every intermediate result of joining neighbours.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping
from itertools import chain
from typing import Final

from crdt.errors import MessageTooBig
from crdt.protocol.lib0 import Reader

from .delete_set import DeleteSet, merge_ranges
from .format import (
    HAS_LEFT,
    HAS_PARENT_SUB,
    HAS_RIGHT,
    KIND,
    TEXT,
    VALUES,
    Struct,
    Structs,
    skip_origins,
)
from .limits import REPLAYED, Limits

VALUE_BYTES: Final = 24
"""Least memory that a plain value takes."""


def check_amplification(
    update: bytes, structs: Structs, deletions: DeleteSet, limits: Limits
) -> int:
    """Return how many bytes the library copies to join runs, if none of them is deleted.

    Raises MessageTooBig when `map_conflicts` or `copied_bytes` of the limits are exceeded.
    """
    if limits is REPLAYED:
        return 0
    count = sum(map(len, structs.values()))
    # Fewer structs cannot have so many conflicts, and counting those takes time.
    if count > limits.map_conflicts:
        _check_conflicts(update, structs, limits)
    if (copied := _count_copied(update, structs, {})) > limits.copied_bytes:
        _check_copied(update, structs, deletions, limits)
    return copied


def _check_conflicts(update: bytes, structs: Structs, limits: Limits) -> None:
    if (conflicts := _count_conflicts(update, structs)) > limits.map_conflicts:
        raise MessageTooBig(f"message too big: {conflicts} values of the same keys in one update")


def _check_copied(update: bytes, structs: Structs, deletions: DeleteSet, limits: Limits) -> None:
    deleted = {client: _DeletedSpans(merge_ranges(each)) for client, each in deletions.items()}
    if _count_copied(update, structs, deleted) > limits.copied_bytes:
        raise MessageTooBig("message too big: neighbouring texts or values are not joined")


def _count_conflicts(update: bytes, structs: Structs) -> int:
    """Count the structs that set a key of a map without naming the value that they replace.

    The first one for each key does not count: an honest client writes no second one.
    """
    reader, keys = Reader(update), Counter[bytes]()
    for struct in chain.from_iterable(structs.values()):
        info = update[struct.start]
        if info & (HAS_LEFT | HAS_RIGHT | HAS_PARENT_SUB) == HAS_PARENT_SUB:
            reader.position = struct.start + 1
            skip_origins(reader, info)
            keys[update[struct.start + 1 : reader.position]] += 1
    return keys.total() - len(keys)


class _DeletedSpans:
    """The deleted clocks of one client, in ascending spans (start, stop)."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._spans = spans
        self._starts = [start for start, _ in spans]

    def contains(self, clock: int) -> bool:
        """Whether a clock is deleted."""
        index = bisect_right(self._starts, clock) - 1
        return index >= 0 and clock < self._spans[index][1]


_NOTHING_DELETED: Final = _DeletedSpans([])


def _count_copied(update: bytes, structs: Structs, deleted: Mapping[int, _DeletedSpans]) -> int:
    """Count the bytes that are copied to join runs of text or values.

    Deleted structs are not joined with others.
    """
    return sum(
        _count_copied_by(update, client, found, deleted.get(client, _NOTHING_DELETED))
        for client, found in structs.items()
    )


def _count_copied_by(
    update: bytes, client: int, found: list[Struct], deleted: _DeletedSpans
) -> int:
    copied = joined = 0
    before = -1, False
    for struct in found:
        kind = update[struct.start] & KIND
        group = kind, deleted.contains(struct.clock)
        size = _bytes(kind, struct)
        if size and group == before and struct.dependencies[:1] == ((client, struct.clock - 1),):
            joined += size
            copied += joined
        else:
            joined = size
        before = group
    return copied


def _bytes(kind: int, struct: Struct) -> int:
    if kind == VALUES:
        return max(struct.stop - struct.start, VALUE_BYTES * struct.length)
    return struct.stop - struct.start if kind == TEXT else 0
