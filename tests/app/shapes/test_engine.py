"""What the engine does with what it reads, on tables that are made up."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from app.clock import SYSTEM_CLOCK, Clock, SystemClock
from app.shapes.answers import Answer, Caller, MustRefetch, TooManyShapes
from app.shapes.budgets import LONGEST_WAIT, READING_SECONDS, SHARE
from app.shapes.engine import NativeEngine
from app.shapes.live import KEEP_ALIVE, LiveTimes
from app.shapes.parameters import RequestLimits, ShapeRequest, parse_request
from app.shapes.shape import ShapeLimits
from persistence.ports.shapes import Access, Announced, RowQuery, RowsChanged, RowsRead, StoredRow
from tests.app.fakes import HeldClock, turns
from tests.app.shapes.shapes import a_position, a_row, an_id
from tests.server import PATIENCE, eventually

USER, TEAM, OTHER = UUID(int=1), UUID(int=2), UUID(int=3)
FOR_EVER = 3_600.0


class Tables:
    """One pipeline of one team, and who is in it: `ShapeReader` and `ShapeChanges` in one."""

    def __init__(self) -> None:
        self.members, self.joined_at = {USER}, SystemClock().now()
        self.name, self.lsn = "loom", 1000
        self.asked: Counter[UUID] = Counter()
        self.after_next_access: Callable[[], None] = lambda: None
        self.after_next_read: Callable[[], None] = lambda: None
        self._announced: asyncio.Queue[Announced] = asyncio.Queue()

    def leave(self) -> None:
        """Take the user out of the team, and announce it."""
        self.members.clear()
        left = RowsChanged("team_members", 101, frozenset({str(USER)}), frozenset({str(TEAM)}))
        self._announced.put_nowait(Announced((left,)))

    def rename(self, name: str) -> None:
        """Change the pipeline, and announce it."""
        self.name, self.lsn = name, self.lsn + 10
        changed = RowsChanged("pipelines", 102, frozenset({an_id(1)}), frozenset({str(TEAM)}))
        self._announced.put_nowait(Announced((replace(changed, moved=frozenset()),)))

    def move(self, team: UUID, *members: UUID) -> None:
        """Announce that a team was deleted or restored, and who is in it."""
        moved, users = frozenset({str(team)}), frozenset(map(str, members))
        changed = RowsChanged("teams", 103, moved, None, moved, users)
        self._announced.put_nowait(Announced((changed,)))

    def be_away(self) -> None:
        """Take the user out of the team, which is announced only later."""
        self.members.clear()

    def be_back(self) -> None:
        """Let the user in again, and overwrite what was written meanwhile."""
        self.members.add(USER)
        self.joined_at += timedelta(seconds=1)
        self.name = "of everybody"

    async def access(self, users: Collection[UUID], pipelines: Collection[UUID]) -> Access:
        del pipelines
        self.asked.update(users)
        teams = {user: frozenset({TEAM} if user in self.members else ()) for user in users}
        act, self.after_next_access = self.after_next_access, lambda: None
        act()
        return Access(teams, {}, {(user, TEAM): self.joined_at for user in users})

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        row = a_row(100, an_id(1), self.name, str(TEAM))
        rows = [row.values[: len(query.columns)] for query in queries]
        read = RowsRead(a_position(self.lsn), [[StoredRow(100, values)] for values in rows])
        act, self.after_next_read = self.after_next_read, lambda: None
        act()
        return read

    async def mark(self, text: str) -> None:
        self._announced.put_nowait(Announced(marks=frozenset({text})))

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
        *,
        is_needed: Callable[[], bool] = lambda: True,
    ) -> Announced | None:
        try:
            async with asyncio.timeout(timeout):
                return await self._announced.get()
        except TimeoutError:
            return Announced()


class SlowTables(Tables):
    """Each reading takes so many seconds of the clock of a test."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = HeldClock()
        self.takes = 0.0
        self.at_once = self.most_at_once = 0

    async def read(self, queries: Sequence[RowQuery]) -> RowsRead:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await turns()
        self.clock.seconds += self.takes
        self.at_once -= 1
        return await super().read(queries)


@asynccontextmanager
async def running(
    tables: Tables,
    limits: ShapeLimits = ShapeLimits(),  # noqa: B008 - it cannot be changed
    clock: Clock = SYSTEM_CLOCK,
    poll: float = FOR_EVER,
) -> AsyncIterator[NativeEngine]:
    """An engine whose streams last for ever, and whose long polls last so many seconds."""
    times = LiveTimes(poll, FOR_EVER, FOR_EVER)
    engine = NativeEngine(tables, tables, clock, Random(1), limits, times=times)
    task = asyncio.create_task(engine.run())
    try:
        # The first look announces that there is somebody who listens.
        await tables.mark("first")
        await eventually("an engine that listens", lambda: asyncio.sleep(0, engine.is_ready))
        yield engine
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def asked(query: str) -> ShapeRequest:
    return parse_request(f"table=pipelines&columns=id,name&{query}".encode(), None, RequestLimits())


