"""The real programs as subprocesses, for tests that see Pipeloom from outside only."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import asyncpg  # type: ignore[import-untyped]

from app.auth.tokens import Tokens, secret_in
from persistence.ports.directory import User
from tests.commands import REPOSITORY, Fork, Outcome, fork, run_in_fork
from tests.processes import children
from tests.rounds import SOAK

T = TypeVar("T")

PIPELOOM = (sys.executable, "-m", "app")
READY = re.compile(r"Pipeloom is ready at (\S+)")
PATIENCE = 30.0
"""Seconds after which a test gives up waiting; nothing takes that long."""

BETWEEN_LOOKS = 0.02
"""Seconds between two looks at something that does not tell when it changes."""

OWNER, VIEWER = "owner@demo.pipeloom", "viewer@demo.pipeloom"


@dataclass(frozen=True, slots=True)
class Installation:
    """What outlives a server: its database, its data directory and its environment."""

    database_url: str
    data_dir: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    starts_anew: bool = SOAK
    """Whether servers and workers import the program themselves, or are forks of who has."""
    program: tuple[str, ...] = PIPELOOM
    """What is run where it is started anew: the program of these sources, or another one."""
    folder: Path = REPOSITORY
    """Where it is started."""

    @property
    def places(self) -> list[str]:
        """The options that every command takes."""
        return ["--database-url", self.database_url, "--data-dir", str(self.data_dir)]

    async def run(self, command: str, *args: str) -> Outcome:
        """Run a command in this installation to its end."""
        return await run(command, *args, *self.places, environment=self.environment)

    async def result(self, command: str, *args: str) -> str:
        """Run a command that must succeed; return what it printed."""
        outcome = await self.run(command, *args)
        assert outcome.code == 0, f"expected `pipeloom {command}` to succeed, got {outcome}"
        return outcome.out.strip()

    async def token(self, email: str = OWNER, seconds: float = 3600) -> str:
        """Make a token as `pipeloom token` would, without starting a program for it."""
        secret = self.environment.get("PIPELOOM_JWT_SECRET") or secret_in(self.data_dir)
        async with self.sql() as sql:
            user = await sql.fetchrow("SELECT id, email, name FROM users WHERE email = $1", email)
        return Tokens(secret).issue(User(**user), timedelta(seconds=seconds), datetime.now(UTC))

    async def demo_pipeline(self) -> str:
        """The id of the pipeline that the first start created."""
        async with self.sql() as sql:
            return str(await sql.fetchval("SELECT id FROM pipelines ORDER BY created_at LIMIT 1"))

    @asynccontextmanager
    async def serve(self, *options: str) -> AsyncIterator["Server"]:
        """Run a server on a free port, until it ends or the block does."""
        async with self.background("serve", "--port", "0", *options) as program:
            yield Server(await program.ready_at(), program)

    @asynccontextmanager
    async def background(self, command: str, *options: str) -> AsyncIterator["Program"]:
        """Run a program until it ends or the block does. Its stderr is appended to `log_file`."""
        start = partial(_start_anew, self.program) if self.starts_anew else fork
        with self.log_file.open("ab") as log:
            process = await start(
                (command, *self.places, *options),
                self.folder,
                _environment(self.environment),
                stderr=log.fileno(),
            )
        program = Program(process, self.log_file)
        try:
            yield program
        finally:
            await program.kill_all()

    @property
    def log_file(self) -> Path:
        """Everything that background programs of this installation wrote to stderr."""
        return self.folder / self.data_dir.with_name(f"{self.data_dir.name}.log")

    @asynccontextmanager
    async def sql(self) -> AsyncIterator[Any]:
        """A connection to the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            yield connection
        finally:
            await connection.close()


async def _start_anew(
    program: Sequence[str],
    args: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    stderr: int,
) -> Process:
    return await asyncio.create_subprocess_exec(
        *program, *args, cwd=folder, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=stderr
    )


