"""What is put into a document is read back, and nothing in a document stops the reader."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment

from crdt.document.document import Document
from crdt.document.schema import NOTHING, SAFE_INTEGER, PipelineReader, Touched, seed, to_json
from crdt.pipeline.fields import plain_values
from crdt.pipeline.model import (
    MISSING,
    Connection,
    Json,
    Pipeline,
    PipelineSettings,
    Point,
    Size,
    Step,
)
from tests.crdt.entries import key
from tests.crdt.raw_updates import chain, in_root, in_type, update, value

A, B, WIRE = key(1), key(2), key(3)

STEP = Step(
    A,
    "Zusammenfassung 😀",
    "claude",
    enabled=False,
    parent_step_id=B,
    slot="else",
    order="a1",
    position=Point(10, -2.5),
    size=Size(300, 120),
    config={
        "prompt": [{"type": "static", "content": "words"}, "bare"],
        "description": "what it does",
        "options": {"max_tokens": 4000, "temperature": 0.5, "nested": {"x": [1, None]}},
        "tasks": ["plain", {"prompt": "p"}],
        "conversation": [],
        "flags": [True, False],
    },
    source={"comment": "# kept"},
)
SETTINGS = PipelineSettings(
    "Pipeline",
    description="long text",
    yaml_version="v2",
    status="active",
    tags=("a", "b"),
    config={"workspace": "w"},
    defaults={"model": "m"},
    authentication={"key": "k"},
    is_template=True,
    source={"header": "x"},
)
PIPELINE = Pipeline(
    SETTINGS,
    {A: STEP, B: Step(B, "b", "for_loop")},
    {WIRE: Connection(WIRE, A, B, "out", "in", path_data={"points": [1, 2]})},
)


def root(document: Document, name: str = "steps") -> "Map[Any]":
    shared: Map[Any] = document.doc.get(name, type=Map)
    return shared


@pytest.fixture
def document() -> Document:
    document = Document(client_id=1)
    seed(document, PIPELINE)
    return document


@pytest.fixture
def reader(document: Document) -> PipelineReader:
    return PipelineReader(document)


class TestSeed:
    def test_a_step_reads_back(self, reader: PipelineReader) -> None:
        assert reader.step(A) == {
            "name": STEP.name,
            "type": "claude",
            **plain_values(STEP),
            "parent_step_id": B,
            "slot": "else",
            "order": "a1",
            "position": {"x": 10, "y": -2.5},
            "size": {"width": 300, "height": 120},
            "config": STEP.config,
            "source": {"comment": "# kept"},
        }

    def test_a_connection_reads_back(self, reader: PipelineReader) -> None:
        assert reader.connection(WIRE) == {
            "ends": {
                "from_step_id": A,
                "to_step_id": B,
                "from_output": "out",
                "to_input": "in",
            },
            "path_data": {"points": [1, 2]},
        }

    def test_settings_read_back(self, reader: PipelineReader) -> None:
        assert reader.settings() == {
            "name": "Pipeline",
            "description": "long text",
            "yaml_version": "v2",
            "status": "active",
            "tags": ["a", "b"],
            "config": {"workspace": "w"},
            "defaults": {"model": "m"},
            "authentication": {"key": "k"},
            "is_template": True,
            "source": {"header": "x"},
        }

    def test_the_update_is_the_whole_document(self) -> None:
        document, copy = Document(), Document()
        copy.apply(seed(document, PIPELINE))
        ours, theirs = PipelineReader(document), PipelineReader(copy)
        assert theirs.step_keys() == ours.step_keys() == {A, B}
        assert theirs.connection_keys() == {WIRE}
        assert theirs.step(A) == ours.step(A)

    def test_the_least_pipeline_has_no_optional_keys(self) -> None:
        document = Document()
        seed(document, Pipeline(PipelineSettings("p"), {A: Step(A, "a", "bash")}))
        settings = PipelineReader(document).settings()
        assert isinstance(settings, dict)
        assert settings["description"] is None
        assert "source" not in settings
        assert "source" not in root(document)[A]


class TestCoEditing:
    def test_long_texts_can_be_typed_into(self, document: Document) -> None:
        config = root(document)[A]["config"]
        assert isinstance(config["description"], Text)
        assert isinstance(config["prompt"][0]["content"], Text)
        assert isinstance(config["tasks"][1]["prompt"], Text)
        assert isinstance(root(document, "pipeline")["description"], Text)

    def test_a_bare_prompt_can_be_typed_into(self) -> None:
        document = Document()
        step = Step(A, "a", "claude", config={"prompt": "words"})
        seed(document, Pipeline(PipelineSettings("p"), {A: step}))
        assert isinstance(root(document)[A]["config"]["prompt"], Text)

    def test_options_can_be_set_one_by_one(self, document: Document) -> None:
        assert isinstance(root(document)[A]["config"]["options"], Map)

    @pytest.mark.parametrize("field", ["position", "size"])
    def test_a_place_is_one_value(self, document: Document, field: str) -> None:
        """Two keys would leave a tombstone for every drag, and mix two people's drags."""
        assert isinstance(root(document)[A][field], dict)

    def test_the_ends_of_a_connection_are_one_value(self, document: Document) -> None:
        assert isinstance(root(document, "connections")[WIRE]["ends"], dict)


