"""Yjs updates written byte by byte, as no honest client writes them."""

from crdt.protocol.lib0 import var_string, var_uint

Y_ARRAY, Y_MAP, Y_TEXT = b"\x00", b"\x01", b"\x02"

EMPTY_OF_V2 = bytes.fromhex("00000000000001000000000000")
OF_V2 = bytes.fromhex(
    "00000247020302064800092100270001008400a81a14706970656c696e656e616d657374657073616c6f"
    "08040501020301010001020301030101050077017801070200000102"
)
"""What Yjs 13.6 encodes in its format V2 of an empty document, and of one with a text and
deletions in it."""


def update(*structs: bytes, client: int = 1, clock: int = 0, deletions: bytes = b"\x00") -> bytes:
    """An update of one client."""
    head = var_uint(1) + var_uint(len(structs)) + var_uint(client) + var_uint(clock)
    return head + b"".join(structs) + deletions


def deletions(client: int, *ranges: tuple[int, int]) -> bytes:
    """A delete set of one client; ranges are (clock, length)."""
    pairs = b"".join(var_uint(clock) + var_uint(length) for clock, length in ranges)
    return var_uint(1) + var_uint(client) + var_uint(len(ranges)) + pairs


def identity(client: int, clock: int) -> bytes:
    return var_uint(client) + var_uint(clock)


def in_root(kind: int, content: bytes, root: str = "steps", key: str | None = "k") -> bytes:
    """A struct in a root type: under a key of a map, or in an array."""
    info = kind if key is None else kind | 0x20
    sub = b"" if key is None else var_string(key)
    return bytes((info,)) + b"\x01" + var_string(root) + sub + content


def in_type(
    kind: int, content: bytes, parent: tuple[int, int], key: str | None = "k", flags: int = 0
) -> bytes:
    """A struct in the shared type named by its id; `flags` are further bits of the info byte."""
    info = (kind if key is None else kind | 0x20) | flags
    sub = b"" if key is None else var_string(key)
    return bytes((info,)) + b"\x00" + identity(*parent) + sub + content


def after(kind: int, content: bytes, left: tuple[int, int]) -> bytes:
    """A struct to the right of an element, in whatever holds that."""
    return bytes((kind | 0x80,)) + identity(*left) + content


def before(kind: int, content: bytes, right: tuple[int, int]) -> bytes:
    """A struct to the left of an element, in whatever holds that."""
    return bytes((kind | 0x40,)) + identity(*right) + content


def value(encoded: bytes) -> bytes:
    """Content of kind 8: one plain value."""
    return b"\x01" + encoded


def deep_array(depth: int) -> bytes:
    return b"\x75\x01" * depth + b"\x7e"


def deep_object(depth: int) -> bytes:
    return b"\x76\x01\x01k" * depth + b"\x7e"


def deep_behind_members(depth: int) -> bytes:
    """The nesting is in the last of three members of each level."""
    return b"\x75\x03\x7e\x77\x02uv" * depth + b"\x7e"


def chain(depth: int, client: int = 1, kind: bytes = Y_MAP) -> list[bytes]:
    """Structs of shared types, each in the one before, the first in a root type."""
    first = in_root(7, kind, key="k")
    return [first, *(in_type(7, kind, (client, clock)) for clock in range(depth - 1))]
