"""Which deletions another delete set includes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.updates.delete_set import DeleteSet, includes_deletions

KNOWN = {1: [(0, 3), (10, 5)], 2: [(4, 4), (0, 4)]}


@pytest.mark.parametrize(
    ("other", "is_included"),
    [
        ({}, True),
        ({1: []}, True),
        ({9: []}, True),
        ({1: [(0, 3)]}, True),
        ({1: [(1, 1), (12, 3)]}, True),
        ({2: [(1, 6)]}, True),  # across two ranges that touch
        ({1: [(0, 4)]}, False),
        ({1: [(2, 9)]}, False),
        ({1: [(9, 2)]}, False),
        ({1: [(15, 1)]}, False),
        ({3: [(0, 1)]}, False),
        ({1: [(0, 1)], 3: [(0, 1)]}, False),
    ],
)
def test_a_delete_set_includes_what_it_deletes(other: DeleteSet, is_included: bool) -> None:
    assert includes_deletions(KNOWN, other) is is_included


@given(st.data())
def test_ranges_include_each_other_as_sets_of_clocks_do(data: st.DataObject) -> None:
    ranges = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 5)), max_size=6)
    known, other = data.draw(ranges), data.draw(ranges)

    def elements(some: list[tuple[int, int]]) -> set[int]:
        return {each for clock, length in some for each in range(clock, clock + length)}

    assert includes_deletions({1: known}, {1: other}) is (elements(other) <= elements(known))


def test_many_ranges_are_compared_quickly() -> None:
    """20,000 × 20,000 comparisons would take minutes, in the event loop."""
    many = {1: [(2 * n, 1) for n in range(20_000)]}
    assert includes_deletions(many, many)
