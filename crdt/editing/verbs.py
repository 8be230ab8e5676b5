"""The verbs by which the server edits steps, connections and settings, in the name of a user.

Each verb checks everything before it writes anything, so that an edit which it refuses
(EditRefused) leaves the document untouched: a transaction of the CRDT library cannot be rolled
back. For the same reason, use one verb per edit: if a second one refused, the first one would stay
done. And each verb writes only what differs, so that what others write at the same time survives.
"""

from collections.abc import Mapping

from crdt.document.write import CONNECTION_SHAPE, SETTINGS_SHAPE, as_map, storable, write_entry
from crdt.errors import EditConflict, UnknownEntry
from crdt.pipeline.fields import CONNECTION, PLAIN_OF_CONNECTION, SETTINGS, defaults_of
from crdt.pipeline.model import JsonMap

from .editor import Deleted, Editor
from .entry_index import Ends
from .steps import LAST, delete_step, move_step, patch_step, put_step, rename_step
from .strict_fields import check_fields, check_id, check_required, merged_fields

__all__ = [
    "LAST",
    "Deleted",
    "delete_connection",
    "delete_step",
    "move_step",
    "patch_connection",
    "patch_settings",
    "patch_step",
    "put_connection",
    "put_step",
    "rename_step",
]


def put_connection(editor: Editor, connection_id: str, fields: JsonMap) -> bool:
    """Create a connection, or replace one; return whether it was created.

    The fields are `from_step_id` and `to_step_id`, which must be given, `from_output`, `to_input`
    and `path_data`. Raises InvalidEdit for a field or value that does not fit, UnknownEntry for a
    step that is not there, and EditConflict if another connection has the same ends.
    """
    check_id(connection_id)
    check_fields(CONNECTION, fields)
    check_required(CONNECTION, fields)
    is_new = connection_id not in editor.connections
    _write_connection(editor, connection_id, {**defaults_of(CONNECTION), **fields})
    return is_new


def patch_connection(editor: Editor, connection_id: str, changes: JsonMap) -> None:
    """Change some fields of a connection.

    Raises what `put_connection` raises, and UnknownEntry if the connection is not there.
    """
    check_fields(CONNECTION, changes)
    present = editor.connection(connection_id)
    ends = present.get("ends")
    ends = ends if isinstance(ends, Mapping) else {}
    plain = {name: present.get(name, field.default) for name, field in PLAIN_OF_CONNECTION.items()}
    fields = {**defaults_of(CONNECTION), **ends, **plain, **changes}
    _write_connection(editor, connection_id, fields)


def delete_connection(editor: Editor, connection_id: str) -> Deleted:
    """Delete a connection. Raises UnknownEntry."""
    editor.connection(connection_id)
    del editor.connections[connection_id]
    editor.ends.touch(connection_id)
    return Deleted(connections=(connection_id,))


def patch_settings(editor: Editor, changes: JsonMap) -> None:
    """Change some of the pipeline's settings.

    Those that are maps, such as `config`, are changed by JSON merge patches (RFC 7396). Raises
    InvalidEdit for a setting or value that does not fit.
    """
    wanted = merged_fields(SETTINGS, editor.read_settings(), changes)
    for field, value in wanted.items():
        if value is not None or field in editor.settings:
            write_entry(editor.settings, field, storable(value), SETTINGS_SHAPE)


def _write_connection(editor: Editor, connection_id: str, wanted: JsonMap) -> None:
    ends = Ends(*(_end(wanted, field) for field in Ends._fields))
    _check_ends(editor, connection_id, ends)
    connection = as_map(editor.connections, connection_id)
    write_entry(connection, "ends", ends._asdict(), CONNECTION_SHAPE)
    for name in PLAIN_OF_CONNECTION:
        write_entry(connection, name, storable(wanted[name]), CONNECTION_SHAPE)
    editor.ends.touch(connection_id)


def _end(wanted: JsonMap, field: str) -> str:
    value = wanted.get(field)
    return value if isinstance(value, str) else ""


def _check_ends(editor: Editor, connection_id: str, ends: Ends) -> None:
    # As with the place of a step, only a change is checked: what stands may be impossible already.
    if ends == editor.ends.get(connection_id):
        return
    for field in ("from_step_id", "to_step_id"):
        if editor.places.get(getattr(ends, field)) is None:
            raise UnknownEntry(f"no step {getattr(ends, field)}: check the id", field)
    for other, present in editor.ends.at_step(ends.from_step_id).items():
        if other != connection_id and present == ends:
            raise EditConflict(f"the connection {other} has the same ends already")
