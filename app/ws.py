"""The WebSocket endpoints: accept, authenticate, open the room, hand over."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from starlette.websockets import WebSocket

from crdt import y_websocket
from crdt.effects import SessionId
from crdt.errors import Forbidden, Overloaded, PipelineNotFound, SyncError
from crdt.person import Person
from crdt.session import Scope, Session
from persistence.errors import StoreError
from persistence.ports import Directory

from .access import AccessWatch
from .auth import Verifier, scope_of
from .connection import Connection, close
from .hub import Hub
from .settings import Settings

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client that may enter: who it is, where to, what it may do there, and until when."""

    person: Person
    pipeline_id: UUID
    scope: Scope
    expires_at: datetime

    def session(self, session_id: SessionId) -> Session:
        """Begin this client's life in a room."""
        return Session(session_id, self.person, self.scope, self.expires_at)


class Endpoints:
    """The WebSocket endpoints of one server."""

    def __init__(
        self,
        hub: Hub,
        directory: Directory,
        tokens: Verifier,
        access: AccessWatch,
        settings: Settings,
    ) -> None:
        self._hub, self._directory, self._tokens = hub, directory, tokens
        self._access, self._settings = access, settings
        self._open_connections = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def y_websocket(self, websocket: WebSocket) -> None:
        """`/ws/{pipeline_id}?token=`: the y-websocket protocol."""
        # A close code reaches a browser only on an accepted socket.
        await websocket.accept()
        self._count(1)
        try:
            await self._enter(websocket)
        except SyncError as error:
            await close(websocket, error)
        except StoreError as error:
            _logger.warning("connection.refused", error=str(error))
            await close(websocket, Overloaded("the database is away: try again later"))
        finally:
            self._count(-1)

    def _count(self, change: int) -> None:
        self._open_connections += change
        if self._open_connections:
            self.idle.clear()
        else:
            self.idle.set()

    async def _enter(self, websocket: WebSocket) -> None:
        if self._open_connections > self._settings.max_connections:
            raise Overloaded("too many connections: try again later")
        # Before the role is looked up: a change after this is heard of, whatever the order.
        moment = self._access.moment
        visitor = await self._admit(
            websocket.query_params.get("token", ""), websocket.path_params["pipeline_id"]
        )
        room = await self._hub.open(visitor.pipeline_id)
        connection = Connection(
            websocket,
            y_websocket.encode,
            outbox_bytes=self._settings.outbox_bytes,
            keep_alive=self._settings.keep_alive,
        )
        session = self._hub.new_session()
        room.join(visitor.session(session), connection)
        try:
            await self._access.catch_up(visitor.person.id, since=moment)
            await connection.run(lambda frame: room.receive(session, y_websocket.decode(frame)))
        finally:
            room.leave(session)

    async def _admit(self, token: str, room_name: str) -> Visitor:
        claims = await self._tokens.verify(token)
        pipeline_id = _pipeline_id(room_name)
        member = await self._directory.member(claims.user_id, pipeline_id)
        if member is None:
            raise Forbidden
        return Visitor(member.person, pipeline_id, scope_of(member.role), claims.expires_at)


def _pipeline_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise PipelineNotFound("no such pipeline: expected its id, a UUID") from error
