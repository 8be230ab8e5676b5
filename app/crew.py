"""Several server processes on one port of one machine: started, started again, and ended together.

All of them accept from the same listening socket. The parent serves nobody; it keeps the worker.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Final

import structlog
import uvloop

from persistence.migrations import migrate

from . import log
from .demo import greeting
from .main import ensure_demo, pauses
from .server import WorkerThread, cannot_listen, leave_within, say_ready, serve_at
from .settings import Settings
from .telemetry import tracing
from .verifiers import verifier_for

BACKLOG: Final = 2048
"""Connections that may wait to be accepted, as uvicorn has it."""

LOOK_SECONDS: Final = 0.2
"""Between two looks for the signal to stop."""

RETRY_SECONDS: Final = 1.0
"""How long a process that ended is mourned before another takes its place."""

LEAVING_SECONDS: Final = 1.7
"""How long the processes may take to end once they have drained."""

_logger = structlog.get_logger(__name__)


def serve_together(settings: Settings, dsn: str) -> None:
    """Serve with `settings.workers` processes until SIGTERM or SIGINT.

    Raises StoreError, SettingsError when the port is taken.
    """
    with tracing(), _stopping(settings) as stop, _listening(settings) as listening:
        text = uvloop.run(_prepared(settings, dsn))
        worker = None if settings.no_worker else WorkerThread(dsn, pauses(settings))
        crew = Crew(settings, dsn, listening)
        try:
            crew.start()
            if crew.await_ready(stop):
                say_ready(listening.getsockname(), text)
            crew.watch(stop)
        finally:
            crew.end(settings.drain_timeout + LEAVING_SECONDS)
            if worker is not None:
                worker.stop()


async def _prepared(settings: Settings, dsn: str) -> str:
    await migrate(dsn)
    return greeting(await ensure_demo(dsn), settings.data_dir)


@contextmanager
def _stopping(settings: Settings) -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; from then on the end is certain."""
    stop = threading.Event()

    def begin_to_stop(_number: int, _frame: FrameType | None) -> None:
        if not stop.is_set():
            stop.set()
            leave_within(settings.drain_timeout + LEAVING_SECONDS)

    before = {
        number: signal.signal(number, begin_to_stop) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listening = socket.create_server(
            (settings.host, settings.port), family=family, backlog=BACKLOG
        )
    except OSError as error:
        raise cannot_listen(settings.host, settings.port, error) from error
    with listening:
        yield listening


class Crew:
    """The processes that serve."""

    def __init__(self, settings: Settings, dsn: str, listening: socket.socket) -> None:
        self._settings, self._dsn, self._listening = settings, dsn, listening
        # A fork would copy the worker's thread in the middle of whatever it does.
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._members: dict[SpawnProcess, Event] = {}

    def start(self) -> None:
        """Start all."""
        for _ in range(self._settings.workers):
            self._add()

    def _add(self) -> None:
        ready = self._context.Event()
        member = self._context.Process(
            target=_serve_in_crew,
            args=(self._settings, self._dsn, self._listening, ready),
            name="pipeloom serve",
        )
        member.start()
        self._members[member] = ready

    def await_ready(self, stop: threading.Event) -> bool:
        """Wait until all accept connections; False if it is time to stop instead."""
        while not all(ready.is_set() for ready in self._members.values()):
            self._replace_ended()
            if stop.wait(LOOK_SECONDS / 10):
                return False
        return True

    def watch(self, stop: threading.Event) -> None:
        """Start another process for each that ends, until it is time to stop."""
        while not stop.is_set():
            wait([member.sentinel for member in self._members], LOOK_SECONDS)
            if not stop.is_set():
                self._replace_ended(stop)

    def _replace_ended(self, stop: threading.Event | None = None) -> None:
        ended = [member for member in self._members if not member.is_alive()]
        if not ended:
            return
        for member in ended:
            del self._members[member]
            _logger.error("server.ended", pid=member.pid, code=member.exitcode)
        if stop is None or not stop.wait(RETRY_SECONDS):
            for _ in ended:
                self._add()

    def end(self, within: float) -> None:
        """Let all drain and end; kill whoever takes longer than so many seconds."""
        deadline = time.monotonic() + within
        while (alive := self._alive()) and time.monotonic() < deadline:
            # Again and again: one that is just starting overhears it.
            for member in alive:
                member.terminate()
            wait([member.sentinel for member in alive], LOOK_SECONDS)
        for member in self._alive():
            member.kill()

    def _alive(self) -> list[SpawnProcess]:
        return [member for member in self._members if member.is_alive()]


def _serve_in_crew(settings: Settings, dsn: str, listening: socket.socket, ready: Event) -> None:
    log.configure()
    threading.Thread(target=_leave_with_parent, name="parent", daemon=True).start()
    serve_at(settings, verifier_for(settings), dsn, listening, ready.set)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    while True:
        # Again and again: while the server starts it overhears it.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LOOK_SECONDS)
