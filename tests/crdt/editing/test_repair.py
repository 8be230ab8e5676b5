"""A repair makes the document say what the tables show: once, and by the smallest edit."""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, root_map, shared_value, to_json
from crdt.document.write import storable
from crdt.editing.repair import MAX_DIAGNOSTICS, RESTORABLE_FOR, Mended, Moment, mend, repair
from crdt.pipeline.fields import STEP
from crdt.pipeline.model import MISSING, Json
from crdt.pipeline.rows import Rows
from crdt.validation.diagnostics import Code
from crdt.validation.entries import connection_entry, step_entry
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from crdt.validation.valid_pipeline import ValidPipeline
from tests.crdt import entries
from tests.crdt.entries import A, B, C, D, key, line, names, wire
from tests.crdt.vandal import Vandal
from tests.rounds import rounds, some

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
NOW = Moment(NOON)
LEFT = {
    Code.UNSUPPORTED_TYPE,
    Code.TEXT_CUT,
    Code.UNSTORABLE_TEXT,
    Code.UNSTORABLE_NUMBER,
    Code.NESTED_TOO_DEEP,
}
MEANT = {
    Code.MISSING_FIELD,
    Code.INVALID_PROMPT,
    Code.DANGLING_REFERENCE,
    Code.AMBIGUOUS_REFERENCE,
    Code.UNREACHABLE_STEP,
    Code.DATA_CYCLE,
}


def step(name: str, **fields: Json) -> dict[str, Json]:
    """A step of a type that needs no fields, so that it gives rise to no diagnostics."""
    return entries.step(name, **{"type": "test_echo", **fields})


class A_Day_Later(dict[tuple[str, str], datetime]):  # noqa: N801 - stands for a mapping
    """Everything was found a day before noon."""

    def get(self, finding: object, default: object = None) -> Any:
        return NOON - RESTORABLE_FOR


LATER = Moment(NOON, A_Day_Later())


def a_document(
    steps: dict[str, Json] | None = None, connections: dict[str, Json] | None = None
) -> Document:
    """A document with entries as an editor writes them."""
    document = Document(client_id=7)
    with document.transact():
        root_map(document, "pipeline")["name"] = "P"
        for root, entries in (("steps", steps or {}), ("connections", connections or {})):
            for each, entry in entries.items():
                root_map(document, root)[each] = Map(entry) if isinstance(entry, dict) else entry
    return document


def copy_of(document: Document, client_id: int) -> Document:
    copied = Document(client_id)
    copied.load(document.encode())
    return copied


def rows_of(document: Document) -> Rows:
    return read_valid(PipelineReader(document), Meaning()).rows()


def mended(document: Document, moment: Moment = NOW) -> Mended:
    reader = PipelineReader(document)
    return mend(document, reader, read_valid(reader, Meaning()), moment)


def entries_of(document: Document, root: str) -> Any:
    return to_json(root_map(document, root))


def codes(document: Document) -> set[str]:
    return {code for code, _ in rows_of(document).diagnostics} - MEANT


