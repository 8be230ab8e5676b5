"""What a room sends to its clients: at once, coalesced, or after a commit."""

from time import perf_counter
from typing import Final

from app.telemetry.metrics import ACK_SECONDS, counters, reject
from crdt.errors import SyncError
from crdt.protocol.awareness_update import merge_awareness
from crdt.protocol.messages import (
    Accepted,
    AwarenessUpdate,
    Message,
    Refused,
    SyncStep2,
    Update,
)
from crdt.room.effects import SessionId
from crdt.room.room import STORAGE_FULL, TOO_LARGE

from .appends import Appends
from .coalescing import Coalescer, CoalescingIntervals
from .fan_out import FanOut, LeavingClient

WAITING_BYTES = 256
"""Bytes of memory that a message takes, besides its update, while it waits for a commit."""

_REASONS: Final = {TOO_LARGE.reason: "too_large", STORAGE_FULL.reason: "storage_full"}
"""What the metrics call refusals other than that of a viewer's edits."""

CARRIERS: Final = (Accepted, SyncStep2, Update)
"""The messages that carry an update."""


class ClientLink(FanOut):
    """The clients of a room, and which commits their messages wait for."""

    def __init__(self, appends: Appends, intervals: CoalescingIntervals) -> None:
        super().__init__(intervals.delivery)
        self._appends = appends
        self._presence: Coalescer[bytes] = Coalescer(
            lambda: intervals.presence, self._broadcast_presence
        )
        self._broadcasts = True

    def stop_broadcasts(self) -> None:
        """Send nothing to all clients from now on, since all of them are about to leave.

        The presence of each would be removed for all others: a thousand clients would be sent a
        million messages.
        """
        self._broadcasts = False

    def put(self, session: SessionId, message: Message) -> None:
        """Send a message to one client."""
        if isinstance(message, Refused):
            reject(_REASONS.get(message.reason, "read_only"))
        super().put(session, message)

    def put_when_durable(self, session: SessionId, message: Message) -> None:
        """Send a message once everything appended so far is committed; never, if it is refused.

        Until then its bytes are reserved in the client's outbox: the server stops reading from a
        client whose answers exceed the outbox, so that a slow PostgreSQL costs bounded memory.
        """
        outbox = self.reachable(session)
        if outbox is None or self._appends.are_decided:
            self.put(session, message)
            return
        size = WAITING_BYTES + (len(message.update) if isinstance(message, CARRIERS) else 0)
        outbox.reserve(size)
        received_at = perf_counter()

        def answer(is_stored: bool) -> None:
            outbox.reserve(-size)
            if is_stored:
                FanOut.put(self, session, message)
            if isinstance(message, Accepted):
                ACK_SECONDS.observe(perf_counter() - received_at)

        self._appends.when_decided(answer)

    def broadcast(self, message: Message, exclude: SessionId | None) -> None:
        """Send a message to every client but one; presence is coalesced first."""
        if isinstance(message, AwarenessUpdate):
            self._presence.add(message.payload)
        elif self._broadcasts and isinstance(message, Update):
            FanOut.broadcast(self, message, exclude)
            outboxes = self.outboxes
            counters.updates_out += len(outboxes) - (exclude in outboxes)
        else:
            self._broadcast(message, exclude)

    def _broadcast_presence(self, presence: list[bytes]) -> None:
        self._broadcast(AwarenessUpdate(merge_awareness(presence)), None)

    def _broadcast(self, message: Message, exclude: SessionId | None) -> None:
        if not self._broadcasts:
            return
        super().broadcast(message, exclude)
        is_author_here = exclude is not None and exclude in self
        _count_delivery(message, len(self) - is_author_here)

    def close_after_acks(self, session: SessionId, leaving: LeavingClient) -> None:
        """Close a client that was removed, once the answers that wait for commits are sent."""
        self.expect_leave(session, leaving)
        # What waits for a commit is done in the order in which it came, so the client is closed
        # after the acknowledgements that wait for the same commit are sent.
        self._appends.when_decided(lambda _: self.close_leaving(session))

    def close(self, error: SyncError) -> None:
        """Close all clients with an error; presence that waits is not sent any more."""
        self._presence.close()
        super().close(error)


def _count_delivery(message: Message, clients: int) -> None:
    if isinstance(message, AwarenessUpdate):
        counters.awareness_out += clients
    elif isinstance(message, Update):
        counters.updates_out += clients
