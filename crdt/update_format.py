"""Yjs update format v1, as far as it must be read before or beside the CRDT library.

    update     = varUint clients, clients × (varUint structs, varUint client, varUint clock,
                 structs × struct), delete set
    delete set = varUint clients, clients × (varUint client, varUint ranges,
                 ranges × (varUint clock, varUint length))

Source: yjs/src/structs/*.js, yjs/src/utils/DeleteSet.js. Where Yjs and the library read the same
bytes differently (content JSON, XML hooks, unused bits), the bytes are refused: whoever gets two
readers to disagree could hide from one what the other sees.
"""

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from .any_format import skip_values
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


class Struct(NamedTuple):
    """A run of `length` elements from `clock` on.

    It lies in the shared type `parent`, or beside the elements `origins`, or, without either, in
    a root type. `nests` tells a shared type from a plain value. The bytes `start` to `stop` of the
    update are the struct itself.
    """

    clock: int
    length: int
    parent: Id | None = None
    origins: tuple[Id, ...] = ()
    nests: bool = False
    start: int = 0
    stop: int = 0

    @property
    def end(self) -> int:
        """The clock after its last element."""
        return self.clock + self.length

    @property
    def surroundings(self) -> tuple[Id, ...]:
        """The elements that tell where it lies; none in a root type."""
        return self.origins if self.parent is None else (self.parent,)


Structs: TypeAlias = dict[int, list[Struct]]
"""client -> its structs by ascending clock; clocks skipped or lacking are absent."""


def read_update(update: bytes) -> tuple[Structs, DeleteSet]:
    """Read what an update inserts and deletes.

    Raises MalformedUpdate, also for values nested deeper than `any_format.MAX_NESTING`.
    """
    try:
        reader = Reader(update)
        return _read_structs(reader), _read_delete_set(reader)
    except ProtocolError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


def read_structs(update: bytes) -> Structs:
    """Read what an update inserts. Raises MalformedUpdate as `read_update`."""
    return read_update(update)[0]


def brings_structs(update: bytes) -> bool:
    """Whether the update inserts anything. Raises ProtocolError."""
    return Reader(update).var_uint() > 0


def read_deletions(update: bytes) -> DeleteSet:
    """Read what an update deletes. Raises MalformedUpdate as `read_update`."""
    return read_update(update)[1]


def _read_delete_set(reader: Reader) -> DeleteSet:
    deletions: DeleteSet = {}
    for _ in range(reader.var_uint()):
        client, ranges = _below(MAX_CLIENT, reader.var_uint()), reader.var_uint()
        for _ in range(ranges):
            deletions.setdefault(client, []).append(_read_range(reader))
    return deletions


def _read_range(reader: Reader) -> tuple[int, int]:
    clock, length = reader.var_uint(), reader.var_uint()
    _below(MAX_CLOCK, clock + length)
    return clock, length


def covers(known: DeleteSet, other: DeleteSet) -> bool:
    """Whether everything that `other` deletes is deleted in `known`."""
    return all(
        client in known and _covers(merged(known[client]), ranges)
        for client, ranges in other.items()
        if ranges
    )


def merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join ranges (clock, length) that touch; return [(start, stop)], ascending."""
    spans: list[tuple[int, int]] = []
    for clock, length in sorted(ranges):
        if spans and clock <= spans[-1][1]:
            start, stop = spans.pop()
            spans.append((start, max(stop, clock + length)))
        elif length:
            spans.append((clock, clock + length))
    return spans


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
        struct, is_here = _read_struct(reader, clock)
        clock = _below(MAX_CLOCK, clock + struct.length)
        if is_here and struct.length:
            structs.append(struct)
    return client, structs


def _read_struct(reader: Reader, clock: int) -> tuple[Struct, bool]:
    """Return the next struct, and False if it only stands for what the update lacks."""
    start, info = reader.position, reader.byte()
    if info in (GC, SKIP):
        length = reader.var_uint()
        return Struct(clock, length, start=start, stop=reader.position), info == GC
    parent, origins = _read_place(reader, info)
    kind = info & KIND
    read_length = _CONTENT.get(kind)
    if read_length is None:
        raise MalformedUpdate(f"expected content of a known kind, got kind {kind}")
    length = read_length(reader)
    nests = kind == SHARED_TYPE
    return Struct(clock, length, parent, origins, nests, start, reader.position), True


def _read_place(reader: Reader, info: int) -> tuple[Id | None, tuple[Id, ...]]:
    sides = bool(info & HAS_LEFT) + bool(info & HAS_RIGHT)
    if sides:
        return None, tuple(_read_id(reader) for _ in range(sides))
    parent = None
    if reader.var_uint() == 1:
        reader.skip(reader.var_uint())
    else:
        parent = _read_id(reader)
    if info & HAS_PARENT_SUB:
        reader.skip(reader.var_uint())
    return parent, ()


def _read_id(reader: Reader) -> Id:
    return _below(MAX_CLIENT, reader.var_uint()), _below(MAX_CLOCK, reader.var_uint())


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
    reader.skip(reader.var_uint())
    return 1


def _format(reader: Reader) -> int:
    reader.skip(reader.var_uint())
    reader.skip(reader.var_uint())
    return 1


def _shared_type(reader: Reader) -> int:
    kind = reader.byte()
    if kind == XML_ELEMENT:
        reader.skip(reader.var_uint())
    elif kind not in PLAIN_TYPES:
        raise MalformedUpdate(f"expected a shared type of a known kind, got kind {kind}")
    return 1


def _values(reader: Reader) -> int:
    count = reader.var_uint()
    skip_values(reader, count)
    return count


def _document(reader: Reader) -> int:
    reader.skip(reader.var_uint())
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