async def test_who_leaves_while_a_live_request_begins_is_not_kept_waiting() -> None:
    """It is announced after the look-up, and before there is anybody to wake."""
    tables = Tables()
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    async with asyncio.timeout(PATIENCE), running(tables) as engine:
        first = await engine.answer(asked("offset=-1"), who)
        offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
        tables.after_next_access = tables.leave
        with pytest.raises(MustRefetch):
            await engine.answer(asked(f"offset={offset}&handle={handle}&live=true"), who)


async def test_what_was_written_while_somebody_was_away_is_not_sent_before_it_is_announced() -> (
    None
):
    """The rows are read between the leaving and the return, neither of which is announced yet."""
    tables = Tables()
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    async with asyncio.timeout(PATIENCE), running(tables) as engine:
        first = await engine.answer(asked("offset=-1"), who)
        offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
        live = asked(f"offset={offset}&handle={handle}&live=true")
        waiting = asyncio.create_task(engine.answer(live, who))
        await eventually("a live request", lambda: asyncio.sleep(0, engine._live.of(USER) == 1))
        tables.after_next_read = tables.be_back
        tables.be_away()
        tables.rename("of the others")
        with pytest.raises(MustRefetch):
            await waiting


async def test_a_first_answer_that_was_read_while_somebody_was_away_is_not_sent() -> None:
    tables = Tables()
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    async with asyncio.timeout(PATIENCE), running(tables) as engine:
        tables.after_next_access = tables.be_away
        tables.after_next_read = tables.be_back
        with pytest.raises(MustRefetch):
            await engine.answer(asked("offset=-1"), who)


async def test_who_stays_is_sent_what_was_written() -> None:
    tables = Tables()
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    async with asyncio.timeout(PATIENCE), running(tables) as engine:
        first = await engine.answer(asked("offset=-1"), who)
        offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
        live = asked(f"offset={offset}&handle={handle}&live=true")
        waiting = asyncio.create_task(engine.answer(live, who))
        await eventually("a live request", lambda: asyncio.sleep(0, engine._live.of(USER) == 1))
        tables.rename("of everybody")
        body = (await waiting).body
        assert b"of everybody" in (
            body if isinstance(body, bytes) else b"".join([x async for x in body])
        )


