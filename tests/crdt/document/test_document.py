"""A document takes every real update, refuses every broken one, and stays what it was then."""

import random
from typing import Any

import pytest
from pycrdt import Map, Text

from crdt.document.document import Document
from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.updates.state_vector import read_state_vector
from tests.crdt.histories import History, content
from tests.crdt.raw_updates import (
    Y_MAP,
    deep_array,
    deep_object,
    deletions,
    in_root,
    in_type,
    update,
    value,
)
from tests.rounds import some


def root(document: Document) -> "Map[Any]":
    steps: Map[Any] = document.doc.get("steps", type=Map)
    return steps


def edited(document: Document, **values: object) -> bytes:
    with document.transact() as updates:
        root(document).update(values)
    return updates[0]


def test_an_update_is_news_once() -> None:
    ours, theirs = Document(), Document()
    first = edited(theirs, a=1)
    assert ours.apply(first)
    assert not ours.apply(first)
    assert ours.encode() == theirs.encode()


def test_an_update_whose_predecessor_is_missing_is_news() -> None:
    ours, theirs = Document(), Document()
    first, second = edited(theirs, a=1), edited(theirs, b=2)
    assert ours.apply(second)
    assert ours.apply(first)
    assert content(ours.doc) == {"a": 1, "b": 2}


def test_an_update_that_waits_for_another_client_is_news() -> None:
    """The library raises no event for it; a room that took it for known would lose it."""
    ours, ann, bob = Document(), Document(client_id=1), Document(client_id=2)
    parent = edited(ann, a=Map())
    bob.apply(parent)
    with bob.transact() as updates:
        root(bob)["a"]["x"] = 1
    assert ours.apply(updates[0])
    assert ours.apply(parent)
    assert content(ours.doc) == {"a": {"x": 1}}


def test_an_empty_update_is_no_news() -> None:
    assert not Document().apply(b"\x00\x00")


def test_bytes_after_the_update_are_ignored_as_in_yjs() -> None:
    document = Document()
    assert document.apply(update(in_root(8, value(b"\x7e"))) + b"trailing")
    assert content(document.doc) == {"k": None}


@pytest.mark.parametrize("deep", [deep_array, deep_object])
def test_a_value_nested_20000_deep_is_refused_and_the_process_lives(deep: Any) -> None:
    document = Document()
    with pytest.raises(MalformedUpdate, match="nested at most 500 deep"):
        document.apply(update(in_root(8, value(deep(20_000)))))
    assert content(document.doc) == {}


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\xff" * 20, b"junk", b"\x00\x05"])
def test_junk_is_malformed(junk: bytes) -> None:
    document = Document()
    with pytest.raises(MalformedUpdate):
        document.apply(junk)
    assert document.encode() == b"\x00\x00"


def damaged(rng: random.Random, whole: bytes) -> bytes:
    if rng.random() < 0.3:
        return whole[: rng.randrange(len(whole))]
    data = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 5])):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(data)


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_update_is_applied_or_refused_without_a_trace(seed: int) -> None:
    """Or the library panics, at what damaged ones before had made of the document."""
    history, rng = History(seed), random.Random(seed)
    document = replayed(history, rng.randrange(len(history.updates)))
    for each in history.updates * 3:
        before = content(document.doc), read_state_vector(document.state_vector())
        try:
            document.apply(damaged(rng, each))
        except MalformedUpdate:
            after = content(document.doc), read_state_vector(document.state_vector())
            assert after == before, f"seed {seed}"
        except DocumentPoisoned:
            document = replayed(history, len(history.updates))


def replayed(history: History, count: int) -> Document:
    document = Document()
    for each in history.updates[:count]:
        document.apply(each)
    return document


@pytest.mark.parametrize("seed", some(range(40), few=4))
def test_the_first_damaged_update_is_applied_or_refused(seed: int) -> None:
    """Of a document that only honest clients have written, the library never panics."""
    history, rng = History(seed), random.Random(seed)
    for count, each in enumerate(history.updates):
        document = replayed(history, count)
        before = document.encode()
        try:
            document.apply(damaged(rng, each))
        except MalformedUpdate:
            assert content(document.doc) == content(replayed(history, count).doc), f"seed {seed}"
            assert len(document.encode()) == len(before), f"seed {seed}"


