"""What the clients of a room are closed with when the log has refused an update."""

import structlog

from crdt.errors import Overloaded, PipeloomError, SyncError

_logger = structlog.get_logger(__name__)


def refusal_of(error: BaseException, pipeline_id: object) -> SyncError:
    """Return the error itself if it is one of theirs; log any other, and have them reconnect."""
    if isinstance(error, SyncError):
        return error
    _logger.error("room.commit_failed", pipeline_id=pipeline_id, error=str(error))
    detail = "an edit could not be stored: reconnect"
    return Overloaded(detail if isinstance(error, PipeloomError) else "")
