"""Puts single steps back as an earlier version has them, and leaves everything else alone.

A step comes back with all its fields, to the place where the version has it; if its parent is not
there any more, and is not put back with it, to the top level. The steps inside it stay as they are,
or away, unless they are named, too. The connections between the named steps become those of the
version. A connection between a named step and another one comes back if both are there; those that
are there stay.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from crdt.document.schema import connection_fields, step_fields
from crdt.document.write import CONNECTION_SHAPE, STEP_SHAPE
from crdt.errors import EditConflict, UnknownEntry
from crdt.pipeline.fields import MAIN_SLOT
from crdt.pipeline.model import Connection, Pipeline, Step

from .editor import Editor
from .replace import put_entry

FIELD = "steps"
"""The field of the request that errors are about."""


def put_back(editor: Editor, version: Pipeline, ids: Collection[str]) -> None:
    """Put the named steps of a version back.

    Raises UnknownEntry if the version does not have one of them, EditConflict if another step has
    taken the name of one, or one would be inside itself; nothing is changed then.
    """
    steps = {id_: _placed(editor, version, id_, ids) for id_ in ids}
    for step in steps.values():
        _require_free_name(editor, step, steps)
        _require_no_cycle(editor, step, steps)
    for id_, step in steps.items():
        put_entry(editor.steps, id_, step_fields(step), STEP_SHAPE)
        editor.places.touch(id_)
    _put_connections_back(editor, version, steps)


def _placed(editor: Editor, version: Pipeline, id_: str, ids: Collection[str]) -> Step:
    """The step as the version has it, at the top if its parent is neither there nor to be."""
    step = version.steps.get(id_)
    if step is None:
        raise UnknownEntry(f"the version has no step {id_}: see its `steps`", FIELD)
    parent = step.parent_step_id
    if parent is None or parent in ids or editor.places.get(parent) is not None:
        return step
    return replace(step, parent_step_id=None, slot=MAIN_SLOT)


def _require_free_name(editor: Editor, step: Step, steps: Mapping[str, Step]) -> None:
    for sibling in editor.siblings(step.parent_step_id, step.slot):
        if sibling not in steps and editor.step(sibling).get("name") == step.name:
            raise EditConflict(
                f"another step there is called {step.name!r} now: rename it first", FIELD
            )


def _require_no_cycle(editor: Editor, step: Step, steps: Mapping[str, Step]) -> None:
    # Others may have written a cycle above, so no parent is looked at twice.
    seen: set[str] = set()
    parent = step.parent_step_id
    while parent is not None and parent not in seen:
        if parent == step.id:
            raise EditConflict(
                f"{step.name!r} contains the step it was in: put that back, too", FIELD
            )
        seen.add(parent)
        parent = _parent_of(editor, parent, steps)


def _parent_of(editor: Editor, id_: str, steps: Mapping[str, Step]) -> str | None:
    if id_ in steps:
        return steps[id_].parent_step_id
    place = editor.places.get(id_)
    return None if place is None else place.scope[0]


def _put_connections_back(editor: Editor, version: Pipeline, steps: Mapping[str, Step]) -> None:
    inner, outer = _connections_of(version, steps)
    for key in [key for key in _keys_between(editor, steps) if key not in inner]:
        del editor.connections[key]
        editor.ends.touch(key)
    for key, connection in inner.items():
        put_entry(editor.connections, key, connection_fields(connection), CONNECTION_SHAPE)
        editor.ends.touch(key)
    for key, connection in outer.items():
        if _can_come_back(editor, key, connection):
            put_entry(editor.connections, key, connection_fields(connection), CONNECTION_SHAPE)
            editor.ends.touch(key)


def _connections_of(
    version: Pipeline, steps: Mapping[str, Step]
) -> tuple[dict[str, Connection], dict[str, Connection]]:
    """The connections of the version between the steps, and those between one and another step."""
    inner, outer = {}, {}
    for key, connection in version.connections.items():
        named = (connection.from_step_id in steps) + (connection.to_step_id in steps)
        if named == 2:
            inner[key] = connection
        elif named == 1:
            outer[key] = connection
    return inner, outer


def _keys_between(editor: Editor, steps: Mapping[str, Step]) -> Iterator[str]:
    """The connections that are there between the steps."""
    for id_ in steps:
        for key, ends in editor.ends.at_step(id_).items():
            # Each is met at both of its ends, and taken at the first.
            if ends.from_step_id == id_ and ends.to_step_id in steps:
                yield key


def _can_come_back(editor: Editor, key: str, connection: Connection) -> bool:
    """Whether a connection is not there, nor another one with its ends, and both its steps are."""
    source, target = connection.from_step_id, connection.to_step_id
    if editor.places.get(source) is None or editor.places.get(target) is None:
        return False
    ends = (source, target, connection.from_output, connection.to_input)
    there = editor.ends.at_step(source)
    return editor.ends.get(key) is None and all(
        (one.from_step_id, one.to_step_id, one.from_output, one.to_input) != ends
        for one in there.values()
    )
