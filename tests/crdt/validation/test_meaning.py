"""What a runner would hold against a pipeline is found, and found again after any edit."""

from random import Random

import pytest

from crdt.pipeline.model import MISSING, Json, JsonMap
from crdt.pipeline.rows import Diagnostic
from crdt.validation.meaning import Meaning
from crdt.validation.valid_pipeline import Entries, ValidPipeline
from tests.crdt.entries import A, B, C, D, key, wire
from tests.rounds import some

PROMPT: JsonMap = {"prompt": [{"type": "static", "content": "x"}]}


def step(name: str, config: JsonMap | None = None, **fields: Json) -> dict[str, Json]:
    config = PROMPT if config is None else config
    return {"name": name, "type": "claude", "order": f"a0{name}", "config": config, **fields}


def reader(name: str, *read: str, **fields: Json) -> dict[str, Json]:
    prompt: list[Json] = [{"type": "previous_response", "step": each} for each in read]
    return step(name, {"prompt": prompt}, **fields)


def valid(steps: Entries, connections: Entries | None = None) -> ValidPipeline:
    made = ValidPipeline(Meaning())
    made.update(settings={"name": "P"}, steps=steps, connections=connections or {})
    return made


def found(steps: Entries, connections: Entries | None = None) -> dict[tuple[str, str], Diagnostic]:
    """Return the diagnostics by code and the step's key."""
    rows = valid(steps, connections).rows()
    return {
        (code, subject.removeprefix("step:")): each
        for (code, subject), each in rows.diagnostics.items()
    }


def codes(steps: Entries, connections: Entries | None = None) -> set[tuple[str, str]]:
    return set(found(steps, connections))


class TestMissingFields:
    @pytest.mark.parametrize(
        ("kind", "config", "path"),
        [
            ("claude", {}, "/config/prompt"),
            ("claude_batch", {}, "/config/prompt"),
            ("parallel_claude", {}, "/config/parallel_tasks"),
            ("file_ops", {}, "/config/operation"),
            ("data_transform", {"input_source": None}, "/config/input_source"),
            ("codebase_query", {}, "/config/queries"),
            ("pipeline", {}, "/config/pipeline_file"),
            ("while_loop", {"condition": "x"}, "/config/steps"),
            ("switch", {"expression": "x"}, "/config/cases"),
            ("gemini", {"prompt": [{"type": "file"}]}, "/config/prompt/0/path"),
        ],
    )
    def test_what_a_type_needs_is_named_with_its_place(
        self, kind: str, config: JsonMap, path: str
    ) -> None:
        one = found({A: step("a", config, type=kind)})["missing_field", A]
        assert (one.severity, one.path) == ("error", path)
        assert one.suggestion == f"Fill in `{path.rpartition('/')[2]}`."

    def test_several_share_a_diagnostic_that_leads_to_the_first(self) -> None:
        one = found({A: step("a", {}, type="for_loop")})["missing_field", A]
        assert one.path == "/config/iterator"
        assert one.message == (
            "Expected `iterator` in a for_loop step. Expected `data_source` in a for_loop step. "
            "Expected `steps` in a for_loop step."
        )

    def test_steps_in_a_slot_are_what_a_loop_needs(self) -> None:
        loop = step("a", {"condition": "x"}, type="while_loop")
        inside = step("b", parent_step_id=A)
        assert codes({A: loop, B: inside}) == set()

    def test_cases_and_an_inline_pipeline_are_steps_in_slots(self) -> None:
        switch = step("a", {"expression": "x"}, type="switch")
        case = step("b", parent_step_id=A, slot='cases:"x"')
        inline = step("c", {}, type="pipeline")
        inner = step("d", parent_step_id=C, slot="pipeline.steps")
        assert codes({A: switch, B: case, C: inline, D: inner}) == set()

    @pytest.mark.parametrize(
        ("prompt", "path"),
        [
            ("a text", "/config/prompt"),
            ({}, "/config/prompt"),
            (["x"], "/config/prompt/0"),
            ([{"type": "dynamic"}], "/config/prompt/0/type"),
            ([{"type": ["static"]}], "/config/prompt/0/type"),
        ],
    )
    def test_a_prompt_is_a_list_of_known_parts(self, prompt: Json, path: str) -> None:
        assert found({A: step("a", {"prompt": prompt})})["invalid_prompt", A].path == path


