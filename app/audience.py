"""The clients of one room: their outboxes, and those who only wait for their last answers."""

from collections.abc import Callable
from dataclasses import dataclass

from crdt.effects import SessionId
from crdt.errors import SyncError
from crdt.messages import AwarenessUpdate, Message, SyncStep2, Update

from .outbox import Outbox


@dataclass(frozen=True, slots=True)
class Parting:
    """A client that only waits for its last acknowledgements, until a moment of the clock."""

    outbox: Outbox
    error: SyncError
    deadline: float

    def close(self) -> None:
        """Let it go."""
        self.outbox.close(self.error)


class Audience:
    """Who is told what happens in a room."""

    def __init__(self) -> None:
        self._outboxes: dict[SessionId, Outbox] = {}
        self._parting: dict[SessionId, Parting] = {}

    def __len__(self) -> int:
        return len(self._outboxes)

    def __contains__(self, session: SessionId) -> bool:
        return session in self._outboxes

    def get(self, session: SessionId) -> Outbox | None:
        """Return the outbox of a client that is here."""
        return self._outboxes.get(session)

    def reachable(self, session: SessionId) -> Outbox | None:
        """Return the outbox of a client that is here, or only waits for its last answers."""
        parting = self._parting.get(session)
        return self._outboxes.get(session) if parting is None else parting.outbox

    def add(self, session: SessionId, outbox: Outbox) -> None:
        """Let a client in."""
        self._outboxes[session] = outbox

    def remove(self, session: SessionId) -> Outbox | None:
        """Forget a client; return its outbox if it was here."""
        self._parting.pop(session, None)
        return self._outboxes.pop(session, None)

    def put(self, session: SessionId, message: Message) -> None:
        """Queue a message for one client."""
        if (outbox := self.reachable(session)) and (frame := outbox.encode(message)):
            if isinstance(message, SyncStep2):
                outbox.answer(frame)
            else:
                outbox.put(frame)

    def broadcast(self, message: Message, exclude: SessionId | None) -> None:
        """Queue a message for every client but one; equal frames are made once."""
        frames: dict[Callable[[Message], bytes], bytes] = {}
        is_replaceable = isinstance(message, Update | AwarenessUpdate)
        for session, outbox in list(self._outboxes.items()):
            if session == exclude:
                continue
            if (frame := frames.get(outbox.encode)) is None:
                frame = frames[outbox.encode] = outbox.encode(message)
            if not frame:
                continue
            if is_replaceable:
                outbox.offer(frame)
            else:
                outbox.put(frame)

    def part(self, session: SessionId, parting: "Parting") -> None:
        """Have a client that has left wait for its last answers."""
        self._parting[session] = parting

    def let_go(self, session: SessionId) -> None:
        """Close a client that waited for its last answers."""
        if parting := self._parting.pop(session, None):
            parting.close()

    def let_go_late(self, now: float) -> None:
        """Close those who have waited long enough."""
        for session, parting in list(self._parting.items()):
            if parting.deadline <= now:
                self.let_go(session)

    def close(self, error: SyncError) -> None:
        """Send everybody away."""
        outboxes, self._outboxes = self._outboxes, {}
        for outbox in outboxes.values():
            outbox.close(error)
        for session in list(self._parting):
            self.let_go(session)
