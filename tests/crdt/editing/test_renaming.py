"""A step and what refers to it by name are renamed together, whatever others type meanwhile."""

from typing import Any

import pytest
from pycrdt import Text

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed, to_json
from crdt.editing.editor import Editor
from crdt.editing.renaming import SEARCHED_AT_ONCE, is_long_rename
from crdt.editing.verbs import move_step, patch_step, put_step, rename_step
from crdt.errors import EditConflict
from crdt.pipeline.data_flow import derive_connections
from crdt.pipeline.model import Json, JsonMap, Pipeline, PipelineSettings, Step
from crdt.validation.reading import read_pipeline
from tests.crdt.entries import key

A, B, C, D, LOOP, INNER = (key(number) for number in range(1, 7))


def previous(name: str) -> JsonMap:
    return {"type": "previous_response", "step": name}


def static(content: str) -> JsonMap:
    return {"type": "static", "content": content}


class Copy:
    """One person's copy of a pipeline, on which the server's verbs work."""

    def __init__(self, client: int, *steps: Step) -> None:
        self.document = Document(client)
        if steps:
            seed(self.document, Pipeline(PipelineSettings("p"), {one.id: one for one in steps}))
        self.editor = Editor(self.document)

    def edit(self, verb: Any, *args: Any, **options: Any) -> list[bytes]:
        with self.document.transact() as updates:
            verb(self.editor, *args, **options)
        return updates

    def copy(self, client: int) -> "Copy":
        other = Copy(client)
        other.receive([self.document.encode()])
        return other

    def receive(self, updates: list[bytes]) -> None:
        for update in updates:
            self.document.apply(update)

    def config(self, step: str) -> Any:
        return to_json(self.editor.steps[step]["config"])

    def content(self, step: str, part: int = 0) -> Text:
        text: Text = self.editor.steps[step]["config"]["prompt"][part]["content"]
        return text

    def names(self) -> dict[str, Json]:
        return {key: self.editor.step(key)["name"] for key in self.editor.steps}

    def flows(self) -> list[tuple[str, str, str]]:
        pipeline = read_pipeline(PipelineReader(self.document))
        found = derive_connections(pipeline)
        return sorted((one.from_step_id, one.to_step_id, one.to_input) for one in found)


def reads(step: str, name: str, config: JsonMap, kind: str = "claude", order: str = "a1") -> Step:
    return Step(step, name, kind, order=order, config=config)


def pair(config: JsonMap, kind: str = "claude", name: str = "old") -> Copy:
    return Copy(1, reads(A, name, {}, order="a0"), reads(B, "reader", config, kind))


@pytest.mark.parametrize(
    ("config", "kind", "renamed"),
    [
        ({"prompt": [previous("old")]}, "claude", {"prompt": [previous("new")]}),
        (
            {"prompt": [static("☃ {{steps.old.result}}, {{old.x}} {{previous_response:old}} old")]},
            "claude",
            {"prompt": [static("☃ {{steps.new.result}}, {{new.x}} {{previous_response:new}} old")]},
        ),
        (
            {"tasks": [{"id": "old", "prompt": [previous("old")]}]},
            "claude_batch",
            {"tasks": [{"id": "old", "prompt": [previous("new")]}]},
        ),
        ({"input_source": "old:rows"}, "data_transform", {"input_source": "new:rows"}),
        (
            {"operations": [{"right_source": "previous_response:old:rows"}]},
            "data_transform",
            {"operations": [{"right_source": "previous_response:new:rows"}]},
        ),
        ({"data_source": "steps.old.rows"}, "for_loop", {"data_source": "steps.new.rows"}),
        (
            {"condition": {"and": ["old.score > 3", {"not": "x == 'old'"}]}},
            "claude",
            {"condition": {"and": ["new.score > 3", {"not": "x == 'old'"}]}},
        ),
        ({"expression": "old.kind"}, "switch", {"expression": "new.kind"}),
        (
            {"inputs": {"deep": {"list": ["{{steps.old.x}}", 1]}}, "path": "old"},
            "pipeline",
            {"inputs": {"deep": {"list": ["{{steps.new.x}}", 1]}}, "path": "old"},
        ),
    ],
)
def test_whatever_refers_by_name_follows(config: JsonMap, kind: str, renamed: JsonMap) -> None:
    shared = pair(config, kind)
    flows = shared.flows()
    shared.edit(rename_step, A, "new")
    assert shared.names() == {A: "new", B: "reader"}
    assert shared.config(B) == renamed
    assert shared.flows() == flows != []


