"""Yjs update format v1, as far as it must be read before or beside the CRDT library.

    update     = varUint clients, clients × (varUint structs, varUint client, varUint clock,
                 structs × struct), delete set
    delete set = varUint clients, clients × (varUint client, varUint ranges,
                 ranges × (varUint clock, varUint length))

Source: yjs/src/structs/*.js, yjs/src/utils/DeleteSet.js. Where Yjs and the library read the same
bytes differently (content JSON, XML hooks, unused bits), the bytes are refused: whoever gets two
readers to disagree could hide from one what the other sees.
"""

import re
from bisect import bisect_right
from collections.abc import Callable
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from .any_format import MAX_NESTING, skip_values
from .encoding import Reader
from .errors import MalformedUpdate, ProtocolError

EMPTY_UPDATE: Final = b"\x00\x00"
"""No structs, no deletions."""

DeleteSet: TypeAlias = dict[int, list[tuple[int, int]]]
"""client -> [(clock, length)]"""

Id: TypeAlias = tuple[int, int]
"""(client, clock): the name of one element, for ever."""

GC, SKIP = 0, 10
HAS_LEFT, HAS_RIGHT, HAS_PARENT_SUB, KIND = 0x80, 0x40, 0x20, 0x1F
SHARED_TYPE, XML_ELEMENT = 7, 3
PLAIN_TYPES: Final = frozenset((0, 1, 2, 4, 6))
"""Y.Array, Y.Map, Y.Text, Y.XmlFragment, Y.XmlText: written without a name."""

MAX_CLOCK, MAX_CLIENT = 2**32, 2**53

_V = rb"[\x80-\xff]{0,10}[\x00-\x7f]"
_ALONE, _BESIDE_ONE, _BETWEEN = (
    rb"\x07\x17\x27\x37",
    rb"\x47\x57\x67\x77\x87\x97\xa7\xb7",
    rb"\xc7\xd7\xe7\xf7",
)
_SHARED_TYPE = re.compile(
    rb"[%b]|[%b](?:%b){2}[\x00-\x0f]|[%b](?:%b){4}[\x00-\x0f]"
    % (_ALONE, _BESIDE_ONE, _V, _BETWEEN, _V)
)
"""How a shared type begins: kind 7, then two ids or one or a parent, then the type of type.

The library takes numbers of up to 11 bytes.
"""


_ONE_VALUE = re.compile(rb"\x01\x01%b%b[^%b%b%b]" % (_V, _V, _ALONE, _BESIDE_ONE, _BETWEEN))
"""An update of one client with one struct, which is no shared type."""


class Struct(NamedTuple):
    """A run of `length` elements from `clock` on.

    It lies in the shared type `parent`, or beside the elements `origins`, or, without either, in
    a root type. `nests` tells a shared type from a plain value.
    """

    clock: int
    length: int
    parent: Id | None = None
    origins: tuple[Id, ...] = ()
    nests: bool = False


_CLOCK = attrgetter("clock")

Structs: TypeAlias = dict[int, list[Struct]]
"""client -> its structs by ascending clock; clocks skipped or lacking are absent."""


def may_nest(update: bytes) -> bool:
    """Whether there may be a shared type in the update, or a value nested beyond MAX_NESTING.

    Most edits are neither and need no parsing. Never False for one that is.
    """
    # Each level of a value costs one byte 117 ("u", array) or 118 ("v", object).
    if update.count(b"u") + update.count(b"v") > MAX_NESTING:
        return True
    return _ONE_VALUE.match(update) is None and _SHARED_TYPE.search(update) is not None


def read_structs(update: bytes) -> Structs:
    """Read what an update inserts.

    Raises MalformedUpdate, also for values nested deeper than MAX_NESTING.
    """
    try:
        return _read_structs(Reader(update))
    except ProtocolError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


def find(structs: Structs, element: Id) -> Struct | None:
    """Return the struct that an element is in."""
    client, clock = element
    found = structs.get(client, [])
    index = bisect_right(found, clock, key=_CLOCK) - 1
    if index < 0 or clock >= found[index].clock + found[index].length:
        return None
    return found[index]


def brings_structs(update: bytes) -> bool:
    """Whether the update inserts anything. Raises ProtocolError."""
    return Reader(update).var_uint() > 0


def read_deletions(update: bytes) -> DeleteSet:
    """Read what an update deletes. Raises ProtocolError."""
    reader = Reader(update)
    _read_structs(reader)
    deletions: DeleteSet = {}
    for _ in range(reader.var_uint()):
        client, ranges = reader.var_uint(), reader.var_uint()
        for _ in range(ranges):
            deletions.setdefault(client, []).append((reader.var_uint(), reader.var_uint()))
    return deletions


