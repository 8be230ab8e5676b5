"""In whatever order updates arrive, none is lost."""

from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt.document import Document
from crdt.encoding import var_uint
from crdt.pending import Pending, read_state_vector
from tests.crdt.histories import History, content
from tests.crdt.raw_updates import Y_MAP, deletions, in_root, in_type, update, value

FIRST = update(in_root(7, Y_MAP), client=1)
SECOND = update(in_type(7, Y_MAP, (1, 0)), client=2)
THIRD = update(in_type(8, value(b"\x7e"), (2, 0)), client=3)


@pytest.mark.parametrize("seed", range(60))
def test_any_order_comes_to_the_same(seed: int) -> None:
    history = History(seed)
    document = Document()
    for each in history.shuffled():
        document.apply(each)
    assert content(document.doc) == history.outcome, f"seed {seed}"


@pytest.mark.parametrize("seed", range(60))
def test_what_waits_is_part_of_the_encoded_document(seed: int) -> None:
    """As in Yjs, whose encodeStateAsUpdate includes pending structs and deletions."""
    history = History(seed)
    updates = history.shuffled()
    half = history.random.randrange(len(updates))
    first, second = Document(), Document()
    for each in updates[:half]:
        first.apply(each)
    second.apply(first.encode())
    for each in updates[half:]:
        second.apply(each)
    assert content(second.doc) == history.outcome, f"seed {seed}"


@pytest.mark.parametrize("seed", range(20))
def test_a_diff_has_what_waits_too(seed: int) -> None:
    history = History(seed)
    updates = history.shuffled()
    half = len(updates) // 2
    ours, theirs = Document(), Document()
    for each in updates[:half]:
        ours.apply(each)
    theirs.apply(updates[0])
    theirs.apply(ours.diff(theirs.state_vector()))
    for each in updates[half:]:
        theirs.apply(each)
    assert content(theirs.doc) == history.outcome, f"seed {seed}"


def test_the_library_by_itself_loses_edits() -> None:
    """The reason for crdt/pending.py; when this fails, the library has learned it."""
    lost = 0
    for seed in range(20):
        history, doc = History(seed), Doc[Any]()
        for each in history.shuffled():
            doc.apply_update(each)
        lost += content(doc) != history.outcome
    assert lost > 0


def test_an_update_waits_for_the_parent_of_its_structs() -> None:
    pending = Pending()
    assert pending.keep_unless_whole(SECOND, {})
    assert not pending.is_due({})
    assert pending.is_due({1: 1})


@pytest.mark.parametrize(
    ("lacking", "state"),
    [
        (update(in_type(8, value(b"\x7e"), (9, 4))), {9: 4}),
        (update(in_root(8, value(b"\x7e")), clock=3), {1: 2}),
        (b"\x00" + deletions(9, (2, 3)), {9: 4}),
        (update(b"\x88\x09\x04" + value(b"\x7e")), {9: 4}),
        (update(b"\xc8\x09\x03\x09\x04" + value(b"\x7e")), {9: 4}),
        (update(in_root(8, value(b"\x7e")), b"\x0a\x02", in_root(8, value(b"\x7e"))), {1: 2}),
    ],
    ids=["parent", "own clock", "deletion", "left", "right", "gap"],
)
def test_what_an_update_may_wait_for(lacking: bytes, state: dict[int, int]) -> None:
    pending = Pending()
    assert pending.keep_unless_whole(lacking, state)
    complete = {client: clock + 1 for client, clock in state.items()}
    assert pending.is_due(complete)
    assert not Pending().keep_unless_whole(lacking, complete)


def test_whole_updates_are_not_kept() -> None:
    pending = Pending()
    assert not pending.keep_unless_whole(FIRST, {})
    assert not pending.keep_unless_whole(SECOND, {1: 1})
    assert not pending


def test_nothing_is_kept_twice() -> None:
    pending = Pending()
    assert pending.keep_unless_whole(SECOND, {})
    assert not pending.keep_unless_whole(SECOND, {})


def test_updates_that_wait_for_each_other_are_due() -> None:
    one = update(in_root(7, Y_MAP), in_type(8, value(b"\x7e"), (2, 0)), client=1)
    other = update(in_type(7, Y_MAP, (1, 0)), client=2)
    pending = Pending()
    assert pending.keep_unless_whole(one, {})
    assert not pending.is_due({})
    assert pending.keep_unless_whole(other, {})
    assert pending.is_due({})
    taken = pending.take()
    assert taken == [one, other]
    assert not pending
    pending.put_back(taken, {1: 1})
    assert pending.take() == [one]


def test_what_waits_is_new_until_it_is_known() -> None:
    document = Document()
    assert document.apply(THIRD)
    assert document.apply(SECOND)
    assert not document.apply(SECOND)
    assert document.apply(FIRST)
    assert not any(document.apply(each) for each in (FIRST, SECOND, THIRD))
    assert content(document.doc) == {"k": {"k": {"k": None}}}


def test_a_deletion_that_comes_too_early_is_news() -> None:
    document = Document()
    assert document.apply(b"\x00" + deletions(1, (0, 1)))
    assert not document.apply(b"\x00" + deletions(1, (0, 1)))
    assert document.apply(FIRST)
    assert content(document.doc) == {}


def test_a_deletion_may_wait_though_what_comes_with_it_does_not() -> None:
    document, copy = Document(), Document()
    assert document.apply(
        update(in_root(8, value(b"\x7e"), key="x"), deletions=deletions(9, (0, 1)))
    )
    copy.apply(document.encode())
    copy.apply(update(in_root(8, value(b"\x7e"), key="y"), client=9))
    assert content(copy.doc) == {"x": None}


def test_half_an_update_may_wait() -> None:
    both = update(in_root(7, Y_MAP), in_type(8, value(b"\x7e"), (9, 0), key="x"), client=1)
    document = Document()
    assert document.apply(both)
    assert document.apply(update(in_type(7, Y_MAP, (1, 0), key="y"), client=9))
    assert content(document.doc) == {"k": {"y": {"x": None}}}


def test_everything_kept_for_joining_clients_includes_what_waits() -> None:
    document = Document()
    document.apply(FIRST)
    before = document.diff(b"\x00")
    document.apply(THIRD)
    joined = Document()
    assert document.diff(b"\x00") != before
    joined.apply(document.diff(b"\x00"))
    joined.apply(SECOND)
    assert content(joined.doc) == {"k": {"k": {"k": None}}}


def test_a_state_vector_reads_back() -> None:
    doc: Doc[Any] = Doc(client_id=2**40)
    doc.get("steps", type=Map)["a"] = 1
    doc.apply_update(update(in_root(7, Y_MAP), client=7))
    assert read_state_vector(doc.get_state()) == {2**40: 1, 7: 1}
    assert read_state_vector(b"\x01" + var_uint(300) + b"\x05") == {300: 5}
