"""The fields that an edit by the server may set, and what each may hold.

A client on a socket may write anything, and the tables show what can be shown of it. An edit by the
server is checked before it is made instead: whoever asked for it is told what is wrong.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeAlias

from crdt.document.schema import SAFE_INTEGER, SETTINGS_MAPS
from crdt.errors import InvalidEdit
from crdt.pipeline.json_values import MAX_LEVELS, Fault, StorableJson
from crdt.pipeline.model import Json, JsonMap
from crdt.pipeline.reordering import is_usable_order
from crdt.pipeline.rows import MAX_NAME, MAX_PORT, MAX_SLOT, MAX_TYPE
from crdt.validation.diagnostics import shown
from crdt.validation.entries import MAX_TAG, MAX_TAGS, STATUSES
from crdt.validation.lenient_fields import FARTHEST

MAX_ENTRY: Final = 1024 * 1024
"""Largest step, connection or settings that an edit by the server may write: characters of JSON."""

MAX_DESCRIPTION: Final = 100_000

Check: TypeAlias = Callable[[str, Json], None]
"""Takes a field's name and value. Raises InvalidEdit."""

_FAULTS: Final = {
    Fault.TEXT: "holds NUL or half a surrogate pair: leave it out",
    Fault.NUMBER: "holds a number that is not finite or beyond 1e308: write it as a text",
    Fault.DEPTH: f"is nested deeper than {MAX_LEVELS} levels: flatten it",
}
_UUID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_id(field: str, value: Json) -> None:
    """A lower-case UUID."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise InvalidEdit(f"expected a lower-case UUID, got {shown(value)}", field)


def check_fields(checks: Mapping[str, Check], fields: JsonMap) -> None:
    """Refuse unknown fields, and values that do not fit. Raises InvalidEdit."""
    for field, value in fields.items():
        if field not in checks:
            raise InvalidEdit(f"no such field; there are {', '.join(checks)}", field)
        check_storable(field, value)
        checks[field](field, value)
    size = len(json.dumps(fields, ensure_ascii=False))
    if size > MAX_ENTRY:
        raise InvalidEdit(f"expected at most {MAX_ENTRY} characters of JSON, got {size}")


def check_storable(field: str, value: Json) -> None:
    """A value that documents and tables can hold alike."""
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


def _text(limit: int, field: str, value: Json) -> None:
    if not isinstance(value, str) or not value.strip() or len(value) > limit:
        got = f"{len(value)} characters" if isinstance(value, str) and value else shown(value)
        raise InvalidEdit(f"expected a text of 1 to {limit} characters, got {got}", field)


def _flag(field: str, value: Json) -> None:
    if not isinstance(value, bool):
        raise InvalidEdit(f"expected true or false, got {shown(value)}", field)


def _map(field: str, value: Json) -> None:
    if not isinstance(value, Mapping):
        raise InvalidEdit(f"expected a map, got {shown(value)}", field)


def _optional(check: Check, field: str, value: Json) -> None:
    if value is not None:
        check(field, value)


def _pair(keys: tuple[str, str], above: float, field: str, value: Json) -> None:
    fits = isinstance(value, Mapping) and set(value) == set(keys)
    if not fits or not all(_is_in_range(each, above) for each in value.values()):  # type: ignore[union-attr]
        expected = f"a map of numbers {keys[0]} and {keys[1]}, above {above:g} and up to 1e9"
        raise InvalidEdit(f"expected {expected}, got {shown(value)}", field)


def _is_in_range(value: Json, above: float) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and above < value <= FARTHEST  # type: ignore[operator]


def _order(field: str, value: Json) -> None:
    if not isinstance(value, str) or not is_usable_order(value):
        raise InvalidEdit(f"expected a fractional index in base 62, got {shown(value)}", field)


def _status(field: str, value: Json) -> None:
    if value not in STATUSES:
        raise InvalidEdit(f"expected one of {', '.join(STATUSES)}, got {shown(value)}", field)


def _description(field: str, value: Json) -> None:
    if not isinstance(value, str) or len(value) > MAX_DESCRIPTION:
        expected = f"a text of at most {MAX_DESCRIPTION} characters"
        raise InvalidEdit(f"expected {expected}, got {shown(value)}", field)


def _tags(field: str, value: Json) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_TAGS:
        raise InvalidEdit(f"expected a list of at most {MAX_TAGS} texts", field)
    for tag in value:
        _text(MAX_TAG, field, tag)
    if len(set(value)) < len(value):
        raise InvalidEdit("expected every tag once", field)


_name = partial(_text, MAX_NAME)

STEP_CHECKS: Final[Mapping[str, Check]] = {
    "name": _name,
    "type": partial(_text, MAX_TYPE),
    "enabled": _flag,
    "parent_step_id": partial(_optional, check_id),
    "slot": partial(_text, MAX_SLOT),
    "order": _order,
    "position": partial(_pair, ("x", "y"), -FARTHEST),
    "size": partial(_pair, ("width", "height"), 0),
    "config": _map,
}
CONNECTION_CHECKS: Final[Mapping[str, Check]] = {
    "from_step_id": check_id,
    "to_step_id": check_id,
    "from_output": partial(_text, MAX_PORT),
    "to_input": partial(_text, MAX_PORT),
    "path_data": lambda *_: None,
}
SETTINGS_CHECKS: Final[Mapping[str, Check]] = {
    "name": _name,
    "description": partial(_optional, _description),
    "yaml_version": partial(_text, MAX_TYPE),
    "status": _status,
    "tags": _tags,
    "config": _map,
    "defaults": _map,
    "authentication": _map,
    "is_template": _flag,
}


def merge_patch(target: Json, patch: Json) -> Json:
    """Apply a JSON merge patch (RFC 7396): null removes a key, maps merge, the rest replaces."""
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
    checks: Mapping[str, Check], present: JsonMap, changes: JsonMap
) -> dict[str, Json]:
    """Return what the changed fields come to. Raises InvalidEdit."""
    check_fields(checks, changes)
    wanted = {
        field: merge_patch(present.get(field), value) if field in SETTINGS_MAPS else value
        for field, value in changes.items()
    }
    check_fields(checks, wanted)
    return wanted
