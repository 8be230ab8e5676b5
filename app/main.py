"""Builds a server: the one place where its ports are given PostgreSQL and the bus."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import SystemRandom
from typing import Any
from uuid import UUID, uuid4

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.types import ASGIApp

from app.api.app import api
from app.api.core.context import Context
from app.api.core.quotas import Quotas
from app.auth.access_watch import AccessWatch, SessionRegistries
from app.auth.admission import Admission
from app.auth.sign_in import signing_in
from app.auth.tokens import Checker, Tokens
from app.bus.base import Bus
from app.rooms.coalescing import CoalescingIntervals
from app.rooms.drain import close_all
from app.rooms.hub import Hub
from app.services.demo import connection_help, create_demo
from app.services.events import RoomEvents
from app.services.history import History
from app.services.invocation import token_command
from app.services.known_files import KnownFiles
from app.services.presence_table import PresenceMirror
from app.services.projection_watch import ProjectionWatch
from app.services.storage_notice import StorageNotice
from app.services.versions import Versioning
from app.services.worker_news import WorkerNews
from app.telemetry import spans
from app.telemetry.access_log import AccessLog
from app.telemetry.correlation import Correlation
from app.telemetry.metrics_page import MetricsPage, watch_loop, watch_projections
from app.telemetry.multiprocess_metrics import MultiprocessMetrics
from app.telemetry.request_spans import RequestSpans
from app.telemetry.timed_stores import TimedLog
from app.websocket.endpoints import Endpoints
from crdt.room.peer_messages import NodeId
from persistence.decision_rounds import DecisionRounds
from persistence.errors import StoreError, UnknownSubject
from persistence.group_commit import GroupCommit
from persistence.ports.directory import DEMO_OWNER
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.idempotency import PostgresIdempotencyKeys
from persistence.postgres.identities import PostgresIdentities
from persistence.postgres.listener import ACCESS, PROJECTED, SHAPES, Listener
from persistence.postgres.migrations import require_current
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.presence import PostgresPresence
from persistence.postgres.projection_announcements import PostgresProjectionAnnouncements
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.shape_lease import PostgresShapeLease
from persistence.postgres.shapes import PostgresShapeChanges, PostgresShapeReader, pool_options
from persistence.postgres.storage import PostgresTeamStorage
from persistence.postgres.tickets import PostgresTickets
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.postgres.user_rows import PostgresUserDatabase
from persistence.postgres.versions import PostgresVersions

from .api.core.not_found import NotFound
from .bus_selection import bus_for
from .clock import SYSTEM_CLOCK
from .compute_processes import ComputeProcesses
from .compute_queue import ComputeQueue
from .hosts import AllowedHosts, Hosts
from .http import Readiness, healthz
from .security_headers import SecurityHeaders
from .settings import Settings, variable
from .shape_selection import ShapeStores, shape_limits, shapes_for
from .tasks import in_background
from .web_page import WebPage
from .worker_main import project_now

SHORTEST_WINDOW = 0.8
"""How much of the commit window is waited in any case, also where transactions take little time."""

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

SWEEP_TICKS = 15
"""Ticks between two looks for connections whose clients read nothing."""

COMPUTING = ("app.api.resources.steps", "app.api.resources.yaml", "app.api.resources.versions")
"""The modules whose functions compute for long, and all that they need."""

FOLLOW_SECONDS = 0.5
"""Between two looks at the log for updates of other nodes that the bus did not bring."""

SPREAD_SHARE = 0.7
"""The part of the remaining time over which clients are closed, so that they return spread out."""

MIN_SECONDS = 0.1
"""What each of the last steps of stopping may take, even if the time is over."""

STORAGE_SECONDS = 5.0
"""Between two looks at what teams store: so long somebody may go on writing beyond the quota."""

TICK_SECONDS = 2.0
"""Between two ticks, which expire presence and unload rooms."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Connections:
    """What a server is connected to: PostgreSQL and the bus, on which `node` is its name.

    And the processes that compute for it.
    The API has a pool of its own, so that commits find a free connection however many ask it.
    """

    pool: Pool
    api_pool: Pool
    access: Listener
    projections: Listener
    shapes: Listener
    shape_pool: Pool
    bus: Bus
    node: NodeId
    compute: ComputeProcesses


