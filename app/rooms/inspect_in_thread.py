"""Reads large updates in a thread before they reach their rooms, so that no room waits for that."""

from typing import Final
from uuid import UUID

from app.compute_queue import ComputeQueue
from crdt.errors import SyncError
from crdt.protocol.messages import ClientMessage, SyncStep2, Update
from crdt.room.inspected_messages import (
    InspectedCommitted,
    InspectedSyncStep2,
    InspectedUpdate,
    inspected,
)
from crdt.room.peer_messages import Committed
from crdt.updates.inspection import inspect_update
from persistence.ports.update_log import LoggedUpdate
from persistence.worker.replay import compute

LARGE_BYTES: Final = 16 * 1024
"""From this size on an update is read aside: reading it takes some milliseconds."""

AT_ONCE: Final = 1
"""More would take the interpreter from the loop all the same."""

MAX_WAITING: Final = 1_000
"""Of all users: when a server starts, many come back with what they did meanwhile."""

MAX_WAITING_OF_ONE: Final = 20


def is_large(update: bytes) -> bool:
    """Whether an update is read aside."""
    return len(update) >= LARGE_BYTES


def is_unread(message: ClientMessage) -> bool:
    """Whether a message is to be read aside before a room takes it."""
    if not isinstance(message, Update | SyncStep2):
        return False
    return is_large(message.update) and not isinstance(
        message, InspectedUpdate | InspectedSyncStep2
    )


class ThreadInspector:
    """Reads what clients send, each user's in turn."""

    def __init__(self) -> None:
        self._queue = ComputeQueue(AT_ONCE, MAX_WAITING, MAX_WAITING_OF_ONE)

    async def read(self, user_id: UUID, message: ClientMessage) -> ClientMessage:
        """Return a message as a room is to take it, soon if it is large.

        Raises MalformedUpdate, MessageTooBig, and Overloaded when too much waits.
        """
        if is_unread(message):
            return await self._queue.run(user_id, inspected, message)
        return message


async def read_committed(update: LoggedUpdate) -> Committed:
    """Read an update of the log as a room is to take it."""
    if is_large(update.payload):
        try:
            read = await compute(inspect_update, update.payload)
        except SyncError:
            # The room finds out, too, and does without.
            return Committed(update.seq, update.payload)
        return InspectedCommitted(update.seq, update.payload, read)
    return Committed(update.seq, update.payload)
