"""What every store does when old updates of a log are merged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from crdt.pipeline.rows import Diagnostic, RowChanges
from crdt.validation.diagnostics import Code
from persistence.ports.folding import FoldableLog
from persistence.ports.update_log import LoggedUpdate, NewUpdate, UpdateInfo
from persistence.ports.versions import NewVersion
from tests.contracts.stores import NOON, Stores, an_id

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


async def a_log(stores: Stores, number: int = 1, edits: int = 6, cursor: int | None = None) -> UUID:
    """A pipeline with edits a second apart from noon on, which the rows show."""
    pipeline = await stores.new_pipeline(number)
    author = stores.author.id
    await stores.log.append(
        [NewUpdate(pipeline, author, b"%d" % n, NOON + n * SECOND) for n in range(2, edits + 2)]
    )
    await stores.project(RowChanges(), edits + 1 if cursor is None else cursor)
    return pipeline


def merged(updates: Sequence[LoggedUpdate], payload: bytes = b"merged") -> LoggedUpdate:
    first, last = updates[0], updates[-1]
    return replace(
        last, payload=payload, folded_from=first.first_seq, folded_since=first.first_received_at
    )


async def fold(stores: Stores, pipeline: UUID, first: int, last: int, saved: int = 3) -> bool:
    """Put one update in place of two or more; the log is folded up to there then."""
    found = await stores.folding.next_foldable(NOON + DAY, only=pipeline)
    assert found is not None
    updates = [each for each in await stores.log.since(pipeline, first - 1) if each.seq <= last]
    return await stores.folding.fold(found, last, [merged(updates)], saved)


async def test_what_is_old_and_shown_is_foldable(stores: Stores) -> None:
    pipeline = await a_log(stores)
    found = await stores.folding.next_foldable(NOON + DAY)
    assert found == FoldableLog(pipeline, 0, 7, [])
    assert await stores.folding.next_foldable(NOON) is None
    part = await stores.folding.next_foldable(NOON + 4 * SECOND)
    assert part is not None
    assert part.until == 3


async def test_what_the_rows_do_not_show_is_not_foldable(stores: Stores) -> None:
    await a_log(stores, cursor=4)
    found = await stores.folding.next_foldable(NOON + DAY)
    assert found is not None
    assert found.until == 4


async def test_logs_are_found_by_id_but_for_those_excluded(stores: Stores) -> None:
    ids = [await a_log(stores, number) for number in (1, 2, 3)]
    found, after = [], None
    while (one := await stores.folding.next_foldable(NOON + DAY, after)) is not None:
        found.append(after := one.pipeline_id)
    assert found == sorted(ids)
    one = await stores.folding.next_foldable(NOON + DAY, excluding=ids[:2])
    assert one is not None
    assert one.pipeline_id == ids[2]
    assert await stores.folding.next_foldable(NOON + DAY, only=an_id(9)) is None
    assert await stores.folding.next_foldable(NOON + DAY, ids[1], only=ids[1]) is None


async def test_damaged_logs_are_not_foldable(stores: Stores) -> None:
    pipeline = await a_log(stores, cursor=6)
    damage = Code.UNDECODABLE_UPDATE.about("pipeline", "rotten")
    assert isinstance(damage, Diagnostic)
    await stores.project(RowChanges(diagnostics=[damage]), 7)
    assert await stores.folding.next_foldable(NOON + DAY) is None
    assert await stores.folding.next_foldable(NOON + DAY, only=pipeline) is None


async def test_versions_are_named_with_the_log(stores: Stores) -> None:
    pipeline = await a_log(stores)
    for seq in (3, 5, 5):
        await stores.versions.save(a_version(pipeline, seq))
    found = await stores.folding.next_foldable(NOON + DAY)
    assert found is not None
    assert set(found.versions) == {3, 5}


def a_version(pipeline: UUID, seq: int) -> NewVersion:
    empty = '{"name": "Loom"}', "[]", "[]"
    return NewVersion(pipeline, seq, b"state", *empty, None, None, None, NOON)  # type: ignore[arg-type]


async def test_a_folded_row_has_the_numbers_of_those_it_is_made_of(stores: Stores) -> None:
    pipeline = await a_log(stores)
    assert await fold(stores, pipeline, 2, 5)
    author = stores.author.id
    found = await stores.log.since(pipeline, 1)
    assert found == [
        LoggedUpdate(5, author, b"merged", NOON + 5 * SECOND, 2, NOON + 2 * SECOND),
        LoggedUpdate(6, author, b"6", NOON + 6 * SECOND),
        LoggedUpdate(7, author, b"7", NOON + 7 * SECOND),
    ]
    stored = await stores.log.load(pipeline)
    assert (stored.missing, stored.seq) == ([], 7)
    assert await stores.log.heads([pipeline]) == {pipeline: 7}


@pytest.mark.parametrize("after", [1, 2, 3, 4])
async def test_whoever_stands_within_a_folded_row_gets_it(stores: Stores, after: int) -> None:
    pipeline = await a_log(stores)
    await fold(stores, pipeline, 2, 5)
    assert [each.seq for each in await stores.log.since(pipeline, after)] == [5, 6, 7]
    async with stores.log.transaction() as transaction:
        locked = await transaction.lock({pipeline: after})
    first = locked[pipeline].missing[0]
    assert (first.first_seq, first.seq) == (2, 5)
    await stores.log.store_state(pipeline, after, b"state")
    assert (await stores.log.load(pipeline)).missing == []


async def test_appends_count_on_behind_a_folded_end(stores: Stores) -> None:
    pipeline = await a_log(stores)
    await fold(stores, pipeline, 4, 7)
    assert await stores.log.append([stores.update(pipeline)]) == [8]
    assert (await stores.log.load(pipeline)).missing == []


async def test_a_log_is_folded_once(stores: Stores) -> None:
    pipeline = await a_log(stores)
    stale = await stores.folding.next_foldable(NOON + DAY)
    assert stale is not None
    assert await fold(stores, pipeline, 2, 3)
    before = await stores.log.since(pipeline, 0)
    assert not await stores.folding.fold(stale, 5, [merged(before[1:4])], 9)
    assert await stores.log.since(pipeline, 0) == before
    rest = await stores.folding.next_foldable(NOON + DAY)
    assert rest is not None
    assert (rest.folded, rest.until) == (3, 7)
    assert await stores.folding.fold(rest, 7, [], 0)
    assert await stores.folding.next_foldable(NOON + DAY) is None


async def test_a_pipeline_that_is_gone_is_not_folded(stores: Stores) -> None:
    pipeline = await a_log(stores)
    stale = await stores.folding.next_foldable(NOON + DAY)
    assert stale is not None
    updates = await stores.log.since(pipeline, 1)
    await stores.directory.delete_pipeline(pipeline)
    assert not await stores.folding.fold(stale, 7, [merged(updates)], 9)


async def test_history_has_a_folded_row_with_where_it_begins(stores: Stores) -> None:
    pipeline = await a_log(stores)
    await fold(stores, pipeline, 3, 5)
    author, history = stores.author.id, stores.update_history
    row = UpdateInfo(5, author, NOON + 5 * SECOND, 3, NOON + 3 * SECOND)
    found = await history.newest_updates(pipeline, 10)
    assert [each.seq for each in found] == [7, 6, 5, 2, 1]
    assert found[2] == row
    assert (await history.newest_updates(pipeline, 1, before=6)) == [row]
    # Somebody had a page that ended within it before it was folded.
    (rest, *_) = await history.newest_updates(pipeline, 10, before=5)
    assert (rest.first_seq, rest.seq) == (3, 4)
    assert [each.seq for each in await history.newest_updates(pipeline, 10, before=3)] == [2, 1]


async def test_what_no_version_holds_is_known_after_it_is_folded(stores: Stores) -> None:
    pipeline = await a_log(stores)
    await fold(stores, pipeline, 4, 6)
    await stores.versions.mark_saved(pipeline, 3)
    for moment, due in ((NOON + 4 * SECOND, pipeline), (NOON + 3 * SECOND, None)):
        async with stores.versions.claim_unsaved(moment, None) as found:
            assert found == due


async def test_space_is_given_back(stores: Stores) -> None:
    await fold(stores, await a_log(stores), 2, 7)
    await stores.folding.give_back()
