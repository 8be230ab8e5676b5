"""Pipeloom as its users run it: a server, its worker, and the embedded PostgreSQL beside them."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import UUID

from app.auth.tokens import Tokens, secret_in
from app.services import pipeline_files
from app.worker_main import project_now
from crdt.pipeline.model import Pipeline
from persistence.embedded.server import EmbeddedPostgres
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import Pool, open_pool

from .machine import cpu_seconds, family, resident_bytes
from .pipelines import pipeline

SERVE = (sys.executable, "-m", "app", "serve", "--port=0")
WATCHED = (sys.executable, "-m", "bench.watched_server", "serve", "--port=0")
REPOSITORY = Path(__file__).parent.parent
READY = re.compile(rb"ready at http://(\S+?)/")
START_SECONDS, STOP_SECONDS = 60.0, 15.0


@dataclass(frozen=True, slots=True)
class Installation:
    """A running server: its address (host:port), its processes and its database."""

    address: str
    process_id: int
    data_dir: Path
    dsn: str
    token: str

    def room(self, pipeline_id: UUID) -> str:
        """The WebSocket URL of a pipeline, with a token of the demo owner."""
        return f"ws://{self.address}/ws/{pipeline_id}?{urlencode({'token': self.token})}"

    def cpu(self) -> float:
        """CPU seconds of the server and its worker so far."""
        return sum(cpu_seconds(each) for each in family(self.process_id))

    def memory(self) -> int:
        """Bytes that the server and its worker have in RAM; what they share counts twice."""
        return sum(resident_bytes(each) for each in family(self.process_id))

    def postgres_cpu(self) -> float:
        """CPU seconds of PostgreSQL's processes so far."""
        pid_file = self.data_dir / "postgres" / "postmaster.pid"
        postmaster = int(pid_file.read_text().split()[0])
        return sum(cpu_seconds(each) for each in family(postmaster))


@asynccontextmanager
async def installed(
    *sizes: int,
    options: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    serve: Sequence[str] = SERVE,
) -> AsyncIterator[tuple[Installation, list[UUID]]]:
    """A fresh installation with a pipeline of each size; nothing is left of it afterwards.

    `options` are those of `pipeloom serve`, and `settings` its environment beside the usual one;
    `serve` is the command that runs it.
    """
    with tempfile.TemporaryDirectory(prefix="pipeloom-bench-") as directory:
        data_dir = Path(directory)
        postgres = await asyncio.to_thread(EmbeddedPostgres, data_dir)
        try:
            token, pipeline_ids = await _furnish(postgres.dsn, data_dir, sizes)
            command = (*serve, f"--data-dir={data_dir}", *options)
            async with program(*command, settings=settings) as (process, address):
                made = Installation(address, process.pid, data_dir, postgres.dsn, token)
                yield made, pipeline_ids
        finally:
            await asyncio.to_thread(postgres.close)


async def _furnish(dsn: str, data_dir: Path, sizes: Sequence[int]) -> tuple[str, list[UUID]]:
    """Create the demo team and its pipelines; return a token of its owner and their ids."""
    await migrate(dsn)
    pool = await open_pool(dsn, max_size=3)
    try:
        now = datetime.now(UTC)
        owner = (await PostgresDirectory(pool).ensure_demo()).owner
        token = Tokens(secret_in(data_dir)).issue(owner, timedelta(hours=1), now)
        pipeline_ids = [await create(pool, size) for size in sizes]
        for pipeline_id in pipeline_ids:
            await project_now(pool, pipeline_id)
        return token, pipeline_ids
    finally:
        await pool.close()


async def create(pool: Pool, size: int) -> UUID:
    """Create a pipeline of `size` steps in the demo team; its tables are still to be filled."""
    return await store(pool, pipeline(size))


async def store(pool: Pool, content: Pipeline) -> UUID:
    """Create a pipeline of this content in the demo team; its tables are still to be filled."""
    directory, now = PostgresDirectory(pool), datetime.now(UTC)
    demo = await directory.ensure_demo()
    pipeline_id, _ = await pipeline_files.create(
        directory, content, team_id=demo.team_id, created_by=demo.owner.id, now=now
    )
    return pipeline_id


@asynccontextmanager
async def program(
    *command: str, cwd: Path = REPOSITORY, settings: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Process, str]]:
    """Run a server until it prints that it is ready; yields it with its host:port."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env={**_environment(), **(settings or {})}, stdin=DEVNULL, stdout=PIPE
    )
    printing: asyncio.Task[None] | None = None
    try:
        address = await _address(process)
        printing = asyncio.create_task(_ignore_output(process))
        yield process, address
    finally:
        await stop(process)
        if printing is not None:
            await printing


async def stop(process: Process) -> None:
    """Let a process end by itself, or make it."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _address(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        async for line in process.stdout:
            if found := READY.search(line):
                return found[1].decode()
    raise RuntimeError("the server ended before it was ready: see its messages above")


async def _ignore_output(process: Process) -> None:
    assert process.stdout is not None
    async for _ in process.stdout:
        pass


def _environment() -> dict[str, str]:
    """The environment without the settings of whoever runs the bench.

    All clients come from one address, most of them as one user.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PIPELOOM_") and name not in ("DATABASE_URL", "REDIS_URL")
    }
    limits = (
        "PIPELOOM_MAX_CONNECTIONS_PER_USER",
        "PIPELOOM_MAX_CONNECTIONS_PER_ADDRESS",
        "PIPELOOM_API_RATE",
        "PIPELOOM_API_BURST",
    )
    return {**inherited, **dict.fromkeys(limits, "20000")}
