"""The schema of a pipeline: every field of a step, a connection and the settings, once.

Readers, writers, edits by the server, rows, tables, YAML and REST take from here what a field is
called, what stands for it where it is missing, and which values it takes.

A *plain* field is one value that is the same in the document, in its column and in REST, whatever
the other fields say. It is declared by one line of `StepFields`, `ConnectionFields` or
`SettingsFields`, and no other code names it: a new one of a step needs that line, a migration,
`sql/schema.sql`, a line of docs/document-model.md and a test. The other fields are listed in
`STEP`, `CONNECTION` and `SETTINGS` for their checks and defaults, and have code of their own where
they are read, placed and stored.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, TypeGuard, get_args

from .fractional_index import is_order_key

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from .model import Json

MAX_NAME, MAX_SLOT, MAX_PORT, MAX_TYPE = 500, 100, 250, 100
"""Longest texts, in characters, of columns that stand in a B-tree index.

A B-tree entry holds at most about 2,700 bytes and a character up to four; these lengths keep
(parent, slot, name) and (from, to, output, input) below that.
"""

MAX_DESCRIPTION: Final = 100_000
MAX_TAG, MAX_TAGS = 100, 100

MAIN_SLOT: Final = "steps"
"""The slot of the top level, and of loop bodies."""

DEFAULT_WIDTH, DEFAULT_HEIGHT = 200.0, 100.0
"""Size of a step on the canvas, in canvas pixels, where the document gives none."""

FARTHEST: Final = 1e9
"""Largest coordinate or extent on the canvas, in canvas pixels."""

Status: TypeAlias = Literal["draft", "active", "archived"]
STATUSES: Final[tuple[str, ...]] = get_args(Status)

_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_entry_id(value: object) -> bool:
    """Whether a value is the key of an entry: a lower-case UUID (RFC 9562) with hyphens."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


class Kind(Protocol):
    """Which values a field takes. `expected` completes "expected …" in a message.

    `json_schema` is the same rule in JSON Schema 2020-12, as far as that can express it.
    """

    @property
    def expected(self) -> str: ...

    @property
    def json_schema(self) -> Mapping[str, Any]: ...

    def accepts(self, value: "Json") -> bool: ...


class PlainKind(Kind, Protocol):
    """A kind of plain fields; a new one is a class here and nothing elsewhere.

    `value_type` is what REST converts a value to before it is checked.
    """

    @property
    def value_type(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    expected = "true or false"
    value_type = bool

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the same rule in JSON Schema."""
        return {"type": "boolean"}

    def accepts(self, value: "Json") -> bool:
        """Whether the value is a boolean; 0 and 1 are not."""
        return isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Text:
    """A text of at most `limit` characters; unless `may_be_blank`, with more than white space."""

    limit: int
    may_be_blank: bool = False
    value_type = str

    @property
    def expected(self) -> str:
        """State which lengths are accepted."""
        if self.may_be_blank:
            return f"a text of at most {self.limit} characters"
        return f"a text of 1 to {self.limit} characters"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the same rule in JSON Schema."""
        least = {} if self.may_be_blank else {"minLength": 1}
        return {"type": "string", **least, "maxLength": self.limit}

    def accepts(self, value: "Json") -> bool:
        """Whether the value is a text of such a length."""
        if not isinstance(value, str) or len(value) > self.limit:
            return False
        return self.may_be_blank or bool(value.strip())


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]
    value_type = str

    @property
    def expected(self) -> str:
        """List the words."""
        return f"one of {', '.join(self.words)}"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """List them in JSON Schema."""
        return {"type": "string", "enum": list(self.words)}

    def accepts(self, value: "Json") -> bool:
        """Whether the value is one of the words."""
        return isinstance(value, str) and value in self.words


@dataclass(frozen=True, slots=True)
class AnyJson:
    """Any JSON value."""

    expected = "any JSON value"
    value_type = Any

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Restrict nothing."""
        return {}

    def accepts(self, value: "Json") -> bool:  # noqa: ARG002 - part of the protocol
        """Whether the value is one: every value is."""
        return True


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A map from texts to JSON values."""

    expected = "a map"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the same rule in JSON Schema."""
        return {"type": "object"}

    def accepts(self, value: "Json") -> bool:
        """Whether the value is a map."""
        return isinstance(value, Mapping)


@dataclass(frozen=True, slots=True)
class EntryId:
    """The key of a step."""

    expected = "a lower-case UUID"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the same rule in JSON Schema."""
        return {"type": "string", "pattern": f"^{_UUID.pattern}$"}

    def accepts(self, value: "Json") -> bool:
        """Whether the value is written like a key."""
        return is_entry_id(value)