def covers(known: DeleteSet, other: DeleteSet) -> bool:
    """Whether everything that `other` deletes is deleted in `known`."""
    return all(
        client in known and _covers(_merged(known[client]), ranges)
        for client, ranges in other.items()
        if ranges
    )


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges that touch; return [(start, end)], ascending."""
    merged: list[tuple[int, int]] = []
    for clock, length in sorted(ranges):
        if merged and clock <= merged[-1][1]:
            start, end = merged.pop()
            merged.append((start, max(end, clock + length)))
        else:
            merged.append((clock, clock + length))
    return merged


def _covers(spans: list[tuple[int, int]], ranges: list[tuple[int, int]]) -> bool:
    # A delete set may have thousands of ranges and comes with every client that joins.
    starts = [start for start, _ in spans]

    def is_known(clock: int, length: int) -> bool:
        index = bisect_right(starts, clock) - 1
        return index >= 0 and clock + length <= spans[index][1]

    return all(is_known(clock, length) for clock, length in ranges)


def _read_structs(reader: Reader) -> Structs:
    structs: Structs = {}
    for _ in range(reader.var_uint()):
        client, found = _read_client(reader)
        if client in structs:
            raise MalformedUpdate(f"expected client {client} once in an update, got it twice")
        structs[client] = found
    return structs


def _read_client(reader: Reader) -> tuple[int, list[Struct]]:
    count = reader.var_uint()
    client = _below(MAX_CLIENT, reader.var_uint())
    clock = _below(MAX_CLOCK, reader.var_uint())
    structs = []
    for _ in range(count):
        info = reader.byte()
        if info in (GC, SKIP):
            struct = Struct(clock, reader.var_uint())
        else:
            struct = _read_item(reader, info, clock)
        clock = _below(MAX_CLOCK, clock + struct.length)
        if struct.length and info != SKIP:
            structs.append(struct)
    return client, structs


def _read_item(reader: Reader, info: int, clock: int) -> Struct:
    parent, origins = _read_place(reader, info)
    kind = info & KIND
    read_length = _CONTENT.get(kind)
    if read_length is None:
        raise MalformedUpdate(f"expected content of a known kind, got kind {kind}")
    return Struct(clock, read_length(reader), parent, origins, kind == SHARED_TYPE)


def _read_place(reader: Reader, info: int) -> tuple[Id | None, tuple[Id, ...]]:
    sides = bool(info & HAS_LEFT) + bool(info & HAS_RIGHT)
    if sides:
        return None, tuple(_read_id(reader) for _ in range(sides))
    parent = None
    if reader.var_uint() == 1:
        reader.var_bytes()
    else:
        parent = _read_id(reader)
    if info & HAS_PARENT_SUB:
        reader.var_bytes()
    return parent, ()


def _read_id(reader: Reader) -> Id:
    return reader.var_uint(), reader.var_uint()


def _below(limit: int, number: int) -> int:
    """Check a number that the library would cut to 32 or 53 bits."""
    if number >= limit:
        raise MalformedUpdate(f"expected a number below {limit}, got {number}")
    return number


def _deleted(reader: Reader) -> int:
    return reader.var_uint()


def _string(reader: Reader) -> int:
    text = reader.var_string()
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _bytes(reader: Reader) -> int:
    reader.var_bytes()
    return 1


def _format(reader: Reader) -> int:
    reader.var_bytes()
    reader.var_bytes()
    return 1


def _shared_type(reader: Reader) -> int:
    kind = reader.byte()
    if kind == XML_ELEMENT:
        reader.var_bytes()
    elif kind not in PLAIN_TYPES:
        raise MalformedUpdate(f"expected a shared type of a known kind, got kind {kind}")
    return 1


def _values(reader: Reader) -> int:
    count = reader.var_uint()
    skip_values(reader, count)
    return count


def _document(reader: Reader) -> int:
    reader.var_bytes()
    skip_values(reader, 1)
    return 1


_CONTENT: Final[dict[int, Callable[[Reader], int]]] = {
    1: _deleted,
    3: _bytes,  # binary
    4: _string,
    5: _bytes,  # embed, as JSON text: the library's own parser bounds its depth
    6: _format,
    SHARED_TYPE: _shared_type,
    8: _values,
    9: _document,
}
"""Reads content of a kind and returns its length: how many clocks it takes."""
