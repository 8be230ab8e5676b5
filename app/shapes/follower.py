"""Keeps the shapes in step with the tables: receives what changed, and reads that again.

One reader at a time takes what all shapes lack. While it reads, further changes gather, so that a
burst costs few queries however long it is.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Final
from uuid import uuid4

import structlog

from app.clock import Clock
from app.telemetry import metrics
from crdt.errors import PipeloomError
from persistence.errors import InvalidValue, StoreError, StoreUnavailable
from persistence.ports.shapes import (
    Position,
    QueryTooSlow,
    RowsChanged,
    ShapeChanges,
    ShapeReader,
    StoredRow,
    TooMuchRead,
)

from .changes import ALL, Changes, Region, gathered
from .readings import Group, Reading, grouped, query_of, readings
from .shape import Shape, Shapes
from .shared import Shared

AT_ONCE: Final = 24
"""Groups of shapes whose changed rows are read in one statement."""

WOKEN_AT_ONCE: Final = 10
"""Live requests that are woken before others have their turn: each answer is a write."""

WOKEN_A_SECOND: Final = 300
"""Live requests that are woken in a second: each answer, and the next request, cost the loop."""

LONGEST_PAUSE: Final = 0.5
"""The most seconds for which changes gather, however many wait for them."""

WAIT_SECONDS: Final = 0.5
"""The longest wait for announcements, and the pause after a failure."""

MARK_SECONDS: Final = 5.0
"""How long a request waits for what was committed before it."""

_logger = structlog.get_logger(__name__)


class TooManyRows(PipeloomError):
    """A shape would have more rows than it may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"expected {most} rows at most (PIPELOOM_SHAPE_ROWS), got more: narrow `where`"
        )


