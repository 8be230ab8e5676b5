"""A large edit has several client ids, and is the same edit otherwise."""

from dataclasses import replace
from itertools import count
from random import Random

import pytest
from pycrdt import Text

import crdt.updates.spread
from crdt.document.document import Document
from crdt.document.schema import PipelineReader, root_map, seed
from crdt.document.spreading import spread_edit
from crdt.editing.editor import Editor
from crdt.editing.replace import make_equal
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from crdt.updates.format import read_structs
from crdt.updates.spread import spread
from crdt.validation.reading import read_pipeline
from tests.crdt.entries import key
from tests.crdt.pipelines import any_pipeline
from tests.crdt.raw_updates import after, deletions, in_root, in_type, update, value
from tests.rounds import some

EDITOR, AUTHOR = 7, 9
SEEDS = some(range(150), few=12)


@pytest.fixture(autouse=True)
def _three_structs_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crdt.updates.spread, "STRUCTS_OF_ONE", 3)


def seeded(pipeline: Pipeline) -> bytes:
    document = Document(1)
    numbers = count(100)
    [first] = spread_edit(document, [seed(document, pipeline)], lambda: next(numbers))
    return first


def document_of(*updates: bytes) -> Document:
    document = Document(AUTHOR)
    for each in updates:
        document.apply(each)
    assert document.waiting() == []
    return document


def read(document: Document) -> Pipeline:
    return read_pipeline(PipelineReader(document))


def edit_of(
    state: bytes, target: Pipeline, client: int = EDITOR
) -> tuple[list[bytes], list[bytes]]:
    """Make a document equal to a pipeline; return the edit as it is spread, and as it was."""
    copy = Document(client)
    copy.load(state)
    with copy.transact() as updates:
        make_equal(Editor(copy), target)
    numbers = count(100 * client)
    return spread_edit(copy, updates, lambda: next(numbers)), updates


@pytest.mark.parametrize("number", SEEDS)
def test_it_makes_of_any_pipeline_any_other(number: int) -> None:
    rng = Random(number)
    first, other = seeded(any_pipeline(rng)), any_pipeline(rng)
    document = document_of(first, *edit_of(first, other)[0])
    assert read(document) == other, f"seed {number}"
    loaded = Document()
    loaded.load(document.encode())
    assert read(loaded) == other, f"seed {number}"


@pytest.mark.parametrize("number", SEEDS)
def test_no_id_has_many_structs(number: int) -> None:
    rng = Random(number)
    edits, before = edit_of(seeded(any_pipeline(rng)), any_pipeline(rng))
    for spread_edit_, edit in zip(edits, before, strict=True):
        sizes = [len(found) for found in read_structs(spread_edit_).values()]
        assert max(sizes, default=0) <= 3, f"seed {number}"
        assert sum(sizes) == len(read_structs(edit).get(EDITOR, [])), f"seed {number}"


@pytest.mark.parametrize("number", SEEDS)
def test_what_others_write_meanwhile_merges_in_any_order(number: int) -> None:
    rng = Random(number)
    first = seeded(any_pipeline(rng))
    ours, _ = edit_of(first, any_pipeline(rng))
    _, theirs = edit_of(first, any_pipeline(rng), client=8)
    one, other = document_of(first, *ours, *theirs), document_of(first, *theirs, *ours)
    assert read(one) == read(other), f"seed {number}"


def test_words_that_somebody_types_meanwhile_stay() -> None:
    step = Step(id=key(1), name="a", type="claude", order="a0", config={"prompt": "weave the warp"})
    others = [Step(id=key(n), name=f"s{n}", type="claude", order=f"a{n}") for n in range(2, 9)]
    steps = {each.id: each for each in (step, *others)}
    first = seeded(Pipeline(PipelineSettings("p"), steps))
    author = document_of(first)
    with author.transact() as typed:
        prompt = root_map(author, "steps")[step.id]["config"]["prompt"]
        assert isinstance(prompt, Text)
        prompt += " slowly"
    changed = {**steps, step.id: replace(step, config={"prompt": "do weave the weft"})}
    edits, _ = edit_of(first, Pipeline(PipelineSettings("p"), changed))
    merged = document_of(first, *typed, *edits)
    assert read(merged).steps[step.id].config == {"prompt": "do weave the weft slowly"}


def test_an_edit_of_few_structs_keeps_its_id() -> None:
    edit = update(in_root(8, value(b"\x7e"), key="a"), in_root(8, value(b"\x7e"), key="b"))
    assert spread(edit, 1, lambda: 1 // 0) == edit


def test_every_id_in_it_is_renamed() -> None:
    null = value(b"\x7e")
    first = in_root(7, b"\x01"), in_root(8, null, "list", key=None), after(8, null, (1, 1))
    member, after_first = in_type(8, null, (1, 0), key="m"), after(8, null, (1, 2))
    then = member, after_first, after(8, null, (5, 300))
    edit = update(*first, *then, deletions=deletions(1, (1, 4)))
    deleted = deletions(1, (1, 2))[1:] + deletions(2000, (0, 2))[1:]
    expected = update(*first)[1:-1] + update(*then, client=2000)[1:-1]
    assert spread(edit, 1, lambda: 2000) == b"\x02" + expected + b"\x02" + deleted


def test_an_id_that_the_document_knows_is_not_taken() -> None:
    document = document_of(update(in_root(8, value(b"\x7e")), client=50))
    with document.transact() as updates:
        for number in range(7):
            root_map(document, "steps")[str(number)] = number
    numbers = iter([50, AUTHOR, 60, 60, 61])
    [edit] = spread_edit(document, updates, lambda: next(numbers))
    assert set(read_structs(edit)) == {AUTHOR, 60, 61}