async def test_a_shape_that_does_not_fit_in_is_refused_after_it_was_read() -> None:
    """How large it is nobody knows before, and many may be asked for at once."""
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    a_row_s_bytes, followed = 256, list[asyncio.Task[Answer]]()
    limits = ShapeLimits(bytes=a_row_s_bytes * 9 // 2)
    async with asyncio.timeout(PATIENCE), running(Tables(), limits) as engine:
        for number in range(4):
            where = f"where=name<>'{number}'"
            first = await engine.answer(asked(f"offset=-1&{where}"), who)
            offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
            live = asked(f"offset={offset}&handle={handle}&live=true&{where}")
            followed.append(asyncio.create_task(engine.answer(live, who)))
            await eventually(
                "a live request", lambda: asyncio.sleep(0, engine._live.of(USER) == len(followed))
            )
        with pytest.raises(TooManyShapes, match="PIPELOOM_SHAPE_BYTES") as refused:
            await engine.answer(asked("offset=-1"), who)
        assert not refused.value.is_own
        assert [shape.log.bytes for shape in engine._shapes] == [a_row_s_bytes] * 4
        for task in followed:
            task.cancel()


def caller(user_id: UUID) -> Caller:
    return Caller(user_id, SystemClock().now() + timedelta(days=1))


async def first_answer(engine: NativeEngine, name: str, user_id: UUID = USER) -> Answer:
    return await engine.answer(asked(f"offset=-1&where=name<>'{name}'"), caller(user_id))


async def test_a_page_that_opens_twenty_shapes_at_once_has_them_at_once() -> None:
    tables = SlowTables()
    tables.takes = READING_SECONDS / 20
    async with asyncio.timeout(PATIENCE), running(tables, clock=tables.clock) as engine:
        answers = await asyncio.gather(*(first_answer(engine, str(one)) for one in range(20)))
        assert [answer.status for answer in answers] == [200] * 20
        # One after the other: whoever else asks finds a reader.
        assert tables.most_at_once == 1
        assert tables.clock.seconds == pytest.approx(READING_SECONDS)


async def test_a_shape_that_was_just_made_does_not_make_room_for_the_next() -> None:
    tables = SlowTables()
    tables.takes = 0.01
    few = ShapeLimits(per_user=3)
    async with asyncio.timeout(PATIENCE), running(tables, few, tables.clock) as engine:
        answers = await asyncio.gather(*(first_answer(engine, str(one)) for one in range(9)))
        assert [answer.status for answer in answers] == [200] * 9


async def test_who_has_had_much_read_is_refused_and_others_are_not() -> None:
    tables = SlowTables()
    tables.members.add(OTHER)
    tables.takes = READING_SECONDS + (LONGEST_WAIT + 1) * SHARE
    async with asyncio.timeout(PATIENCE), running(tables, clock=tables.clock) as engine:
        await first_answer(engine, "a")
        tables.takes = 0.0
        for more in ("b'", "a'&subset__where=true"):
            with pytest.raises(TooManyShapes) as refused:
                await engine.answer(asked(f"offset=-1&where=name<>'{more}"), caller(USER))
            assert refused.value.is_own
            assert refused.value.retry_after == LONGEST_WAIT + 1
        # What is there is given to everybody all the same.
        assert (await first_answer(engine, "a")).status == 200
        assert (await first_answer(engine, "b", OTHER)).status == 200


async def test_who_rests_keeps_nobody_from_the_same_shape() -> None:
    """Somebody who may not have it read yet asks first; it is read for the other one at once."""
    tables = SlowTables()
    tables.members.add(OTHER)
    tables.takes = READING_SECONDS + LONGEST_WAIT * SHARE
    async with asyncio.timeout(PATIENCE), running(tables, clock=tables.clock) as engine:
        await first_answer(engine, "a")
        tables.takes = 0.0
        resting = asyncio.create_task(first_answer(engine, "b"))
        await turns()
        assert (await first_answer(engine, "b", OTHER)).status == 200
        assert not resting.done()
        resting.cancel()


async def test_a_reading_that_nobody_waits_for_any_more_is_still_one() -> None:
    tables = SlowTables()
    async with asyncio.timeout(PATIENCE), running(tables, clock=tables.clock) as engine:
        for name in "abc":
            gone = asyncio.create_task(first_answer(engine, name))
            await turns(3)
            gone.cancel()
        await first_answer(engine, "d")
        assert tables.most_at_once == 1


async def test_who_has_waited_in_vain_is_where_they_were() -> None:
    tables = Tables()
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    async with asyncio.timeout(PATIENCE), running(tables, poll=0.02) as engine:
        first = await engine.answer(asked("offset=-1"), who)
        offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
        answer = await engine.answer(asked(f"offset={offset}&handle={handle}&live=true"), who)
    assert answer.status == 200
    assert answer.headers["electric-offset"] == offset
    assert answer.headers["electric-handle"] == handle
    assert isinstance(answer.body, bytes)
    (message,) = json.loads(answer.body)
    assert message["headers"]["control"] == "up-to-date"


async def test_streams_that_begin_at_once_are_no_more_than_there_may_be() -> None:
    who = Caller(USER, SystemClock().now() + timedelta(days=1))
    async with asyncio.timeout(PATIENCE), running(Tables(), ShapeLimits(live=2)) as engine:
        first = await engine.answer(asked("offset=-1"), who)
        offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
        live = asked(f"offset={offset}&handle={handle}&live=true&live_sse=true")
        begun = await asyncio.gather(
            *(engine.answer(live, who) for _ in range(4)), return_exceptions=True
        )
        answers = [each for each in begun if isinstance(each, Answer)]
        assert len(answers) == engine._live.of(USER) == 2
        assert [type(each) for each in begun if each not in answers] == [TooManyShapes] * 2
        # One is closed before anything of it was asked for, the other while it waits.
        bodies = [each.body for each in answers if not isinstance(each.body, bytes)]
        assert await anext(bodies[0]) == KEEP_ALIVE
        for body in bodies:
            await body.aclose()
        assert engine._live.of(USER) == 0
        assert not any(shape.sleepers for shape in engine._shapes)


async def waits(engine: NativeEngine, user_id: UUID) -> asyncio.Task[Answer]:
    """A live request that sleeps."""
    first = await engine.answer(asked("offset=-1"), caller(user_id))
    offset, handle = first.headers["electric-offset"], first.headers["electric-handle"]
    live = asked(f"offset={offset}&handle={handle}&live=true")
    waiting = asyncio.create_task(engine.answer(live, caller(user_id)))
    await eventually("a live request", lambda: asyncio.sleep(0, engine._live.of(user_id) == 1))
    await turns()
    return waiting


async def test_a_team_that_changes_wakes_its_members_and_nobody_else() -> None:
    tables, elsewhere = Tables(), UUID(int=9)
    async with asyncio.timeout(PATIENCE), running(tables) as engine:
        sees, sees_nothing = await waits(engine, USER), await waits(engine, OTHER)
        before = tables.asked.copy()
        for members in ((), (UUID(int=8),), (OTHER,)):
            tables.move(elsewhere, *members)
        await eventually("a look", lambda: asyncio.sleep(0, tables.asked != before))
        await turns()
        assert tables.asked - before == {OTHER: 1}
        assert not sees.done()
        assert not sees_nothing.done()
        # Of whoever came while the team was deleted it may not be announced that they are members.
        tables.members.clear()
        tables.move(TEAM)
        with pytest.raises(MustRefetch):
            await sees
        sees_nothing.cancel()
