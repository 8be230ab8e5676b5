"""The time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Both kinds of time, so that tests can hold them."""

    def now(self) -> datetime:
        """The time of day, for the log."""
        ...

    def monotonic(self) -> float:
        """Seconds, for expiry."""
        ...


class SystemClock:
    """The computer's clocks."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()
