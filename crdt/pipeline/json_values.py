"""JSON values of unknown origin: made storable in PostgreSQL, and compared by value."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Self

from .model import Json, JsonMap

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MAX_LEVELS: Final = 64
"""Maps and lists inside each other, at most."""

LARGEST_NUMBER: Final = 1e308

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


class JsonText(str):
    """JSON, written already: writing that of ten thousand steps takes a tenth of a second."""

    __slots__ = ()

    @classmethod
    def of(cls, value: object) -> Self:
        """Write a value. Raises ValueError for numbers that JSON lacks."""
        return cls(json.dumps(value, ensure_ascii=False, allow_nan=False))


class Fault(Enum):
    """What a value had to be changed for."""

    TEXT = auto()
    NUMBER = auto()
    DEPTH = auto()


def scrubbed(text: str) -> str:
    """Replace what PostgreSQL cannot store in a text, NUL and lone surrogates, by U+FFFD."""
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


class StorableJson:
    """Makes values storable in a `jsonb` or `text` column; `faults` collects what was changed."""

    def __init__(self) -> None:
        self.faults: set[Fault] = set()

    def clean(self, value: Json, level: int = 1) -> Json:
        """Return the value with everything replaced that PostgreSQL refuses.

        `level` is that of the value itself if it is a map or a list, counted from 1.
        """
        match value:
            case None | bool():
                return value
            case str():
                return self._text(value)
            case int() | float():
                return self._number(value)
            case _ if level > MAX_LEVELS:
                return self._null(Fault.DEPTH)
            case Mapping():
                return self._map(value, level)
            case Sequence():
                return [self.clean(item, level + 1) for item in value]

    def _map(self, value: JsonMap, level: int) -> JsonMap:
        items = value.items()
        if any(_UNSTORABLE.search(key) for key in value):
            # Two keys may become one; sorted, U+FFFD comes last, so the key that had it wins.
            items = dict(sorted(value.items())).items()
        return {self._text(key): self.clean(item, level + 1) for key, item in items}

    def _text(self, value: str) -> str:
        clean = scrubbed(value)
        if clean != value:
            self.faults.add(Fault.TEXT)
        return clean

    def _number(self, value: float) -> Json:
        # A comparison with NaN is false.
        return value if abs(value) <= LARGEST_NUMBER else self._null(Fault.NUMBER)

    def _null(self, fault: Fault) -> Json:
        self.faults.add(fault)
        return None


def same(one: object, other: object) -> bool:
    """Whether two JSON values are one value: 1 is 1.0, as in JavaScript, but True is not 1."""
    return one == other and _same_kinds(one, other)


def _same_kinds(one: object, other: object) -> bool:
    """Whether two values that Python finds equal have booleans in the same positions."""
    match one, other:
        case Mapping(), Mapping():
            return all(_same_kinds(item, other[key]) for key, item in one.items())
        case (list() | tuple(), list() | tuple()):
            return all(map(_same_kinds, one, other))
        case _:
            return isinstance(one, bool) == isinstance(other, bool)


def same_row(one: "DataclassInstance | None", other: "DataclassInstance | None") -> bool:
    """Whether two rows hold the same values, in every column."""
    if one is None or other is None or type(one) is not type(other):
        return one is other
    return all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