def test_a_rename_is_one_update_of_the_names_alone() -> None:
    text = "a long text " * 1000
    shared = pair({"prompt": [static(f"{text}{{{{steps.old.x}}}}{text}"), previous("old")]})
    (update,) = shared.edit(rename_step, A, "new")
    assert len(update) < 200


def test_what_others_type_at_the_same_time_survives() -> None:
    here = pair({"prompt": [static("read {{steps.old.x}} closely")]})
    there = here.copy(2)
    with there.document.transact() as typed:
        there.content(B).insert(0, "please ")
        there.content(B).insert(len(there.content(B)), ", twice")
    renamed = here.edit(rename_step, A, "new")
    here.receive(typed)
    there.receive(renamed)
    for copy in (here, there):
        assert str(copy.content(B)) == "please read {{steps.new.x}} closely, twice"


def test_an_old_name_with_blanks_and_quotes_is_found() -> None:
    name = 'the "old" one\\'
    shared = pair({"prompt": [previous(name)]}, name=name)
    shared.edit(rename_step, A, "new")
    assert shared.config(B) == {"prompt": [previous("new")]}


def test_where_a_name_would_not_be_read_as_one_the_reference_dangles() -> None:
    config: JsonMap = {"prompt": [previous("old"), static("{{steps.old.x}} {{steps.old.x + 1}}")]}
    shared = pair({**config, "condition": "old.x > 3"})
    shared.edit(rename_step, A, "two words")
    assert shared.config(B) == {
        "prompt": [previous("two words"), static("{{steps.two words.x}} {{steps.old.x + 1}}")],
        "condition": "old.x > 3",
    }


def test_only_references_to_this_step_follow() -> None:
    body = [
        Step(INNER, "old", "claude", parent_step_id=LOOP, order="a0"),
        Step(D, "in", "claude", parent_step_id=LOOP, order="a1", config={"x": "{{steps.old.x}}"}),
    ]
    loop = Step(LOOP, "loop", "for_loop", order="a2", config={"data_source": "old"})
    shared = Copy(1, Step(A, "old", "claude", order="a0"), loop, *body)
    shared.edit(rename_step, A, "new")
    assert shared.config(LOOP) == {"data_source": "new"}
    assert shared.config(D) == {"x": "{{steps.old.x}}"}
    shared.edit(rename_step, INNER, "inner")
    assert shared.config(D) == {"x": "{{steps.inner.x}}"}


def test_a_reference_that_would_come_to_mean_another_step_stays_and_dangles() -> None:
    body = [
        Step(INNER, "new", "claude", parent_step_id=LOOP, order="a0"),
        Step(D, "in", "claude", parent_step_id=LOOP, order="a1", config={"x": "{{steps.old.x}}"}),
    ]
    shared = Copy(1, Step(A, "old", "claude", order="a0"), Step(LOOP, "l", "for_loop"), *body)
    shared.edit(rename_step, A, "new")
    assert shared.config(D) == {"x": "{{steps.old.x}}"}


def test_a_refused_rename_changes_no_reference() -> None:
    shared = pair({"prompt": [previous("old")]})
    before = shared.document.encode()
    with pytest.raises(EditConflict), shared.document.transact():
        rename_step(shared.editor, A, "reader")
    assert shared.document.encode() == before


def test_a_step_that_reads_itself_and_gets_a_new_config_follows_its_own_name() -> None:
    shared = pair({}, name="old")
    config: JsonMap = {"value": "{{steps.old.x}}"}
    shared.edit(patch_step, A, {"name": "new", "config": config})
    assert shared.config(A) == {"value": "{{steps.new.x}}"}
    shared.edit(put_step, A, {"name": "newer", "type": "claude", "config": {}})
    assert shared.names()[A] == "newer"


def test_what_clients_wrote_in_other_shapes_is_passed_over_or_rewritten() -> None:
    shared = pair({})
    steps: dict[str, Any] = {
        C: {"name": "plain", "type": "claude", "config": {"x": ["{{steps.old.x}}"]}},
        D: "no map",
        "no id": {"name": "n", "type": "claude", "config": {"x": "{{steps.old.x}}"}},
        LOOP: {"name": "m", "type": "claude", "config": "{{steps.old.x}}"},
    }
    with shared.document.transact():
        for step, entry in steps.items():
            shared.editor.steps[step] = entry
    shared.edit(rename_step, A, "new")
    assert shared.config(C) == {"x": ["{{steps.new.x}}"]}
    assert to_json(shared.editor.steps[D]) == "no map"
    assert to_json(shared.editor.steps[LOOP]) == steps[LOOP]


def test_a_long_search_is_known_before_it_begins() -> None:
    shared = Copy(1, *(Step(key(n), f"s{n}", "claude") for n in range(SEARCHED_AT_ONCE + 1)))
    assert is_long_rename(shared.editor, A, "new")
    assert not is_long_rename(shared.editor, A, "s1")
    assert not is_long_rename(shared.editor, A, None)
    assert not is_long_rename(pair({}).editor, A, "new")