class Program:
    """A running process and what it prints."""

    def __init__(self, process: Process | Fork, log_file: Path) -> None:
        self._process, self._log_file = process, log_file
        self._lines: list[str] = []
        self._ended = False
        self._news = asyncio.Condition()
        self._printing = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self._lines.append(line.decode())
                self._news.notify_all()
        async with self._news:
            self._ended = True
            self._news.notify_all()

    async def ready_at(self) -> str:
        """Wait until the program says where it is ready."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(lambda: self._address() or self._ended)
        address = self._address()
        assert address is not None, f"expected a ready line, got:\n{self._log_file.read_text()}"
        return address

    def _address(self) -> str | None:
        return next((found[1] for line in self._lines if (found := READY.search(line))), None)

    @property
    def lines(self) -> list[str]:
        """What it printed so far."""
        return list(self._lines)

    @property
    def log(self) -> str:
        """What it has written to stderr so far, after what others wrote to the same file."""
        return self._log_file.read_text()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def send_signal(self, number: signal.Signals) -> None:
        """Send the program a signal and wait for nothing."""
        self._process.send_signal(number)

    async def kill(self) -> None:
        """End the program without a warning (SIGKILL)."""
        await self.end(signal.SIGKILL)

    async def kill_all(self) -> None:
        """End the program, and the processes that serve for it, without a warning."""
        serving = children(self.pid)
        # The program first: it would start others.
        with suppress(ProcessLookupError):
            self._process.kill()
        for pid in serving:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self.ended()

    async def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Signal the program and wait for its end; return its exit code."""
        with suppress(ProcessLookupError):
            self._process.send_signal(by)
        return await self.ended()

    async def ended(self) -> int:
        """Wait for the program's end; return its exit code."""
        async with asyncio.timeout(PATIENCE):
            await self._printing
            return await self._process.wait()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server accepts connections, or several do in turn."""

    url: str

    @property
    def port(self) -> int:
        """The TCP port."""
        port = urlsplit(self.url).port
        assert port is not None
        return port

    def http(self, path: str) -> str:
        """The URL of a path."""
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def rooms(self) -> str:
        """The server URL that y-websocket clients are given; they add the room's name."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def collab(self) -> str:
        """The URL that Hocuspocus providers are given."""
        return f"ws://127.0.0.1:{self.port}/collab"

    def room(self, pipeline_id: str, token: str | None) -> str:
        """The WebSocket URL of a pipeline."""
        query = "" if token is None else "?" + urlencode({"token": token})
        return f"{self.rooms}/{pipeline_id}{query}"


@dataclass(frozen=True, slots=True)
class Server(Address):
    """A running server."""

    program: Program


async def run(
    command: str, *args: str, environment: Mapping[str, str] | None = None, piped: bytes = b""
) -> Outcome:
    """Run a command to its end; `piped` is what its standard input has."""
    given = (command, *args), REPOSITORY, _environment(environment or {}), PATIENCE
    if SOAK and command == "serve":
        return await _run_program(*given)
    return await run_in_fork(*given, piped)


async def _run_program(
    args: Sequence[str], folder: Path, environment: Mapping[str, str], patience: float
) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *PIPELOOM, *args, cwd=folder, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(patience):
            out, err = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment without the settings of whoever runs the tests."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PIPELOOM_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    # Their databases are no embedded ones, which alone get a demo unasked.
    return {**inherited, "PIPELOOM_DEMO": "true", **extra}


async def eventually(
    what: str, condition: Callable[[], Awaitable[T]], within: float = PATIENCE
) -> T:
    """Ask again and again until the answer is true; return it."""
    try:
        async with asyncio.timeout(within):
            while not (answer := await condition()):  # noqa: ASYNC110 - other processes set no event
                await asyncio.sleep(BETWEEN_LOOKS)
            return answer
    except TimeoutError as error:
        raise AssertionError(f"expected {what} within {within} s") from error
