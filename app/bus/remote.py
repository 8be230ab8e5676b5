"""The bus between processes: it keeps one connection open, and reconnects when that is lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

import structlog

from app.telemetry.metrics import BUS_DROPPED, BUS_UP, counters
from crdt.room.peer_messages import Committed, NodeId, PeerMessage

from .base import BusUnavailable, Handler, OnSubscribed, Unsubscribe, do_nothing
from .connection import HEARTBEAT_SECONDS, TIMEOUT_SECONDS, BusConnection
from .publish_queue import PublishQueue
from .receiver import Receiver
from .subscriptions import Subscriptions
from .transport import ChannelMessage, Transport
from .wire import encode

CONNECT_SECONDS: Final = 5.0
"""How long opening a transport may take."""

RECONNECT_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Pauses before each attempt to reconnect; the last one is repeated."""

_logger = structlog.get_logger(__name__)


class RemoteBus:
    """`Bus` over transports; a task must run its `run`."""

    def __init__(
        self,
        open_transport: Callable[[], Awaitable[Transport]],
        node: NodeId,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._open_transport, self._node = open_transport, node
        self._heartbeat_seconds, self._timeout_seconds = heartbeat_seconds, timeout_seconds
        self._subscriptions = Subscriptions()
        self._queue = PublishQueue()
        self._receiver = Receiver(node, self._subscriptions)
        self._connection: BusConnection | None = None
        self._unavailable: str | None = "no connection yet"
        self._was_connected = False
        BUS_UP.set(0)

    def publish(self, pipeline_id: UUID, message: PeerMessage, sender: Handler) -> None:
        """See `Bus.publish`."""
        self._subscriptions.deliver(pipeline_id, message, sender)
        encoded = encode(self._node, self._without_long_update(message))
        counters.bus_published += 1
        if self._connection is None or len(encoded) <= self._connection.max_message:
            self._queue.put(ChannelMessage(pipeline_id, encoded))
        else:
            BUS_DROPPED.labels("too_long").inc()
            _logger.warning("bus.message_too_long", pipeline_id=pipeline_id, size=len(encoded))

    def _without_long_update(self, message: PeerMessage) -> PeerMessage:
        if isinstance(message, Committed) and message.update is not None and self._connection:
            is_long = len(message.update) > self._connection.max_update
            return Committed(message.seq, None) if is_long else message
        return message

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_subscribed: OnSubscribed = do_nothing
    ) -> Unsubscribe:
        """See `Bus.subscribe`."""
        unsubscribe = self._subscriptions.add(pipeline_id, handler, on_subscribed)
        if self._connection is not None and self._connection.is_subscribed(pipeline_id):
            on_subscribed()
        return unsubscribe

    async def check(self) -> None:
        """See `Bus.check`."""
        if self._unavailable is not None:
            raise BusUnavailable(self._unavailable)

    async def run(self) -> None:
        """Keep a connection open until cancelled."""
        attempts = 0
        while True:
            try:
                await self._use_connection()
            except BusUnavailable as error:
                attempts = self._note_disconnected(str(error), attempts)
            except Exception as error:
                _logger.exception("bus.failed", error=str(error))
                attempts = self._note_disconnected(f"{type(error).__name__}: {error}", attempts)
            pause = RECONNECT_SECONDS[min(attempts, len(RECONNECT_SECONDS)) - 1]
            # Nodes that were disconnected at the same moment need not reconnect at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    def _note_disconnected(self, reason: str, attempts: int) -> int:
        """Report the loss of a connection; return the number of attempts that failed since."""
        was_connected = self._unavailable is None
        if was_connected or attempts == 0:
            # With several processes one outage is a line of each, which look alike without it.
            _logger.warning("bus.disconnected", node=self._node, reason=reason)
        self._unavailable = reason or "the connection was lost"
        BUS_UP.set(0)
        return 1 if was_connected else attempts + 1

    def _note_connected(self) -> None:
        """Report, once, that messages get through."""
        if self._unavailable is None:
            return
        _logger.info("bus.connected", node=self._node)
        counters.bus_reconnects += self._was_connected
        self._was_connected, self._unavailable = True, None
        BUS_UP.set(1)

    async def _use_connection(self) -> None:
        """Open a connection and use it. Raises BusUnavailable when it is lost."""
        transport = await self._opened_transport()
        self._connection = BusConnection(
            transport,
            self._node,
            self._subscriptions,
            self._queue,
            self._receiver,
            heartbeat_seconds=self._heartbeat_seconds,
            timeout_seconds=self._timeout_seconds,
        )
        try:
            await self._connection.run(self._note_connected)
        finally:
            self._connection = None
            await transport.close()

    async def _opened_transport(self) -> Transport:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._open_transport()
        except TimeoutError as error:
            raise BusUnavailable("no answer when connecting") from error
