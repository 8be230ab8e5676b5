"""Compares the elements that two replicas have under the ids of one client.

Yjs takes elements with the same id for the same. They are not if a client began anew under an id
that was in use: then what it wrote is taken for known, and lost. Deleted elements may be anything.
Of numbers, containers, formats and embeds only the kind counts: libraries encode them differently.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from crdt.protocol.lib0 import Reader

from .any_values import skip_values
from .format import GC, KIND, Struct, first_structs, skip_origins

MAX_COMPARED: Final = 1_000
"""Most pairs of structs that are compared; the first ones that differ are enough."""

DELETED, STRING, VALUES = 1, 4, 8
EXACT_VALUES: Final = frozenset((119, 120, 121, 126, 127))
"""Texts, booleans, null and undefined (`any_values.py`): these are encoded in one way only."""

REPLACEMENT: Final = 0xFFFD
"""The unit that stands for half a surrogate pair; another replica may still have the half."""

Run: TypeAlias = tuple[bytes, Sequence[Struct]]
"""An update, and structs of one client in it by ascending clock."""


def are_same(one: Run, update: bytes, client: int) -> bool:
    """Whether a run and the run of a client at the beginning of an update do not contradict.

    Only elements that both have are compared.
    """
    other = update, first_structs(update, client, MAX_COMPARED)
    pairs = islice(_overlapping(one[1], other[1]), MAX_COMPARED)
    return all(_agree((one[0], left), (update, right)) for left, right in pairs)


def _overlapping(one: Sequence[Struct], other: Sequence[Struct]) -> Iterator[tuple[Struct, Struct]]:
    left = right = 0
    while left < len(one) and right < len(other):
        if max(one[left].clock, other[right].clock) < min(one[left].end, other[right].end):
            yield one[left], other[right]
        if one[left].end <= other[right].end:
            left += 1
        else:
            right += 1


def _agree(one: tuple[bytes, Struct], other: tuple[bytes, Struct]) -> bool:
    (kind, units), (other_kind, others) = _content(*one), _content(*other)
    if GC in (kind, other_kind) or DELETED in (kind, other_kind):
        return True
    if kind != other_kind:
        return False
    start = max(one[1].clock, other[1].clock)
    mine, theirs = units[start - one[1].clock :], others[start - other[1].clock :]
    return all(map(_is_same_unit if kind == STRING else _is_same_value, mine, theirs))


def _content(source: bytes, struct: Struct) -> tuple[int, Sequence[Any]]:
    reader = Reader(source[struct.start : struct.stop])
    if (info := reader.byte()) == GC:
        return GC, ()
    skip_origins(reader, info)
    kind = info & KIND
    if kind == STRING:
        return kind, memoryview(reader.var_string().encode("utf-16-le")).cast("H")
    return kind, list(_values(reader)) if kind == VALUES else ()


def _values(reader: Reader) -> Iterator[bytes]:
    for _ in range(reader.count()):
        start = reader.position
        skip_values(reader, 1)
        stop, reader.position = reader.position, start
        yield reader.take(stop - start)


def _is_same_unit(one: int, other: int) -> bool:
    return one == other or REPLACEMENT in (one, other)


def _is_same_value(one: bytes, other: bytes) -> bool:
    return one == other or not {one[0], other[0]} <= EXACT_VALUES