@dataclass(frozen=True, slots=True)
class OrderKey:
    """A fractional index next to which another one can be made."""

    expected = "a fractional index such as a0"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the characters of a key: which of them form one is not expressed."""
        return {"type": "string", "pattern": "^[0-9A-Za-z]+$"}

    def accepts(self, value: "Json") -> bool:
        """Whether the value is such a key: see `is_order_key`."""
        return isinstance(value, str) and is_order_key(value)


@dataclass(frozen=True, slots=True)
class NumberPair:
    """A map of two numbers in canvas pixels, each above `above` and at most `FARTHEST`."""

    keys: tuple[str, str]
    default: tuple[float, float]
    above: float

    @property
    def expected(self) -> str:
        """Name the keys and the bounds."""
        first, second = self.keys
        return f"a map of numbers {first} and {second}, above {self.above:g} and up to 1e9"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the same rule in JSON Schema."""
        number = {"type": "number", "exclusiveMinimum": self.above, "maximum": FARTHEST}
        return {
            "type": "object",
            "properties": dict.fromkeys(self.keys, number),
            "required": list(self.keys),
            "additionalProperties": False,
        }

    def accepts(self, value: "Json") -> bool:
        """Whether the value has these two keys and no others, both with numbers within bounds."""
        if not isinstance(value, Mapping) or set(value) != set(self.keys):
            return False
        return all(self.takes_number(number) for number in value.values())

    def takes_number(self, number: "Json") -> "TypeGuard[float]":
        """Whether a value may stand under one of the keys."""
        if isinstance(number, bool) or not isinstance(number, int | float):
            return False
        return self.above < number <= FARTHEST

    @property
    def default_map(self) -> "Json":
        """Return the default as the document has it."""
        return dict(zip(self.keys, self.default, strict=True))


@dataclass(frozen=True, slots=True)
class Tags:
    """A list of distinct texts."""

    expected = f"a list of at most {MAX_TAGS} different texts of 1 to {MAX_TAG} characters"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Return the same rule in JSON Schema."""
        return {
            "type": "array",
            "items": Text(MAX_TAG).json_schema,
            "maxItems": MAX_TAGS,
            "uniqueItems": True,
        }

    def accepts(self, value: "Json") -> bool:
        """Whether the value is such a list."""
        if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_TAGS:
            return False
        return all(map(Text(MAX_TAG).accepts, value)) and len(set(value)) == len(value)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind, and `default`, which stands for it where it is missing or null.

    `is_required`: whoever creates an entry must give it. `is_nullable`: null is a value of its own,
    "none". `yaml_key` is its key in Pipeline YAML, None if it stands in no
    file. `title` and `description` are for forms and for the OpenAPI document.
    """

    kind: Kind
    default: "Json" = None
    is_required: bool = False
    is_nullable: bool = False
    yaml_key: str | None = None
    description: str | None = None
    title: str | None = None

    @property
    def json_schema(self) -> dict[str, Any]:
        """Return what the field takes, its title, description and default in JSON Schema."""
        rule = dict(self.kind.json_schema)
        if self.is_nullable and rule:
            rule = {"anyOf": [rule, {"type": "null"}]}
        named = {"title": self.title, "description": self.description}
        known = {key: text for key, text in named.items() if text is not None}
        has_default = self.default is not None or self.is_nullable
        return known | rule | ({"default": self.default} if has_default else {})

    def accepts(self, value: "Json") -> bool:
        """Whether an edit by the server may write the value."""
        return (value is None and self.is_nullable) or self.kind.accepts(value)


@dataclass(frozen=True, slots=True)
class PlainField(Field):
    """A field that is one value in one column of the same name."""

    kind: PlainKind


