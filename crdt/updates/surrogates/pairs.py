"""Finds the surrogate pairs in the texts of an update, and replaces some of them.

Of the other structs it finds out no more than their lengths, in a fraction of the time that an
inspection takes: so it finds the pairs of a document when that is loaded.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from crdt.protocol.lib0 import Reader, var_bytes

from ..format import CONTENT_LENGTHS, GC, HAS_LEFT, HAS_PARENT_SUB, HAS_RIGHT, KIND, SKIP, TEXT
from .simple_structs import SIMPLE_STRUCT

Pairs: TypeAlias = Mapping[int, Sequence[int]]
"""client -> the clocks of the low surrogates of pairs, ascending.

The high surrogate of each has the clock before.
"""

NO_PAIRS: Final[Pairs] = {}

_BOTH: Final = HAS_LEFT | HAS_RIGHT
PAIR_BYTES: Final = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")
"""A character that UTF-8 writes with four bytes, and UTF-16 as a surrogate pair."""
STRETCH_BYTES: Final = 1024 * 1024
"""How far such characters are searched for at once: three milliseconds."""

_PAIR: Final = re.compile("[\U00010000-\U0010ffff]")
_REPLACED: Final = ("\N{REPLACEMENT CHARACTER}" * 2).encode("utf-16-le")


class _Text(NamedTuple):
    """A text with pairs: its first clock, and where it stands with its length, in bytes."""

    client: int
    clock: int
    start: int
    stop: int
    text: str


def pairs_in(update: bytes) -> Pairs:
    """Find all surrogate pairs in the texts of an update that can be decoded.

    An update without four-byte characters costs a search for such bytes.
    """
    if not _has_pair_bytes(update):
        return NO_PAIRS
    # Four bytes a pair: a text of nothing but emoji may hold millions of them.
    pairs: dict[int, array[int]] = {}
    for text in _texts(update):
        pairs.setdefault(text.client, array("I")).extend(_lows(text))
    return pairs


def _has_pair_bytes(update: bytes) -> bool:
    # Stretch by stretch: a search holds the interpreter until it ends.
    for start in range(0, len(update), STRETCH_BYTES):
        if PAIR_BYTES.search(update, start, start + STRETCH_BYTES + 3) is not None:
            return True
    return False


def _lows(text: _Text) -> Iterator[int]:
    for number, found in enumerate(_PAIR.finditer(text.text), text.clock + 1):
        yield found.start() + number


def replace_pairs(update: bytes, cut: Pairs) -> bytes:
    """Replace the pairs that are `cut` by two U+FFFD; leave all else as it is.

    Two U+FFFD are as many UTF-16 units as the pair was, so that no clock changes.
    """
    parts: list[bytes] = []
    copied, left = 0, sum(map(len, cut.values()))
    for text in _texts(update):
        mended, count = _without(text, cut.get(text.client, ()))
        if count:
            parts += update[copied : text.start], var_bytes(mended.encode())
            copied = text.stop
            left -= count
        if not left:
            break
    return b"".join((*parts, update[copied:])) if parts else update


def _without(text: _Text, lows: Sequence[int]) -> tuple[str, int]:
    """Replace pairs in a text; return the text, and how many they were."""
    first = bisect_left(lows, text.clock + 1)
    last = bisect_left(lows, text.clock + 2 * len(text.text), first)
    if first == last:
        return text.text, 0
    units, count = bytearray(text.text.encode("utf-16-le")), 0
    for low in lows[first:last]:
        at = 2 * (low - text.clock)
        # The other half is there, too: no text comes with half a pair in UTF-8.
        if at < len(units) and units[at + 1] & 0xFC == 0xDC:
            units[at - 2 : at + 2] = _REPLACED
            count += 1
    return units.decode("utf-16-le"), count


def _texts(update: bytes) -> Iterator[_Text]:
    """Yield the texts that hold pairs; what follows behind the last of them is not read."""
    reader, finder = Reader(update), _Finder(update)
    for _ in range(reader.var_uint()):
        structs, client, clock = reader.var_uint(), reader.var_uint(), reader.var_uint()
        for _ in range(structs):
            if simple := SIMPLE_STRUCT.match(update, reader.position):
                reader.position = simple.end()
                clock += 1
            elif update[reader.position] & KIND == TEXT:
                text = _read_text(reader, client, clock)
                if finder.has_pair(text):
                    yield text
                elif finder.is_done:
                    return
                clock += _units(text.text)
            else:
                clock += _skip(reader)


def _read_text(reader: Reader, client: int, clock: int) -> _Text:
    _skip_place(reader, reader.byte())
    start, text = reader.position, reader.var_string()
    return _Text(client, clock, start, reader.position, text)


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


class _Finder:
    """Says of texts, in their order, which have bytes of a pair."""

    def __init__(self, update: bytes) -> None:
        self._update = update
        self._next = -1

    def has_pair(self, text: _Text) -> bool:
        """Whether there is a pair in a text."""
        # Bytes before it that look like a pair were a number, a name or another kind of content.
        if self._next < text.start:
            found = PAIR_BYTES.search(self._update, text.start)
            self._next = found.start() if found else len(self._update)
        return self._next < text.stop

    @property
    def is_done(self) -> bool:
        """Whether no text that follows has a pair."""
        return self._next == len(self._update)


def _skip(reader: Reader) -> int:
    """Skip a struct that is no text; return its length."""
    info = reader.byte()
    if info in (GC, SKIP):
        return reader.var_uint()
    _skip_place(reader, info)
    return CONTENT_LENGTHS[info & KIND](reader)


def _skip_place(reader: Reader, info: int) -> None:
    """Skip what says where a struct stands; see `format.skip_origins`, which checks it, too."""
    if info & _BOTH:
        for _ in range(4 if info & _BOTH == _BOTH else 2):
            reader.var_uint()
        return
    if reader.var_uint() == 1:
        reader.skip_bytes()
    else:
        reader.var_uint()
        reader.var_uint()
    if info & HAS_PARENT_SUB:
        reader.skip_bytes()
