"""Runs long computations in processes of their own, so that rooms need not wait for them.

A thread is no place for them: the CRDT library holds the interpreter while it loads or merges a
document, and Python that runs for seconds takes it from the event loop again and again. What is
small is computed in a thread nevertheless, since a process takes a twentieth of a second to start.

Each computation has a process to itself. So its memory is given back when it ends, and one whose
caller waits no more can be ended. The processes are forks of one that has imported what they need
and has no threads (`forkserver`); that one starts with the first of them.
"""

import asyncio
import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.reduction import ForkingPickler
from typing import Any, Final, ParamSpec, TypeVar, cast

import structlog

from app.telemetry import log
from crdt.document.library import panics_fenced
from crdt.errors import Overloaded
from persistence.worker.replay import compute

LARGE_BYTES: Final = 64 * 1024
"""Computations on fewer bytes stay in a thread."""

AT_ONCE: Final = 2
"""Processes at the same time; other computations wait."""

MOST_SECONDS: Final = 60.0
"""How long one may take: ten thousand steps take half of that on a machine with much to do."""

MOST_BYTES: Final = 2 * 1024**3
"""How much memory one may take: ten thousand steps take 270 MB."""

NICENESS: Final = 2
"""How much the processes leave the processor to the server."""

TOO_LONG: Final = (
    "the computation took longer than {seconds:g} s and was ended: nothing was changed"
)
"""The reason of Overloaded for a computation that was cut."""

LOST: Final = "the computation was ended: nothing was changed, try again"
"""The reason of Overloaded for a computation whose process is gone: killed for its memory, say."""

TOO_MUCH_MEMORY: Final = "the computation took too much memory and was ended: nothing was changed"
"""The reason of Overloaded for a computation that Python had no memory left for."""

P = ParamSpec("P")
T = TypeVar("T")


_logger = structlog.get_logger(__name__)


class ComputeProcesses:
    """Runs computations, the large ones in processes. Belongs to one event loop.

    `preloaded` are the modules that most of them need. `large_bytes` is the size of arguments from
    which on a computation is large. One that takes longer than `most_seconds` is ended.
    """

    def __init__(
        self,
        preloaded: Sequence[str] = (),
        large_bytes: int = LARGE_BYTES,
        at_once: int = AT_ONCE,
        most_seconds: float = MOST_SECONDS,
    ) -> None:
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([__name__, *preloaded])
        self._large_bytes, self._most_seconds = large_bytes, most_seconds
        self._turn = asyncio.Semaphore(at_once)
        # Not the threads of the event loop: they are few, and these wait for minutes.
        self._threads = ThreadPoolExecutor(2 * at_once, thread_name_prefix="compute")
        self._running: set[_Computation] = set()

    async def __call__(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a task; return or raise what it does.

        The task, its arguments and its result must be picklable, and cheap to pickle: the event
        loop waits for that. Raises Overloaded if the process is lost or takes too long.
        """
        if sum(map(_size, (*args, *kwargs.values()))) < self._large_bytes:
            return await compute(task, *args, **kwargs)
        async with self._turn:
            return cast("T", await self._run(partial(task, *args, **kwargs)))

    async def _run(self, task: Callable[[], Any]) -> Any:
        computation = _Computation(self._context, task)
        self._running.add(computation)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._most_seconds):
                outcome: _Outcome = await loop.run_in_executor(self._threads, computation.outcome)
        except TimeoutError as error:
            _logger.warning("computation.cut", task=_name(task), seconds=self._most_seconds)
            raise Overloaded(TOO_LONG.format(seconds=self._most_seconds)) from error
        finally:
            # Also when the caller has given up: the thread ends as the process does.
            computation.end()
            self._running.discard(computation)
        return outcome.get()

    def close(self) -> None:
        """End what still runs."""
        for computation in self._running:
            computation.end()
        self._threads.shutdown(wait=False, cancel_futures=True)


def _size(value: object) -> int:
    """How many bytes a value holds, as far as that can be told at a glance."""
    if isinstance(value, bytes | str):
        return len(value)
    if isinstance(value, list):
        return sum(map(_size, value))
    return int(getattr(value, "size", 0))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a task returned or, if `error` is a class, raised.

    An error is taken apart, since errors that are made of several arguments cannot be pickled.
    """

    value: Any = None
    error: type[Exception] | None = None
    arguments: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, task: Callable[[], Any]) -> "_Outcome":
        """Run a task."""
        try:
            with panics_fenced():
                return cls(task())
        except MemoryError:
            return cls(None, Overloaded, (TOO_MUCH_MEMORY,))
        except Exception as error:
            return cls(None, type(error), error.args, vars(error))

    def get(self) -> Any:
        """Return or raise it."""
        if self.error is None:
            return self.value
        error = self.error.__new__(self.error, *self.arguments)
        error.__dict__.update(self.attributes)
        raise error


class _Computation:
    """A process that computes one thing."""

    def __init__(self, context: ForkServerContext, task: Callable[[], Any]) -> None:
        self._context, self._task = context, task
        self._process: ForkServerProcess | None = None
        self._is_over = threading.Event()

    def outcome(self) -> _Outcome:
        """Start the process and wait for what it computes, in a thread. Raises Overloaded."""
        ours, theirs = self._context.Pipe()
        with ours:
            with theirs:
                self._start(theirs)
            try:
                ours.send(self._task)
                return cast("_Outcome", ours.recv())
            except (EOFError, OSError) as error:
                if not self._is_over.is_set():
                    _logger.error("computation.lost", task=_name(self._task))
                raise Overloaded(LOST) from error
            finally:
                self.end()

    def _start(self, theirs: Connection) -> None:
        process = self._context.Process(target=_compute, args=(theirs,), daemon=True)
        try:
            process.start()
        except (OSError, EOFError) as error:
            # The process that forks was ended, as when the whole service is stopped.
            raise Overloaded(LOST) from error
        self._process = process
        if self._is_over.is_set():
            process.kill()

    def end(self) -> None:
        """End the process, if it still runs."""
        self._is_over.set()
        if self._process is not None:
            self._process.kill()


def _name(task: Callable[[], Any]) -> str:
    return str(getattr(getattr(task, "func", task), "__name__", "a part of one"))


def _compute(pipe: Connection) -> None:
    """Compute what comes through the pipe, and answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    _limit_memory()
    log.configure()
    job = pipe.recv_bytes()
    threading.Thread(target=_end_with_server, args=(pipe,), daemon=True).start()
    # What cannot be pickled is the task's failure, too, and its caller's to know.
    answer = _Outcome.of(lambda: ForkingPickler.dumps(_Outcome.of(ForkingPickler.loads(job))))
    with suppress(OSError):
        pipe.send_bytes(answer.value or ForkingPickler.dumps(answer))


def _limit_memory() -> None:
    """Bound the memory of this process: beyond it, Python raises and the CRDT library aborts."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MOST_BYTES if most == resource.RLIM_INFINITY else min(MOST_BYTES, most)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def _end_with_server(pipe: Connection) -> None:
    """End this process with the server, which sends nothing else."""
    with suppress(EOFError, OSError):
        pipe.recv_bytes()
    os._exit(1)