class Follower:
    """Follows the tables. `on_access` is called with what may have changed who sees what."""

    def __init__(
        self,
        shapes: Shapes,
        reader: ShapeReader,
        changes: ShapeChanges,
        clock: Clock,
        *,
        most_rows: int,
        most_bytes: int,
        on_access: Callable[[Changes | None], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._shapes, self._reader, self._changes = shapes, reader, changes
        self._clock, self._on_access, self._sleep = clock, on_access, sleep
        self._most_rows, self._most_bytes = most_rows, most_bytes
        self._has_work = asyncio.Event()
        self._due: dict[Shape, None] = {}
        """Shapes that may lack something that somebody waits for."""
        self._woken = 0
        self._marks: dict[str, asyncio.Future[None]] = {}
        # Notifying takes turns with every other commit that notifies, those of edits among them.
        self._marking = Shared[None, None](self._pass_mark)
        self.is_listening = False

    async def receive_forever(self) -> None:
        """Receive announcements until cancelled; a failure is logged, once per outage."""
        is_away = False
        while True:
            try:
                await self.receive()
                is_away = False
            except StoreError as error:
                if not is_away:
                    _logger.warning("shapes.not_followed", error=str(error))
                is_away = True
                await self._pause()
            except Exception as error:
                _logger.exception("shapes.follow_failed", error=str(error))
                await self._pause()

    async def _pause(self) -> None:
        self.is_listening = False
        await asyncio.sleep(WAIT_SECONDS)

    async def receive(self) -> None:
        """Wait for announcements, for a while, and note what they concern. Raises StoreError."""
        # What is made from now on is read after what was announced up to now.
        announced = await self._changes.wait(WAIT_SECONDS, is_needed=lambda: len(self._shapes) > 0)
        if announced is None:
            self.is_listening = False
            return
        if not self.is_listening:
            self._read_all_anew()
        self.is_listening = True
        if announced.changes:
            self._note(announced.changes)
        self._pass(announced.marks)

    def _pass(self, marks: Iterable[str]) -> None:
        for mark in marks:
            if (waiting := self._marks.get(mark)) is not None and not waiting.done():
                waiting.set_result(None)

    def _read_all_anew(self) -> None:
        """Note that anything may have changed while nothing was received."""
        self._due.update(dict.fromkeys(self._shapes.routes.note_all()))
        # Their announcements may be lost; what is read from now on has what was before them.
        self._pass([*self._marks])
        self._on_access(None)
        self._has_work.set()

    def _note(self, changed: Sequence[RowsChanged]) -> None:
        """Note changes, one by one: joined, each would have the ids of all."""
        about_access: list[RowsChanged] = []
        for one in changed:
            changes = gathered((one,))
            self._due.update(dict.fromkeys(self._shapes.routes.note(changes)))
            if changes.is_about_access:
                about_access.append(one)
        if about_access:
            self._on_access(gathered(about_access))
        if self._due:
            self._has_work.set()

    def look_at(self, shape: Shape) -> None:
        """Have what a shape lacks be read, if somebody waits for it."""
        self._due[shape] = None
        self._has_work.set()

    async def catch_up(self, shape: Shape) -> None:
        """Return when a shape has everything that was committed before the call.

        Raises StoreUnavailable if that cannot be known within a few seconds.
        """
        try:
            async with asyncio.timeout(MARK_SECONDS):
                await self._marking.ask(None)
                with shape.awaited():
                    self.look_at(shape)
                    await shape.catch_up()
        except TimeoutError:
            raise StoreUnavailable("changes of the tables do not arrive: try again") from None

    async def _pass_mark(self, _: Collection[None]) -> None:
        """Return when everything has been received that was announced before the call."""
        mark = uuid4().hex
        self._marks[mark] = asyncio.get_running_loop().create_future()
        try:
            # A mark is lost with the connection.
            async with asyncio.timeout(MARK_SECONDS):
                await self._reader.mark(mark)
                await self._marks[mark]
        finally:
            del self._marks[mark]

    async def load(self, shape: Shape) -> None:
        """Read all rows of a new shape. Raises StoreError, TooMuchRead too, and TooManyRows."""
        shape.take_behind()
        read = await self._reader.read([query_of(shape, ALL, self._most_rows)])
        if len(read.rows[0]) > self._most_rows:
            raise TooManyRows(self._most_rows)
        for _ in shape.log.begin(read.rows[0], read.position):
            await asyncio.sleep(0)
        if shape.log.row_bytes > self._most_bytes:
            raise TooMuchRead(self._most_bytes)
        shape.is_loaded = True
        shape.settle()

    async def refresh_forever(self) -> None:
        """Read what shapes lack, until cancelled; a failure is logged, once per outage."""
        is_away = False
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            try:
                await self.refresh()
                is_away = False
                await self._let_others_work()
            except StoreError as error:
                if not is_away:
                    _logger.warning("shapes.not_refreshed", error=str(error))
                is_away = True
                await asyncio.sleep(WAIT_SECONDS)
                self._has_work.set()
            except Exception as error:
                _logger.exception("shapes.refresh_failed", error=str(error))
                await asyncio.sleep(WAIT_SECONDS)
                self._has_work.set()

    async def _let_others_work(self) -> None:
        """Let changes gather for as long as is fair: editing comes before those who watch.

        Many live requests would otherwise be woken by each projection of a pipeline that is edited.
        """
        woken, self._woken = self._woken, 0
        await self._sleep(min(LONGEST_PAUSE, woken / WOKEN_A_SECOND))

    async def refresh(self) -> None:
        """Read what shapes lack now that somebody waits for.

        Raises StoreError; what was not read is still noted.
        """
        behind = self._behind()
        groups = grouped([shape for shape, region in behind if not region.is_all])
        for at in range(0, len(groups), AT_ONCE):
            await self._refresh(groups[at : at + AT_ONCE])
        # Each by itself: together they would be in memory twice.
        for shape, region in behind:
            if region.is_all:
                await self._refresh([[shape]])

    def _behind(self) -> list[tuple[Shape, Region]]:
        """The shapes that are to be read, and what; the others are not due any more."""
        found = []
        for shape in [*self._due]:
            is_to_be_read = shape.is_loaded and shape.is_wanted and not shape.is_dropped
            region = shape.behind if is_to_be_read else None
            if region is None:
                del self._due[shape]
            else:
                found.append((shape, region))
        return found

    async def _refresh(self, groups: Sequence[Group]) -> None:
        """Read what some shapes lack, all at one moment."""
        started_at = self._clock.monotonic()
        taken = [(group, [self._take(shape) for shape in group]) for group in groups]
        left = {shape: region for each in taken for shape, region in zip(*each, strict=True)}
        try:
            await self._read(
                [one for each in taken for one in readings(*each, self._most_rows)], left
            )
        except BaseException as error:
            for shape, region in left.items():
                shape.put_back(region)
                self._due[shape] = None
            if not isinstance(error, InvalidValue | QueryTooSlow | TooMuchRead):
                raise
            await self._refresh_each([*left], error)
            return
        metrics.SHAPE_REFRESH_SECONDS.observe(self._clock.monotonic() - started_at)

    def _take(self, shape: Shape) -> Region:
        self._due.pop(shape, None)
        return shape.take_behind()

    async def _read(self, reads: Sequence[Reading], left: dict[Shape, Region]) -> None:
        """Read, and have the shapes take what was found; those that have are not `left`."""
        read = await self._reader.read([one.query for one in reads])
        for one, found in zip(reads, read.rows, strict=True):
            for shape, rows in zip(one.shapes, one.rows(found), strict=True):
                del left[shape]
                if shape.is_wanted:
                    await self._apply(shape, one.region, rows, read.position)
                else:
                    shape.put_back(one.region)

    async def _refresh_each(self, shapes: Sequence[Shape], error: StoreError) -> None:
        """Find out for which shape PostgreSQL refuses to read; that one ends."""
        if len(shapes) == 1:
            _logger.warning(
                "shapes.dropped", table=shapes[0].definition.table.name, error=str(error)
            )
            self._shapes.drop(shapes[0])
            return
        for shape in shapes:
            await self._refresh([[shape]])

    async def _apply(
        self, shape: Shape, region: Region, rows: Sequence[StoredRow], position: Position
    ) -> None:
        # A transaction concerns a shape if it wrote to a pipeline or team of it, also if no row of
        # it is left: which rows somebody else's pipelines have is nobody's business.
        is_certain = shape.is_of_owners
        before = shape.log.offset
        try:
            for _ in shape.log.refresh(region, rows, position, is_certain=is_certain):
                await asyncio.sleep(0)
        except Exception:
            # It has lost what it should have taken, so whoever has it begins anew.
            self._shapes.drop(shape)
            raise
        if len(shape.log.rows) > self._most_rows or shape.log.row_bytes > self._most_bytes:
            self._shapes.drop(shape)
            return
        shape.settle()
        if shape.log.offset != before:
            await self._wake(shape)
        await asyncio.sleep(0)

    async def _wake(self, shape: Shape) -> None:
        """Have everybody look who waits for a shape, with turns for others between."""
        self._woken += len(shape.sleepers)
        for place, sleeper in enumerate([*shape.sleepers], 1):
            sleeper.woken.set()
            if place % WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)
