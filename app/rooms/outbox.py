"""What a room needs of a client's socket; `app/websocket/connection.py` has it."""

from collections.abc import Callable
from typing import Protocol

from crdt.errors import SyncError
from crdt.protocol.messages import Message

from .frames import FrameBatch


class Outbox(Protocol):
    """Where messages to one client wait until the socket takes them."""

    @property
    def encode(self) -> Callable[[Message], bytes]:
        """Makes frames of messages; equal for outboxes whose frames are equal.

        An empty frame stands for what the client's protocol has no message for.
        """
        ...

    refill: Callable[[], bool]
    """Called when the client has read everything after something was let go: it must send what
    replaces that. False if it cannot yet; it is called again after the next frame then."""

    @property
    def limit(self) -> int | None:
        """How many bytes may replace what was let go; None where the client waits for them."""
        ...

    def reserve(self, size: int) -> None:
        """Count bytes of answers that wait for a commit; a negative size takes them back."""
        ...

    def put(self, frame: bytes) -> None:
        """Queue a frame that must arrive; never waits. A client too slow for it is closed."""
        ...

    def answer(self, frame: bytes) -> None:
        """Queue what a client must get that it asked for; or, if there is no room, `refill`."""
        ...

    def offer(self, batch: FrameBatch) -> None:
        """Queue what may be let go, frame by frame, if the client is slow; then `refill`."""
        ...

    def close(self, error: SyncError) -> None:
        """Send what is queued, then close with the error's code and reason."""
        ...
