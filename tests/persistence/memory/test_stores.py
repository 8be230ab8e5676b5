"""What the contract suites do not ask of the store in memory."""

import asyncio
from itertools import count
from uuid import UUID

from crdt.pipeline.rows import RowChanges
from persistence.memory.stores import MemoryStore
from persistence.memory.versions import MemoryVersions
from persistence.ports.directory import Directory
from persistence.ports.projections import Projections
from persistence.ports.update_log import UpdateLog
from tests.contracts.stores import Stores, a_step, an_id


async def prepared() -> Stores:
    store = MemoryStore()
    stores = Stores(store, store, store, MemoryVersions(store), store, store, store)
    await stores.prepare()
    return stores


def test_it_is_all_three_ports() -> None:
    store = MemoryStore()
    ports: tuple[UpdateLog, Projections, Directory] = (store, store, store)
    assert set(ports) == {store}


async def test_ids_come_from_outside() -> None:
    numbers = count(1)
    store = MemoryStore(new_id=lambda: UUID(int=next(numbers)))
    assert await store.create_organization("Looms", "looms") == an_id(1)
    assert (await store.create_user("ada@example.org", "Ada")).id == an_id(2)


async def test_a_read_is_not_changed_by_later_appends() -> None:
    stores = await prepared()
    pipeline = await stores.new_pipeline()
    document = await stores.log.load(pipeline)
    await stores.log.append([stores.update(pipeline)])
    assert (len(document.tail), document.seq) == (1, 1)


async def test_a_cancelled_worker_leaves_nothing_claimed() -> None:
    stores = await prepared()
    await stores.new_pipeline()
    started = asyncio.Event()

    async def work() -> None:
        async with stores.projections.claim() as claim:
            assert claim is not None
            await claim.apply(RowChanges(steps=[a_step(11)]), cursor=1)
            started.set()
            await asyncio.Event().wait()

    worker = asyncio.create_task(work())
    await started.wait()
    worker.cancel()
    await asyncio.wait([worker])
    async with stores.projections.claim() as claim:
        assert claim is not None
        assert (claim.cursor, (await claim.stored_rows()).steps) == (0, {})


async def test_a_pipeline_deleted_under_a_claim_stays_deleted() -> None:
    stores = await prepared()
    pipeline = await stores.new_pipeline()
    async with stores.projections.claim() as claim:
        assert claim is not None
        await stores.directory.delete_pipeline(pipeline)
        await claim.apply(RowChanges(), cursor=1)
    assert await stores.log.since(pipeline, 0) == []
