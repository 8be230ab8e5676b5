"""What waits to be sent to one client, within a bound.

Some frames must arrive: acknowledgements, refusals, answers. The edits and presence of others need
not: past the bound they are let go, and the lanes they belonged to have fallen behind. Once the
client has taken the rest, these are caught up, one at a time, by what replaces everything missed.
"""

from collections import deque
from typing import Protocol


class Lane(Protocol):
    """Where frames belong that may be let go: one session, of several on the same socket perhaps.

    `is_owed` says that the client waits for an answer which found no room.
    """

    is_behind: bool
    is_owed: bool

    def catch_up(self) -> bool:
        """Queue what replaces everything missed; False if that cannot be made yet."""
        ...


class SendQueue:
    """The frames of one socket, first in, first out. `limit` and `size` are in bytes.

    What is being sent counts until `sent`. Frames that must arrive may take twice the limit, and
    the last of them more, so that no frame is too large as such. Most of them answer what the
    client itself has sent: read nothing from it unless `has_room`, and the rest stays small.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.reserved = 0
        """Bytes of answers that wait for something else first."""
        self._frames: deque[tuple[bytes, Lane | None]] = deque()
        self._behind: deque[Lane] = deque()

    def __bool__(self) -> bool:
        return bool(self._frames)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, nothing is being sent, and nobody is to be caught up."""
        return not self.size and not self._behind

    @property
    def has_room(self) -> bool:
        """Whether what waits, or is about to, is within the limit."""
        return self.size + self.reserved <= self.limit

    def put(self, frame: bytes) -> bool:
        """Queue a frame that must arrive; False if there is no room even without the others."""
        if self.size > self.limit:
            self._let_go()
        if self.size > 2 * self.limit:
            return False
        self._append(frame, None)
        return True

    def answer(self, frame: bytes, lane: Lane) -> None:
        """Queue a frame that must arrive, or have its lane make another one later."""
        if self.size > self.limit:
            self._let_go()
        if self.size > self.limit:
            lane.is_owed = True
            self._leave_behind(lane)
        else:
            self._append(frame, None)

    def offer(self, frame: bytes, lane: Lane) -> None:
        """Queue a frame that may be let go."""
        if lane.is_behind:
            return
        if self.size and self.size + len(frame) > self.limit:
            self._let_go()
            self._leave_behind(lane)
            return
        self._append(frame, lane)

    def pop(self) -> bytes:
        """Take the next frame; call `sent` when the socket has taken it."""
        return self._frames.popleft()[0]

    def sent(self, frame: bytes) -> None:
        """Forget a frame that was popped."""
        self.size -= len(frame)

    def clear(self) -> None:
        """Forget everything that waits."""
        self.size -= sum(len(frame) for frame, _ in self._frames)
        self._frames.clear()

    def catch_up(self) -> None:
        """Have one lane caught up that fell behind; call when nothing waits any more."""
        for _ in range(len(self._behind)):
            lane = self._behind.popleft()
            # Before it is caught up: what comes after must not be let go unnoticed.
            lane.is_behind = False
            if lane.catch_up():
                return
            self._leave_behind(lane)

    def _append(self, frame: bytes, lane: Lane | None) -> None:
        self._frames.append((frame, lane))
        self.size += len(frame)

    def _let_go(self) -> None:
        """Drop what need not arrive; its lanes fall behind."""
        frames, self._frames = self._frames, deque()
        for frame, lane in frames:
            if lane is None:
                self._frames.append((frame, None))
            else:
                self.size -= len(frame)
                self._leave_behind(lane)

    def _leave_behind(self, lane: Lane) -> None:
        if not lane.is_behind:
            lane.is_behind = True
            self._behind.append(lane)
