"""Messages whose updates were read before they reach their room; see `inspect_update`."""

from dataclasses import dataclass

from crdt.protocol.messages import ClientMessage, SyncStep2, Update
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED

from .peer_messages import Committed


@dataclass(frozen=True, slots=True)
class InspectedUpdate(Update):
    """An Update that was read."""

    inspection: Inspection


@dataclass(frozen=True, slots=True)
class InspectedSyncStep2(SyncStep2):
    """A SyncStep2 that was read."""

    inspection: Inspection


@dataclass(frozen=True, slots=True)
class InspectedCommitted(Committed):
    """News of a commit whose update was read."""

    inspection: Inspection


def inspected(message: ClientMessage) -> ClientMessage:
    """Read the update of a client's message, if it has one.

    Raises MalformedUpdate and MessageTooBig.
    """
    match message:
        case Update(update):
            return InspectedUpdate(update, inspect_update(update, ACCEPTED))
        case SyncStep2(update):
            return InspectedSyncStep2(update, inspect_update(update, ACCEPTED))
        case _:
            return message


def as_read(message: Update | SyncStep2) -> bytes | Inspection:
    """The update of a message, as it was read if it was."""
    if isinstance(message, InspectedUpdate | InspectedSyncStep2):
        return message.inspection
    return message.update
