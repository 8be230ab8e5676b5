"""What the follower reads and when: editing comes before those who watch."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any
from uuid import UUID

import pytest

from app.clock import SystemClock
from app.shapes.changes import ALL
from app.shapes.conditions import Condition
from app.shapes.follower import LONGEST_PAUSE, WOKEN_A_SECOND, Follower
from app.shapes.scopes import OnePipeline, Teams
from app.shapes.shape import Shape, ShapeLimits, Shapes, Sleeper
from persistence.errors import StoreUnavailable
from persistence.ports.shapes import Announced, RowQuery, RowsChanged, RowsRead
from tests.app.shapes.shapes import a_definition, a_position, a_row, an_id
from tests.app.shapes.test_engine import Tables

USER, TEAM, PIPELINE = UUID(int=1), UUID(int=2), UUID(int=3)


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


def a_follower(
    shapes: Shapes, tables: Tables, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Follower:
    return Follower(
        shapes,
        tables,
        tables,
        SystemClock(),
        most_rows=10,
        most_bytes=10_000,
        on_access=lambda _: None,
        sleep=sleep,
    )


async def paused(watching: int) -> float:
    """How long changes gather behind one that so many live requests were woken by."""
    tables, pauses = Renamed(), Pauses()
    shapes = Shapes(ShapeLimits(), lambda: "handle")
    follower = a_follower(shapes, tables, pauses.sleep)
    shape = shapes.make(a_definition("pipelines", "id name"), Teams((TEAM,)), USER)
    await follower.load(shape)
    for _ in range(watching):
        shape.sleep(Sleeper(USER))
    await changed(follower, shape, pauses)
    return pauses.seconds[0]


async def changed(follower: Follower, shape: Shape, pauses: Pauses) -> None:
    shape.put_back(ALL)
    follower.look_at(shape)
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


class Steps(Tables):
    """A pipeline of one step, whose name says how often it was read; and what was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Sequence[RowQuery]] = []
        self.during_read: Callable[[], None] = lambda: None

    def change(self, number: int) -> None:
        """Announce that a step was changed by a transaction of this number."""
        owners = frozenset({str(PIPELINE)})
        change = RowsChanged("steps", number, frozenset({an_id(number)}), owners)
        self._announced.put_nowait(Announced((change,)))

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        self.asked.append(queries)
        act, self.during_read = self.during_read, lambda: None
        act()
        place = len(self.asked)
        values = {"id": an_id(1), "pipeline_id": str(PIPELINE), "name": str(place)}
        # Of shapes that are read together each row says for whom it is.
        rows = [
            a_row(100, *map(values.__getitem__, query.columns), *["true" for _ in query.tests])
            for query in queries
        ]
        return RowsRead(a_position(1000 + place), [[row] for row in rows])


class Watched:
    """Shapes of the steps of one pipeline, which somebody waits for or not."""

    def __init__(self) -> None:
        self.tables = Steps()
        self.shapes = Shapes(ShapeLimits(shapes=10_000, per_user=10_000), lambda: "handle")
        self.follower = a_follower(self.shapes, self.tables)

    async def begin(self) -> None:
        """Receive that there is somebody who listens."""
        self.tables._announced.put_nowait(Announced())
        await self.follower.receive()

    async def add(self, number: int, *, is_watched: bool = True) -> Shape:
        columns = a_definition("steps", "id pipeline_id name")
        definition = replace(columns, condition=Condition(f"c{number}"))
        shape = self.shapes.make(definition, OnePipeline(PIPELINE), USER)
        await self.follower.load(shape)
        if is_watched:
            shape.sleep(Sleeper(USER))
        return shape

    async def change(self, number: int) -> None:
        self.tables.change(number)
        await self.follower.receive()

    def asked(self) -> str:
        """The conditions of what was read last."""
        return " ".join(one for query in self.tables.asked[-1] for one in query.conditions)


@pytest.fixture
async def watched() -> Watched:
    made = Watched()
    await made.begin()
    return made


def failing() -> None:
    raise StoreUnavailable("away")


async def test_what_changes_while_it_is_read_is_read_next(watched: Watched) -> None:
    shape = await watched.add(1)
    await watched.change(7)
    watched.tables.during_read = lambda: watched.tables.change(8)
    await watched.follower.refresh()
    assert an_id(7) in watched.asked()
    await watched.follower.receive()
    await watched.follower.refresh()
    assert an_id(8) in watched.asked()
    assert an_id(7) not in watched.asked()
    assert not shape.is_behind


async def test_what_could_not_be_read_is_read_later(watched: Watched) -> None:
    shape = await watched.add(1)
    await watched.change(7)
    watched.tables.during_read = failing
    with pytest.raises(StoreUnavailable):
        await watched.follower.refresh()
    await watched.change(8)
    await watched.follower.refresh()
    assert an_id(7) in watched.asked()
    assert an_id(8) in watched.asked()
    assert not shape.is_behind


async def test_what_nobody_waits_for_is_read_when_somebody_asks(watched: Watched) -> None:
    shape = await watched.add(1, is_watched=False)
    for number in range(7, 300):
        await watched.change(number)
    await watched.follower.refresh()
    assert len(watched.tables.asked) == 1
    with shape.awaited():
        watched.follower.look_at(shape)
        await watched.follower.refresh()
        await shape.catch_up()
    assert all(an_id(number) in watched.asked() for number in range(7, 300))


async def test_who_leaves_during_a_read_leaves_it_for_the_next(watched: Watched) -> None:
    shape = await watched.add(1, is_watched=False)
    sleeper = Sleeper(USER)
    shape.sleep(sleeper)
    await watched.change(7)
    watched.tables.during_read = lambda: shape.leave(sleeper)
    await watched.follower.refresh()
    assert shape.is_behind
    shape.sleep(sleeper)
    watched.follower.look_at(shape)
    await watched.follower.refresh()
    assert an_id(7) in watched.asked()
    assert not shape.is_behind


async def test_a_shape_that_fails_takes_nothing_from_others(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, broken, other = [await watched.add(number) for number in range(3)]
    await watched.change(7)
    monkeypatch.setattr(broken.log, "refresh", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await watched.follower.refresh()
    assert [shape.is_dropped for shape in (before, broken, other)] == [False, True, False]
    assert [shape.is_behind for shape in (before, other)] == [False, True]
    await watched.follower.refresh()
    assert an_id(7) in watched.asked()
    assert not other.is_behind


async def test_who_has_left_is_looked_at_once(watched: Watched) -> None:
    shape = await watched.add(1, is_watched=False)
    sleeper = Sleeper(USER)
    shape.sleep(sleeper)
    await watched.change(7)
    shape.leave(sleeper)
    await watched.follower.refresh()
    assert shape.is_behind
    assert not watched.follower._due


async def calls(idle: int) -> int:
    """How many functions are called to receive and read a change beside so many idle shapes."""
    watched, called = Watched(), 0

    def count(_frame: FrameType, event: str, _of: Any) -> None:
        nonlocal called
        called += "call" in event

    await watched.begin()
    await watched.add(0)
    for number in range(idle):
        await watched.add(number + 1, is_watched=False)
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        await watched.change(7)
        await watched.follower.refresh()
    finally:
        sys.setprofile(before)
    assert len(watched.tables.asked) == 2 + idle
    return called


async def test_idle_shapes_cost_a_change_nothing() -> None:
    assert await calls(idle=1) == await calls(idle=300)
