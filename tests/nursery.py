"""Children of forks are forks, too: a worker beside a server imports for a third of a second.

A fork of the program (`tests/commands.py`) has a *nursery* from its beginning: a fork of its own,
which has imported the same and does nothing. When `multiprocessing` is about to start an
interpreter for a child (its start method `spawn`), the nursery forks instead. That fork becomes a
child of the program: it is orphaned on purpose, while the program takes in orphans (prctl(2),
PR_SET_CHILD_SUBREAPER). It has the files, the environment and the signal mask that it would have
had, runs what the interpreter would have run, and calls itself by the function that runs first.
The two processes that `multiprocessing` starts for itself are forked likewise.

The program itself cannot fork: it has threads by then, in the middle of whatever they do.
"""

import atexit
import ctypes
import fcntl
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import util
from pathlib import Path
from typing import Final, NoReturn

from tests.processes import SPAWNED

PR_SET_CHILD_SUBREAPER: Final = 36
MOST_BYTES: Final = 2**17
MOST_FILES: Final = 64
HIGH: Final = 2**9
"""Where no file has its number yet."""

HELPERS: Final = (
    "from multiprocessing.resource_tracker import main",
    "from multiprocessing.forkserver import main",
)
"""How what they run begins."""

_one_at_a_time = threading.Lock()
_spawn = util.spawnv_passfds


def found_nursery() -> None:
    """Have the processes that this one starts by `multiprocessing` forked, not imported anew."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        _fork_for_each_request(theirs)
    theirs.close()
    util.spawnv_passfds = partial(_spawn_in, ours)


def _spawn_in(nursery: socket.socket, path: str, args: Sequence[str], files: Sequence[int]) -> int:
    """Take the place of `multiprocessing.util.spawnv_passfds`: return the id of a new child."""
    code = args[args.index("-c") + 1]
    name = SPAWNED if "--multiprocessing-fork" in args else "helper"
    if name != SPAWNED and not code.startswith(HELPERS):
        return _spawn(path, args, files)
    numbers = sorted(set(map(int, files)))
    mask = [int(each) for each in signal.pthread_sigmask(signal.SIG_BLOCK, ())]
    request = json.dumps([name, code, numbers, mask, dict(os.environ)]).encode()
    with _one_at_a_time, _taking_in_orphans():
        socket.send_fds(nursery, [request], numbers)
        return int(nursery.recv(MOST_BYTES))


@contextmanager
def _taking_in_orphans() -> Iterator[None]:
    """No longer than that: an embedded PostgreSQL would become a child that nobody waits for."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        _prctl(PR_SET_CHILD_SUBREAPER, 0)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _fork_for_each_request(requests: socket.socket) -> NoReturn:
    """Be the nursery, until the program has ended. Does not return."""
    # Whoever interrupts the tests from a terminal interrupts all processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, files, *_ = socket.recv_fds(requests, MOST_BYTES, MOST_FILES)
        if not message:
            os._exit(0)
        reading, writing = os.pipe()
        if (between := os.fork()) == 0:
            if (pid := os.fork()) == 0:
                _become(*json.loads(message), files)
            os.write(writing, b"%d" % pid)
            os._exit(0)
        # Only when nobody is between them is it a child of the program.
        os.waitpid(between, 0)
        requests.send(os.read(reading, MOST_BYTES))
        for number in (reading, writing, *files):
            os.close(number)


def _become(  # noqa: PLR0917 - the parts of a request, and its files
    name: str,
    code: str,
    numbers: list[int],
    mask: list[int],
    environment: dict[str, str],
    files: list[int],
) -> NoReturn:
    """Run what the interpreter would run, and end."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Path("/proc/self/comm").write_text(name)
    os.environ.clear()
    os.environ.update(environment)
    high = [fcntl.fcntl(each, fcntl.F_DUPFD, HIGH) for each in files]
    os.closerange(3, HIGH)
    for each, number in zip(high, numbers, strict=True):
        os.dup2(each, number)
        os.close(each)
    sys.argv = ["-c", "--multiprocessing-fork"]
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    run_to_the_end(lambda: exec(code, {}))


def run_to_the_end(program: Callable[[], object]) -> NoReturn:
    """Run a program and end the process with it, as the interpreter does, but for one thing.

    That would take all modules apart, and so copy what a fork shares with the others: nearly as
    much work as a whole command is.
    """
    code: object = 0
    try:
        program()
    except SystemExit as end:
        code = end.code
    threading._shutdown()
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    for file in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            file.flush()
    os._exit(code or 0)
