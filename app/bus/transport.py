"""A line: one connection to what carries the messages of a bus."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol, TypeAlias
from uuid import UUID


class Received(NamedTuple):
    """A message came in on a channel."""

    channel: UUID
    message: bytes


class Subscribed(NamedTuple):
    """A channel is listened to from now on."""

    channel: UUID


Event: TypeAlias = Received | Subscribed


def channel_name(channel: UUID) -> str:
    """The name of a pipeline's channel."""
    return f"pipeloom:{channel}"


class Transport(Protocol):
    """One connection, used until it is lost. Every method but `close` raises BusUnavailable then.

    Each of the four is called by one task at a time.
    """

    max_message: int
    """Longest message it carries, in bytes."""

    max_update: int
    """Longest update that is worth carrying, in bytes; of longer ones the others are only told."""

    async def listen(self, channels: Collection[UUID]) -> None:
        """Begin to listen; a `Subscribed` of each follows."""
        ...

    async def unlisten(self, channels: Collection[UUID]) -> None:
        """Listen no more."""
        ...

    async def send(self, messages: Sequence[Received]) -> None:
        """Send messages, each on its channel, in order."""
        ...

    async def next_event(self) -> Event | None:
        """Wait for the next event; None when there was none for a while."""
        ...

    async def close(self) -> None:
        """Give the connection up; never raises."""
        ...
