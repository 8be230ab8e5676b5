"""The WebSocket endpoints: look at the origin, accept, authenticate, open the room, hand over."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import partial
from itertools import count
from uuid import UUID

import structlog
from starlette.websockets import WebSocket
from structlog.contextvars import bind_contextvars

from app.auth.admission import Admission, AdmittedClient
from app.clock import Clock
from app.origins import Origins
from app.rooms.hub import Hub
from app.rooms.inspect_in_thread import LARGE_BYTES, ThreadInspector, large_update
from app.rooms.live_room import LiveRoom
from app.settings import Settings
from app.telemetry.metrics import reject
from crdt.errors import ConnectionTimeout, InternalError, Overloaded, SyncError
from crdt.protocol import y_websocket
from crdt.protocol.messages import ClientMessage
from crdt.room.effects import SessionId
from crdt.room.room import TOO_SLOW
from persistence.errors import StoreError

from .connection import ClientConnection, Pause, Receive, close
from .connection_limits import ConnectionLimit
from .hocuspocus_socket import HocuspocusSocket
from .join_span import JoinSpan
from .rate_limits import Handler, RateLimiter, Rates
from .sweep import Sweep
from .visit import Visit

_logger = structlog.get_logger(__name__)


class Endpoints:
    """The WebSocket endpoints of one server."""

    def __init__(self, hub: Hub, admission: Admission, settings: Settings, clock: Clock) -> None:
        self._hub, self._admission, self._settings = hub, admission, settings
        self._clock = clock
        self._origins = Origins.of(settings)
        self._all = ConnectionLimit(settings.max_connections, "")
        self._users = ConnectionLimit(settings.max_connections_per_user, " of this user")
        self._addresses = ConnectionLimit(
            settings.max_connections_per_address, " from this address"
        )
        self._rates = Rates(
            settings.updates_per_second,
            settings.awareness_per_second,
            settings.stateless_per_second,
        )
        self._inspector = ThreadInspector()
        self._silence: Sweep[ClientConnection] = Sweep(
            settings.keep_alive / 2, ClientConnection.keep_alive_if_silent
        )
        self._ids = count(1)
        self.connections: set[ClientConnection] = set()
        self._hocuspocus_sockets: set[HocuspocusSocket] = set()
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
            "y-websocket": len(self.connections) - len(self._hocuspocus_sockets),
            "hocuspocus": sum(socket.sessions for socket in self._hocuspocus_sockets),
        }

    async def y_websocket(self, websocket: WebSocket) -> None:
        """`/ws/{pipeline_id}?token=`: the y-websocket protocol, one document per socket."""
        await self._serve(websocket, self._run_y_websocket)

    async def hocuspocus(self, websocket: WebSocket) -> None:
        """`/collab`: the Hocuspocus protocol, any number of documents per socket."""
        await self._serve(websocket, self._run_hocuspocus)

    async def _serve(
        self, websocket: WebSocket, run: Callable[[WebSocket, Visit], Awaitable[None]]
    ) -> None:
        bind_contextvars(connection=next(self._ids))
        if not await self._is_welcome(websocket):
            return
        # A browser that has offered sub-protocols fails a connection for which none is chosen
        # (https://websockets.spec.whatwg.org, "Establish a WebSocket connection").
        offered = filter(None, websocket.scope.get("subprotocols", ()))
        # A close code reaches a browser only on an accepted socket.
        await websocket.accept(next(offered, None))
        visit = Visit()
        self._open += 1
        self.idle.clear()
        try:
            await self._receive(websocket, visit, run)
        finally:
            if not visit.is_kept:
                self._note_end()

    async def _receive(
        self,
        websocket: WebSocket,
        visit: Visit,
        run: Callable[[WebSocket, Visit], Awaitable[None]],
    ) -> None:
        """Admit a client and have its frames carried; close its socket if that fails."""
        try:
            with visit:
                self._admit(websocket, visit)
                await run(websocket, visit)
        except SyncError as error:
            reject(error)
            await close(websocket, error)
        except StoreError as error:
            _logger.warning("connection.refused", error=str(error))
            reject("store_unavailable")
            await close(websocket, Overloaded("the database is away: try again later"))
        except Exception as error:
            reject(failure := _failure(error))
            await close(websocket, failure)

    async def _is_welcome(self, websocket: WebSocket) -> bool:
        """Refuse pages of other origins, with 403 as RFC 6455 §4.2.2 has it."""
        origin = websocket.headers.get("origin")
        if self._origins.allow(origin, websocket.headers.get("host", "")):
            return True
        _logger.warning("connection.origin_refused", origin=origin)
        reject("origin")
        # Before it is accepted, a close is a 403 (ASGI, "Close - send event").
        await websocket.close()
        return False

    def _admit(self, websocket: WebSocket, visit: Visit) -> None:
        address = websocket.client.host if websocket.client else ""
        for limit, key in ((self._all, None), (self._addresses, address)):
            _count(visit, limit, key)

    def _note_end(self) -> None:
        self._open -= 1
        if not self._open:
            self.idle.set()

    async def _run_y_websocket(self, websocket: WebSocket, visit: Visit) -> None:
        join_span = JoinSpan("y-websocket")
        visit.when_over(join_span.end)
        try:
            with join_span.current():
                visitor = await self._admission.admit(
                    websocket.query_params.get("token", ""), websocket.path_params["pipeline_id"]
                )
            join_span.admit(visitor)
            bind_contextvars(user_id=visitor.user.id, pipeline_id=visitor.pipeline_id)
            _count(visit, self._users, visitor.user.id)
            await self._enter(websocket, visit, visitor, join_span)
        except BaseException as error:
            join_span.fail(error)
            raise

    async def _enter(
        self, websocket: WebSocket, visit: Visit, visitor: AdmittedClient, join_span: JoinSpan
    ) -> None:
        with join_span.current():
            room = await self._hub.open(visitor.pipeline_id)
        session = self._hub.new_session()
        handle = join_span.enter(room, partial(room.receive_message, session))
        connection, rate_limiter = self._connection(websocket, visit)
        frames = YWebsocketFrames(
            room,
            session,
            visitor.user.id,
            handle=handle,
            rate_limiter=rate_limiter,
            inspector=self._inspector,
        )
        visit.when_over(room.leave, session)
        room.join(visitor.session(session), connection.outbox(y_websocket.encode))
        await self._admission.catch_up(visitor)
        if connection.can_stay:
            self._stay(connection, visit, frames.take)
        else:
            await connection.run(frames.take)

    def _stay(self, connection: ClientConnection, visit: Visit, take: Receive) -> None:
        """Have a connection outlive the call that it came by."""
        visit.is_kept = True
        self._silence.add(connection)
        visit.when_over(self._silence.discard, connection)

        def on_failure(error: Exception) -> None:
            connection.close(_failure(error))

        def on_end() -> None:
            try:
                visit.end()
            finally:
                self._note_end()

        connection.stay(take, on_failure, on_end)

    async def _run_hocuspocus(self, websocket: WebSocket, visit: Visit) -> None:
        connection, rate_limiter = self._connection(websocket, visit)
        seen: set[UUID] = set()

        def on_admitted(user_id: UUID) -> None:
            bind_contextvars(user_id=user_id)
            if user_id not in seen:
                _count(visit, self._users, user_id)
                seen.add(user_id)

        socket = HocuspocusSocket(
            connection,
            self._hub,
            self._admission,
            self._settings,
            rate_limiter=rate_limiter,
            inspector=self._inspector,
            on_admitted=on_admitted,
        )
        await self._run_hocuspocus_socket(connection, socket)

    async def _run_hocuspocus_socket(
        self, connection: ClientConnection, socket: HocuspocusSocket
    ) -> None:
        connection.encode, connection.refuse_too_big = socket.encode, socket.refuse_too_big
        self._hocuspocus_sockets.add(socket)
        watch = asyncio.create_task(self._expect_documents(socket, connection))
        try:
            await connection.run(socket.receive_frame)
        finally:
            self._hocuspocus_sockets.discard(socket)
            watch.cancel()
            await socket.end()

    async def _expect_documents(
        self, socket: HocuspocusSocket, connection: ClientConnection
    ) -> None:
        """Close a socket on which no document was open at two looks in a row."""
        idle = False
        while not (idle and socket.is_idle):
            idle = socket.is_idle
            await asyncio.sleep(self._settings.unauthenticated_seconds)
        connection.close(ConnectionTimeout())

    def _connection(
        self, websocket: WebSocket, visit: Visit
    ) -> tuple[ClientConnection, RateLimiter]:
        connection = self._connect(websocket)
        rate_limiter = RateLimiter(self._rates, self._clock)
        self.connections.add(connection)
        visit.when_over(self.connections.discard, connection)
        visit.when_over(rate_limiter.close)
        return connection, rate_limiter

    def _connect(self, websocket: WebSocket) -> ClientConnection:
        return ClientConnection(
            websocket,
            y_websocket.encode,
            outbox_bytes=self._settings.outbox_bytes,
            keep_alive=self._settings.keep_alive,
        )

    def sweep(self) -> None:
        """Close clients that have taken nothing of what waited for them since the last sweep."""
        for connection in self.connections:
            if connection.made_no_progress():
                connection.close(Overloaded(TOO_SLOW))


class YWebsocketFrames:
    """Takes the frames of one y-websocket connection for its room."""

    __slots__ = ("_handle", "_held", "_inspector", "_rate_limiter", "_room", "_session", "_user_id")

    def __init__(
        self,
        room: LiveRoom,
        session: SessionId,
        user_id: UUID,
        *,
        handle: Handler,
        rate_limiter: RateLimiter,
        inspector: ThreadInspector,
    ) -> None:
        self._room, self._session, self._user_id = room, session, user_id
        self._handle, self._rate_limiter, self._inspector = handle, rate_limiter, inspector
        self._held = room.held.waiting

    def take(self, frame: bytes) -> Pause:
        """See `Receive`."""
        session = self._session
        message = y_websocket.decode(frame)
        if len(frame) >= LARGE_BYTES and large_update(message) is not None:
            return partial(self._take_large, message)
        pause = self._rate_limiter.take(session, message, self._handle)
        return partial(self._room.released, session, pause) if session in self._held else pause

    async def _take_large(self, message: ClientMessage) -> float:
        inspection = await self._inspector.inspect(self._user_id, message)
        pause = self._rate_limiter.take(self._session, message, self._handle, inspection)
        return await self._room.released(self._session, pause)


def _count(visit: Visit, limit: ConnectionLimit, key: Hashable) -> None:
    """Count a connection until its visit is over. Raises TooManyConnections."""
    limit.take(key)
    visit.when_over(limit.give_back, key)


def _failure(error: Exception) -> InternalError:
    """Write down what is no fault of the client's; return what it is closed with."""
    _logger.exception("connection.failed", error=str(error), exc_info=error)
    return InternalError()
