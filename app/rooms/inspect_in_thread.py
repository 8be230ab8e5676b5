"""Inspects large updates in a thread before they reach their rooms, so that no room waits for it.

The room is handed the inspection together with the message (`Room.handle`, `Room.receive_peer`).
"""

from typing import Final, TypeAlias
from uuid import UUID

from app.compute_queue import ComputeQueue
from crdt.errors import SyncError
from crdt.protocol.messages import ClientMessage, SyncStep2, Update
from crdt.room.peer_messages import Committed
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED, FOLLOWED
from persistence.ports.update_log import LoggedUpdate
from persistence.worker.replay import compute

LARGE_BYTES: Final = 16 * 1024
"""An update of this size or more is inspected in a thread: that takes some milliseconds."""

CHEAP_BYTES: Final = 2 * 1024
"""A committed update of fewer bytes is applied at once: it looks up few places."""

AT_ONCE: Final = 1
"""More threads would take the interpreter from the event loop all the same."""

MAX_WAITING: Final = 1_000
"""Most updates of all users that may wait: when a server starts, many clients come back at the
same time with the edits that they made meanwhile."""

MAX_WAITING_OF_ONE: Final = 20
"""Most updates of one user that may wait."""

InspectedCommit: TypeAlias = tuple[Committed, Inspection | None]
"""A commit from the log, and the inspection of its update if that is large."""


def is_large(update: bytes) -> bool:
    """Whether an update is inspected in a thread."""
    return len(update) >= LARGE_BYTES


def large_update(message: ClientMessage) -> bytes | None:
    """Return the update of a message if it is to be inspected in a thread, else None."""
    if isinstance(message, (Update, SyncStep2)):
        return message.update if len(message.update) >= LARGE_BYTES else None
    return None


class ThreadInspector:
    """Inspects what clients send, the updates of each user in turn."""

    def __init__(self) -> None:
        self._queue = ComputeQueue(AT_ONCE, MAX_WAITING, MAX_WAITING_OF_ONE)

    async def inspect(self, user_id: UUID, message: ClientMessage) -> Inspection | None:
        """Inspect the update of a message in a thread if it is large; return None if it is not.

        Raises MalformedUpdate and MessageTooBig as `inspect_update` does, and Overloaded when too
        many updates wait.
        """
        if (update := large_update(message)) is None:
            return None
        return await self._queue.run(user_id, inspect_update, update, ACCEPTED)


async def inspect_commit(update: LoggedUpdate) -> InspectedCommit:
    """Make the message of an update from the log, and inspect it in a thread if it may be dear."""
    committed = Committed(update.seq, update.payload, update.folded_from)
    if len(update.payload) < CHEAP_BYTES:
        return committed, None
    try:
        return committed, await compute(inspect_update, update.payload, FOLLOWED)
    except SyncError:
        # The room fails to decode it, too, and leaves it out (`LiveRoom.follow`).
        return committed, None
