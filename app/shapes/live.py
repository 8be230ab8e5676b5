"""Live requests: one answer as soon as there is something, or a stream of server-sent events."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from app.clock import Clock

from .answers import Caller
from .shape import Shape, Sleeper

POLL_SECONDS: Final = 20.0
"""How long a request waits for something to happen, as with Electric."""

STREAM_SECONDS: Final = 60.0
"""How long a stream lasts before the client opens the next one, as with Electric."""

KEEP_ALIVE_SECONDS: Final = 21.0
"""Between two signs of life on a stream, as with Electric."""

KEEP_ALIVE: Final = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class LiveTimes:
    """How long live requests last, in seconds."""

    poll: float = POLL_SECONDS
    stream: float = STREAM_SECONDS
    keep_alive: float = KEEP_ALIVE_SECONDS


@contextmanager
def asleep(shape: Shape, sleeper: Sleeper) -> Iterator[None]:
    """Have a request be woken by a shape while the block runs."""
    shape.sleep(sleeper)
    try:
        yield
    finally:
        shape.leave(sleeper)


async def wait_until(sleeper: Sleeper, deadline: float, clock: Clock) -> bool:
    """Wait until a request is woken; False when the deadline came first."""
    with suppress(TimeoutError):
        async with asyncio.timeout(max(0.0, deadline - clock.monotonic())):
            await sleeper.woken.wait()
    was_woken = sleeper.woken.is_set()
    sleeper.woken.clear()
    return was_woken


def deadline_of(who: Caller, seconds: float, clock: Clock) -> float:
    """When a request has to end: after so long, and not after the token."""
    left = (who.expires_at - clock.now()).total_seconds()
    return clock.monotonic() + min(seconds, max(0.0, left))
