"""A large edit by the server, which has several client ids, means the same to stock Yjs."""

import pytest
from pycrdt import Text

import crdt.updates.spread
from crdt.document.document import Document
from crdt.document.schema import root_map, seed
from crdt.document.spreading import spread_edit
from crdt.editing.editor import Editor
from crdt.editing.replace import make_equal
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from crdt.updates.format import read_structs
from tests.crdt.entries import key
from tests.interop.test_surrogates import STEP, YjsDocuments, yjs

__all__ = ["yjs"]


def pipeline_with(prompt: str) -> Pipeline:
    steps = [
        Step(id=id_, name=f"step {at}", type="claude", order=f"a{at}", config={"prompt": prompt})
        for at, id_ in enumerate([key(7), STEP, key(8)])
    ]
    return Pipeline(PipelineSettings("p"), {step.id: step for step in steps})


def test_yjs_reads_it_and_merges_it_with_what_is_typed(
    yjs: YjsDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crdt.updates.spread, "STRUCTS_OF_ONE", 3)
    copy = Document()
    [first] = spread_edit(copy, [seed(copy, pipeline_with("weave the warp"))])
    yjs.apply("typist", first)
    typed = yjs.edit("typist", ["insert", 1, 1, " slowly"])
    copy = Document()
    copy.load(first)
    with copy.transact() as updates:
        make_equal(Editor(copy), pipeline_with("do weave, then cut, the weft"))
    [edit] = spread_edit(copy, updates)
    assert len(read_structs(edit)) > 1
    yjs.apply("typist", edit)
    yjs.apply("newcomer", first, *typed, edit)
    document = Document()
    for each in (first, edit, *typed):
        document.apply(each)
    prompt = root_map(document, "steps")[STEP]["config"]["prompt"]
    assert isinstance(prompt, Text)
    # Both write where a word ends, and their client ids, which are random, decide who comes first.
    ends = "weft slowly", " slowlyweft"
    assert str(prompt) in {f"do weave, then cut, the {end}" for end in ends}
    assert yjs.read("typist")[0] == yjs.read("newcomer")[0] == [str(prompt)]
