"""Reads the messages that a transport received and delivers them to the subscribers."""

import asyncio
from typing import Final

import structlog

from app.telemetry.metrics import counters
from crdt.errors import ProtocolError
from crdt.room.peer_messages import NodeId

from .subscriptions import Subscriptions
from .transport import ChannelMessage
from .wire import NodeMessage, decode

WARN_SECONDS: Final = 60.0
"""Least time between two warnings about unreadable messages."""

_logger = structlog.get_logger(__name__)


class Receiver:
    """Delivers the messages of other nodes; ignores those of its own, and unreadable ones."""

    def __init__(self, node: NodeId, subscriptions: Subscriptions) -> None:
        self._node, self._subscriptions = node, subscriptions
        self._unreadable = 0
        self._warned_at = -WARN_SECONDS

    def receive(self, message: ChannelMessage) -> bool:
        """Handle a message; return whether this node published it itself."""
        try:
            received = decode(message.payload)
        except ProtocolError as error:
            self._report_unreadable(message, error)
            return False
        if received.node == self._node:
            return True
        counters.bus_received += 1
        self._deliver(message, received)
        return False

    def _deliver(self, message: ChannelMessage, received: NodeMessage) -> None:
        try:
            self._subscriptions.deliver(message.channel, received.message)
        except Exception as error:
            # The fault of one room: the connection serves all rooms and must not end for it.
            _logger.exception("bus.handler_failed", pipeline_id=message.channel, error=str(error))

    def _report_unreadable(self, message: ChannelMessage, error: ProtocolError) -> None:
        self._unreadable += 1
        counters.bus_unreadable += 1
        now = asyncio.get_running_loop().time()
        if now - self._warned_at >= WARN_SECONDS:
            self._warned_at = now
            _logger.warning(
                "bus.unreadable",
                channel=message.channel,
                error=str(error),
                so_far=self._unreadable,
            )
