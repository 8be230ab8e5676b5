"""The native engine: answers requests for shapes from what it holds in memory.

A request is answered in this order: who may see what is looked up; the shape is found or made; its
handle is compared; what was committed before the request is waited for; the messages are taken; and
it is looked up once more who may see what, so that nothing leaves that was written after the user
had left. Only then anything is sent.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, count
from random import Random
from typing import Final
from uuid import UUID

import structlog

from app.clock import Clock
from app.telemetry import metrics
from crdt.errors import Draining
from persistence.errors import InvalidValue, StoreError
from persistence.ports.shapes import (
    QueryTooSlow,
    RowQuery,
    RowsRead,
    ShapeChanges,
    ShapeReader,
    TooMuchRead,
)

from . import messages
from .answers import Answer, Caller, DeletionNotAllowed, MustRefetch
from .bodies import as_parts, begun, events, in_turn, joined, listed
from .budgets import MAKING_SECONDS, READING_SECONDS, Budgets, Turn
from .changes import Changes
from .errors import InvalidShape
from .follower import Follower, TooManyRows
from .gatekeeper import Gatekeeper, Since, View
from .live import (
    KEEP_ALIVE,
    LiveTimes,
    asleep,
    deadline_of,
    wait_until,
)
from .live_requests import LiveCount
from .parameters import Definition, Offset, ShapeRequest, Subset
from .scopes import Scope, pipeline_asked, predicate
from .shape import Shape, ShapeLimits, Shapes, Sleeper

DRAINING: Final = "server is restarting: ask again"
TIDY_SECONDS: Final = 5.0
"""Between two looks for shapes that nobody uses."""

TOO_LARGE: Final = "the shapes in use hold more than they may (PIPELOOM_SHAPE_BYTES)"

_logger = structlog.get_logger(__name__)

EVENT_STREAM: Final = "text/event-stream"


class NativeEngine:
    """`Engine` on the tables themselves. `random` makes handles, marks and jumps of cursors.

    At most `readers` of the queries that clients have made up run at once.
    """

    def __init__(
        self,
        reader: ShapeReader,
        changes: ShapeChanges,
        clock: Clock,
        random: Random,
        limits: ShapeLimits,
        *,
        readers: int = 2,
        times: LiveTimes = LiveTimes(),  # noqa: B008 - it cannot be changed
        may_delete: bool = False,
    ) -> None:
        self._reader, self._clock, self._random = reader, clock, random
        self._limits, self._times, self._may_delete = limits, times, may_delete
        self._numbers = count(1)
        self._shapes = Shapes(limits, self._new_handle)
        self._gatekeeper = Gatekeeper(reader)
        self._follower = self._new_follower(changes)
        # Who asks what everybody may see now must not wait behind what clients have made up.
        self._reading = asyncio.Semaphore(readers)
        # Of many first answers at once the loop would make a part of each between two of its turns.
        self._turn = asyncio.Semaphore(1)
        self._readings = Budgets(READING_SECONDS, clock.monotonic)
        self._makings = Budgets(MAKING_SECONDS, clock.monotonic)
        self._is_draining = False
        # How often it was announced that somebody may see something else.
        self._access_changes = 0
        self._live = LiveCount(limits.live)

    def _new_follower(self, changes: ShapeChanges) -> Follower:
        return Follower(
            self._shapes,
            self._reader,
            changes,
            self._clock,
            most_rows=self._limits.rows,
            most_bytes=self._limits.row_bytes,
            on_access=self._look_again,
        )

    async def run(self) -> None:
        """Follow the tables until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.receive_forever())
            tasks.create_task(self._follower.refresh_forever())
            tasks.create_task(self._tidy_forever())

    async def _tidy_forever(self) -> None:
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            for shape in self._shapes.tidy(self._clock.monotonic()):
                _logger.warning(
                    "shapes.dropped", table=shape.definition.table.name, error=TOO_LARGE
                )

    def close(self) -> None:
        """End live requests now, and refuse further ones."""
        self._is_draining = True
        for shape in self._shapes:
            shape.wake()

    def forget(self) -> None:
        """Drop all shapes: another process has them now, and whoever waits here begins anew."""
        for shape in self._shapes:
            self._shapes.drop(shape)

    @property
    def is_ready(self) -> bool:
        """See `Engine.is_ready`."""
        return self._follower.is_listening and not self._is_draining

    def sample(self) -> None:
        """Set the metrics that are read when the page is asked for."""
        shapes = [*self._shapes]
        metrics.SHAPES.set(len(shapes))
        metrics.SHAPE_ROWS.set(sum(len(shape.log.rows) for shape in shapes))
        metrics.SHAPE_OPERATIONS.set(sum(shape.log.operations for shape in shapes))
        metrics.SHAPE_BYTES.set(self._shapes.bytes)

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        """See `Engine.answer`."""
        if self._is_draining:
            raise Draining(DRAINING)
        since = self._access_changes
        view = await self._gatekeeper.view(who.user_id, request.definition)
        self._check_handle(request, view.scope)
        shape = await self._obtain(request.definition, view, who, is_live=request.live)
        shape.admit(who.user_id, view.since)
        if request.subset is not None:
            return await self._subset(shape, request.subset, who, view.since)
        if not isinstance(request.offset, Offset):
            answer = self._beginning(shape, request, who)
            return await self._checked(shape, answer, who, view.since)
        if request.offset > shape.log.offset:
            raise InvalidShape({"offset": ["is beyond the end: expected one of an answer"]})
        if not request.live:
            answer = self._rest(shape, request, request.offset)
            return await self._checked(shape, answer, who, request.offset)
        return await self._live_answer(shape, request, request.offset, who, since)

    async def _live_answer(
        self, shape: Shape, request: ShapeRequest, offset: Offset, who: Caller, since: int
    ) -> Answer:
        if not request.sse:
            with self._live.counted(who.user_id):
                return await self._poll(shape, request, offset, who, since)
        await self._check(shape, who, offset)
        body = await begun(self._stream(shape, offset, who))
        handle = request.handle or shape.handles[-1]
        cursor = {"electric-cursor": self._cursor(request)}
        # nginx would keep events back until it has some kilobytes of them.
        stream = {"content-type": EVENT_STREAM, "x-accel-buffering": "no"}
        headers = {**messages.headers(handle, offset), **cursor, **stream}
        return Answer(200, headers, body)

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        """See `Engine.drop`."""
        if not self._may_delete:
            raise DeletionNotAllowed("shapes end by themselves: clients may not drop them here")
        scope = await self._gatekeeper.scope(who.user_id, definition)
        shape = self._shapes.find(definition, scope)
        if shape is not None and (handle is None or handle in shape.handles):
            self._shapes.drop(shape)

    def _new_handle(self) -> str:
        return f"{self._random.getrandbits(48)}{next(self._numbers)}-{self._micros()}"

    def _micros(self) -> int:
        return int(self._clock.now().timestamp() * 1e6)

    def _look_again(self, changes: Changes | None) -> None:
        """Wake the live requests of those who may see something else now; None is everybody.

        Changes that were lost with the connection are in no log: their outcome is read anew.
        """
        self._access_changes += changes is None or changes.is_about_access
        if changes is None:
            for shape in self._shapes:
                shape.wake()
            return
        users, teams = _uuids(changes.users), _uuids(changes.teams)
        concerned = _uuids(changes.concerned)
        for shape in self._shapes:
            is_moved = _is_moved(shape, changes)
            if is_moved or users is None or teams is None:
                shape.forget(None)
            else:
                shape.forget(users)
                shape.forget_teams(teams)
            if is_moved or concerned is None:
                shape.wake()
            else:
                # Who sees it by a team that moved is forgotten, also if announced as no member.
                shape.wake_some(concerned)

    def _check_handle(self, request: ShapeRequest, scope: Scope) -> None:
        """Raise MustRefetch for a handle that does not fit what the user may see now."""
        if request.handle is None:
            return
        shape = self._shapes.find(request.definition, scope)
        if shape is not None:
            self._shapes.check(shape, request.handle)
        else:
            raise MustRefetch(self._shapes.reason(request.handle), self._new_handle())

    async def _obtain(
        self, definition: Definition, view: View, who: Caller, *, is_live: bool
    ) -> Shape:
        """Find or make a shape; return it when it has all that was committed before the call.

        A live request is not kept waiting for that, since it waits for what comes in any case,
        unless it is not known what the user may have of that.
        """
        shape = self._shapes.find(definition, view.scope)
        is_new = shape is None
        if shape is None:
            shape = await self._make(definition, view.scope, who)
        if shape.loading is not None:
            await asyncio.shield(shape.loading)
        if not is_new and not (is_live and shape.has_admitted(who.user_id, view.since)):
            await self._follower.catch_up(shape)
        if shape.is_dropped:
            raise MustRefetch("dropped", self._new_handle())
        shape.used_at = self._clock.monotonic()
        return shape

    async def _make(self, definition: Definition, scope: Scope, who: Caller) -> Shape:
        """Make a shape when it is the user's turn, unless somebody else has by then."""
        turn = await self._readings.turn(who.user_id)
        try:
            shape = self._shapes.find(definition, scope)
            if shape is None:
                shape = self._shapes.make(definition, scope, who.user_id)
                # The turn goes on as long as the reading, also if the client does not wait for it.
                shape.loading = asyncio.ensure_future(self._load(shape, turn))
                return shape
        except BaseException:
            turn.end()
            raise
        turn.end()
        return shape

    async def _load(self, shape: Shape, turn: Turn) -> None:
        try:
            with _refused_conditions():
                async with self._reading:
                    with turn:
                        await self._follower.load(shape)
                        # However many are read at once, each is asked for before one is there.
                        self._shapes.fit_in(shape)
                        # Whoever has the next turn may need room, and nobody has used this yet.
                        shape.used_at = self._clock.monotonic()
        except BaseException:
            self._shapes.drop(shape)
            raise
        finally:
            turn.end()

    async def _check(self, shape: Shape, who: Caller, start: Offset | Since) -> None:
        """Raise MustRefetch if the user may not see the shape now, or it is no more.

        Or if the user may not have what came after an offset, or was away since a request began, by
        what was looked up then. What was read meanwhile is not theirs, also before it is announced
        that they were away.
        """
        view = await self._gatekeeper.view(who.user_id, shape.definition)
        if isinstance(start, Offset):
            was_there = shape.admits(who.user_id, view.since, start)
        else:
            was_there = view.since == start
        if view.scope != shape.scope or not was_there:
            raise MustRefetch("other_scope", self._new_handle())
        if shape.is_dropped:
            raise MustRefetch("dropped", self._new_handle())

    async def _checked(
        self, shape: Shape, answer: Answer, who: Caller, start: Offset | Since
    ) -> Answer:
        """Return an answer that was made before, if the user may still see it."""
        await self._check(shape, who, start)
        return answer

    def _beginning(self, shape: Shape, request: ShapeRequest, who: Caller) -> Answer:
        """All rows, or none of those that are there with `now`."""
        log, handle = shape.log, self._shapes.handle_for(shape, request.expired_handle)
        headers = self._headers(shape, handle, request)
        if request.offset == "now":
            return self._listed(headers, [], log.offset)
        rows = [] if shape.definition.log == "changes_only" else [*log.rows.values()]
        headers["electric-has-data"] = _text(bool(rows))
        end = messages.snapshot_end(log.position)
        encoded = chain(map(log.messages.snapshot_row, rows), [end])
        return Answer(200, headers, self._in_turn(joined(b"[", encoded, b"]"), who))

    def _in_turn(self, parts: Iterator[bytes], who: Caller) -> AsyncGenerator[bytes, None]:
        """The parts of a body, made as the loop and the user's budget allow it."""
        allowance = self._makings.allowance(who.user_id)
        return in_turn(parts, self._turn, self._clock.thread_time, allowance)

    def _rest(self, shape: Shape, request: ShapeRequest, offset: Offset) -> Answer:
        """What came after an offset."""
        found = shape.log.since(offset)
        if found is None:
            raise self._shapes.refetch(shape, "trimmed")
        handle = request.handle or shape.handles[-1]
        return self._listed(self._headers(shape, handle, request), found, shape.log.offset)

    def _listed(self, headers: dict[str, str], found: list[bytes], offset: Offset) -> Answer:
        headers["electric-up-to-date"] = ""
        headers["electric-has-data"] = _text(bool(found))
        return Answer(200, headers, listed([*found, messages.up_to_date(offset.tx)]))

    def _headers(self, shape: Shape, handle: str, request: ShapeRequest) -> dict[str, str]:
        headers = messages.headers(handle, shape.log.offset)
        if request.live:
            headers["electric-cursor"] = self._cursor(request)
        else:
            headers["electric-schema"] = messages.schema(shape.definition)
        return headers

    def _cursor(self, request: ShapeRequest) -> str:
        jump = self._random.randint(1, 3600)
        return messages.cursor(self._clock.now().timestamp(), request.cursor, jump)

    async def _poll(
        self, shape: Shape, request: ShapeRequest, offset: Offset, who: Caller, since: int
    ) -> Answer:
        """Wait until there is something after an offset, or the time is over."""
        deadline = deadline_of(who, self._times.poll, self._clock)
        with self._asleep(shape, who) as sleeper:
            if self._access_changes != since:
                # It was announced after the scope was looked up, and found nobody asleep.
                sleeper.woken.set()
            is_over = False
            while True:
                if shape.log.offset > offset or is_over or self._is_draining:
                    answer = self._rest(shape, request, offset)
                    await self._check(shape, who, offset)
                    return answer
                is_over = not await wait_until(sleeper, deadline, self._clock)
                if not is_over and shape.log.offset <= offset:
                    await self._check(shape, who, offset)

    async def _stream(
        self, shape: Shape, offset: Offset, who: Caller
    ) -> AsyncGenerator[bytes, None]:
        """Send what comes as events. It ends with what sends the client back to the beginning.

        The first part is empty; raises TooManyShapes before it.
        """
        deadline = deadline_of(who, self._times.stream, self._clock)
        with (
            self._live.counted(who.user_id),
            self._asleep(shape, who) as sleeper,
            suppress(MustRefetch, StoreError),
        ):
            yield b""
            yield KEEP_ALIVE
            while not self._is_draining and self._clock.monotonic() < deadline:
                found = shape.log.since(offset)
                end = shape.log.offset
                await self._check(shape, who, offset)
                if found is None:
                    return
                if found:
                    async for part in as_parts(events([*found, messages.up_to_date(end.tx)])):
                        yield part
                    offset = end
                next_sign = min(deadline, self._clock.monotonic() + self._times.keep_alive)
                if not await wait_until(sleeper, next_sign, self._clock):
                    yield KEEP_ALIVE

    @contextmanager
    def _asleep(self, shape: Shape, who: Caller) -> Iterator[Sleeper]:
        sleeper = Sleeper(who.user_id)
        try:
            with asleep(shape, sleeper):
                if shape.is_behind:
                    self._follower.look_at(shape)
                yield sleeper
        finally:
            shape.used_at = self._clock.monotonic()

    async def _subset(self, shape: Shape, subset: Subset, who: Caller, since: Since) -> Answer:
        """Rows of the shape that are asked for once, as they are now."""
        read = await self._read_once(self._subset_query(shape, subset), who)
        rows = read.rows[0]
        if len(rows) > self._limits.rows:
            raise InvalidShape({"limit": [str(TooManyRows(self._limits.rows))]})
        encoded = (shape.log.messages.snapshot_row(row.values) for row in rows)
        headers = {
            **messages.headers(shape.handles[-1], shape.log.offset),
            "electric-schema": messages.schema(shape.definition),
            "electric-snapshot": "true",
        }
        start = messages.subset_start(read.position, self._random.getrandbits(31))
        body = self._in_turn(joined(start, encoded, messages.SUBSET_END), who)
        return await self._checked(shape, Answer(200, headers, body), who, since)

    async def _read_once(self, query: RowQuery, who: Caller) -> RowsRead:
        """Read rows when it is the user's turn."""
        turn = await self._readings.turn(who.user_id)
        try:
            with _refused_conditions():
                async with self._reading:
                    with turn:
                        return await self._reader.read([query])
        finally:
            turn.end()

    def _subset_query(self, shape: Shape, subset: Subset) -> RowQuery:
        table, most = shape.definition.table, self._limits.rows + 1
        conditions = predicate(shape.scope, table), shape.definition.condition.sql
        return RowQuery(
            table.name,
            shape.definition.columns,
            (*conditions, subset.condition.sql),
            subset.order.sql,
            most if subset.limit is None else min(most, subset.limit),
            subset.offset or 0,
        )


def _uuids(ids: frozenset[str] | None) -> frozenset[UUID] | None:
    return None if ids is None else frozenset(map(UUID, ids))


def _is_moved(shape: Shape, changes: Changes) -> bool:
    """Whether a shape is of one pipeline that others may see now; also if nobody saw it before."""
    asked = pipeline_asked(shape.definition.table, shape.definition.condition)
    return asked is not None and (changes.moved is None or str(asked) in changes.moved)


@contextmanager
def _refused_conditions() -> Iterator[None]:
    """Say of what PostgreSQL does not take as a condition that it is the client's."""
    try:
        yield
    except TooManyRows as error:
        raise InvalidShape({"where": [str(error)]}) from error
    except TooMuchRead as error:
        problem = f"{error}: ask for fewer `columns`, or narrow `where` (PIPELOOM_SHAPE_BYTES)"
        raise InvalidShape({"where": [problem]}) from error
    except QueryTooSlow as error:
        problem = "takes longer than a query may (PIPELOOM_SHAPE_SECONDS): ask for less"
        raise InvalidShape({"where": [problem]}) from error
    except InvalidValue as error:
        raise InvalidShape({"where": [str(error)]}) from error


def _text(is_so: bool) -> str:
    return "true" if is_so else "false"
