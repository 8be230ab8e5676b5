"""Gives the server's edits a document: its root maps, and indexes of what is where in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pycrdt import Map

from crdt.document.document import Document
from crdt.document.schema import entry_to_json, root_map, root_to_json
from crdt.errors import UnknownEntry
from crdt.pipeline.model import JsonMap
from crdt.pipeline.placement import Place
from crdt.validation.entries import (
    ConnectionEntry,
    StepEntry,
    connection_entry,
    step_entry,
)

from .entry_index import EndsIndex, PlaceIndex


@dataclass(frozen=True, slots=True)
class Deleted:
    """The keys of what one deletion deleted: a step with all steps inside it, and connections."""

    steps: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()


class Editor:
    """One document as the server's edits see it. It lives as long as the room it is made for.

    Its indexes are costly to fill, so a room makes one editor and keeps it as long as it
    `is_current`.
    """

    def __init__(self, document: Document) -> None:
        self.document, self._generation = document, document.generation
        self.settings: Map[Any] = root_map(document, "pipeline")
        self.steps: Map[Any] = root_map(document, "steps")
        self.connections: Map[Any] = root_map(document, "connections")
        self.places = PlaceIndex(self.steps)
        self.ends = EndsIndex(self.connections)

    @property
    def is_current(self) -> bool:
        """Whether this is still about the document: see `Document.generation`."""
        return self._generation == self.document.generation

    def prepare(self, most: int) -> bool:
        """Read into the indexes what an edit would have to read first, at most so many entries.

        Returns whether more are left.
        """
        return self.places.refresh(most) or self.ends.refresh(most)

    def step(self, step_id: str) -> JsonMap:
        """Read one step as it was written. Raises UnknownEntry if there is no map of this key."""
        return _entry(self.steps, step_id, "step")

    def connection(self, connection_id: str) -> JsonMap:
        """Read one connection as it was written. Raises UnknownEntry as `step` does."""
        return _entry(self.connections, connection_id, "connection")

    def read_settings(self) -> JsonMap:
        """Read the settings as they were written, by name."""
        return root_to_json(self.settings)

    def step_entry(self, step_id: str) -> StepEntry:
        """Read one step with every field of the right type. Raises UnknownEntry."""
        entry = step_entry(step_id, self.step(step_id)).value
        if entry is None:
            raise UnknownEntry(f"no step {step_id}: check the id")
        return entry

    def connection_entry(self, connection_id: str) -> ConnectionEntry:
        """Read one connection with every field of the right type. Raises UnknownEntry."""
        entry = connection_entry(connection_id, self.connection(connection_id)).value
        if entry is None:
            raise UnknownEntry(f"no connection {connection_id}: check the id")
        return entry

    def siblings(self, parent: str | None, slot: str) -> list[str]:
        """Return the keys of the steps in a slot, in their order."""
        return [key for _, key in self.places.line((parent, slot))]

    def order_index(self, step_id: str) -> int:
        """Return the place of a step in its slot, counted from 0. Raises UnknownEntry."""
        place = self.place(step_id)
        return self.places.line(place.scope).index_of(step_id, place.order)

    def place(self, step_id: str) -> Place:
        """Return where a step stands. Raises UnknownEntry."""
        place = self.places.get(step_id)
        if place is None:
            raise UnknownEntry(f"no step {step_id}: check the id")
        return place

    def inside(self, step_id: str) -> list[str]:
        """Return the keys of a step and of all steps inside it, parents before their children."""
        # A client may have written a cycle of parents, so a step that was found is not entered
        # again.
        found = dict.fromkeys([step_id])
        pending = [step_id]
        while pending:
            held = [key for key in self.places.children(pending.pop()) if key not in found]
            found.update(dict.fromkeys(held))
            pending += held
        return list(found)


def _entry(root: "Map[Any]", key: str, what: str) -> JsonMap:
    entry = entry_to_json(root[key]) if key in root else None
    if not isinstance(entry, Mapping):
        raise UnknownEntry(f"no {what} {key}: check the id")
    return entry
