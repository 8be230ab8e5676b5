"""Writes JSON values into shared types by the smallest edits, so that concurrent ones survive.

A CRDT merges edits and not values: whoever replaces a whole Y.Text or Y.Map discards what others
write into it at the same time. So what is already there stays: a value that is equal is not
written, a Y.Text is edited where it differs, a Y.Map is merged key by key, and of a Y.Array the
items that differ are changed.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Final, TypeAlias

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from crdt.pipeline.json_values import same
from crdt.pipeline.model import Json, JsonMap

from .schema import (
    SAFE_INTEGER,
    SETTINGS_MAPS,
    shared_field,
    shared_item,
    shared_setting,
    shared_value,
    to_json,
)
from .text_edits import Replacement, is_only_text, splice, write_text

MAX_COMPARED: Final = 500
"""Items on either side up to which the differing middle of two lists is compared item by item.

Comparing may take time in proportion to the product of both.
"""

_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")
Path: TypeAlias = "Sequence[str | int]"
Changes: TypeAlias = Sequence[Replacement]

_SHARED: Final = (Map, Array, Text, XmlElement, XmlFragment, XmlText, Doc)


@dataclass(frozen=True, slots=True)
class Shape:
    """Which shared types the values under the keys of a map become, and what may be merged.

    `value` makes what stands under a key, and `item` what stands in a list there. `merges` returns
    whether a Y.Map under a key is merged instead of replaced, and `inner` is the shape inside it,
    PLAIN if there is none.
    """

    value: Callable[[str, Json], Any]
    item: Callable[[Json], Any]
    merges: Callable[[str], bool]
    inner: "Shape | None" = None


PLAIN: Final = Shape(lambda _, value: value, lambda item: item, lambda _: True)
CONFIG: Final = Shape(shared_value, shared_item, lambda _: True)
STEP_SHAPE: Final = Shape(shared_field, lambda item: item, lambda key: key == "config", CONFIG)
CONNECTION_SHAPE: Final = Shape(PLAIN.value, PLAIN.item, lambda _: False)
SETTINGS_SHAPE: Final = Shape(shared_setting, PLAIN.item, SETTINGS_MAPS.__contains__)


def write_entry(target: "Map[Any]", key: str, wanted: Json, shape: Shape = PLAIN) -> None:
    """Make the value under a key equal to the wanted one, which must come from `storable`.

    A shared type of the wrong kind for the wanted value is replaced.
    """
    held = target.get(key)
    match held, wanted:
        # A Y.Text with embedded values is replaced as a whole: no string can stand for those.
        case Text(), str() if is_only_text(held):
            write_text(held, wanted)
        case Map(), Mapping() if shape.merges(key):
            write_map(held, wanted, shape.inner or PLAIN)
        case Array(), Sequence() if not isinstance(wanted, str):
            write_list(held, wanted, shape)
        case _ if key not in target or not _is_same(held, wanted):
            target[key] = shape.value(key, wanted)
        case _:
            pass


def _is_same(held: Any, wanted: Json) -> bool:
    if isinstance(held, _SHARED):
        return False
    # As it is, or as it would be read: a number that a client wrote as 1.0 is the wanted 1.
    return same(held, wanted) or same(to_json(held), wanted)


def write_map(target: "Map[Any]", wanted: JsonMap, shape: Shape = PLAIN) -> None:
    """Make a map hold the wanted entries and no others."""
    for key in [key for key in target.keys() if key not in wanted]:  # noqa: SIM118 - no Mapping
        del target[key]
    for key, value in wanted.items():
        write_entry(target, key, value, shape)


def write_list(target: "Array[Any]", wanted: Sequence[Json], shape: Shape = PLAIN) -> None:
    """Make a list hold the wanted items in their order."""
    held = to_json(target)
    old = [_token(item) for item in held] if isinstance(held, list) else []
    new = [_token(item) for item in wanted]
    # From the end, so that the places of the differences before it stay true.
    for i, j, k, m in reversed(_differences(old, new)):
        paired = min(j - i, m - k)
        for number in range(k + paired, m):
            target.insert(j + number - k - paired, shape.item(wanted[number]))
        if i + paired < j:
            del target[i + paired : j]
        for number in range(paired):
            _write_item(target, i + number, wanted[k + number], shape)


def _write_item(target: "Array[Any]", index: int, wanted: Json, shape: Shape) -> None:
    held = target[index]
    match held, wanted:
        case Text(), str() if is_only_text(held):
            write_text(held, wanted)
        case Map(), Mapping():
            write_map(held, wanted, shape)
        case _:
            target[index] = shape.item(wanted)


def _token(value: Json) -> str:
    """Write a value as a text, so that equal values have equal texts and can be hashed."""
    return json.dumps(value, sort_keys=True, default=str)


def _differences(old: list[str], new: list[str]) -> list[tuple[int, int, int, int]]:
    """Return the slices of the old list that are replaced, each with its slice of the new one."""
    # What both begin and end with is left out first: the comparison of the rest may be quadratic.
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    before, after = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(before), len(after)) > MAX_COMPARED:
        return [(start, len(old) - end, start, len(new) - end)]
    # Without autojunk, which would treat items that occur often as if they were not there.
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        (start + i, start + j, start + k, start + m)
        for kind, i, j, k, m in codes
        if kind != "equal"
    ]


def replace_in(container: Any, path: Path, changes: Changes) -> None:
    """Make replacements in the text at a path below a map or list, the last one first.

    A shared text keeps what others write in it at the same time. A text within a plain value is
    written with that value, since a plain value is one.
    """
    held, below = container[path[0]], path[1:]
    match held:
        case Text():
            if not below and is_only_text(held):
                splice(held, changes)
        case Map() | Array() if below:
            replace_in(held, below, changes)
        case _ if not isinstance(held, _SHARED):
            container[path[0]] = _replaced(held, below, changes)


def _replaced(value: Any, path: Path, changes: Changes) -> Any:
    """Return a plain value in which replacements are made in the text at a path."""
    if path:
        copy: Any = value.copy()
        copy[path[0]] = _replaced(value[path[0]], path[1:], changes)
        return copy
    behind, pieces = len(value), list[str]()
    for start, end, new in changes:
        pieces += value[end:behind], new
        behind = start
    return "".join((value[:behind], *reversed(pieces)))


def storable(value: Json) -> Json:
    """Return a value in a form that the library can store: dicts, lists, and JavaScript's numbers.

    A float that is whole becomes an int, an integer beyond 2^53 the float nearest to it (infinity
    if there is none), and half a surrogate pair U+FFFD. At the last two the library would panic or
    write what JavaScript cannot read.
    """
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) <= SAFE_INTEGER else _as_float(value)
        case float():
            return int(value) if value.is_integer() and abs(value) <= SAFE_INTEGER else value
        case str():
            return _HALF_A_PAIR.sub("\N{REPLACEMENT CHARACTER}", value)
        case Mapping():
            return {str(storable(key)): storable(item) for key, item in value.items()}
        case Sequence():
            return [storable(item) for item in value]


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def as_map(root: "Map[Any]", key: str) -> "Map[Any]":
    """Return the Y.Map of an entry; an entry of another type is replaced by one.

    A plain mapping keeps its fields: a client may have written it so. Anything else loses its
    value.
    """
    entry = root.get(key)
    if isinstance(entry, Map):
        return entry
    made: Map[Any] = Map(entry if isinstance(entry, dict) else {})
    root[key] = made
    return made
