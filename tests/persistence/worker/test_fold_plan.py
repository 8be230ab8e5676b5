"""Which updates may become one row: by user and minute, and never across a boundary."""

from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from persistence.ports.update_log import LoggedUpdate
from persistence.worker.fold_plan import MOST_BYTES, MOST_UPDATES, group_updates
from tests.contracts.stores import NOON, an_id

ADA, BEN = an_id(1), an_id(2)


def log(*edits: tuple[UUID | None, float], first: int = 2) -> list[LoggedUpdate]:
    """Updates by their authors and the second at which they came."""
    return [
        LoggedUpdate(seq, who, b"x", NOON + timedelta(seconds=second))
        for seq, (who, second) in enumerate(edits, first)
    ]


def numbers(groups: list[list[LoggedUpdate]]) -> list[list[int]]:
    return [[update.seq for update in group] for group in groups]


def test_nothing_makes_no_group() -> None:
    assert group_updates([]) == []


def test_each_user_and_minute_is_a_group() -> None:
    updates = log((ADA, 0), (ADA, 59.9), (ADA, 60), (BEN, 61), (ADA, 62), (None, 63), (None, 64))
    assert numbers(group_updates(updates)) == [[2, 3], [4], [5], [6], [7, 8]]


def test_a_minute_is_one_of_the_clock() -> None:
    assert numbers(group_updates(log((ADA, 50), (ADA, 70)))) == [[2], [3]]


def test_the_first_update_of_a_document_stays_by_itself() -> None:
    assert numbers(group_updates(log((ADA, 0), (ADA, 1), (ADA, 2), first=1))) == [[1], [2, 3]]


def test_a_group_ends_where_a_version_does() -> None:
    updates = log(*[(ADA, 0.0)] * 5)
    assert numbers(group_updates(updates, ends=[3, 9])) == [[2, 3], [4, 5, 6]]


def test_what_is_referred_to_stays_by_itself() -> None:
    updates = log(*[(ADA, 0.0)] * 5)
    assert numbers(group_updates(updates, alone=[4])) == [[2, 3], [4], [5, 6]]


def test_nothing_is_merged_across_a_lost_row() -> None:
    updates = log(*[(ADA, 0.0)] * 5)
    assert numbers(group_updates([*updates[:2], *updates[3:]])) == [[2, 3], [5, 6]]


def test_what_is_folded_can_go_on_within_its_minute() -> None:
    second = timedelta(seconds=1)
    folded = LoggedUpdate(5, ADA, b"x", NOON + 9 * second, 2, NOON)
    within, beyond = log((ADA, 10), (ADA, 60), first=6)
    assert numbers(group_updates([folded, within, beyond])) == [[5, 6], [7]]
    over = LoggedUpdate(9, ADA, b"x", NOON + 61 * second, 6, NOON + 10 * second)
    assert numbers(group_updates([folded, over])) == [[5], [9]]


def test_a_group_has_bounds() -> None:
    many = log(*[(ADA, 0.0)] * (MOST_UPDATES + 1))
    assert [len(group) for group in group_updates(many)] == [MOST_UPDATES, 1]
    large = [
        LoggedUpdate(seq, ADA, bytes(MOST_BYTES // 2), NOON, None, None) for seq in range(2, 7)
    ]
    assert [len(group) for group in group_updates(large)] == [2, 2, 1]


@pytest.mark.parametrize("number", range(20))
def test_groups_have_every_update_once_in_order(number: int) -> None:
    rng = Random(number)
    seconds = sorted(rng.uniform(0, 300) for _ in range(60))
    updates = log(*((rng.choice([ADA, BEN, None]), second) for second in seconds))
    ends = set(rng.choices(range(2, 62), k=5))
    groups = group_updates(updates, ends)
    assert [update for group in groups for update in group] == updates
    for group in groups:
        assert len({update.user_id for update in group}) == 1
        assert not ends & {update.seq for update in group[:-1]}