class TestNumbers:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            (4000, 4000),
            (4000.0, 4000),
            (-0.0, 0),
            (0.5, 0.5),
            (1e300, 1e300),
            (SAFE_INTEGER, SAFE_INTEGER),
            (-SAFE_INTEGER, -SAFE_INTEGER),
            (2**60, 2**60),
            (math.inf, None),
            (-math.inf, None),
            (math.nan, None),
            (True, True),
        ],
    )
    @pytest.mark.parametrize("wrap", [lambda x: x, lambda x: Map({"k": x}), lambda x: {"k": [x]}])
    def test_whole_numbers_are_integers_and_what_is_none_is_null(
        self, written: float, read: Json, wrap: Callable[[object], object]
    ) -> None:
        document = Document()
        with document.transact():
            root(document)["n"] = wrap(written)
        found = to_json(root(document)["n"])
        if isinstance(found, dict):
            found = found["k"]
        if isinstance(found, list):
            [found] = found
        assert (found, type(found)) == (read, type(read))

    def test_what_is_read_is_json(self, reader: PipelineReader) -> None:
        assert json.loads(json.dumps(reader.step(A), allow_nan=False)) == reader.step(A)


HOSTILE: dict[str, tuple[object, Json]] = {
    "null": (None, None),
    "text": ('a"b\\c\n\x00\u2028é😀', 'a"b\\c\n\x00\u2028é😀'),
    "shared text": (Text('a"b\\c\n\x00é😀'), 'a"b\\c\n\x00é😀'),
    "bytes": (b"\x00\xff", [0, 255]),
    "nested bytes": ({"b": b"\x01"}, {"b": [1]}),
    "array": (Array([1, Text("x"), Map()]), [1, "x", {}]),
    "keys": (Map({'k"\\\n': 1, "": 2}), {'k"\\\n': 1, "": 2}),
    "xml": (XmlFragment([XmlElement("n", {"a": '"'})]), '<n a="""></n>'),
    "xml inside": (Map({"x": XmlFragment([XmlElement("n", {"a": '"'})])}), {"x": '<n a="""></n>'}),
}


class TestHostileContent:
    @pytest.mark.parametrize(("written", "read"), HOSTILE.values(), ids=HOSTILE.keys())
    def test_any_value_reads_as_json(self, written: object, read: Json) -> None:
        document = Document()
        reader = PipelineReader(document)
        with document.transact():
            root(document)["k"] = written
        assert reader.step("k") == read

    def test_a_document_inside_reads_the_same_everywhere(self) -> None:
        document, copy = Document(), Document()
        with document.transact() as updates:
            root(document)["k"] = Doc()
            root(document)["m"] = Map({"k": Doc()})
        copy.apply(updates[0])
        ours, theirs = PipelineReader(document), PipelineReader(copy)
        assert ours.step("k") == theirs.step("k")
        assert ours.step("m") == theirs.step("m")
        # As an entry it must not look like one with fields.
        assert isinstance(ours.step("k"), str)
        assert set(cast("Any", ours.step("m"))["k"]) == {"guid"}

    @pytest.mark.parametrize("key", ["k", None])
    @pytest.mark.parametrize(
        ("kind", "content"),
        [
            (1, b"\x05"),
            (3, b"\x02\x00\xff"),
            (4, b"\x03abc"),
            (5, b"\x02{}"),
            (7, b"\x01"),
            (7, b"\x03\x01n"),
            (8, b"\x03\x78\x79\x7d\x05"),
            (8, value(b"\x7f")),
            (8, value(b"\x7a\x7f" + b"\xff" * 7)),
        ],
    )
    @pytest.mark.parametrize("name", ["steps", "connections", "pipeline"])
    def test_content_that_no_editor_writes_is_read(
        self, kind: int, content: bytes, name: str, key: str | None
    ) -> None:
        document = Document()
        reader = PipelineReader(document)
        assert document.apply(update(in_root(kind, content, name, key)))
        for step in reader.step_keys():
            json.dumps(reader.step(step), allow_nan=False)
        for connection in reader.connection_keys():
            json.dumps(reader.connection(connection), allow_nan=False)
        json.dumps(reader.settings(), allow_nan=False)
        assert isinstance(reader.take_touched(), Touched)

    @pytest.mark.parametrize("kind", [Text, Array, XmlFragment])
    def test_a_root_written_as_another_type_has_no_keys(self, kind: Any) -> None:
        other: Doc[Any] = Doc()
        shared = other.get("steps", type=kind)
        if kind is Text:
            shared += "words"
        elif kind is Array:
            shared.append(Map({"a": 1}))
        else:
            shared.children.append(XmlElement("n"))
        document = Document()
        document.apply(other.get_update())
        assert PipelineReader(document).step_keys() == set()

    def test_what_is_too_deep_for_json_reads_as_null(self) -> None:
        document = Document()
        document.apply(update(*chain(3_500)))
        assert PipelineReader(document).step("k") is None

    def test_a_missing_key_is_absent(self, reader: PipelineReader) -> None:
        assert reader.step("no") is MISSING
        assert reader.connection("no") is MISSING


