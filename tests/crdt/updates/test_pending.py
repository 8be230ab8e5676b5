"""In whatever order updates arrive, none is lost."""

from typing import Any

import pytest
from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.errors import MalformedUpdate
from crdt.protocol.lib0 import var_string, var_uint
from crdt.updates.format import EMPTY_UPDATE, read_structs, read_update
from crdt.updates.inspection import inspect_update
from crdt.updates.pending import Pending
from crdt.updates.state_vector import StateVector, read_state_vector
from tests.crdt.histories import History, content
from tests.crdt.raw_updates import (
    Y_MAP,
    after,
    deletions,
    in_root,
    in_type,
    update,
    value,
)
from tests.rounds import some

FIRST = update(in_root(7, Y_MAP), client=1)
SECOND = update(in_type(7, Y_MAP, (1, 0)), client=2)
THIRD = update(in_type(8, value(b"\x7e"), (2, 0)), client=3)


def a_null(key: str) -> bytes:
    return in_root(8, value(b"\x7e"), key=key)


def add(pending: Pending, update: bytes, state: StateVector) -> tuple[list[bytes], bool]:
    return pending.add(update, *read_update(update), state)


def state_of(document: Document) -> StateVector:
    return read_state_vector(document.state_vector())


def handed_over(document: Document) -> list[bytes]:
    """All that a client is sent that has nothing."""
    return [document.encode(), *document.waiting()]


@pytest.mark.parametrize("seed", some(range(60), few=15))
def test_any_order_comes_to_the_same(seed: int) -> None:
    history = History(seed)
    document = Document()
    for each in history.shuffled():
        document.apply(each)
        assert state_of(document) == document._library.state, f"seed {seed}"
    assert content(document.doc) == history.outcome, f"seed {seed}"
    assert not document.waiting(), f"seed {seed}"


@pytest.mark.parametrize("seed", some(range(60), few=15))
def test_what_waits_is_handed_over_too(seed: int) -> None:
    history = History(seed)
    updates = history.shuffled()
    half = history.random.randrange(len(updates))
    first, second = Document(), Document()
    for each in updates[:half]:
        first.apply(each)
    for each in handed_over(first):
        second.apply(each)
    assert second.state_vector() == first.state_vector(), f"seed {seed}"
    for each in updates[half:]:
        second.apply(each)
    assert content(second.doc) == history.outcome, f"seed {seed}"


@pytest.mark.parametrize("seed", some(range(60), few=15))
def test_updates_that_overlap_come_to_the_same(seed: int) -> None:
    """Diffs between any two replicas, as clients send them that were in touch elsewhere."""
    history = History(seed)
    rng, replicas = history.random, [Document() for _ in range(4)]
    for each in history.shuffled():
        one, other = rng.sample(replicas, 2)
        one.apply(each)
        for missing in (one.diff(rng.choice(replicas).state_vector()), *one.waiting()):
            other.apply(missing)
    for each in history.updates:
        for replica in replicas:
            replica.apply(each)
            assert state_of(replica) == replica._library.state, f"seed {seed}"
    assert all(content(replica.doc) == history.outcome for replica in replicas), f"seed {seed}"
    assert not any(replica.waiting() for replica in replicas), f"seed {seed}"


