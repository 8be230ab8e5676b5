from dataclasses import replace

from crdt.editing.step_matching import match_entries
from crdt.pipeline.data_flow import derive_connections
from crdt.pipeline.model import Connection, Json, Pipeline, PipelineSettings, Point, Step
from tests.crdt.entries import key

A, B, C, D = (key(number) for number in range(1, 5))


def step(id_: str, name: str, order: str, parent: str | None = None, **config: Json) -> Step:
    type_ = "for_loop" if config.get("loops") else "claude"
    return Step(id_, name, type_, order=order, parent_step_id=parent, config=config)


def pipeline(*steps: Step, **connections: Connection) -> Pipeline:
    made = Pipeline(PipelineSettings("P"), {one.id: one for one in steps})
    derived = {one.id: one for one in derive_connections(made)}
    return replace(made, connections=derived | {one.id: one for one in connections.values()})


def imported(*steps: Step) -> Pipeline:
    return pipeline(*(replace(one, id=one.id.replace("0", "f", 1)) for one in steps))


def other(id_: str) -> str:
    return id_.replace("0", "f", 1)


def test_a_step_keeps_its_id_its_place_and_its_order() -> None:
    present = pipeline(replace(step(A, "a", "V"), position=Point(7, 8)), step(B, "b", "k"))
    found = match_entries(present, imported(step(A, "a", "1", model="m"), step(B, "b", "2")))
    assert found.steps[A] == replace(present.steps[A], config={"model": "m"})
    assert found.steps[B] == present.steps[B]


def test_a_renamed_step_is_known_by_what_it_does() -> None:
    present = pipeline(step(A, "a", "a0", prompt="x"), step(B, "b", "a1", prompt="y"))
    found = match_entries(
        present, imported(step(A, "z", "1", prompt="y"), step(B, "a", "2", prompt="x"))
    )
    assert {id_: one.name for id_, one in found.steps.items()} == {A: "a", B: "z"}


def test_a_step_that_moved_into_another_is_known_by_its_name() -> None:
    present = pipeline(step(A, "a", "V", prompt="x"), step(B, "loop", "k", loops=True))
    inside = step(A, "a", "1", other(B), prompt="new")
    found = match_entries(present, imported(step(B, "loop", "1", loops=True), inside))
    assert set(found.steps) == {A, B}
    assert found.steps[A].parent_step_id == B


def test_a_step_that_is_new_but_for_its_type_takes_the_place_of_the_only_one_left() -> None:
    present = pipeline(step(A, "a", "a0", prompt="x"), step(B, "b", "a1", prompt="y"))
    found = match_entries(present, imported(step(A, "a", "1"), step(B, "z", "2", prompt="new")))
    assert {id_: one.name for id_, one in found.steps.items()} == {A: "a", B: "z"}
    found = match_entries(present, imported(step(C, "y", "1"), step(D, "z", "2")))
    assert not {A, B} & set(found.steps)


def test_steps_inside_a_step_that_moved_are_known() -> None:
    present = pipeline(
        step(A, "outer", "V", loops=True),
        step(B, "inner", "k", loops=True),
        step(C, "deep", "V", B, prompt="x"),
    )
    found = match_entries(
        present,
        imported(
            step(A, "outer", "1", loops=True),
            step(B, "inner", "1", other(A), loops=True),
            step(C, "deep", "1", other(B), prompt="z"),
        ),
    )
    assert {id_: one.parent_step_id for id_, one in found.steps.items()} == {A: None, B: A, C: B}


def test_a_step_nobody_knows_comes_between_the_others() -> None:
    present = pipeline(step(A, "a", "a0", prompt="x"), step(B, "b", "a1", prompt="y"))
    new = step(D, "new", "2", prompt="z")
    found = match_entries(
        present, imported(step(A, "a", "1", prompt="x"), new, step(B, "b", "3", prompt="y"))
    )
    assert set(found.steps) == {A, B, other(D)}
    assert (found.steps[A].order, found.steps[B].order) == ("a0", "a1")
    assert "a0" < found.steps[other(D)].order < "a1"


def test_of_two_with_one_name_the_first_is_the_first() -> None:
    present = pipeline(step(A, "a", "V"), step(B, "a", "k"))
    found = match_entries(present, imported(step(C, "a", "1", n=1), step(D, "a", "2", n=2)))
    assert {id_: one.config for id_, one in found.steps.items()} == {A: {"n": 1}, B: {"n": 2}}


def test_connections_drawn_by_hand_stay_while_both_ends_do() -> None:
    hand, gone = Connection(key(8), A, B), Connection(key(9), A, C)
    present = pipeline(
        step(A, "a", "1"), step(B, "b", "2"), step(C, "c", "3"), hand=hand, gone=gone
    )
    found = match_entries(present, imported(step(A, "a", "1"), step(B, "b", "2")))
    assert found.connections == {key(8): hand}


def test_connections_of_the_text_come_and_go_with_it() -> None:
    reads_a: Json = [{"type": "previous_response", "step": "a"}]
    present = pipeline(step(A, "a", "1"), step(B, "b", "2", prompt=reads_a))
    (derived,) = present.connections.values()
    drawn = replace(derived, path_data={"p": 1})
    present = replace(present, connections={derived.id: drawn})
    same = imported(step(A, "a", "1"), step(B, "b", "2", prompt=reads_a))
    assert match_entries(present, same).connections == present.connections
    without = imported(step(A, "a", "1"), step(B, "b", "2", prompt="none"))
    assert match_entries(present, without).connections == {}


def test_a_derived_connection_that_was_led_elsewhere_leaves_its_id_there() -> None:
    reads_a: Json = [{"type": "previous_response", "step": "a"}]
    steps = step(A, "a", "1"), step(B, "b", "2", prompt=reads_a), step(C, "c", "3")
    present = pipeline(*steps)
    (derived,) = present.connections.values()
    rewired = replace(derived, to_step_id=C)
    present = replace(present, connections={derived.id: rewired})
    found = match_entries(present, imported(*steps))
    assert found.connections[derived.id] == rewired
    (again,) = (one for id_, one in found.connections.items() if id_ != derived.id)
    assert (again.from_step_id, again.to_step_id) == (A, B)


def test_what_stands_in_no_file_stays() -> None:
    present = Pipeline(PipelineSettings("P", status="active", is_template=True))
    found = match_entries(present, Pipeline(PipelineSettings("Q", tags=("t",))))
    assert found.settings == PipelineSettings("Q", tags=("t",), status="active", is_template=True)
