"""Yjs update format v1, as far as it must be read before or beside the CRDT library.

    update     = varUint clients, clients × (varUint structs, varUint client, varUint clock,
                 structs × struct), delete set
    delete set = varUint clients, clients × (varUint client, varUint ranges,
                 ranges × (varUint clock, varUint length))

Source: yjs/src/structs/*.js, yjs/src/utils/DeleteSet.js. Where Yjs and the library read the same
bytes differently (content JSON, XML hooks, unused bits), the bytes are refused: whoever gets two
readers to disagree could hide from one what the other sees.
"""

import sys
from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from crdt.errors import MalformedUpdate, ProtocolError
from crdt.protocol.lib0 import Reader

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

PARTS_OF_A_CLIENT: Final = 10
"""A client costs as much as ten structs."""


class Struct(NamedTuple):
    """A run of `length` elements from `clock` on.

    `surroundings` are the elements that tell where it lies: the shared type that it is a `member`
    of, or its neighbours; none if it lies in a root type. `nests` tells a shared type from a plain
    value. The bytes `start` to `stop` of the update are the struct itself.
    """

    clock: int
    length: int
    surroundings: tuple[Id, ...] = ()
    member: bool = False
    nests: bool = False
    start: int = 0
    stop: int = 0

    @property
    def end(self) -> int:
        """The clock after its last element."""
        return self.clock + self.length


Structs: TypeAlias = dict[int, list[Struct]]
"""client -> its structs by ascending clock; clocks skipped or lacking are absent."""


def read_update(update: bytes, max_parts: int = sys.maxsize) -> tuple[Structs, DeleteSet]:
    """Read what an update inserts and deletes.

    Raises MalformedUpdate, also for values nested deeper than `any_format.MAX_NESTING`, and
    MessageTooBig for more than `max_parts` structs, values and deleted ranges together, a client
    counting as ten.
    """
    return read_parts(Reader(update, max_parts))


def read_parts(reader: Reader) -> tuple[Structs, DeleteSet]:
    """Read an update off a reader, which counts its parts. Raises as `read_update`."""
    try:
        return _read_structs(reader), _read_delete_set(reader)
    except ProtocolError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


def read_structs(update: bytes) -> Structs:
    """Read what an update inserts. Raises MalformedUpdate as `read_update`."""
    return read_update(update)[0]


def brings_structs(update: bytes) -> bool:
    """Whether the update inserts anything. Raises MalformedUpdate as `read_update`."""
    try:
        return Reader(update).var_uint() > 0
    except ProtocolError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


def read_deletions(update: bytes, max_parts: int = sys.maxsize) -> DeleteSet:
    """Read what an update deletes. Raises as `read_update`."""
    return read_update(update, max_parts)[1]


def _read_delete_set(reader: Reader) -> DeleteSet:
    deletions: DeleteSet = {}
    for _ in range(reader.count(PARTS_OF_A_CLIENT)):
        client, ranges = _checked(MAX_CLIENT, reader.var_uint()), reader.count()
        for _ in range(ranges):
            deletions.setdefault(client, []).append(_read_range(reader))
    return deletions


def _read_range(reader: Reader) -> tuple[int, int]:
    clock, length = reader.var_uint(), reader.var_uint()
    _checked(MAX_CLOCK, clock + length)
    return clock, length


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges (clock, length) that touch; return [(start, stop)], ascending."""
    joined: list[tuple[int, int]] = []
    for clock, length in sorted(ranges):
        if joined and clock <= joined[-1][1]:
            start, stop = joined.pop()
            joined.append((start, max(stop, clock + length)))
        elif length:
            joined.append((clock, clock + length))
    return joined


def covers(known: DeleteSet, other: DeleteSet) -> bool:
    """Whether everything that `other` deletes is deleted in `known`."""
    return all(
        _cover(merged(known.get(client, [])), merged(ranges)) for client, ranges in other.items()
    )


def _cover(known: list[tuple[int, int]], spans: list[tuple[int, int]]) -> bool:
    # A delete set may have thousands of ranges and comes with every client that joins.
    starts = [start for start, _ in known]

    def is_known(start: int, stop: int) -> bool:
        index = bisect_right(starts, start) - 1
        return index >= 0 and stop <= known[index][1]

    return all(is_known(start, stop) for start, stop in spans)


def _read_structs(reader: Reader) -> Structs:
    structs: Structs = {}
    for _ in range(reader.count(PARTS_OF_A_CLIENT)):
        client, found = _read_client(reader)
        if client in structs:
            raise MalformedUpdate(f"expected client {client} once in an update, got it twice")
        structs[client] = found
    return structs


def _read_client(reader: Reader) -> tuple[int, list[Struct]]:
    count = reader.count()
    client = _checked(MAX_CLIENT, reader.var_uint())
    clock = _checked(MAX_CLOCK, reader.var_uint())
    structs = []
    for _ in range(count):
        struct, is_here = _read_struct(reader, client, clock)
        clock = _checked(MAX_CLOCK, clock + struct.length)
        if is_here and struct.length:
            structs.append(struct)
    return client, structs


def _read_struct(reader: Reader, client: int, clock: int) -> tuple[Struct, bool]:
    """Return the next struct, and False if it only stands for what the update lacks."""
    start, info = reader.position, reader.byte()
    if info in (GC, SKIP):
        length = reader.var_uint()
        return Struct(clock, length, start=start, stop=reader.position), info == GC
    surroundings, member = _read_place(reader, info)
    for element in surroundings:
        _check_age(element, client, clock)
    kind = info & KIND
    read_length = _CONTENT.get(kind)
    if read_length is None:
        raise MalformedUpdate(f"expected content of a known kind, got kind {kind}")
    length, stop = read_length(reader), reader.position
    return Struct(clock, length, surroundings, member, kind == SHARED_TYPE, start, stop), True


def _read_place(reader: Reader, info: int) -> tuple[tuple[Id, ...], bool]:
    """Return a struct's surroundings, and whether they are the shared type it is a member of."""
    if info & HAS_LEFT:
        left = _read_id(reader)
        return ((left, _read_id(reader)) if info & HAS_RIGHT else (left,)), False
    if info & HAS_RIGHT:
        return (_read_id(reader),), False
    is_in_root = reader.var_uint() == 1
    if is_in_root:
        reader.skip_bytes()
    parent = () if is_in_root else (_read_id(reader),)
    if info & HAS_PARENT_SUB:
        reader.skip_bytes()
    return parent, not is_in_root