class Services:
    """Everything a running server is made of."""

    def __init__(
        self,
        settings: Settings,
        tokens: Checker,
        to: Connections,
        multiprocess_metrics: MultiprocessMetrics | None = None,
    ) -> None:
        self._settings = settings
        self._build_log(to)
        self._build_rooms(to)
        self._build_watches(to)
        self.identities = PostgresIdentities(to.api_pool)
        self.tokens = signing_in(settings, tokens, self.identities, self.clock)
        admission = Admission(self.directory, self.tokens, self.access)
        self.endpoints = Endpoints(self.hub, admission, settings, self.clock)
        self.context = self._context(to, tokens)
        self.api = api(self.context, self.tokens, settings)
        self._build_shapes(to)
        self.hosts = Hosts.of(settings)
        # Only somebody on this machine reads it, where the secret was generated.
        is_own = settings.jwt_secret is None and settings.jwks_url is None
        command = f"{token_command(settings)} EMAIL --renewable" if is_own else ""
        self.page = WebPage(frame_ancestors=settings.allowed_frames, token_command=command)
        token = settings.metrics_token
        shown = None if token is None else token.get_secret_value()
        self.metrics = MetricsPage(self, shown, multiprocess_metrics)
        self.readiness = Readiness(
            {"postgresql": lambda: to.pool.fetchval("ping"), "commits": self.log.health.check},
            {"bus": to.bus.check, **self.shapes.checks},
        )

    def _build_log(self, to: Connections) -> None:
        """Build the log and what appends to it."""
        settings = self._settings
        stored_log = PostgresUpdateLog(to.pool)
        self.log = TimedLog(stored_log)
        self.history = History(self.log, stored_log)
        self.committer = GroupCommit(
            self.log,
            window=settings.commit_window,
            shortest_window=SHORTEST_WINDOW * settings.commit_window,
            max_pending_bytes=settings.pending_bytes,
        )
        self.decisions = DecisionRounds(self.log, self.committer, window=settings.commit_window)

    def _build_rooms(self, to: Connections) -> None:
        """Build the live documents and what else they need."""
        settings = self._settings
        self.clock = SYSTEM_CLOCK
        self.compute = to.compute
        self.directory = PostgresDirectory(to.pool, settings.max_changes_per_hour)
        self.hub = Hub(
            self.log,
            self.committer,
            self.decisions,
            to.bus,
            self.clock,
            unload_after=settings.unload_after,
            intervals=CoalescingIntervals(settings.presence_window, settings.delivery_window),
            loaded_bytes=settings.loaded_bytes,
            document_bytes=settings.document_bytes,
            max_stateless=settings.max_stateless_characters,
            node=to.node,
            compute=self.compute,
        )
        self.storage_notice = StorageNotice(self.log.health, self.hub)
        self.events = RoomEvents(to.bus)

    def _build_watches(self, to: Connections) -> None:
        """Build what follows PostgreSQL for the rooms and the API, and the mirror of presence."""
        registries = SessionRegistries(self.hub, self.events)
        self.access = AccessWatch(registries, self.directory, to.access, self.clock)
        self.worker_news = WorkerNews(self.hub, self.events, PostgresProjections(to.pool))
        announcements = PostgresProjectionAnnouncements(to.projections)
        self.projections = ProjectionWatch(announcements, self.worker_news.receive)
        table = PostgresPresence(to.pool)
        self.storage = PostgresTeamStorage(to.pool)
        self.presence = PresenceMirror(table, self.hub.presence, self.clock)

    def _build_shapes(self, to: Connections) -> None:
        """Build what answers `/v1`, on a pool of its own: its queries are made up by clients."""
        stores = ShapeStores(
            PostgresShapeReader(to.shape_pool, most_bytes=shape_limits(self._settings).row_bytes),
            PostgresShapeChanges(to.shapes),
            # Not on the pool of the shapes: whose queries are slow would lose the lease.
            PostgresShapeLease(to.pool),
        )
        self.shapes = shapes_for(self._settings, stores, self.tokens, self.clock)

    def _context(self, to: Connections, tokens: Checker) -> Context:
        return Context(
            users=PostgresUserDatabase(to.api_pool, self._settings.max_changes_per_hour),
            directory=self.directory,
            log=self.log,
            hub=self.hub,
            versioning=Versioning(self.log, PostgresVersions(to.pool), self.hub, self.compute),
            history=self.history,
            events=self.events,
            projections=self.projections,
            access=self.access,
            clock=self.clock,
            compute=self.compute,
            quotas=Quotas(self._settings),
            compute_queue=ComputeQueue(compute=self.compute),
            read_queue=ComputeQueue(compute=self.compute),
            known_files=KnownFiles(),
            tickets=PostgresTickets(to.api_pool),
            idempotency_keys=PostgresIdempotencyKeys(to.api_pool),
            renewer=tokens if isinstance(tokens, Tokens) else None,
            identities=self.identities,
            session_length=self._settings.session_length,
            keep_deleted=self._settings.deleted_kept_for,
            invitation_lasts=self._settings.invitation_lasts,
        )

    @property
    def logs_access(self) -> bool:
        """Whether the log has a line for each request."""
        return self._settings.access_log

    @property
    def connections(self) -> int:
        """See `Observed`."""
        return self.endpoints.open

    @property
    def rooms(self) -> int:
        """See `Observed`."""
        return len(self.hub)

    @property
    def sessions(self) -> Mapping[str, int]:
        """See `Observed`."""
        return self.endpoints.sessions

    @property
    def depths(self) -> list[int]:
        """See `Observed`."""
        return [connection.depth for connection in self.endpoints.connections]

    @property
    def pending_bytes(self) -> int:
        """See `Observed`."""
        return self.committer.pending_bytes

    @property
    def commits_failing_for(self) -> float:
        """See `Observed`."""
        return self.log.health.failing_for

    def sample_shapes(self) -> None:
        """See `Observed`."""
        self.shapes.engine.sample()

    async def announce_end(self) -> None:
        """Report not ready, and serve on until load balancers have noticed."""
        self.readiness.draining = True
        await asyncio.sleep(self._settings.drain_delay)

    async def drain(self) -> None:
        """Commit and acknowledge what was received, then close all clients, within the time left.

        The order keeps what clients rely on. Rooms take no message any more before the committer
        closes, so that nothing is applied that could not be committed. Acknowledgements go out
        before connections are closed, so that no client sends an edit again that is stored.
        """
        self.readiness.draining = True
        self.shapes.engine.close()
        releasing = asyncio.create_task(self.shapes.release())
        deadline = time.monotonic() + self._settings.drain_timeout - self._settings.drain_delay
        self.hub.freeze()
        await self.decisions.close(_seconds_until(deadline) / 4)
        await self.committer.close(_seconds_until(deadline) / 2)
        # Acknowledgements are sent in callbacks of the commits: let those run.
        await asyncio.sleep(0)
        within = _seconds_until(deadline) * SPREAD_SHARE
        await close_all(self.endpoints.connections, within, SystemRandom())
        await self._close(deadline)
        await asyncio.wait([releasing], timeout=max(MIN_SECONDS, _seconds_until(deadline)))

    async def _close(self, deadline: float) -> None:
        """Close what is left: rooms and streams first, since presence is removed by their end."""
        self.hub.close()
        self.events.close()
        await self.presence.close(max(MIN_SECONDS, _seconds_until(deadline) / 2))
        with suppress(TimeoutError):
            async with asyncio.timeout(max(MIN_SECONDS, _seconds_until(deadline))):
                await self.endpoints.idle.wait()

    async def follow_forever(self) -> None:
        """Keep the rooms of this node in step with the log."""
        while True:
            await asyncio.sleep(FOLLOW_SECONDS)
            try:
                await self.hub.follow_log()
            except StoreError as error:
                _logger.warning("log.not_read", error=str(error))
            except Exception as error:
                _logger.exception("log.follow_failed", error=str(error))

    async def watch_storage_forever(self) -> None:
        """Look every few seconds which teams store as much as they may."""
        while True:
            await asyncio.sleep(STORAGE_SECONDS)
            try:
                await self.hub.look_at_storage(self.storage, self._settings.max_bytes_per_team)
            except StoreError as error:
                _logger.warning("storage.not_read", error=str(error))
            except Exception as error:
                _logger.exception("storage.not_read", error=str(error))

    async def tick_forever(self) -> None:
        """Expire presence, unload rooms and close stalled connections, at intervals."""
        for tick in count(1):
            await asyncio.sleep(TICK_SECONDS)
            try:
                self.hub.tick()
                self.storage_notice.tick()
                if tick % SWEEP_TICKS == 0:
                    self.endpoints.sweep()
            except Exception as error:
                _logger.exception("rooms.tick_failed", error=str(error))


