"""Hears what the database announces: a connection that LISTENs, and comes back when it is lost."""

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

from persistence.errors import StoreError, StoreUnavailable

from .pool import connect, driver_errors
from .queries import QUERIES

UPDATES: Final = "pipeloom_updates"
"""Announces pipelines that got updates, by id."""

ACCESS: Final = "pipeloom_access"
"""Announces users whose roles changed, by id, and pipelines as `pipeline:` and their id."""

PROJECTED: Final = "pipeloom_projected"
"""Announces pipelines whose rows follow the log, as JSON: see `projection_announcements.py`."""

PROBE_AFTER: Final = 30.0
"""Seconds of silence after which a connection is asked whether it is still there."""

PROBE_TIMEOUT: Final = 5.0


class Listener:
    """The payloads announced on a channel, gathered between two waits.

    A notification may be lost with its connection, so this is for speed only: whoever waits here
    must look at everything from time to time, and whenever `wait` returns None.
    """

    def __init__(
        self, dsn: str, channel: str = UPDATES, *, probe_after: float = PROBE_AFTER
    ) -> None:
        self._dsn, self._channel, self._probe_after = dsn, channel, probe_after
        self._connection: Any = None
        self._heard_at = 0.0
        self._heard: set[str] = set()
        self._rung = asyncio.Event()

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer here
    ) -> set[str] | None:
        """Wait at most `timeout` seconds for notifications; return what was announced.

        Empty when the time passed in silence. None when the connection is new or away: anything
        may have been announced meanwhile.
        """
        if self._connection is None:
            await self._reconnect(retry_after=timeout)
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._rung.wait()
        if time.monotonic() - self._heard_at >= self._probe_after:
            await self._probe(self._connection)
        return self._take()

    async def close(self) -> None:
        """Close the connection; a waiting `wait` returns None."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(StoreError), driver_errors():
                await connection.close()

    async def _reconnect(self, retry_after: float) -> None:
        try:
            await self._listen()
        except StoreUnavailable:
            await asyncio.sleep(retry_after)

    async def _listen(self) -> None:
        connection = await connect(self._dsn)
        # What rang before is contained in the None that follows.
        self._heard.clear()
        self._rung.clear()
        try:
            with driver_errors():
                connection.add_termination_listener(self._lost)
                await connection.add_listener(self._channel, self._hear)
        except BaseException:
            # Nobody else knows of it yet, and whoever waits may have been cancelled.
            connection.terminate()
            raise
        self._connection, self._heard_at = connection, time.monotonic()

    async def _probe(self, connection: Any) -> None:
        """Tell a silent connection from one that was cut without a word, as by a firewall."""
        if connection is None:
            return
        try:
            with driver_errors():
                await connection.execute(QUERIES["ping"], timeout=PROBE_TIMEOUT)
            self._heard_at = time.monotonic()
        except StoreError:
            connection.terminate()
            self._lost(connection)

    def _hear(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        self._heard.add(payload)
        self._heard_at = time.monotonic()
        self._rung.set()

    def _lost(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
        self._rung.set()

    def _take(self) -> set[str] | None:
        self._rung.clear()
        heard, self._heard = self._heard, set()
        return None if self._connection is None else heard
