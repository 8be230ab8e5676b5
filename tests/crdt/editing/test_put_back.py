"""Steps put back one by one: what comes with them, what stays, and what is refused."""

from dataclasses import replace
from random import Random

import pytest

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.editing.editor import Editor
from crdt.editing.put_back import put_back
from crdt.editing.verbs import delete_step, patch_step
from crdt.errors import EditConflict, UnknownEntry
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Step
from crdt.validation.reading import read_pipeline, read_valid
from tests.crdt.entries import key
from tests.crdt.pipelines import any_pipeline
from tests.rounds import some

A, B, C, LOOP, INNER = map(key, range(1, 6))
AB, BC = key(11), key(12)

VERSION = Pipeline(
    PipelineSettings("Loom"),
    {
        A: Step(A, "a", "claude", order="a0", config={"prompt": "old"}),
        B: Step(B, "b", "claude", order="a1"),
        C: Step(C, "c", "claude", order="a2"),
        LOOP: Step(LOOP, "loop", "for_loop", order="a3"),
        INNER: Step(INNER, "inner", "claude", LOOP, order="a0"),
    },
    {AB: Connection(AB, A, B), BC: Connection(BC, B, C)},
)


class Desk:
    """A document that was once the version."""

    def __init__(self, version: Pipeline = VERSION) -> None:
        self.version, self.document = version, Document(1)
        seed(self.document, version)
        self.editor = Editor(self.document)

    def delete(self, *steps: str) -> None:
        with self.document.transact():
            for step in steps:
                delete_step(self.editor, step)

    def patch(self, step: str, **fields: object) -> None:
        with self.document.transact():
            patch_step(self.editor, step, fields)  # type: ignore[arg-type]

    def put_back(self, *steps: str) -> list[bytes]:
        with self.document.transact() as updates:
            put_back(self.editor, self.version, steps)
        return updates

    @property
    def present(self) -> Pipeline:
        return read_pipeline(PipelineReader(self.document))


def test_what_is_as_it_was_needs_no_edit() -> None:
    assert Desk().put_back(*VERSION.steps) == []


def test_a_changed_step_is_as_it_was_and_no_other() -> None:
    desk = Desk()
    desk.patch(A, name="x", type="gemini", config={"prompt": "new"})
    desk.patch(B, name="y")
    desk.put_back(A)
    assert desk.present.steps[A] == VERSION.steps[A]
    assert desk.present.steps[B].name == "y"


def test_a_deleted_step_comes_back_with_its_connections() -> None:
    desk = Desk()
    desk.delete(B)
    assert desk.present.connections == {}
    desk.put_back(B)
    assert desk.present == VERSION


def test_a_connection_comes_back_only_if_both_its_steps_are_there() -> None:
    desk = Desk()
    desk.delete(B, C)
    desk.put_back(B)
    assert desk.present.connections.keys() == {AB}


def test_the_connections_between_the_named_are_those_of_the_version() -> None:
    extra = Connection(key(13), B, A, "output", "other")
    later = replace(VERSION, connections={**VERSION.connections, extra.id: extra})
    desk = Desk(later)
    desk.version = VERSION
    desk.put_back(A)
    assert extra.id in desk.present.connections
    desk.put_back(A, B)
    assert desk.present.connections == VERSION.connections


def test_a_connection_that_was_drawn_again_does_not_come_twice() -> None:
    again = replace(VERSION.connections[AB], id=key(14))
    desk = Desk(replace(VERSION, connections={again.id: again}))
    desk.version = VERSION
    desk.put_back(A)
    assert desk.present.connections == {again.id: again}


def test_a_step_goes_back_into_its_parent_or_to_the_top_without_it() -> None:
    desk = Desk()
    desk.delete(LOOP)
    desk.put_back(INNER)
    assert desk.present.steps[INNER].parent_step_id is None
    desk.put_back(LOOP, INNER)
    assert desk.present.steps == VERSION.steps


def test_what_is_inside_a_step_stays_away_unless_it_is_named() -> None:
    desk = Desk()
    desk.delete(LOOP)
    desk.put_back(LOOP)
    assert LOOP in desk.present.steps
    assert INNER not in desk.present.steps


def test_a_step_that_the_version_does_not_have_is_refused() -> None:
    desk = Desk()
    with pytest.raises(UnknownEntry, match="the version has no step"):
        desk.put_back(A, key(99))


def test_a_name_that_another_step_has_taken_is_refused_before_anything() -> None:
    desk = Desk()
    desk.patch(A, name="x")
    desk.patch(B, name="a")
    with pytest.raises(EditConflict, match="called 'a' now"):
        desk.put_back(A)
    assert desk.present.steps[A].name == "x"
    desk.put_back(A, B)
    assert desk.present == VERSION


def test_no_step_comes_to_be_inside_itself() -> None:
    desk = Desk()
    desk.patch(INNER, parent_step_id=None)
    desk.patch(LOOP, parent_step_id=INNER)
    with pytest.raises(EditConflict, match="contains the step it was in"):
        desk.put_back(INNER)
    desk.put_back(INNER, LOOP)
    assert desk.present.steps == VERSION.steps


@pytest.mark.parametrize("number", some(range(40), few=15))
def test_all_steps_put_back_are_the_steps_of_the_version(number: int) -> None:
    rng = Random(number)
    desk = Desk(any_pipeline(rng))
    version = desk.present
    for step in rng.sample(sorted(version.steps), len(version.steps) // 2):
        if step in desk.present.steps:
            desk.delete(step)
    desk.version = version
    desk.put_back(*version.steps)
    assert desk.present.steps == version.steps, f"seed {number}"
    assert desk.present.connections == version.connections, f"seed {number}"
    assert (
        read_valid(PipelineReader(desk.document)).rows().steps.keys()
        == read_valid(PipelineReader(Desk(version).document)).rows().steps.keys()
    )
