"""Changes a shared text by the fewest words, so that what others type elsewhere in it survives.

The words are compared by `difflib`, the algorithm of Ratcliff and Obershelp. A word is the unit and
not a character, since two texts share characters by accident, and edits cut that small would be
mixed with what others type at the same time.
"""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Final, NamedTuple

from pycrdt import Text

MAX_COMPARED: Final = 400
"""Words on either side up to which the differing middle of two texts is compared word by word.

Comparing may cost the product of both: 400 words of one repeated word take about 50 ms.
"""

_WORDS: Final = re.compile(r"\w+|\W")


class Replacement(NamedTuple):
    """Replaces the characters from `start` up to `end` of a text by `new`."""

    start: int
    end: int
    new: str


def write_text(text: Text, wanted: str) -> None:
    """Make a shared text equal to the wanted one. It must hold nothing but characters."""
    written = str(text)
    splice(text, reversed([*replacements(written, wanted)]))


def splice(text: Text, changes: Iterable[Replacement]) -> None:
    """Make replacements that do not overlap, the last one first, in a text of characters alone.

    Everything is encoded once, however many there are.
    """
    written = str(text)
    behind, offset = len(written), len(written.encode())
    for start, end, new in changes:
        # The library counts UTF-8 bytes where Python counts code points. Both places stand between
        # characters here; the library panics at a place within one.
        right = offset - len(written[end:behind].encode())
        behind, offset = start, right - len(written[start:end].encode())
        if offset < right:
            del text[offset:right]
        if new:
            text.insert(offset, new)


def is_only_text(text: Text) -> bool:
    """Return whether a shared text holds nothing but characters.

    A rich-text editor may embed pictures and other values: each counts in the length, but has no
    characters, so places in the string would not be places in the text.
    """
    return len(text) == len(str(text).encode())


def replacements(written: str, wanted: str) -> Iterator[Replacement]:
    """Yield what turns one text into another, from left to right; places count code points."""
    start = _in_common(written, wanted)
    end = _in_common(reversed(written[start:]), reversed(wanted[start:]))
    before, after = written[start : len(written) - end], wanted[start : len(wanted) - end]
    for left, right, new in _by_words(before, after):
        yield Replacement(start + left, start + right, new)


def _in_common(one: Iterable[str], other: Iterable[str]) -> int:
    """Count the characters that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def _by_words(before: str, after: str) -> Iterator[Replacement]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MAX_COMPARED:
        # A whole replacement can lose what others type in between, but its time is bounded.
        yield Replacement(0, len(before), after)
        return
    at = [0]
    for word in old:
        at.append(at[-1] + len(word))
    for kind, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield Replacement(at[i], at[j], "".join(new[k:m]))
