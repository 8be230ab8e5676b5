"""The WebSocket endpoints: accept, authenticate, open the room, hand over."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog
from starlette.websockets import WebSocket

from crdt import y_websocket
from crdt.effects import SessionId
from crdt.errors import ConnectionTimeout, Overloaded, SyncError
from persistence.errors import StoreError

from .admission import Admission, Visitor
from .collab import Collab
from .connection import TOO_SLOW, Connection, Lane, close
from .hub import Hub
from .live_room import LiveRoom
from .settings import Settings

_logger = structlog.get_logger(__name__)


class Endpoints:
    """The WebSocket endpoints of one server."""

    def __init__(self, hub: Hub, admission: Admission, settings: Settings) -> None:
        self._hub, self._admission, self._settings = hub, admission, settings
        self.connections: set[Connection] = set()
        self._open_connections = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def y_websocket(self, websocket: WebSocket) -> None:
        """`/ws/{pipeline_id}?token=`: the y-websocket protocol, one document per socket."""
        await self._serve(websocket, self._visit)

    async def hocuspocus(self, websocket: WebSocket) -> None:
        """`/collab`: the Hocuspocus protocol, any number of documents per socket."""
        await self._serve(websocket, self._collaborate)

    async def _serve(
        self, websocket: WebSocket, speak: Callable[[WebSocket], Awaitable[None]]
    ) -> None:
        # A close code reaches a browser only on an accepted socket.
        await websocket.accept()
        self._count(1)
        try:
            if self._open_connections > self._settings.max_connections:
                raise Overloaded("too many connections: try again later")
            await speak(websocket)
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

    async def _visit(self, websocket: WebSocket) -> None:
        visitor = await self._admission.admit(
            websocket.query_params.get("token", ""), websocket.path_params["pipeline_id"]
        )
        room = await self._hub.open(visitor.pipeline_id)
        session = self._hub.new_session()
        with self._connection(websocket) as connection:
            await self._stay(visitor, room, session, connection)

    async def _stay(
        self, visitor: Visitor, room: LiveRoom, session: SessionId, connection: Connection
    ) -> None:
        room.join(visitor.session(session), Lane(connection, y_websocket.encode))
        try:
            await self._admission.catch_up(visitor)
            await connection.run(lambda frame: room.receive(session, y_websocket.decode(frame)))
        finally:
            room.leave(session)

    async def _collaborate(self, websocket: WebSocket) -> None:
        with self._connection(websocket) as connection:
            await self._speak_for_many(connection)

    async def _speak_for_many(self, connection: Connection) -> None:
        collab = Collab(connection, self._hub, self._admission, self._settings)
        connection.encode = collab.encode
        watch = asyncio.create_task(self._expect_documents(collab, connection))
        try:
            await connection.run(collab.receive)
        finally:
            watch.cancel()
            await collab.end()

    async def _expect_documents(self, collab: Collab, connection: Connection) -> None:
        """Close a socket on which no document is open."""
        idle = False
        while not (idle and collab.is_idle):
            idle = collab.is_idle
            await asyncio.sleep(self._settings.unauthenticated_seconds)
        connection.close(ConnectionTimeout())

    @contextmanager
    def _connection(self, websocket: WebSocket) -> Iterator[Connection]:
        connection = Connection(
            websocket,
            y_websocket.encode,
            outbox_bytes=self._settings.outbox_bytes,
            keep_alive=self._settings.keep_alive,
        )
        self.connections.add(connection)
        try:
            yield connection
        finally:
            self.connections.discard(connection)

    def sweep(self) -> None:
        """Send those away who have taken nothing of what waited for them since the last sweep."""
        for connection in self.connections:
            if connection.is_stuck:
                connection.close(Overloaded(TOO_SLOW))
