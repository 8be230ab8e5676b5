"""The program in forks of one process that has imported it: commands, servers and workers.

A command does in a moment what it has imported a second for, and a server is started by every
third test of the running programs. So each process of a run of pytest starts one *fork server*: it
imports the program, and forks for each start. What then runs is a process of its own as ever, with
its own environment, output and exit code, and its `__main__` is that of `python -m app`. The
processes that a server starts are forks as well (`tests/nursery.py`). `make soak` imports
everything anew for each start.
"""

import asyncio
import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from tests.nursery import found_nursery, run_to_the_end

REPOSITORY: Final = Path(__file__).parent.parent
MOST_BYTES: Final = 2**17
"""How long a request may be; the environment is the longest of it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


class Fork:
    """The program in a fork, with what the tests use of `asyncio.subprocess.Process`."""

    def __init__(
        self, pid: int, said: asyncio.StreamReader, stdout: asyncio.StreamReader | None
    ) -> None:
        self.pid, self.stdout = pid, stdout
        self._code = asyncio.create_task(said.read())

    async def wait(self) -> int:
        """Wait for its end; return its exit code, which is negative if a signal ended it."""
        return int(await asyncio.shield(self._code))

    def send_signal(self, number: int) -> None:
        """Send it a signal; raises ProcessLookupError if it has ended."""
        if self._code.done():
            raise ProcessLookupError(self.pid)
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a warning; raises ProcessLookupError if it has ended."""
        self.send_signal(signal.SIGKILL)


async def run_in_fork(
    args: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    patience: float,
    piped: bytes = b"",
) -> Outcome:
    """Run a command to its end; raises TimeoutError if that takes longer than `patience` (s)."""
    with TemporaryFile("w+") as out, TemporaryFile("w+") as err, TemporaryFile() as given:
        given.write(piped)
        given.seek(0)
        numbers = {"stdin": given.fileno(), "stdout": out.fileno(), "stderr": err.fileno()}
        process = await fork(args, folder, environment, **numbers)
        try:
            async with asyncio.timeout(patience):
                code = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        for printed in (out, err):
            printed.seek(0)
        return Outcome(code, out.read(), err.read())


async def fork(
    args: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    stderr: int,
    stdout: int | None = None,
    stdin: int | None = None,
) -> Fork:
    """Run the program. It writes to these files; to a pipe that can be read if `stdout` is None.

    Without `stdin` it has nothing to read.
    """
    request = json.dumps([[*args], str(folder), {**environment}]).encode()
    said, say = await _pipe()
    printed, out = await _pipe() if stdout is None else (None, os.dup(stdout))
    given = os.open(os.devnull, os.O_RDONLY) if stdin is None else os.dup(stdin)
    socket.send_fds(_fork_server(), [request], [given, out, stderr, say])
    for number in (given, say, out):
        os.close(number)
    return Fork(int(await said.readline()), said, printed)


async def _pipe() -> tuple[asyncio.StreamReader, int]:
    """Make a pipe; return what reads from it, and the file to write to."""
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
    )
    return reader, writing


@cache
def _fork_server() -> socket.socket:
    """Start the fork server of this process; return the socket to it. It ends with the socket."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.commands"],
            cwd=REPOSITORY,
            stdin=theirs,
            stdout=subprocess.DEVNULL,
        )
    atexit.register(_end, server, ours)
    return ours


def _end(server: subprocess.Popen[bytes], requests: socket.socket) -> None:
    requests.close()
    server.wait()


def _serve() -> None:
    """Fork for each request that comes through the socket at stdin, until that is closed."""
    _import_program()
    with socket.socket(fileno=os.dup(0)) as requests:
        become = _await_fork(requests)
    if become is not None:
        become()


def _import_program() -> None:
    from app import cli  # noqa: F401, PLC0415 - the tests themselves do not need it
    from app.processes import multi_server, server  # noqa: F401, PLC0415 - as `serve` has it

    # A fork has a copy of one thread, whatever the others were about to do.
    assert len(list(Path("/proc/self/task").iterdir())) == 1
    # As after a start: what was imported is not looked through for garbage again and again.
    gc.collect()
    gc.freeze()


def _await_fork(requests: socket.socket) -> Callable[[], None] | None:
    """Return in each fork, with what it is to do; with None when nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, numbers, *_ = socket.recv_fds(requests, MOST_BYTES, 4)
        _reap()
        if not message:
            return None
        if os.fork() == 0:
            *files, say = numbers
            _fork_and_report(say)
            return lambda: _become(*json.loads(message), files)
        for number in numbers:
            os.close(number)


def _reap() -> None:
    """Take note of all forks that have ended: only then `time make test` counts what they took."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _fork_and_report(say: int) -> None:
    """Return in another fork; report its id, and its exit code when it has ended, to `say`."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if (pid := os.fork()) == 0:
        os.close(say)
        return
    # Whoever interrupts the tests from a terminal interrupts all processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):
        os.write(say, b"%d\n" % pid)
        os.write(say, b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)


def _become(args: list[str], folder: str, environment: dict[str, str], files: list[int]) -> None:
    """Be the program, to its end, with these files as its first three."""
    from app import __main__ as program  # noqa: PLC0415 - the tests themselves do not need it

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.argv = ["pipeloom", *args]
    sys.modules["__main__"] = program
    if args[0] == "serve":
        found_nursery()
    run_to_the_end(program.main)


if __name__ == "__main__":
    _serve()
