"""The table of cases that the server and the client libraries agree on: `pipeline.json`.

Each case has a document, the calls made on it, and what comes of them: whether each is refused, the
document afterwards, and its rows. `tests/crdt/editing/test_shared_cases.py` runs them against
`crdt/editing`, and `clients/js/test/cases.test.ts` against the library for browsers.

In a document `{"$map": …}`, `{"$array": …}` and `{"$text": …}` are shared types. An entry without
such a mark is written as the schema has it (`crdt/document/schema.py`). A case may have `server`:
the calls by which the server does what takes the library one. `python -m tests.cases.cases` fills
in what the server makes of new cases.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, TypeAlias

from pycrdt import Array, Map, Text

from clients.js.schema import STRUCTURAL
from crdt.document.document import Document
from crdt.document.schema import PipelineReader, root_map, shared_field, shared_setting, to_json
from crdt.editing.editor import Editor
from crdt.editing.verbs import (
    LAST,
    delete_connection,
    delete_step,
    patch_connection,
    patch_settings,
    patch_step,
    put_connection,
    put_step,
)
from crdt.errors import EditConflict, EditRefused, InvalidEdit, UnknownEntry
from crdt.pipeline.rows import UNSUPPORTED, Rows
from crdt.validation.diagnostics import Code
from crdt.validation.reading import read_valid

TABLE: Final = Path(__file__).parent / "pipeline.json"
ROOTS: Final = ("pipeline", "steps", "connections")
REFUSALS: Final[Mapping[type[EditRefused], str]] = {
    InvalidEdit: "invalid_edit",
    UnknownEntry: "unknown_entry",
    EditConflict: "edit_conflict",
}
Case: TypeAlias = dict[str, Any]


def load() -> list[Case]:
    """Read the table."""
    cases: list[Case] = json.loads(TABLE.read_text())
    return cases


def outcome(case: Case) -> Case:
    """Run a case against the server; return `refused`, `after` and `rows`."""
    document = Document(1)
    with document.transact():
        for root in ROOTS:
            for key, value in case["document"].get(root, {}).items():
                root_map(document, root)[key] = _built(root, key, value)
    editor = Editor(document)
    refused = [_call(document, editor, *call) for call in case.get("server", case["calls"])]
    after = {root: _written(root_map(document, root))["$map"] for root in ROOTS}
    if "server" in case:
        refused = [None] * len(case["calls"])
    return {"refused": refused, "after": after, "rows": rows_of(document)}


def rows_of(document: Document) -> Case:
    """Return the rows as REST and the libraries show them."""
    rows = read_valid(PipelineReader(document)).rows()
    return {
        "settings": _settings(rows),
        "steps": {str(row.id): _step(row) for row in rows.steps.values()},
        "connections": {
            str(row.id): json.loads(json.dumps(asdict(row), default=str))
            for row in rows.connections.values()
        },
        "diagnostics": sorted(
            [each.subject, each.code, each.severity, each.path]
            for each in rows.diagnostics.values()
            if Code(each.code) in STRUCTURAL
        ),
    }


def _settings(rows: Rows) -> Any:
    assert rows.pipeline is not None
    return json.loads(json.dumps(asdict(rows.pipeline)))


def _step(row: Any) -> Case:
    fields = asdict(row)
    declared = fields.pop("declared_type")
    fields["supported"] = fields["type"] != UNSUPPORTED
    fields["type"] = declared or fields["type"]
    fields["position"] = {"x": fields.pop("position_x"), "y": fields.pop("position_y")}
    fields["size"] = {"width": fields.pop("width"), "height": fields.pop("height")}
    shown: Case = json.loads(json.dumps(fields, default=str))
    return shown


def _built(root: str, key: str, value: Any) -> Any:
    """Make an entry: a shared type by its mark, or what the schema has for it."""
    marked = _marked(value)
    if marked is not value or not isinstance(value, dict) or root == "pipeline":
        return shared_setting(key, value) if marked is value and root == "pipeline" else marked
    if root == "connections":
        return Map({each: _marked(item) for each, item in value.items()})
    return Map(
        {
            each: shared_field(each, item) if _marked(item) is item else _marked(item)
            for each, item in value.items()
        }
    )


def _marked(value: Any) -> Any:
    match value:
        case {"$map": dict(items)}:
            return Map({key: _marked(item) for key, item in items.items()})
        case {"$array": list(items)}:
            return Array([_marked(item) for item in items])
        case {"$text": str(text)}:
            return Text(text)
    return value


def _written(value: Any) -> Any:
    match value:
        case Map():
            return {"$map": {key: _written(value[key]) for key in sorted(value.keys())}}
        case Array():
            return {"$array": [_written(item) for item in value]}
        case Text():
            return {"$text": str(value)}
    return to_json(value)


def _call(document: Document, editor: Editor, verb: str, given: Case) -> str | None:
    try:
        with document.transact():
            _VERBS[verb](editor, dict(given))
    except EditRefused as refusal:
        return REFUSALS[type(refusal)]
    return None


def _add_step(editor: Editor, given: Case) -> None:
    key, before = given.pop("id"), given.pop("before", None)
    _check_new(editor.steps, key)
    put_step(editor, key, given, before=before)


def _connect(editor: Editor, given: Case) -> None:
    key = given.pop("id")
    _check_new(editor.connections, key)
    put_connection(editor, key, given)


def _check_new(root: "Map[Any]", key: str) -> None:
    """Refuse what is there: the server's verbs would replace it, as PUT does."""
    if key in root:
        raise EditConflict(f"{key} is there already")


def _patch_step(editor: Editor, given: Case) -> None:
    before = {"before": given.pop("before") or LAST} if "before" in given else {}
    patch_step(editor, given.pop("id"), given, **before)


def _place_step(editor: Editor, given: Case) -> None:
    key, before = given.pop("id"), given.pop("before", None)
    place = {"parent_step_id": given.pop("parent", None), "slot": "steps", **given}
    patch_step(editor, key, place, before=before or LAST)


def _patch_config(editor: Editor, given: Case) -> None:
    patch_step(editor, given["id"], {"config": given["patch"]})


def _patch_connection(editor: Editor, given: Case) -> None:
    patch_connection(editor, given.pop("id"), given)


def _disconnect(editor: Editor, given: Case) -> None:
    delete_connection(editor, given["id"])


def _remove(editor: Editor, given: Case) -> None:
    for key in given["ids"]:
        if key in editor.steps:
            delete_step(editor, key)
        elif key in editor.connections:
            delete_connection(editor, key)


_VERBS: Final[Mapping[str, Callable[[Editor, Case], None]]] = {
    "addStep": _add_step,
    "patchStep": _patch_step,
    "moveStep": _patch_step,
    "renameStep": _patch_step,
    "placeStep": _place_step,
    "patchConfig": _patch_config,
    "connect": _connect,
    "patchConnection": _patch_connection,
    "disconnect": _disconnect,
    "remove": _remove,
    "patchSettings": patch_settings,
}


def written(cases: list[Case]) -> str:
    """Return the table with what the server makes of each case."""
    # Sorted, since the library for documents in Python has the keys of a map in any order.
    made = [json.loads(json.dumps(outcome(case), sort_keys=True)) for case in cases]
    lines = [
        json.dumps({**case, **new}, ensure_ascii=False)
        for case, new in zip(cases, made, strict=True)
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    TABLE.write_text(written(load()))
