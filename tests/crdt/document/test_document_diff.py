"""What a client gets that has nothing is kept, and never longer than it is true."""

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.updates.state_vector import EMPTY_STATE_VECTOR


def writer(document: Document) -> tuple["Doc[Any]", "Map[Any]"]:
    """Another replica of the document, and its map."""
    doc: Doc[Any] = Doc(client_id=7)
    doc.apply_update(document.encode())
    return doc, doc.get("steps", type=Map)


def update_of(doc: "Doc[Any]", change: Callable[[], object]) -> bytes:
    before = doc.get_state()
    change()
    return doc.get_update(before)


def content(update: bytes) -> dict[str, Any]:
    doc: Doc[Any] = Doc()
    doc.apply_update(update)
    found: dict[str, Any] = doc.get("steps", type=Map).to_py() or {}
    return found


@pytest.fixture
def document() -> Document:
    document = Document(client_id=1)
    with document.transact():
        document.doc.get("steps", type=Map)["a"] = 1
    return document


def test_clients_that_join_together_get_the_same_bytes(document: Document) -> None:
    first = document.diff(EMPTY_STATE_VECTOR)

    assert document.diff(EMPTY_STATE_VECTOR) is first
    assert content(first) == {"a": 1}


def test_an_update_is_in_what_the_next_client_gets(document: Document) -> None:
    doc, steps = writer(document)
    document.diff(EMPTY_STATE_VECTOR)
    document.apply(update_of(doc, lambda: steps.update({"b": 2})))

    assert content(document.diff(EMPTY_STATE_VECTOR)) == {"a": 1, "b": 2}


def test_a_deletion_is_in_what_the_next_client_gets(document: Document) -> None:
    doc, steps = writer(document)
    document.diff(EMPTY_STATE_VECTOR)
    document.apply(update_of(doc, lambda: steps.pop("a")))

    assert content(document.diff(EMPTY_STATE_VECTOR)) == {}


def test_a_local_edit_is_in_what_the_next_client_gets(document: Document) -> None:
    document.diff(EMPTY_STATE_VECTOR)
    with document.transact():
        document.doc.get("steps", type=Map)["b"] = 2

    assert content(document.diff(EMPTY_STATE_VECTOR)) == {"a": 1, "b": 2}


def test_a_client_that_has_everything_gets_only_what_is_new(document: Document) -> None:
    doc, steps = writer(document)
    document.diff(EMPTY_STATE_VECTOR)
    document.apply(update_of(doc, lambda: steps.update({"b": 2})))
    lacking = document.diff(writer(Document())[0].get_state())
    seen = writer(document)[0].get_state()

    assert content(lacking) == {"a": 1, "b": 2}
    assert content(document.diff(seen)) == {}
