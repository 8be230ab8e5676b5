"""What every update log does."""

import asyncio
from uuid import UUID

import pytest

from crdt.errors import PipelineNotFound
from persistence.errors import StoreError
from persistence.ports.directory import SYSTEM
from persistence.ports.update_log import LockedLog, NewUpdate
from tests.contracts.stores import NOON, Stores, an_id


async def payloads(stores: Stores, number: int = 1) -> list[bytes]:
    return [update.payload for update in await stores.log.since(an_id(number), 0)]


async def test_numbers_count_from_one_without_a_gap(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    assert await stores.log.append([stores.update(pipeline), stores.update(pipeline)]) == [2, 3]
    assert await stores.log.append([stores.update(pipeline)]) == [4]
    assert [update.seq for update in await stores.log.since(pipeline, 0)] == [1, 2, 3, 4]


async def test_one_append_numbers_each_pipeline_in_input_order(stores: Stores) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    batch = [
        stores.update(second, b"2a"),
        stores.update(first, b"1a"),
        stores.update(second, b"2b"),
        stores.update(first, b"1b"),
    ]
    assert await stores.log.append(batch) == [2, 2, 3, 3]
    assert await payloads(stores, 1) == [b"seed", b"1a", b"1b"]
    assert await payloads(stores, 2) == [b"seed", b"2a", b"2b"]


async def test_an_update_of_no_pipeline_gets_no_number(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    batch = [stores.update(an_id(9)), stores.update(pipeline), stores.update(an_id(9))]
    assert await stores.log.append(batch) == [None, 2, None]


async def test_appending_nothing_is_nothing(stores: Stores) -> None:
    assert await stores.log.append([]) == []


async def test_keeps_bytes_author_and_time_of_receipt(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline, b"\x00\xff")])
    [update] = await stores.log.since(pipeline, 1)
    assert update.payload == b"\x00\xff"
    assert update.user_id == stores.author.id
    assert update.received_at == NOON


async def test_an_update_of_a_deleted_user_has_no_author(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    assert await stores.log.append([NewUpdate(pipeline, an_id(77), b"edit", NOON)]) == [2]
    assert (await stores.log.since(pipeline, 1))[0].user_id is None


async def test_since_takes_a_limit(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline)] * 4)
    assert [update.seq for update in await stores.log.since(pipeline, 2, limit=2)] == [3, 4]


async def test_the_new_updates_of_many_are_read_at_once(stores: Stores) -> None:
    ids = [await stores.new_pipeline(number) for number in (1, 2, 3, 4, 5)]
    news = [(0, b"a" * 4), (0, b"b" * 4), (1, b"c" * 5), (1, b"d" * 5), (2, b"e"), (3, b"f" * 8)]
    await stores.log.append([stores.update(ids[at], payload) for at, payload in news])
    positions = {ids[0]: 1, ids[1]: 1, ids[2]: 0, ids[3]: 1, ids[4]: 1, an_id(9): 0}
    found = await stores.log.since_each(positions, limit=2, most_bytes=8)
    assert found == {
        ids[0]: await stores.log.since(ids[0], 1),
        ids[2]: await stores.log.since(ids[2], 0),
        ids[3]: await stores.log.since(ids[3], 1),
    }
    # More updates than the limit, or more bytes: nothing rather than some of them.
    found = await stores.log.since_each(positions, limit=1, most_bytes=8)
    assert list(found) == [ids[3]]
    assert await stores.log.since_each({}, limit=1, most_bytes=8) == {}


async def test_since_of_no_pipeline_is_empty(stores: Stores) -> None:
    assert await stores.log.since(an_id(9), 0) == []


async def test_load_is_the_whole_log_before_any_state_is_stored(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline, b"edit")])
    document = await stores.log.load(pipeline)
    assert (document.state, document.state_seq, document.seq) == (None, 0, 2)
    assert [update.payload for update in document.tail] == [b"seed", b"edit"]