class TestRules:
    def test_a_document_without_faults_is_left_alone(self) -> None:
        document = a_document({A: step("a"), B: step("b", order="a1")}, {C: wire(A, B)})
        assert mended(document) == Mended(None, None)

    def test_of_two_names_the_second_gets_the_number_that_the_tables_show(self) -> None:
        document = a_document({A: step("dup"), B: step("dup")})
        assert mended(document).update is not None
        assert [entries_of(document, "steps")[each]["name"] for each in (A, B)] == [
            "dup",
            "dup (2)",
        ]

    def test_what_is_no_map_is_deleted(self) -> None:
        document = a_document({A: step("a"), B: "a step", "no uuid": step("c")}, {C: [A, A]})
        mended(document)
        assert entries_of(document, "steps").keys() == {A}
        assert entries_of(document, "connections") == {}

    @pytest.mark.parametrize("root", ["steps", "connections"])
    def test_a_document_inside_is_no_map_either(self, root: str) -> None:
        document = a_document({A: step("a")})
        with document.transact():
            root_map(document, root)[B] = Doc()
        copied = copy_of(document, 8)
        mended(copied)
        assert B not in entries_of(copied, root)
        assert codes(copied) == set()

    @pytest.mark.parametrize("root", ["diagnostics", "pipeline"])
    def test_what_is_nested_too_deep_to_be_read_hides_nothing_else(self, root: str) -> None:
        document = a_document({A: step("a", type="quantum")})
        with document.transact():
            innermost = root_map(document, root)
            for _ in range(998):
                innermost["deep"] = Map({})
                innermost = innermost["deep"]
        mended(document)
        assert (
            PipelineReader(document).settings()["name"]
            == root_map(document, "pipeline")["name"]
            == "P"
        )
        assert "deep" not in root_map(document, "diagnostics")
        assert mended(document) == mended(copy_of(document, 8)) == Mended(None, None)

    def test_each_line_is_put_in_order_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        lines: list[str] = []
        siblings = ValidPipeline.siblings
        monkeypatch.setattr(
            ValidPipeline, "siblings", lambda self, key: lines.append(key) or siblings(self, key)
        )
        document = a_document(
            {key(each): step(f"{each}", order=each, position="here") for each in range(1, 31)}
        )
        mended(document)
        assert (len(lines), codes(document)) == (1, set())

    def test_a_plain_mapping_becomes_a_map_whose_texts_people_can_share(self) -> None:
        document = a_document()
        raw: Json = {**step("a"), "config": {"prompt": "Say hello", "n": 1}}
        with document.transact():
            root_map(document, "steps")[A] = raw
        before = rows_of(document)
        mended(document)
        written = root_map(document, "steps")[A]
        assert isinstance(written, Map)
        assert isinstance(written["config"]["prompt"], Text)
        assert rows_of(document) == before

    def test_a_cycle_is_cut_above_its_smallest_id(self) -> None:
        document = a_document(
            {A: step("a", parent_step_id=B, slot="x"), B: step("b", parent_step_id=A)}
        )
        mended(document)
        written = entries_of(document, "steps")
        assert (written[A]["parent_step_id"], written[A]["slot"]) == (None, "steps")
        assert written[B]["parent_step_id"] == A

    def test_a_step_without_its_parent_comes_to_the_top_level(self) -> None:
        document = a_document({A: step("a", parent_step_id=D)})
        mended(document)
        assert entries_of(document, "steps")[A]["parent_step_id"] is None

    def test_values_of_the_wrong_kind_give_way_and_the_others_stay(self) -> None:
        document = a_document({A: step("a", enabled="yes", position=[1], config=3, more="kept")})
        mended(document)
        assert entries_of(document, "steps")[A] == {
            **step("a"),
            "enabled": True,
            "position": {"x": 0, "y": 0},
            "config": {},
            "more": "kept",
        }
        assert isinstance(root_map(document, "steps")[A]["config"], Map)

    @pytest.mark.parametrize("junk", ["", "a 1", "0", "x" * 1000, None, 5])
    def test_an_unusable_order_is_replaced_where_the_step_stands(self, junk: Json) -> None:
        orders: list[Json] = ["a0", junk, "a1"]
        document = a_document(
            {key(n): step(f"s{n}", order=order) for n, order in enumerate(orders, 1)}
        )
        before = line(rows_of(document))
        mended(document)
        written = entries_of(document, "steps")
        assert all(STEP["order"].accepts(each["order"]) for each in written.values())
        assert (written[key(1)]["order"], written[key(3)]["order"]) == ("a0", "a1")
        assert line(rows_of(document)) == before

    def test_of_two_equal_connections_the_smaller_id_stays(self) -> None:
        document = a_document({A: step("a")}, {C: wire(A, A), D: wire(A, A)})
        mended(document)
        assert entries_of(document, "connections").keys() == {C}

    def test_a_port_of_the_wrong_kind_becomes_the_default_one(self) -> None:
        document = a_document({A: step("a")}, {C: wire(A, A, to_input=4, from_output="left")})
        mended(document)
        ends = entries_of(document, "connections")[C]["ends"]
        assert (ends["from_output"], ends["to_input"]) == ("left", "input")

    def test_a_connection_with_nothing_at_its_ends_is_deleted_at_once(self) -> None:
        document = a_document({A: step("a")}, {C: {"ends": "nowhere"}, D: {}})
        mended(document)
        assert entries_of(document, "connections") == {}

    def test_the_settings_are_mended_too(self) -> None:
        document = a_document()
        with document.transact():
            root_map(document, "pipeline").update(
                {"name": 5, "status": "gone", "tags": Array(["a", 1, "a", "b"])}
            )
        mended(document)
        assert entries_of(document, "pipeline") == {
            "name": "Untitled pipeline",
            "status": "draft",
            "tags": ["a", "b"],
        }

    def test_what_only_no_column_can_hold_stays_as_it_was_written(self) -> None:
        document = a_document({A: step("n" * 600, type="{{later}}", config=Map({"t": "\0"}))})
        before = entries_of(document, "steps")
        mended(document)
        assert entries_of(document, "steps") == before
        assert codes(document) == {"text_cut", "unsupported_type", "unstorable_text"}


