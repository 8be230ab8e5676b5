"""The table `presence`: each node writes who is in its rooms, and the API of any node reads it.

The rooms are the source: the table is a mirror of them, about a second late, and gets old while
PostgreSQL is away. Confessed: a user who leaves one node while idle on another may be missing for
up to ten seconds.
"""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from unicodedata import category
from uuid import UUID

import structlog

from app.clock import Clock
from persistence.errors import StoreError
from persistence.ports.presence import PRESENCE_SECONDS, PresenceKey, PresenceState, PresenceTable

TICK_SECONDS: Final = 1.0
"""Between two passes over the rooms: a user is written at most once per pass and pipeline."""

RENEW_SECONDS: Final = 10.0
"""After so long the row of a user whose presence is unchanged is renewed."""

SWEEP_SECONDS: Final = PRESENCE_SECONDS

MAX_SELECTED: Final = 200
"""Steps of a selection that are shown."""

MAX_STATUS: Final = 50
"""Characters of a status that are shown."""

UNSHOWN: Final = frozenset(("Cc", "Cs"))
"""The categories of control characters and of halves of surrogate pairs, which PostgreSQL does not
store. All others are text, also wide spaces and the joiners in emoji."""

REPEAT_SECONDS: Final = 60.0
"""After so long a failure that nobody expects is logged again."""

MAX_FAILURES: Final = 100
"""Different failures of one outage that are remembered."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the table has of a user: the state, when in seconds, and when by its own clock."""

    state: str
    at: float
    last_seen: datetime


class FailureLog:
    """Logs why the table cannot be written, without a line for every second of an outage.

    A StoreError is logged once per outage for each message. Anything else is a bug, so it is
    logged with its traceback each time; the same one again at most every REPEAT_SECONDS.
    """

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}

    def note(self, error: Exception, now: float) -> None:
        """Log a failure, unless it has just been logged; `now` is in seconds."""
        is_expected, failure = isinstance(error, StoreError), repr(error)
        repeat_at = self._logged_at.get(failure, -math.inf) + REPEAT_SECONDS
        if now < repeat_at or (is_expected and failure in self._logged_at):
            return
        if len(self._logged_at) >= MAX_FAILURES:
            self._logged_at.clear()
        self._logged_at[failure] = now
        _logger.warning(
            "presence.not_written", error=str(error), exc_info=None if is_expected else error
        )

    def end_outage(self) -> None:
        """Log every failure anew from now on: the table has been written."""
        self._logged_at.clear()


class PresenceMirror:
    """Writes what has changed since the last pass. `read_presence` returns each user's state."""

    def __init__(
        self,
        table: PresenceTable,
        read_presence: Callable[[], Mapping[PresenceKey, str]],
        clock: Clock,
    ) -> None:
        self._table, self._read_presence, self._clock = table, read_presence, clock
        self._shown: dict[PresenceKey, _Shown] = {}
        self._sweep_at = clock.monotonic()
        self._turn = asyncio.Lock()
        self._failures = FailureLog()

    async def run(self) -> None:
        """Mirror until cancelled. While PostgreSQL is away the table gets old, and that is all."""
        while True:
            await self.try_once()
            await asyncio.sleep(TICK_SECONDS)

    async def try_once(self) -> None:
        """Do what `mirror` does; a failure is logged, see `FailureLog`."""
        try:
            await self.mirror()
        except Exception as error:
            self._failures.note(error, self._clock.monotonic())
        else:
            self._failures.end_outage()

    async def mirror(self) -> None:
        """Write who is in the rooms. Raises StoreError; the next call then writes the rest."""
        async with self._turn:
            now, present = self._clock.monotonic(), self._read_presence()
            await self._show(now, present)
            await self._remove(present)
            if now >= self._sweep_at:
                await self._table.expire()
                self._sweep_at = now + SWEEP_SECONDS

    async def close(self, seconds: float) -> None:
        """Delete the rows of users who have left, within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self.try_once()
        except TimeoutError:
            _logger.warning("presence.not_removed", users=len(self._shown))

    async def _show(self, now: float, present: Mapping[PresenceKey, str]) -> None:
        changed = {key: state for key, state in present.items() if self._is_new(key, state)}
        unchanged = {
            key: state
            for key, state in present.items()
            if key not in changed and now - self._shown[key].at >= RENEW_SECONDS
        }
        if not changed and not unchanged:
            return
        # In a thread: reading the states of many users takes long.
        parsed = await asyncio.to_thread(lambda: (_states(changed), _states(unchanged)))
        last_seen = await self._table.write(*parsed)
        for key, state in (changed | unchanged).items():
            self._shown[key] = _Shown(state, now, last_seen)

    def _is_new(self, key: PresenceKey, state: str) -> bool:
        return key not in self._shown or self._shown[key].state != state

    async def _remove(self, present: Mapping[PresenceKey, str]) -> None:
        left = {key: shown.last_seen for key, shown in self._shown.items() if key not in present}
        if left:
            await self._table.remove(left)
        for key in left:
            del self._shown[key]


def _states(states: Mapping[PresenceKey, str]) -> dict[PresenceKey, PresenceState]:
    return {key: presence_state(state) for key, state in states.items()}


def presence_state(state: str) -> PresenceState:
    """Read a presence state, JSON in which clients may have written anything."""
    try:
        presence = json.loads(state)
    except (ValueError, RecursionError):
        return PresenceState()
    if not isinstance(presence, dict):
        return PresenceState()
    return PresenceState(
        _point(presence.get("cursor")),
        _selection(presence.get("selection")),
        _status(presence.get("status")),
    )


def _point(cursor: Any) -> tuple[float, float] | None:
    match cursor:
        case {"x": int() | float() as x, "y": int() | float() as y}:
            try:
                point = float(x), float(y)
            except OverflowError:
                return None
            return point if all(map(math.isfinite, point)) else None
    return None


def _selection(ids: Any) -> list[UUID]:
    if not isinstance(ids, list):
        return []
    found = dict.fromkeys(_id(each) for each in ids[:MAX_SELECTED])
    return [each for each in found if each is not None]


def _id(text: Any) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _status(status: Any) -> str:
    if not isinstance(status, str) or not status:
        return "active"
    return "".join("\ufffd" if category(one) in UNSHOWN else one for one in status[:MAX_STATUS])
