"""Receives PostgreSQL's notifications: a connection that LISTENs and reconnects when it is lost."""

import asyncio
import time
from contextlib import suppress
from typing import Any, Final

from persistence.errors import StoreError, StoreUnavailable

from .pool import LISTENER, connect, driver_errors
from .queries import QUERIES

UPDATES: Final = "pipeloom_updates"
"""Announces pipelines that got updates, by id, and that somebody waits for their rows (AWAITED)."""

ACCESS: Final = "pipeloom_access"
"""Announces users whose roles changed, by id, and pipelines as `pipeline:` and their id."""

PROJECTED: Final = "pipeloom_projected"
"""Announces pipelines whose rows follow the log, as JSON: see `projection_announcements.py`."""

SHAPES: Final = "pipeloom_shapes"
"""Announces rows that changed, as JSON, and marks: see `shapes.py`."""

PROBE_AFTER: Final = 30.0
"""Seconds of silence after which a connection is asked whether it is still there."""

PROBE_TIMEOUT: Final = 5.0


class Listener:
    """The payloads announced on a channel, collected between two waits.

    A notification may be lost with its connection, so this is for speed only: whoever waits here
    must look at everything from time to time, and whenever `wait` returns None.
    """

    def __init__(
        self,
        dsn: str,
        channel: str = UPDATES,
        *,
        probe_after: float = PROBE_AFTER,
        application_name: str = LISTENER,
    ) -> None:
        self._dsn, self._channel, self._probe_after = dsn, channel, probe_after
        self._application_name = application_name
        self._connection: Any = None
        self._received_at = 0.0
        self._payloads: set[str] = set()
        self._has_some = asyncio.Event()

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
                await self._has_some.wait()
        if time.monotonic() - self._received_at >= self._probe_after:
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
        connection = await connect(self._dsn, self._application_name)
        # The None that follows stands for whatever was announced before.
        self._payloads.clear()
        self._has_some.clear()
        try:
            with driver_errors():
                connection.add_termination_listener(self._lost)
                await connection.add_listener(self._channel, self._receive)
        except BaseException:
            # `close` does not know this connection yet, so nothing else would end it. The error
            # may be the cancellation of whoever waits.
            connection.terminate()
            raise
        self._connection, self._received_at = connection, time.monotonic()

    async def _probe(self, connection: Any) -> None:
        """Find out whether a silent connection still works: a firewall may have cut it."""
        if connection is None:
            return
        try:
            with driver_errors():
                await connection.execute(QUERIES["ping"], timeout=PROBE_TIMEOUT)
            self._received_at = time.monotonic()
        except StoreError:
            connection.terminate()
            self._lost(connection)

    def _receive(self, _connection: Any, _pid: int, _channel: str, payload: str) -> None:
        self._payloads.add(payload)
        self._received_at = time.monotonic()
        self._has_some.set()

    def _lost(self, connection: Any) -> None:
        if connection is self._connection:
            self._connection = None
        self._has_some.set()

    def _take(self) -> set[str] | None:
        self._has_some.clear()
        payloads, self._payloads = self._payloads, set()
        return None if self._connection is None else payloads
