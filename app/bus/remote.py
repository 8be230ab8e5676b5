"""The bus between processes: keeps one line open, and opens another when that is lost.

A node hears itself on a channel of its own: if it does not for some seconds, the line is dead
however healthy its connections look.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final
from uuid import UUID, uuid4

import structlog

from app.tasks import end
from app.telemetry.metrics import BUS_DROPPED, BUS_UP, tally
from crdt.errors import ProtocolError
from crdt.room.peer_messages import Committed, NodeId, PeerMessage, PresenceQuery

from .base import BusUnavailable, Handler, OnListening, Unsubscribe, unmoved
from .publish_queue import PublishQueue
from .subscriptions import Subscriptions
from .transport import Received, Subscribed, Transport
from .wire import decode, encode

CONNECT_SECONDS: Final = 5.0
"""How long it may take to open a line."""

PULSE_SECONDS: Final = 2.0
"""Between two messages of a node to itself."""

SILENCE_SECONDS: Final = 5.0
"""How long a message to itself may take before the line is taken for dead."""

RETRY_SECONDS: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Between two attempts to open a line; the last one for ever."""

COMPLAIN_SECONDS: Final = 60.0
"""Between two complaints about messages that nobody can read."""

_logger = structlog.get_logger(__name__)


class RemoteBus:
    """`Bus` over lines; `run` must run beside it."""

    def __init__(
        self,
        open_transport: Callable[[], Awaitable[Transport]],
        node: NodeId,
        *,
        pulse_seconds: float = PULSE_SECONDS,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self._open_transport, self._node = open_transport, node
        self._pulse_seconds, self._silence_seconds = pulse_seconds, silence_seconds
        self._subscriptions = Subscriptions()
        self._queue = PublishQueue()
        self._changed = asyncio.Event()
        self._own_channel, self._receives_itself = uuid4(), asyncio.Event()
        self._listening: set[UUID] = set()
        self._transport: Transport | None = None
        self._away = "no connection yet"
        self._pulse = asyncio.Event()
        self._complained_at = -COMPLAIN_SECONDS
        self._has_stood = False
        self.unreadable = 0
        """How many messages came that nobody could read."""
        BUS_UP.set(0)

    @property
    def dropped(self) -> int:
        """How many messages were never sent, because too many waited."""
        return self._queue.dropped

    @property
    def is_settled(self) -> bool:
        """Whether every subscription stands."""
        return self._listening == {self._own_channel, *self._subscriptions.pipelines}

    def publish(self, pipeline_id: UUID, message: PeerMessage, sender: Handler) -> None:
        """See `Bus.publish`."""
        self._subscriptions.deliver(pipeline_id, message, sender)
        self._send(pipeline_id, message)

    def _send(self, channel: UUID, message: PeerMessage) -> None:
        transport = self._transport
        if isinstance(message, Committed) and message.update is not None and transport is not None:
            message = (
                Committed(message.seq, None)
                if len(message.update) > transport.max_update
                else message
            )
        encoded = encode(self._node, message)
        tally.bus_published += channel != self._own_channel
        if transport is None or len(encoded) <= transport.max_message:
            if dropped := self._queue.put(Received(channel, encoded)):
                BUS_DROPPED.labels("queue_full").inc(dropped)
        else:
            BUS_DROPPED.labels("too_long").inc()
            _logger.warning("bus.message_too_long", pipeline_id=channel, size=len(encoded))

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_listening: OnListening = unmoved
    ) -> Unsubscribe:
        """See `Bus.subscribe`."""
        remove = self._subscriptions.add(pipeline_id, handler, on_listening)
        self._changed.set()
        if pipeline_id in self._listening:
            on_listening()

        def unsubscribe() -> None:
            remove()
            self._changed.set()

        return unsubscribe

    async def check(self) -> None:
        """See `Bus.check`."""
        if self._away:
            raise BusUnavailable(self._away)

    async def run(self) -> None:
        """Keep a line open until cancelled."""
        attempts = 0
        while True:
            try:
                await self._hold_transport()
            except BusUnavailable as error:
                attempts = self._note_loss(str(error), attempts)
            except Exception as error:
                _logger.exception("bus.failed", error=str(error))
                attempts = self._note_loss(f"{type(error).__name__}: {error}", attempts)
            pause = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
            # Nodes that lost a line at the same moment need not return at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret

    def _note_loss(self, reason: str, attempts: int) -> int:
        had_stood = not self._away
        if had_stood or attempts == 0:
            _logger.warning("bus.disconnected", reason=reason)
        self._away = reason or "the connection was lost"
        BUS_UP.set(0)
        return 1 if had_stood else attempts + 1

    def _note_return(self) -> None:
        _logger.info("bus.connected", node=self._node)
        tally.bus_reconnects += self._has_stood
        self._has_stood, self._away = True, ""
        BUS_UP.set(1)

    async def _hold_transport(self) -> None:
        """Open a line and use it until it is lost. Raises BusUnavailable."""
        transport = await self._connected()
        self._transport = transport
        try:
            await _first_to_end(
                self._keep_subscribed(transport),
                self._keep_sending(transport),
                self._keep_receiving(transport),
                self._keep_checking(),
            )
        finally:
            self._transport = None
            self._listening.clear()
            self._receives_itself.clear()
            await transport.close()

    async def _connected(self) -> Transport:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._open_transport()
        except TimeoutError as error:
            raise BusUnavailable("no answer when connecting") from error

    async def _keep_subscribed(self, transport: Transport) -> None:
        asked: set[UUID] = set()
        while True:
            self._changed.clear()
            wanted = {self._own_channel, *self._subscriptions.pipelines}
            if gone := asked - wanted:
                self._listening -= gone
                await transport.unlisten(gone)
            if fresh := wanted - asked:
                await transport.listen(fresh)
            asked = wanted
            await self._changed.wait()

    async def _keep_sending(self, transport: Transport) -> None:
        while True:
            messages = await self._queue.take()
            try:
                async with asyncio.timeout(self._silence_seconds):
                    await transport.send(messages)
            except BaseException as error:
                # Some of them may have come through; that they have is what nobody knows.
                lost = sum(message.channel != self._own_channel for message in messages)
                BUS_DROPPED.labels("away").inc(lost)
                if isinstance(error, TimeoutError):
                    raise BusUnavailable("messages are not taken") from error
                raise

    async def _keep_receiving(self, transport: Transport) -> None:
        while True:
            match await transport.next_event():
                case Received(channel, message):
                    self._receive(channel, message)
                case Subscribed(channel):
                    self._begin(channel)
                case None:
                    pass
            # A line with much to tell may never wait, and others want their turn.
            await asyncio.sleep(0)

    def _begin(self, channel: UUID) -> None:
        if channel == self._own_channel or channel in self._subscriptions.pipelines:
            self._listening.add(channel)
            if channel == self._own_channel:
                self._receives_itself.set()
            self._subscriptions.listening(channel)

    def _receive(self, channel: UUID, message: bytes) -> None:
        try:
            node, decoded = decode(message)
        except ProtocolError as error:
            self._report_unreadable(channel, error)
            return
        if node == self._node:
            self._pulse.set()
        else:
            tally.bus_received += 1
            self._deliver(channel, decoded)

    def _deliver(self, channel: UUID, message: PeerMessage) -> None:
        try:
            self._subscriptions.deliver(channel, message)
        except Exception as error:
            # One room's trouble: the line is that of all rooms.
            _logger.exception("bus.handler_failed", pipeline_id=channel, error=str(error))

    def _report_unreadable(self, channel: UUID, error: ProtocolError) -> None:
        self.unreadable += 1
        tally.bus_unreadable += 1
        now = asyncio.get_running_loop().time()
        if now - self._complained_at >= COMPLAIN_SECONDS:
            self._complained_at = now
            _logger.warning(
                "bus.unreadable", channel=channel, error=str(error), so_far=self.unreadable
            )

    async def _keep_checking(self) -> None:
        while True:
            self._pulse.clear()
            try:
                async with asyncio.timeout(self._silence_seconds):
                    await self._receives_itself.wait()
                    self._send(self._own_channel, PresenceQuery(self._node))
                    await self._pulse.wait()
            except TimeoutError as error:
                raise BusUnavailable("messages do not come through") from error
            if self._away:
                self._note_return()
            await asyncio.sleep(self._pulse_seconds)


async def _first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run these until one ends; end the others, and raise what it raised."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
    for task in done:
        task.result()
