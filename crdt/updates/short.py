"""Inspects a short update in one pass: what one keystroke, one move or one change of a value makes.

Nearly every update of a client has one or two structs and a hundred bytes. What `inspect_update`
prepares for half a million parts costs such an update five times what it needs. So this reads the
usual kinds and leaves everything else to it, whatever is wrong included: it decides no error. What
it returns is what `inspect_update` finds.

It is written for speed, with most varUints read in place: nearly all of them have one byte, and a
call takes as long as reading five.
"""

from typing import Final, NamedTuple

from .any_values import ANY_ARRAY, ANY_OBJECT, LENGTHS, STRING, VAR_INT
from .delete_set import DeleteSet
from .format import (
    HAS_LEFT,
    HAS_PARENT_SUB,
    HAS_RIGHT,
    KIND,
    MAX_CLIENT,
    MAX_CLOCK,
    PARTS_OF_A_CLIENT,
    TEXT,
    VALUES,
)
from .surrogates.pairs import PAIR_BYTES

MAX_BYTES: Final = 1024
"""Longest update that is short."""

MAX_RUN: Final = 8
"""Most structs, and most deleted ranges: so few that the update is never applied in chunks."""

MAX_NESTING: Final = 4
"""Deepest value that is read here."""

MAX_NUMBER_BITS: Final = 70
"""As `lib0.MAX_VAR_UINT_BYTES` has it."""

_BESIDE: Final = HAS_LEFT | HAS_RIGHT


class Unusual(Exception):
    """An update that is not read here."""


class ShortUpdate(NamedTuple):
    """What a short update deletes, requires and provides; see `Inspection`."""

    deletions: DeleteSet
    parts: int
    required: dict[int, int]
    provided: dict[int, int]


def read_short(update: bytes) -> ShortUpdate | None:
    """Read a short update of the usual kinds; return None for any other."""
    if len(update) > MAX_BYTES or PAIR_BYTES.search(update) is not None:
        return None
    try:
        clients, at, parts = update[0], 1, 0
        required: dict[int, int] = {}
        provided: dict[int, int] = {}
        if clients == 1:
            at, parts = _read_structs(update, required, provided)
        elif clients:
            return None
        deletions, parts = _read_deletions(update, at, parts, required, provided)
    except (IndexError, Unusual):
        return None
    return ShortUpdate(deletions, parts, required, provided)


def _long_number(data: bytes, at: int) -> tuple[int, int]:
    """Read a varUint that begins before `at`; return it, and where it ends."""
    value, byte = data[at - 1] & 0x7F, data[at]
    if byte < 0x80:
        # As most clocks are.
        return value | byte << 7, at + 1
    value, shift, at = value | (byte & 0x7F) << 7, 14, at + 1
    while shift < MAX_NUMBER_BITS:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Unusual


def _read_structs(
    data: bytes, required: dict[int, int], provided: dict[int, int]
) -> tuple[int, int]:
    """Read the structs of the only client; return where they end, and how many parts they have."""
    count, client, clock, at = data[1], data[2], 0, 3
    if client >= 0x80:
        client, at = _long_number(data, at)
    clock = data[at]
    at += 1
    if clock >= 0x80:
        clock, at = _long_number(data, at)
    if not 0 < count <= MAX_RUN or client >= MAX_CLIENT:
        raise Unusual
    required[client], parts = clock, PARTS_OF_A_CLIENT + count
    for _ in range(count):
        info = data[at]
        at = _read_place(data, at + 1, (client, clock), required)
        length, at, inner = _read_content(data, at, info & KIND)
        clock, parts = clock + length, parts + inner
    if clock >= MAX_CLOCK:
        raise Unusual
    provided[client] = clock
    return at, parts


def _read_place(data: bytes, at: int, own: tuple[int, int], required: dict[int, int]) -> int:
    """Read what the struct with the id `own`, which begins before `at`, depends on.

    Returns where that ends.
    """
    info, (client, clock) = data[at - 1], own
    ids = 2 if info & _BESIDE == _BESIDE else 1
    if not info & _BESIDE:
        at, ids = _read_root(data, at)
    for _ in range(ids):
        other = data[at]
        at += 1
        if other >= 0x80:
            other, at = _long_number(data, at)
        element = data[at]
        at += 1
        if element >= 0x80:
            element, at = _long_number(data, at)
        if (other == client and element >= clock) or other >= MAX_CLIENT or element >= MAX_CLOCK:
            raise Unusual
        if other != client and element >= required.get(other, 0):
            required[other] = element + 1
    return at + 1 + _one_byte(data[at]) if info & HAS_PARENT_SUB and not info & _BESIDE else at


