"""Skips values of the lib0 encoding "any" (lib0 0.2, encoding.js: writeAny), which structs hold."""

from typing import Final

from crdt.errors import MalformedUpdate
from crdt.protocol.lib0 import Reader

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
    if (length := LENGTHS.get(kind)) is not None:
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


LENGTHS: Final = {
    127: 0,  # undefined
    126: 0,  # null
    124: 4,  # float32
    123: 8,  # float64
    122: 8,  # bigint
    121: 0,  # false
    120: 0,  # true
}
"""Lengths in bytes of the values whose kind determines it."""