class TestPairs:
    """Two people do something to the same thing at once: what both see afterwards."""

    def both(self, start: Copy, one: Any, other: Any) -> Copy:
        """Make two edits at once in two copies, and bring them together in both orders."""
        here, there = start.copy(2), start.copy(3)
        first, second = here.edit(*one), there.edit(*other)
        here.receive(second)
        there.receive(first)
        assert here.names() == there.names()
        for step in start.editor.steps:
            assert here.config(step) == there.config(step)
        return here

    def test_rename_rename_one_name_wins_and_prompt_parts_have_it(self) -> None:
        start = pair({"prompt": [previous("old")]})
        after = self.both(start, (rename_step, A, "mine"), (rename_step, A, "yours"))
        name = after.names()[A]
        assert name in {"mine", "yours"}
        assert after.config(B) == {"prompt": [previous(str(name))]}

    def test_rename_rename_of_two_steps_both_are_followed(self) -> None:
        steps = [reads(A, "a", {}, order="a0"), reads(B, "b", {}, order="a1")]
        content = static("{{steps.a.x}} and {{steps.b.x}}")
        start = Copy(1, *steps, reads(C, "c", {"prompt": [content]}, order="a2"))
        after = self.both(start, (rename_step, A, "first"), (rename_step, B, "second"))
        assert str(after.content(C)) == "{{steps.first.x}} and {{steps.second.x}}"

    def test_rename_rename_within_a_text_leaves_both_names_for_people_to_see(self) -> None:
        start = pair({"prompt": [static("{{steps.old.x}}")]})
        after = self.both(start, (rename_step, A, "mine"), (rename_step, A, "yours"))
        # Confessed: a text keeps what both wrote. The reference dangles, and a diagnostic says so.
        assert str(after.content(B)) in {"{{steps.mineyours.x}}", "{{steps.yoursmine.x}}"}
        assert after.flows() == []

    def test_reorder_reorder_of_two_steps_both_stand_where_they_were_put(self) -> None:
        start = Copy(1, *(reads(step, step[-1], {}, order=f"a{step[-1]}") for step in (A, B, C, D)))
        after = self.both(start, (move_step, D, None), (move_step, A, None))
        assert after.editor.siblings(None, "steps") == [B, C, D, A]

    def test_reorder_reorder_of_one_step_it_stands_in_one_of_the_two_places(self) -> None:
        start = Copy(1, *(reads(step, step[-1], {}, order=f"a{step[-1]}") for step in (A, B, C)))
        here, there = start.copy(2), start.copy(3)
        first = here.edit(lambda editor: move_step(editor, A, None))
        second = there.edit(lambda editor: move_step(editor, A, None, before=C))
        here.receive(second)
        there.receive(first)
        line = here.editor.siblings(None, "steps")
        assert line == there.editor.siblings(None, "steps")
        assert line in ([B, C, A], [B, A, C])

    def test_reorder_reorder_to_one_place_both_stand_there_in_the_order_of_their_ids(self) -> None:
        start = Copy(1, *(reads(step, step[-1], {}, order=f"a{step[-1]}") for step in (A, B, C, D)))
        here, there = start.copy(2), start.copy(3)
        first = here.edit(lambda editor: move_step(editor, D, None, before=B))
        second = there.edit(lambda editor: move_step(editor, C, None, before=B))
        here.receive(second)
        there.receive(first)
        assert here.editor.siblings(None, "steps") == [A, C, D, B]
        assert there.editor.siblings(None, "steps") == [A, C, D, B]

    def test_move_move_into_each_other_one_stays_at_the_top(self) -> None:
        loops = [reads(A, "a", {}, "for_loop", "a0"), reads(B, "b", {}, "for_loop", "a1")]
        start = Copy(1, *loops)
        after = self.both(start, (move_step, A, B), (move_step, B, A))
        pipeline = read_pipeline(PipelineReader(after.document))
        assert {one.id: one.parent_step_id for one in pipeline.steps.values()} == {A: None, B: A}

    def test_move_move_of_one_step_into_two_it_is_in_one_of_them(self) -> None:
        loops = [reads(A, "a", {}, "for_loop", "a0"), reads(B, "b", {}, "for_loop", "a1")]
        start = Copy(1, *loops, reads(C, "c", {}, order="a2"))
        after = self.both(start, (move_step, C, A), (move_step, C, B))
        pipeline = read_pipeline(PipelineReader(after.document))
        assert pipeline.steps[C].parent_step_id in {A, B}
