"""Writes what the tables show back into the document: a repair is an ordinary edit by the server.

`crdt/validation/` decides what a document means; where that differs from what is written, pages and
tables would show two truths. A repair follows from the document's content alone, writes the fewest
values that make both agree, and finds nothing to do in a document that it has mended. It sets or
deletes whole values only, so that two repairs of one document, merged, are the same as one.

What a column cannot hold as it stands, such as a name of 600 characters, is a limit of the tables
and no fault of the document: it stays as it was written, and so does a type that nobody knows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from pycrdt import Map

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, root_map, root_to_json, to_json
from crdt.document.write import (
    CONNECTION_SHAPE,
    SETTINGS_SHAPE,
    STEP_SHAPE,
    Shape,
    storable,
)
from crdt.pipeline.fields import (
    CONNECTION,
    MAIN_SLOT,
    MAX_TAGS,
    SETTINGS,
    STEP,
    Field,
    is_entry_id,
)
from crdt.pipeline.json_values import same
from crdt.pipeline.model import Json, JsonMap
from crdt.pipeline.reordering import reordered
from crdt.pipeline.rows import Diagnostic
from crdt.validation.diagnostics import PIPELINE, Code, connection_subject, step_subject
from crdt.validation.entries import ValidEntry, connection_entry, settings_entry, step_entry
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from crdt.validation.valid_pipeline import ValidPipeline

RESTORABLE_FOR: Final = timedelta(days=1)
"""How long a connection outlives the step at its end, for whoever undoes the step's deletion."""

MAX_DIAGNOSTICS: Final = 100
"""Diagnostics that a document holds at most, errors first; the tables hold all."""

Finding: TypeAlias = tuple[str, str]
"""The code and the subject of a diagnostic."""

_LEFT_OUT: Final = frozenset({Code.INVALID_KEY, Code.NOT_A_MAP, Code.DUPLICATE_CONNECTION})
_NAMES: Final = frozenset({Code.MISSING_NAME, Code.DUPLICATE_NAME})
_PARENTS: Final = frozenset({Code.DANGLING_PARENT, Code.PARENT_CYCLE})

_SOME_KEY: Final = "00000000-0000-0000-0000-000000000000"
_SOME_STEP: Final[JsonMap] = {"name": "a", "type": "claude", "order": "a0"}
_PORTS: Final = ("from_output", "to_input")


@dataclass(frozen=True, slots=True)
class Moment:
    """When a document is mended: `now`, and when diagnostics were first found, as far as known."""

    now: datetime
    found_at: Mapping[Finding, datetime] = field(default_factory=dict)

    def given_up_at(self, dangling: Diagnostic) -> datetime:
        """Return when a connection without one of its ends is deleted."""
        found_at = self.found_at.get((dangling.code, dangling.subject), self.now)
        return found_at + RESTORABLE_FOR


@dataclass(frozen=True, slots=True)
class Mended:
    """The update that mends a document, None where nothing is to be done.

    `next_at` is when the document must be looked at again although nobody edits it; `is_repair`
    says that the update does more than write the diagnostics down.
    """

    update: bytes | None
    next_at: datetime | None
    is_repair: bool = False


def mend(
    document: Document,
    reader: PipelineReader,
    valid: ValidPipeline,
    moment: Moment,
    others: Iterable[Diagnostic] = (),
    *,
    may_repair: bool = True,
) -> Mended:
    """Mend a document, of which `valid` is made, and write its diagnostics into it: one edit.

    `others` are diagnostics that do not follow from the document's content. Without `may_repair`
    only diagnostics are written.
    The document's client id must be new to everybody, or its edits would be taken for known ones.
    """
    with document.transact() as updates:
        repair = _Repair(document, reader, valid, moment)
        if may_repair:
            repair.write()
        # What is left is read anew: an entry that is mended in one way may be in another, too.
        left = read_valid(reader, Meaning()) if repair.count else valid
        found = [*left.diagnostics(), *others]
        _write_diagnostics(root_map(document, "diagnostics"), found)
    return Mended(updates[0] if updates else None, repair.next_at, repair.count > 0)


def repair(
    document: Document, reader: PipelineReader, valid: ValidPipeline, moment: Moment
) -> bytes | None:
    """Mend a document as `mend` does, but leave the diagnostics in it alone."""
    with document.transact() as updates:
        _Repair(document, reader, valid, moment).write()
    return updates[0] if updates else None


