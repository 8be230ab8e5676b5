"""What has changed since a number: never less than was noted, and bounded."""

import random

import pytest

from app.shapes.changes import ALL, MOST_IDS, NOTHING, Region, joined
from app.shapes.journal import ENTRY_BYTES, Journal
from tests.app.shapes.shapes import ONE, TWO, an_id
from tests.rounds import some

HERE, THERE = an_id(10), an_id(11)
MINE = frozenset({HERE})


def a_journal(*regions: Region) -> Journal:
    """The journal of some changes, numbered from 1 on."""
    journal = Journal()
    for number, region in enumerate(regions, 1):
        journal.note(number, region)
    return journal


def test_whoever_has_read_something_lacks_what_came_later() -> None:
    first = Region(frozenset({ONE}), MINE, xids=frozenset({7}))
    second = Region(frozenset({TWO}), MINE, xids=frozenset({8}))
    journal = a_journal(first, second)
    assert journal.since(0) == first | second
    assert journal.since(1) == second
    assert journal.since(2) is NOTHING
    journal.note(3, first)
    assert journal.since(2) == first
    assert journal.since(1) == first | second


def test_who_asks_after_each_other_gets_the_same_region() -> None:
    """So what many shapes lack is joined at no cost."""
    journal = a_journal(Region(frozenset({ONE}), MINE))
    assert journal.since(0) is journal.since(0)


@pytest.mark.parametrize("seed", some(range(300), 60))
def test_it_says_what_all_changes_make_together(seed: int) -> None:
    chance = random.Random(seed)
    regions = [
        Region(
            frozenset(an_id(chance.randrange(20)) for _ in range(chance.randrange(4))),
            chance.choice((None, frozenset({HERE}), frozenset({THERE}))),
            chance.choice((frozenset(), frozenset({ONE}))),
            is_all=chance.random() < 0.1,
            xids=frozenset({chance.randrange(20)}),
        )
        for _ in range(chance.randint(1, 12))
    ]
    journal = a_journal(*regions)
    for number in chance.sample(range(len(regions)), len(regions)):
        found, expected = journal.since(number), joined([NOTHING, *regions[number:]])
        assert (found.is_all, found.xids) == (expected.is_all, expected.xids)
        assert found.is_all or found == expected
    journal.forget(1)
    assert journal.since(len(regions)) is NOTHING


def test_of_too_many_rows_all_of_their_owners_are_lacked() -> None:
    rows = [Region(frozenset({an_id(number)}), MINE) for number in range(MOST_IDS + 2)]
    journal = a_journal(*rows)
    assert journal.since(1) == Region(wholes=MINE)
    assert len(journal.since(2).ids) == MOST_IDS
    of_anybody = a_journal(*(Region(row.ids, None) for row in rows))
    assert of_anybody.since(1).is_all


def test_of_too_many_owners_rows_of_anybody_are_lacked() -> None:
    owners = [frozenset({an_id(number)}) for number in range(MOST_IDS + 1)]
    journal = a_journal(*(Region(frozenset({ONE}), one) for one in owners))
    assert journal.since(0) == Region(frozenset({ONE}), None)
    assert a_journal(*(Region(wholes=one) for one in owners)).since(0).is_all


def test_after_too_many_transactions_everything_is_lacked() -> None:
    xids = [frozenset({number}) for number in range(MOST_IDS + 1)]
    journal = a_journal(*(Region(frozenset({ONE}), MINE, xids=one) for one in xids))
    assert journal.since(0) is ALL
    assert journal.since(1).ids == {ONE}


def test_a_row_that_changes_again_and_again_is_kept_once() -> None:
    journal = a_journal(*[Region(frozenset({ONE}), MINE, xids=frozenset({7}))] * 5_000)
    assert journal.bytes == 3 * ENTRY_BYTES
    journal.forget(4_999)
    assert journal.since(4_999).ids == {ONE}
    journal.forget(5_000)
    assert journal.bytes == 0
