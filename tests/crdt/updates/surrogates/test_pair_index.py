"""The index knows the pairs of a document that can still be cut, and no others."""

import pytest

from crdt.protocol.lib0 import var_string
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.state_vector import read_state_vector, write_state_vector
from crdt.updates.surrogates.pair_index import PairIndex
from tests.crdt.raw_updates import after, before, deletions, in_root, update


def text(content: str, clock: int = 0) -> Inspection:
    return inspect_update(update(in_root(4, var_string(content), key=None), clock=clock))


def cut_at(clock: int) -> Inspection:
    return inspect_update(update(before(4, var_string("x"), (1, clock)), client=2))


def deletion(*ranges: tuple[int, int]) -> Inspection:
    return inspect_update(b"\x00" + deletions(1, *ranges))


def holding(*updates: Inspection) -> PairIndex:
    index, state = PairIndex(), dict[int, int]()
    for each in updates:
        index.merged([each], state)
        state |= each.state_after(state) or {}
    return index


def held(index: PairIndex, most: int = 40) -> list[int]:
    """The clocks of client 1 at which a cut would be one within a pair."""
    return [n for n in range(most) if index.cut_by([cut_at(n)], {1: most})]


def test_it_knows_the_pairs_of_all_that_was_merged() -> None:
    assert held(holding(text("a😀"), text("😁b", clock=3))) == [2, 4]


def test_it_knows_the_pairs_of_a_state_when_they_are_first_needed() -> None:
    index = PairIndex()
    index.load(text("a😀").update)
    index.merged([text("😁b", clock=3)], {1: 3})
    assert held(index) == [2, 4]


def test_what_was_here_already_is_not_entered_again() -> None:
    # In the document, these two characters were replaced before.
    index = PairIndex()
    index.merged([text("😀😁")], {1: 2})
    assert held(index) == [3]


def test_pairs_that_are_deleted_are_forgotten() -> None:
    every = text("😀" * 10)
    assert held(holding(every, deletion((0, 4), (10, 2), (16, 100)))) == [5, 7, 9, 13, 15]
    assert held(holding(every, deletion((0, 20)))) == []


def test_pairs_that_are_replaced_are_forgotten() -> None:
    index = holding(text("😀" * 4))
    index.discard({1: [1, 5], 9: [1]})
    assert held(index) == [3, 7]


def test_an_update_may_cut_what_it_brings() -> None:
    both = update(
        in_root(4, var_string("a😀"), key=None), after(4, var_string("x"), (1, 1)), clock=0
    )
    index, found = PairIndex(), inspect_update(both)
    assert index.cut_by([found], {}) == {1: [2]}
    assert not index.holds_any({1: [2]})


def test_updates_that_are_merged_together_may_cut_each_other() -> None:
    overlapping = text("b😁", clock=2)
    assert PairIndex().cut_by([text("a😀"), overlapping], {}) == {}
    assert PairIndex().cut_by([text("a😀b"), text("b😁", clock=2)], {}) == {1: [4]}
    assert PairIndex().cut_by([text("a😀"), cut_at(2)], {}) == {1: [2]}


@pytest.mark.parametrize(("clock", "lowered"), [(1, 1), (2, 1), (3, 3)])
def test_a_state_vector_that_ends_within_a_pair_is_lowered(clock: int, lowered: int) -> None:
    index = holding(text("a😀b"))
    wanted = write_state_vector({1: clock, 7: 2})
    assert read_state_vector(index.lowered(wanted)) == {1: lowered, 7: 2}


def test_what_is_no_state_vector_is_left_to_the_library() -> None:
    assert holding(text("😀")).lowered(b"\x05") == b"\x05"
