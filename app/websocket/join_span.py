"""A client on its way into a room, as a span: connected, authenticated, loaded, synced."""

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from app.auth.admission import AdmittedClient
from app.rooms.live_room import LiveRoom
from app.telemetry import spans
from crdt.protocol.messages import ClientMessage, SyncStep1
from crdt.updates.inspection import Inspection

from .rate_limits import Handler


class JoinSpan:
    """Ends with the first SyncStep2 that the client is sent, or as a block around its stay does."""

    def __init__(self, protocol: str) -> None:
        self._span = spans.start_span("room.join", {"pipeloom.protocol": protocol}, spans.NEW_TRACE)
        self._has_ended = False

    def current(self) -> AbstractContextManager[object]:
        """Make spans that begin within the block its children."""
        return nullcontext() if self._has_ended else self._span.current()

    def admit(self, visitor: AdmittedClient) -> None:
        """Note who it is."""
        about = {spans.USER: str(visitor.user.id), spans.PIPELINE: str(visitor.pipeline_id)}
        self._span.set_attributes(about)
        self._span.add_event("authenticated")

    def enter(self, room: LiveRoom, handle: Handler) -> Handler:
        """Note that the document is loaded; return what handles the client's messages from now on.

        That is `handle` itself unless somebody traces: messages are many.
        """
        self._span.add_event("loaded")
        return self._until_synced(room, handle) if spans.is_traced() else handle

    def _until_synced(self, room: LiveRoom, handle: Handler) -> Handler:
        def handle_until_synced(message: ClientMessage, inspection: Inspection | None) -> None:
            handle(message, inspection)
            if not self._has_ended and isinstance(message, SyncStep1):
                # Behind the SyncStep2, which waits for the same commit.
                room.when_durable(self._sync)

        return handle_until_synced

    def _sync(self) -> None:
        if not self._has_ended:
            self._span.add_event("synced")
            self.end()

    def fail(self, error: BaseException) -> None:
        """End it, since the client may not come in."""
        if not self._has_ended:
            self._span.fail(type(error).__name__)
            self.end()

    def end(self) -> None:
        """End it, unless it has ended."""
        self._has_ended = True
        self._span.end()

    def __enter__(self) -> "JoinSpan":
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            self.fail(error)
        self.end()
