"""Whether a process knows, before it answers anything, that it has the shapes no more."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from structlog.testing import capture_logs

import app.shapes.lease
from app.shapes.lease import LEASE_SECONDS, RENEW_SECONDS, Here, Lease, boottime
from crdt.errors import Draining
from persistence.errors import StoreUnavailable
from persistence.memory.shape_lease import MemoryShapeLease
from persistence.ports.shape_lease import Holder
from tests.app.fakes import turns
from tests.contracts.stores import an_id

ONE, OTHER = Holder(an_id(1), "127.0.0.1:4001"), Holder(an_id(2), "127.0.0.1:4002")


class Store(MemoryShapeLease):
    """A lease whose time a test has in its hands, and which may be away."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.is_away = False
        self.asked = 0
        self.before_answer: Callable[[], Awaitable[object]] = turns
        super().__init__(lambda: self.seconds)

    async def take(self, by: Holder, seconds: float) -> Holder:
        self.asked += 1
        if self.is_away:
            raise StoreUnavailable("away")
        found = await super().take(by, seconds)
        await self.before_answer()
        return found


class Scene:
    """Two processes and their lease."""

    def __init__(self) -> None:
        self.store = Store()
        self.lost: list[Holder] = []
        self.one, self.other = (
            Lease(self.store, who, lambda: self.store.seconds) for who in (ONE, OTHER)
        )
        self.one.on_lost = (lambda: self.lost.append(ONE),)
        self.other.on_lost = (lambda: self.lost.append(OTHER),)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_who_is_asked_first_has_the_shapes(scene: Scene) -> None:
    assert await scene.one.place() == Here(1)
    assert await scene.other.place() == ONE
    assert scene.one.is_held(1)
    assert not scene.other.is_held()
    # Both know it now, and ask nobody.
    asked = scene.store.asked
    assert (await scene.one.place(), await scene.other.place()) == (Here(1), ONE)
    assert scene.store.asked == asked


async def test_what_is_known_of_another_is_looked_up_again(scene: Scene) -> None:
    await scene.one.place()
    await scene.other.place()
    asked = scene.store.asked
    await scene.other.place(doubted=ONE)
    scene.store.seconds += RENEW_SECONDS
    await scene.other.place()
    assert scene.store.asked == asked + 2


async def test_of_many_requests_one_asks(scene: Scene) -> None:
    found = await asyncio.gather(*(scene.one.place() for _ in range(20)))
    assert (set(found), scene.store.asked) == ({Here(1)}, 1)


async def test_it_is_held_as_long_as_it_is_renewed(scene: Scene) -> None:
    await scene.one.place()
    for _ in range(10):
        scene.store.seconds += RENEW_SECONDS
        await scene.one.renew()
    assert scene.one.is_held(1)
    assert await scene.other.place() == ONE
    assert scene.lost == []


async def test_it_ends_here_before_it_ends_in_the_store(scene: Scene) -> None:
    await scene.one.place()
    while scene.one.is_held():
        assert await scene.store.holder() == ONE
        scene.store.seconds += 0.1
    assert await scene.store.holder() == ONE
    assert scene.lost == [ONE]


async def test_after_a_long_sleep_nothing_is_held(scene: Scene) -> None:
    await scene.one.place()
    scene.store.seconds += 100 * LEASE_SECONDS
    assert not scene.one.is_held(1)
    assert await scene.other.place() == Here(1)
    assert await scene.one.place() == OTHER
    # Had nobody taken it, it would be another term: what was made before does not count.
    await scene.other.release()
    assert await scene.one.place(doubted=OTHER) == Here(2)
    assert not scene.one.is_held(1)
    assert scene.lost == [ONE, OTHER]


async def test_a_process_that_slept_while_it_asked_holds_nothing(scene: Scene) -> None:
    async def sleep() -> None:
        scene.store.seconds += LEASE_SECONDS

    scene.store.before_answer = sleep
    assert await scene.one.place() == Here(1)
    assert not scene.one.is_held(1)


async def test_a_lease_that_another_has_taken_is_lost_at_the_next_renewal(scene: Scene) -> None:
    """As after a crash of PostgreSQL, which empties the table."""
    await scene.one.place()
    scene.store._held = None
    await scene.other.place()
    await scene.one.renew()
    assert not scene.one.is_held()
    assert (scene.lost, await scene.one.place()) == ([ONE], OTHER)


async def test_an_outage_is_logged_once_and_ends_the_lease(scene: Scene) -> None:
    await scene.one.place()
    scene.store.is_away = True
    with capture_logs() as logs:
        for _ in range(6):
            scene.store.seconds += RENEW_SECONDS
            await scene.one.renew()
    assert [entry["event"] for entry in logs] == ["shapes.lease_not_renewed", "shapes.lease_lost"]
    with pytest.raises(StoreUnavailable):
        await scene.one.place()
    scene.store.is_away = False
    assert await scene.one.place() == Here(2)


async def test_a_store_that_says_nothing_is_away(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.shapes.lease, "ASK_SECONDS", 0.01)
    scene.store.before_answer = asyncio.Event().wait
    with pytest.raises(StoreUnavailable, match="within"):
        await scene.one.place()


async def test_who_goes_away_keeps_nobody_from_the_answer(scene: Scene) -> None:
    go = asyncio.Event()
    scene.store.before_answer = go.wait
    first, second = (asyncio.create_task(scene.one.place()) for _ in range(2))
    await turns()
    first.cancel()
    await turns()
    go.set()
    assert await second == Here(1)


async def test_a_process_that_stops_gives_it_back_and_takes_it_no_more(scene: Scene) -> None:
    await scene.one.place()
    await scene.one.release()
    assert await scene.store.holder() is None
    with pytest.raises(Draining):
        await scene.one.place()
    assert await scene.other.place() == Here(1)
    assert await scene.one.place() == OTHER
    await scene.one.release()
    assert await scene.store.holder() == OTHER
    assert scene.lost == [ONE]


async def test_it_is_renewed_by_itself(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.shapes.lease, "RENEW_SECONDS", 0.0)
    running = asyncio.create_task(scene.one.run())
    await turns()
    assert scene.store.asked == 0
    await scene.one.place()
    await turns(50)
    assert scene.store.asked >= 5
    await scene.one.release()
    running.cancel()


def test_the_clock_goes_on() -> None:
    assert boottime() <= boottime()
