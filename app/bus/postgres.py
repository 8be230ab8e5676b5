"""A transport over PostgreSQL, for the processes of one machine: LISTEN and NOTIFY.

The payload of a notification is text shorter than 8,000 bytes (PostgreSQL documentation, NOTIFY),
so messages are encoded in base64, and longer ones are sent in fragments.
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final
from uuid import UUID

from persistence.errors import StoreError
from persistence.postgres.pool import BUS, connect, driver_errors
from persistence.postgres.queries import QUERIES

from .base import BusUnavailable
from .fragments import Reassembler, split
from .transport import ChannelMessage, Event, Subscribed, Transport, channel_name

MAX_FRAGMENT: Final = 5_900
"""Bytes, which take 7,868 characters in base64."""

MAX_MESSAGE: Final = 1024 * 1024
MAX_UPDATE: Final = 4 * 1024
"""Other nodes read a longer update from the log, which is in the same PostgreSQL anyway."""


async def open_postgres_transport(dsn: str) -> Transport:
    """Connect. Raises BusUnavailable."""
    try:
        return PostgresTransport(await connect(dsn, BUS))
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
    """A `Transport` over one connection to PostgreSQL."""

    max_message, max_update = MAX_MESSAGE, MAX_UPDATE

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._lock = asyncio.Lock()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._reassembler = Reassembler()
        connection.add_termination_listener(lambda _: self._events.put_nowait(None))

    async def subscribe(self, channels: Collection[UUID]) -> None:
        """See `Transport.subscribe`."""
        for channel in channels:
            async with self._lock:
                with _errors():
                    await self._connection.add_listener(channel_name(channel), self._receive)
            self._events.put_nowait(Subscribed(channel))

    async def unsubscribe(self, channels: Collection[UUID]) -> None:
        """See `Transport.unsubscribe`."""
        for channel in channels:
            async with self._lock:
                with _errors():
                    await self._connection.remove_listener(channel_name(channel), self._receive)

    async def publish(self, messages: Sequence[ChannelMessage]) -> None:
        """See `Transport.publish`."""
        rows = [
            (channel_name(channel), b64encode(fragment).decode())
            for channel, payload in messages
            for fragment in split(payload, MAX_FRAGMENT)
        ]
        async with self._lock:
            with _errors():
                await self._connection.executemany(QUERIES["notify_nodes"], rows)

    async def next_event(self) -> Event | None:
        """See `Transport.next_event`."""
        event = await self._events.get()
        if event is None:
            raise BusUnavailable("the connection to PostgreSQL was lost")
        return event

    def _receive(self, _connection: Any, _pid: int, name: str, notification: str) -> None:
        payload = self._decode(notification)
        if payload is not None:
            channel = UUID(name.removeprefix("pipeloom:"))
            self._events.put_nowait(ChannelMessage(channel, payload))

    def _decode(self, notification: str) -> bytes | None:
        """Return the message that this notification completes, if it completes one."""
        try:
            return self._reassembler.add(b64decode(notification, validate=True))
        except ValueError:
            # Passed on as it is: the bus counts and reports messages that nobody can read.
            return notification.encode()

    async def close(self) -> None:
        """See `Transport.close`."""
        with suppress(StoreError), driver_errors():
            self._connection.terminate()