class TestConnectionsOutliveTheirStepsForADay:
    def test_the_document_keeps_it_until_then(self) -> None:
        document = a_document({A: step("a")}, {C: wire(A, B)})
        found_at = {("dangling_connection", f"connection:{C}"): NOON}
        almost = Moment(NOON + RESTORABLE_FOR - timedelta(seconds=1), found_at)
        assert mended(document, almost).next_at == NOON + RESTORABLE_FOR
        assert entries_of(document, "connections").keys() == {C}
        assert mended(document, Moment(NOON + RESTORABLE_FOR, found_at)).next_at is None
        assert entries_of(document, "connections") == {}

    def test_what_was_just_found_has_a_whole_day(self) -> None:
        document = a_document({A: step("a")}, {C: wire(A, B)})
        assert mended(document, NOW).next_at == NOON + RESTORABLE_FOR

    def test_an_undo_brings_it_back(self) -> None:
        document = a_document({A: step("a")}, {C: wire(A, B)})
        mended(document)
        with document.transact():
            root_map(document, "steps")[B] = Map(step("b"))
        assert mended(document).next_at is None
        assert len(rows_of(document).connections) == 1


class TestDiagnostics:
    def test_the_document_holds_what_is_left(self) -> None:
        document = a_document({A: step("a", type="quantum"), B: step("a")})
        mended(document)
        [diagnostic] = rows_of(document).diagnostics.values()
        assert entries_of(document, "diagnostics") == {
            f"unsupported_type:step:{A}": {
                "code": "unsupported_type",
                "subject": f"step:{A}",
                "severity": "warning",
                "message": diagnostic.message,
                "path": "/type",
                "suggestion": diagnostic.suggestion,
            }
        }

    def test_what_others_write_there_is_undone(self) -> None:
        document = a_document({A: step("a", type="quantum")})
        mended(document)
        before = entries_of(document, "diagnostics")
        with document.transact():
            held = root_map(document, "diagnostics")
            held["mine"] = "all is well"
            held[f"unsupported_type:step:{A}"] = Map({"severity": "fine"})
        mended(document)
        assert entries_of(document, "diagnostics") == before

    def test_only_what_differs_is_written(self) -> None:
        document = a_document({key(n): step(f"s{n}", type="quantum") for n in range(1, 50)})
        mended(document)
        with document.transact():
            root_map(document, "steps")[key(50)] = Map(step("s50", type="quantum"))
        update = mended(document).update
        assert update is not None
        assert len(update) < 600

    def test_there_are_at_most_so_many_and_errors_come_first(self) -> None:
        steps = {key(n): step(f"s{n}", type="quantum") for n in range(1, MAX_DIAGNOSTICS + 9)}
        document = a_document(steps, {key(999): wire(key(1), key(998))})
        mended(document)
        held = entries_of(document, "diagnostics")
        assert len(held) == MAX_DIAGNOSTICS
        assert f"dangling_connection:connection:{key(999)}" in held

    def test_writing_them_alone_is_no_repair(self) -> None:
        document = a_document({A: step("a", type="quantum")})
        written = mended(document)
        assert written.update is not None
        assert not written.is_repair

    @pytest.mark.parametrize(
        "steps",
        [{A: step("a"), B: step("a")}, {A: "no map"}, {A: step("a", order=5)}],
    )
    def test_what_changes_anything_else_is_one(self, steps: dict[str, Json]) -> None:
        assert mended(a_document(steps)).is_repair

    def test_a_repair_can_leave_them_alone(self) -> None:
        document = a_document({A: step("a"), B: step("a", type="quantum")})
        reader = PipelineReader(document)
        assert repair(document, reader, read_valid(reader, Meaning()), NOW) is not None
        assert entries_of(document, "diagnostics") == {}
        assert names(rows_of(document)) == {A: "a", B: "a (2)"}


def vandalized(seed: int) -> Document:
    """What two people leave behind who write anything anywhere and then merge."""
    vandal = Vandal(seed)
    ours, theirs = Document(1), Document(2)
    for document in (ours, theirs) * 2:
        _vandalize(document, vandal)
    ours.apply(theirs.encode())
    return ours


