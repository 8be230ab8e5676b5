"""Reading the fields of one map in a document, whatever values they hold.

Missing and null are the same: the field's default, and nothing to complain of.
"""

from collections.abc import Mapping
from typing import Final

from crdt.pipeline.json_values import Fault, StorableJson
from crdt.pipeline.model import Json, JsonMap
from crdt.pipeline.rows import MAX_NAME, Diagnostic

from .diagnostics import Code, shown

FARTHEST: Final = 1e9
"""Largest coordinate or extent on the canvas, in canvas pixels."""

_FAULTS: Final = {
    Fault.TEXT: (
        Code.UNSTORABLE_TEXT,
        "A text holds NUL or half a surrogate pair; the tables show U+FFFD in its place.",
    ),
    Fault.NUMBER: (
        Code.UNSTORABLE_NUMBER,
        "A number is not finite or beyond 1e308; the tables show null in its place.",
    ),
    Fault.DEPTH: (
        Code.NESTED_TOO_DEEP,
        "A value is nested deeper than 64 levels; the tables show null for what lies deeper.",
    ),
}


class Notes:
    """What the tables show otherwise than one subject of the document says."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.guard = StorableJson()
        self._messages: dict[Code, list[str]] = {}

    def add(self, code: Code, message: str) -> None:
        """Note a finding; several of one code become one diagnostic."""
        self._messages.setdefault(code, []).append(message)

    def invalid(self, field: str, expected: str, got: Json, instead: Json) -> None:
        """Note a value of the wrong kind."""
        self.add(
            Code.INVALID_VALUE,
            f"{field}: expected {expected}, got {shown(got)}; the tables show {shown(instead)}.",
        )

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return one diagnostic per code, sorted by code."""
        for fault in self.guard.faults:
            code, message = _FAULTS[fault]
            self._messages[code] = [message]
        return tuple(
            code.about(self.subject, " ".join(messages))
            for code, messages in sorted(self._messages.items())
        )


class Fields:
    """Reads one map field by field; every value read is storable, and its oddities are noted."""

    def __init__(self, raw: JsonMap, notes: Notes) -> None:
        self._raw, self.notes = raw, notes

    def value(self, field: str) -> Json:
        """Read any JSON value; None if it is missing."""
        return self.notes.guard.clean(self._raw.get(field))

    def text(self, field: str, default: str, limit: int) -> str:
        """Read a text of at most `limit` characters."""
        match self.value(field):
            case None:
                return default
            case str(text):
                return self.cut(field, text, limit)
            case other:
                self.notes.invalid(field, "a text", other, default)
                return default

    def cut(self, field: str, text: str, limit: int) -> str:
        """Cut a text to `limit` characters."""
        if len(text) > limit:
            self.notes.add(
                Code.TEXT_CUT,
                f"{field}: {len(text)} characters; the tables show the first {limit}.",
            )
        return text[:limit]

    def name(self, placeholder: str) -> str:
        """Read the name, which must not be empty."""
        match self.value("name"):
            case str(name) if name:
                return self.cut("name", name, MAX_NAME)
            case other:
                found = f"expected a text that is not empty, got {shown(other)}"
                self.notes.add(
                    Code.MISSING_NAME, f'name: {found}; the tables show "{placeholder}".'
                )
                return placeholder

    def flag(self, field: str, *, default: bool) -> bool:
        """Read true or false."""
        match self.value(field):
            case None:
                return default
            case bool(flag):
                return flag
            case other:
                self.notes.invalid(field, "true or false", other, default)
                return default

    def mapping(self, field: str) -> JsonMap:
        """Read a map; empty by default."""
        match self.value(field):
            case None:
                return {}
            case Mapping() as mapping:
                return mapping
            case other:
                self.notes.invalid(field, "a map", other, {})
                return {}

    def choice(self, field: str, choices: tuple[str, ...]) -> str:
        """Read one of several words, the first of which is the default."""
        match self.value(field):
            case None:
                return choices[0]
            case str(word) if word in choices:
                return word
            case other:
                self.notes.invalid(field, f"one of {', '.join(choices)}", other, choices[0])
                return choices[0]

    def pair(
        self, field: str, keys: tuple[str, str], default: tuple[float, float], above: float
    ) -> tuple[float, float]:
        """Read two numbers in canvas pixels, each above `above` and at most `FARTHEST`."""
        match self.value(field):
            case None:
                return default
            case Mapping() as pair if (numbers := _numbers(pair, keys, above)) is not None:
                return numbers
            case other:
                self._invalid_pair(field, keys, default, other)
                return default

    def _invalid_pair(
        self, field: str, keys: tuple[str, str], default: tuple[float, float], got: Json
    ) -> None:
        first, second = default
        self.notes.add(
            Code.INVALID_VALUE,
            f"{field}: expected numbers {keys[0]} and {keys[1]} up to 1e9, got "
            f"{_shown_pair(got, keys)}; the tables show {first:g} and {second:g}.",
        )


def _numbers(pair: JsonMap, keys: tuple[str, str], above: float) -> tuple[float, float] | None:
    match [_in_range(pair.get(key), above) for key in keys]:
        case [float(first), float(second)]:
            return first, second
        case _:
            return None


def _in_range(value: Json, above: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if above < value <= FARTHEST else None


def _shown_pair(got: Json, keys: tuple[str, str]) -> str:
    match got:
        case Mapping():
            return " and ".join(shown(got.get(key)) for key in keys)
        case _:
            return shown(got)
