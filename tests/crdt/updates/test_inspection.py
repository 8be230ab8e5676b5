"""What is found out about an update before it meets a document holds when it does."""

import pytest
from pycrdt import Map, merge_updates

from crdt.document.document import Document
from crdt.document.schema import root_map
from crdt.errors import MalformedUpdate, MessageTooBig, Overloaded
from crdt.protocol.lib0 import var_uint
from crdt.updates.format import read_update
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED, REPLAYED
from crdt.updates.pending import Pending
from tests.crdt.histories import History, content
from tests.crdt.raw_updates import Y_MAP, after, chain, deletions, in_root, in_type, update, value
from tests.rounds import some

NULL = value(b"\x7e")


def of_clients(*updates: bytes) -> bytes:
    """Put updates of one client each, without deletions, into one update."""
    return var_uint(len(updates)) + b"".join(each[1:-1] for each in updates) + b"\x00"


@pytest.mark.parametrize("seed", some(range(100), few=25))
def test_what_fits_is_integrated_at_once_and_nothing_else_is(seed: int) -> None:
    history = History(seed)
    document = Document()
    for number, each in enumerate(history.shuffled()):
        several = history.random.choices(history.updates, k=number % 4)
        arriving = merge_updates(each, *several)
        state = dict(document._library.state)
        _, is_left = Pending().add(arriving, *read_update(arriving), dict(state))
        state_after = inspect_update(arriving).state_after(state)
        if several:
            # Gaps between them may be filled already.
            assert state_after is None or not is_left, f"seed {seed}, update {number}"
        else:
            assert (state_after is None) == is_left, f"seed {seed}, update {number}"
        document.apply(inspect_update(arriving))
        assert all(document._library.state[one] >= end for one, end in (state_after or {}).items())
    assert content(document.doc) == history.outcome, f"seed {seed}"


def test_clients_may_need_each_other_by_turns() -> None:
    one = update(in_root(8, NULL, key=None), after(8, NULL, (2, 0)))
    two = update(after(8, NULL, (1, 0)), after(8, NULL, (1, 1)), client=2)
    found = inspect_update(of_clients(one, two))
    assert (found.required, found.provided) == ({1: 0, 2: 0}, {1: 2, 2: 2})
    document = Document()
    assert document.apply(found)
    assert not document.waiting()
    assert document._library.state == {1: 2, 2: 2}


def test_clients_that_wait_for_each_other_wait_for_ever() -> None:
    one = update(after(8, NULL, (2, 0)))
    two = update(after(8, NULL, (1, 0)), client=2)
    assert inspect_update(of_clients(one, two)).provided is None


def test_needs_lie_outside_of_the_update() -> None:
    one = update(after(8, NULL, (2, 4)), after(8, NULL, (3, 7)), clock=5)
    two = update(after(8, NULL, (1, 5)), client=2, clock=4)
    assert inspect_update(of_clients(one, two)).required == {1: 5, 2: 4, 3: 8}
    assert inspect_update(b"\x00" + deletions(9, (4, 1), (1, 2))).required == {9: 5}


def test_what_is_here_already_is_not_taken_back() -> None:
    found = inspect_update(update(in_root(8, NULL), in_root(8, NULL, key="l")))
    assert found.state_after({1: 1}) == {1: 2}
    assert found.state_after({1: 7}) == {1: 7}


def test_shared_types_are_counted_by_how_deep_they_lie() -> None:
    flat = inspect_update(update(*(in_root(7, Y_MAP, key=str(n)) for n in range(50))))
    assert (flat.types, flat.depth) == (50, (1, 0))
    deep = inspect_update(update(*chain(50)))
    assert (deep.types, deep.depth) == (50, (50, 0))
    none = inspect_update(update(in_root(8, NULL), in_type(8, NULL, (9, 0)), client=2))
    assert (none.types, none.depth) == (0, (0, 0))
    mixed = update(*chain(3), in_type(7, Y_MAP, (9, 0)), in_type(7, Y_MAP, (1, 3)))
    assert inspect_update(mixed).depth == (3, 2)


def test_steps_that_come_one_by_one_never_have_the_document_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    document = Document()
    monkeypatch.setattr(
        document._depth_guard, "_read", lambda: pytest.fail("read the whole document")
    )
    for client in range(1, 600):
        step = in_root(7, Y_MAP, key=f"{client}"), in_type(7, Y_MAP, (client, 0), key="config")
        document.apply(update(*step, in_type(7, Y_MAP, (client, 1)), client=client), ACCEPTED)
        with document.transact():
            root_map(document, "steps")[f"ours {client}"] = Map({"config": Map({"a": Map()})})


def test_what_an_update_says_of_elements_that_are_here_does_not_count() -> None:
    document = Document()
    structs = chain(ACCEPTED.depth - 5)
    document.apply(update(*structs), ACCEPTED)
    last = len(structs) - 1
    # In the document the element is 995 deep; the update says that it lies in a root type.
    lie = in_root(7, Y_MAP, key="x"), *(in_type(7, Y_MAP, (1, last + n)) for n in range(9))
    with pytest.raises(MalformedUpdate, match="nested"):
        document.apply(update(*lie, clock=last), ACCEPTED)


def test_many_flat_updates_never_have_the_document_read(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document()
    monkeypatch.setattr(
        document._depth_guard, "_read", lambda: pytest.fail("read the whole document")
    )
    for client in range(1, 200):
        document.apply(
            update(*(in_root(7, Y_MAP, key=f"{client} {n}") for n in range(50)), client=client),
            ACCEPTED,
        )


def test_a_large_update_without_its_predecessors_is_sent_back_untouched() -> None:
    many = update(*[in_root(8, NULL, key=None)] * ACCEPTED.pending_parts, clock=1)
    document = Document()
    with pytest.raises(Overloaded, match="reconnect"):
        document.apply(many, ACCEPTED)
    assert not document.waiting()
    assert document.apply(many, REPLAYED)
    assert document.waiting()


def test_bytes_behind_an_update_are_replayed_and_not_accepted() -> None:
    followed = update(in_root(8, NULL)) + b"trailing"
    with pytest.raises(MalformedUpdate, match="8 bytes more"):
        inspect_update(followed, ACCEPTED)
    document = Document()
    # Earlier releases accepted and acknowledged such updates.
    assert document.apply(followed, REPLAYED)
    assert document._library.state == {1: 1}


def test_parts_are_limited() -> None:
    many = update(*[in_root(8, NULL, key=None)] * 10)
    found = inspect_update(many)
    assert found.parts == 30
    assert inspect_update(many, ACCEPTED) == found
    with pytest.raises(MessageTooBig):
        inspect_update(update(*[in_root(8, NULL, key=None)] * (ACCEPTED.parts // 2)), ACCEPTED)
