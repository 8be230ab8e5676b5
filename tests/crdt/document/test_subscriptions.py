"""Whoever observes a document keeps it alive only as long as they live."""

import gc
import weakref
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.editing.editor import Editor
from crdt.errors import DocumentPoisoned
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from tests.crdt.raw_updates import in_root, update


def a_document() -> Document:
    document = Document()
    step = Step("00000000-0000-0000-0000-000000000001", "a", "claude")
    seed(document, Pipeline(PipelineSettings("Loom"), {step.id: step}, {}))
    return document


def is_freed(reference: "weakref.ref[Doc[Any]]") -> bool:
    gc.collect()
    return reference() is None


def test_a_document_that_nobody_holds_is_freed() -> None:
    document = a_document()
    reference = weakref.ref(document.doc)
    assert not is_freed(reference)
    del document
    assert is_freed(reference)


def test_so_is_one_that_was_read_and_edited() -> None:
    document = a_document()
    reader, editor = PipelineReader(document), Editor(document)
    with document.transact():
        editor.steps["b"] = Map({"name": "b"})
    assert reader.take_touched().steps == {"b"}
    reference = weakref.ref(document.doc)
    del document, editor
    assert not is_freed(reference)
    del reader
    assert is_freed(reference)


def test_no_cycle_leaves_that_to_the_garbage_collector() -> None:
    """Which would free several large documents in one go, while everybody waits."""
    gc.disable()
    try:
        document = a_document()
        editor = Editor(document)
        assert editor.prepare(100) is False
        reference = weakref.ref(document.doc)
        del document, editor
        assert reference() is None
    finally:
        gc.enable()


def test_a_reader_that_is_gone_notices_nothing_more() -> None:
    document = a_document()
    reader = PipelineReader(document)
    other = PipelineReader(document)
    del other
    gc.collect()
    with document.transact():
        document.doc.get("steps", type=Map)["b"] = Map()
    assert reader.take_touched().steps == {"b"}


def test_after_a_panic_nobody_waits_for_the_lock_that_it_left() -> None:
    """Unsubscribing would wait for ever."""
    document = a_document()
    reader = PipelineReader(document)
    with pytest.raises(DocumentPoisoned):
        document.apply(update(in_root(6, b"\x01b\x04true"), client=7))
    del reader, document
    gc.collect()