async def test_load_is_the_stored_state_and_the_updates_after_it(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline, b"a"), stores.update(pipeline, b"b")])
    await stores.log.store_state(pipeline, 2, b"seed+a")
    document = await stores.log.load(pipeline)
    assert (document.state, document.state_seq, document.seq) == (b"seed+a", 2, 3)
    assert [update.payload for update in document.tail] == [b"b"]


async def test_a_stored_state_without_tail_knows_its_number(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.store_state(pipeline, 1, b"state")
    assert (await stores.log.load(pipeline)).seq == 1


async def test_what_waits_is_kept_with_the_state_and_goes_with_it(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline), stores.update(pipeline)])
    assert list((await stores.log.load(pipeline)).waiting) == []
    await stores.log.store_state(pipeline, 2, b"state", [b"\x00\xff", b"other"])
    assert list((await stores.log.load(pipeline)).waiting) == [b"\x00\xff", b"other"]
    await stores.log.store_state(pipeline, 1, b"older", [b"older"])
    assert list((await stores.log.load(pipeline)).waiting) == [b"\x00\xff", b"other"]
    await stores.log.store_state(pipeline, 3, b"newer")
    assert list((await stores.log.load(pipeline)).waiting) == []


async def test_what_was_noticed_is_kept_with_the_state_and_goes_with_it(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline), stores.update(pipeline)])
    assert (await stores.log.load(pipeline)).noticed == b""
    await stores.log.store_state(pipeline, 2, b"state", noticed=b"\x00\xff")
    assert (await stores.log.load(pipeline)).noticed == b"\x00\xff"
    await stores.log.store_state(pipeline, 1, b"older", noticed=b"older")
    assert (await stores.log.load(pipeline)).noticed == b"\x00\xff"
    await stores.log.store_state(pipeline, 3, b"newer")
    assert (await stores.log.load(pipeline)).noticed == b""


async def test_the_slices_of_a_state_are_kept_with_it_and_go_with_it(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline), stores.update(pipeline)])
    assert (await stores.log.load(pipeline)).slices == b""
    await stores.log.store_state(pipeline, 2, b"state", slices=b"\x00\xff")
    assert (await stores.log.load(pipeline)).slices == b"\x00\xff"
    await stores.log.store_state(pipeline, 1, b"older", slices=b"older")
    assert (await stores.log.load(pipeline)).slices == b"\x00\xff"
    await stores.log.store_state(pipeline, 3, b"newer")
    assert (await stores.log.load(pipeline)).slices == b""


async def test_storing_a_state_deletes_no_update(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.store_state(pipeline, 1, b"state")
    assert await payloads(stores) == [b"seed"]


async def test_an_older_state_is_ignored(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline)])
    await stores.log.store_state(pipeline, 2, b"newer")
    await stores.log.store_state(pipeline, 1, b"older")
    assert (await stores.log.load(pipeline)).state == b"newer"


