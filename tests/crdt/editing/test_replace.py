from dataclasses import replace
from random import Random

import pytest
from pycrdt import Text

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.editing.editor import Editor
from crdt.editing.replace import make_equal, put_pipeline
from crdt.errors import InvalidEdit
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from crdt.validation.reading import read_pipeline, read_valid
from tests.crdt.entries import key
from tests.crdt.pipelines import any_pipeline, edited, outline, renumbered
from tests.rounds import some

A, B = key(1), key(2)


def document_of(pipeline: Pipeline, client_id: int = 1) -> Document:
    document = Document(client_id)
    seed(document, pipeline)
    return document


def made_equal(document: Document, target: Pipeline) -> list[bytes]:
    with document.transact() as updates:
        make_equal(Editor(document), target)
    return updates


def put(document: Document, imported: Pipeline) -> list[bytes]:
    with document.transact() as updates:
        put_pipeline(Editor(document), imported)
    return updates


def read(document: Document) -> Pipeline:
    return read_pipeline(PipelineReader(document))


@pytest.mark.parametrize("number", some(range(150), few=20))
def test_any_pipeline_becomes_any_other(number: int) -> None:
    rng = Random(number)
    one, other = any_pipeline(rng), any_pipeline(rng)
    document = document_of(one)
    made_equal(document, other)
    assert read(document) == other, f"seed {number}"
    assert made_equal(document, other) == []


@pytest.mark.parametrize("number", some(range(50), few=15))
def test_what_is_equal_is_left_alone(number: int) -> None:
    document = document_of(any_pipeline(Random(number)))
    assert made_equal(document, read(document)) == [], f"seed {number}"


@pytest.mark.parametrize("number", some(range(50), few=15))
def test_a_file_that_says_what_is_there_changes_nothing(number: int) -> None:
    document = document_of(Pipeline(PipelineSettings("empty")))
    put(document, any_pipeline(Random(number)))
    pipeline = read(document)
    assert put(document, renumbered(pipeline)) == [], f"seed {number}"


@pytest.mark.parametrize("number", some(range(150), few=20))
def test_any_file_can_take_the_place_of_any_pipeline(number: int) -> None:
    rng = Random(number)
    one, other = any_pipeline(rng), renumbered(any_pipeline(rng))
    document = document_of(one)
    put(document, other)
    pipeline = read(document)
    assert outline(pipeline) == outline(other), f"seed {number}"
    kept = replace(other.settings, status=one.settings.status)
    assert pipeline.settings == kept
    assert not set(read_diagnostics(document))


def read_diagnostics(document: Document) -> list[str]:
    codes = [code for code, _ in read_valid(PipelineReader(document)).rows().diagnostics]
    return [code for code in codes if code != "unsupported_type"]


@pytest.mark.parametrize("number", some(range(50), few=15))
def test_what_others_do_elsewhere_survives(number: int) -> None:
    rng = Random(number)
    pipeline = any_pipeline(rng, most=6)
    pipeline = replace(pipeline, steps={**pipeline.steps, A: Step(A, "mine", "claude", order="z")})
    here, there = document_of(pipeline), Document(2)
    there.load(here.encode())
    with there.transact() as theirs:
        Editor(there).steps[A]["enabled"] = False
        Editor(there).steps[key(77)] = {"name": "theirs", "type": "claude", "order": "zz"}
    put(here, edited(renumbered(pipeline), rng))
    here.apply(theirs[0])
    assert read(here).steps[A].enabled is False, f"seed {number}"
    assert key(77) in read(here).steps


def test_typing_in_a_prompt_survives_a_file_that_changes_other_words_of_it() -> None:
    pipeline = Pipeline(
        PipelineSettings("P"), {A: Step(A, "a", "claude", config={"prompt": "weave the warp"})}
    )
    here, there = document_of(pipeline), Document(2)
    there.load(here.encode())
    with there.transact() as theirs:
        prompt = Editor(there).steps[A]["config"]["prompt"]
        assert isinstance(prompt, Text)
        prompt.insert(0, "please ")
    step = replace(pipeline.steps[A], config={"prompt": "weave the weft"})
    put(here, renumbered(replace(pipeline, steps={A: step})))
    here.apply(theirs[0])
    assert read(here).steps[A].config == {"prompt": "please weave the weft"}


def test_entries_without_a_row_go_too() -> None:
    pipeline = Pipeline(PipelineSettings("P"), {A: Step(A, "a", "claude")})
    document = document_of(pipeline)
    with document.transact():
        editor = Editor(document)
        editor.steps["no uuid"] = {"name": "x"}
        editor.connections[B] = {"ends": {"from_step_id": A, "to_step_id": B}}
        editor.steps[A]["parent_step_id"] = B
    target = Pipeline(
        PipelineSettings("P"), {**pipeline.steps, B: Step(B, "b", "for_loop", order="b0")}
    )
    made_equal(document, target)
    assert read(document) == target
    assert set(Editor(document).steps.keys()) == {A, B}
    assert not set(Editor(document).connections.keys())


def test_fields_that_are_missing_stand_for_their_defaults() -> None:
    document = Document(1)
    editor = Editor(document)
    with document.transact():
        editor.settings["name"] = "P"
        editor.steps[A] = {"name": "a", "type": "claude", "order": "V"}
    assert made_equal(document, read(document)) == []


def test_values_nested_beyond_reason_are_refused() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    imported = Pipeline(PipelineSettings("P"), {A: Step(A, "a", "claude", config={"deep": deep})})  # type: ignore[dict-item]
    document = document_of(Pipeline(PipelineSettings("P")))
    with pytest.raises(InvalidEdit, match="flatten"):
        put(document, imported)