class TestReferences:
    def test_a_prompt_part_that_needs_a_step_which_is_not_there(self) -> None:
        one = found({A: reader("a", "gone")})["dangling_reference", A]
        assert (one.severity, one.path) == ("error", "/config/prompt/0/step")
        message = '"gone" in prompt[0].step: no step of that name can be reached from here.'
        assert one.message == message

    def test_a_template_that_can_only_mean_a_step_is_a_warning(self) -> None:
        text: JsonMap = {"prompt": [{"type": "static", "content": "{{steps.gone.x}} {{maybe.x}}"}]}
        one = found({A: step("a", text)})["dangling_reference", A]
        assert (one.severity, one.path) == ("warning", "/config/prompt/0/content")

    @pytest.mark.parametrize("meant", ["Fetch_Data", "fetch data", "FETCH-DATA"])
    def test_a_name_that_is_spelled_otherwise_is_suggested(self, meant: str) -> None:
        one = found({A: step(meant), B: reader("b", "fetch_data")})["dangling_reference", B]
        assert one.suggestion == f'Did you mean "{meant}"?'

    def test_a_name_out_of_sight_is_said_to_be_there(self) -> None:
        loop = step("a", {"condition": "x"}, type="while_loop")
        inside, outside = step("inner", parent_step_id=A), reader("c", "inner")
        one = found({A: loop, B: inside, C: outside})["dangling_reference", C]
        assert one.suggestion.startswith("A step of that name stands where")

    def test_two_steps_of_one_name_make_a_reference_ambiguous(self) -> None:
        steps = {A: step("x"), B: step("x"), C: reader("c", "x")}
        one = found(steps)["ambiguous_reference", C]
        assert one.path == "/config/prompt/0/step"
        assert "may be any of 2 steps" in one.message

    def test_so_do_one_inside_and_one_outside(self) -> None:
        loop = step("l", {"condition": "1"}, type="while_loop")
        inside, inner = step("x", parent_step_id=B), reader("r", "x", parent_step_id=B)
        assert codes({A: step("x"), B: loop, C: inside, D: inner}) == {("ambiguous_reference", D)}

    def test_after_a_rename_the_old_name_dangles_until_it_is_corrected(self) -> None:
        made = valid({A: step("a"), B: reader("b", "a")})
        changes = made.update(steps={A: step("renamed")})
        assert [(one.code, one.subject) for one in changes.diagnostics] == [
            ("dangling_reference", f"step:{B}")
        ]
        changes = made.update(steps={B: reader("b", "renamed")})
        assert changes.removed_diagnostics == [("dangling_reference", f"step:{B}")]

    def test_of_many_findings_a_few_are_told(self) -> None:
        one = found({A: reader("a", *map(str, range(20)))})["dangling_reference", A]
        assert one.message.count("no step of that name") == 5
        assert one.message.endswith("There are 15 more.")


class TestUnreachable:
    def test_what_stands_behind_a_break(self) -> None:
        loop = step("l", {"condition": "1"}, type="while_loop")
        stop = step("m", {}, type="break", parent_step_id=A)
        steps = {A: loop, B: stop, C: step("n", parent_step_id=A), D: step("a", parent_step_id=A)}
        assert codes(steps) == {("unreachable_step", C)}
        assert found(steps)["unreachable_step", C].message == (
            '"m" before it ends every run of the list.'
        )

    @pytest.mark.parametrize(
        "stop", [{"config": {"condition": "x"}}, {"enabled": False}, {"type": "set_variable"}]
    )
    def test_but_not_behind_one_that_may_go_on(self, stop: JsonMap) -> None:
        fields = {"type": "break", "config": {}, **stop}
        assert codes({A: {**step("m"), **fields}, B: step("n")}) == set()

    @pytest.mark.parametrize(
        ("parent", "slot"),
        [
            ("claude", "steps"),
            ("for_loop", "default"),
            ("claude", 'cases:"x"'),
            ("claude", "pipeline.steps"),
            ("claude", "on_not_found"),
            ("switch", "nowhere"),
        ],
    )
    def test_what_stands_in_a_slot_that_its_parent_does_not_run(
        self, parent: str, slot: str
    ) -> None:
        steps = {A: step("a", type=parent), B: step("b", parent_step_id=A, slot=slot)}
        assert ("unreachable_step", B) in codes(steps)
        assert found(steps)["unreachable_step", B].path == "/slot"

    @pytest.mark.parametrize(
        ("parent", "slot"),
        [("claude", "on_error"), ("checkpoint", "on_not_found"), ("{{any}}", "anywhere")],
    )
    def test_handlers_run_and_who_knows_of_an_unknown_type(self, parent: str, slot: str) -> None:
        steps = {A: step("a", type=parent), B: step("b", parent_step_id=A, slot=slot)}
        assert ("unreachable_step", B) not in codes(steps)

    def test_a_pipeline_file_comes_before_an_inline_pipeline(self) -> None:
        inline = step("a", {"pipeline_file": "x.yaml"}, type="pipeline")
        inner = step("b", parent_step_id=A, slot="pipeline.steps")
        assert codes({A: inline, B: inner}) == {("unreachable_step", B)}

    def test_a_condition_that_is_never_true(self) -> None:
        one = found({A: step("a", {**PROMPT, "condition": False})})["unreachable_step", A]
        assert one.path == "/config/condition"


