"""Child processes of a server: another takes the place of one that ends, until all shall end."""

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Final

import structlog

# A fork would copy the parent's threads in the middle of whatever they do.
CONTEXT: Final[SpawnContext] = multiprocessing.get_context("spawn")

RETRY_SECONDS: Final = 1.0
"""Between the end of a process and the start of the one that replaces it."""

ASK_SECONDS: Final = 0.2
"""Between two requests to end."""

_logger = structlog.get_logger(__name__)


class Child:
    """A child process, and after its end another one. A thread waits for that end."""

    def __init__(
        self,
        kind: str,
        start: Callable[[], SpawnProcess],
        ask_to_end: Callable[[SpawnProcess], None],
    ) -> None:
        """Begin; the log calls the process by its `kind`."""
        self._kind, self._start, self._ask_to_end = kind, start, ask_to_end
        self._process: SpawnProcess | None = None
        self._exit_code: int | None = None
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._keep_running, name=kind, daemon=True)
        self._thread.start()

    def _keep_running(self) -> None:
        while not self._is_ending.is_set():
            try:
                self._live()
            except Exception as error:
                _logger.error(f"{self._kind}.not_started", error=str(error))
            self._is_ending.wait(RETRY_SECONDS)

    def _live(self) -> None:
        """Start a process and wait for its end."""
        self._process = process = self._start()
        process.join()
        if self._is_ending.is_set():
            self._exit_code = process.exitcode
        else:
            _logger.error(f"{self._kind}.ended", pid=process.pid, code=process.exitcode)

    def ask_to_end(self) -> None:
        """Let it end as it wants to. Nothing takes its place any more."""
        self._is_ending.set()
        if self._process is not None:
            self._ask_to_end(self._process)

    def kill(self) -> None:
        """End it at once. Nothing takes its place any more."""
        self._is_ending.set()
        if self._process is not None:
            self._process.kill()

    @property
    def description(self) -> str:
        """The kind of process, and its id."""
        return self._kind if self._process is None else f"{self._kind} {self._process.pid}"

    @property
    def has_ended_well(self) -> bool:
        """Whether it has ended for good, and neither failed when asked to end nor was killed.

        SIGTERM ends a process that is just starting, before it has anything to lose.
        """
        return self.has_ended() and self._exit_code in {None, 0, -signal.SIGTERM}

    def has_ended(self, within: float = 0) -> bool:
        """Whether it has ended for good, or does so within some seconds."""
        self._thread.join(within)
        return not self._thread.is_alive()


def end(children: Sequence[Child], within: float) -> None:
    """Let all end; kill whoever takes longer than so many seconds."""
    deadline = time.monotonic() + within
    while alive := [child for child in children if not child.has_ended()]:
        # Again and again: one that is just starting may miss it.
        for child in alive:
            child.ask_to_end() if time.monotonic() < deadline else child.kill()
        alive[0].has_ended(ASK_SECONDS)
