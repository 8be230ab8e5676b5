"""Whether what people edit can be stored: said in the log, in `/metrics` and by `/readyz`.

While PostgreSQL is away or its disk is full, edits wait and nobody loses any. So nothing fails that
somebody would notice, and whoever runs the server must be notified by it. A look whether PostgreSQL
answers is not enough: with a full disk it answers everything, and stores nothing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import structlog

from persistence.errors import StorageFull, StoreUnavailable

from . import metrics

PATIENCE_SECONDS: Final = 3.0
"""How long commits may fail until the server is not ready: a failover is no reason to leave it."""

REMIND_SECONDS: Final = 60.0
"""Between two lines in the log while commits fail."""

_logger = structlog.get_logger(__name__)


class CommitHealth:
    """Counts how long commits have been failing, one after the other. Times are in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._since: float | None = None
        self._said = float("-inf")
        self._reason, self._is_full = "", False

    @property
    def failing_for(self) -> float:
        """Seconds since the first failure that no success has followed; 0 if there is none."""
        return 0.0 if self._since is None else self._monotonic() - self._since

    @property
    def reason(self) -> str | None:
        """Why commits have failed for longer than PATIENCE_SECONDS, for people; None if not so.

        It gives nothing away of what the server runs on.
        """
        if self.failing_for <= PATIENCE_SECONDS:
            return None
        return "its disk is full" if self._is_full else "its database does not answer"

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Note that a commit in the block fails; any error but StoreUnavailable says nothing."""
        try:
            yield
        except StoreUnavailable as error:
            self._is_full = isinstance(error, StorageFull)
            self._fail(str(error))
            raise

    def succeed(self) -> None:
        """Note that something was stored: only an update says that the log can be written."""
        if self._since is not None:
            _logger.warning("log.written_again", seconds=round(self.failing_for))
        self._since, self._said = None, float("-inf")

    async def check(self) -> None:
        """Raises StoreUnavailable when commits have failed for longer than PATIENCE_SECONDS."""
        if (seconds := self.failing_for) > PATIENCE_SECONDS:
            raise StoreUnavailable(
                f"edits wait, none was stored for {seconds:.0f} s: {self._reason}"
            )

    def _fail(self, reason: str) -> None:
        now = self._monotonic()
        self._since, self._reason = now if self._since is None else self._since, reason
        metrics.COMMITS_FAILED.inc()
        if now - self._said >= REMIND_SECONDS:
            self._said = now
            _logger.error("log.not_written", error=reason, seconds=round(self.failing_for))