class TestCycles:
    def test_steps_that_read_each_other_are_reported_once(self) -> None:
        steps = {A: reader("a", "c"), B: reader("b", "a"), C: reader("c", "b")}
        (one,) = found(steps).values()
        assert (one.code, one.subject, one.severity) == ("data_cycle", f"step:{A}", "warning")
        assert one.message == (
            '"a", "b", "c" read each other\'s output, so none of them can run first.'
        )

    def test_drawn_connections_count(self) -> None:
        steps, wires = {A: step("a"), B: reader("b", "a")}, {D: wire(B, A)}
        assert codes(steps, wires) == {("data_cycle", A)}
        made = valid(steps, wires)
        assert made.update(connections={D: MISSING}).removed_diagnostics == [
            ("data_cycle", f"step:{A}")
        ]

    def test_a_step_that_reads_itself(self) -> None:
        assert codes({A: reader("a", "a")}) == {("data_cycle", A)}

    def test_in_a_loop_steps_may_read_what_the_last_round_wrote(self) -> None:
        loop = step("l", {"condition": "a.more"}, type="while_loop")
        one, other = reader("a", "b", parent_step_id=D), reader("b", "a", parent_step_id=D)
        assert codes({D: loop, A: one, B: other}) == set()
        assert codes({D: {**loop, "type": "claude"}, A: one, B: other}) >= {("data_cycle", A)}

    def test_a_loop_that_reads_who_reads_the_loop(self) -> None:
        loop = step("l", {"condition": "1"}, type="while_loop")
        steps = {A: loop, B: reader("b", "c", parent_step_id=A), C: reader("c", "l")}
        assert codes(steps) == {("data_cycle", A)}

    def test_the_names_follow_a_rename(self) -> None:
        made = valid({A: reader("a", "b"), B: reader("b", "a")}, {D: wire(A, B), C: wire(B, A)})
        changes = made.update(steps={B: reader("x", "a")})
        assert '"a", "x"' in {one.code: one.message for one in changes.diagnostics}["data_cycle"]


class Author:
    """Makes up steps that refer to each other, stand in each other and have each other's names."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.keys = [*map(key, range(1, 10))]
        self.names = ["a", "b", "A!", "c", "d"]

    def step(self) -> Json:
        pick, chance = self.random.choice, self.random.random
        slots = ["steps"] * 5 + ["default", "pipeline.steps", "on_error"]
        return {
            "name": pick(self.names),
            "type": pick(["claude", "while_loop", "pipeline", "switch", "break", "{{x}}"]),
            "enabled": chance() < 0.9,
            "parent_step_id": pick(self.keys) if chance() < 0.6 else None,
            "slot": pick(slots),
            "order": pick(["a0", "a1", "a2", "a3"]),
            "config": self.config(),
        }

    def config(self) -> Json:
        pick, chance = self.random.choice, self.random.random
        config: dict[str, Json] = {}
        if chance() < 0.6:
            parts = [{"type": "previous_response", "step": pick(self.names)} for _ in range(2)]
            config["prompt"] = parts[: pick([0, 1, 2])]
        if chance() < 0.3:
            config["condition"] = pick([f"{pick(self.names)}.x > 1", "false", None])
        if chance() < 0.3:
            config["value"] = f"{{{{steps.{pick(self.names)}.x}}}}"
        if chance() < 0.2:
            config["output_field"] = pick(self.names)
        if chance() < 0.1:
            config["pipeline_file"] = "x"
        return config

    def edit(self) -> tuple[Entries, Entries]:
        steps = self.random.sample(self.keys, self.random.choice([0, 1, 1, 1, 3]))
        wires = self.random.sample([*map(key, range(20, 26))], self.random.choice([0, 0, 1, 2]))
        return (
            {each: MISSING if self.random.random() < 0.2 else self.step() for each in steps},
            {
                each: MISSING
                if self.random.random() < 0.3
                else wire(self.random.choice(self.keys), self.random.choice(self.keys))
                for each in wires
            },
        )


def shown(made: ValidPipeline) -> set[tuple[str, ...]]:
    diagnostics = made.rows().diagnostics.values()
    return {(d.code, d.subject, d.severity, d.message, d.path, d.suggestion) for d in diagnostics}


@pytest.mark.parametrize("seed", some(range(200), 12))
def test_after_any_edits_the_meaning_is_that_of_the_content(seed: int) -> None:
    author = Author(seed)
    steps: dict[str, Json] = {}
    wires: dict[str, Json] = {}
    made = valid({})
    told = shown(made)
    for _ in range(30):
        some_steps, some_wires = author.edit()
        changes = made.update(steps=some_steps, connections=some_wires)
        for held, edit in ((steps, some_steps), (wires, some_wires)):
            held.update(edit)  # type: ignore[arg-type]
            for gone in [each for each in held if held[each] is MISSING]:
                del held[gone]
        assert shown(made) == shown(valid(steps, wires)), f"seed {seed}"
        removed = set(changes.removed_diagnostics) | {
            (d.code, d.subject) for d in changes.diagnostics
        }
        told = {each for each in told if each[:2] not in removed} | {
            (d.code, d.subject, d.severity, d.message, d.path, d.suggestion)
            for d in changes.diagnostics
        }
        assert told == shown(made), f"seed {seed}"
