"""What one entry of a document declares, taken by itself.

Here every entry becomes a value of the right types, whatever its author wrote, with diagnostics
about what was changed. What depends on other entries (parents, unique names, ends of connections)
is not settled yet: see `crdt/validation/valid_pipeline.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from crdt.pipeline.fields import (
    MAIN_SLOT,
    MAX_PORT,
    MAX_SLOT,
    MAX_TAG,
    MAX_TAGS,
    MAX_TYPE,
    PLAIN_OF_CONNECTION,
    PLAIN_OF_SETTINGS,
    PLAIN_OF_STEP,
    POSITION,
    SETTINGS,
    SIZE,
    STEP,
    ConnectionFields,
    StepFields,
    is_entry_id,
    plain_values,
)
from crdt.pipeline.json_values import StorableJson
from crdt.pipeline.model import MISSING, Json, JsonMap, Missing
from crdt.pipeline.rows import STEP_TYPES, UNSUPPORTED, ConnectionRow, Diagnostic, PipelineRow

from .diagnostics import PIPELINE, Code, connection_subject, shortened, shown, step_subject
from .lenient_fields import Fields, Notes

UNNAMED_STEP, UNNAMED_PIPELINE = "unnamed", "Untitled pipeline"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ValidEntry(Generic[T]):
    """What an entry comes to: a value, or None if no row can be made of it."""

    value: T | None
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class StepEntry(StepFields):
    """A step by itself. `parent` and `slot` are what it asks for, `name` is not unique yet."""

    id: UUID
    name: str
    type: str
    declared_type: str | None
    parent: str | None
    slot: str
    order: str
    position: tuple[float, float]
    size: tuple[float, float]
    config: JsonMap


@dataclass(frozen=True, slots=True)
class Route:
    """The ends of a connection: no two connections may share all four."""

    from_step: str
    to_step: str
    from_output: str
    to_input: str


@dataclass(frozen=True, slots=True)
class ConnectionEntry(ConnectionFields):
    """A connection by itself; whether its ends exist is not known yet."""

    id: UUID
    route: Route

    def row(self) -> ConnectionRow:
        """Return the row, both ends being steps of the tables."""
        return ConnectionRow(
            id=self.id,
            from_step_id=UUID(self.route.from_step),
            to_step_id=UUID(self.route.to_step),
            from_output=self.route.from_output,
            to_input=self.route.to_input,
            **plain_values(self),
        )


def step_entry(key: str, raw: "Json | Missing") -> ValidEntry[StepEntry]:
    """Read one entry of `steps`; a missing one gives no diagnostics."""
    if raw is MISSING:
        return ValidEntry(None)
    notes = Notes(step_subject(key))
    fields = _entry(key, raw, notes)
    step = None if fields is None else _step(UUID(key), fields)
    return ValidEntry(step, notes.diagnostics())


def position_in(value: JsonMap) -> tuple[float, float] | None:
    """Read the position of a step; None if there is anything to say about it."""
    x, y = value.get("x"), value.get("y")
    if not (POSITION.takes_number(x) and POSITION.takes_number(y)):
        return None
    if len(value) > 2:
        guard = StorableJson()
        guard.clean(value)
        if guard.faults:
            return None
    # Zero has no sign in JSON as it is read.
    return x + 0.0, y + 0.0


def connection_entry(key: str, raw: "Json | Missing") -> ValidEntry[ConnectionEntry]:
    """Read one entry of `connections`; a missing one gives no diagnostics."""
    if raw is MISSING:
        return ValidEntry(None)
    notes = Notes(connection_subject(key))
    fields = _entry(key, raw, notes)
    connection = None if fields is None else _connection(UUID(key), fields)
    return ValidEntry(connection, notes.diagnostics())


def settings_entry(raw: Json) -> ValidEntry[PipelineRow]:
    """Read the root map `pipeline`; it always gives a row."""
    notes = Notes(PIPELINE)
    if not isinstance(raw, Mapping):
        notes.invalid("settings", "a map", notes.guard.clean(raw), {})
        raw = {}
    return ValidEntry(_settings(Fields(raw, notes)), notes.diagnostics())


def _entry(key: str, raw: Json, notes: Notes) -> Fields | None:
    if not is_entry_id(key):
        notes.add(Code.INVALID_KEY, "The key is not a lower-case UUID; this is not in the tables.")
        return None
    if not isinstance(raw, Mapping):
        found = shown(notes.guard.clean(raw))
        notes.add(
            Code.NOT_A_MAP, f"Expected a map of fields, got {found}; this is not in the tables."
        )
        return None
    return Fields(raw, notes)


def _step(step_id: UUID, fields: Fields) -> StepEntry:
    kind, declared_type = _step_type(fields)
    return StepEntry(
        id=step_id,
        name=fields.name(UNNAMED_STEP),
        type=kind,
        declared_type=declared_type,
        **fields.plain(PLAIN_OF_STEP),
        parent=_parent(fields),
        slot=_slot(fields),
        order=_order(fields),
        position=fields.pair("position", POSITION),
        size=fields.pair("size", SIZE),
        config=fields.read("config", STEP["config"]),
    )


def _step_type(fields: Fields) -> tuple[str, str | None]:
    step_type = fields.value("type")
    if isinstance(step_type, str) and step_type in STEP_TYPES:
        return step_type, None
    fields.notes.add(
        Code.UNSUPPORTED_TYPE,
        f'type: {shown(step_type)} is no step type; the tables show "{UNSUPPORTED}".',
        "type",
    )
    text = step_type if isinstance(step_type, str) else ""
    return UNSUPPORTED, fields.cut("type", text, MAX_TYPE) or None


def _parent(fields: Fields) -> str | None:
    parent = fields.value("parent_step_id")
    if parent is None or isinstance(parent, str):
        return parent
    fields.notes.invalid("parent_step_id", "a step's id", parent, None)
    return None


def _slot(fields: Fields) -> str:
    slot = fields.value("slot")
    match slot:
        case None:
            return MAIN_SLOT
        case str() if len(slot) <= MAX_SLOT:
            return slot
        case str():
            # Not the beginning alone: steps of two lists would stand in one.
            shows = "the tables show its beginning and a digest"
            fields.notes.add(Code.TEXT_CUT, f"slot: {len(slot)} characters; {shows}.")
            return shortened(slot, MAX_SLOT)
        case other:
            fields.notes.invalid("slot", "a text", other, MAIN_SLOT)
            return MAIN_SLOT


def _order(fields: Fields) -> str:
    order = fields.value("order")
    if not isinstance(order, str):
        fields.notes.invalid("order", "a fractional index", order, "")
        return ""
    if not STEP["order"].accepts(order):
        message = f"order: expected {STEP['order'].kind.expected}, got {shown(order)}."
        fields.notes.add(Code.UNUSABLE_ORDER, message, "order")
    return order


def _connection(connection_id: UUID, fields: Fields) -> ConnectionEntry | None:
    ends = fields.value("ends")
    match ends:
        case {"from_step_id": str(from_step), "to_step_id": str(to_step)} if isinstance(
            ends, Mapping
        ):
            ports = Fields(ends, fields.notes)
        case _:
            fields.notes.add(Code.DANGLING_CONNECTION, _no_ends(ends), "ends")
            return None
    output = ports.text("from_output", "output", MAX_PORT)
    entrance = ports.text("to_input", "input", MAX_PORT)
    route = Route(from_step, to_step, output, entrance)
    return ConnectionEntry(connection_id, route, **fields.plain(PLAIN_OF_CONNECTION))


def _no_ends(ends: Json) -> str:
    found = "a map without these texts" if isinstance(ends, Mapping) else shown(ends)
    expected = "a map with from_step_id and to_step_id"
    return f"ends: expected {expected}, got {found}; this connection is not in the tables."


def _settings(fields: Fields) -> PipelineRow:
    return PipelineRow(
        name=fields.name(UNNAMED_PIPELINE),
        description=_description(fields),
        **fields.plain(PLAIN_OF_SETTINGS),
        config=fields.read("config", SETTINGS["config"]),
        defaults=fields.read("defaults", SETTINGS["defaults"]),
        authentication=fields.read("authentication", SETTINGS["authentication"]),
        tags=_tags(fields),
    )


def _description(fields: Fields) -> str | None:
    match fields.value("description"):
        case None:
            return None
        case str(text):
            return text
        case other:
            fields.notes.invalid("description", "a text", other, None)
            return None


def _tags(fields: Fields) -> tuple[str, ...]:
    match fields.value("tags"):
        case None:
            return ()
        case str() | Mapping() | bool() | int() | float() as other:
            fields.notes.invalid("tags", "a list of texts", other, [])
            return ()
        case tags:
            return _storable_tags(tags, fields)


def _storable_tags(tags: Sequence[Json], fields: Fields) -> tuple[str, ...]:
    texts = [tag for tag in tags if isinstance(tag, str)]
    if longest := max((text for text in texts if len(text) > MAX_TAG), key=len, default=""):
        fields.cut("tags", longest, MAX_TAG)
    distinct = tuple(dict.fromkeys(text[:MAX_TAG] for text in texts))
    dropped = len(tags) - len(texts) + len(distinct[MAX_TAGS:])
    if dropped:
        fields.notes.add(
            Code.INVALID_VALUE,
            f"tags: expected at most {MAX_TAGS} texts; the tables leave {dropped} out.",
            "tags",
        )
    return distinct[:MAX_TAGS]
