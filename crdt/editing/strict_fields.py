"""Checks the fields that an edit by the server sets, by their declarations.

A client on a socket may write anything, and the tables show as much of it as they can hold. An edit
by the server is checked before it is made: InvalidEdit names the field and what was expected.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from crdt.document.schema import SAFE_INTEGER, SETTINGS_MAPS
from crdt.errors import InvalidEdit
from crdt.pipeline.fields import EntryId, Field, Text, is_entry_id
from crdt.pipeline.json_values import MAX_LEVELS, Fault, StorableJson
from crdt.pipeline.model import Json, JsonMap
from crdt.validation.diagnostics import shown

MAX_ENTRY: Final = 1024 * 1024
"""Most characters of JSON that the fields of one edit by the server may have together."""

_FAULTS: Final = {
    Fault.TEXT: "holds NUL or half a surrogate pair: leave it out",
    Fault.NUMBER: "holds a number that is not finite or beyond 1e308: write it as a text",
    Fault.DEPTH: f"is nested deeper than {MAX_LEVELS} levels: flatten it",
}


def check_id(value: Json) -> None:
    """Refuse what is no key of an entry. Raises InvalidEdit."""
    if not is_entry_id(value):
        raise InvalidEdit(f"expected {EntryId.expected}, got {shown(value)}", "id")


def check_fields(table: Mapping[str, Field], fields: JsonMap) -> None:
    """Refuse unknown fields, and values that do not fit. Raises InvalidEdit."""
    for name, value in fields.items():
        if name not in table:
            raise InvalidEdit(f"no such field; there are {', '.join(table)}", name)
        check_storable(name, value)
        _check_kind(name, table[name], value)
    size = len(json.dumps(fields, ensure_ascii=False))
    if size > MAX_ENTRY:
        raise InvalidEdit(f"expected at most {MAX_ENTRY} characters of JSON, got {size}")


def _check_kind(name: str, field: Field, value: Json) -> None:
    if not field.accepts(value):
        is_text = isinstance(field.kind, Text) and isinstance(value, str) and value
        got = f"{len(value)} characters" if is_text else shown(value)  # type: ignore[arg-type]
        raise InvalidEdit(f"expected {field.kind.expected}, got {got}", name)


def check_required(table: Mapping[str, Field], fields: JsonMap) -> None:
    """Refuse a new entry that lacks a field which has no default. Raises InvalidEdit."""
    for name, field in table.items():
        if field.is_required and name not in fields:
            raise InvalidEdit(f"expected {field.kind.expected}, got nothing", name)


def check_storable(field: str, value: Json) -> None:
    """Refuse a value that documents and tables cannot both hold. Raises InvalidEdit.

    PostgreSQL stores neither NUL nor half a surrogate pair in text or jsonb, and JavaScript holds
    integers beyond 2^53 only roughly.
    """
    guard = StorableJson()
    try:
        guard.clean(value, level=2)
    except RecursionError:
        guard.faults = {Fault.DEPTH}
    for fault in sorted(guard.faults, key=lambda fault: fault.value):
        raise InvalidEdit(_FAULTS[fault], field)
    if any(abs(number) > SAFE_INTEGER for number in _integers(value)):
        raise InvalidEdit("holds an integer beyond 2^53: write it as a text", field)


def _integers(value: Json) -> list[int]:
    match value:
        case bool():
            return []
        case int():
            return [value]
        case Mapping():
            return [number for item in value.values() for number in _integers(item)]
        case Sequence() if not isinstance(value, str):
            return [number for item in value for number in _integers(item)]
        case _:
            return []


def merge_patch(target: Json, patch: Json) -> Json:
    """Return a value with a JSON merge patch applied (RFC 7396, section 2).

    A null in the patch removes its key, a map merges, and any other value, a list too, replaces.
    """
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def merged_fields(
    table: Mapping[str, Field], present: JsonMap, changes: JsonMap
) -> dict[str, Json]:
    """Return the changed fields as they are to be, with merge patches applied to the present ones.

    Raises InvalidEdit, for a patch that does not fit and for a result that does not.
    """
    check_fields(table, changes)
    wanted = {
        field: merge_patch(present.get(field), value) if field in SETTINGS_MAPS else value
        for field, value in changes.items()
    }
    check_fields(table, wanted)
    return wanted
