"""The library for browsers, beside the server whose documents it edits."""

import base64
import json
from typing import Any

from clients.js import schema
from crdt.document.document import Document
from crdt.document.schema import root_map
from crdt.pipeline.model import MISSING
from tests.cases.cases import outcome, rows_of
from tests.cases.made_up import Author
from tests.clients.javascript import compiled, compiled_tests, run
from tests.crdt.vandal import Vandal
from tests.interop.stock import node
from tests.rounds import SOAK, some

SHAPES = some(range(38), few=10)
"""Of wrong values (clients/js/test/vandal.ts)."""

SEEDS = some(range(100), few=10)
EDITS = some(range(400), few=25)


def test_the_schema_is_the_one_of_the_server() -> None:
    for target, content in schema.written().items():
        assert target.read_text() == content, "run `python -m clients.js.schema`"


def test_types_and_compiled_tests_the_library_pass() -> None:
    folder = compiled()
    print(f"shapes {SHAPES}")
    named = {} if SOAK else {"PIPELOOM_TEST_SHAPES": ",".join(map(str, SHAPES))}
    tests = map(str, compiled_tests(folder))
    printed = run(node(), "--test", "--test-reporter=tap", *tests, **named)
    assert "\n# fail 0\n" in printed
    assert "\n# pass 0\n" not in printed


def vandalised(seed: int) -> Document:
    vandal, document = Vandal(seed), Document(1)
    for _ in range(10):
        contents = {
            "steps": vandal.entries(vandal.step_keys, vandal.any_step),
            "connections": vandal.entries(vandal.wire_keys, vandal.any_wire),
        }
        with document.transact():
            for root, entries in contents.items():
                for key, value in entries.items():
                    _put(root_map(document, root), key, value)
    return document


def _put(root: Any, key: str, value: Any) -> None:
    if value is not MISSING:
        root[key] = _small(value)
    elif key in root:
        del root[key]


def _small(value: Any) -> Any:
    """Replace integers that no document can hold."""
    if isinstance(value, dict):
        return {key: _small(item) for key, item in value.items()}
    return float("inf") if isinstance(value, int) and abs(value) > 2**53 else value


def test_the_library_shows_the_rows_of_the_tables_whatever_a_document_holds() -> None:
    print(f"seeds {SEEDS}")
    documents = [vandalised(seed) for seed in SEEDS]
    updates = [base64.b64encode(document.encode()).decode() for document in documents]
    script = compiled() / "test" / "rowsOfUpdates.js"
    shown = json.loads(run(node(), str(script), stdin=json.dumps(updates)))
    for seed, document, rows in zip(SEEDS, documents, shown, strict=True):
        assert rows == rows_of(document), f"seed {seed}"


def test_library_and_server_make_the_same_of_the_same_edits() -> None:
    print(f"seeds {EDITS}")
    cases = [Author(seed).case() for seed in EDITS]
    script = compiled() / "test" / "runCases.js"
    made = json.loads(run(node(), str(script), stdin=json.dumps(cases)))
    for seed, case, result in zip(EDITS, cases, made, strict=True):
        assert result == outcome(case), f"seed {seed}"
