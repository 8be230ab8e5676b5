"""Verbs of the server: what they write, what they leave alone and what they refuse."""

import gc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pycrdt import Map, Text

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.editing.editor import Editor
from crdt.editing.strict_fields import MAX_ENTRY
from crdt.editing.verbs import (
    LAST,
    Deleted,
    delete_connection,
    delete_step,
    move_step,
    patch_connection,
    patch_settings,
    patch_step,
    put_connection,
    put_step,
)
from crdt.errors import EditConflict, EditRefused, InvalidEdit, UnknownEntry
from crdt.pipeline.model import Connection, Json, Pipeline, PipelineSettings, Step
from crdt.validation.reading import read_valid
from tests.crdt.entries import key, names

A, B, C, INNER, WIRE, NEW = key(1), key(2), key(3), key(4), key(9), key(50)
PIPELINE = Pipeline(
    PipelineSettings(
        "Loom", description="a loom", tags=("x", "y"), defaults={"model": {"name": "m", "t": 1}}
    ),
    {
        A: Step(
            A, "a", "claude", order="a0", config={"prompt": "hello", "options": {"t": 1, "k": 2}}
        ),
        B: Step(B, "b", "for_loop", order="a1"),
        C: Step(C, "c", "claude", order="a2"),
        INNER: Step(INNER, "a", "claude", parent_step_id=B, order="a0"),
    },
    {WIRE: Connection(WIRE, A, INNER), key(8): Connection(key(8), A, C)},
)


def test_what_an_edit_looks_at_can_be_read_before_a_few_at_a_time() -> None:
    desk = Desk()
    counts = 0
    while desk.editor.prepare(1):
        counts += 1
    assert counts == len(PIPELINE.steps) + len(PIPELINE.connections) - 2
    desk(patch_step, A, {"name": "d"})
    desk(delete_step, C)
    while desk.editor.prepare(1):
        pass
    assert desk.editor.siblings(None, "steps") == [A, B]
    assert desk.editor.place(A).name == "d"
    assert desk.editor.ends.get(key(8)) is None


