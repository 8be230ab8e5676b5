"""A regular expression for the most frequent structs, so that no Python runs for their bytes.

Nineteen of twenty structs of a pipeline's document hold a shared type, a short value or a small
object, and are one element long. They are only skipped by this; whatever does not match is read in
the ordinary way, which takes four times as long.
"""

import re
from typing import Final

from ..format import KIND, SHARED_TYPE, VALUES

_LONGEST: Final = 40
"""Bytes of the longest name or text that matches: an id has 36."""

_MOST_MEMBERS: Final = 4
"""Members of the largest object that matches: the ends of a connection have four."""


def _any_of(*patterns: bytes) -> bytes:
    return b"(?:%b)" % b"|".join(patterns)


def _byte(number: int) -> bytes:
    return b"\\x%02x" % number


def _infos(kind: int) -> bytes:
    return b"[%b]" % b"".join(_byte(info) for info in range(256) if info & KIND == kind)


_NUMBER: Final = rb"[\x80-\xff]*[\x00-\x7f]"
_BYTES: Final = _any_of(*(b"%b.{%d}" % (_byte(length), length) for length in range(_LONGEST + 1)))
_ID: Final = b"(?P<client>%b)%b" % (_NUMBER, _NUMBER)
_OTHER_ID: Final = b"(?P<other>%b)%b" % (_NUMBER, _NUMBER)
_PLACE: Final = _any_of(
    # Beside one neighbour, between two, in a list, or in a map: by the id of one or of the other.
    rb"(?:[\x40-\xbf]|(?P<two>[\xc0-\xff])|[\x00-\x1f]\x00|(?P<map>[\x20-\x3f])\x00)"
    + b"%b(?(two)%b)(?(map)%b)" % (_ID, _OTHER_ID, _BYTES),
    rb"[\x20-\x3f]\x01" + _BYTES * 2,  # in a map that is a root type
)
"""The info byte of a struct, and what says where it stands; see `crdt/updates/format.py`."""

_LEAF: Final = _any_of(
    rb"[\x78\x79\x7e\x7f]",
    rb"\x77" + _BYTES,
    rb"\x7d" + _NUMBER,
    rb"\x7c.{4}",
    rb"[\x7a\x7b].{8}",
)
"""A value that holds no others; see `crdt/updates/any_values.py`."""

_OBJECTS: Final = tuple(
    b"\\x76%b(?:%b%b){%d}" % (_byte(count), _BYTES, _LEAF, count)
    for count in range(1, _MOST_MEMBERS + 1)
)
_VALUE: Final = rb"\x01" + _any_of(_LEAF, *_OBJECTS)
_PLAIN_TYPE: Final = rb"[\x00\x01\x02\x04\x06]"

SIMPLE_STRUCT: Final = re.compile(
    b"(?:(?=(?P<type>%b))|(?=%b))%b(?(type)%b|%b)"
    % (_infos(SHARED_TYPE), _infos(VALUES), _PLACE, _PLAIN_TYPE, _VALUE),
    re.DOTALL,
)
"""Matches a struct of length 1, if it is one of the frequent ones.

Its groups `client` and `other` are the clients, as they are written, of what it depends on.
"""