def _seconds_until(deadline: float) -> float:
    return deadline - time.monotonic()


@asynccontextmanager
async def services(
    settings: Settings,
    tokens: Checker,
    dsn: str,
    multiprocess_metrics: MultiprocessMetrics | None = None,
) -> AsyncIterator[Services]:
    """Connect, and disconnect at the end. Raises StoreUnavailable, SchemaOutdated."""
    async with AsyncExitStack() as stack:
        to = await _connected(stack, settings, dsn)
        made = Services(settings, tokens, to, multiprocess_metrics)
        if multiprocess_metrics is not None:
            await stack.enter_async_context(multiprocess_metrics.serving(made.metrics.own))
        await stack.enter_async_context(made.shapes.answering_others())
        async with in_background(
            made.tick_forever(),
            made.follow_forever(),
            made.watch_storage_forever(),
            made.access.run(),
            made.projections.run(),
            made.worker_news.run(),
            made.presence.run(),
            made.shapes.engine.run(),
            made.tokens.keep_fresh(),
            watch_projections(PostgresProjections(to.pool)),
            watch_loop(),
        ):
            yield made


async def _connected(stack: AsyncExitStack, settings: Settings, dsn: str) -> Connections:
    """Connect; what is opened is closed with the stack, in reverse order."""

    async def pool(max_size: int, **options: Any) -> Pool:
        opened = await open_pool(dsn, max_size=max_size, **options)
        stack.push_async_callback(opened.close)
        return opened

    def listener(channel: str) -> Listener:
        made = Listener(dsn, channel)
        stack.push_async_callback(made.close)
        return made

    own = await pool(settings.pool_log, min_size=2, reset=False)
    await require_current(own)
    node = uuid4().hex
    return Connections(
        own,
        await pool(settings.pool_api),
        listener(ACCESS),
        listener(PROJECTED),
        listener(SHAPES),
        await pool(settings.pool_shapes, **pool_options(settings.shape_seconds)),
        await stack.enter_async_context(bus_for(settings, dsn, node)),
        node,
        stack.enter_context(closing(ComputeProcesses(COMPUTING))),
    )


