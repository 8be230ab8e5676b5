"""The WebSocket endpoints: look at the origin, accept, authenticate, open the room, hand over."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import count
from uuid import UUID

import structlog
from starlette.websockets import WebSocket
from structlog.contextvars import bind_contextvars

from app.auth.admission import Admission, Visitor
from app.rooms.hub import Hub
from app.rooms.inspect_in_thread import ReadAhead
from app.rooms.live_room import LiveRoom
from app.settings import Settings, listed
from app.telemetry.metrics import reject
from crdt.errors import ConnectionTimeout, Overloaded, SyncError
from crdt.protocol import y_websocket
from crdt.room.effects import SessionId
from persistence.errors import StoreError

from .connection import TOO_SLOW, Connection, Lane, close
from .connection_limits import Crowd
from .hocuspocus_socket import Collab
from .join_span import Arrival
from .origins import Origins
from .rate_limits import Pace, Rates

_logger = structlog.get_logger(__name__)


class Endpoints:
    """The WebSocket endpoints of one server."""

    def __init__(self, hub: Hub, admission: Admission, settings: Settings) -> None:
        self._hub, self._admission, self._settings = hub, admission, settings
        self._origins = Origins(listed(settings.origins))
        self._everybody = Crowd(settings.max_connections, "")
        self._users = Crowd(settings.max_connections_per_user, " of this user")
        self._addresses = Crowd(settings.max_connections_per_address, " from this address")
        self._rates = Rates(
            settings.updates_per_second,
            settings.awareness_per_second,
            settings.stateless_per_second,
        )
        self._ahead = ReadAhead()
        self._ids = count(1)
        self.connections: set[Connection] = set()
        self._collabs: set[Collab] = set()
        self._open = 0
        self.idle = asyncio.Event()
        self.idle.set()

    @property
    def open(self) -> int:
        """How many WebSockets are open, those included that are not authenticated yet."""
        return self._open

    @property
    def sessions(self) -> Mapping[str, int]:
        """Clients in rooms, by protocol."""
        return {
            "y-websocket": len(self.connections) - len(self._collabs),
            "hocuspocus": sum(collab.sessions for collab in self._collabs),
        }

    async def y_websocket(self, websocket: WebSocket) -> None:
        """`/ws/{pipeline_id}?token=`: the y-websocket protocol, one document per socket."""
        await self._serve(websocket, self._visit)

    async def hocuspocus(self, websocket: WebSocket) -> None:
        """`/collab`: the Hocuspocus protocol, any number of documents per socket."""
        await self._serve(websocket, self._collaborate)

    async def _serve(
        self, websocket: WebSocket, speak: Callable[[WebSocket], Awaitable[None]]
    ) -> None:
        bind_contextvars(connection=next(self._ids))
        if not await self._is_welcome(websocket):
            return
        # A close code reaches a browser only on an accepted socket.
        await websocket.accept()
        with self._counted():
            try:
                await self._admit(websocket, speak)
            except SyncError as error:
                reject(error)
                await close(websocket, error)
            except StoreError as error:
                _logger.warning("connection.refused", error=str(error))
                reject("store_unavailable")
                await close(websocket, Overloaded("the database is away: try again later"))

    async def _is_welcome(self, websocket: WebSocket) -> bool:
        """Refuse pages of other origins, with 403 as RFC 6455 §4.2.2 has it."""
        origin = websocket.headers.get("origin")
        if self._origins.allow(origin, websocket.headers.get("host", "")):
            return True
        _logger.warning("connection.foreign_origin", origin=origin)
        reject("origin")
        # Before it is accepted, a close is a 403 (ASGI, "Close - send event").
        await websocket.close()
        return False

    async def _admit(
        self, websocket: WebSocket, speak: Callable[[WebSocket], Awaitable[None]]
    ) -> None:
        address = websocket.client.host if websocket.client else ""
        with self._everybody.one_of(None), self._addresses.one_of(address):
            await speak(websocket)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._open += 1
        self.idle.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self.idle.set()

    async def _visit(self, websocket: WebSocket) -> None:
        with Arrival("y-websocket") as arrival:
            with arrival.on_its_way():
                visitor = await self._admission.admit(
                    websocket.query_params.get("token", ""), websocket.path_params["pipeline_id"]
                )
            arrival.admit(visitor)
            bind_contextvars(user_id=visitor.person.id, pipeline_id=visitor.pipeline_id)
            with self._users.one_of(visitor.person.id):
                await self._enter(websocket, visitor, arrival)

    async def _enter(self, websocket: WebSocket, visitor: Visitor, arrival: Arrival) -> None:
        with arrival.on_its_way():
            room = await self._hub.open(visitor.pipeline_id)
        session = self._hub.new_session()
        act = arrival.enter(room, partial(room.receive, session))
        with self._connection(websocket) as (connection, pace):

            async def take(frame: bytes) -> float:
                message = y_websocket.decode(frame)
                return pace.take(session, await self._ahead.read(visitor.person.id, message), act)

            await self._stay(visitor, room, session, connection, take)

    async def _stay(
        self,
        visitor: Visitor,
        room: LiveRoom,
        session: SessionId,
        connection: Connection,
        take: Callable[[bytes], Awaitable[float]],
    ) -> None:
        room.join(visitor.session(session), Lane(connection, y_websocket.encode))
        try:
            await self._admission.catch_up(visitor)
            await connection.run(take)
        finally:
            room.leave(session)

    async def _collaborate(self, websocket: WebSocket) -> None:
        with self._connection(websocket) as (connection, pace), ExitStack() as users:
            seen: set[UUID] = set()

            def welcome(user_id: UUID) -> None:
                bind_contextvars(user_id=user_id)
                if user_id not in seen:
                    users.enter_context(self._users.one_of(user_id))
                    seen.add(user_id)

            collab = Collab(
                connection,
                self._hub,
                self._admission,
                self._settings,
                pace=pace,
                ahead=self._ahead,
                welcome=welcome,
            )
            await self._speak_for_many(connection, collab)

    async def _speak_for_many(self, connection: Connection, collab: Collab) -> None:
        connection.encode = collab.encode
        self._collabs.add(collab)
        watch = asyncio.create_task(self._expect_documents(collab, connection))
        try:
            await connection.run(collab.receive)
        finally:
            self._collabs.discard(collab)
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
    def _connection(self, websocket: WebSocket) -> Iterator[tuple[Connection, Pace]]:
        connection = self._connect(websocket)
        pace = Pace(self._rates, time.monotonic, time.thread_time)
        self.connections.add(connection)
        try:
            yield connection, pace
        finally:
            pace.close()
            self.connections.discard(connection)

    def _connect(self, websocket: WebSocket) -> Connection:
        return Connection(
            websocket,
            y_websocket.encode,
            outbox_bytes=self._settings.outbox_bytes,
            keep_alive=self._settings.keep_alive,
        )

    def sweep(self) -> None:
        """Send those away who have taken nothing of what waited for them since the last sweep."""
        for connection in self.connections:
            if connection.is_stuck:
                connection.close(Overloaded(TOO_SLOW))
