"""The process that serves: the web server, with a worker process beside it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import uvicorn
import uvloop
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.auth.tokens import Checker
from app.main import Services, application, greeting, services
from app.setting_values import listed
from app.settings import Settings, SettingsError
from app.telemetry.exporter import tracing
from app.telemetry.multiprocess_metrics import MultiprocessMetrics
from app.websocket.uvicorn_protocol import WebSocketProtocol
from persistence.postgres.migrations import migrate

from .addresses import Address, address_of, elsewhere, is_in_container, nearby
from .drain_deadline import DrainDeadline
from .http_protocol import HttpProtocol
from .sockets import PER_CONNECTION, Sockets, most_sockets
from .started import Circumstances, log_stopped, log_stopping
from .worker_process import worker_beside

AFTER_DRAINING_SECONDS = 1.5
"""How long the process may take to end once it has drained."""

CLOSE_SECONDS = 0.5
"""How long clients may take to answer a close frame when the server stops."""

PROXIES = "127.0.0.1,::1"
"""Where proxies are unless FORWARDED_ALLOW_IPS says it: uvicorn's default."""

SWITCH_SECONDS = 0.001
"""How long a thread that loads a document may keep the interpreter from the event loop."""


class Server(uvicorn.Server):
    """uvicorn, which calls `announce` when it is ready, and drains before it closes sockets."""

    def __init__(
        self,
        config: uvicorn.Config,
        made: Services,
        announce: Callable[[Address], None],
        deadline: DrainDeadline,
    ) -> None:
        super().__init__(config)
        self._made, self._announce, self._deadline = made, announce, deadline
        self._signal: int | None = None

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """See uvicorn; announces where the server is once it listens."""
        # uvicorn logs an error of its own for what `cannot_listen` explains.
        uvicorn_log = logging.getLogger("uvicorn.error")
        uvicorn_log.disabled = True
        try:
            await super().startup(sockets)
        except SystemExit as failed:
            config = self.config
            raise cannot_listen(config.host, config.port, failed.__context__) from failed
        finally:
            uvicorn_log.disabled = False
        if self.started:
            self._announce(self.servers[0].sockets[0].getsockname())

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """See uvicorn; what was received is committed first."""
        began, clients = time.monotonic(), self._made.endpoints.open
        log_stopping(self._signal, clients)
        await self._made.announce_end()
        for server in self.servers:
            server.close()
        await self._made.drain()
        await self._await_closes()
        log_stopped(time.monotonic() - began, clients, len(self._websockets()))
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn; from now on the end is certain."""
        self._deadline.begin()
        self._signal = self._signal or sig
        super().handle_exit(sig, frame)

    def still_open(self) -> list[str]:
        """Return what a drain waits for, for whoever wonders why it takes so long."""
        counts = {
            "WebSockets": self._made.endpoints.open,
            "HTTP connections": len(self.server_state.connections) - len(self._websockets()),
            "requests and sockets in progress": len(self.server_state.tasks),
            "bytes of updates that wait for PostgreSQL": self._made.pending_bytes,
        }
        return [f"{count} {what}" for what, count in counts.items() if count] or ["the event loop"]

    async def _await_closes(self) -> None:
        """Let clients answer their close frames: a socket closed before that loses the code."""
        deadline = time.monotonic() + CLOSE_SECONDS
        while self._websockets() and time.monotonic() < deadline:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)

    def _websockets(self) -> list[object]:
        # Idle HTTP connections are in there too, and stay until uvicorn closes them.
        connections = self.server_state.connections
        return [one for one in connections if isinstance(one, WebSocketProtocol)]


def print_ready(settings: Settings, name: Address, connection_help: str) -> None:
    """Print where the server is, by its socket's name, and how to connect."""
    address = nearby(name)
    print(f"Pipeloom is ready at http://{address}/", flush=True)
    names = listed(settings.allowed_hosts)
    for line in elsewhere(name, names, in_container=is_in_container()):
        print(f"  from elsewhere  {line}", flush=True)
    print(connection_help.replace("{address}", address), flush=True)


def cannot_listen(host: str, port: int, cause: BaseException | None) -> SettingsError:
    """Explain why nothing can listen there."""
    number = cause.errno if isinstance(cause, OSError) else None
    reason = os.strerror(number) if number else str(cause)
    return SettingsError(
        f"cannot listen on {host} port {port}: {reason.lower()}; choose another --port or --host"
    )