def _plain(
    kind: PlainKind,
    default: "Json",
    *,
    yaml: str | None = None,
    title: str | None = None,
    description: str | None = None,
) -> Any:
    """Declare a plain field. One whose default is None may be null in all places."""
    is_nullable = default is None
    declared = PlainField(kind, default, False, is_nullable, yaml, description, title)
    return field(default=default, metadata={"declared": declared})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFields:
    """The plain fields of a step."""

    enabled: bool = _plain(
        Flag(), default=True, yaml="enabled", title="Enabled", description="Whether it runs."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionFields:
    """The plain fields of a connection."""

    path_data: "Json" = _plain(  # noqa: RUF009 - makes a dataclass field
        AnyJson(), None, description="How the canvas draws it: any JSON value."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFields:
    """The plain fields of the settings."""

    yaml_version: str = _plain(Text(MAX_TYPE), "v2")
    status: str = _plain(Choice(STATUSES), STATUSES[0])
    is_template: bool = _plain(Flag(), default=False)


def _declared(owner: "type[DataclassInstance]") -> dict[str, PlainField]:
    return {each.name: each.metadata["declared"] for each in fields(owner)}


PLAIN_OF_STEP: Final[Mapping[str, PlainField]] = _declared(StepFields)
PLAIN_OF_CONNECTION: Final[Mapping[str, PlainField]] = _declared(ConnectionFields)
PLAIN_OF_SETTINGS: Final[Mapping[str, PlainField]] = _declared(SettingsFields)

POSITION: Final = NumberPair(("x", "y"), (0.0, 0.0), above=-FARTHEST)
SIZE: Final = NumberPair(("width", "height"), (DEFAULT_WIDTH, DEFAULT_HEIGHT), above=0)

STEP: Final[Mapping[str, Field]] = {
    "name": Field(
        Text(MAX_NAME),
        is_required=True,
        yaml_key="name",
        title="Name",
        description="By which other steps refer to it: unique among its siblings.",
    ),
    "type": Field(
        Text(MAX_TYPE), is_required=True, yaml_key="type", title="Type", description="What it does."
    ),
    **PLAIN_OF_STEP,
    "parent_step_id": Field(
        EntryId(), is_nullable=True, title="Parent", description="The step it is inside of."
    ),
    "slot": Field(
        Text(MAX_SLOT), MAIN_SLOT, title="Slot", description="The list of the parent it stands in."
    ),
    "order": Field(OrderKey(), title="Order", description="Its place among its siblings."),
    "position": Field(
        POSITION,
        POSITION.default_map,
        title="Position",
        description="In canvas pixels, from the corner of its parent; y grows downwards.",
    ),
    "size": Field(SIZE, SIZE.default_map, title="Size", description="In canvas pixels."),
    "config": Field(JsonObject(), {}, title="Settings", description="What its type asks for."),
}
"""The fields of a step as its map in the document has them."""

CONNECTION: Final[Mapping[str, Field]] = {
    "from_step_id": Field(EntryId(), is_required=True),
    "to_step_id": Field(EntryId(), is_required=True),
    "from_output": Field(Text(MAX_PORT), "output"),
    "to_input": Field(Text(MAX_PORT), "input"),
    **PLAIN_OF_CONNECTION,
}
"""The fields of a connection; in the document the first four stand in one value, `ends`."""

SETTINGS: Final[Mapping[str, Field]] = {
    "name": Field(Text(MAX_NAME), is_required=True, yaml_key="name"),
    "description": Field(
        Text(MAX_DESCRIPTION, may_be_blank=True), is_nullable=True, yaml_key="description"
    ),
    "tags": Field(Tags(), [], yaml_key="tags"),
    "config": Field(JsonObject(), {}),
    "defaults": Field(JsonObject(), {}, yaml_key="defaults"),
    "authentication": Field(JsonObject(), {}),
    **PLAIN_OF_SETTINGS,
}
"""The fields of the root map `pipeline`."""


def defaults_of(table: Mapping[str, Field]) -> "dict[str, Json]":
    """Return what stands for each field that need not be given, by name."""
    return {name: each.default for name, each in table.items() if not each.is_required}


def plain_values(entry: StepFields | ConnectionFields | SettingsFields) -> dict[str, Any]:
    """Return the plain fields of an entry, whatever else it has, by name."""
    match entry:
        case StepFields():
            table = PLAIN_OF_STEP
        case ConnectionFields():
            table = PLAIN_OF_CONNECTION
        case SettingsFields():
            table = PLAIN_OF_SETTINGS
    return {name: getattr(entry, name) for name in table}
