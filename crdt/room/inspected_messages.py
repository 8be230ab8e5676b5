"""Messages whose updates were read before they reach their room; see `survey`."""

from dataclasses import dataclass

from crdt.protocol.messages import ClientMessage, SyncStep2, Update
from crdt.updates.inspection import Survey, survey
from crdt.updates.limits import ACCEPTED

from .peer_messages import Committed


@dataclass(frozen=True, slots=True)
class SurveyedUpdate(Update):
    """An Update that was read."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveyedSyncStep2(SyncStep2):
    """A SyncStep2 that was read."""

    survey: Survey


@dataclass(frozen=True, slots=True)
class SurveyedCommitted(Committed):
    """News of a commit whose update was read."""

    survey: Survey


def read_ahead(message: ClientMessage) -> ClientMessage:
    """Read the update of a client's message, if it has one.

    Raises MalformedUpdate and MessageTooBig.
    """
    match message:
        case Update(update):
            return SurveyedUpdate(update, survey(update, ACCEPTED))
        case SyncStep2(update):
            return SurveyedSyncStep2(update, survey(update, ACCEPTED))
        case _:
            return message


def as_read(message: Update | SyncStep2) -> bytes | Survey:
    """The update of a message, as it was read if it was."""
    if isinstance(message, SurveyedUpdate | SurveyedSyncStep2):
        return message.survey
    return message.update
