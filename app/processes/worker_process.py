"""The worker beside a server: a process of its own, since its computing holds the interpreter.

A line leads from the server to it. A word on the line tells it to finish; when the line is cut, the
server is gone. Signals tell it nothing: those to stop may go to all processes of a terminal or of
a service at once, and the worker is needed until the server has drained.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
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
from app.worker_main import pauses, work
from persistence.worker.autosave import Pauses

from .supervisor import CONTEXT, Child, end

if TYPE_CHECKING:
    from app.settings import Settings

RETRY_SECONDS: Final = 2.0
"""Between two attempts to begin with the work."""

FINISHING_SECONDS: Final = 11.0
"""How long a worker may take to finish; after a signal, the server waits less than that."""

UNHEARD: Final = (signal.SIGINT, signal.SIGTERM)

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know."""

    dsn: str
    versions: Pauses
    multiprocess_metrics: MultiprocessMetrics


@contextmanager
def worker_beside(settings: "Settings", dsn: str, sockets: Path) -> Iterator[Callable[[], None]]:
    """Yields what starts a worker, which is kept until the block ends; nothing if none is wanted.

    The database must be migrated. In the directory `sockets` the worker tells what it counts.
    """
    if settings.no_worker:
        yield _start_nothing
        return
    worker_process = WorkerProcess(
        Job(dsn, pauses(settings), MultiprocessMetrics(sockets, "worker"))
    )
    with _kept(worker_process):
        yield worker_process.start


def _start_nothing() -> None:
    """Start no worker."""


@contextmanager
def _kept(worker_process: "WorkerProcess") -> Iterator[None]:
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
        self._line: Connection | None = None
        self.children: list[Child] = []

    def start(self) -> None:
        """Start a worker, and others in its place."""
        self.children.append(Child("worker", self._start, self._let_finish))

    def _start(self) -> SpawnProcess:
        theirs, ours = CONTEXT.Pipe(duplex=False)
        with theirs, _unheard():
            process = CONTEXT.Process(target=_work_beside, args=(self._job, theirs), name="worker")
            process.start()
        self._cut()
        self._line = ours
        return process

    def _cut(self) -> None:
        """Close the line to a predecessor."""
        if self._line is not None:
            self._line.close()

    def _let_finish(self, _process: SpawnProcess) -> None:
        """Say so on the line, if anybody is there to hear it."""
        if self._line is not None:
            with suppress(OSError):
                self._line.send_bytes(b"finish")


@contextmanager
def _unheard() -> Iterator[None]:
    """Hold signals back from a process that this thread starts until it can ignore them itself."""
    # Before: it lets them through again when it starts.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, UNHEARD)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work_beside(job: Job, line: Connection) -> None:
    for number in UNHEARD:
        signal.signal(number, signal.SIG_IGN)
    log.configure()
    with tracing():
        uvloop.run(_work(job, line))


async def _work(job: Job, line: Connection) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(line.fileno(), _hear, job, line, stop)
    async with job.multiprocess_metrics.serving(lambda: generate_latest(WORKER_REGISTRY)):
        await _keep_working(job, stop)


def _hear(job: Job, line: Connection, stop: asyncio.Event) -> None:
    """Finish when told to; end at once, and tidy up, if nobody is left who could tell."""
    try:
        line.recv_bytes()
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
        await work(job.dsn, stop, job.versions)
    except Exception as error:
        _logger.exception("worker.failed", error=str(error))
        return False
    return True
