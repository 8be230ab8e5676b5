"""Makes a whole document equal to another pipeline, by the smallest edits.

Whatever is equal stays as it is, so that what others write meanwhile into other fields, other words
of a text and other keys of a config survives. Comparing 10,000 steps takes about half a second, so
make such edits on a copy (`Hub.edit_aside`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pycrdt import Map

from crdt.document.schema import (
    PipelineReader,
    connection_fields,
    settings_fields,
    step_fields,
    to_json,
)
from crdt.document.write import (
    CONNECTION_SHAPE,
    SETTINGS_SHAPE,
    STEP_SHAPE,
    Shape,
    as_map,
    storable,
    write_entry,
)
from crdt.errors import InvalidEdit
from crdt.pipeline.fields import CONNECTION, SETTINGS, STEP, defaults_of
from crdt.pipeline.json_values import same
from crdt.pipeline.model import Json, JsonMap, Pipeline
from crdt.validation.reading import read_pipeline

from .editor import Editor
from .step_matching import match_entries

_DEFAULTS: Final[JsonMap] = defaults_of(STEP) | defaults_of(CONNECTION) | defaults_of(SETTINGS)
"""The values for which missing fields stand, by name.

One table serves for all entries, since no two of them have different defaults for one name.
"""


def make_equal(editor: Editor, target: Pipeline) -> None:
    """Make the document hold the target: its settings, and its steps and connections by id.

    Every entry that the target does not have is deleted, also one that is too broken for a row.
    """
    settings = settings_fields(target.settings)
    _write(editor.settings, _differing(editor.settings, settings), SETTINGS_SHAPE)
    steps = {id_: step_fields(step) for id_, step in target.steps.items()}
    _write_entries(editor.steps, steps, STEP_SHAPE, editor.places.touch)
    connections = {id_: connection_fields(one) for id_, one in target.connections.items()}
    _write_entries(editor.connections, connections, CONNECTION_SHAPE, editor.ends.touch)


def put_pipeline(editor: Editor, imported: Pipeline) -> Pipeline:
    """Make the document equal to an imported file; return the file's pipeline with its final ids.

    See `match_entries` for what is kept. Raises InvalidEdit for values that are nested too deep.
    """
    try:
        target = match_entries(read_pipeline(PipelineReader(editor.document)), imported)
        make_equal(editor, target)
    except RecursionError as error:
        raise InvalidEdit("values are nested too deep: flatten them") from error
    return target


def _write_entries(
    root: "Map[Any]",
    wanted: Mapping[str, JsonMap],
    shape: Shape,
    touch: Callable[[str], None],
) -> None:
    for key in [key for key in root.keys() if key not in wanted]:  # noqa: SIM118 - no Mapping
        del root[key]
        touch(key)
    for key, fields in wanted.items():
        if put_entry(root, key, fields, shape):
            touch(key)


def put_entry(root: "Map[Any]", key: str, fields: JsonMap, shape: Shape) -> bool:
    """Make one entry hold these fields by the smallest edits; return whether it did not."""
    if key not in root:
        root[key] = Map({field: shape.value(field, storable(fields[field])) for field in fields})
        return True
    differing = _differing(root[key], fields)
    if differing:
        _write(as_map(root, key), differing, shape)
    return bool(differing)


def _differing(entry: Any, wanted: JsonMap) -> dict[str, Json]:
    """Return the fields that are to change; `source` is None if it is to be removed."""
    present = to_json(entry)
    present = present if isinstance(present, Mapping) else {}
    wanted = {"source": None, **wanted}
    return {field: value for field, value in wanted.items() if not _is_held(present, field, value)}


def _is_held(present: JsonMap, field: str, wanted: Json) -> bool:
    # A field that is missing stands for its default, which need not be written then.
    value = present.get(field)
    if value is None:
        value = _DEFAULTS.get(field)
    return same(value, wanted) or same(value, storable(wanted))


def _write(entry: "Map[Any]", fields: JsonMap, shape: Shape) -> None:
    for field, value in fields.items():
        if field == "source" and value is None:
            del entry[field]
        else:
            write_entry(entry, field, storable(value), shape)