def skip_place(reader: Reader, info: int) -> None:
    """Pass over what tells where a struct lies."""
    _read_place(reader, info)


def _read_id(reader: Reader) -> Id:
    client, clock = reader.var_uint(), reader.var_uint()
    if client >= MAX_CLIENT or clock >= MAX_CLOCK:
        raise MalformedUpdate(f"expected the id of an element, got {client}, {clock}")
    return client, clock


def _check_age(element: Id, client: int, clock: int) -> None:
    """Refuse what lies beside or in later elements of its own client: Yjs fails at that."""
    if element[0] == client and element[1] >= clock:
        raise MalformedUpdate(
            f"expected elements of client {client} below {clock}, got {element[1]}"
        )


def _checked(limit: int, number: int) -> int:
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
    reader.skip_bytes()
    return 1


def _format(reader: Reader) -> int:
    reader.skip_bytes()
    reader.skip_bytes()
    return 1


def _shared_type(reader: Reader) -> int:
    kind = reader.byte()
    if kind == XML_ELEMENT:
        reader.skip_bytes()
    elif kind not in PLAIN_TYPES:
        raise MalformedUpdate(f"expected a shared type of a known kind, got kind {kind}")
    return 1


def _values(reader: Reader) -> int:
    count = reader.count()
    skip_values(reader, count)
    return count


def _document(reader: Reader) -> int:
    reader.skip_bytes()
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


MAX_NESTING: Final = 500
"""Deepest nesting of arrays and objects inside one value. 20,000 levels overflow an 8 MiB stack."""

UINT8_ARRAY, ANY_ARRAY, ANY_OBJECT, STRING, VAR_INT = 116, 117, 118, 119, 125


def skip_values(reader: Reader, count: int) -> None:
    """Skip `count` values and all they hold.

    Raises ProtocolError, and MalformedUpdate for values of no known kind or nested too deep.
    """
    outer: list[tuple[int, bool]] = []
    left, keyed = count, False
    while left or outer:
        if not left:
            left, keyed = outer.pop()
            continue
        left -= 1
        if keyed:
            reader.skip_bytes()
        kind = reader.byte()
        if kind in (ANY_ARRAY, ANY_OBJECT):
            _check_depth(len(outer))
            outer.append((left, keyed))
            left, keyed = reader.count(), kind == ANY_OBJECT
        else:
            _skip_leaf(reader, kind)


def _check_depth(depth: int) -> None:
    if depth >= MAX_NESTING:
        raise MalformedUpdate(f"expected values nested at most {MAX_NESTING} deep")


def _skip_leaf(reader: Reader, kind: int) -> None:
    if (length := _LENGTHS.get(kind)) is not None:
        reader.skip(length)
    elif kind in (STRING, UINT8_ARRAY):
        reader.skip_bytes()
    elif kind == VAR_INT:
        _skip_var_int(reader)
    else:
        raise MalformedUpdate(f"expected a value of a known kind, got kind {kind}")


def _skip_var_int(reader: Reader) -> None:
    while reader.byte() & 0x80:
        pass


_LENGTHS: Final = {
    127: 0,  # undefined
    126: 0,  # null
    124: 4,  # float32
    123: 8,  # float64
    122: 8,  # bigint
    121: 0,  # false
    120: 0,  # true
}
"""Bytes of the values whose kind tells their length."""