class Desk:
    """A pipeline that the server edits."""

    def __init__(self) -> None:
        self.document = Document(1)
        seed(self.document, PIPELINE)
        self.editor = Editor(self.document)

    def __call__(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self.document.transact():
            return verb(self.editor, *args, **kwargs)

    def cost(self, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> int:
        """How many updates an edit makes."""
        with self.document.transact() as updates:
            verb(self.editor, *args, **kwargs)
        return len(updates)

    def refuses(
        self, kind: type[EditRefused], verb: Callable[..., Any], *args: Any, **kw: Any
    ) -> str:
        """Expect a refusal that leaves the document as it was."""
        before = self.document.encode()
        with pytest.raises(kind) as refusal, self.document.transact():
            verb(self.editor, *args, **kw)
        assert self.document.encode() == before
        return str(refusal.value)

    def step(self, step_id: str) -> Mapping[str, Any]:
        return self.editor.step(step_id)

    def line(self, parent: str | None = None, slot: str = "steps") -> list[str]:
        return [*self.editor.siblings(parent, slot)]

    def diagnostics(self) -> set[tuple[str, str]]:
        return set(read_valid(PipelineReader(self.document)).rows().diagnostics)

    def names(self) -> dict[str, str]:
        return names(read_valid(PipelineReader(self.document)).rows())


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestPutStep:
    def test_a_new_step_stands_last_and_has_every_field(self, desk: Desk) -> None:
        assert desk(put_step, NEW, {"name": "new", "type": "claude", "config": {"prompt": "p"}})
        assert desk.line() == [A, B, C, NEW]
        step = desk.step(NEW)
        assert step["size"] == {"width": 200, "height": 100}
        assert (step["enabled"], step["slot"], step["config"]) == (True, "steps", {"prompt": "p"})
        config = desk.editor.steps[NEW]["config"]
        assert isinstance(config, Map)
        assert isinstance(config["prompt"], Text)
        assert desk.diagnostics() == set()

    def test_it_may_stand_before_another(self, desk: Desk) -> None:
        fields = {"name": "new", "type": "claude", "parent_step_id": B}
        desk(put_step, NEW, fields, before=INNER)
        assert desk.line(B) == [NEW, INNER]

    def test_it_may_bring_its_own_order(self, desk: Desk) -> None:
        desk(put_step, NEW, {"name": "new", "type": "claude", "order": "a0V"})
        assert desk.line() == [A, NEW, B, C]

    def test_an_existing_step_is_replaced_where_it_stands(self, desk: Desk) -> None:
        assert not desk(put_step, A, {"name": "z", "type": "gemini"})
        assert desk.line() == [A, B, C]
        assert (desk.step(A)["name"], desk.step(A)["config"]) == ("z", {})

    def test_putting_the_same_again_changes_nothing(self, desk: Desk) -> None:
        fields = {"name": "new", "type": "claude", "config": {"prompt": [{"content": "é"}, 1]}}
        desk(put_step, NEW, fields)
        assert desk.cost(put_step, NEW, fields) == 0

    def test_two_in_one_transaction_know_of_each_other(self, desk: Desk) -> None:
        with desk.document.transact():
            put_step(desk.editor, NEW, {"name": "new", "type": "claude"})
            with pytest.raises(EditConflict):
                put_step(desk.editor, key(51), {"name": "new", "type": "claude"})
            put_step(
                desk.editor, key(51), {"name": "inside", "type": "claude", "parent_step_id": NEW}
            )
            assert delete_step(desk.editor, NEW).steps == (NEW, key(51))

    @pytest.mark.parametrize(
        ("fields", "complaint"),
        [
            ({"type": "claude"}, "name: expected a text of 1 to 500 characters, got nothing"),
            ({"name": "n"}, "type: expected a text"),
            ({"name": "n", "type": 7}, "type: expected a text of 1 to 100 characters, got 7"),
            ({"name": "n", "type": "t", "colour": 1}, "colour: no such field"),
            ({"name": " ", "type": "t"}, "name: expected a text of 1 to 500"),
            ({"name": "n" * 501, "type": "t"}, "got 501 characters"),
            ({"name": "n\0", "type": "t"}, "name: holds NUL"),
            ({"name": "n", "type": "t", "enabled": 1}, "enabled: expected true or false"),
            (
                {"name": "n", "type": "t", "position": {"x": 1}},
                "position: expected a map of numbers",
            ),
            ({"name": "n", "type": "t", "position": {"x": 1, "y": 1e10}}, "up to 1e9"),
            ({"name": "n", "type": "t", "size": {"width": 0, "height": 1}}, "above 0"),
            ({"name": "n", "type": "t", "order": "!"}, "order: expected a fractional index"),
            ({"name": "n", "type": "t", "config": [1]}, "config: expected a map, got a list"),
            ({"name": "n", "type": "t", "config": {"n": 2**60}}, "integer beyond"),
            ({"name": "n", "type": "t", "config": {"n": float("nan")}}, "not finite"),
            ({"name": "n", "type": "t", "config": {"n": ["\ud800"]}}, "surrogate"),
            ({"name": "n", "type": "t", "config": {"n": "x" * MAX_ENTRY}}, "characters of JSON"),
            ({"name": "n", "type": "t", "parent_step_id": "b"}, "lower-case UUID"),
        ],
    )
    def test_what_no_pipeline_may_hold_is_refused(
        self, desk: Desk, fields: dict[str, Json], complaint: str
    ) -> None:
        assert complaint in desk.refuses(InvalidEdit, put_step, NEW, fields)

    def test_an_id_is_a_lower_case_uuid(self, desk: Desk) -> None:
        fields = {"name": "n", "type": "t"}
        assert "id: expected" in desk.refuses(InvalidEdit, put_step, "new", fields)

    @pytest.mark.parametrize("levels", [63, 100, 100_000])
    def test_values_nest_so_deep_and_no_deeper(self, desk: Desk, levels: int) -> None:
        deep: Json = 1
        for _ in range(levels):
            deep = [deep]
        fields: dict[str, Json] = {"name": "n", "type": "t", "config": {"deep": deep}}
        assert "deeper than 64" in desk.refuses(InvalidEdit, put_step, NEW, fields)


class TestPatchStep:
    def test_only_what_is_named_changes(self, desk: Desk) -> None:
        before = dict(desk.step(A))
        desk(patch_step, A, {"enabled": False, "position": {"x": 4, "y": 5}})
        assert desk.step(A) == before | {"enabled": False, "position": {"x": 4, "y": 5}}

    def test_config_is_merged_and_null_removes(self, desk: Desk) -> None:
        desk(patch_step, A, {"config": {"options": {"t": None, "new": {"x": None}}, "model": "m"}})
        config = {"prompt": "hello", "options": {"k": 2, "new": {}}, "model": "m"}
        assert desk.step(A)["config"] == config

    def test_a_patch_that_says_what_is_there_changes_nothing(self, desk: Desk) -> None:
        assert desk.cost(patch_step, A, {"name": "a", "config": {"options": {"t": 1.0}}}) == 0

    def test_an_unknown_step_is_said_so(self, desk: Desk) -> None:
        assert NEW in desk.refuses(UnknownEntry, patch_step, NEW, {"name": "n"})

    def test_a_name_is_taken_by_siblings_alone(self, desk: Desk) -> None:
        assert "name: the step" in desk.refuses(EditConflict, patch_step, A, {"name": "c"})
        desk(patch_step, INNER, {"name": "c"})
        assert desk.diagnostics() == set()

    def test_a_name_that_doubled_by_merging_is_no_reason_to_refuse_other_changes(
        self, desk: Desk
    ) -> None:
        desk.editor.steps[A]["name"] = "c"
        desk(patch_step, A, {"enabled": False, "name": "c"})
        assert desk.step(A)["enabled"] is False

    def test_the_index_hears_of_what_others_do(self, desk: Desk) -> None:
        assert desk.line() == [A, B, C]
        desk.editor.steps[C]["name"] = "free"
        del desk.editor.steps[B]
        desk(patch_step, A, {"name": "c"})
        assert desk.line() == [A, C]

    def test_merging_may_make_a_config_too_big(self, desk: Desk) -> None:
        desk(patch_step, A, {"config": {"one": "x" * (MAX_ENTRY - 500)}})
        big = {"config": {"other": "x" * 1000}}
        assert "characters of JSON" in desk.refuses(InvalidEdit, patch_step, A, big)

    def test_a_step_written_as_a_plain_value_becomes_a_map(self, desk: Desk) -> None:
        desk.editor.steps[NEW] = {"name": "plain", "type": "claude", "order": "z"}
        desk(patch_step, NEW, {"config": {"prompt": "p"}})
        assert desk.step(NEW)["name"] == "plain"
        assert isinstance(desk.editor.steps[NEW]["config"]["prompt"], Text)

    def test_junk_in_other_fields_stays_as_it_is(self, desk: Desk) -> None:
        desk.editor.steps[A].update({"position": "junk", "mine": [1]})
        desk(patch_step, A, {"name": "z"})
        assert (desk.step(A)["position"], desk.step(A)["mine"]) == ("junk", [1])


class TestMoveStep:
    def test_before_a_sibling_and_to_the_end(self, desk: Desk) -> None:
        desk(move_step, C, None, before=A)
        assert desk.line() == [C, A, B]
        desk(move_step, C, None)
        assert desk.line() == [A, B, C]
        desk(patch_step, A, {}, before=LAST)
        assert desk.line() == [B, C, A]

    def test_into_another_step_and_out_again(self, desk: Desk) -> None:
        desk(move_step, C, B, before=INNER)
        assert (desk.line(), desk.line(B)) == ([A, B], [C, INNER])
        desk(move_step, C, None)
        assert (desk.line(), desk.line(B)) == ([A, B, C], [INNER])
        assert desk.diagnostics() == set()

    def test_moving_to_where_it_stands_changes_nothing(self, desk: Desk) -> None:
        assert desk.cost(move_step, B, None, before=C) == 0
        assert desk.cost(move_step, C, None) == 0

    def test_one_that_moves_touches_no_other(self, desk: Desk) -> None:
        others = [desk.step(each) for each in (A, B)]
        desk(move_step, C, None, before=B)
        assert [desk.step(each) for each in (A, B)] == others

    @pytest.mark.parametrize(
        "orders", [("a0", "a0", "a0"), ("", "V", "z"), ("F", "V", "k"), ("0", "!", "z" * 300)]
    )
    def test_where_there_is_no_room_others_move_too(
        self, desk: Desk, orders: tuple[str, str, str]
    ) -> None:
        for step, order in zip((A, B, C), orders, strict=True):
            desk.editor.steps[step]["order"] = order
        first, second, third = desk.line()
        desk(move_step, third, None, before=second)
        assert desk.line() == [first, third, second]
        desk(move_step, first, None)
        assert desk.line() == [third, second, first]

    def test_never_into_itself(self, desk: Desk) -> None:
        desk(move_step, C, INNER, "error_handler")
        for inside in (B, INNER, C):
            assert "inside it" in desk.refuses(EditConflict, move_step, B, inside)

    def test_never_to_where_its_name_is_taken(self, desk: Desk) -> None:
        desk.refuses(EditConflict, move_step, A, B)
        desk(move_step, A, B, "error_handler")
        assert desk.line(B, "error_handler") == [A]

    @pytest.mark.parametrize(("parent", "before"), [(NEW, None), (None, INNER), (None, B)])
    def test_never_to_nowhere(self, desk: Desk, parent: str | None, before: str | None) -> None:
        desk.refuses(UnknownEntry, patch_step, B, {"parent_step_id": parent}, before=before or LAST)

    def test_an_order_and_a_sibling_are_one_too_many(self, desk: Desk) -> None:
        desk.refuses(InvalidEdit, patch_step, A, {"order": "a5"}, before=C)


class TestDeleteStep:
    def test_what_is_inside_and_what_hangs_on_it_goes_too(self, desk: Desk) -> None:
        assert desk(delete_step, B) == Deleted((B, INNER), (WIRE,))
        assert desk.names() == {A: "a", C: "c"}
        assert desk.diagnostics() == set()

    def test_steps_that_hold_each_other_go_together(self, desk: Desk) -> None:
        desk.editor.steps[B]["parent_step_id"] = INNER
        assert desk(delete_step, B).steps == (B, INNER)

    def test_an_unknown_step_is_said_so(self, desk: Desk) -> None:
        desk.refuses(UnknownEntry, delete_step, NEW)


class TestConnections:
    def test_a_connection_is_created_and_rewired(self, desk: Desk) -> None:
        assert desk(put_connection, NEW, {"from_step_id": B, "to_step_id": C})
        desk(patch_connection, NEW, {"to_step_id": A, "path_data": {"p": [1]}})
        found = desk.editor.connection(NEW)
        ends = {"from_step_id": B, "to_step_id": A, "from_output": "output", "to_input": "input"}
        assert found == {"ends": ends, "path_data": {"p": [1]}}
        assert desk.cost(patch_connection, NEW, {"to_step_id": A}) == 0
        assert desk(delete_connection, NEW) == Deleted((), (NEW,))
        desk.refuses(UnknownEntry, patch_connection, NEW, {})
        assert desk.diagnostics() == set()

    def test_both_ends_are_steps_of_this_pipeline(self, desk: Desk) -> None:
        fields = {"from_step_id": B, "to_step_id": NEW}
        assert "to_step_id: no step" in desk.refuses(UnknownEntry, put_connection, NEW, fields)
        desk.refuses(UnknownEntry, patch_connection, WIRE, {"from_step_id": NEW})
        assert "from_step_id" in desk.refuses(InvalidEdit, put_connection, NEW, {"to_step_id": A})
        assert "UUID" in desk.refuses(InvalidEdit, patch_connection, WIRE, {"to_step_id": None})

    def test_the_same_connection_twice_is_refused(self, desk: Desk) -> None:
        fields = {"from_step_id": A, "to_step_id": C}
        assert key(8) in desk.refuses(EditConflict, put_connection, NEW, fields)
        desk.refuses(EditConflict, patch_connection, WIRE, {"to_step_id": C})
        desk(put_connection, NEW, fields | {"to_input": "other"})

    def test_what_lost_an_end_by_merging_can_be_given_another(self, desk: Desk) -> None:
        del desk.editor.steps[INNER]
        desk(patch_connection, WIRE, {"path_data": 1})
        desk(patch_connection, WIRE, {"to_step_id": B})
        assert desk.diagnostics() == set()


class TestSettings:
    def test_settings_are_merged(self, desk: Desk) -> None:
        changes: dict[str, Json] = {
            "name": "Warp",
            "description": "a loom!",
            "status": "active",
            "tags": ["y", "z"],
            "defaults": {"model": {"t": None}},
            "config": {"k": 1},
        }
        description = desk.editor.settings["description"]
        desk(patch_settings, changes)
        found = desk.editor.read_settings()
        assert str(description) == "a loom!"
        assert found["defaults"] == {"model": {"name": "m"}}
        expected = changes | {"defaults": {"model": {"name": "m"}}}
        assert {field: found[field] for field in changes} == expected
        assert desk.cost(patch_settings, changes) == 0
        assert desk.diagnostics() == set()

    def test_a_description_comes_and_goes(self, desk: Desk) -> None:
        desk(patch_settings, {"description": None})
        assert desk.editor.read_settings()["description"] is None
        desk(patch_settings, {"description": "again"})
        assert isinstance(desk.editor.settings["description"], Text)

    def test_in_a_document_without_settings_everything_comes_into_being(self) -> None:
        document = Document()
        editor = Editor(document)
        with document.transact():
            patch_settings(editor, {"tags": ["a"], "config": {"k": 1}})
        assert editor.read_settings() == {"tags": ["a"], "config": {"k": 1}}
        assert isinstance(editor.settings["config"], Map)

    @pytest.mark.parametrize(
        "changes",
        [
            {"status": "lost"},
            {"name": None},
            {"tags": "a"},
            {"tags": ["a", "a"]},
            {"tags": [1]},
            {"tags": [str(n) for n in range(101)]},
            {"is_template": "no"},
            {"description": 7},
            {"config": None},
            {"source": {}},
        ],
    )
    def test_what_no_settings_may_hold_is_refused(
        self, desk: Desk, changes: dict[str, Json]
    ) -> None:
        desk.refuses(InvalidEdit, patch_settings, changes)


def test_an_editor_goes_with_its_room() -> None:
    desk = Desk()
    index = weakref.ref(desk.editor.places)
    desk.line()
    desk.editor = None  # type: ignore[assignment]
    gc.collect()
    assert index() is None
