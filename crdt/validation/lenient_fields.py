"""Reading the fields of one map in a document, whatever values they hold.

Missing and null are the same: the field's default, and nothing to complain of.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from crdt.pipeline.fields import MAX_NAME, Field, NumberPair, PlainField, Text
from crdt.pipeline.json_values import Fault, StorableJson
from crdt.pipeline.model import Json, JsonMap
from crdt.pipeline.rows import Diagnostic

from .diagnostics import Code, pointer, shown

D = TypeVar("D", bound=Json)

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
    """Collects where the tables differ from what one subject of the document holds."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.guard = StorableJson()
        self._messages: dict[Code, list[str]] = {}
        self._paths: dict[Code, str] = {}

    def add(self, code: Code, message: str, field: str | None = None) -> None:
        """Note a finding; several of one code become one diagnostic."""
        self._messages.setdefault(code, []).append(message)
        self._paths.setdefault(code, "" if field is None else pointer(field))

    def invalid(self, field: str, expected: str, got: Json, instead: Json) -> None:
        """Note a value of the wrong kind."""
        self.add(
            Code.INVALID_VALUE,
            f"{field}: expected {expected}, got {shown(got)}; the tables show {shown(instead)}.",
            field,
        )

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return one diagnostic per code, sorted by code."""
        for fault in self.guard.faults:
            code, message = _FAULTS[fault]
            self._messages[code] = [message]
        return tuple(
            code.about(self.subject, " ".join(messages), path=self._paths.get(code, ""))
            for code, messages in sorted(self._messages.items())
        )


class Fields:
    """Reads one map field by field; every value read is storable, and its oddities are noted."""

    def __init__(self, raw: JsonMap, notes: Notes) -> None:
        self._raw, self.notes = raw, notes

    def value(self, field: str) -> Json:
        """Read any JSON value; None if it is missing."""
        return self.notes.guard.clean(self._raw.get(field))

    def text(self, field: str, default: D, limit: int) -> str | D:
        """Read a text; of one longer than `limit` characters, the beginning."""
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
                field,
            )
        return text[:limit]

    def name(self, placeholder: str) -> str:
        """Read the name, which must not be empty."""
        match self.value("name"):
            case str(name) if name:
                return self.cut("name", name, MAX_NAME)
            case other:
                found = f"expected a text that is not empty, got {shown(other)}"
                message = f'name: {found}; the tables show "{placeholder}".'
                self.notes.add(Code.MISSING_NAME, message, "name")
                return placeholder

    def read(self, name: str, field: Field) -> Any:
        """Read a field by its declaration: a value of its kind, or else its default.

        Of a text too long for its field the beginning is taken.
        """
        if isinstance(field.kind, Text):
            return self.text(name, field.default, field.kind.limit)
        value = self.value(name)
        if value is None:
            return field.default
        if field.kind.accepts(value):
            return value
        self.notes.invalid(name, field.kind.expected, value, field.default)
        return field.default

    def plain(self, table: Mapping[str, PlainField]) -> dict[str, Any]:
        """Read all plain fields of an entry, by name."""
        return {name: self.read(name, field) for name, field in table.items()}

    def pair(self, name: str, kind: NumberPair) -> tuple[float, float]:
        """Read two numbers in canvas pixels; other keys beside them are passed over."""
        value = self.value(name)
        if value is None:
            return kind.default
        if isinstance(value, Mapping):
            first, second = value.get(kind.keys[0]), value.get(kind.keys[1])
            if kind.takes_number(first) and kind.takes_number(second):
                return float(first), float(second)
        self._note_pair(name, kind, value)
        return kind.default

    def _note_pair(self, name: str, kind: NumberPair, got: Json) -> None:
        (first_key, second_key), (first, second) = kind.keys, kind.default
        self.notes.add(
            Code.INVALID_VALUE,
            f"{name}: expected numbers {first_key} and {second_key} up to 1e9, got "
            f"{_shown_pair(got, kind.keys)}; the tables show {first:g} and {second:g}.",
            name,
        )


def _shown_pair(got: Json, keys: tuple[str, str]) -> str:
    match got:
        case Mapping():
            return " and ".join(shown(got.get(key)) for key in keys)
        case _:
            return shown(got)