def test_a_panic_of_the_library_poisons_the_document() -> None:
    """A formatting mark under a key of a map: the library panics when it describes the event."""
    document = Document()
    described: list[object] = []
    # Nobody unsubscribes: after a panic that waits for ever.
    subscription = root(document).observe_deep(described.append)
    with pytest.raises(DocumentPoisoned, match="panicked"):
        document.apply(update(in_root(6, b"\x01b\x04true")))
    assert (described, subscription is None) == ([], False)


def test_an_edit_is_one_update_however_much_it_changes() -> None:
    document, copy = Document(), Document()
    with document.transact() as updates:
        root(document)["a"] = Map({"text": Text("words")})
        root(document)["a"]["n"] = 1
        del root(document)["a"]["n"]
    assert len(updates) == 1
    assert copy.apply(updates[0])
    assert copy.encode() == document.encode()


def test_an_edit_that_changes_nothing_has_no_update() -> None:
    with Document().transact() as updates:
        pass
    assert updates == []


def test_an_edit_that_fails_says_so() -> None:
    document = Document()
    with pytest.raises(KeyError), document.transact():
        del root(document)["a"]
    with document.transact() as updates:
        root(document)["b"] = 2
    assert len(updates) == 1


def test_an_edit_that_nobody_could_replay_poisons_the_document() -> None:
    nested: list[Any] = []
    for _ in range(501):
        nested = [nested]
    document = Document()
    with pytest.raises(DocumentPoisoned, match="cannot be replayed"):
        edited(document, a=nested)


def test_updates_of_others_are_none_of_an_edit() -> None:
    document = Document()
    document.apply(edited(Document(), a=1))
    assert edited(document, b=2) != b""
    with document.transact() as updates:
        pass
    assert updates == []


def test_a_diff_brings_a_peer_up_to_date() -> None:
    ours, theirs = Document(), Document()
    edited(ours, a=1)
    theirs.apply(ours.diff(theirs.state_vector()))
    edited(ours, b=2)
    lacking = ours.diff(theirs.state_vector())
    assert len(lacking) < len(ours.encode())
    theirs.apply(lacking)
    assert content(theirs.doc) == content(ours.doc) == {"a": 1, "b": 2}


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\xff" * 12, b"\x01\x05"])
def test_a_broken_state_vector_is_malformed(junk: bytes) -> None:
    document = Document()
    edited(document, a=1)
    with pytest.raises(MalformedUpdate):
        document.diff(junk)


def with_deletions() -> Document:
    document = Document(client_id=1)
    for n in range(10):
        edited(document, **{f"k{n}": n})
    with document.transact():
        del root(document)["k2"]
        del root(document)["k4"]
    return document


def test_a_document_contains_an_answer_of_known_deletions() -> None:
    ours, theirs = with_deletions(), Document()
    theirs.apply(ours.encode())
    answer = theirs.diff(ours.state_vector())
    assert answer[0] == 0
    assert answer != b"\x00\x00"
    assert ours.contains(answer)
    assert ours.contains(b"\x00\x00")
    assert not ours.apply(answer)


def test_a_document_does_not_contain_news() -> None:
    ours, theirs = with_deletions(), Document(client_id=2)
    theirs.apply(ours.encode())
    with theirs.transact() as deleted:
        del root(theirs)["k7"]
    assert not ours.contains(deleted[0])
    assert not ours.contains(theirs.diff(ours.state_vector()))
    edited(theirs, x=1)
    assert not ours.contains(theirs.diff(ours.state_vector()))


def test_a_document_with_waiting_updates_still_knows_what_it_contains() -> None:
    ours = with_deletions()
    answer = ours.diff(ours.state_vector())
    assert ours.apply(update(in_type(7, Y_MAP, (9, 0)), client=8))
    assert ours.contains(answer)
    assert not ours.contains(b"\x00" + deletions(9, (0, 1)))


@pytest.mark.parametrize("junk", [b"", b"\x00", b"\x00\x01", b"\x00\x01\x01\x05\x01"])
def test_whether_it_contains_junk_is_no_question(junk: bytes) -> None:
    with pytest.raises(MalformedUpdate):
        with_deletions().contains(junk)


def test_a_document_may_be_given_its_client_id() -> None:
    document = Document(client_id=7)
    edited(document, a=1)
    assert document.state_vector() == b"\x01\x07\x01"