def application(made: Services) -> Starlette:
    """The ASGI application."""
    not_found = NotFound(made.tokens)
    made_of = Starlette(
        routes=[
            WebSocketRoute("/ws/{pipeline_id:path}", made.endpoints.y_websocket),
            WebSocketRoute("/collab", made.endpoints.hocuspocus),
            # As a base URL with a slash at its end becomes (`preserveTrailingSlash` of provider 4).
            WebSocketRoute("/collab/", made.endpoints.hocuspocus),
            # Routes are tried one after the other, and nobody asks as often as live shapes do.
            *made.shapes.routes,
            *made.page.routes,
            Route("/healthz", healthz),
            Route("/readyz", made.readiness.answer),
            Route("/metrics", made.metrics.answer),
            Mount("/api", made.api),
            Route("/{path:path}", not_found.answer, methods=ANY_METHOD),
        ],
        middleware=[
            *(Middleware(one) for one in _middleware(logs_access=made.logs_access)),
            Middleware(SecurityHeaders),
            Middleware(AllowedHosts, hosts=made.hosts),
        ],
    )
    # A path with a line feed in it matches no route at all.
    made_of.router.default = not_found.wrapped(made_of.router.default)
    return made_of


def _middleware(*, logs_access: bool) -> list[Callable[[ASGIApp], ASGIApp]]:
    logging = [AccessLog] if logs_access else []
    return [Correlation, *logging, RequestSpans] if spans.is_traced() else [Correlation, *logging]


async def ensure_demo(dsn: str, *, is_wanted: bool = True) -> UUID | None:
    """Create the demo in an installation without users, if wanted; return its pipeline, if any."""
    pool = await open_pool(dsn, max_size=3)
    try:
        directory = PostgresDirectory(pool)
        if not is_wanted or await directory.has_users():
            return await directory.demo_pipeline()
        pipeline_id = await create_demo(directory, datetime.now(UTC))
        await project_now(pool, pipeline_id)
        return pipeline_id
    finally:
        await pool.close()


async def greeting(settings: Settings, tokens: Checker, dsn: str) -> str:
    """Create the demo if nothing is there, and return the lines on how to connect.

    They have a link with a token only where the secret was generated, and so nobody else can reach
    the server (`Settings.check_exposure`). What others print may be kept in logs for long.
    """
    demo = await ensure_demo(dsn, is_wanted=settings.has_demo)
    is_own = settings.jwt_secret is None and settings.jwks_url is None
    token = None
    if demo is not None and is_own and isinstance(tokens, Tokens):
        token = await _demo_token(settings, tokens, dsn)
    makes_tokens = settings.jwks_url is None
    needed = [variable(name) for name in ("database_url", "jwt_secret") if getattr(settings, name)]
    command, needs = token_command(settings), " and ".join(needed)
    return connection_help(demo, token, command, makes_tokens=makes_tokens, needs=needs)


async def _demo_token(settings: Settings, tokens: Tokens, dsn: str) -> str | None:
    pool = await open_pool(dsn, max_size=1)
    try:
        owner = await PostgresDirectory(pool).user_by_email(DEMO_OWNER)
    except UnknownSubject:
        return None
    finally:
        await pool.close()
    return tokens.begin_session(owner, settings.session_length, datetime.now(UTC)).token
