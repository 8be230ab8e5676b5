"""One connection of the bus, used until it is lost.

Four tasks share its transport: one subscribes to what rooms of this node want, one publishes what
waits in the queue, one receives, and one sends heartbeats. A heartbeat is a message that a node
publishes to itself, on a channel of its own: if none comes back for some seconds, messages do not
get through, however healthy the connection looks.
"""

import asyncio
from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4

from app.tasks import run_until_first_ends
from app.telemetry.metrics import BUS_DROPPED
from crdt.room.peer_messages import NodeId, PresenceQuery

from .base import BusUnavailable
from .publish_queue import PublishQueue
from .receiver import Receiver
from .subscriptions import Subscriptions
from .transport import ChannelMessage, Subscribed, Transport
from .wire import encode

HEARTBEAT_SECONDS: Final = 2.0
"""Between a heartbeat that came back and the next one."""

TIMEOUT_SECONDS: Final = 5.0
"""How long publishing may take, or a heartbeat to come back, before the connection is given up."""


class BusConnection:
    """A transport in use, by a node with these subscriptions and this queue."""

    def __init__(
        self,
        transport: Transport,
        node: NodeId,
        subscriptions: Subscriptions,
        queue: PublishQueue,
        receiver: Receiver,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._transport, self._subscriptions = transport, subscriptions
        self._queue, self._receiver = queue, receiver
        self._heartbeat_seconds, self._timeout_seconds = heartbeat_seconds, timeout_seconds
        self._own_channel = uuid4()
        self._heartbeat = ChannelMessage(self._own_channel, encode(node, PresenceQuery(node)))
        self._subscribed: set[UUID] = set()
        self._receives_itself = asyncio.Event()
        self._received_own = asyncio.Event()

    @property
    def max_message(self) -> int:
        """See `Transport.max_message`."""
        return self._transport.max_message

    @property
    def max_update(self) -> int:
        """See `Transport.max_update`."""
        return self._transport.max_update

    def is_subscribed(self, pipeline_id: UUID) -> bool:
        """Whether the messages of other nodes about a pipeline are received."""
        return pipeline_id in self._subscribed

    async def run(self, on_heartbeat: Callable[[], None]) -> None:
        """Use the transport; raises BusUnavailable when it is lost.

        Calls `on_heartbeat` whenever a heartbeat came back.
        """
        await run_until_first_ends(
            self._keep_subscribed(),
            self._keep_publishing(),
            self._keep_receiving(),
            self._keep_sending_heartbeats(on_heartbeat),
        )

    async def _keep_subscribed(self) -> None:
        requested: set[UUID] = set()
        while True:
            # Before looking: what changes from here on is seen in the next round.
            self._subscriptions.changed.clear()
            wanted = {self._own_channel, *self._subscriptions.pipelines}
            if unwanted := requested - wanted:
                self._subscribed -= unwanted
                await self._transport.unsubscribe(unwanted)
            if missing := wanted - requested:
                await self._transport.subscribe(missing)
            requested = wanted
            await self._subscriptions.changed.wait()

    async def _keep_publishing(self) -> None:
        while True:
            messages = await self._queue.next_batch()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._transport.publish(messages)
            except BaseException as error:
                # Some of them may have got through, but nobody knows which.
                lost = sum(message.channel != self._own_channel for message in messages)
                BUS_DROPPED.labels("away").inc(lost)
                if isinstance(error, TimeoutError):
                    raise BusUnavailable("messages are not taken") from error
                raise

    async def _keep_receiving(self) -> None:
        while True:
            match await self._transport.next_event():
                case ChannelMessage() as message:
                    if self._receiver.receive(message):
                        # Any message of this node proves the connection as a heartbeat does:
                        # behind a long queue, the heartbeat itself would come back too late.
                        self._received_own.set()
                case Subscribed(channel):
                    self._note_subscribed(channel)
                case None:
                    pass
            # A busy transport may never wait, and other tasks of the event loop want their turn.
            await asyncio.sleep(0)

    def _note_subscribed(self, channel: UUID) -> None:
        if channel == self._own_channel:
            self._receives_itself.set()
        elif channel in self._subscriptions.pipelines:
            self._subscribed.add(channel)
            self._subscriptions.notify_subscribed(channel)

    async def _keep_sending_heartbeats(self, on_heartbeat: Callable[[], None]) -> None:
        while True:
            self._received_own.clear()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await self._receives_itself.wait()
                    self._queue.put(self._heartbeat)
                    await self._received_own.wait()
            except TimeoutError as error:
                raise BusUnavailable("messages do not come through") from error
            on_heartbeat()
            await asyncio.sleep(self._heartbeat_seconds)
