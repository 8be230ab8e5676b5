"""The time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The computer's clocks."""

    def now(self) -> datetime:
        """The time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()
