"""Puts, patches, moves and deletes steps, by the rules that stand at the top of `verbs`."""

from typing import Final

from crdt.document.write import STEP_SHAPE, as_map, storable, write_entry
from crdt.errors import EditConflict, InvalidEdit, UnknownEntry
from crdt.pipeline.fields import MAIN_SLOT, STEP, defaults_of
from crdt.pipeline.fractional_index import key_between
from crdt.pipeline.model import JsonMap
from crdt.pipeline.placement import Line, Place, Standing, place_at
from crdt.pipeline.reordering import reordered
from crdt.validation.diagnostics import shown

from .editor import Deleted, Editor
from .renaming import is_rename, rename_references
from .strict_fields import check_fields, check_id, check_required, merged_fields

_DEFAULTS: Final[JsonMap] = {
    name: default for name, default in defaults_of(STEP).items() if name != "order"
}
"""The fields of a new step that are not given; its order follows from its place."""

_PLACING: Final = frozenset({"name", "parent_step_id", "slot"})
"""Fields that must agree with those of other steps: names are unique among siblings."""


class _Last:
    """The type of `LAST`."""


LAST: Final = _Last()
"""Stands for the place behind all siblings."""


def put_step(
    editor: Editor, step_id: str, fields: JsonMap, *, before: str | _Last | None = None
) -> bool:
    """Create a step, or replace all fields of one; return whether it was created.

    The fields are those of the document (docs/document-model.md). `name` and `type` must be given;
    the others have defaults. If `order` is not given, the step stands before the sibling `before`;
    without that, a step that is new in its slot stands at the end of it.

    Raises InvalidEdit for a field or value that does not fit, UnknownEntry for a parent or sibling
    that is not there, and EditConflict for a name that a sibling has and for a cycle of parents.
    """
    check_id(step_id)
    check_fields(STEP, fields)
    check_required(STEP, fields)
    is_new = step_id not in editor.steps
    _write_step(editor, step_id, {**_DEFAULTS, **fields}, before)
    return is_new


def patch_step(
    editor: Editor, step_id: str, changes: JsonMap, *, before: str | _Last | None = None
) -> None:
    """Change some fields of a step; `config` is a JSON merge patch (RFC 7396).

    A new name is written into everything that refers to the step by its former one, too
    (`crdt/editing/renaming.py`). `before` moves the step before that sibling, LAST to the end. A
    step that changes its slot comes to the end unless `before` or `order` is given. Raises what
    `put_step` raises, and UnknownEntry if the step is not there.
    """
    wanted = merged_fields(STEP, editor.step(step_id), changes)
    _write_step(editor, step_id, wanted, before)


def rename_step(editor: Editor, step_id: str, name: str) -> None:
    """Give a step another name, and write it into everything that refers to the step.

    Raises what `patch_step` raises.
    """
    patch_step(editor, step_id, {"name": name})


def move_step(
    editor: Editor,
    step_id: str,
    parent_step_id: str | None,
    slot: str = MAIN_SLOT,
    *,
    before: str | _Last = LAST,
) -> None:
    """Move a step, with all steps inside it, before a sibling in a slot or to the slot's end.

    Raises what `patch_step` raises.
    """
    place: JsonMap = {"parent_step_id": parent_step_id, "slot": slot}
    patch_step(editor, step_id, place, before=before)


def delete_step(editor: Editor, step_id: str) -> Deleted:
    """Delete a step, the steps inside it, and the connections at any of these.

    Raises UnknownEntry.
    """
    editor.place(step_id)
    steps = editor.inside(step_id)
    connections = sorted({key for step in steps for key in editor.ends.at_step(step)})
    for connection in connections:
        del editor.connections[connection]
        editor.ends.touch(connection)
    for step in steps:
        del editor.steps[step]
        editor.places.touch(step)
    return Deleted(tuple(steps), tuple(connections))


def _write_step(editor: Editor, step_id: str, fields: JsonMap, before: str | _Last | None) -> None:
    """Check a step's place among the others, then write the fields that differ.

    The order matters: a refused edit must not have written anything, since nothing takes it back.
    """
    if before is not None and "order" in fields:
        raise InvalidEdit(
            "expected either an order or a sibling to stand before, got both", "order"
        )
    orders: dict[str, str] = {}
    if before is not None or not _PLACING.isdisjoint(fields):
        place = _wanted_place(editor.places.get(step_id), fields)
        _check_place(editor, step_id, place)
        orders = _orders(editor, step_id, place, before, is_given="order" in fields)
        if "parent_step_id" in fields or "slot" in fields:
            fields = {**fields, "slot": place.slot}
    _write_named(editor, step_id, fields)
    for key, order in orders.items():
        _write_fields(editor, key, {"order": order})


