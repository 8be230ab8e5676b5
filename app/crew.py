"""Several server processes on one port of one machine: started, started again, and ended together.

All of them accept from the same listening socket. The parent serves nobody; it keeps the worker.
"""

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.connection import wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

import structlog
import uvloop
from prometheus_client import generate_latest

from persistence.migrations import migrate

from . import log
from .demo import greeting
from .main import ensure_demo, pauses
from .metrics import WORKER_REGISTRY
from .server import WorkerThread, cannot_listen, leave_within, say_ready, serve_at
from .settings import Settings
from .siblings import Siblings
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
    with (
        tracing(),
        _stopping(settings) as stop,
        _listening(settings) as listening,
        TemporaryDirectory(prefix="pipeloom-") as sockets,
    ):
        text = uvloop.run(_prepared(settings, dsn))
        crew = Crew(settings, dsn, listening, Path(sockets))
        worker = None if settings.no_worker else WorkerThread(dsn, pauses(settings))
        if worker is not None:
            _tell_of_worker(Siblings(Path(sockets), "worker"))
        try:
            crew.start()
            if crew.await_ready(stop):
                say_ready(listening.getsockname(), text)
            crew.watch(stop)
        finally:
            crew.end(settings.drain_timeout + LEAVING_SECONDS)
            if worker is not None:
                worker.stop()


def _tell_of_worker(siblings: Siblings) -> None:
    """Tell what the worker counts as long as this process lives."""

    async def tell() -> None:
        async with siblings.telling(lambda: generate_latest(WORKER_REGISTRY)):
            await asyncio.Future()

    threading.Thread(target=lambda: asyncio.run(tell()), name="metrics", daemon=True).start()


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
    """The processes that serve; in the directory `sockets` they tell each other what they count."""

    def __init__(
        self, settings: Settings, dsn: str, listening: socket.socket, sockets: Path
    ) -> None:
        self._settings, self._dsn, self._listening = settings, dsn, listening
        self._sockets = sockets
        # A fork would copy the worker's thread in the middle of whatever it does.
        self._context: SpawnContext = multiprocessing.get_context("spawn")
        self._members: dict[SpawnProcess, Event] = {}

    def start(self) -> None:
        """Start all."""
        for _ in range(self._settings.workers):
            self._add()

    def _add(self) -> None:
        ready, siblings = self._context.Event(), Siblings(self._sockets, self._free_name())
        member = self._context.Process(
            target=_serve_in_crew,
            args=(self._settings, self._dsn, self._listening, siblings, ready),
            name=siblings.name,
        )
        member.start()
        self._members[member] = ready

    def _free_name(self) -> str:
        """A number; that of a process that ended is given to the next, so that they stay few."""
        taken = {member.name for member in self._members}
        return next(name for name in map(str, count(1)) if name not in taken)

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


def _serve_in_crew(
    settings: Settings, dsn: str, listening: socket.socket, siblings: Siblings, ready: Event
) -> None:
    log.configure()
    threading.Thread(target=_leave_with_parent, name="parent", daemon=True).start()
    tokens = verifier_for(settings)
    serve_at(settings, tokens, dsn, listening, siblings=siblings, on_ready=ready.set)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    while True:
        # Again and again: while the server starts it overhears it.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LOOK_SECONDS)
