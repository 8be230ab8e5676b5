"""What must be known of a Yjs update before the CRDT library may see it.

The library decodes nested values by recursion and a stack overflow ends the whole process, so an
update that is nested too deep is refused here. Source: Yjs update format v1
(yjs/src/structs/*.js, lib0 encoding.js `writeAny`).

    update     = varUint clients, clients × (varUint structs, varUint client, varUint clock,
                 structs × struct), delete set
    delete set = varUint clients, clients × (varUint client, varUint ranges,
                 ranges × (varUint clock, varUint length))
"""

from collections.abc import Callable
from typing import TypeAlias

from .encoding import Reader
from .errors import MalformedUpdate, ProtocolError

EMPTY_UPDATE = b"\x00\x00"
"""No structs, no deletions."""

MAX_NESTING = 500
"""Deepest nesting of arrays and objects inside one value. 20,000 levels overflow an 8 MiB stack."""

DeleteSet: TypeAlias = dict[int, list[tuple[int, int]]]
"""client -> [(clock, length)]"""

GC, SKIP = 0, 10
HAS_LEFT, HAS_RIGHT, HAS_PARENT_SUB = 0x80, 0x40, 0x20
ANY_ARRAY, ANY_OBJECT = 117, 118
XML_ELEMENT, XML_HOOK = 3, 5


def check_nesting(update: bytes) -> None:
    """Refuse an update holding a value nested deeper than MAX_NESTING. Raises MalformedUpdate."""
    # Each level costs one byte 117 ("u") or 118 ("v"): most updates pass without being parsed.
    if update.count(b"u") + update.count(b"v") <= MAX_NESTING:
        return
    try:
        _skip_structs(Reader(update))
    except ProtocolError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


def brings_structs(update: bytes) -> bool:
    """Whether the update inserts anything. Raises ProtocolError."""
    return Reader(update).var_uint() > 0


def read_deletions(update: bytes) -> DeleteSet:
    """Read the delete set of an update that inserts nothing. Raises ProtocolError."""
    reader = Reader(update)
    reader.var_uint()
    return {
        reader.var_uint(): [
            (reader.var_uint(), reader.var_uint()) for _ in range(reader.var_uint())
        ]
        for _ in range(reader.var_uint())
    }


def covers(known: DeleteSet, other: DeleteSet) -> bool:
    """Whether each deletion of `other` lies within one range of `known`, merged as Yjs does."""

    def is_known(client: int, clock: int, length: int) -> bool:
        return any(
            start <= clock and clock + length <= start + size
            for start, size in known.get(client, ())
        )

    return all(
        is_known(client, clock, length)
        for client, ranges in other.items()
        for clock, length in ranges
    )


def _skip_structs(reader: Reader) -> None:
    for _ in range(reader.var_uint()):
        structs = reader.var_uint()
        reader.var_uint()
        reader.var_uint()
        for _ in range(structs):
            _skip_struct(reader)


def _skip_struct(reader: Reader) -> None:
    info = reader.byte()
    kind = info & 0x1F
    if kind in (GC, SKIP):
        reader.var_uint()
        return
    _skip_origin(reader, info)
    skip = _CONTENT.get(kind)
    if skip is None:
        raise MalformedUpdate(f"expected content of a known kind, got kind {kind}")
    skip(reader)


def _skip_origin(reader: Reader, info: int) -> None:
    if info & HAS_LEFT:
        _skip_id(reader)
    if info & HAS_RIGHT:
        _skip_id(reader)
    if not info & (HAS_LEFT | HAS_RIGHT):
        if reader.var_uint() == 1:
            reader.var_bytes()
        else:
            _skip_id(reader)
        if info & HAS_PARENT_SUB:
            reader.var_bytes()


def _skip_id(reader: Reader) -> None:
    reader.var_uint()
    reader.var_uint()


def _skip_json(reader: Reader) -> None:
    for _ in range(reader.var_uint()):
        reader.var_bytes()


def _skip_format(reader: Reader) -> None:
    reader.var_bytes()
    reader.var_bytes()


def _skip_type(reader: Reader) -> None:
    if reader.var_uint() in (XML_ELEMENT, XML_HOOK):
        reader.var_bytes()


def _skip_anys(reader: Reader) -> None:
    _exhaust(reader, reader.var_uint())


def _skip_document(reader: Reader) -> None:
    reader.var_bytes()
    _exhaust(reader, 1)


def _exhaust(reader: Reader, count: int) -> None:
    """Skip `count` values and all they hold; the stack is a list, one counter per open level."""
    open_levels = [_Level(count, keyed=False)]
    while open_levels:
        level = open_levels[-1]
        if not level.left:
            open_levels.pop()
            continue
        level.left -= 1
        if level.keyed:
            reader.var_bytes()
        inner = _skip_any(reader)
        if inner is not None:
            open_levels.append(inner)
            if len(open_levels) > MAX_NESTING + 1:
                raise MalformedUpdate(f"expected values nested at most {MAX_NESTING} deep")


class _Level:
    """An array or object being skipped: how many members are left, and whether they have keys."""

    __slots__ = ("keyed", "left")

    def __init__(self, left: int, *, keyed: bool) -> None:
        self.left, self.keyed = left, keyed


def _skip_any(reader: Reader) -> _Level | None:
    kind = reader.byte()
    if kind in (ANY_ARRAY, ANY_OBJECT):
        return _Level(reader.var_uint(), keyed=kind == ANY_OBJECT)
    skip = _ANY.get(kind)
    if skip is None:
        raise MalformedUpdate(f"expected a value of a known kind, got kind {kind}")
    skip(reader)
    return None


def _skip_nothing(_: Reader) -> None:
    """undefined, null, true and false are their kind and no more."""


def _fixed(length: int) -> Callable[[Reader], None]:
    def skip(reader: Reader) -> None:
        reader.take(length)

    return skip


def _skip_var_int(reader: Reader) -> None:
    while reader.byte() & 0x80:
        pass


def _skip_var_uint(reader: Reader) -> None:
    reader.var_uint()


def _skip_bytes(reader: Reader) -> None:
    reader.var_bytes()


_CONTENT: dict[int, Callable[[Reader], None]] = {
    1: _skip_var_uint,  # deleted
    2: _skip_json,
    3: _skip_bytes,  # binary
    4: _skip_bytes,  # string
    5: _skip_bytes,  # embed
    6: _skip_format,
    7: _skip_type,
    8: _skip_anys,
    9: _skip_document,
}

_ANY: dict[int, Callable[[Reader], None]] = {
    127: _skip_nothing,  # undefined
    126: _skip_nothing,  # null
    125: _skip_var_int,
    124: _fixed(4),  # float32
    123: _fixed(8),  # float64
    122: _fixed(8),  # bigint
    121: _skip_nothing,  # false
    120: _skip_nothing,  # true
    119: _skip_bytes,  # string
    116: _skip_bytes,  # Uint8Array
}
