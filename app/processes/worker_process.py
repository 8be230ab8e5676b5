"""The worker beside a server: a process of its own, since its computing holds the interpreter.

A pipe leads from the server to it. A message in the pipe asks it to finish; when the pipe is
closed, the server is gone. It ignores signals: those to stop may go to all processes of a terminal
or of a service at once, and the worker is needed until the server has drained.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
import uvloop
from prometheus_client import generate_latest

from app.telemetry import log
from app.telemetry.exporter import tracing
from app.telemetry.metrics import WORKER_REGISTRY
from app.telemetry.multiprocess_metrics import MultiprocessMetrics
from app.worker_main import kept, pauses, work
from persistence.ports.deletions import Kept
from persistence.worker.autosave import Pauses

from .supervisor import CONTEXT, Child, end

if TYPE_CHECKING:
    from app.settings import Settings

RETRY_SECONDS: Final = 2.0
"""Between two attempts to begin with the work."""

FINISHING_SECONDS: Final = 11.0
"""How long a worker may take to finish; after a signal, the server waits less than that."""

NICENESS: Final = 3
"""How much a worker leaves the processor to the server beside it, whose edits others wait for."""

IGNORED_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is started with."""

    dsn: str
    versions: Pauses
    kept: Kept
    fold_after: timedelta | None
    most_bytes: int
    connections: int
    multiprocess_metrics: MultiprocessMetrics


@contextmanager
def worker_beside(settings: "Settings", dsn: str, sockets: Path) -> Iterator[Callable[[], None]]:
    """Yields what starts a worker, which is kept until the block ends; nothing if none is wanted.

    The database must be migrated. In the directory `sockets` the worker publishes what it counts.
    """
    if settings.no_worker:
        yield _start_nothing
        return
    metrics = MultiprocessMetrics(sockets, "worker")
    job = Job(
        dsn,
        pauses(settings),
        kept(settings),
        settings.folded_after,
        settings.max_bytes_per_team,
        settings.pool_worker,
        metrics,
    )
    worker_process = WorkerProcess(job)
    with _finishing_at_the_end(worker_process):
        yield worker_process.start


def _start_nothing() -> None:
    """Start no worker."""


@contextmanager
def _finishing_at_the_end(worker_process: "WorkerProcess") -> Iterator[None]:
    """At the end let it finish what lags, unless the block failed."""
    patience = 0.0
    try:
        yield
        patience = FINISHING_SECONDS
    finally:
        end(worker_process.children, patience)


class WorkerProcess:
    """The server's side of it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._pipe: Connection | None = None
        self.children: list[Child] = []

    def start(self) -> None:
        """Start a worker, and others in its place."""
        self.children.append(Child("worker", self._start, self._let_finish))

    def _start(self) -> SpawnProcess:
        theirs, ours = CONTEXT.Pipe(duplex=False)
        with theirs, _signals_blocked():
            process = CONTEXT.Process(target=_work_beside, args=(self._job, theirs), name="worker")
            process.start()
        self._close_pipe()
        self._pipe = ours
        return process

    def _close_pipe(self) -> None:
        """Close the pipe to a predecessor."""
        if self._pipe is not None:
            self._pipe.close()

    def _let_finish(self, _process: SpawnProcess) -> None:
        """Send the request to finish, if the worker is there to receive it."""
        if self._pipe is not None:
            with suppress(OSError):
                self._pipe.send_bytes(b"finish")


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Hold signals back from a process that this thread starts until it can ignore them itself."""
    # Before: it lets them through again when it starts.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work_beside(job: Job, pipe: Connection) -> None:
    for number in IGNORED_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    log.configure()
    with tracing():
        uvloop.run(_work(job, pipe))


async def _work(job: Job, pipe: Connection) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), _receive_from_server, job, pipe, stop)
    async with job.multiprocess_metrics.serving(lambda: generate_latest(WORKER_REGISTRY)):
        await _keep_working(job, stop)


def _receive_from_server(job: Job, pipe: Connection, stop: asyncio.Event) -> None:
    """Finish when asked to; end at once, and remove the sockets, if the server is gone."""
    try:
        pipe.recv_bytes()
    except (EOFError, OSError):
        shutil.rmtree(job.multiprocess_metrics.directory, ignore_errors=True)
        os._exit(1)
    stop.set()


async def _keep_working(job: Job, stop: asyncio.Event) -> None:
    """Work until stopped; if that cannot begin, try again, whatever the reason."""
    while not await _has_worked(job, stop):
        with suppress(TimeoutError):
            async with asyncio.timeout(RETRY_SECONDS):
                await stop.wait()
                return


async def _has_worked(job: Job, stop: asyncio.Event) -> bool:
    try:
        await work(
            job.dsn,
            stop,
            job.versions,
            job.kept,
            job.fold_after,
            most_bytes=job.most_bytes,
            connections=job.connections,
        )
    except Exception as error:
        _logger.exception("worker.failed", error=str(error))
        return False
    return True
