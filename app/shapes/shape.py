"""The shapes that are held in memory: made when somebody asks, shared, and evicted."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

from .answers import MustRefetch, Reason, TooManyShapes
from .changes import NOTHING, Region, joined, owners_of
from .gatekeeper import Since
from .parameters import Definition, Offset
from .routes import Route, Routes
from .scopes import Scope
from .shape_log import LogLimits, ShapeLog

MOST_HANDLES: Final = 32
"""Handles of one shape that are good at once."""

Address: TypeAlias = tuple[str, tuple[str, ...], str, str, str, Scope]


@dataclass(eq=False, slots=True)
class Sleeper:
    """A live request that waits; it is woken to look, whatever there is to see."""

    user_id: UUID
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Shape:
    """What one definition shows in one scope, for everybody who is in that scope.

    It has several handles over time: a client that has to begin anew gets one that it has never
    had, while the others keep theirs.
    """

    def __init__(
        self, definition: Definition, scope: Scope, maker: UUID, limits: LogLimits, handle: str
    ) -> None:
        self.definition, self.scope, self.maker = definition, scope, maker
        self.is_of_owners = owners_of(definition, scope) is not None
        """Whether it is known to which pipelines or teams its rows belong."""
        self.log = ShapeLog(definition, limits)
        self.handles = [handle]
        self.is_loaded = self.is_dropped = False
        self.loading: asyncio.Future[None] | None = None
        self.routes: list[Route] = []
        """Where it is noted what changed of this shape."""
        # A change has a number and is noted at its routes (`Journal`). Up to `taken` a reader has
        # it in hand, up to `_read` its rows are in the log; what a failed reading puts back is
        # `_unread`. What the shape lacks is that, and what its routes have noted beyond `taken`.
        self.taken = self._read = 0
        self._unread = NOTHING
        self._progress = asyncio.Event()
        self._admitted: dict[UUID, tuple[Offset, Since]] = {}
        self.sleepers: set[Sleeper] = set()
        self._waiting = 0
        """How many requests wait until nothing is known that it lacks."""
        self.used_at = 0.0

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for what it lacks; else that is read when somebody asks."""
        return bool(self.sleepers) or self._waiting > 0

    def sleep(self, sleeper: Sleeper) -> None:
        """Have a live request be woken by what comes."""
        self.sleepers.add(sleeper)
        self._await()

    def leave(self, sleeper: Sleeper) -> None:
        """Have a live request be woken no more."""
        self.sleepers.discard(sleeper)
        self._await()

    @contextmanager
    def awaited(self) -> Iterator[None]:
        """Have what it lacks be read while the block runs."""
        self._waiting += 1
        self._await()
        try:
            yield
        finally:
            self._waiting -= 1
            self._await()

    def _await(self) -> None:
        """Have the routes know whether somebody waits for this shape."""
        for route in self.routes:
            if self.is_wanted:
                route.awaited[self] = None
            else:
                route.awaited.pop(self, None)

    @property
    def is_idle(self) -> bool:
        """Whether it can be dropped and nobody waits for it just now."""
        return self.is_loaded and not self.is_wanted

    def wake(self) -> None:
        """Have everybody look who waits for this shape."""
        for sleeper in self.sleepers:
            sleeper.woken.set()

    def wake_some(self, users: Collection[UUID]) -> None:
        """Have those of some users look who wait for this shape, and whoever was forgotten."""
        for sleeper in self.sleepers:
            if sleeper.user_id in users or sleeper.user_id not in self._admitted:
                sleeper.woken.set()

    def admit(self, user_id: UUID, since: Since) -> None:
        """Let a user read on from here, or from wherever the user could already.

        `since` is when the user came into the teams: who was away meanwhile begins here.
        """
        if not self.has_admitted(user_id, since):
            self._admitted[user_id] = self.log.offset, since

    def has_admitted(self, user_id: UUID, since: Since) -> bool:
        """Whether a user may read on from somewhere, who has been there all the time."""
        known = self._admitted.get(user_id)
        return known is not None and known[1] == since

    def admits(self, user_id: UUID, since: Since, offset: Offset) -> bool:
        """Whether a user may have what came after an offset."""
        known = self._admitted.get(user_id)
        return known is not None and known[1] == since and known[0] <= offset

    def forget(self, users: Iterable[UUID] | None) -> None:
        """Note that users may have left (None is all): what is written now may not be for them.

        Who is there again begins where the log is by then, for what was overwritten meanwhile was
        never theirs to see.
        """
        if users is None:
            self._admitted.clear()
            return
        for user_id in users:
            self._admitted.pop(user_id, None)

    def forget_teams(self, teams: Iterable[UUID]) -> None:
        """Note that whoever sees it by one of these teams may not have seen it for a while."""
        moved = frozenset(teams)
        self.forget(
            [
                user_id
                for user_id, (_, since) in self._admitted.items()
                if any(team in moved for team, _ in since)
            ]
        )

    @property
    def is_behind(self) -> bool:
        """Whether something may have changed since it was read: that costs next to nothing."""
        return self._unread is not NOTHING or self.noted > self.taken

    @property
    def noted(self) -> int:
        """The number of the last change that may concern it."""
        return max((route.journal.newest for route in self.routes), default=0)

    @property
    def behind(self) -> Region | None:
        """What has changed since it was read."""
        found = [] if self._unread is NOTHING else [self._unread]
        journals = [route.journal for route in self.routes]
        found += [one.since(self.taken) for one in journals if one.newest > self.taken]
        return joined(found) if found else None

    def take_behind(self) -> Region:
        """Return what has changed, for whoever reads it now."""
        region = self.behind
        self._unread, self.taken = NOTHING, self.noted
        return NOTHING if region is None else region

    def put_back(self, region: Region) -> None:
        """Note that something that was taken could not be read."""
        self._unread |= region

    def settle(self) -> None:
        """Note that what was taken is read."""
        self._read = self.taken
        self._go_on()

    async def catch_up(self) -> None:
        """Return when all is read that was noted before the call, whatever comes meanwhile."""
        noted = self.noted
        while self._read < noted and not self.is_dropped:
            await self._progress.wait()

    def end(self) -> None:
        """Be no more: whoever waits begins anew."""
        self.is_dropped = True
        self._go_on()
        self.wake()

    def _go_on(self) -> None:
        self._progress.set()
        self._progress = asyncio.Event()