class _Repair:
    """One repair; `count` is how many values it has written or deleted."""

    def __init__(
        self, document: Document, reader: PipelineReader, valid: ValidPipeline, moment: Moment
    ) -> None:
        self._reader, self._valid, self._moment = reader, valid, moment
        self._settings = root_map(document, "pipeline")
        self._steps = root_map(document, "steps")
        self._connections = root_map(document, "connections")
        self._lined_up: set[str] = set()
        self.count = 0
        self.next_at: datetime | None = None

    def write(self) -> None:
        """Write the repair, within a transaction."""
        found = sorted(self._valid.diagnostics())
        if not (found or self._reader.plain_steps or self._reader.plain_connections):
            return
        steps = {step_subject(key): key for key in self._reader.step_keys()}
        connections = {connection_subject(key): key for key in self._reader.connection_keys()}
        self._share()
        for each in found:
            if each.subject == PIPELINE:
                self._mend_settings(each)
            elif each.subject in steps:
                self._mend_step(steps[each.subject], each)
            elif each.subject in connections:
                self._mend_connection(connections[each.subject], each)

    def _share(self) -> None:
        """Make a Y.Map of every entry that is one plain value, so that its fields can be edited."""
        for key in sorted(self._reader.plain_steps):
            self._share_entry(self._steps, key, STEP_SHAPE)
        for key in sorted(self._reader.plain_connections):
            self._share_entry(self._connections, key, CONNECTION_SHAPE)

    def _share_entry(self, root: "Map[Any]", key: str, shape: Shape) -> None:
        entry = to_json(root[key])
        if is_entry_id(key) and isinstance(entry, dict):
            fields = {name: shape.value(name, storable(each)) for name, each in entry.items()}
            root[key] = Map(fields)
            self.count += 1

    def _mend_settings(self, found: Diagnostic) -> None:
        match found.code:
            case Code.MISSING_NAME:
                self._set(self._settings, "name", self._valid.settings().name, SETTINGS_SHAPE)
            case Code.INVALID_VALUE:
                self._set_defaults(self._settings, SETTINGS, SETTINGS_SHAPE, _alone_in_settings)

    def _mend_step(self, key: str, found: Diagnostic) -> None:
        if found.code in _LEFT_OUT:
            self._delete(self._steps, key)
        elif found.code in _NAMES:
            if (row := self._valid.step(key)) is not None:
                self._set(self._steps[key], "name", row.name, STEP_SHAPE)
        elif found.code in _PARENTS:
            self._set(self._steps[key], "parent_step_id", None, STEP_SHAPE)
            self._set(self._steps[key], "slot", MAIN_SLOT, STEP_SHAPE)
        elif found.code == Code.UNUSABLE_ORDER:
            self._reorder(key)
        elif found.code == Code.INVALID_VALUE:
            self._set_defaults(self._steps[key], STEP, STEP_SHAPE, _alone_in_step)
            self._reorder(key)

    def _reorder(self, key: str) -> None:
        """Give usable orders to the siblings of a step that have none; nobody's place changes.

        Each line once: with many steps to mend in it, the time would grow with the square.
        """
        if key in self._lined_up:
            return
        accepts = STEP["order"].accepts
        line = [(key, order if accepts(order) else None) for order, key in self._siblings(key)]
        self._lined_up.update(sibling for sibling, _ in line)
        if all(order is not None for _, order in line):
            return
        for sibling, order in reordered(line).items():
            self._set(self._steps[sibling], "order", order, STEP_SHAPE)

    def _siblings(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield the order, as it is now, and the key of each step in a slot, in line."""
        for _, sibling in self._valid.siblings(key):
            order = self._steps[sibling].get("order")
            yield (order if isinstance(order, str) else ""), sibling

    def _mend_connection(self, key: str, found: Diagnostic) -> None:
        if found.code in _LEFT_OUT or self._is_given_up(key, found):
            self._delete(self._connections, key)
        elif found.code == Code.INVALID_VALUE and key in self._connections:
            self._set_ports(self._connections[key])

    def _is_given_up(self, key: str, found: Diagnostic) -> bool:
        """Whether a connection dangles and nothing that may come back could be its end."""
        if found.code != Code.DANGLING_CONNECTION:
            return False
        if connection_entry(key, self._reader.connection(key)).value is None:
            return True
        given_up_at = self._moment.given_up_at(found)
        if given_up_at <= self._moment.now:
            return True
        self.next_at = min(self.next_at or given_up_at, given_up_at)
        return False

    def _set_ports(self, connection: "Map[Any]") -> None:
        ends = to_json(connection.get("ends"))
        if isinstance(ends, dict):
            wrong = {name for name in _PORTS if not isinstance(ends.get(name), str | None)}
            defaults = {name: CONNECTION[name].default for name in wrong}
            self._set(connection, "ends", {**ends, **defaults}, CONNECTION_SHAPE)

    def _set_defaults(
        self,
        target: "Map[Any]",
        table: Mapping[str, Field],
        shape: Shape,
        read_alone: Callable[[str, Json], ValidEntry[Any]],
    ) -> None:
        """Write the default into every field with a value of the wrong kind."""
        for name in sorted(table.keys() & set(target.keys())):
            value = to_json(target[name])
            if _is_invalid(read_alone(name, value)):
                wanted = _usable_tags(value) if name == "tags" else table[name].default
                self._set(target, name, wanted, shape)

    def _set(self, target: "Map[Any]", name: str, wanted: Json, shape: Shape) -> None:
        """Set a field unless it holds the value: always as a whole, so that repairs can merge."""
        if name in target and same(to_json(target[name]), wanted):
            return
        target[name] = shape.value(name, storable(wanted))
        self.count += 1

    def _delete(self, root: "Map[Any]", key: str) -> None:
        if key in root:
            del root[key]
            self.count += 1


def _alone_in_step(name: str, value: Json) -> ValidEntry[Any]:
    # The order is mended with those of the siblings.
    return step_entry(_SOME_KEY, _SOME_STEP if name == "order" else {**_SOME_STEP, name: value})


def _alone_in_settings(name: str, value: Json) -> ValidEntry[Any]:
    return settings_entry({"name": "a", name: value})


def _is_invalid(entry: ValidEntry[Any]) -> bool:
    return any(found.code == Code.INVALID_VALUE for found in entry.diagnostics)


def _usable_tags(tags: Json) -> list[Json]:
    texts: list[Json] = (
        [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    )
    return list(dict.fromkeys(texts))[:MAX_TAGS]


def _write_diagnostics(target: "Map[Any]", found: Iterable[Diagnostic]) -> None:
    """Make the document's map hold these diagnostics and nothing else, writing what differs."""
    first = sorted(found, key=lambda each: (each.severity, each))[:MAX_DIAGNOSTICS]
    wanted = {f"{each.code}:{each.subject}": storable(asdict(each)) for each in first}
    held = root_to_json(target)
    for key in sorted(held.keys() - wanted.keys()):
        del target[key]
    for key, value in wanted.items():
        if not same(held.get(key), value):
            target[key] = value
