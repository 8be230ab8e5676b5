"""Lines over PostgreSQL, for the processes of one machine: LISTEN and NOTIFY.

A notification holds fewer than 8,000 bytes of text, so longer messages go in several.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

from persistence.errors import StoreError
from persistence.postgres.pool import connect, driver_errors
from persistence.postgres.queries import QUERIES

from .base import BusUnavailable
from .fragments import Reassembler, split
from .transport import Event, Received, Subscribed, Transport, channel_name

MAX_PART: Final = 5_900
"""Bytes of which 7,868 characters of base64 are made."""

MAX_MESSAGE: Final = 1024 * 1024
MAX_UPDATE: Final = 4 * 1024
"""A longer update is read from the same server, so it is not worth sending it there."""


async def open_postgres_transport(dsn: str) -> Transport:
    """Connect. Raises BusUnavailable."""
    try:
        return PostgresTransport(await connect(dsn))
    except StoreError as error:
        raise BusUnavailable(str(error)) from error


@contextmanager
def _errors() -> Iterator[None]:
    try:
        with driver_errors():
            yield
    except StoreError as error:
        raise BusUnavailable(str(error)) from error


class PostgresTransport:
    """A line over one connection to PostgreSQL."""

    max_message, max_update = MAX_MESSAGE, MAX_UPDATE

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._gatherer = Reassembler()
        connection.add_termination_listener(lambda _: self._events.put_nowait(None))

    async def listen(self, channels: Collection[UUID]) -> None:
        """See `Transport.listen`."""
        for channel in channels:
            async with self._lock:
                with _errors():
                    await self._connection.add_listener(channel_name(channel), self._receive)
            self._events.put_nowait(Subscribed(channel))

    async def unlisten(self, channels: Collection[UUID]) -> None:
        """See `Transport.unlisten`."""
        for channel in channels:
            async with self._lock:
                with _errors():
                    await self._connection.remove_listener(channel_name(channel), self._receive)

    async def send(self, messages: Sequence[Received]) -> None:
        """See `Transport.send`."""
        rows = [
            (channel_name(channel), b64encode(part).decode())
            for channel, message in messages
            for part in split(message, MAX_PART)
        ]
        async with self._lock:
            with _errors():
                await self._connection.executemany(QUERIES["tell_nodes"], rows)

    async def next_event(self) -> Event | None:
        """See `Transport.next_event`."""
        event = await self._events.get()
        if event is None:
            raise BusUnavailable("the connection to PostgreSQL was lost")
        return event

    def _receive(self, _connection: Any, _pid: int, name: str, payload: str) -> None:
        message = self._read(payload)
        if message is not None:
            self._events.put_nowait(Received(UUID(name.removeprefix("pipeloom:")), message))

    def _read(self, payload: str) -> bytes | None:
        try:
            return self._gatherer.add(b64decode(payload, validate=True))
        except ValueError:
            # Nobody can read this either, and the bus says so.
            return payload.encode()

    async def close(self) -> None:
        """See `Transport.close`."""
        with suppress(StoreError), driver_errors():
            self._connection.terminate()
