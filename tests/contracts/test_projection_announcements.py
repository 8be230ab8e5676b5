"""What every store announces of its projections."""

from collections.abc import AsyncIterator

import pytest

from crdt.pipeline.rows import RowChanges
from persistence.memory.stores import MemoryStore
from persistence.ports.projections import Projected, ProjectionAnnouncements
from persistence.postgres.listener import PROJECTED, Listener
from persistence.postgres.projection_announcements import PostgresProjectionAnnouncements
from tests.contracts.stores import Stores, a_step, an_id

SECONDS = 5.0


@pytest.fixture
async def announcements(
    stores: Stores, request: pytest.FixtureRequest
) -> AsyncIterator[ProjectionAnnouncements]:
    """The announcements of the store, as received from now on."""
    if isinstance(stores.projections, MemoryStore):
        yield stores.projections.announcements
        return
    listener = Listener(request.getfixturevalue("database_url"), PROJECTED)
    assert await listener.wait(SECONDS) is None
    yield PostgresProjectionAnnouncements(listener)
    await listener.close()


async def received(announcements: ProjectionAnnouncements) -> list[tuple[int, int]]:
    """The next announcements: the number of the pipeline, and that of the last update."""
    announced = await announcements.wait(SECONDS)
    assert announced is not None
    return [(one.pipeline_id.int, one.seq) for one in announced]


async def test_a_projection_is_announced(
    stores: Stores, announcements: ProjectionAnnouncements
) -> None:
    one = await stores.new_pipeline(1)
    await stores.project(RowChanges(steps=[a_step(11)]), cursor=1)
    assert await received(announcements) == [(1, 1)]
    await stores.log.append([stores.update(one), stores.update(one)])
    await stores.project(RowChanges(), cursor=3)
    assert await received(announcements) == [(1, 3)]
    assert await announcements.wait(0.0) == []


async def test_what_is_announced_names_the_transaction_that_wrote_rows(
    stores: Stores, announcements: ProjectionAnnouncements
) -> None:
    one = await stores.new_pipeline(1)
    await stores.project(RowChanges(steps=[a_step(11)]), cursor=1)
    await stores.log.append([stores.update(one), stores.update(one)])
    await stores.project(RowChanges(), cursor=3)
    await stores.log.append([stores.update(one)])
    await stores.project(RowChanges(removed_steps=[an_id(11)]), cursor=4)
    announced: list[Projected] = []
    while len(announced) < 3:
        announced += await announcements.wait(SECONDS) or ()
    assert [(each.after, each.seq) for each in announced] == [(0, 1), (1, 3), (3, 4)]
    first, nothing, last = [each.transaction_id for each in announced]
    assert nothing is None
    assert first is not None
    assert last is not None
    assert first < last
    asked = (0, 1, 2, 3, 4, 5)
    assert [announced[0].transaction_of(seq) for seq in asked] == [None, first, *[None] * 4]
    assert [announced[2].transaction_of(seq) for seq in asked] == [*[None] * 4, last, None]


class WorkerFailedError(Exception):
    """Raised by a worker before it commits."""


async def work_and_fail(stores: Stores) -> None:
    async with stores.projections.claim([an_id(1)]) as claim:
        assert claim is not None
        await claim.apply(RowChanges(steps=[a_step(11)]), cursor=1)
        raise WorkerFailedError


async def test_a_projection_that_fails_is_not_announced(
    stores: Stores, announcements: ProjectionAnnouncements
) -> None:
    await stores.new_pipeline(1)
    with pytest.raises(WorkerFailedError):
        await work_and_fail(stores)
    async with stores.projections.claim([an_id(1)]):
        pass
    await stores.new_pipeline(2)
    async with stores.projections.claim([an_id(2)]) as claim:
        assert claim is not None
        await claim.apply(RowChanges(), cursor=1)
    assert await received(announcements) == [(2, 1)]
