"""Sockets of clients, counted from the moment they are accepted.

Whoever connects and says nothing has cost a file already, long before any limit on WebSockets or
requests is asked. A process that has no file left cannot even say that it is alive, nor log that it
cannot: libuv then accepts what comes and closes it at once. So some files are left for probes.
"""

import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from app.telemetry import metrics

OWN_FILES: Final = 100
"""Files that the process needs for itself: connections to PostgreSQL and the bus, pipes, logs."""

PROBE_FILES: Final = 24
"""Sockets that are accepted beyond the limit, and answered only if they ask how the server is."""

PER_CONNECTION: Final = 2
"""Sockets of an address for each WebSocket that it may have: pages ask the API, too."""

FEWEST: Final = 16
"""Sockets that are served whatever the limit of the system."""

REMIND_SECONDS: Final = 60.0

_logger = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class Socket:
    """An accepted socket; `is_surplus` if it came when its address or all had enough."""

    address: str
    is_surplus: bool


class Sockets:
    """Counts the open sockets of a process: `limit` for all, `per_address` for each address.

    An address for which `is_proxy` stands for many clients, and has no limit of its own.
    """

    def __init__(
        self,
        limit: int,
        per_address: int,
        is_proxy: Callable[[str], bool] = lambda _: False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit, self._per_address, self._is_proxy = limit, per_address, is_proxy
        self._addresses: Counter[str] = Counter()
        self._monotonic = monotonic
        self._said = float("-inf")

    @property
    def open(self) -> int:
        """How many sockets are open."""
        return self._addresses.total()

    def accept(self, address: str) -> Socket | None:
        """Count a socket; None if there are so many that nobody can be answered any more."""
        is_surplus = self.open >= self._limit or self._has_enough(address)
        if is_surplus:
            self._note(address)
        if self.open >= self._limit + PROBE_FILES:
            return None
        self._addresses[address] += 1
        return Socket(address, is_surplus)

    def close(self, socket: Socket) -> None:
        """Count a socket off."""
        self._addresses[socket.address] -= 1
        if not self._addresses[socket.address]:
            del self._addresses[socket.address]

    def _has_enough(self, address: str) -> bool:
        return self._addresses[address] >= self._per_address and not self._is_proxy(address)

    def _note(self, address: str) -> None:
        metrics.reject("sockets")
        now = self._monotonic()
        if now - self._said >= REMIND_SECONDS:
            self._said = now
            _logger.warning("sockets.too_many", open=self.open, limit=self._limit, address=address)


def most_sockets(files_each: int = 1) -> int:
    """Raise this process's limit of open files to what it may be; return the sockets that fit.

    Each of them takes so many files at most.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(FEWEST, (hard - OWN_FILES - PROBE_FILES) // files_each)
