"""How long live requests wait, and what wakes them."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.shapes.answers import Caller
from app.shapes.live import deadline_of, wait_until
from app.shapes.shape import Sleeper

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
ME = UUID(int=1)


class Stopped:
    """A clock at noon, 100 seconds after the start."""

    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 100.0

    def thread_time(self) -> float:
        return 0.0


@pytest.mark.parametrize(("left", "waits"), [(3600, 20.0), (5, 5.0), (0, 0.0), (-5, 0.0)])
def test_a_live_request_ends_with_its_token(left: int, waits: float) -> None:
    who = Caller(ME, NOON + timedelta(seconds=left))
    assert deadline_of(who, 20.0, Stopped()) == 100.0 + waits


async def test_who_is_woken_looks_and_may_be_woken_again() -> None:
    sleeper = Sleeper(ME)
    waiting = asyncio.create_task(wait_until(sleeper, 1000.0, Stopped()))
    await asyncio.sleep(0)
    assert not waiting.done()
    sleeper.woken.set()
    assert await waiting
    assert not await wait_until(sleeper, 100.0, Stopped())
    # Woken before it fell asleep.
    sleeper.woken.set()
    assert await wait_until(sleeper, 100.0, Stopped())
