"""Reads the Yjs update format v1, as far as that is needed beside the CRDT library.

    update     = varUint clients, clients × (varUint structs, varUint client, varUint clock,
                 structs × struct), delete set
    delete set = varUint clients, clients × (varUint client, varUint ranges,
                 ranges × (varUint clock, varUint length))

Source: yjs/src/structs/*.js, yjs/src/utils/DeleteSet.js. Where Yjs and the library read the same
bytes differently (content JSON, XML hooks, unused bits), the bytes are refused: a client that gets
two readers to disagree could hide from one what the other shows.
"""

import sys
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from crdt.errors import MalformedUpdate, ProtocolError
from crdt.protocol.lib0 import Reader

from .any_values import skip_values
from .delete_set import DeleteSet

EMPTY_UPDATE: Final = b"\x00\x00"
"""No structs, no deletions."""

Id: TypeAlias = tuple[int, int]
"""(client, clock): the id of one element, which never changes."""

GC, SKIP = 0, 10
HAS_LEFT, HAS_RIGHT, HAS_PARENT_SUB, KIND = 0x80, 0x40, 0x20, 0x1F
DELETED, TEXT, EMBED, FORMAT, SHARED_TYPE, VALUES = 1, 4, 5, 6, 7, 8
"""Kinds of content."""

XML_ELEMENT: Final = 3
PLAIN_TYPES: Final = frozenset((0, 1, 2, 4, 6))
"""Y.Array, Y.Map, Y.Text, Y.XmlFragment, Y.XmlText: written without a name."""

MAX_CLOCK, MAX_CLIENT = 2**32, 2**53

COLUMNS_OF_V2: Final = 9
IS_V2: Final = (
    "expected an update of Yjs' format V1, got one that looks like V2: "
    "use encodeStateAsUpdate and on('update')"
)
"""The reason why an update is refused that begins as an empty one of format v1 would."""

PARTS_OF_A_CLIENT: Final = 10
"""A client costs as much as ten structs."""


class Struct(NamedTuple):
    """A run of `length` elements of one client, from `clock` on.

    `dependencies` are the elements that must be integrated before it (Yjs: origin, rightOrigin or
    parent): its neighbours; or, if `is_child`, the shared type that it lies in; or none, if it lies
    in a root type. `is_type` is whether its content is a shared type. The bytes `start` to `stop`
    of the update are the struct itself.
    """

    clock: int
    length: int
    dependencies: tuple[Id, ...] = ()
    is_child: bool = False
    is_type: bool = False
    start: int = 0
    stop: int = 0

    @property
    def end(self) -> int:
        """The clock after its last element."""
        return self.clock + self.length


Structs: TypeAlias = dict[int, list[Struct]]
"""client -> its structs by ascending clock, without those that the update skips."""


def read_update(
    update: bytes, max_parts: int = sys.maxsize, max_leftover: int = sys.maxsize
) -> tuple[Structs, DeleteSet]:
    """Read the structs and the delete set of an update.

    Raises MalformedUpdate, also for values nested deeper than `any_values.MAX_NESTING` and for more
    than `max_leftover` bytes behind the update, and MessageTooBig for more than `max_parts`
    structs, values and deleted ranges together, a client counting as ten.
    """
    return read_parts(Reader(update, max_parts), max_leftover)


def read_parts(reader: Reader, max_leftover: int = sys.maxsize) -> tuple[Structs, DeleteSet]:
    """Read an update with a reader, which counts its parts. Raises what `read_update` raises."""
    try:
        structs, deletions = _read_structs(reader), _read_delete_set(reader)
        if reader.remaining > max_leftover:
            raise ProtocolError(f"expected the end, got {reader.remaining} bytes more")
    except ProtocolError as error:
        problem = IS_V2 if _looks_like_v2(reader) else f"update cannot be decoded: {error}"
        raise MalformedUpdate(problem) from error
    return structs, deletions


