"""The clients of one room: their outboxes, and those who only wait for their last answers.

Writing to a socket is most of what a delivery costs, and costs the same for one message as for
three. So a busy room tells everybody what has come within a few milliseconds by one write each.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from crdt.errors import SyncError
from crdt.protocol.messages import AwarenessUpdate, Message, SyncStep2, Update
from crdt.room.effects import SessionId

from .coalescing import Coalescer
from .frames import FrameBatch
from .outbox import Outbox

Encode: TypeAlias = Callable[[Message], bytes]

Delivery: TypeAlias = tuple[Message, SessionId | None]
"""What is told to everybody, and who is not told."""

SECONDS_PER_CLIENT: Final = 200e-6
"""How much of the window each client adds: telling it takes about a tenth of that."""

SHORTEST_SECONDS: Final = 1e-3
"""A window below that would gather nothing."""


@dataclass(frozen=True, slots=True)
class LeavingClient:
    """A client that only waits for its last acknowledgements, until a moment of the clock."""

    outbox: Outbox
    error: SyncError
    deadline: float

    def close(self) -> None:
        """Let it go."""
        self.outbox.close(self.error)


class FanOut:
    """Who is told what happens in a room. `longest_window` is in seconds."""

    def __init__(self, longest_window: float = 0.0) -> None:
        self._longest_window = longest_window
        self._window: Coalescer[Delivery] = Coalescer(self._seconds, self._deliver)
        self._outboxes: dict[SessionId, Outbox] = {}
        self._leaving: dict[SessionId, LeavingClient] = {}

    def __len__(self) -> int:
        return len(self._outboxes)

    def __contains__(self, session: SessionId) -> bool:
        return session in self._outboxes

    def get(self, session: SessionId) -> Outbox | None:
        """Return the outbox of a client that is here."""
        return self._outboxes.get(session)

    def reachable(self, session: SessionId) -> Outbox | None:
        """Return the outbox of a client that is here, or only waits for its last answers."""
        leaving = self._leaving.get(session)
        return self._outboxes.get(session) if leaving is None else leaving.outbox

    def add(self, session: SessionId, outbox: Outbox) -> None:
        """Let a client in."""
        self._outboxes[session] = outbox

    def remove(self, session: SessionId) -> Outbox | None:
        """Forget a client; return its outbox if it was here."""
        self._leaving.pop(session, None)
        return self._outboxes.pop(session, None)

    def put(self, session: SessionId, message: Message) -> None:
        """Queue a message for one client."""
        if (outbox := self.reachable(session)) and (frame := outbox.encode(message)):
            if isinstance(message, SyncStep2):
                outbox.answer(frame)
            else:
                outbox.put(frame)

    def broadcast(self, message: Message, exclude: SessionId | None) -> None:
        """Queue a message for every client but one, now or within the window."""
        if isinstance(message, Update | AwarenessUpdate):
            self._window.add((message, exclude))
            return
        self._window.flush()
        for session in list(self._outboxes):
            if session != exclude:
                self.put(session, message)

    def _seconds(self) -> float:
        seconds = min(self._longest_window, SECONDS_PER_CLIENT * len(self._outboxes))
        return seconds if seconds >= SHORTEST_SECONDS else 0.0

    def _deliver(self, deliveries: list[Delivery]) -> None:
        """Offer messages to everybody; equal parcels are made once."""
        packing = _Packing(deliveries)
        for session, outbox in list(self._outboxes.items()):
            if (batch := packing.batch(session, outbox.encode)).payloads:
                outbox.offer(batch)

    def part(self, session: SessionId, leaving: LeavingClient) -> None:
        """Have a client that has left wait for its last answers."""
        self._leaving[session] = leaving

    def let_go(self, session: SessionId) -> None:
        """Close a client that waited for its last answers."""
        if leaving := self._leaving.pop(session, None):
            leaving.close()

    def let_go_late(self, now: float) -> None:
        """Close those who have waited long enough."""
        for session, leaving in list(self._leaving.items()):
            if leaving.deadline <= now:
                self.let_go(session)

    def close(self, error: SyncError) -> None:
        """Send everybody away."""
        self._window.close()
        outboxes, self._outboxes = self._outboxes, {}
        for outbox in outboxes.values():
            outbox.close(error)
        for session in list(self._leaving):
            self.let_go(session)


class _Packing:
    """Parcels of the same messages, for whoever they are for."""

    def __init__(self, deliveries: list[Delivery]) -> None:
        self._deliveries = deliveries
        self._authors = {author for _, author in deliveries}
        self._frames: dict[Encode, list[bytes]] = {}
        self._parcels: dict[tuple[Encode, SessionId | None], FrameBatch] = {}

    def batch(self, session: SessionId, encode: Encode) -> FrameBatch:
        """Make what a session is told, or find it made for another one."""
        author = session if session in self._authors else None
        key = encode, author
        if (batch := self._parcels.get(key)) is None:
            batch = self._parcels[key] = FrameBatch.of(self._frames_for(author, encode))
        return batch

    def _frames_for(self, author: SessionId | None, encode: Encode) -> Iterator[bytes]:
        if (frames := self._frames.get(encode)) is None:
            frames = self._frames[encode] = [encode(message) for message, _ in self._deliveries]
        for frame, (_, excluded) in zip(frames, self._deliveries, strict=True):
            if frame and (author is None or author != excluded):
                yield frame