async def test_a_state_of_updates_never_appended_is_refused(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    with pytest.raises(StoreError, match="at most"):
        await stores.log.store_state(pipeline, 2, b"from nowhere")
    assert (await stores.log.load(pipeline)).state is None


async def test_no_pipeline_is_said_so(stores: Stores) -> None:
    with pytest.raises(PipelineNotFound):
        await stores.log.load(an_id(9))
    with pytest.raises(PipelineNotFound):
        await stores.log.store_state(an_id(9), 1, b"")


async def test_a_deleted_pipeline_leaves_nothing(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.store_state(pipeline, 1, b"state")
    await stores.directory.delete_pipeline(pipeline)
    assert await stores.log.append([stores.update(pipeline)]) == [None]
    assert await stores.log.since(pipeline, 0) == []


async def newest_updates(
    stores: Stores, limit: int, before: int | None = None
) -> list[tuple[int, UUID | None]]:
    found = await stores.update_history.newest_updates(an_id(1), limit, before)
    assert {each.at for each in found} <= {NOON}
    return [(each.seq, each.user_id) for each in found]


async def test_the_authors_of_the_last_updates_come_newest_first(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    ada = stores.author.id
    await stores.log.append([stores.update(pipeline), NewUpdate(pipeline, None, b"x", NOON)])
    assert await newest_updates(stores, 10) == [(3, None), (2, ada), (1, ada)]
    assert await newest_updates(stores, 1) == [(3, None)]
    assert await newest_updates(stores, 10, before=3) == [(2, ada), (1, ada)]
    assert await stores.update_history.newest_updates(an_id(404), 10) == []


async def test_heads_are_the_numbers_of_the_last_updates(stores: Stores) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    before = await stores.log.heads([first, second, an_id(9)])
    await stores.log.append([stores.update(first, b"a"), stores.update(first, b"b")])
    assert await stores.log.heads([first, second, an_id(9)]) == {
        first: before[first] + 2,
        second: before[second],
    }
    assert await stores.log.heads([]) == {}


async def test_a_transaction_appends_behind_what_it_has_locked(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline, b"a")])
    async with stores.log.transaction() as transaction:
        locked = await transaction.lock({pipeline: 1})
        assert await transaction.append([stores.update(pipeline, b"b")]) == [3]
    assert locked[pipeline].head == 2
    assert [(each.seq, each.payload) for each in locked[pipeline].missing] == [(2, b"a")]
    assert await payloads(stores) == [b"seed", b"a", b"b"]


async def test_a_transaction_locks_several_logs_and_names_none_that_is_not_there(
    stores: Stores,
) -> None:
    first, second = await stores.new_pipeline(1), await stores.new_pipeline(2)
    async with stores.log.transaction() as transaction:
        locked = await transaction.lock({second: 1, an_id(9): 0, first: 0})
        batch = [stores.update(second, b"2"), stores.update(an_id(9)), stores.update(first, b"1")]
        assert await transaction.append(batch) == [2, None, 2]
    assert {each: (log.head, len(log.missing)) for each, log in locked.items()} == {
        first: (1, 1),
        second: (1, 0),
    }
    assert await payloads(stores, 1) == [b"seed", b"1"]


async def test_an_exception_undoes_a_transaction(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    undone = _append_and_fail(stores, pipeline)
    with pytest.raises(LookupError):
        await undone
    assert await payloads(stores) == [b"seed"]
    assert await stores.log.append([stores.update(pipeline)]) == [2]


async def _append_and_fail(stores: Stores, pipeline: UUID) -> None:
    async with stores.log.transaction() as transaction:
        await transaction.lock({pipeline: 1})
        await transaction.append([stores.update(pipeline)])
        raise LookupError


async def test_a_lock_returns_no_more_than_it_may(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append([stores.update(pipeline, b"x" * 10)] * 3)
    async with stores.log.transaction() as transaction:
        locked = await transaction.lock({pipeline: 1}, 25)
    assert [each.seq for each in locked[pipeline].missing] == [2, 3]
    assert locked[pipeline].head == 4


async def test_nobody_appends_to_a_locked_log(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    async with stores.log.transaction() as transaction:
        await transaction.lock({pipeline: 1})
        other = asyncio.create_task(stores.log.append([stores.update(pipeline, b"theirs")]))
        # Enough turns for an append that does not wait; the numbers show whether it came first.
        await asyncio.wait([other], timeout=0.05)
        assert await transaction.append([stores.update(pipeline, b"ours")]) == [2]
    assert await other == [3]


async def test_what_is_committed_while_a_lock_is_waited_for_is_seen(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    async with stores.log.transaction() as first:
        await first.lock({pipeline: 1})
        second = asyncio.create_task(_locked(stores, pipeline))
        await asyncio.wait([second], timeout=0.05)
        await first.append([stores.update(pipeline, b"first")])
    locked = await second
    assert (locked.head, [each.payload for each in locked.missing]) == (2, [b"first"])


async def _locked(stores: Stores, pipeline: UUID) -> LockedLog:
    async with stores.log.transaction() as transaction:
        return (await transaction.lock({pipeline: 1}))[pipeline]


async def test_a_document_is_reserved_for_one_edit_at_a_time(stores: Stores) -> None:
    pipeline, mine, yours = await stores.new_pipeline(), an_id(71), an_id(72)
    assert await stores.log.reserve(pipeline, mine, 60)
    assert not await stores.log.reserve(pipeline, yours, 60)
    assert await stores.log.reserve(pipeline, mine, 60)
    assert (await _locked(stores, pipeline)).reserved_by == mine
    await stores.log.free(pipeline, yours)
    assert (await _locked(stores, pipeline)).reserved_by == mine
    await stores.log.free(pipeline, mine)
    assert (await _locked(stores, pipeline)).reserved_by is None
    assert await stores.log.reserve(pipeline, yours, 60)


async def test_a_reservation_waits_for_whoever_is_deciding(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    async with stores.log.transaction() as transaction:
        assert (await transaction.lock({pipeline: 1}))[pipeline].reserved_by is None
        reserving = asyncio.create_task(stores.log.reserve(pipeline, an_id(71), 60))
        await asyncio.wait([reserving], timeout=0.05)
        assert not reserving.done()
        await transaction.append([stores.update(pipeline)])
    assert await reserving


async def test_a_reservation_that_has_ended_is_not_prolonged(stores: Stores) -> None:
    pipeline, mine, yours = await stores.new_pipeline(), an_id(71), an_id(72)
    assert await stores.log.reserve(pipeline, mine, 0)
    assert (await _locked(stores, pipeline)).reserved_by is None
    # Others may have edited since: this edit has to be computed anew, under a new name.
    assert not await stores.log.reserve(pipeline, mine, 60)
    assert await stores.log.reserve(pipeline, yours, 60)


async def test_a_reserved_document_takes_updates_all_the_same(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.reserve(pipeline, an_id(71), 60)
    assert await stores.log.append([stores.update(pipeline)]) == [2]
    assert not await stores.log.reserve(an_id(9), an_id(71), 60)


async def test_an_update_is_appended_only_behind_the_expected_one(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    assert await stores.log.append_if_last(stores.update(pipeline, b"a"), 1) == 2
    assert await stores.log.append_if_last(stores.update(pipeline, b"b"), 1) is None
    assert await stores.log.append_if_last(stores.update(pipeline, b"c"), 3) is None
    assert await stores.log.append_if_last(stores.update(pipeline, b"d"), 2) == 3
    assert await payloads(stores) == [b"seed", b"a", b"d"]


async def test_nothing_is_appended_behind_a_large_edit_that_is_being_made(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    assert await stores.log.reserve(pipeline, an_id(5), 60.0)
    assert await stores.log.append_if_last(stores.update(pipeline), 1) is None
    assert await stores.log.append_if_last(stores.update(pipeline), 1, an_id(6)) is None
    # But for what belongs to it.
    assert await stores.log.append_if_last(stores.update(pipeline), 1, an_id(5)) == 2
    await stores.log.free(pipeline, an_id(5))
    assert await stores.log.append_if_last(stores.update(pipeline), 2) == 3


async def test_nothing_is_appended_to_no_pipeline(stores: Stores) -> None:
    assert await stores.log.append_if_last(stores.update(an_id(9)), 1) is None
    assert await stores.log.append_if_last(stores.update(an_id(9)), 0) is None


async def test_of_many_who_expect_the_same_end_one_appends(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    updates = [stores.update(pipeline, bytes((number,))) for number in range(8)]
    rivals = (stores.log.append_if_last(each, 1) for each in updates)
    others = (stores.log.append([stores.update(pipeline)]) for _ in range(2))
    found, *_ = await asyncio.gather(asyncio.gather(*rivals), *others)
    assert sum(seq is not None for seq in found) <= 1
    assert [each.seq for each in await stores.log.since(pipeline, 0)] == [*range(1, 4 + any(found))]


async def test_the_system_is_an_author_without_being_created(stores: Stores) -> None:
    pipeline = await stores.new_pipeline()
    await stores.log.append_if_last(NewUpdate(pipeline, SYSTEM.id, b"edit", NOON), 1)
    assert (await stores.log.since(pipeline, 1))[0].user_id == SYSTEM.id
    assert await stores.directory.user_by_email(SYSTEM.email) == SYSTEM
