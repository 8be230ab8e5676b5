"""One socket of the Hocuspocus protocol: many documents, each with a session of its own.

Each address has a state of its own: `authenticating` once it has shown a token, then open, or
forgotten. What a client sends while it authenticates waits, within limits for the whole socket.
What it sends before is ignored: its SyncStep1 comes after its token, and begins everything anew.

Whatever ends a session that was open ends the socket: a provider that loses one document of
several never shows its token again (Hocuspocus: HocuspocusProvider has no way back from CLOSE but a
new connection).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import structlog

from app.auth.admission import Admission, AdmittedClient
from app.rooms.hub import Hub
from app.rooms.inspect_in_thread import ThreadInspector, large_update
from app.rooms.live_room import LiveRoom
from app.settings import Settings
from app.telemetry.metrics import reject
from crdt.errors import (
    ClientIdReused,
    Forbidden,
    MessageTooBig,
    Overloaded,
    PipelineNotFound,
    ResetConnection,
    SyncError,
    Unauthenticated,
    UnusableEdit,
)
from crdt.protocol import hocuspocus
from crdt.protocol.hocuspocus import (
    PING,
    PONG,
    Authenticate,
    Denied,
    Detach,
    Detached,
    Encoder,
    FromClient,
    address_of,
    document_name,
)
from crdt.protocol.messages import Authenticated, ClientMessage, SyncStep1
from crdt.protocol.messages import Message as SyncMessage
from crdt.room.effects import SessionId
from crdt.updates.inspection import Inspection
from persistence.errors import StoreError

from .connection import ClientConnection, Pause
from .join_span import JoinSpan
from .rate_limits import Handler, RateLimiter

LEAST_WEIGHT = 128
"""What a waiting message counts at least, in bytes; the smallest frame has three."""

_logger = structlog.get_logger(__name__)


@dataclass
class PendingMessage:
    """A message that waits for its document, the bytes that it counts, and its inspection."""

    message: ClientMessage
    weight: int
    inspection: Inspection | None = None

    @property
    def is_to_be_inspected(self) -> bool:
        """Whether its room must not take it before a thread has inspected it."""
        return self.inspection is None and large_update(self.message) is not None


@dataclass(eq=False)
class Channel:
    """One address of a socket; its encoder puts the address on every frame.

    It is admitted once it has a `visitor`, and open once it has a `room`; `handle` then handles the
    client's messages. What the client sends before that is `pending`. `token` is one that has not
    been tried yet.
    """

    encode: Encoder
    connection: ClientConnection
    session: SessionId
    join_span: JoinSpan
    visitor: AdmittedClient | None = None
    room: LiveRoom | None = None
    handle: Handler | None = None
    pending: list[PendingMessage] = field(default_factory=list)
    token: str | None = None
    authenticating: "asyncio.Task[None] | None" = None

    @property
    def address(self) -> str:
        """What each of its frames begins with."""
        return self.encode.address

    def send(self, message: hocuspocus.ToClient) -> None:
        """Send a message to this address."""
        self.connection.put(self.encode(message))


class HocuspocusSocket:
    """The documents of one socket."""

    def __init__(
        self,
        connection: ClientConnection,
        hub: Hub,
        admission: Admission,
        settings: Settings,
        *,
        rate_limiter: RateLimiter,
        inspector: ThreadInspector,
        on_admitted: Callable[[UUID], None],
    ) -> None:
        """`on_admitted` is called with every user who was admitted, and may raise SyncError."""
        self._connection, self._hub, self._admission = connection, hub, admission
        self._settings, self._rate_limiter, self._on_admitted = settings, rate_limiter, on_admitted
        self._inspector = inspector
        self._channels: dict[str, Channel] = {}
        self._refused: Channel | None = None
        self._abandoned: set[asyncio.Task[None]] = set()
        self._pending_bytes = 0
        self._idle_bytes = self._idle_messages = 0

    @property
    def is_idle(self) -> bool:
        """Whether no token of this socket was accepted yet, so that nobody knows its user.

        A socket is kept whose document was refused: its provider would reconnect, and send the
        same again.
        """
        return not (self._refused or any(each.visitor for each in self._channels.values()))

    def encode(self, message: SyncMessage) -> bytes:
        """Make a frame that is for nobody in particular; empty while no document is open."""
        opened = (channel for channel in self._channels.values() if channel.room)
        # Providers hang up on sockets that stay silent, also after their document was refused.
        channel = next(opened, self._refused)
        return b"" if channel is None else channel.encode(message)

    @property
    def sessions(self) -> int:
        """How many documents are open."""
        return sum(channel.room is not None for channel in self._channels.values())

    def receive_frame(self, frame: bytes) -> Pause:
        """Take a frame; return what comes before the next one.

        Raises SyncError, which is the end of the socket.
        """
        if self.is_idle:
            self._count(len(frame))
        if frame == PING:
            self._connection.put(PONG)
        elif frame != PONG:
            address, message = hocuspocus.decode(frame)
            return self._take(address, message, len(frame))
        return 0.0

    def refuse_too_big(self, beginning: bytes) -> None:
        """Refuse the document for which a message was too big. Raises SyncError."""
        if self.is_idle:
            raise ResetConnection
        if channel := self._channels.get(address_of(beginning)):
            self._refuse(channel, MessageTooBig())

    async def end(self) -> None:
        """Leave all rooms: the socket is gone."""
        for channel in list(self._channels.values()):
            self._forget(channel)
        await asyncio.gather(*self._abandoned, return_exceptions=True)

    def _count(self, size: int) -> None:
        """Bound what an unauthenticated client may send. Raises ResetConnection."""
        self._idle_bytes += size
        self._idle_messages += 1
        if (
            self._idle_bytes > self._settings.unauthenticated_bytes
            or self._idle_messages > self._settings.unauthenticated_messages
        ):
            raise ResetConnection

    def _take(self, address: str, message: FromClient, size: int) -> Pause:
        channel = self._channels.get(address)
        if isinstance(message, Authenticate):
            self._authenticate(channel or self._new_channel(address), message.token)
        elif channel is None:
            # Of a document that was denied or closed; provider 2 sends CLOSE twice.
            pass
        elif isinstance(message, Detach):
            self._forget(channel)
        elif channel.handle is None or channel.visitor is None:
            self._add_pending(channel, message, size)
        elif large_update(message) is None:
            return self._handle_small(channel, channel.handle, message)
        else:
            handle = channel.handle
            return partial(self._handle_large, channel, channel.visitor, handle, message)
        return 0.0

    async def _handle_large(
        self, channel: Channel, visitor: AdmittedClient, handle: Handler, message: ClientMessage
    ) -> float:
        try:
            inspection = await self._inspector.inspect(visitor.user.id, message)
        except MessageTooBig as error:
            self._refuse(channel, error)
            return 0.0
        if not self._is_here(channel):
            return 0.0
        pause = self._rate_limiter.take(channel.session, message, handle, inspection)
        return (
            pause if channel.room is None else await channel.room.released(channel.session, pause)
        )

    def _handle_small(self, channel: Channel, handle: Handler, message: ClientMessage) -> Pause:
        pause = self._rate_limiter.take(channel.session, message, handle)
        if channel.room is not None and channel.session in channel.room.held:
            return partial(channel.room.released, channel.session, pause)
        return pause

    def _new_channel(self, address: str) -> Channel:
        limit = self._settings.max_documents
        if len(self._channels) + len(self._abandoned) >= limit:
            raise ResetConnection(f"expected at most {limit} documents on one connection")
        session, join_span = self._hub.new_session(), JoinSpan("hocuspocus")
        channel = Channel(Encoder(address), self._connection, session, join_span)
        self._channels[address] = channel
        return channel

    def _is_here(self, channel: Channel) -> bool:
        return self._channels.get(channel.address) is channel

    def _forget(self, channel: Channel) -> None:
        """End a document; a token that is being tried is tried to its end, for nobody."""
        del self._channels[channel.address]
        channel.join_span.end()
        self._take_pending(channel)
        if channel.room is not None:
            channel.room.leave(channel.session)
        if channel.authenticating is not None:
            self._abandoned.add(channel.authenticating)
            channel.authenticating.add_done_callback(self._abandoned.discard)

    def _add_pending(self, channel: Channel, message: ClientMessage, size: int) -> None:
        """Let a message wait until its document is open. Raises ResetConnection."""
        if isinstance(message, SyncStep1):
            # A client counts anew from here: what it sent before must not be acknowledged.
            self._take_pending(channel)
        weight = max(size, LEAST_WEIGHT)
        self._pending_bytes += weight
        if self._pending_bytes > (limit := self._settings.max_message_bytes):
            raise ResetConnection(f"expected up to {limit} bytes for documents not open yet")
        channel.pending.append(PendingMessage(message, weight))

    def _take_pending(self, channel: Channel) -> list[PendingMessage]:
        pending, channel.pending = channel.pending, []
        self._pending_bytes -= sum(one.weight for one in pending)
        return pending

    def _authenticate(self, channel: Channel, token: str) -> None:
        channel.token = token
        if channel.authenticating is None:
            channel.authenticating = asyncio.create_task(self._try_tokens(channel))

    async def _try_tokens(self, channel: Channel) -> None:
        """Try the latest token; another one may come meanwhile."""
        while (token := channel.token) is not None and self._is_here(channel):
            channel.token = None
            await self._try(channel, token)
        channel.authenticating = None

    async def _try(self, channel: Channel, token: str) -> None:
        try:
            with channel.join_span.current():
                visitor = await self._admission.admit(token, document_name(channel.address))
            await self._let_in(channel, visitor)
        except (Unauthenticated, Forbidden, PipelineNotFound) as error:
            self._deny(channel, error)
        except SyncError as error:
            self._fail(channel, error)
        except StoreError as error:
            _logger.warning("connection.refused", error=str(error))
            self._fail(channel, Overloaded("the database is away: try again later"))
        except Exception as error:
            _logger.exception("connection.failed", error=str(error))
            self._connection.close(Overloaded())

    async def _let_in(self, channel: Channel, visitor: AdmittedClient) -> None:
        if not self._is_here(channel):
            return
        if channel.room is None:
            await self._enter(channel, visitor)
        else:
            self._renew(channel, channel.room, visitor)
        await self._admission.catch_up(visitor)

    async def _enter(self, channel: Channel, visitor: AdmittedClient) -> None:
        self._on_admitted(visitor.user.id)
        channel.visitor = visitor
        channel.join_span.admit(visitor)
        self._idle_bytes = self._idle_messages = 0
        # Before the document is loaded: providers wait for this, not for the document.
        channel.send(Authenticated(visitor.scope))
        with channel.join_span.current():
            room = await self._open(channel, visitor)
        if not self._is_here(channel):
            return
        channel.room = room
        channel.handle = handle = channel.join_span.enter(
            room, partial(room.receive_message, channel.session)
        )
        outbox = self._connection.outbox(channel.encode)
        outbox.close = partial(self._end_session, channel)
        room.join(visitor.session(channel.session, is_hocuspocus=True), outbox)
        for pending in self._take_pending(channel):
            # Not for the pause: what is due before the next frame stays due.
            self._rate_limiter.take(channel.session, pending.message, handle, pending.inspection)

    async def _open(self, channel: Channel, visitor: AdmittedClient) -> LiveRoom:
        """Open the room; all that the client has sent so far is inspected then."""
        while True:
            room = await self._hub.open(visitor.pipeline_id)
            unread = [each for each in channel.pending if each.is_to_be_inspected]
            if not unread:
                return room
            for each in unread:
                each.inspection = await self._inspector.inspect(visitor.user.id, each.message)

    def _renew(self, channel: Channel, room: LiveRoom, visitor: AdmittedClient) -> None:
        if channel.visitor is None or visitor.user.id != channel.visitor.user.id:
            raise Forbidden("expected another token of the same user: open a new connection")
        room.renew(channel.session, visitor.scope, visitor.expires_at)

    def _end_session(self, channel: Channel, error: SyncError) -> None:
        """End a document that its room has closed: with its socket, unless it alone is at fault."""
        if isinstance(error, MessageTooBig | ClientIdReused | UnusableEdit):
            self._refuse(channel, error)
        else:
            self._connection.close(error)

    def _refuse(self, channel: Channel, error: SyncError) -> None:
        """Deny an open document for good, and leave the socket open.

        Providers 3 and 4 reconnect whatever the code, and would send the same again at once
        (docs/adr/0013-a-message-that-is-too-big.md). Those who are denied wait to be asked.
        """
        if not self._is_here(channel):
            return
        self._forget(channel)
        self._refused = channel
        reject(error)
        channel.send(Denied.because(error))

    def _deny(self, channel: Channel, error: SyncError) -> None:
        """Refuse a document, unless it is left or has another token to show.

        One that was open ends with its socket.
        """
        if not self._is_here(channel) or channel.token is not None:
            return
        if channel.room is not None:
            channel.send(Detached("Unauthorized"))
            self._connection.close(error)
            return
        channel.join_span.fail(error)
        self._forget(channel)
        reject(error)
        channel.send(Denied.because(error))

    def _fail(self, channel: Channel, error: SyncError) -> None:
        """Close the socket; but an open document goes on with the token that it has."""
        if channel.room is not None:
            channel.room.request_token_again(channel.session)
        elif self._is_here(channel):
            channel.join_span.fail(error)
            self._connection.close(error)
