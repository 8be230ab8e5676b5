"""The moment at which a process that has got a signal to stop ends in any case.

Service managers and terminals wait for a process that drains, but not for ever; docs/operations.md
promises an end within ten seconds. What is committed by then stands, and the rest was not
acknowledged.
"""

import os
import threading
from collections.abc import Callable, Sequence
from typing import Final

import structlog

StillOpen = Callable[[], Sequence[str]]

OVERRUN_STATUS: Final = 1
"""The exit status of a process whose drain has taken too long."""

_logger = structlog.get_logger(__name__)


class DrainDeadline:
    """Ends this process some seconds after the first signal to stop.

    `watch` says what a drain waits for at each stage. If the deadline finds any of it, the drain
    has overrun: the log says what was still open, and the exit status is 1. If it finds nothing,
    the server has drained, and only what may be cut off is left, such as the worker, which takes
    its work up again after the next start: the exit status is 0.
    """

    def __init__(self, seconds: float, leave: Callable[[int], None] = os._exit) -> None:
        self._seconds, self._leave = seconds, leave
        self.has_begun = False
        self.watch(lambda: ["the start of the server"])

    def begin(self) -> None:
        """Begin to count, unless that was done before. May be called in a signal's handler."""
        if not self.has_begun:
            self.has_begun = True
            timer = threading.Timer(self._seconds, self.end)
            timer.daemon = True
            timer.start()

    def watch(self, still_open: StillOpen, abandon: Callable[[], None] = lambda: None) -> None:
        """Ask `still_open`, from now on, for what the drain waits for; a thread calls it.

        `abandon` is called before this process ends, to end what would outlive it.
        """
        self._still_open, self._abandon = still_open, abandon

    def end(self) -> None:
        """End the process."""
        status = OVERRUN_STATUS
        try:
            if still_open := list(self._still_open()):
                _logger.error("server.drain_overrun", after=self._seconds, still_open=still_open)
            else:
                _logger.warning("server.ended_early", after=self._seconds)
                status = 0
            self._abandon()
        finally:
            # Also when the loop of the server changes what this thread has just looked at.
            self._leave(status)
