"""The process that serves: the web server, with a worker in another process beside it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any, TypeAlias

import uvicorn
import uvloop

from app.auth.tokens import Verifier
from app.main import Services, application, ensure_demo, services
from app.services.demo import connection_help
from app.settings import Settings, SettingsError
from app.telemetry.exporter import tracing
from app.telemetry.multiprocess_metrics import MultiprocessMetrics
from app.websocket.uvicorn_protocol import WebSocketProtocol
from persistence.postgres.migrations import migrate

from .worker_process import worker_beside

AFTER_DRAINING_SECONDS = 1.5
"""How long the process may take to end once it has drained."""

PARTING_SECONDS = 0.5
"""How long clients may take to answer a close frame when the server leaves."""

SWITCH_SECONDS = 0.001
"""How long a thread that loads a document may keep the interpreter from the event loop."""

Address: TypeAlias = tuple[Any, ...]
"""A socket's name: host, port, and for IPv6 two more."""


class Server(uvicorn.Server):
    """uvicorn, saying when it is ready and draining before it closes sockets."""

    def __init__(
        self,
        config: uvicorn.Config,
        made: Services,
        announce: Callable[[Address], None],
        *,
        leave_within: float,
    ) -> None:
        super().__init__(config)
        self._made, self._announce = made, announce
        self._seconds_to_leave = leave_within

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """See uvicorn; announces where the server is once it listens."""
        uvicorn_says = logging.getLogger("uvicorn.error")
        uvicorn_says.disabled = True
        try:
            await super().startup(sockets)
        except SystemExit as failed:
            config = self.config
            raise cannot_listen(config.host, config.port, failed.__context__) from failed
        finally:
            uvicorn_says.disabled = False
        if self.started:
            self._announce(self.servers[0].sockets[0].getsockname())

    async def shutdown(self, sockets: list[Any] | None = None) -> None:
        """See uvicorn; what was received is committed first."""
        await self._made.announce_end()
        for server in self.servers:
            server.close()
        await self._made.drain()
        await self._part()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn; from now on the end is certain."""
        if not self.should_exit:
            leave_within(self._seconds_to_leave)
        super().handle_exit(sig, frame)

    async def _part(self) -> None:
        """Let clients answer their close frames: a socket closed before that loses the code."""
        deadline = time.monotonic() + PARTING_SECONDS
        while self._websockets() and time.monotonic() < deadline:  # noqa: ASYNC110 - no event for it
            await asyncio.sleep(0.01)

    def _websockets(self) -> list[object]:
        # Idle HTTP connections are in there too, and stay until uvicorn closes them.
        connections = self.server_state.connections
        return [one for one in connections if isinstance(one, WebSocketProtocol)]


def say_ready(name: Address, connection_help: str) -> None:
    """Print where the server is, by its socket's name, and how to connect."""
    host, port = name[:2]
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    print(f"Pipeloom is ready at http://{address}/", flush=True)
    print(connection_help.replace("{address}", address), flush=True)


def cannot_listen(host: str, port: int, cause: BaseException | None) -> SettingsError:
    """Explain why nothing can listen there."""
    number = cause.errno if isinstance(cause, OSError) else None
    reason = os.strerror(number) if number else str(cause)
    return SettingsError(
        f"cannot listen on {host} port {port}: {reason.lower()}; choose another --port or --host"
    )


def serve(settings: Settings, tokens: Verifier, dsn: str) -> None:
    """Serve until SIGTERM or SIGINT. Raises StoreError, SettingsError when the port is taken."""
    _prepare_process(settings)
    with tracing():
        uvloop.run(migrate(dsn))
        if settings.no_worker:
            uvloop.run(_serve(settings, tokens, dsn))
        else:
            _serve_beside_worker(settings, tokens, dsn)


def _serve_beside_worker(settings: Settings, tokens: Verifier, dsn: str) -> None:
    with (
        TemporaryDirectory(prefix="pipeloom-") as sockets,
        worker_beside(settings, dsn, Path(sockets)) as start_worker,
    ):
        multiprocess_metrics = MultiprocessMetrics(Path(sockets), "1")
        uvloop.run(_serve(settings, tokens, dsn, multiprocess_metrics, start_worker))


def serve_at(
    settings: Settings,
    tokens: Verifier,
    dsn: str,
    listening: socket.socket,
    *,
    multiprocess_metrics: MultiprocessMetrics,
    on_ready: Callable[[], None],
) -> None:
    """Serve whoever comes in at a socket that others serve, too, until SIGTERM or SIGINT.

    The database must be migrated, and others must project. Raises StoreError.
    """
    _prepare_process(settings)
    with tracing():
        uvloop.run(
            _serve_at(
                settings,
                tokens,
                dsn,
                listening,
                multiprocess_metrics=multiprocess_metrics,
                on_ready=on_ready,
            )
        )


async def _serve_at(
    settings: Settings,
    tokens: Verifier,
    dsn: str,
    listening: socket.socket,
    *,
    multiprocess_metrics: MultiprocessMetrics,
    on_ready: Callable[[], None],
) -> None:
    async with services(settings, tokens, dsn, multiprocess_metrics) as made:
        await _run(made, settings, tokens, lambda _: on_ready(), [listening])


_told_to_stop = threading.Event()
"""Set by a signal that comes while the server is starting, before uvicorn listens to signals."""


def _prepare_process(settings: Settings) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # uvicorn raises the signal again when it has drained; that must not kill the process.
        _told_to_stop.set()
        leave_within(_seconds_to_leave(settings))

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    sys.setswitchinterval(SWITCH_SECONDS)


def leave_within(seconds: float) -> None:
    """End the process in any case. What is committed stands, and the rest was not acknowledged."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _seconds_to_leave(settings: Settings) -> float:
    return settings.drain_timeout + AFTER_DRAINING_SECONDS


async def _serve(
    settings: Settings,
    tokens: Verifier,
    dsn: str,
    multiprocess_metrics: MultiprocessMetrics | None = None,
    and_then: Callable[[], None] | None = None,
) -> None:
    """Serve; once ready, say so and do what is to be done then."""
    async with services(settings, tokens, dsn, multiprocess_metrics) as made:
        text = connection_help(await ensure_demo(dsn), settings.data_dir)

        def announce(name: Address) -> None:
            say_ready(name, text)
            if and_then is not None:
                and_then()

        await _run(made, settings, tokens, announce)


async def _run(
    made: Services,
    settings: Settings,
    tokens: Verifier,
    announce: Callable[[Address], None],
    sockets: list[socket.socket] | None = None,
) -> None:
    config = uvicorn.Config(
        application(made, tokens),
        host=settings.host,
        port=settings.port,
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
    server = Server(config, made, announce, leave_within=_seconds_to_leave(settings))
    # Before anybody is here: what lives until the end, code nearly all of it, made each full
    # collection stop everybody for 80 ms.
    gc.collect()
    gc.freeze()
    if not _told_to_stop.is_set():
        await server.serve(sockets)
