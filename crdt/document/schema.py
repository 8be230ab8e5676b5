"""The pipeline inside a document: which shared type holds what (docs/document-model.md).

    pipeline     Y.Map   settings; description is Y.Text, tags Y.Array, config and its like Y.Map
    steps        Y.Map   id -> Y.Map; position and size are one plain value each, config a Y.Map
    connections  Y.Map   id -> Y.Map; ends is one plain value
    diagnostics  Y.Map   written by the server only

What several people may edit at once without one of them losing anything is a shared type of its
own; what makes sense only as a whole, such as a position, is one plain value, of which the value of
one writer stays (docs/adr/0003-one-value-position.md).

A client with write access may put anything anywhere, so this module reads values of every type and
leaves it to `crdt/validation/valid_pipeline.py` to judge them.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pycrdt import Array, Doc, Map, MapEvent, Text

from crdt.pipeline.fields import SETTINGS, JsonObject, plain_values
from crdt.pipeline.model import (
    MISSING,
    Connection,
    Json,
    JsonMap,
    Missing,
    Pipeline,
    PipelineSettings,
    Step,
)

from .document import Document
from .library import end_with

CO_EDITED_TEXTS = frozenset({"description", "prompt", "content"})
"""Keys whose strings become Y.Text, so that two people can type in them at once."""

LISTS_WITH_PROMPTS = frozenset({"parallel_tasks", "tasks", "conversation"})
"""Keys whose list items are mappings with a prompt of their own."""

SETTINGS_MAPS = frozenset(
    name for name, field in SETTINGS.items() if isinstance(field.kind, JsonObject)
)
"""Settings that are a Y.Map."""

POSITION = frozenset({"position"})
"""The field of a step that says where it is drawn, and nothing else."""

SAFE_INTEGER = 2**53
"""The largest magnitude of an integer that is read as int and written as one.

