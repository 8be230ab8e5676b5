"""Who waits for a projection is woken by its announcement, and told to look if one may be lost."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from structlog.testing import capture_logs

import app.services.projection_watch
from app.services.projection_watch import MAX_REMEMBERED, MAX_TRANSACTIONS, ProjectionWatch
from persistence.errors import StoreUnavailable
from persistence.memory.announcements import MemoryAnnouncements
from persistence.ports.projections import Projected
from tests.app.fakes import turns
from tests.contracts.stores import an_id

LOOM, OTHER = an_id(1), an_id(2)
LONG = 60.0


class Announcer:
    """What is announced, step by step: None is a connection that was lost."""

    def __init__(self) -> None:
        self.next: Sequence[Projected] | None = ()
        self.failures: list[Exception] = []

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
    ) -> Sequence[Projected] | None:
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        announced, self.next = self.next, ()
        return announced


class Scene:
    """A watch over announcements made by hand."""

    def __init__(self) -> None:
        self.announcer = Announcer()
        self.watch = ProjectionWatch(self.announcer)

    async def announce(self, *announced: Projected) -> None:
        self.announcer.next = announced
        await self.watch.step()

    async def lose(self) -> None:
        self.announcer.next = None
        await self.watch.step()


@pytest.fixture
def scene() -> Scene:
    return Scene()


@asynccontextmanager
async def running(watch: ProjectionWatch) -> AsyncIterator[None]:
    task = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_an_announcement_wakes_who_waits_for_it(scene: Scene) -> None:
    waiting = [asyncio.create_task(scene.watch.wait(LOOM, seq, LONG)) for seq in (4, 5, 6)]
    elsewhere = asyncio.create_task(scene.watch.wait(OTHER, 4, LONG))
    await turns()
    await scene.announce(Projected(LOOM, 5))
    assert [await task for task in waiting[:2]] == [Projected(LOOM, 5)] * 2
    await turns()
    assert not waiting[2].done()
    assert not elsewhere.done()
    await scene.announce(Projected(LOOM, 6), Projected(OTHER, 4))
    assert await waiting[2] == Projected(LOOM, 6)
    assert await elsewhere == Projected(OTHER, 4)


async def test_what_was_announced_before_is_remembered(scene: Scene) -> None:
    await scene.announce(Projected(LOOM, 5), Projected(LOOM, 7))
    await scene.announce(Projected(LOOM, 6))
    assert await scene.watch.wait(LOOM, 6, LONG) == Projected(LOOM, 7)
    assert await scene.watch.wait(LOOM, 8, 0.0) is None


async def test_an_edit_is_told_the_transaction_that_wrote_it(scene: Scene) -> None:
    waiting = [asyncio.create_task(scene.watch.wait(LOOM, seq, LONG)) for seq in (4, 5, 6)]
    await turns()
    await scene.announce(
        Projected(LOOM, 5, after=3, transaction_id=71), Projected(LOOM, 6, after=5)
    )
    assert [(await task).transaction_id for task in waiting] == [71, 71, None]  # type: ignore[union-attr]
    # Later ones do not take its place, for whoever asks only then.
    await scene.announce(Projected(LOOM, 9, after=6, transaction_id=73))
    found = [await scene.watch.wait(LOOM, seq, LONG) for seq in (3, 4, 5, 6, 7, 9)]
    assert [one and (one.seq, one.transaction_id) for one in found] == [
        *((9, None), (9, 71), (9, 71), (9, None), (9, 73), (9, 73)),
    ]


async def test_after_a_lost_announcement_no_transaction_is_named(scene: Scene) -> None:
    waiting = asyncio.create_task(scene.watch.wait(LOOM, 4, LONG))
    await turns()
    await scene.announce(Projected(LOOM, 6, after=5, transaction_id=72))
    projected = await waiting
    assert projected is not None
    assert (projected.seq, projected.transaction_id) == (6, None)


async def test_only_so_many_transactions_are_remembered(scene: Scene) -> None:
    for seq in range(1, MAX_TRANSACTIONS + 2):
        await scene.announce(Projected(LOOM, seq, after=seq - 1, transaction_id=seq))
    found = [await scene.watch.wait(LOOM, seq, LONG) for seq in (1, 2, MAX_TRANSACTIONS + 1)]
    assert [one and one.transaction_id for one in found] == [None, 2, MAX_TRANSACTIONS + 1]


async def test_only_so_many_pipelines_are_remembered(scene: Scene) -> None:
    await scene.announce(*(Projected(an_id(n), 1) for n in range(MAX_REMEMBERED)))
    await scene.announce(Projected(an_id(0), 2), Projected(an_id(MAX_REMEMBERED), 1))
    assert await scene.watch.wait(an_id(0), 2, 0.0) is not None
    assert await scene.watch.wait(an_id(1), 1, 0.0) is None
    assert await scene.watch.wait(an_id(2), 1, 0.0) is not None


async def test_a_lost_connection_tells_everybody_to_look(scene: Scene) -> None:
    await scene.announce()
    assert scene.watch.is_listening
    waiting = [asyncio.create_task(scene.watch.wait(one, 1, LONG)) for one in (LOOM, OTHER)]
    await turns()
    await scene.lose()
    assert await asyncio.gather(*waiting) == [None, None]
    assert not scene.watch.is_listening


async def test_a_wait_leaves_nothing_behind(scene: Scene) -> None:
    waiting = asyncio.create_task(scene.watch.wait(LOOM, 1, LONG))
    await turns()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert await scene.watch.wait(LOOM, 1, 0.0) is None
    assert not scene.watch._waiters


async def test_a_failure_is_logged_once_per_outage_and_the_watch_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.services.projection_watch, "WAIT_SECONDS", 0.0)
    away, bug = StoreUnavailable("away"), KeyError("bug")
    scene.announcer.failures = [away, away, bug, bug, away]
    with capture_logs() as logs:
        async with running(scene.watch):
            assert await scene.watch.wait(LOOM, 1, LONG) is None
            await turns(50)
            assert scene.announcer.failures == []
            waiting = asyncio.create_task(scene.watch.wait(LOOM, 1, LONG))
            await turns()
            scene.announcer.next = [Projected(LOOM, 1)]
            assert await waiting == Projected(LOOM, 1)
    assert [entry["event"] for entry in logs] == [
        "projections.not_followed",
        "projections.follow_failed",
        "projections.follow_failed",
    ]


async def test_the_watch_follows_the_twin_in_memory() -> None:
    announcements = MemoryAnnouncements()
    watch = ProjectionWatch(announcements)
    async with running(watch):
        waiting = asyncio.create_task(watch.wait(LOOM, 2, LONG))
        await turns()
        announcements.announce(Projected(LOOM, 2))
        assert await waiting == Projected(LOOM, 2)
