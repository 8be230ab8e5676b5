"""Renames a step together with what refers to it by name, in one edit.

A reference is a name in a text. So the steps are searched whose JSON contains the former name, and
of these the names are looked up as `crdt/pipeline/data_flow.py` does; only the characters of a name
are written. Searching takes about 15 µs per step: renaming in a large pipeline belongs in a thread.
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Final

from pycrdt import Map

from crdt.document.schema import entry_to_json
from crdt.document.text_edits import Replacement
from crdt.document.write import replace_in
from crdt.pipeline.data_flow import visible_scopes
from crdt.pipeline.mentions import Mention
from crdt.pipeline.model import Json
from crdt.pipeline.placement import Scope
from crdt.pipeline.renames import rewrites
from crdt.validation.entries import StepEntry, step_entry

from .editor import Editor
from .entry_index import PlaceIndex

SEARCHED_AT_ONCE: Final = 200
"""Steps up to which a rename searches the others within about 3 ms, on the event loop."""


def is_rename(editor: Editor, step_id: str, name: Json) -> bool:
    """Whether giving a step this name changes the one by which others may refer to it."""
    place = editor.places.get(step_id)
    return place is not None and isinstance(name, str) and place.name not in {"", name}


def is_long_rename(editor: Editor, step_id: str, name: Json) -> bool:
    """Whether that means searching many steps, so that it must not be done on the event loop."""
    return len(editor.steps) > SEARCHED_AT_ONCE and is_rename(editor, step_id, name)


def rename_references(editor: Editor, step_id: str, name: str) -> None:
    """Make what refers to a step by its present name refer to it by its new one.

    Call it after the new name was checked, and before it is written. A reference that the new name
    would take to another step stays as it is, and dangles.
    """
    names = _Names(editor.places, step_id, name)
    for key, entry in _candidates(editor, names.former):
        means = partial(names.is_meant, key)
        for one in rewrites(entry.type, entry.config, means, name):
            changes = [Replacement(start, end, one.new) for start, end in one.spans]
            replace_in(editor.steps, (key, "config", *one.path), changes)


def _candidates(editor: Editor, name: str) -> Iterator[tuple[str, StepEntry]]:
    """Yield the steps whose JSON contains a name; a shared type prints itself as JSON."""
    needle = json.dumps(name, ensure_ascii=False)[1:-1]
    for key, held in list(editor.steps.items()):
        if not isinstance(held, Map) or needle in str(held):
            entry = step_entry(key, entry_to_json(held)).value
            if entry is not None:
                yield key, entry


class _Names:
    """Says which mentions mean the renamed step, by the places of all steps as they stand."""

    def __init__(self, places: PlaceIndex, step_id: str, name: str) -> None:
        self._places, self._step_id, self._name = places, step_id, name
        place = places.get(step_id)
        self.former = "" if place is None else place.name

    def is_meant(self, consumer: str, mention: Mention) -> bool:
        """Whether a mention is one of the renamed step, and its new name will be one, too."""
        if mention.name != self.former:
            return False
        for scope in visible_scopes(consumer, mention.path, self._scope_of):
            line = self._places.line(scope)
            if named := line.named(self.former):
                return min(named, key=self._standing) == self._step_id
            if line.named(self._name):
                return False
        return False

    def _standing(self, key: str) -> tuple[str, str]:
        place = self._places.get(key)
        return ("" if place is None else place.order), key

    def _scope_of(self, key: str) -> Scope | None:
        place = self._places.get(key)
        return None if place is None else place.scope
