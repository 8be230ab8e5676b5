"""What waits to be sent to one client, within a bound, and the outboxes that fill this queue.

Some frames must arrive: acknowledgements, refusals, answers. The edits and presence of others need
not: past the bound they are dropped, and the sessions they belonged to have fallen behind. Once the
client has taken the rest, these are caught up, one at a time, by what replaces everything missed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, TypeAlias

from app.rooms.outbox import FrameBatch, header
from app.telemetry.metrics import counters
from crdt.errors import Overloaded, SyncError
from crdt.protocol.messages import Message
from crdt.room.room import TOO_SLOW


def never_write(_frames: bytes) -> bool:
    """Write nothing: for servers without the ASGI extension, and for sockets that are closing."""
    return False


Waiting: TypeAlias = "tuple[bytes, SessionOutbox | None]"
"""A frame, and whose it is if it may be dropped."""

_NOTHING: Final[deque[Waiting]] = deque()
"""Of every client for which nothing waits, which is nearly all: an empty deque has 600 bytes."""


class SendQueue:
    """The frames of one socket, first in, first out. `limit` and `size` are in bytes.

    While nothing waits, `write` sends frames at once and returns True, or False if the socket takes
    nothing now. `close` ends the connection when its client is too slow even for what must arrive.

    What is being sent counts until `sent`. Frames that must arrive may take twice the limit, and
    the last of them more, so that no frame is too large as such. Most of them answer what the
    client itself has sent: read nothing from it before `room`, and the rest stays small.
    """

    def __init__(
        self, limit: int, write: Callable[[bytes], bool], close: Callable[[SyncError], None]
    ) -> None:
        self.limit = limit
        self.size = 0
        self.reserved = 0
        """Bytes of answers that wait for a commit first."""
        self.writes = 0
        """How often the socket has taken something."""
        self.close = close
        self.write = write
        self._has_ended = False
        self.when_waiting: Callable[[], None] = self._wake_up
        """Called when something is to be sent that `write` has not sent, and at the `end`."""
        self._frames: deque[Waiting] = _NOTHING
        self.behind: list[SessionOutbox] = []
        """Those whose frames were dropped."""
        self._wake: asyncio.Event | None = None
        self._has_room: asyncio.Event | None = None

    def __bool__(self) -> bool:
        return bool(self._frames)

    @property
    def has_room(self) -> bool:
        """Whether what waits, or is about to, is within the limit."""
        return self.size + self.reserved <= self.limit

    def put(self, frame: bytes) -> None:
        """Send a frame that must arrive; close the connection if there is no room for it."""
        if self._has_ended or self._send_now(frame):
            return
        if self.size > self.limit:
            self._drop_offered()
        if self.size > 2 * self.limit:
            self._clear()
            self.close(Overloaded(TOO_SLOW))
            return
        self._append(frame, None)
        self.when_waiting()

    def answer(self, frame: bytes, outbox: "SessionOutbox") -> None:
        """Send a frame that must arrive, or have its outbox make another one later."""
        if self._has_ended or self._send_now(frame):
            return
        if self.size > self.limit:
            self._drop_offered()
        if self.size > self.limit:
            outbox.is_owed = True
            self._leave_behind(outbox)
        else:
            self._append(frame, None)
        self.when_waiting()

    def offer(self, batch: FrameBatch, outbox: "SessionOutbox") -> None:
        """Keep frames that may be dropped, until the socket takes them."""
        if not self._has_ended:
            for frame in batch.payloads:
                self._offer(frame, outbox)
            self.when_waiting()

    def _send_now(self, frame: bytes) -> bool:
        """Write to the socket without a detour, if nothing is before it and the socket takes it."""
        if self.size or self.behind or not self.write(header(len(frame)) + frame):
            return False
        self.writes += 1
        counters.frames_out += 1
        counters.bytes_out += len(frame)
        return True

    def _offer(self, frame: bytes, outbox: "SessionOutbox") -> None:
        if outbox.is_behind:
            return
        if self.size and self.size + len(frame) > self.limit:
            self._drop_offered()
            self._leave_behind(outbox)
        else:
            self._append(frame, outbox)

    def end(self) -> None:
        """Take nothing more; what waits is still sent."""
        self._has_ended, self.write = True, never_write
        self.when_waiting()

    def reserve(self, size: int) -> None:
        """Count bytes that will be put later; a negative size takes them back."""
        self.reserved += size
        if self._has_room is not None:
            self._check_room()

    async def room(self) -> None:
        """Wait until the queue has room."""
        while not self.has_room:
            self._has_room = self._has_room or asyncio.Event()
            await self._has_room.wait()

    async def wait(self) -> None:
        """Wait until something else was to be sent, or until `end`."""
        if not self._has_ended:
            self._wake = asyncio.Event()
            await self._wake.wait()

    def _wake_up(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def pop(self) -> bytes:
        """Take the next frame; call `sent` when the socket has taken it."""
        frame, _ = self._frames.popleft()
        if not self._frames:
            self._frames = _NOTHING
        return frame

    def sent(self, frame: bytes) -> None:
        """Forget a frame that was popped."""
        self.size -= len(frame)
        self.writes += 1
        counters.frames_out += 1
        counters.bytes_out += len(frame)
        self._check_room()

    def catch_up(self) -> None:
        """Have one session caught up that fell behind; call when nothing waits any more."""
        for _ in range(len(self.behind)):
            outbox = self.behind.pop(0)
            # Before it is caught up: what comes after must not be dropped unnoticed.
            outbox.is_behind = False
            if outbox.catch_up():
                return
            self._leave_behind(outbox)

    def _append(self, frame: bytes, outbox: "SessionOutbox | None") -> None:
        if self._frames is _NOTHING:
            self._frames = deque()
        self._frames.append((frame, outbox))
        self.size += len(frame)

    def _check_room(self) -> None:
        if self._has_room is not None and self.has_room:
            self._has_room.set()
            self._has_room = None

    def _clear(self) -> None:
        """Forget everything that waits, but not what is being sent."""
        self.size -= sum(len(frame) for frame, _ in self._frames)
        self._frames = _NOTHING

    def _drop_offered(self) -> None:
        """Drop what need not arrive; its sessions fall behind."""
        frames, self._frames = self._frames, _NOTHING
        for frame, outbox in frames:
            self.size -= len(frame)
            if outbox is None:
                self._append(frame, None)
            else:
                self._leave_behind(outbox)

    def _leave_behind(self, outbox: "SessionOutbox") -> None:
        if not outbox.is_behind:
            outbox.is_behind = True
            self.behind.append(outbox)


class SessionOutbox:
    """The `Outbox` of one session, which may share its socket with others.

    `is_owed` says that the client waits for an answer that found no room.
    """

    def __init__(self, queue: SendQueue, encode: Callable[[Message], bytes]) -> None:
        self.encode = encode
        self.refill: Callable[[], bool] = lambda: True
        self.is_behind = self.is_owed = False
        self._queue = queue
        self.put, self.reserve, self.close = queue.put, queue.reserve, queue.close

    @property
    def limit(self) -> int | None:
        """See `Outbox`."""
        return None if self.is_owed else self._queue.limit

    def answer(self, frame: bytes) -> None:
        """See `Outbox`."""
        self._queue.answer(frame, self)

    def offer(self, batch: FrameBatch) -> None:
        """See `Outbox`; a delivery costs this, and what it writes."""
        queue = self._queue
        if queue.size or queue.behind or not queue.write(batch.wire):
            queue.offer(batch, self)
            return
        queue.writes += 1
        counters.frames_out += len(batch.payloads)
        counters.bytes_out += batch.size

    def catch_up(self) -> bool:
        """Replace what was dropped; False if that cannot be done yet."""
        if caught_up := self.refill():
            self.is_owed = False
        return caught_up
