"""JSON bodies that PostgreSQL and a document can hold, checked before anything reads them.

RFC 8259 leaves limits to the receiver (§9). These are: no NUL characters and no half surrogate
pairs, since a PostgreSQL text can hold neither; numbers as JavaScript has them, since the document
is shared with browsers; and nesting no deeper than a row shows.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NoReturn

from crdt.pipeline.json_values import LARGEST_NUMBER, MAX_LEVELS

from .problems import Invalid

SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that JavaScript keeps (ECMA-262, Number.MAX_SAFE_INTEGER)."""

MAX_VALUES: Final = 20_000
"""Values in a body, counted with lists and objects: each costs an edit some 10 microseconds."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


def may_have_too_many_values(body: bytes) -> bool:
    """Whether a JSON body may have more than MAX_VALUES values, judged without parsing it.

    Every value but the first follows a comma or begins a list or an object. Texts have commas and
    brackets, too, so only a parser can say that there are too many.
    """
    return sum(map(body.count, (b",", b"[", b"{"))) >= MAX_VALUES


def check(body: bytes) -> None:
    """Refuse a JSON body that cannot be stored. Raises Invalid, naming the first fault.

    Takes as long as there are values: see `may_have_too_many_values`.
    """
    names = _NameCounter()
    value = _parsed(body, names)
    if names.count > MAX_VALUES or _has_more_than(MAX_VALUES, value):
        raise Invalid(("body", f"expected at most {MAX_VALUES} values"))
    for path, fault in _faults(value):
        raise Invalid((path, fault))


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text."""
    return _UNSTORABLE.search(text) is None


class _NameCounter:
    """Counts the names in all objects while these are made: one that is repeated costs as much."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        """Make an object of names and values, as `json` does."""
        self.count += len(pairs)
        return dict(pairs)


def _parsed(body: bytes, names: _NameCounter) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse, object_pairs_hook=names)
    except json.JSONDecodeError as error:
        raise Invalid(("body", f"not JSON: {error.msg} at character {error.pos}")) from error
    except RecursionError as error:
        raise Invalid(("body", _TOO_DEEP)) from error
    except ValueError as error:
        raise Invalid(("body", f"not JSON: {error}")) from error


def _refuse(constant: str) -> NoReturn:
    raise Invalid(("body", f"expected JSON, got {constant}"))


def _has_more_than(most: int, value: Any) -> bool:
    waiting = [value]
    seen = 0
    while waiting and seen + len(waiting) <= most:
        one = waiting.pop()
        seen += 1
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
    return bool(waiting)


_TOO_DEEP: Final = f"expected at most {MAX_LEVELS} levels of nesting"


def _faults(value: Any, path: str = "body", level: int = 1) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield from _text_faults(value, path)
        case bool() | None:
            return
        case int() | float():
            yield from _number_faults(value, path)
        case dict() | list() if level > MAX_LEVELS:
            yield path, _TOO_DEEP
        case dict():
            yield from _text_faults("".join(value), path)
            yield from _faults_inside(value.items(), path, level)
        case list():
            yield from _faults_inside(enumerate(value), path, level)


def _faults_inside(
    items: Iterable[tuple[object, Any]], path: str, level: int
) -> Iterator[tuple[str, str]]:
    for key, item in items:
        yield from _faults(item, f"{path}.{key}", level + 1)


def _text_faults(text: str, path: str) -> Iterator[tuple[str, str]]:
    if not storable(text):
        yield path, "expected a text without NUL characters and half surrogate pairs"


def _number_faults(number: float, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(number, int) and abs(number) > SAFE_INTEGER:
        yield path, f"expected an integer of at most {SAFE_INTEGER}, write it as a text"
    elif not abs(number) <= LARGEST_NUMBER:
        yield path, f"expected a number of at most {LARGEST_NUMBER:g}"
