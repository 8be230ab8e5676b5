"""What a room needs of one client's socket, and the frames that it sends to many clients at once.

`app/websocket/send_queue.py` implements the port.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from crdt.errors import SyncError
from crdt.protocol.messages import Message


def header(length: int) -> bytes:
    """Return the header of a whole, unmasked binary frame (RFC 6455 §5.2) of `length` bytes."""
    if length < 126:
        return bytes((0x82, length))
    if length < 2**16:
        return b"\x82\x7e" + length.to_bytes(2)
    return b"\x82\x7f" + length.to_bytes(8)


class FrameBatch(NamedTuple):
    """Binary messages, as payloads and as one string of RFC 6455 frames. `size` is in bytes.

    A batch is made once and written to many sockets. Each message keeps a frame of its own, because
    y-websocket clients up to 3.1 read only the first message of a frame.
    """

    payloads: tuple[bytes, ...]
    wire: bytes
    size: int

    @classmethod
    def of(cls, messages: Iterable[bytes]) -> "FrameBatch":
        """Frame encoded messages."""
        payloads = tuple(messages)
        parts = (part for payload in payloads for part in (header(len(payload)), payload))
        return cls(payloads, b"".join(parts), sum(map(len, payloads)))

    @classmethod
    def of_one(cls, payload: bytes) -> "FrameBatch":
        """Frame one encoded message."""
        size = len(payload)
        return cls((payload,), header(size) + payload, size)


class Outbox(Protocol):
    """Sends messages to one client in their order. No method waits for the socket."""

    @property
    def encode(self) -> Callable[[Message], bytes]:
        """Makes frames of messages; equal for outboxes whose frames are equal.

        An empty frame stands for what the client's protocol has no message for.
        """
        ...

    refill: Callable[[], bool]
    """Called when the client has read everything that waited after frames to it were dropped.

    It must send what replaces them. It returns False if it cannot do so yet; it is called again
    after the next frame then.
    """

    @property
    def limit(self) -> int | None:
        """How many bytes may replace what was dropped; None where the client waits for them."""
        ...

    def reserve(self, size: int) -> None:
        """Count bytes of answers that wait for a commit; a negative size takes them back."""
        ...

    def put(self, frame: bytes) -> None:
        """Send a frame that must arrive. A client that is too slow for it is closed."""
        ...

    def answer(self, frame: bytes) -> None:
        """Send what the client has asked for and must get; or, if there is no room, `refill`."""
        ...

    def offer(self, batch: FrameBatch) -> None:
        """Send frames that may be dropped, one by one, if the client is slow; then `refill`."""
        ...

    def close(self, error: SyncError) -> None:
        """Send what waits, then close the socket with the error's code and reason."""
        ...
