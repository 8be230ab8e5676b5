"""Slots: the lists inside a step that hold other steps (docs/document-model.md, Slots).

A slot's name is the path of its list in the step's YAML: `steps`, `pipeline.workflow.steps`,
or `cases:` and the JSON of the case's key, so that `cases:true` and `cases:"true"` differ.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from crdt.pipeline.fields import MAX_SLOT
from crdt.pipeline.step_types import EVERY_SLOT, TYPES

from .nodes import Mapping, Node, Scalar, Sequence, text_of
from .source import pointer_to

_ANY_STEP = tuple(slot.name for slot in EVERY_SLOT)
_BY_TYPE = {
    name: tuple(slot.name for slot in type_.slots if not slot.is_keyed)
    for name, type_ in TYPES.items()
}
_CASES = "cases:"


@dataclass(frozen=True, slots=True)
class SlotPlace:
    """Where a slot's list stands: under `key` of the mapping at `path` in the step."""

    path: tuple[str, ...]
    key: Node

    @property
    def pointer(self) -> str:
        """The RFC 6901 pointer of the mapping that holds the list."""
        return pointer_to("", *self.path)


def place_of(slot: str) -> SlotPlace:
    """Return the place of a slot. A name that follows no rule is a key of the step itself."""
    if slot.startswith(_CASES):
        return SlotPlace(("cases",), _case_key(slot.removeprefix(_CASES)))
    if slot.startswith("pipeline."):
        *path, name = slot.split(".")
        return SlotPlace(tuple(path), Scalar(name))
    return SlotPlace((), Scalar(slot))


def filled_slots(step: Mapping) -> Iterator[tuple[str, Sequence]]:
    """Yield the slots of a step and the lists in them, in the order of the text.

    Only lists hold steps. A template or a mapping in such a place is configuration, and so is a
    case whose key cannot be written as JSON or whose slot is longer than MAX_SLOT characters.
    """
    type_ = text_of(step.get("type")) or ""
    for slot in (*_BY_TYPE.get(type_, ()), *_ANY_STEP):
        steps = _at(step, slot.split("."))
        if _is_list(steps):
            yield slot, steps
    cases = step.get("cases")
    if type_ == "switch" and isinstance(cases, Mapping):
        yield from _filled_cases(cases)


def _filled_cases(cases: Mapping) -> Iterator[tuple[str, Sequence]]:
    for key, steps in cases.entries:
        slot = _case_slot(key)
        if slot is not None and _is_list(steps):
            yield slot, steps


def _is_list(node: Node | None) -> TypeGuard[Sequence]:
    return isinstance(node, Sequence) and node.tag is None


def _at(step: Mapping, path: list[str]) -> Node | None:
    node: Node | None = step
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _case_slot(key: Node) -> str | None:
    if not isinstance(key, Scalar) or key.tag is not None:
        return None
    try:
        slot = _CASES + json.dumps(key.value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return None
    return slot if len(slot) <= MAX_SLOT else None


def _case_key(text: str) -> Scalar:
    # A client may have written a slot whose name has no JSON: the name itself is the key then.
    try:
        value = json.loads(text)
    except ValueError:
        return Scalar(text)
    return Scalar(text if isinstance(value, list | dict) else value)
