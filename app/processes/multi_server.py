"""Several server processes on one port of one machine: started, started again, and ended together.

All of them accept from the same listening socket. The parent serves nobody.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final

import uvloop

from app.auth.verifiers import verifier_for
from app.main import greeting
from app.settings import Settings
from app.telemetry import log
from app.telemetry.exporter import tracing
from app.telemetry.multiprocess_metrics import MultiprocessMetrics
from crdt.errors import PipeloomError
from persistence.postgres.migrations import migrate

from .addresses import address_of
from .drain_deadline import DrainDeadline
from .server import cannot_listen, print_ready, serve_at
from .started import Circumstances
from .supervisor import CONTEXT, Child, end
from .worker_process import worker_beside

BACKLOG: Final = 2048
"""Connections that may wait to be accepted, as uvicorn has it."""

LOOK_SECONDS: Final = 0.2
"""Between two looks for the signal to stop."""

AFTER_DRAINING_SECONDS: Final = 1.7
"""How long the processes may take to end once they have drained: a little more than each takes."""


def serve_together(settings: Settings, dsn: str) -> None:
    """Serve with `settings.workers` processes until SIGTERM or SIGINT.

    Raises StoreError, SettingsError when the port is taken, DrainOverrun when a process had to be
    ended before it had drained.
    """
    deadline = DrainDeadline(settings.drain_timeout + AFTER_DRAINING_SECONDS)
    with (
        tracing(),
        _stopping(deadline) as stop,
        _listening(settings) as listening,
        TemporaryDirectory(prefix="pipeloom-") as sockets,
    ):
        text, circumstances = uvloop.run(_prepared(settings, dsn))
        with (
            worker_beside(settings, dsn, Path(sockets)) as start_worker,
            _serving(MultiServer(settings, dsn, listening, Path(sockets))) as multi_server,
        ):
            deadline.watch(multi_server.not_drained, multi_server.kill)
            if multi_server.await_ready(stop):
                print_ready(settings, listening.getsockname(), text)
                circumstances.log_server(settings, address_of(listening.getsockname()))
                start_worker()
            _await(stop)
    if overrun := multi_server.not_drained():
        raise DrainOverrun(f"not drained in time: {', '.join(overrun)}; see the log")


class DrainOverrun(PipeloomError):
    """A process was ended before it had drained: not everybody was closed with a reason."""


async def _prepared(settings: Settings, dsn: str) -> tuple[str, Circumstances]:
    await migrate(dsn)
    text = await greeting(settings, verifier_for(settings), dsn)
    return text, await Circumstances.of(settings, dsn)


@contextmanager
def _stopping(deadline: DrainDeadline) -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; from then on the end is certain."""
    stop = threading.Event()

    def begin_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        deadline.begin()

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


class MultiServer:
    """The processes that serve; by the directory `sockets` they exchange what they count."""

    def __init__(
        self, settings: Settings, dsn: str, listening: socket.socket, sockets: Path
    ) -> None:
        self._settings, self._dsn, self._listening = settings, dsn, listening
        self._sockets = sockets
        self._ready: dict[str, Event] = {}
        self._members: list[Child] = []

    def start(self) -> None:
        """Start all."""
        for number in range(1, self._settings.workers + 1):
            start = partial(self._start, str(number))
            self._members.append(Child("server", start, SpawnProcess.terminate))

    def _start(self, name: str) -> SpawnProcess:
        """Start a process. It has the name of the one it replaces: metrics keep few labels."""
        ready, multiprocess_metrics = CONTEXT.Event(), MultiprocessMetrics(self._sockets, name)
        process = CONTEXT.Process(
            target=_serve_beside_others,
            args=(self._settings, self._dsn, self._listening, multiprocess_metrics, ready),
            name=name,
        )
        process.start()
        self._ready[name] = ready
        return process

    def await_ready(self, stop: threading.Event) -> bool:
        """Wait until all accept connections; False if it is time to stop instead."""
        while not self._are_ready():
            time.sleep(LOOK_SECONDS / 10)
            if stop.is_set():
                return False
        return True

    def _are_ready(self) -> bool:
        ready = list(self._ready.values())
        return len(ready) == len(self._members) and all(one.is_set() for one in ready)

    def end(self) -> None:
        """Let all drain and end; kill whoever takes too long."""
        end(self._members, self._settings.drain_timeout + AFTER_DRAINING_SECONDS)

    def kill(self) -> None:
        """End all at once."""
        for member in self._members:
            member.kill()

    def not_drained(self) -> list[str]:
        """Name the processes that have not drained, be it that they still try."""
        return [member.description for member in self._members if not member.has_ended_well]


@contextmanager
def _serving(multi_server: MultiServer) -> Iterator[MultiServer]:
    try:
        multi_server.start()
        yield multi_server
    finally:
        multi_server.end()


def _await(stop: threading.Event) -> None:
    # `stop.wait` holds a lock that the signal's handler needs, too, now and then.
    while not stop.is_set():
        time.sleep(LOOK_SECONDS)


def _serve_beside_others(
    settings: Settings,
    dsn: str,
    listening: socket.socket,
    multiprocess_metrics: MultiprocessMetrics,
    ready: Event,
) -> None:
    log.configure()
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    tokens = verifier_for(settings)
    serve_at(
        settings,
        tokens,
        dsn,
        listening,
        multiprocess_metrics=multiprocess_metrics,
        on_ready=ready.set,
    )


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    while True:
        # Again and again: while the server starts, it may miss it.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LOOK_SECONDS)