def _vandalize(document: Document, vandal: Vandal) -> None:
    with document.transact():
        _write(document, "steps", vandal.entries(vandal.step_keys, vandal.any_step), vandal.random)
        wires = vandal.entries(vandal.wire_keys, vandal.any_wire)
        _write(document, "connections", wires, vandal.random)
        settings = vandal.any_settings()
        for name, value in settings.items() if isinstance(settings, dict) else ():
            root_map(document, "pipeline")[name] = _shape(name, storable(value), vandal.random)
        if vandal.random.random() < 0.3:
            root_map(document, "diagnostics")["junk"] = storable(vandal.junk_or("mine"))


def _write(document: Document, name: str, entries: Any, random: Random) -> None:
    root = root_map(document, name)
    for each, raw in entries.items():
        if raw is MISSING:
            root.pop(each, None)
        elif isinstance(raw, dict) and random.random() < 0.8:
            fields = {field: _shape(field, storable(value), random) for field, value in raw.items()}
            root[each] = Map(fields)
        else:
            root[each] = storable(raw)


def _shape(name: str, value: Json, random: Random) -> Any:
    return shared_value(name, value) if random.random() < 0.5 else value


def unmended(document: Document) -> set[tuple[str, str]]:
    return {found for found in rows_of(document).diagnostics if found[0] not in LEFT | MEANT}


@pytest.mark.parametrize("seed", some(range(500), rounds(500, 12)))
def test_any_document_becomes_valid_and_the_tables_stay_as_they_are(seed: int) -> None:
    document = vandalized(seed)
    before = rows_of(document)
    mended(document, LATER)
    after = rows_of(document)
    assert unmended(document) == set(), seed
    assert (after.pipeline, after.steps, after.connections) == (
        before.pipeline,
        before.steps,
        before.connections,
    ), seed
    assert all(isinstance(each, Map) for each in _entries(document)), seed
    assert {(each["code"], each["subject"]) for each in held(document)} == {*after.diagnostics}


def _entries(document: Document) -> list[Any]:
    roots = (root_map(document, "steps"), root_map(document, "connections"))
    return [root[each] for root in roots for each in root.keys()]  # noqa: SIM118 - no Mapping


def held(document: Document) -> list[Any]:
    return list(entries_of(document, "diagnostics").values())


@pytest.mark.parametrize("moment", [NOW, LATER])
@pytest.mark.parametrize("seed", some(range(500), rounds(500, 8)))
def test_a_mended_document_is_left_alone(seed: int, moment: Moment) -> None:
    document = vandalized(seed)
    mended(document, moment)
    assert mended(document, moment).update is None, seed
    assert mended(copy_of(document, 9), moment).update is None, seed


@pytest.mark.parametrize("seed", some(range(500), rounds(500, 8)))
def test_two_repairs_at_once_are_the_same_as_one(seed: int) -> None:
    faulty = vandalized(seed)
    one, other = copy_of(faulty, 11), copy_of(faulty, 12)
    updates = mended(one).update, mended(other).update
    alone = _content(one)
    if updates[0] is not None and updates[1] is not None:
        one.apply(updates[1])
        other.apply(updates[0])
    assert _content(one) == _content(other) == alone, seed
    assert mended(one).update is None, seed


def _content(document: Document) -> dict[str, Any]:
    roots = ("pipeline", "steps", "connections", "diagnostics")
    return {root: entries_of(document, root) for root in roots}


@pytest.mark.parametrize("seed", some(range(500), rounds(500, 8)))
def test_document_and_tables_agree(seed: int) -> None:
    """Field by field, but for what no column can hold."""
    document = vandalized(seed)
    mended(document, LATER)
    rows = rows_of(document)
    if codes(document) & (LEFT - {Code.UNSUPPORTED_TYPE}):
        return
    read = {key: step_entry(key, raw).value for key, raw in entries_of(document, "steps").items()}
    assert {key: (each.name, each.parent, each.config) for key, each in read.items() if each} == {
        str(row.id): (row.name, row.parent_step_id and str(row.parent_step_id), row.config)
        for row in rows.steps.values()
    }
    wires = entries_of(document, "connections")
    ends = {key: connection_entry(key, raw).value for key, raw in wires.items()}
    assert {key: each and each.row() for key, each in ends.items()} == {
        str(row.id): row for row in rows.connections.values()
    }