Beyond it the doubles of JavaScript (IEEE 754, 53 bits of precision) do not hold every integer.
"""


def seed(document: Document, pipeline: Pipeline) -> bytes:
    """Write a pipeline into an empty document and return the update: its first and only seed.

    Seed a pipeline once: two documents seeded apart share no history, so that merging them would
    keep one of the two values under each key, and lose what was edited in the other.
    """
    with document.transact() as updates:
        root_map(document, "pipeline").update(_shared_settings(pipeline.settings))
        steps = root_map(document, "steps")
        for step in pipeline.steps.values():
            steps[step.id] = shared_step(step)
        connections = root_map(document, "connections")
        for connection in pipeline.connections.values():
            connections[connection.id] = shared_connection(connection)
    return updates[0]


def shared_step(step: Step) -> "Map[Any]":
    """Make the Y.Map of a step."""
    return Map({key: shared_field(key, value) for key, value in step_fields(step).items()})


def step_fields(step: Step) -> dict[str, Json]:
    """Return a step as plain values by key, as they stand in a document."""
    return {
        "name": step.name,
        "type": step.type,
        **plain_values(step),
        "parent_step_id": step.parent_step_id,
        "slot": step.slot,
        "order": step.order,
        "position": {"x": step.position.x, "y": step.position.y},
        "size": {"width": step.size.width, "height": step.size.height},
        "config": dict(step.config),
        **_unless_empty("source", step.source),
    }


def shared_connection(connection: Connection) -> "Map[Any]":
    """Make the Y.Map of a connection."""
    return Map(connection_fields(connection))


def connection_fields(connection: Connection) -> dict[str, Json]:
    """Return a connection as plain values; `ends` is one value, so that rewirings never mix."""
    return {
        "ends": {
            "from_step_id": connection.from_step_id,
            "to_step_id": connection.to_step_id,
            "from_output": connection.from_output,
            "to_input": connection.to_input,
        },
        **plain_values(connection),
    }


def shared_field(key: str, value: Json) -> Any:
    """Make what stands under one key of a step."""
    return shared_config(value) if key == "config" and isinstance(value, dict) else value


def shared_setting(key: str, value: Json) -> Any:
    """Make what stands under one key of the settings."""
    match value:
        case str() if key == "description":
            return Text(value)
        case list() if key == "tags":
            return Array(value)
        case dict() if key in SETTINGS_MAPS:
            return Map(value)
        case _:
            return value


def _shared_settings(settings: PipelineSettings) -> dict[str, Any]:
    return {key: shared_setting(key, value) for key, value in settings_fields(settings).items()}


def settings_fields(settings: PipelineSettings) -> dict[str, Json]:
    """Return the settings as plain values by key, as they stand in a document."""
    return {
        "name": settings.name,
        "description": settings.description,
        **plain_values(settings),
        "tags": list(settings.tags),
        "config": dict(settings.config),
        "defaults": dict(settings.defaults),
        "authentication": dict(settings.authentication),
        **_unless_empty("source", settings.source),
    }


def _unless_empty(key: str, value: JsonMap) -> dict[str, Json]:
    # What was not imported has no source, and an empty map would only make the document larger.
    return {key: dict(value)} if value else {}


def shared_config(config: JsonMap) -> "Map[Any]":
    """Make the Y.Map of a step's config, or of a prompt's part: long texts in it are Y.Text."""
    return Map({key: shared_value(key, value) for key, value in config.items()})


def shared_value(key: str, value: Json) -> Any:
    """Make what stands under one key of such a Y.Map."""
    match value:
        case str() if key in CO_EDITED_TEXTS:
            return Text(value)
        case list() if key == "prompt" or key in LISTS_WITH_PROMPTS:
            return Array([shared_item(item) for item in value])
        case dict():
            return Map(value)
        case _:
            return value


def shared_item(item: Json) -> Any:
    """Make one item of a list of prompt parts or tasks."""
    return shared_config(item) if isinstance(item, dict) else item


def root_map(document: Document, name: str) -> "Map[Any]":
    """Return a root map of the document, which is there whether or not anybody wrote into it."""
    root: Map[Any] = document.doc.get(name, type=Map)
    return root


@dataclass(frozen=True, slots=True)
class Touched:
    """What transactions have changed since the last call of `take_touched`, by key."""

    settings: bool
    steps: frozenset[str]
    connections: frozenset[str]
    diagnostics: bool = False
    """Whether anybody has written into `diagnostics`; that alone is no edit of the pipeline."""
    moved: frozenset[str] = frozenset()
    """Those of `steps` of which nothing was touched but the position."""

    def merged(self, other: "Touched") -> "Touched":
        """Return what either has touched."""
        otherwise = (self.steps - self.moved) | (other.steps - other.moved)
        return Touched(
            self.settings or other.settings,
            self.steps | other.steps,
            self.connections | other.connections,
            self.diagnostics or other.diagnostics,
            (self.moved | other.moved) - otherwise,
        )

    def __bool__(self) -> bool:
        return self.settings or bool(self.steps or self.connections)


NOTHING = Touched(settings=False, steps=frozenset(), connections=frozenset())


class PipelineReader:
    """Reads a pipeline out of a document as JSON values, and collects what transactions touch.

    It observes the document from its construction on; what the document holds by then does not
    count as touched. `plain_steps` and `plain_connections` are the keys of entries that were read
    as one plain mapping and not as a Y.Map: nobody can edit a field of such an entry.
    """

    def __init__(self, document: Document) -> None:
        self._settings = _WatchedRoot(document, "pipeline")
        self._steps = _WatchedSteps(document, "steps")
        self._connections = _WatchedRoot(document, "connections")
        self._diagnostics = _WatchedRoot(document, "diagnostics")

    @property
    def plain_steps(self) -> set[str]:
        """The keys of steps that were read as one plain mapping."""
        return self._steps.plain

    @property
    def plain_connections(self) -> set[str]:
        """The keys of connections that were read as one plain mapping."""
        return self._connections.plain

    def take_touched(self) -> Touched:
        """Return what was touched since the last call, and start over."""
        steps = self._steps.take_touched()
        return Touched(
            bool(self._settings.take_touched()),
            steps,
            self._connections.take_touched(),
            bool(self._diagnostics.take_touched()),
            self._steps.take_moved(steps),
        )

    def step_keys(self) -> set[str]:
        """Return the keys of all steps, whatever their values."""
        return set(self._steps.map.keys())

    def has_step(self, key: str) -> bool:
        """Whether there is anything under the key of a step."""
        return key in self._steps.map

    def connection_keys(self) -> set[str]:
        """Return the keys of all connections, whatever their values."""
        return set(self._connections.map.keys())

    def step(self, key: str) -> "Json | Missing":
        """Read one step as it was written; MISSING if there is none."""
        return self._steps.read(key)

    def position(self, key: str) -> "Json | Missing":
        """Read the position of a step as it was written; MISSING unless both are there.

        It may hold what JSON lacks, such as NaN and bytes.
        """
        try:
            # The library looks a key up twice in `get`, each time in a transaction of its own.
            step = self._steps.map[key]
            position: Json = step["position"] if isinstance(step, Map) else None
        except KeyError:
            return MISSING
        return position if isinstance(position, dict) else MISSING

    def connection(self, key: str) -> "Json | Missing":
        """Read one connection as it was written; MISSING if there is none."""
        return self._connections.read(key)

    def settings(self) -> JsonMap:
        """Read the settings as they were written."""
        return root_to_json(self._settings.map)

    def diagnostics(self) -> JsonMap:
        """Read the map `diagnostics` as it was written."""
        return root_to_json(self._diagnostics.map)


class _WatchedRoot:
    """One root map of a document, and the keys that transactions have touched in it."""

    def __init__(self, document: Document, name: str) -> None:
        self._document, self._name = document, name
        self._touched: set[str] = set()
        self.plain: set[str] = set()
        self._watch()

    def _watch(self) -> None:
        self._generation = self._document.generation
        self._map = root_map(self._document, self._name)
        subscription = self._map.observe_deep(self._collector())
        self._end = end_with(self, self._map, subscription)

    def _collector(self) -> Callable[[Iterable[Any]], None]:
        return partial(collect_touched, self._touched)

    @property
    def map(self) -> "Map[Any]":
        """The map in the library's present document."""
        self._follow()
        return self._map

    def _follow(self) -> None:
        if self._generation != self._document.generation:
            before = self._map
            self._end()
            self._watch()
            self._touch(_differing(before, self._map))

    def _touch(self, keys: set[str]) -> None:
        self._touched |= keys

    def read(self, key: str) -> "Json | Missing":
        """Read one entry, and note whether it is one plain mapping."""
        value = _value(self.map, key)
        self.plain.discard(key)
        if isinstance(value, dict):
            self.plain.add(key)
        return MISSING if value is MISSING else entry_to_json(value)

    def take_touched(self) -> frozenset[str]:
        """Return the keys touched since the last call, and start over."""
        self._follow()
        touched = frozenset(self._touched)
        self._touched.clear()
        return touched