def _looks_like_v2(reader: Reader) -> bool:
    """Whether an update that is not of format v1 has the frame of one of format v2.

    Format v2 begins with a feature flag, which is 0, and nine columns with their lengths. Source:
    yjs/src/utils/UpdateEncoder.js, UpdateEncoderV2.toUint8Array.
    """
    reader.position = 0
    try:
        flag = reader.byte()
        for _ in range(COLUMNS_OF_V2):
            reader.skip_bytes()
    except ProtocolError:
        return False
    return flag == 0 and reader.remaining > 0


def read_structs(update: bytes) -> Structs:
    """Read the structs of an update. Raises MalformedUpdate as `read_update` does."""
    return read_update(update)[0]


def first_structs(update: bytes, client: int, count: int) -> list[Struct]:
    """Read up to `count` structs of a client with which an update begins; none if it does not."""
    reader = Reader(update)
    if not reader.count():
        return []
    structs, first = reader.count(), reader.var_uint()
    clock, found = reader.var_uint(), []
    for _ in range(min(structs, count) if first == client else 0):
        struct, is_here = read_struct(reader, client, clock)
        clock = struct.end
        if is_here:
            found.append(struct)
    return found


def has_structs(update: bytes) -> bool:
    """Whether an update has structs, or only deletes. Raises MalformedUpdate if it is truncated."""
    try:
        return Reader(update).var_uint() > 0
    except ProtocolError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


def read_deletions(
    update: bytes, max_parts: int = sys.maxsize, max_leftover: int = sys.maxsize
) -> DeleteSet:
    """Read the delete set of an update. Raises what `read_update` raises."""
    return read_update(update, max_parts, max_leftover)[1]


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
        struct, is_here = read_struct(reader, client, clock)
        clock = _checked(MAX_CLOCK, clock + struct.length)
        if is_here and struct.length:
            structs.append(struct)
    return client, structs


def read_struct(reader: Reader, client: int, clock: int) -> tuple[Struct, bool]:
    """Read the next struct; return it, and False if it is a Skip, a gap in the update.

    Raises ProtocolError.
    """
    start, info = reader.position, reader.byte()
    if info in (GC, SKIP):
        length = reader.var_uint()
        return Struct(clock, length, start=start, stop=reader.position), info == GC
    dependencies, is_child = _read_origins(reader, info)
    for element in dependencies:
        _check_age(element, client, clock)
    kind = info & KIND
    read_length = CONTENT_LENGTHS.get(kind)
    if read_length is None:
        raise MalformedUpdate(f"expected content of a known kind, got kind {kind}")
    length, stop = read_length(reader), reader.position
    return Struct(clock, length, dependencies, is_child, kind == SHARED_TYPE, start, stop), True


def _read_origins(reader: Reader, info: int) -> tuple[tuple[Id, ...], bool]:
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


def skip_origins(reader: Reader, info: int) -> None:
    """Skip the origins or the parent of a struct."""
    _read_origins(reader, info)


def _read_id(reader: Reader) -> Id:
    client, clock = reader.var_uint(), reader.var_uint()
    if client >= MAX_CLIENT or clock >= MAX_CLOCK:
        raise MalformedUpdate(f"expected the id of an element, got {client}, {clock}")
    return client, clock


def _check_age(element: Id, client: int, clock: int) -> None:
    """Refuse a struct that depends on later elements of its own client: Yjs fails at that."""
    if element[0] == client and element[1] >= clock:
        raise MalformedUpdate(
            f"expected elements of client {client} below {clock}, got {element[1]}"
        )


def _checked(limit: int, number: int) -> int:
    """Refuse a number that the library would cut to 32 or 53 bits."""
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


CONTENT_LENGTHS: Final[dict[int, Callable[[Reader], int]]] = {
    DELETED: _deleted,
    3: _bytes,  # binary
    TEXT: _string,
    EMBED: _bytes,  # as JSON text: the library's own parser bounds its depth
    FORMAT: _format,
    SHARED_TYPE: _shared_type,
    VALUES: _values,
    9: _document,
}
"""Functions that read the content of each kind and return its length, in clocks."""