def serve(settings: Settings, tokens: Checker, dsn: str) -> None:
    """Serve until SIGTERM or SIGINT. Raises StoreError, SettingsError when the port is taken."""
    deadline = _prepare_process(settings)
    with tracing():
        uvloop.run(migrate(dsn))
        if settings.no_worker:
            uvloop.run(_serve(settings, tokens, dsn, deadline))
            deadline.watch(list)
        else:
            _serve_beside_worker(settings, tokens, dsn, deadline)


def _serve_beside_worker(
    settings: Settings, tokens: Checker, dsn: str, deadline: DrainDeadline
) -> None:
    with (
        TemporaryDirectory(prefix="pipeloom-") as sockets,
        worker_beside(settings, dsn, Path(sockets)) as start_worker,
    ):
        multiprocess_metrics = MultiprocessMetrics(Path(sockets), "1")
        uvloop.run(
            _serve(
                settings,
                tokens,
                dsn,
                deadline,
                multiprocess_metrics=multiprocess_metrics,
                on_ready=start_worker,
            )
        )
        deadline.watch(list)


def serve_at(
    settings: Settings,
    tokens: Checker,
    dsn: str,
    listening: socket.socket,
    *,
    multiprocess_metrics: MultiprocessMetrics,
    on_ready: Callable[[], None],
) -> None:
    """Serve whoever comes in at a socket that others serve, too, until SIGTERM or SIGINT.

    The database must be migrated, and others must project. Raises StoreError.
    """
    deadline = _prepare_process(settings)
    with tracing():
        uvloop.run(
            _serve_at(
                settings,
                tokens,
                dsn,
                listening,
                deadline,
                multiprocess_metrics=multiprocess_metrics,
                on_ready=on_ready,
            )
        )


async def _serve_at(
    settings: Settings,
    tokens: Checker,
    dsn: str,
    listening: socket.socket,
    deadline: DrainDeadline,
    *,
    multiprocess_metrics: MultiprocessMetrics,
    on_ready: Callable[[], None],
) -> None:
    async with services(settings, tokens, dsn, multiprocess_metrics) as made:
        await _run(made, settings, lambda _: on_ready(), deadline, sockets=[listening])


def _prepare_process(settings: Settings) -> DrainDeadline:
    deadline = DrainDeadline(settings.drain_timeout + AFTER_DRAINING_SECONDS)

    def stop(_number: int, _frame: FrameType | None) -> None:
        # While the server starts, before uvicorn handles signals; and when uvicorn, which raises
        # the signal again once it has drained, would otherwise kill the process.
        deadline.begin()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    sys.setswitchinterval(SWITCH_SECONDS)
    return deadline


async def _serve(
    settings: Settings,
    tokens: Checker,
    dsn: str,
    deadline: DrainDeadline,
    *,
    multiprocess_metrics: MultiprocessMetrics | None = None,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve; once ready, print where, and call `on_ready`."""
    async with services(settings, tokens, dsn, multiprocess_metrics) as made:
        text = await greeting(settings, tokens, dsn)
        circumstances = await Circumstances.of(settings, dsn)

        def announce(name: Address) -> None:
            print_ready(settings, name, text)
            circumstances.log_server(settings, address_of(name))
            on_ready()

        await _run(made, settings, announce, deadline)


def _sockets(settings: Settings, app: Any) -> Sockets:
    # As uvicorn reads it: these are the addresses behind which it looks for the client's own.
    proxies = ProxyHeadersMiddleware(app, os.environ.get("FORWARDED_ALLOW_IPS", PROXIES))
    per_address = PER_CONNECTION * settings.max_connections_per_address
    # What a client asks of Electric takes a connection to it as well.
    files_each = 1 if settings.electric_url is None else 2
    return Sockets(most_sockets(files_each), per_address, proxies.trusted_hosts.__contains__)


def _config(settings: Settings, app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=partial(  # type: ignore[arg-type]  # uvicorn only calls it
            HttpProtocol,
            sockets=_sockets(settings, app),
            head_seconds=settings.head_seconds,
        ),
        ws=WebSocketProtocol,
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        # A request line holds the token.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


async def _run(
    made: Services,
    settings: Settings,
    announce: Callable[[Address], None],
    deadline: DrainDeadline,
    *,
    sockets: list[socket.socket] | None = None,
) -> None:
    config = _config(settings, application(made))
    server = Server(config, made, announce, deadline)
    # Before anybody is here: what lives until the end, code nearly all of it, made each full
    # collection stop everybody for 80 ms.
    gc.collect()
    gc.freeze()
    if not deadline.has_begun:
        deadline.watch(server.still_open)
        await server.serve(sockets)
    deadline.watch(lambda: ["the connections to PostgreSQL and the bus"])