class _WatchedSteps(_WatchedRoot):
    """The root map of the steps, which also knows of which of them more than the place changed."""

    def __init__(self, document: Document, name: str) -> None:
        self._changed: set[str] = set()
        super().__init__(document, name)

    def _collector(self) -> Callable[[Iterable[Any]], None]:
        return partial(_collect_steps, self._touched, self._changed)

    def _touch(self, keys: set[str]) -> None:
        super()._touch(keys)
        self._changed |= keys

    def take_moved(self, touched: frozenset[str]) -> frozenset[str]:
        """Return those of the `touched` keys just taken that only moved, and start over."""
        moved = touched - self._changed
        self._changed.clear()
        return moved


def _collect_steps(touched: set[str], changed: set[str], events: list[Any]) -> None:
    """Add the keys of the steps that deep events report, and of those that did not only move."""
    collect_touched(touched, events)
    collect_touched(changed, (event for event in events if not _is_move(event)))


def _is_move(event: Any) -> bool:
    # A step that is a list or a text has events of another kind.
    if type(event) is not MapEvent:
        return False
    fields: Any = event
    return len(fields.path) == 1 and fields.keys.keys() == POSITION


def _differing(before: "Map[Any]", after: "Map[Any]") -> set[str]:
    """Return the keys whose values differ, by comparing all of them.

    Between two generations of a document no transaction reports what it changed.
    """
    keys = {*before.keys(), *after.keys()}
    return {key for key in keys if _member(before, key) != _member(after, key)}


def collect_touched(touched: set[str], events: Iterable[Any]) -> None:
    """Add the keys of the entries of a root map that deep events report."""
    for event in events:
        # The path leads from the root map to what changed; it is empty for the root map itself,
        # whose changed keys are those of entries that were set or deleted.
        path = event.path
        if path:
            touched.add(str(path[0]))
        else:
            touched.update(event.keys)


def _member(root: "Map[Any]", key: str) -> "Json | Missing":
    value = _value(root, key)
    return MISSING if value is MISSING else entry_to_json(value)


def _value(root: "Map[Any]", key: str) -> Any:
    return root.get(key, MISSING)


def root_to_json(root: "Map[Any]") -> JsonMap:
    """Read a root map as JSON; of a value that is nested too deep, None, and of the others all."""
    shown = to_json(root)
    return (
        shown if isinstance(shown, dict) else {key: to_json(value) for key, value in root.items()}
    )


def entry_to_json(value: Any) -> Json:
    """Read an entry of a root map as JSON.

    Of a subdocument the guid alone: a mapping would be taken for fields that can be edited.
    """
    return value.guid if isinstance(value, Doc) else to_json(value)


def to_json(value: Any) -> Json:
    """Read a shared type or a plain value as JSON; integral numbers come back as int.

    A value that JSON lacks, such as NaN, is read as None, and so is one that is nested too deep for
    the JSON parser. Bytes become a list of numbers, and a subdocument a mapping with its guid.
    """
    try:
        # A shared type prints itself as JSON four times faster than it converts itself to Python.
        text = str(value) if isinstance(value, Map | Array) else _dump(value)
        plain: Json = json.loads(text, parse_float=_number, parse_constant=lambda _: None)
        return plain
    except RecursionError:
        return None


def _dump(value: Any) -> str:
    return json.dumps(str(value) if isinstance(value, Text) else value, default=_other)


def _other(value: Any) -> Json:
    match value:
        case bytes() | bytearray():
            return list(value)
        case Doc():
            return {"guid": value.guid}
    return str(value)


def _number(literal: str) -> int | float:
    # JavaScript has one type of numbers, so 1 and 1.0 are the same value in a document.
    value = float(literal)
    return int(value) if value.is_integer() and abs(value) <= SAFE_INTEGER else value
