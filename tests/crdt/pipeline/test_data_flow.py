import time
from uuid import uuid5

import pytest

from crdt.pipeline.data_flow import (
    CONNECTION_NAMESPACE,
    derive_connections,
    find_references,
    input_name,
)
from crdt.pipeline.mentions import mentions_in
from crdt.pipeline.model import Json, JsonMap, Pipeline, PipelineSettings, Step


def step(
    name: str,
    config: JsonMap | None = None,
    kind: str = "claude",
    *,
    parent: str = "",
    slot: str = "",
) -> Step:
    return Step(
        id=name,
        name=name,
        type=kind,
        parent_step_id=parent or None,
        slot=slot or "steps",
        order=name,
        config=config or {},
    )


def flows(*steps: Step) -> list[tuple[str, str, str, str]]:
    pipeline = Pipeline(PipelineSettings("p"), {one.id: one for one in steps})
    return [
        (one.from_step_id, one.from_output, one.to_step_id, one.to_input)
        for one in derive_connections(pipeline)
    ]


def previous(name: str, extract: str | None = None) -> JsonMap:
    part = {"type": "previous_response", "step": name}
    return part if extract is None else {**part, "extract": extract}


def test_prompt_parts_name_their_step_and_extract() -> None:
    static: JsonMap = {"type": "static", "content": "x"}
    prompt: list[Json] = [static, previous("a"), previous("a", "score")]
    assert flows(step("a"), step("b", {"prompt": prompt})) == [
        ("a", "output", "b", "prompt[1]"),
        ("a", "score", "b", "prompt[2]"),
    ]


@pytest.mark.parametrize("key", ["parallel_tasks", "tasks", "conversation"])
def test_prompts_inside_tasks_count(key: str) -> None:
    tasks: list[Json] = [{"id": "t"}, {"prompt": [previous("a")]}]
    assert flows(step("a"), step("b", {key: tasks})) == [
        ("a", "output", "b", f"{key}[1].prompt[0]")
    ]


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("{{steps.a.result}}", "output"),
        ("{{ steps.a.result.total }}", "total"),
        ("{{steps.a}}", "output"),
        ("{{steps.a.items[0].name}}", "items[0].name"),
        ("sum {{add(steps.a.result.x, 1)}}", "x"),
        ("{{previous_response:a}}", "output"),
        ("{{previous_response:a.gold}}", "gold"),
        ("{{a.gold}}", "gold"),
        ("{{inputs.a}} {{steps.a.gold}} {{state.a}}", "gold"),
    ],
)
def test_templates_name_their_step(text: str, output: str) -> None:
    found = flows(step("a"), step("b", {"inputs": {"data": [text]}}))
    assert found == [("a", output, "b", "inputs.data[0]")]


@pytest.mark.parametrize(
    "text", ["steps.a.result", "{{a}}", "{{'steps_a.x'}}", "{{inputs.a.b}}", "{{x.steps.a}}", "a.b"]
)
def test_other_texts_name_no_step(text: str) -> None:
    assert flows(step("a"), step("b", {"content": text})) == []


def test_a_template_that_is_only_a_reference_may_have_blanks_in_the_name() -> None:
    assert flows(step("my step"), step("z", {"value": "{{steps.my step.result.n}}"})) == [
        ("my step", "n", "z", "value")
    ]


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("a", "output"),
        ("a:rows", "rows"),
        ("previous_response:a", "output"),
        ("previous_response:a:rows", "rows"),
        ("previous_response:a.rows.0", "rows.0"),
        ("steps.a.result.rows", "rows"),
        ("{{steps.a.rows}}", "rows"),
    ],
)
def test_data_sources(source: str, output: str) -> None:
    loop = step("b", {"data_source": source}, kind="for_loop")
    transform = step("b", {"operations": [{"right_source": source}]}, kind="data_transform")
    assert flows(step("a"), loop) == [("a", output, "b", "data_source")]
    assert flows(step("a"), transform) == [("a", output, "b", "operations[0].right_source")]


def test_a_source_in_the_context_is_no_step() -> None:
    transform = step("b", {"input_source": "context:x"}, kind="data_transform")
    assert flows(step("context"), transform) == []


