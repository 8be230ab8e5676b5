"""How often the follower reads: editing comes before those who watch."""

import asyncio
from uuid import UUID

from app.clock import SystemClock
from app.shapes.changes import ALL
from app.shapes.follower import LONGEST_PAUSE, WOKEN_A_SECOND, Follower
from app.shapes.scopes import Teams
from app.shapes.shape import Shape, ShapeLimits, Shapes, Sleeper
from persistence.ports.shapes import RowsRead
from tests.app.shapes.shapes import a_definition, a_position, a_row, an_id
from tests.app.shapes.test_engine import Tables

USER, TEAM = UUID(int=1), UUID(int=2)


class Renamed(Tables):
    """Each reading finds another name."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = 0

    async def read(self, queries: object) -> RowsRead:
        del queries
        self.readings += 1
        row = a_row(100, an_id(1), str(self.readings), str(TEAM))
        return RowsRead(a_position(1000 + self.readings), [[row]])


class Pauses:
    """What the follower sleeps; the test goes on at the first pause, and the follower never."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.begun = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.begun.set()
        await asyncio.Event().wait()


async def paused(watching: int) -> float:
    """How long changes gather behind one that so many live requests were woken by."""
    tables, pauses = Renamed(), Pauses()
    shapes = Shapes(ShapeLimits(), lambda: "handle")
    follower = Follower(
        shapes,
        tables,
        tables,
        SystemClock(),
        most_rows=10,
        most_bytes=10_000,
        on_access=lambda _: None,
        sleep=pauses.sleep,
    )
    shape = shapes.make(a_definition("pipelines", "id name"), Teams((TEAM,)), USER)
    await follower.load(shape)
    shape.sleepers.update(Sleeper(USER) for _ in range(watching))
    await changed(follower, shape, pauses)
    return pauses.seconds[0]


async def changed(follower: Follower, shape: Shape, pauses: Pauses) -> None:
    shape.fall_behind(ALL)
    follower.kick()
    task = asyncio.create_task(follower.refresh_forever())
    try:
        await pauses.begun.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_changes_gather_for_as_long_as_answers_take() -> None:
    assert await paused(1) == 1 / WOKEN_A_SECOND
    assert await paused(60) == 60 / WOKEN_A_SECOND


async def test_nobody_waits_for_long_however_many_watch() -> None:
    assert await paused(10 * WOKEN_A_SECOND) == LONGEST_PAUSE
