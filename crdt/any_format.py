"""Plain values inside an update, skipped without recursion (lib0, encoding.js `writeAny`)."""

from collections.abc import Callable
from typing import Final

from .encoding import Reader
from .errors import MalformedUpdate

MAX_NESTING: Final = 500
"""Deepest nesting of arrays and objects inside one value. 20,000 levels overflow an 8 MiB stack."""

ANY_ARRAY, ANY_OBJECT = 117, 118


class _Level:
    """An array or object being skipped: how many members are left, and whether they have keys."""

    __slots__ = ("keyed", "left")

    def __init__(self, left: int, *, keyed: bool) -> None:
        self.left, self.keyed = left, keyed


def skip_values(reader: Reader, count: int) -> None:
    """Skip `count` values and all they hold.

    Raises ProtocolError, and MalformedUpdate for values of no known kind or nested too deep.
    """
    open_levels = [_Level(count, keyed=False)]
    while open_levels:
        level = open_levels[-1]
        if not level.left:
            open_levels.pop()
            continue
        level.left -= 1
        if level.keyed:
            reader.skip(reader.var_uint())
        inner = _skip_value(reader)
        if inner is not None:
            open_levels.append(inner)
            if len(open_levels) > MAX_NESTING + 1:
                raise MalformedUpdate(f"expected values nested at most {MAX_NESTING} deep")


def _skip_value(reader: Reader) -> _Level | None:
    kind = reader.byte()
    if kind in (ANY_ARRAY, ANY_OBJECT):
        return _Level(reader.var_uint(), keyed=kind == ANY_OBJECT)
    skip = _LEAVES.get(kind)
    if skip is None:
        raise MalformedUpdate(f"expected a value of a known kind, got kind {kind}")
    skip(reader)
    return None


def _skip_nothing(_: Reader) -> None:
    """undefined, null, true and false are their kind and no more."""


def _fixed(length: int) -> Callable[[Reader], None]:
    def skip(reader: Reader) -> None:
        reader.skip(length)

    return skip


def _skip_var_int(reader: Reader) -> None:
    while reader.byte() & 0x80:
        pass


def _skip_bytes(reader: Reader) -> None:
    reader.skip(reader.var_uint())


_LEAVES: Final[dict[int, Callable[[Reader], None]]] = {
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