@pytest.mark.parametrize(
    "condition",
    ["a.score > 5", "steps.a.score > 5", {"and": ["1 == 1", {"not": "a.score"}]}, "{{a.score}}"],
)
def test_conditions_name_steps(condition: str) -> None:
    assert flows(step("a"), step("b", {"condition": condition})) == [
        ("a", "score", "b", "condition")
    ]


@pytest.mark.parametrize("condition", ["x == 'a.score'", 'x == "a"', "a(1) > 2", "inputs.a == 1"])
def test_quotes_functions_and_fields_in_conditions_name_no_step(condition: str) -> None:
    assert flows(step("a"), step("b", {"condition": condition})) == []


def test_a_switch_reads_its_expression_and_operations_keep_their_item_scope() -> None:
    transform = {"operations": [{"condition": "{{a.x}} == 1"}]}
    assert flows(
        step("a"),
        step("b", {"expression": "a.kind"}, kind="switch"),
        step("c", transform, kind="data_transform"),
    ) == [("a", "kind", "b", "expression")]


def test_an_output_field_stands_for_its_step_unless_a_step_has_that_name() -> None:
    owner = step("a", {"output_field": "rows"})
    reader = step("b", {"input_source": "previous_response:rows.gold"}, kind="data_transform")
    assert flows(owner, reader) == [("a", "rows", "b", "input_source")]
    assert flows(owner, reader, step("rows")) == [("rows", "gold", "b", "input_source")]


def test_names_resolve_from_the_innermost_list_outward() -> None:
    outer, loop = step("a"), step("l", kind="for_loop")
    inner = Step("inner-a", "a", "claude", parent_step_id="l", order="1")
    reader = step("r", {"prompt": [previous("a"), previous("l")]}, parent="l")
    assert flows(outer, loop, reader) == [
        ("a", "output", "r", "prompt[0]"),
        ("l", "output", "r", "prompt[1]"),
    ]
    assert flows(outer, loop, inner, reader)[0] == ("inner-a", "output", "r", "prompt[0]")


def test_a_loop_sees_its_body_only_from_its_own_conditions() -> None:
    body = step("x", parent="l")
    loop = step("l", {"condition": "x.more", "note": "{{x.more}}"}, kind="while_loop")
    outside = step("m", {"prompt": [previous("x")]})
    assert flows(loop, body, outside) == [("x", "more", "l", "condition")]


def test_no_name_crosses_the_border_of_an_inline_pipeline() -> None:
    inline = step("p", {"pipeline": {"note": "{{steps.a.x}}"}}, kind="pipeline")
    inner = step("r", {"prompt": [previous("a")]}, parent="p", slot="pipeline.steps")
    assert flows(step("a"), inline, inner) == []


def test_dangling_references_are_distinguished_from_guesses() -> None:
    config: JsonMap = {
        "prompt": [previous("gone")],
        "value": "{{steps.lost.x}} {{maybe.x}}",
        "condition": "nothing > 1",
    }
    pipeline = Pipeline(PipelineSettings("p"), {"a": step("a", config)})
    found = [(one.name, one.certainty, one.producer) for one in find_references(pipeline)]
    assert found == [("gone", "required", None), ("lost", "mentioned", None)]


def test_a_step_that_reads_itself_is_not_connected() -> None:
    assert flows(step("a", {"prompt": [previous("a")]})) == []


def test_connections_are_found_once_under_the_same_id_in_any_order_of_the_document() -> None:
    steps = [step("a"), step("b", {"value": "{{steps.a.x}} {{steps.a.x}}"})]
    forward, backward = (
        derive_connections(Pipeline(PipelineSettings("p"), {one.id: one for one in order}))
        for order in (steps, steps[::-1])
    )
    assert forward == backward
    assert [one.id for one in forward] == [str(uuid5(CONNECTION_NAMESPACE, "a|b|x|value"))]


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 50_000,
        "{{previous_response:" + " " * 50_000 + "}}",
        "{{steps." + "z " * 20_000 + "+}}",
    ],
)
@pytest.mark.timed
def test_hostile_texts_take_no_longer_than_others(text: str) -> None:
    start = time.process_time()
    assert flows(step("a"), step("b", {"condition": text, "value": text})) == []
    assert time.process_time() - start < 2