class TestTouched:
    def test_nothing_is_touched_at_first(self, reader: PipelineReader) -> None:
        assert not reader.take_touched()

    @pytest.mark.parametrize(
        ("change", "steps"),
        [
            (lambda steps: steps[A].update({"name": "new"}), {A}),
            (lambda steps: steps[A]["config"].update({"x": 1}), {A}),
            (lambda steps: steps[A]["config"]["prompt"][0]["content"].insert(0, "x"), {A}),
            (lambda steps: steps.update({"new": Map()}), {"new"}),
            (lambda steps: steps.update({"new": 5}), {"new"}),
            (lambda steps: steps.pop(A), {A}),
            (lambda steps: [steps.pop(A), steps[B].update({"name": "x"})], {A, B}),
        ],
    )
    def test_a_step_is_touched_however_deep_the_change(
        self,
        document: Document,
        reader: PipelineReader,
        change: "Callable[[Map[Any]], object]",
        steps: set[str],
    ) -> None:
        with document.transact():
            change(root(document))
        touched = reader.take_touched()
        assert touched == Touched(False, frozenset(steps), frozenset())
        assert touched
        assert not reader.take_touched()

    @pytest.mark.parametrize(
        ("changes", "moved"),
        [
            ([lambda steps: steps[A].update({"position": {"x": 1, "y": 2}})], {A}),
            ([lambda steps: steps[A].update({"position": 5})], {A}),
            ([lambda steps: steps[A].pop("position")], {A}),
            ([lambda steps: steps[A].update({"position": {}, "name": "n"})], set()),
            ([lambda steps: steps[A].update({"size": {"width": 1, "height": 2}})], set()),
            ([lambda steps: steps[A]["config"].update({"position": {}})], set()),
            ([lambda steps: steps.update({A: Map({"position": {}})})], set()),
            ([lambda steps: steps.update({"position": Map()})], set()),
            ([lambda steps: steps.pop(A)], set()),
            ([lambda steps: [steps[one].update({"position": one}) for one in (A, B)]], {A, B}),
            (
                [
                    lambda steps: steps[A].update({"position": {}}),
                    lambda steps: steps[A].update({"name": "n"}),
                    lambda steps: steps[A].update({"position": {}}),
                    lambda steps: steps[B].update({"position": {}}),
                ],
                {B},
            ),
        ],
    )
    @pytest.mark.parametrize("is_taken_each_time", [True, False])
    def test_a_step_of_which_nothing_else_changed_has_moved(
        self,
        document: Document,
        reader: PipelineReader,
        changes: "Sequence[Callable[[Map[Any]], object]]",
        moved: set[str],
        *,
        is_taken_each_time: bool,
    ) -> None:
        touched = NOTHING
        for change in changes:
            with document.transact():
                change(root(document))
            if is_taken_each_time:
                touched = touched.merged(reader.take_touched())
        assert touched.merged(reader.take_touched()).moved == moved

    def test_touches_add_up_until_they_are_taken(
        self, document: Document, reader: PipelineReader
    ) -> None:
        for step in (A, B):
            with document.transact():
                root(document)[step]["name"] = "new"
        with document.transact():
            root(document, "connections")[WIRE]["ends"] = {}
        with document.transact():
            root(document, "pipeline")["tags"].append("c")
        assert reader.take_touched() == Touched(True, frozenset({A, B}), frozenset({WIRE}))

    def test_what_others_write_is_touched(self, document: Document, reader: PipelineReader) -> None:
        copy = Document(client_id=2)
        copy.apply(document.encode())
        with copy.transact() as updates:
            del root(copy, "connections")[WIRE]
            root(copy)[A]["config"]["x"] = Map({"y": 1})
        document.apply(updates[0])
        assert reader.take_touched() == Touched(False, frozenset({A}), frozenset({WIRE}))
        assert reader.connection(WIRE) is MISSING

    def test_what_waited_is_touched_when_it_takes_effect(self) -> None:
        document = Document()
        reader = PipelineReader(document)
        document.apply(update(in_type(8, value(b"\x7e"), (1, 0), key="x"), client=2))
        assert not reader.take_touched()
        document.apply(update(in_root(7, b"\x01")))
        assert reader.take_touched().steps == {"k"}
        assert reader.step("k") == {"x": None}

    def test_what_the_server_says_about_it_is_no_touch(
        self, document: Document, reader: PipelineReader
    ) -> None:
        with document.transact():
            root(document, "diagnostics")["d"] = Map({"code": "x"})
        assert not reader.take_touched()