@pytest.mark.parametrize("seed", range(20))
def test_what_waits_is_encoded_by_nothing_else(seed: int) -> None:
    """The library reads an encoded document without any rest of its own."""
    history = History(seed)
    document = Document()
    for each in history.shuffled()[: len(history.updates) // 2]:
        document.apply(each)
        copy: Doc[Any] = Doc()
        copy.apply_update(document.encode())
        assert read_state_vector(copy.get_state()) == state_of(document), f"seed {seed}"
        assert content(copy) == content(document.doc), f"seed {seed}"


def test_the_library_by_itself_loses_edits() -> None:
    """The reason for crdt/updates/pending.py; when this fails, the library has learned it."""
    lost = 0
    for seed in range(20):
        history, doc = History(seed), Doc[Any]()
        for each in history.shuffled():
            doc.apply_update(each)
        lost += content(doc) != history.outcome
    assert lost > 0


@pytest.mark.parametrize(
    ("lacking", "state"),
    [
        (update(in_type(8, value(b"\x7e"), (9, 4))), {9: 4}),
        (update(a_null("k"), clock=3), {1: 2}),
        (b"\x00" + deletions(9, (4, 1)), {9: 4}),
        (update(b"\x88\x09\x04" + value(b"\x7e")), {9: 4}),
        (update(b"\xc8\x09\x03\x09\x04" + value(b"\x7e")), {9: 4}),
    ],
    ids=["parent", "own clock", "deletion", "left", "right"],
)
def test_what_an_update_may_wait_for(lacking: bytes, state: StateVector) -> None:
    pending = Pending()
    assert add(pending, lacking, dict(state)) == ([], True)
    complete = {client: clock + 1 for client, clock in state.items()}
    assert pending.release(complete, complete) == [lacking]
    assert not pending
    assert inspect_update(lacking).state_after(state) is None
    assert inspect_update(lacking).state_after({**state, 9: 5, 1: 3}) is not None


def test_what_is_whole_is_all_ready() -> None:
    pending, state = Pending(), {1: 1}
    assert add(pending, SECOND, state) == ([SECOND], False)
    assert state == {1: 1, 2: 1}
    assert not pending


def test_a_gap_within_an_update_parts_it() -> None:
    gap = update(a_null("a"), b"\x0a\x02", a_null("b"))
    pending, state = Pending(), StateVector()
    assert add(pending, gap, state) == ([update(a_null("a"))], True)
    assert pending.updates() == [update(a_null("b"), clock=3)]
    between = update(a_null("c"), a_null("d"), clock=1)
    assert add(pending, between, state) == (
        [update(a_null("c"), a_null("d"), a_null("b"), clock=1)],
        False,
    )
    assert state == {1: 4}


def test_a_gap_that_is_known_is_none() -> None:
    """A client sends it whose answer skips what the server has."""
    document = Document()
    document.apply(update(a_null("a"), a_null("b"), client=5))
    assert document.apply(update(b"\x0a\x02", a_null("c"), client=5))
    assert content(document.doc) == {"a": None, "b": None, "c": None}


def test_a_struct_known_in_part_is_not_kept() -> None:
    document = Document()
    document.apply(update(in_root(4, var_string("word"), key=None), client=5))
    longer = update(
        in_root(4, var_string("words"), key=None), after(4, var_string("!"), (9, 0)), client=5
    )
    assert document.apply(longer)
    assert document.apply(update(in_root(4, var_string(" "), key=None), client=9))
    assert state_of(document) == {5: 6, 9: 1}


def test_clients_of_one_update_may_need_each_other() -> None:
    one = b"\x02\x01\x02\x00" + in_type(7, Y_MAP, (1, 0)) + b"\x02\x01\x00"
    both = one + in_root(7, Y_MAP) + in_type(8, value(b"\x7e"), (2, 0), key="x") + b"\x00"
    document = Document()
    assert document.apply(both)
    assert content(document.doc) == {"k": {"k": {"x": None}}}


def test_updates_that_wait_for_each_other_set_each_other_free() -> None:
    one = update(in_root(7, Y_MAP), in_type(8, value(b"\x7e"), (2, 0), key="x"), client=1)
    other = update(in_type(7, Y_MAP, (1, 0)), client=2)
    document = Document()
    assert document.apply(one)
    assert document.apply(other)
    assert content(document.doc) == {"k": {"k": {"x": None}}}


def test_structs_that_can_never_be_placed_wait_for_ever() -> None:
    """Each beside the other: no honest client says so, and the library would never end."""
    document = Document()
    assert document.apply(update(after(8, value(b"\x7e"), (2, 0)), client=1))
    assert document.apply(update(after(8, value(b"\x7e"), (1, 0)), client=2))
    assert document.encode() == EMPTY_UPDATE
    assert [len(read_structs(each)) for each in document.waiting()] == [2]


def test_nothing_waits_twice() -> None:
    document = Document()
    assert document.apply(SECOND)
    assert document.apply(THIRD)
    assert not document.apply(SECOND)
    again = b"\x02" + SECOND[1:-1] + THIRD[1:-1] + b"\x00"
    assert not document.apply(again)
    assert document.waiting() == [again]


def test_what_waits_is_new_until_it_is_known() -> None:
    document = Document()
    assert document.apply(THIRD)
    assert document.apply(SECOND)
    assert document.apply(FIRST)
    assert not any(document.apply(each) for each in (FIRST, SECOND, THIRD))
    assert content(document.doc) == {"k": {"k": {"k": None}}}
    assert not document.waiting()


def test_two_stories_of_what_waits_are_both_kept() -> None:
    """Whoever makes up elements of others cannot keep the true ones out."""
    document = Document()
    assert document.apply(update(a_null("false"), client=7, clock=1))
    assert document.apply(update(a_null("true"), client=7, clock=1))
    assert len(document.waiting()) == 2
    assert document.apply(update(a_null("first"), client=7))
    assert len(content(document.doc)) == 2
    assert not document.waiting()


def test_a_deletion_that_comes_too_early_is_news() -> None:
    document = Document()
    assert document.apply(b"\x00" + deletions(1, (0, 1)))
    assert not document.apply(b"\x00" + deletions(1, (0, 1)))
    assert document.apply(FIRST)
    assert content(document.doc) == {}


def test_a_deletion_may_be_early_in_part() -> None:
    document = Document()
    document.apply(update(a_null("a"), a_null("b"), client=9))
    assert document.apply(b"\x00" + deletions(9, (1, 2)))
    assert content(document.doc) == {"a": None}
    assert document.waiting() == [b"\x00" + deletions(9, (2, 1))]
    assert document.apply(update(a_null("c"), a_null("d"), client=9, clock=2))
    assert content(document.doc) == {"a": None, "d": None}


def test_deletions_that_wait_are_written_in_order() -> None:
    """Yjs keeps early deletions as differences between clocks, and garbles any other order."""
    early = [b"\x00" + deletions(9, (clock, 2)) for clock in (24, 4, 138, 13, 5)]
    document = Document()
    assert all(document.apply(each) for each in early)
    assert document.waiting() == [b"\x00" + deletions(9, (4, 3), (13, 2), (24, 2), (138, 2))]


def test_deletions_that_overlap_go_on_as_one() -> None:
    """Else every element that arrives would cost as much as there are ranges over it."""
    ranges = [(0, 500 + number) for number in range(500)]
    document = Document()
    for each in ranges:
        document.apply(b"\x00" + deletions(9, each))
    document.apply(update(a_null("a"), client=9))
    assert len(document._pending._deletions.known) == 1
    assert document.waiting() == [b"\x00" + deletions(9, (1, 998))]


def test_a_deletion_may_wait_though_what_comes_with_it_does_not() -> None:
    document = Document()
    assert document.apply(update(a_null("x"), deletions=deletions(9, (0, 1))))
    assert content(document.doc) == {"x": None}
    assert document.apply(update(a_null("y"), client=9))
    assert content(document.doc) == {"x": None}


def test_half_an_update_may_wait() -> None:
    both = update(in_root(7, Y_MAP), in_type(7, Y_MAP, (9, 0), key="x"), client=1)
    document = Document()
    assert document.apply(both)
    assert content(document.doc) == {"k": {}}
    assert document.apply(update(in_type(7, Y_MAP, (1, 0), key="y"), client=9))
    assert content(document.doc) == {"k": {"y": {"x": {}}}}


def test_an_edit_of_our_own_may_be_waited_for() -> None:
    document = Document(client_id=7)
    assert document.apply(update(in_type(8, value(b"\x7e"), (7, 0), key="x"), client=1))
    with document.transact():
        document.doc.get("steps", type=Map)["k"] = Map()
    assert content(document.doc) == {"k": {"x": None}}


@pytest.mark.parametrize(
    "broken", [in_type(6, b"\x01b\x02}}", (9, 0)), in_type(5, b"\x02}}", (9, 0))]
)
def test_what_cannot_be_decoded_does_not_wait(broken: bytes) -> None:
    document = Document()
    with pytest.raises(MalformedUpdate):
        document.apply(update(broken))
    assert not document.waiting()


def test_a_state_vector_reads_back() -> None:
    doc: Doc[Any] = Doc(client_id=2**40)
    doc.get("steps", type=Map)["a"] = 1
    doc.apply_update(update(in_root(7, Y_MAP), client=7))
    assert read_state_vector(doc.get_state()) == {2**40: 1, 7: 1}
    assert read_state_vector(b"\x01" + var_uint(300) + b"\x05") == {300: 5}
