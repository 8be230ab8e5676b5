"""The clients of one room: their outboxes, and clients that only wait for their last answers.

Writing to a socket is most of what a delivery costs, and costs the same for one message as for
three. So a busy room sends what has come within a few milliseconds by one write to each client.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from crdt.errors import SyncError
from crdt.protocol.messages import AwarenessUpdate, Message, SyncStep2, Update
from crdt.room.effects import SessionId

from .coalescing import Coalescer
from .outbox import FrameBatch, Outbox

Encode: TypeAlias = Callable[[Message], bytes]

Delivery: TypeAlias = tuple[Message, SessionId | None]
"""A message for everybody, and the session that does not get it: its author's."""

SECONDS_PER_CLIENT: Final = 200e-6
"""How much longer messages are gathered for each client: writing to it takes about a tenth."""

SHORTEST_SECONDS: Final = 2e-3
"""Within less than that, so little would be gathered that it would not pay for the timer."""


@dataclass(frozen=True, slots=True)
class LeavingClient:
    """A client that only waits for its last acknowledgements, until a moment of the clock."""

    outbox: Outbox
    error: SyncError
    deadline: float


class FanOut:
    """Sends messages to all clients of a room. `longest_seconds` is how long it gathers at most."""

    def __init__(self, longest_seconds: float = 0.0) -> None:
        self._longest_seconds = longest_seconds
        self._least_clients = SHORTEST_SECONDS / SECONDS_PER_CLIENT if longest_seconds else inf
        """With fewer clients, nothing is gathered."""
        self._coalescer: Coalescer[Delivery] = Coalescer(self._seconds, self._deliver)
        self.outboxes: dict[SessionId, Outbox] = {}
        """Those of the clients that are here."""
        # By encoder, so that what many clients get is encoded and looked up once for all of them.
        self._by_encoder: dict[Encode, dict[SessionId, Outbox]] = {}
        self._leaving: dict[SessionId, LeavingClient] = {}

    def __len__(self) -> int:
        return len(self.outboxes)

    def __contains__(self, session: SessionId) -> bool:
        return session in self.outboxes

    def get(self, session: SessionId) -> Outbox | None:
        """Return the outbox of a client that is here."""
        return self.outboxes.get(session)

    def reachable(self, session: SessionId) -> Outbox | None:
        """Return the outbox of a client that is here, or only waits for its last answers."""
        leaving = self._leaving.get(session)
        return self.outboxes.get(session) if leaving is None else leaving.outbox

    def add(self, session: SessionId, outbox: Outbox) -> None:
        """Let a client in."""
        self.outboxes[session] = outbox
        self._by_encoder.setdefault(outbox.encode, {})[session] = outbox

    def remove(self, session: SessionId) -> Outbox | None:
        """Forget a client; return its outbox if it was here."""
        self._leaving.pop(session, None)
        if (outbox := self.outboxes.pop(session, None)) is not None:
            same = self._by_encoder[outbox.encode]
            del same[session]
            if not same:
                del self._by_encoder[outbox.encode]
        return outbox

    def put(self, session: SessionId, message: Message) -> None:
        """Send a message to one client."""
        if (outbox := self.reachable(session)) and (frame := outbox.encode(message)):
            if isinstance(message, SyncStep2):
                outbox.answer(frame)
            else:
                outbox.put(frame)

    def broadcast(self, message: Message, exclude: SessionId | None) -> None:
        """Send a message to every client but one: now, or together with what comes soon."""
        if isinstance(message, (Update, AwarenessUpdate)):
            if len(self.outboxes) < self._least_clients and self._coalescer.is_idle:
                self._deliver_one(message, exclude)
            else:
                self._coalescer.add((message, exclude))
            return
        self._coalescer.flush()
        for session in list(self.outboxes):
            if session != exclude:
                self.put(session, message)

    def _seconds(self) -> float:
        seconds = min(self._longest_seconds, SECONDS_PER_CLIENT * len(self.outboxes))
        return seconds if seconds >= SHORTEST_SECONDS else 0.0

    def _deliver(self, deliveries: list[Delivery]) -> None:
        """Offer messages to everybody but their authors."""
        if len(deliveries) == 1:
            self._deliver_one(*deliveries[0])
            return
        authors = {author for _, author in deliveries if author is not None}
        for encode, outboxes in list(self._by_encoder.items()):
            frames = [encode(message) for message, _ in deliveries]
            if batch := _batch(frames):
                for session, outbox in list(outboxes.items()):
                    if session not in authors:
                        outbox.offer(batch)
            for author in authors & outboxes.keys():
                if own := _batch(_by_others(author, frames, deliveries)):
                    outboxes[author].offer(own)

    def _deliver_one(self, message: Message, author: SessionId | None) -> None:
        for encode, outboxes in list(self._by_encoder.items()):
            if frame := encode(message):
                batch = FrameBatch.of_one(frame)
                for session, outbox in [*outboxes.items()]:
                    if session != author:
                        outbox.offer(batch)

    def expect_leave(self, session: SessionId, leaving: LeavingClient) -> None:
        """Have a client that was removed wait for its last answers."""
        self._leaving[session] = leaving

    def close_leaving(self, session: SessionId) -> None:
        """Close a client that waited for its last answers."""
        if leaving := self._leaving.pop(session, None):
            leaving.outbox.close(leaving.error)

    def close_overdue(self, now: float) -> None:
        """Close those who have waited until their deadline."""
        for session, leaving in list(self._leaving.items()):
            if leaving.deadline <= now:
                self.close_leaving(session)

    def close(self, error: SyncError) -> None:
        """Close all clients."""
        self._coalescer.close()
        outboxes = list(self.outboxes.values())
        self.outboxes.clear()
        self._by_encoder.clear()
        for outbox in outboxes:
            outbox.close(error)
        for session in list(self._leaving):
            self.close_leaving(session)


def _by_others(
    author: SessionId, frames: Sequence[bytes], deliveries: Sequence[Delivery]
) -> list[bytes]:
    """Leave out the frames of a session's own messages."""
    return [
        frame for frame, (_, excluded) in zip(frames, deliveries, strict=True) if author != excluded
    ]


def _batch(frames: Sequence[bytes]) -> FrameBatch | None:
    """Make a batch of frames, unless the protocol has none for these messages."""
    batch = FrameBatch.of(filter(None, frames))
    return batch if batch.payloads else None
