from dataclasses import replace
from random import Random

import pytest

from crdt.editing.differences import Change, Difference, EntryChange, difference
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Step
from tests.crdt.entries import key
from tests.crdt.pipelines import any_pipeline
from tests.rounds import some

A, B, C, WIRE = key(1), key(2), key(3), key(9)
PIPELINE = Pipeline(
    PipelineSettings("Loom", tags=("a",), defaults={"model": "m"}),
    {
        A: Step(A, "a", "claude", order="F", config={"prompt": [{"content": "x"}, "y"], "k": 1}),
        B: Step(B, "b", "claude", order="V"),
        C: Step(C, "c", "claude", order="k"),
    },
    {WIRE: Connection(WIRE, A, B)},
)


def with_step(id_: str, **fields: object) -> Pipeline:
    step = replace(PIPELINE.steps[id_], **fields)  # type: ignore[arg-type]
    return replace(PIPELINE, steps={**PIPELINE.steps, id_: step})


def changes(other: Pipeline) -> list[tuple[str, list[Change]]]:
    return [(entry.id, [*entry.changes]) for entry in difference(PIPELINE, other).steps]


def test_nothing_is_different_from_itself() -> None:
    assert not difference(PIPELINE, PIPELINE)


def test_what_is_written_differently_is_no_difference() -> None:
    assert not difference(PIPELINE, with_step(A, source={"explicit": ["enabled"]}))
    assert not difference(PIPELINE, with_step(A, order="G"))
    assert not difference(PIPELINE, with_step(B, size=replace(PIPELINE.steps[B].size, width=200)))


def test_a_value_deep_inside_is_named_by_its_path() -> None:
    config = {"prompt": [{"content": "z"}, "y"], "k~/": None}
    assert changes(with_step(A, config=config)) == [
        (
            A,
            [
                Change("/config/prompt/0/content", "changed", "x", "z"),
                Change("/config/k~0~1", "added"),
                Change("/config/k", "removed", 1),
            ],
        )
    ]


def test_a_list_of_another_length_is_one_value() -> None:
    ((_, found),) = changes(with_step(A, config={"prompt": ["y"], "k": True}))
    assert [(each.path, each.after) for each in found] == [
        ("/config/prompt", ["y"]),
        ("/config/k", True),
    ]


def test_of_steps_in_another_order_the_fewest_have_moved() -> None:
    assert changes(with_step(A, order="z")) == [(A, [Change("/order_index", "changed", 0, 2)])]


def test_entries_come_and_go() -> None:
    new = Step(key(4), "new", "claude", order="z")
    other = Pipeline(
        replace(PIPELINE.settings, tags=("a", "b"), description="d"),
        {A: PIPELINE.steps[A], C: PIPELINE.steps[C], new.id: new},
        {key(8): Connection(key(8), A, C)},
    )
    assert difference(PIPELINE, other) == Difference(
        [
            Change("/description", "changed", None, "d"),
            Change("/tags", "changed", ["a"], ["a", "b"]),
        ],
        [EntryChange(new.id, "added", "new"), EntryChange(B, "removed", "b")],
        [EntryChange(key(8), "added"), EntryChange(WIRE, "removed")],
    )


def test_a_connection_led_elsewhere() -> None:
    rewired = replace(PIPELINE, connections={WIRE: Connection(WIRE, A, C)})
    (entry,) = difference(PIPELINE, rewired).connections
    assert [*entry.changes] == [Change("/ends/to_step_id", "changed", B, C)]


@pytest.mark.parametrize("number", some(range(50), few=15))
def test_there_is_a_difference_exactly_if_a_field_differs(number: int) -> None:
    rng = Random(number)
    one, other = any_pipeline(rng), any_pipeline(rng)
    found = difference(one, other)
    added = {entry.id for entry in found.steps if entry.kind == "added"}
    assert added == other.steps.keys() - one.steps.keys(), f"seed {number}"
    assert not difference(one, one)
    back = difference(other, one)
    assert {entry.id for entry in found.steps} == {entry.id for entry in back.steps}
