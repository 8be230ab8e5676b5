"""The time, as the server asks for it."""

import time
from datetime import UTC, datetime
from typing import Final, Protocol


class Clock(Protocol):
    """The three kinds of time, so that tests can hold them."""

    def now(self) -> datetime:
        """The time of day, for the log."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, for how long something takes or may last."""
        ...

    def thread_time(self) -> float:
        """Seconds that this thread has computed, for what somebody costs the server."""
        ...


class SystemClock:
    """The computer's clocks."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)
    """See `Clock`; never goes back, whatever the time of day does."""

    def thread_time(self) -> float:
        """See `Clock`."""
        return time.thread_time()


SYSTEM_CLOCK: Final = SystemClock()
