"""One socket of the Hocuspocus protocol: many documents, each with a session of its own.

Each address goes its own way, `knocking → open → closed`, and what a client says before its token
is accepted waits, within limits for the whole socket. Whatever ends a session that was open ends
the socket: a provider that loses one document of several never shows its token again
(Hocuspocus: HocuspocusProvider has no way back from CLOSE but a new connection).
"""

import asyncio
from dataclasses import dataclass, field

import structlog

from crdt import hocuspocus
from crdt.effects import SessionId
from crdt.errors import (
    Forbidden,
    Overloaded,
    PipelineNotFound,
    ResetConnection,
    SyncError,
    Unauthenticated,
)
from crdt.hocuspocus import (
    PING,
    PONG,
    Authenticate,
    Authenticated,
    Denied,
    Detach,
    Detached,
    Encoder,
    FromClient,
    document_name,
)
from crdt.messages import ClientMessage
from crdt.messages import Message as SyncMessage
from persistence.errors import StoreError

from .admission import Admission, Visitor
from .connection import Connection
from .hub import Hub
from .live_room import LiveRoom
from .settings import Settings

_logger = structlog.get_logger(__name__)


@dataclass(eq=False)
class Channel:
    """One address of a socket: an `Outbox` whose encoder puts the address on every frame.

    What a client says before `room` is open is `kept`, message and size; `token` is one that has
    not been tried yet.
    """

    encode: Encoder
    connection: Connection
    session: SessionId
    visitor: Visitor | None = None
    room: LiveRoom | None = None
    kept: list[tuple[ClientMessage, int]] = field(default_factory=list)
    token: str | None = None
    knocking: "asyncio.Task[None] | None" = None

    def put(self, frame: bytes) -> None:
        """See `Outbox`."""
        self.connection.put(frame)

    def close(self, error: SyncError) -> None:
        """See `Outbox`."""
        self.connection.close(error)

    def say(self, message: hocuspocus.ToClient) -> None:
        """Send a message to this address."""
        self.connection.put(self.encode(message))


class Collab:
    """The documents of one socket."""

    def __init__(
        self, connection: Connection, hub: Hub, admission: Admission, settings: Settings
    ) -> None:
        self._connection, self._hub, self._admission = connection, hub, admission
        self._settings = settings
        self._channels: dict[str, Channel] = {}
        self._kept_bytes = self._kept_messages = 0

    @property
    def is_idle(self) -> bool:
        """Whether no document is open or about to be."""
        return not any(channel.room or channel.knocking for channel in self._channels.values())

    def encode(self, message: SyncMessage) -> bytes:
        """Make a frame that is for nobody in particular; empty while no document is open."""
        opened = (channel for channel in self._channels.values() if channel.room)
        channel = next(opened, None)
        return b"" if channel is None else channel.encode(message)

    def receive(self, frame: bytes) -> None:
        """Take a frame. Raises SyncError, which is the end of the socket."""
        if frame == PING:
            self._connection.put(PONG)
        elif frame != PONG:
            address, message = hocuspocus.decode(frame)
            self._take(self._channel(address), message, len(frame))

    async def end(self) -> None:
        """Leave all rooms: the socket is gone."""
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            self._leave(channel)
        tasks = [channel.knocking for channel in channels if channel.knocking]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _channel(self, address: str) -> Channel:
        if (channel := self._channels.get(address)) is not None:
            return channel
        if len(self._channels) >= (limit := self._settings.max_documents):
            raise ResetConnection(f"expected at most {limit} documents on one connection")
        channel = Channel(Encoder(address), self._connection, self._hub.new_session())
        self._channels[address] = channel
        return channel

    def _take(self, channel: Channel, message: FromClient, size: int) -> None:
        match message:
            case Authenticate(token):
                self._knock(channel, token)
            case Detach():
                self._leave(channel)
                del self._channels[channel.encode.address]
            case _ if channel.room is None:
                self._keep(channel, message, size)
            case _:
                channel.room.receive(channel.session, message)

    def _leave(self, channel: Channel) -> None:
        self._take_kept(channel)
        if channel.room is not None:
            channel.room.leave(channel.session)

    def _keep(self, channel: Channel, message: ClientMessage, size: int) -> None:
        """Let a message wait until its document is open."""
        self._kept_bytes += size
        self._kept_messages += 1
        if (
            self._kept_bytes > self._settings.unauthenticated_bytes
            or self._kept_messages > self._settings.unauthenticated_messages
        ):
            raise ResetConnection
        channel.kept.append((message, size))

    def _take_kept(self, channel: Channel) -> list[ClientMessage]:
        kept, channel.kept = channel.kept, []
        self._kept_bytes -= sum(size for _, size in kept)
        self._kept_messages -= len(kept)
        return [message for message, _ in kept]

    def _knock(self, channel: Channel, token: str) -> None:
        channel.token = token
        if channel.knocking is None:
            channel.knocking = asyncio.create_task(self._try_tokens(channel))

    async def _try_tokens(self, channel: Channel) -> None:
        """Try the latest token; another one may come meanwhile."""
        try:
            while (token := channel.token) is not None:
                channel.token = None
                await self._try(channel, token)
        finally:
            channel.knocking = None

    async def _try(self, channel: Channel, token: str) -> None:
        try:
            visitor = await self._admission.admit(token, document_name(channel.encode.address))
            if channel.visitor is None:
                await self._enter(channel, visitor)
            else:
                self._renew(channel, channel.visitor, visitor)
            await self._admission.catch_up(visitor)
        except (Unauthenticated, Forbidden, PipelineNotFound) as error:
            self._deny(channel, error)
        except SyncError as error:
            self._connection.close(error)
        except StoreError as error:
            _logger.warning("connection.refused", error=str(error))
            self._connection.close(Overloaded("the database is away: try again later"))
        except Exception as error:
            _logger.exception("collab.failed", error=str(error))
            self._connection.close(Overloaded())

    async def _enter(self, channel: Channel, visitor: Visitor) -> None:
        # Before the document is loaded: providers wait for this, not for the document.
        channel.say(Authenticated(visitor.scope))
        room = await self._hub.open(visitor.pipeline_id)
        if self._channels.get(channel.encode.address) is not channel:
            return
        channel.visitor, channel.room = visitor, room
        room.join(visitor.session(channel.session, is_asked_back=True), channel)
        for message in self._take_kept(channel):
            room.receive(channel.session, message)

    def _renew(self, channel: Channel, known: Visitor, visitor: Visitor) -> None:
        if visitor.person.id != known.person.id:
            raise Forbidden("expected another token of the same user: open a new connection")
        if channel.room is not None:
            channel.room.renew(channel.session, visitor.scope, visitor.expires_at)
            channel.say(Authenticated(visitor.scope))

    def _deny(self, channel: Channel, error: SyncError) -> None:
        """Refuse a document; one that was open ends with its socket."""
        if channel.room is not None:
            channel.say(Detached("Unauthorized"))
            self._connection.close(error)
            return
        self._take_kept(channel)
        channel.say(Denied(error.reason))
