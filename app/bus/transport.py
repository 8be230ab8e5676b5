"""The port to what carries messages between nodes: one publish/subscribe connection."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID


class ChannelMessage(NamedTuple):
    """A message on a channel, to be published or received."""

    channel: UUID
    payload: bytes


class Subscribed(NamedTuple):
    """From now on the messages of a channel are received."""

    channel: UUID


Event: TypeAlias = ChannelMessage | Subscribed


def channel_name(channel: UUID) -> str:
    """The name that a channel has in Redis and PostgreSQL."""
    return f"pipeloom:{channel}"


class Transport(Protocol):
    """One connection, used until it is lost; from then on all but `close` raise BusUnavailable.

    Each method is called by one task at a time, but different ones may run at the same time.
    """

    max_message: int
    """Longest message it carries, in bytes."""

    max_update: int
    """Longest update that it should carry, in bytes.

    Of a longer one only the number in the log is published, and other nodes read the log.
    """

    async def subscribe(self, channels: Collection[UUID]) -> None:
        """Subscribe to channels; a `Subscribed` event of each follows."""
        ...

    async def unsubscribe(self, channels: Collection[UUID]) -> None:
        """Receive nothing more of channels."""
        ...

    async def publish(self, messages: Sequence[ChannelMessage]) -> None:
        """Publish messages, each on its channel, in order."""
        ...

    async def next_event(self) -> Event | None:
        """Wait for the next event; None if there was none for a while."""
        ...

    async def close(self) -> None:
        """Close the connection; never raises."""
        ...
