"""A position knows what is here whatever the order in which it came."""

import random

import pytest

from app.rooms.log_position import LogPosition


def test_it_begins_where_the_document_was_loaded() -> None:
    position = LogPosition(7)
    assert (position.seq, position.has_gap) == (7, False)
    assert position.has(7)
    assert not position.has(8)


def test_a_later_update_leaves_a_gap_until_the_earlier_one_comes() -> None:
    position = LogPosition(0)
    position.note(2)
    assert (position.seq, position.has_gap) == (0, True)
    assert position.has(2)
    assert not position.has(1)
    position.note(1)
    assert (position.seq, position.has_gap) == (2, False)


def test_what_is_known_changes_nothing() -> None:
    position = LogPosition(3)
    position.note(2)
    position.note(3)
    assert (position.seq, position.has_gap) == (3, False)


def test_what_was_only_told_of_is_missing_until_it_comes() -> None:
    position = LogPosition(3)
    position.expect(3)
    assert not position.has_gap
    position.expect(5)
    assert (position.seq, position.has_gap, position.has(5)) == (3, True, False)
    position.note(4)
    assert position.has_gap
    position.note(5)
    assert (position.seq, position.has_gap) == (5, False)


def test_what_the_log_does_not_have_is_not_waited_for() -> None:
    position = LogPosition(3)
    position.expect(2**60)
    position.forgo()
    assert not position.has_gap


@pytest.mark.parametrize("seed", range(20))
def test_any_order_with_repetitions_comes_to_the_same(seed: int) -> None:
    rng, position, noted = random.Random(seed), LogPosition(0), set[int]()
    for seq in rng.choices(range(1, 41), k=200) + rng.sample(range(1, 41), 40):
        position.note(seq)
        noted.add(seq)
        assert all(position.has(each) == (each in noted) for each in range(1, 41)), f"seed {seed}"
    assert (position.seq, position.has_gap) == (40, False), f"seed {seed}"


def test_a_folded_update_closes_the_gap_that_it_covers() -> None:
    position = LogPosition(4)
    position.note(7)
    assert not position.has_all(3, 8)
    position.note_all(3, 8)
    assert (position.seq, position.has_gap) == (8, False)
    assert position.has_all(3, 8)


def test_a_folded_update_beyond_a_gap_leaves_it() -> None:
    position = LogPosition(1)
    position.note_all(4, 6)
    assert (position.seq, position.has_gap) == (1, True)
    assert position.has_all(4, 6)
    position.note_all(2, 3)
    assert (position.seq, position.has_gap) == (6, False)