def _write_named(editor: Editor, step_id: str, fields: JsonMap) -> None:
    """Write the fields of a step, and rename what refers to it if its name is another one.

    The name comes last: until then the references are found by the former one, also those in the
    other fields.
    """
    name = fields.get("name")
    if isinstance(name, str) and is_rename(editor, step_id, name):
        _write_fields(editor, step_id, {key: fields[key] for key in fields if key != "name"})
        rename_references(editor, step_id, name)
        fields = {"name": name}
    _write_fields(editor, step_id, fields)


def _wanted_place(present: Place | None, fields: JsonMap) -> Place:
    """Return where a step is to stand; its order is the present one."""
    present = present or Place(None, MAIN_SLOT, "", "")
    parent = fields.get("parent_step_id", present.parent)
    slot = fields.get("slot", present.slot)
    return place_at(
        parent if isinstance(parent, str) else None,
        slot if isinstance(slot, str) else MAIN_SLOT,
        present.order,
        str(fields.get("name", present.name)),
    )


def _check_place(editor: Editor, step_id: str, place: Place) -> None:
    """Refuse a new place that is impossible. A place that stays is never refused.

    Clients may have written impossible places, and an edit of another field must still be possible.
    """
    present = editor.places.get(step_id)
    if place.parent is not None and (present is None or present.parent != place.parent):
        _check_parent(editor, step_id, place.parent)
    if present == place:
        return
    for other in editor.places.line(place.scope).named(place.name):
        if other != step_id:
            name = shown(place.name)
            raise EditConflict(f"the step {other} beside it has the name {name}", "name")


def _check_parent(editor: Editor, step_id: str, parent: str) -> None:
    if editor.places.get(parent) is None:
        raise UnknownEntry(f"no step {parent}: check the id", "parent_step_id")
    if parent in editor.inside(step_id):
        raise EditConflict(f"the step {parent} is the step itself or inside it", "parent_step_id")


def _orders(
    editor: Editor, step_id: str, place: Place, before: str | _Last | None, *, is_given: bool
) -> dict[str, str]:
    """Return the orders to write, by step, so that a step stands in the wanted place."""
    present = editor.places.get(step_id)
    stays = present is not None and present.scope == place.scope
    if before is None and (stays or is_given):
        return {}
    line = editor.places.line(place.scope)
    right = _right_neighbour(editor, step_id, place, before)
    left = line.last_before(right, besides=step_id)
    if stays and (left or ("", "")) < (place.order, step_id) < (right or (_HIGHEST, "")):
        return {}
    # Clients may have written equal orders, or texts that are no order keys. Then, and only then,
    # other steps get new orders, too.
    try:
        order = key_between(left and left[0], right and right[0])
    except ValueError:
        return _all_orders(line, step_id, right)
    return {step_id: order}


_HIGHEST: Final = chr(0x10FFFF)


def _right_neighbour(
    editor: Editor, step_id: str, place: Place, before: str | _Last | None
) -> Standing | None:
    """Return the sibling that a step is to stand before, None for the end of the slot."""
    if not isinstance(before, str):
        return None
    sibling = editor.places.get(before)
    if sibling is None or sibling.scope != place.scope or before == step_id:
        raise UnknownEntry(f"no step {before} in that slot: check the id", "before")
    return sibling.order, before


def _all_orders(line: Line, step_id: str, right: Standing | None) -> dict[str, str]:
    """Return orders that make room for a step where there is no key left between its neighbours."""
    wanted: list[tuple[str, str | None]] = [(key, order) for order, key in line if key != step_id]
    at = len(wanted) if right is None else wanted.index((right[1], right[0]))
    wanted.insert(at, (step_id, None))
    return reordered(wanted)


def _write_fields(editor: Editor, step_id: str, fields: JsonMap) -> None:
    step = as_map(editor.steps, step_id)
    for field, value in fields.items():
        if value is not None or field in step:
            write_entry(step, field, storable(value), STEP_SHAPE)
    editor.places.touch(step_id)