@dataclass(frozen=True, slots=True)
class ShapeLimits:
    """How many rows a shape may have, how many shapes there may be, and what all of them may hold.

    `live` is how many requests of one user may wait at once; a shape that nobody has used for
    `idle_seconds` is forgotten.
    """

    rows: int = 5_000
    shapes: int = 500
    per_user: int = 50
    live: int = 200
    idle_seconds: float = 300.0
    bytes: int = 256 * 1024 * 1024
    log: LogLimits = field(default_factory=LogLimits)

    @property
    def row_bytes(self) -> int:
        """What the rows of one shape may take, and what is read at once."""
        return self.bytes // 4


class Shapes:
    """All shapes by what they show, and by their handles."""

    def __init__(self, limits: ShapeLimits, new_handle: Callable[[], str]) -> None:
        self._limits, self._new_handle = limits, new_handle
        self._shapes: dict[Address, Shape] = {}
        self._by_handle: dict[str, Shape] = {}
        self.routes = Routes()

    def __iter__(self) -> Iterator[Shape]:
        return iter([*self._shapes.values()])

    def __len__(self) -> int:
        return len(self._shapes)

    @property
    def bytes(self) -> int:
        """About what all shapes hold."""
        return self.routes.bytes + sum(shape.log.bytes for shape in self._shapes.values())

    def find(self, definition: Definition, scope: Scope) -> Shape | None:
        """The shape that is held already."""
        return self._shapes.get(_address(definition, scope))

    def make(self, definition: Definition, scope: Scope, maker: UUID) -> Shape:
        """Make a shape that has to be loaded yet. Raises TooManyShapes."""
        self._make_room(maker)
        shape = Shape(definition, scope, maker, self._limits.log, self._new_handle())
        self._shapes[_address(definition, scope)] = shape
        self._by_handle[shape.handles[0]] = shape
        self.routes.add(shape)
        return shape

    def drop(self, shape: Shape) -> None:
        """Forget a shape: its handles are good no longer, and whoever waits begins anew."""
        if self._shapes.get(address := _address(shape.definition, shape.scope)) is shape:
            del self._shapes[address]
            self.routes.remove(shape)
        for handle in shape.handles:
            self._by_handle.pop(handle, None)
        shape.end()

    def check(self, shape: Shape, handle: str) -> None:
        """Raise MustRefetch if a handle is none of this shape."""
        if handle not in shape.handles:
            raise self.refetch(shape, self.reason(handle))

    def reason(self, handle: str) -> Reason:
        """Why a handle does not fit."""
        return "other_scope" if handle in self._by_handle else "unknown_handle"

    def refetch(self, shape: Shape, reason: Reason) -> MustRefetch:
        """What sends a client back to the beginning, with a handle that nobody has had."""
        return MustRefetch(reason, self._add_handle(shape))

    def handle_for(self, shape: Shape, expired: str | None) -> str:
        """The handle for who begins: the newest, and none that the client knows to be over."""
        newest = shape.handles[-1]
        return self._add_handle(shape) if newest == expired else newest

    def _add_handle(self, shape: Shape) -> str:
        handle = self._new_handle()
        if shape.is_dropped:
            return handle
        shape.handles.append(handle)
        self._by_handle[handle] = shape
        for old in shape.handles[:-MOST_HANDLES]:
            del self._by_handle[old]
        del shape.handles[:-MOST_HANDLES]
        return handle

    def _make_room(self, maker: UUID) -> None:
        limits = self._limits
        own = [shape for shape in self._shapes.values() if shape.maker == maker]
        if len(own) >= limits.per_user and not self._evict(own):
            raise TooManyShapes(
                f"you have {limits.per_user} shapes in use, as many as may be "
                "(PIPELOOM_SHAPES_PER_USER): ask for fewer, larger ones",
                is_own=True,
            )
        everybody = [*self._shapes.values()]
        if len(everybody) >= limits.shapes and not self._evict(everybody):
            raise _full()
        if self._shrink() > 0:
            raise _full()

    def fit_in(self, shape: Shape) -> None:
        """Have others make room for a shape that was read; raises TooManyShapes if they cannot."""
        if self._shrink(shape) > 0:
            raise _full()

    def tidy(self, now: float) -> list[Shape]:
        """Forget what nobody has used for long, and more while all hold more than they may.

        Returns what was dropped although it was in use.
        """
        self.routes.tidy()
        for shape in self:
            if shape.is_idle and now - shape.used_at > self._limits.idle_seconds:
                self.drop(shape)
        excess, dropped = self._shrink(), list[Shape]()
        for shape in sorted(self, key=lambda one: one.log.bytes, reverse=True):
            if excess > 0 and shape.is_loaded:
                excess -= shape.log.bytes
                dropped.append(shape)
                self.drop(shape)
        return dropped

    def _shrink(self, kept: Shape | None = None) -> int:
        """Forget idle shapes, then changes, the largest logs first, while all hold too much.

        Nothing of `kept` is forgotten. Returns how many bytes they still hold too much.
        """
        if self.bytes > self._limits.bytes:
            self.routes.tidy()
        excess = self.bytes - self._limits.bytes
        if excess <= 0:
            return excess
        others = [shape for shape in self if shape is not kept]
        idle = (shape for shape in others if shape.is_idle)
        for shape in sorted(idle, key=lambda one: one.used_at):
            if excess > 0:
                excess -= shape.log.bytes
                self.drop(shape)
        # What was noted for them alone has gone as well.
        excess = self.bytes - self._limits.bytes
        for shape in sorted(others, key=lambda one: one.log.log_bytes, reverse=True):
            if excess > 0 and not shape.is_dropped:
                excess -= shape.log.forget_changes()
        return excess

    def _evict(self, among: list[Shape]) -> bool:
        """Drop the shape that nobody has used for the longest time; False if all are in use."""
        idle = [shape for shape in among if shape.is_idle]
        if not idle:
            return False
        self.drop(min(idle, key=lambda shape: shape.used_at))
        return True


def _full() -> TooManyShapes:
    return TooManyShapes(
        "this server holds as many shapes as it may (PIPELOOM_SHAPES, PIPELOOM_SHAPE_BYTES): "
        "try again later",
        is_own=False,
    )


def _address(definition: Definition, scope: Scope) -> Address:
    return (
        definition.table.name,
        definition.columns,
        definition.condition.sql,
        definition.replica,
        definition.log,
        scope,
    )