def test_values_of_unexpected_kinds_are_passed_over() -> None:
    config: JsonMap = {
        "prompt": [None, 1, {"type": "previous_response", "step": 7}],
        "tasks": "{{tasks}}",
        "parallel_tasks": [3],
        "condition": {"and": None},
        "operations": {"right_source": "a"},
        "input_source": 5,
    }
    assert flows(step("a"), step("b", config, kind="data_transform")) == []


def test_paths_are_written_as_ports() -> None:
    assert input_name(("tasks", 2, "prompt", 0, "content")) == "tasks[2].prompt[0].content"


def variable(name: str, **config: Json) -> Step:
    return step(name, config, kind="set_variable")


@pytest.mark.parametrize(
    "text", ["{{state.x}}", "{{ variables.x.deep }}", "{{x}}", "{{x.deep}}", "sum {{add(x, 1)}}"]
)
def test_variables_lead_to_the_step_that_sets_them(text: str) -> None:
    setter = variable("a", variables={"x": 1})
    assert flows(setter, step("b", {"content": text})) == [("a", "x", "b", "content")]


def test_variables_in_conditions_and_of_the_singular_form_count() -> None:
    setter = variable("a", variable="x", value=1)
    assert flows(setter, step("b", {"condition": "state.x > 3"})) == [("a", "x", "b", "condition")]
    assert flows(setter, step("b", {"condition": "x > 3"})) == [("a", "x", "b", "condition")]


def test_a_step_of_a_variables_name_is_meant_where_a_field_of_it_is_read() -> None:
    setter, reader = variable("a", variables={"x": 1}), step("z", {"content": "{{x.y}}"})
    assert flows(setter, step("x"), reader) == [("x", "y", "z", "content")]


def test_the_last_writer_before_a_step_is_read_or_else_the_first_behind_it() -> None:
    first, second = variable("a", variables={"x": 1}), variable("c", variables={"x": "{{state.x}}"})
    reader = {"content": "{{state.x}}"}
    assert flows(first, step("b", reader), second, step("d", reader)) == [
        ("a", "x", "b", "content"),
        ("a", "x", "c", "variables.x"),
        ("c", "x", "d", "content"),
    ]
    assert flows(step("b", reader), second) == [("c", "x", "b", "content")]


def test_a_variable_that_nobody_sets_is_no_dangling_reference() -> None:
    pipeline = Pipeline(PipelineSettings("p"), {"a": step("a", {"content": "{{state.x}} {{y}}"})})
    assert list(find_references(pipeline)) == []


def test_no_variable_crosses_the_border_of_an_inline_pipeline() -> None:
    inner = step("r", {"content": "{{state.x}}"}, parent="p", slot="pipeline.steps")
    setter = variable("a", variables={"x": 1})
    assert flows(setter, step("p", {"pipeline": {}}, kind="pipeline"), inner) == []


def test_an_inline_pipeline_hands_out_what_steps_inside_it_made() -> None:
    config: JsonMap = {"pipeline": {}, "outputs": ["r.text", {"path": "r", "as": "x"}, "lost"]}
    inner = step("r", parent="p", slot="pipeline.steps")
    assert flows(step("lost"), step("p", config, kind="pipeline"), inner) == [
        ("r", "text", "p", "outputs[0]"),
        ("r", "output", "p", "outputs[1].path"),
    ]


def test_a_place_leads_to_the_very_name() -> None:
    config: JsonMap = {
        "prompt": [previous("a b"), {"content": "☃ {{ steps.a b.x }} {{previous_response: a b }}"}],
        "input_source": " steps.a b.rows",
        "condition": ["'a.x' == steps.a.x", "a"],
    }
    for one in mentions_in("data_transform", config):
        value: Json = config
        for key in one.place:
            value = value[key]  # type: ignore[index, call-overload]
        assert isinstance(value, str)
        assert value[one.start : one.end] == one.name
        assert one.admits(one.name)
