"""Budgets: some work at once, then rest for a multiple of what it took, each user alone."""

import asyncio
from uuid import UUID

import pytest

from app.shapes import budgets
from app.shapes.answers import TooManyShapes
from app.shapes.budgets import LONGEST_WAIT, SHARE, Budgets
from tests.app.fakes import turns

ADA, BEN = UUID(int=1), UUID(int=2)
BURST = 2.0


class Time:
    """Time that passes while somebody works or rests; `rests` are those of each."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.rests: list[float] = []

    def now(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)

    async def work(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class Scene:
    def __init__(self) -> None:
        self.time = Time()
        self.budgets = Budgets(BURST, self.time.now, self.time.sleep)

    async def read(self, user_id: UUID, seconds: float) -> None:
        turn = await self.budgets.turn(user_id)
        with turn:
            await self.time.work(seconds)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_page_that_opens_many_shapes_at_once_does_not_rest(scene: Scene) -> None:
    await asyncio.gather(*(scene.read(ADA, BURST / 20) for _ in range(20)))
    assert scene.time.rests == [0] * 20
    assert scene.time.seconds == pytest.approx(BURST)


async def test_who_goes_on_has_a_share_of_the_time(scene: Scene) -> None:
    for _ in range(200):
        await scene.read(ADA, 0.5)
    spent = 200 * 0.5
    assert scene.time.seconds == pytest.approx((spent - BURST) / SHARE, rel=0.05)


async def test_a_pause_gives_back_what_was_spent_and_no_more(scene: Scene) -> None:
    await scene.read(ADA, BURST)
    scene.time.seconds += 3_600
    await asyncio.gather(*(scene.read(ADA, 1.0) for _ in range(3)))
    # Within a second of work a share of it is earned.
    assert [round(rest, 3) for rest in scene.time.rests[1:]] == [0, 0, 0]
    assert scene.budgets.allowance(ADA)._account.bucket.fill(scene.time.now()) < 0


async def test_others_do_not_rest_for_somebody(scene: Scene) -> None:
    await scene.read(ADA, BURST + 1)
    await scene.read(BEN, 0.1)
    assert scene.time.rests == [0, 0]


async def test_one_thing_at_a_time_is_read_for_a_user(scene: Scene) -> None:
    running: list[UUID] = []
    go_on = asyncio.Event()

    async def read(user_id: UUID) -> None:
        with await scene.budgets.turn(user_id):
            running.append(user_id)
            await go_on.wait()

    tasks = [asyncio.create_task(read(user)) for user in (ADA, ADA, ADA, BEN)]
    await turns()
    assert running == [ADA, BEN]
    # Who goes away while waiting is in nobody's way.
    tasks[1].cancel()
    go_on.set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert running == [ADA, BEN, ADA]


async def test_who_would_rest_for_long_is_refused_and_learns_how_long(scene: Scene) -> None:
    slow = BURST + LONGEST_WAIT * SHARE + 1
    await scene.read(ADA, slow)
    with pytest.raises(TooManyShapes) as refused:
        await scene.read(ADA, 0.1)
    assert refused.value.is_own
    assert LONGEST_WAIT < refused.value.retry_after < slow / SHARE
    # Then there is a turn again, and the refusal has held up nobody.
    scene.time.seconds += refused.value.retry_after
    await scene.read(ADA, 0.1)


async def test_what_fails_counts_and_ends_the_turn(scene: Scene) -> None:
    async def fail() -> None:
        with await scene.budgets.turn(ADA):
            await scene.time.work(BURST + 1)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is the one above
        await fail()
    await scene.read(ADA, 0.1)
    assert scene.time.rests[-1] == pytest.approx(1 / SHARE - 1, abs=1)


async def test_a_turn_that_was_not_used_costs_nothing(scene: Scene) -> None:
    turn = await scene.budgets.turn(ADA)
    scene.time.seconds += 100
    turn.end()
    turn.end()
    await scene.read(ADA, 0.1)
    assert scene.time.rests == [0, 0]


async def test_an_allowance_rests_while_the_budget_is_overdrawn(scene: Scene) -> None:
    allowance = scene.budgets.allowance(ADA)
    await allowance.rest()
    assert scene.time.rests == []
    allowance.spend(BURST + 1)
    await allowance.rest()
    assert sum(scene.time.rests) == pytest.approx(1 / SHARE)


async def test_few_users_are_remembered_and_none_who_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_USERS", 2)
    turn = await scene.budgets.turn(ADA)
    task = asyncio.create_task(scene.read(ADA, 0.1))
    await turns()
    for number in range(10, 20):
        await scene.read(UUID(int=number), 0.1)
    assert len(scene.budgets) == 2
    assert not task.done()
    turn.end()
    await task
