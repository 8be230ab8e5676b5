"""The library's document merges what is complete, and stays what it was where that is refused."""

from itertools import count
from typing import Any

import pytest
from pycrdt import Map, Text

from crdt.document.document import Document
from crdt.document.library_document import LibraryDocument, check_decodable
from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.protocol.lib0 import var_string
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED
from crdt.updates.state_vector import EMPTY_STATE_VECTOR
from tests.crdt.raw_updates import in_root, update

WORDS = 700


def edited(document: LibraryDocument, **values: object) -> list[bytes]:
    """Set values in the root map; return what the transaction counted."""
    counted: list[bytes] = []
    root: Map[Any] = document.doc.get("steps", type=Map)
    with document.transact(counted.extend):
        root.update(values)
    return counted


def scattered() -> tuple[bytes, bytes]:
    """An update that writes a text, and one of many chunks that changes every word of it."""
    author = Document(client_id=7)
    with author.transact() as written:
        text = author.doc.get("t", type=Text)
        text += "word " * WORDS
    with author.transact() as changed:
        for place in reversed(range(0, 5 * WORDS, 5)):
            del text[place : place + 4]
            text.insert(place, "Wort")
    return written[0], changed[0]


def test_an_edit_is_counted_once_and_not_if_it_changes_nothing() -> None:
    document = LibraryDocument(1)
    assert len(edited(document, a=1)) == 1
    assert edited(document) == []
    assert document.version == 1


def test_an_update_says_whether_it_changed_anything() -> None:
    document, (update,) = LibraryDocument(1), edited(LibraryDocument(2), a=1)
    found = inspect_update(update)
    assert document.merge(found, ACCEPTED)
    document.state.update(found.provided or {})
    assert not document.merge(found, ACCEPTED)
    assert document.version == 1


def test_what_the_library_cannot_decode_leaves_it_untouched() -> None:
    document, found = LibraryDocument(1), inspect_update(edited(LibraryDocument(2), a=1)[0])
    for damage in (found.update[:-3], b"\xff"):
        with pytest.raises(MalformedUpdate):
            document.merge(found._replace(update=damage), ACCEPTED)
        with pytest.raises(MalformedUpdate):
            check_decodable(damage)
    assert (document.version, document.encode()) == (0, LibraryDocument(1).encode())


def test_an_update_of_many_chunks_may_take_so_long_and_no_longer() -> None:
    written, changed = map(inspect_update, scattered())
    changed = inspect_update(changed.update, ACCEPTED)
    assert len(changed.chunks) > 1
    for seconds in (0.0, 1e6):
        document = LibraryDocument(1)
        document.merge(written, ACCEPTED)
        document.state.update(written.provided or {})
        clock = count()
        document.cpu_seconds = lambda: seconds * next(clock)  # noqa: B023
        if not seconds:
            assert document.merge(changed, ACCEPTED)
            continue
        with pytest.raises(DocumentPoisoned, match="takes more than"):
            document.merge(changed, ACCEPTED)


def test_a_cut_pair_replaces_the_document_and_not_its_client() -> None:
    document = LibraryDocument(1)
    text = inspect_update(update(in_root(4, var_string("a😀b"), root="t", key=None), client=7))
    document.merge(text, ACCEPTED)
    document.state.update(text.provided or {})
    document.merge(inspect_update(b"\x00\x01\x07\x01\x02\x01"), ACCEPTED)
    assert (document.generation, document.doc.client_id) == (1, 1)
    assert str(document.doc.get("t", type=Text)) == "a\ufffdb"


def test_what_is_deleted_is_kept_until_something_changes() -> None:
    document = LibraryDocument(1)
    edited(document, a=1)
    before = document.deletions()
    assert document.deletions() is before == {}
    edited(document, a=2)
    assert document.deletions() == {1: [(0, 1)]}


def test_all_of_it_is_what_was_kept_until_something_changes() -> None:
    document = LibraryDocument(1)
    edited(document, a=1)
    document.keep_diff(b"kept")
    assert document.diff(EMPTY_STATE_VECTOR) == b"kept"
    edited(document, a=2)
    assert document.diff(EMPTY_STATE_VECTOR) == document.encode()


def test_a_document_takes_the_place_of_another() -> None:
    document, other = LibraryDocument(1), LibraryDocument(2)
    edited(other, a=1)
    document.replace_with(other)
    assert (document.generation, document.version) == (1, 1)
    assert len(edited(document, b=2)) == 1
    assert (document.version, other.version) == (2, 1)


def test_a_released_document_is_empty() -> None:
    document = LibraryDocument(1)
    edited(document, a=1)
    document.release()
    assert document.encode() == LibraryDocument(1).encode()
    assert document.doc.client_id == 1