def _read_root(data: bytes, at: int) -> tuple[int, int]:
    """Read a root, if that is the parent; return where it ends, and how many ids follow.

    Otherwise the parent is a shared type, named by its id.
    """
    is_in_root = data[at]
    if is_in_root > 1:
        raise Unusual
    return (at + 2 + _one_byte(data[at + 1]), 0) if is_in_root else (at + 1, 1)


def _one_byte(number: int) -> int:
    """Return a number of one byte: the length of a name or a key."""
    if number >= 0x80:
        raise Unusual
    return number


def _read_content(data: bytes, at: int, kind: int) -> tuple[int, int, int]:
    """Read what a struct holds; return its length in clocks, where it ends, and its parts."""
    size = data[at]
    at += 1
    if size >= 0x80:
        size, at = _long_number(data, at)
    if not size:
        raise Unusual
    if kind == VALUES:
        at, parts = _skip_values(data, at, size, MAX_NESTING)
        return size, at, size + parts
    end = at + size
    # Of other texts the clocks are not the bytes.
    if kind != TEXT or not data[at:end].isascii():
        raise Unusual
    return size, end, 0


def _skip_values(data: bytes, at: int, count: int, levels: int) -> tuple[int, int]:
    """Skip values; return where they end, and how many lie in them."""
    parts = 0
    for _ in range(count):
        kind = data[at]
        at += 1
        if kind == STRING:
            size = data[at]
            at += 1
            if size >= 0x80:
                size, at = _long_number(data, at)
            at += size
        elif kind == VAR_INT:
            while data[at] >= 0x80:
                at += 1
            at += 1
        elif (length := LENGTHS.get(kind)) is not None:
            at += length
        else:
            at, inner = _skip_nested(data, at, kind, levels - 1)
            parts += inner
    return at, parts


def _skip_nested(data: bytes, at: int, kind: int, levels: int) -> tuple[int, int]:
    count, parts = _one_byte(data[at]), 0
    at += 1
    if not levels or kind not in (ANY_ARRAY, ANY_OBJECT):
        raise Unusual
    if kind == ANY_ARRAY:
        at, parts = _skip_values(data, at, count, levels)
        return at, count + parts
    for _ in range(count):
        at += 1 + _one_byte(data[at])
        if (length := LENGTHS.get(data[at])) is not None:
            # A number, as of a place on the canvas.
            at += 1 + length
            continue
        at, inner = _skip_values(data, at, 1, levels)
        parts += inner
    return at, count + parts


def _read_deletions(
    data: bytes, at: int, parts: int, required: dict[int, int], provided: dict[int, int]
) -> tuple[DeleteSet, int]:
    """Read the delete set, which ends the update; return it, and all parts."""
    deletions: DeleteSet = {}
    clients, left = data[at], MAX_RUN
    at += 1
    for _ in range(clients):
        client = data[at]
        at += 1
        if client >= 0x80:
            client, at = _long_number(data, at)
        count = data[at]
        left -= count
        if not count or left < 0 or client >= MAX_CLIENT or client in deletions:
            raise Unusual
        deletions[client], at, stop = _read_ranges(data, at + 1, count)
        parts += PARTS_OF_A_CLIENT + count
        if stop > provided.get(client, 0):
            required[client] = max(required.get(client, 0), stop)
    if at != len(data):
        raise Unusual
    return deletions, parts


def _read_ranges(data: bytes, at: int, count: int) -> tuple[list[tuple[int, int]], int, int]:
    """Read deleted ranges; return them, where they end, and the greatest clock behind one."""
    ranges, last = [], 0
    for _ in range(count):
        clock = data[at]
        at += 1
        if clock >= 0x80:
            clock, at = _long_number(data, at)
        length = data[at]
        at += 1
        if length >= 0x80:
            length, at = _long_number(data, at)
        ranges.append((clock, length))
        last = max(last, clock + length)
    if last >= MAX_CLOCK:
        raise Unusual
    return ranges, at, last
