"""Budgets of time that users have: nobody takes more than a share of what all need.

Some work may be done at once after a pause, so that a page has its first rows soon. Whoever goes on
rests for a multiple of what the work took, so that a member who means harm takes a share of a core.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from math import ceil
from types import TracebackType
from typing import Final, Self
from uuid import UUID

from app.token_bucket import TokenBucket

from .answers import TooManyShapes

SHARE: Final = 0.2
"""Seconds of work that a user may cause in each second, in the long run."""

READING_SECONDS: Final = 2.0
"""Seconds for which PostgreSQL may read rows for a user at once, after a pause."""

MAKING_SECONDS: Final = 1.0
"""Seconds for which the event loop may make answers for a user at once, after a pause."""

LONGEST_WAIT: Final = 20.0
"""Seconds that a request waits for the budget of its user; who would wait longer is refused."""

MOST_USERS: Final = 10_000
"""Budgets kept. One that was used long ago makes room: by then it is as good as full."""

Seconds = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class _Account:
    def __init__(self, bucket: TokenBucket) -> None:
        self.bucket = bucket
        self.line = asyncio.Lock()

    def rest(self, now: float) -> float:
        """How many seconds of rest are left."""
        return max(0.0, -self.bucket.fill(now) / self.bucket.rate)


class Budgets:
    """Seconds of work of each user: `burst` at once, and SHARE of each second.

    `seconds` is the clock by which budgets fill again.
    """

    def __init__(self, burst: float, seconds: Seconds, sleep: Sleep = asyncio.sleep) -> None:
        self._burst, self._seconds, self._sleep = burst, seconds, sleep
        self._accounts: OrderedDict[UUID, _Account] = OrderedDict()

    def __len__(self) -> int:
        """How many users are remembered."""
        return len(self._accounts)

    async def turn(self, user_id: UUID) -> "Turn":
        """Wait until nothing else is done for a user, and the rest from that is over.

        Whoever gets the turn ends it. Raises TooManyShapes for a user who would wait for long.
        """
        account = self._account(user_id)
        await account.line.acquire()
        try:
            rest = account.rest(self._seconds())
            if rest > LONGEST_WAIT:
                raise TooManyShapes(
                    f"reading what you asked for took long: ask again in {ceil(rest)} s, or for "
                    "less (`columns`, `where`)",
                    is_own=True,
                    retry_after=ceil(rest),
                )
            await self._sleep(rest)
        except BaseException:
            account.line.release()
            raise
        return Turn(account, self._seconds)

    def allowance(self, user_id: UUID) -> "Allowance":
        """What may be done for a user, also several things at once."""
        return Allowance(self._account(user_id), self._seconds, self._sleep)

    def _account(self, user_id: UUID) -> _Account:
        if user_id not in self._accounts:
            self._make_room()
            bucket = TokenBucket(SHARE, self._burst, self._seconds())
            self._accounts[user_id] = _Account(bucket)
        self._accounts.move_to_end(user_id)
        return self._accounts[user_id]

    def _make_room(self) -> None:
        if len(self._accounts) < MOST_USERS:
            return
        idle = (user for user, account in self._accounts.items() if not account.line.locked())
        if (oldest := next(idle, None)) is not None:
            del self._accounts[oldest]


class Allowance:
    """The budget of a user whose work is short, and may come from several requests at once."""

    def __init__(self, account: _Account, seconds: Seconds, sleep: Sleep) -> None:
        self._account, self._seconds, self._sleep = account, seconds, sleep

    async def rest(self) -> None:
        """Wait until the budget is not overdrawn."""
        while rest := self._account.rest(self._seconds()):
            await self._sleep(rest)

    def spend(self, seconds: float) -> None:
        """Note that something was done, and how long it took."""
        self._account.bucket.take(self._seconds(), seconds)


class Turn:
    """A user's turn. What is done within it counts against the budget; its end ends the turn."""

    def __init__(self, account: _Account, seconds: Seconds) -> None:
        self._account, self._seconds = account, seconds
        self._began_at = 0.0
        self._is_over = False

    def __enter__(self) -> Self:
        self._began_at = self._seconds()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        now = self._seconds()
        self._account.bucket.take(now, now - self._began_at)
        self.end()

    def end(self) -> None:
        """Let the next request of the user have its turn; again is nothing."""
        if not self._is_over:
            self._is_over = True
            self._account.line.release()
