"""The worker beside a real server."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.main import ensure_demo
from app.processes import worker_process
from app.processes.supervisor import Child, end
from app.processes.worker_process import NICENESS, worker_beside
from app.settings import Settings
from persistence.ports.update_log import NewUpdate
from persistence.postgres.pool import Pool
from persistence.postgres.update_log import PostgresUpdateLog
from tests.app.processes.test_multi_server import told
from tests.app.test_crash import CAUGHT_UP, Ledger, markers_in_tables, prepared
from tests.contracts.stores import NOON
from tests.editor import joined
from tests.processes import alive, children, command
from tests.rounds import some
from tests.server import PATIENCE, REPOSITORY, Installation, Server, eventually

SERVERS = (
    "app.main",
    "app.processes.server",
    "app.settings",
    "fastapi",
    "starlette",
    "typer",
    "uvicorn",
)
HOLD_UP = "LOCK TABLE projection_cursors IN EXCLUSIVE MODE"
IS_HELD_UP = """
SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'projection_cursors'::regclass)
"""


async def worker_of(server: Server, *but: int) -> int:
    """The worker beside a server, but none of those."""

    async def others() -> list[int]:
        return [pid for pid in children(server.program.pid) if pid not in but]

    (worker,) = await eventually("a worker", others)
    return worker


async def test_another_worker_takes_the_place_of_one_that_dies(installation: Installation) -> None:
    async with installation.serve() as server:
        token = await installation.token()
        pipeline_id = await prepared(server, installation, token)
        died, ledger = await worker_of(server), Ledger(random.Random(1))
        os.kill(died, signal.SIGKILL)
        async with joined(server.room(pipeline_id, token)) as editor:
            for _ in range(3):
                await ledger.write_one(editor)
        assert await markers_in_tables(installation, pipeline_id) == ledger.echoed
        assert await worker_of(server) != died
    log = installation.log_file.read_text()
    assert log.count("worker.ended") == 1
    assert f"pid={died} code=-9" in log


async def test_a_worker_leaves_the_processor_to_its_server(installation: Installation) -> None:
    async with installation.serve() as server:
        worker = await worker_of(server)

        async def is_nicer() -> bool:
            priorities = [
                os.getpriority(os.PRIO_PROCESS, pid) for pid in (server.program.pid, worker)
            ]
            return priorities[1] - priorities[0] == NICENESS

        await eventually("a worker that is nicer", is_nicer)


@pytest.mark.parametrize(
    ("options", "number"),
    some([*product([(), ("--workers", "2")], [signal.SIGTERM, signal.SIGINT])], few=2),
)
async def test_what_was_received_is_in_the_tables_when_the_server_has_ended(
    installation: Installation, options: Sequence[str], number: signal.Signals
) -> None:
    async with installation.serve(*options) as server, installation.sql() as sql:
        token = await installation.token()
        pipeline_id = await prepared(server, installation, token)
        async with joined(server.room(pipeline_id, token)) as editor:
            async with sql.transaction():
                await sql.execute(HOLD_UP)
                marker = await Ledger(random.Random(1)).write_one(editor)
                await eventually("a worker held up", lambda: sql.fetchval(IS_HELD_UP))
                for pid in [*children(server.program.pid), server.program.pid]:
                    os.kill(pid, number)
                assert (await editor.close_code())[0] == 1012
            assert await server.program.ended() == 0
        assert await sql.fetchval(CAUGHT_UP, pipeline_id)
        assert await sql.fetchval("SELECT true FROM steps WHERE name = $1", marker)
    assert "Traceback" not in installation.log_file.read_text()


async def test_the_server_waits_for_a_worker_that_finishes(
    installation: Installation, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dsn = installation.database_url
    pipeline_id = await ensure_demo(dsn)
    assert pipeline_id is not None
    stop, leaving = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def noted(kept: Sequence[Child], within: float) -> None:
        loop.call_soon_threadsafe(leaving.set)
        end(kept, within)

    def serve() -> None:
        with (
            TemporaryDirectory() as sockets,
            worker_beside(Settings(), dsn, Path(sockets)) as start,
        ):
            start()
            assert stop.wait(PATIENCE)

    monkeypatch.setattr(worker_process, "end", noted)
    async with installation.sql() as sql:
        serving = asyncio.create_task(asyncio.to_thread(serve))
        async with sql.transaction():
            await sql.execute(HOLD_UP)
            await PostgresUpdateLog(pool).append([NewUpdate(pipeline_id, None, b"\x00\x00", NOON)])
            await eventually("a worker held up", lambda: sql.fetchval(IS_HELD_UP))
            stop.set()
            await leaving.wait()
        await serving
        assert await sql.fetchval(CAUGHT_UP, pipeline_id)


async def test_a_worker_does_not_outlive_its_server(installation: Installation) -> None:
    async with installation.serve() as server, installation.sql() as sql:
        token = await installation.token()
        room = server.room(await prepared(server, installation, token), token)
        async with joined(room) as editor, sql.transaction():
            await sql.execute(HOLD_UP)
            await Ledger(random.Random(1)).write_one(editor)
            await eventually("a worker held up", lambda: sql.fetchval(IS_HELD_UP))
            worker = await worker_of(server)
            await server.program.kill()

            async def is_gone() -> bool:
                return not alive([worker])

            await eventually("no worker", is_gone, within=5)


async def test_nor_one_that_is_just_starting(installation: Installation) -> None:
    # Anew: a fork starts in no time.
    async with replace(installation, starts_anew=True).serve() as server:
        died = await worker_of(server)
        os.kill(died, signal.SIGKILL)
        started = await worker_of(server, died)
        await server.program.kill()

        async def are_gone() -> bool:
            return not alive([started])

        await eventually("no worker", are_gone, within=5)


async def test_the_page_of_the_server_has_what_the_worker_counts(
    shared_server: Server, shared_installation: Installation, owner_token: str
) -> None:
    pipeline_id = await prepared(shared_server, shared_installation, owner_token)
    async with joined(shared_server.room(pipeline_id, owner_token)):

        async def is_projected() -> bool:
            page = await told(shared_server)
            return bool(page.get(("pipeloom_projected_rows_total", "worker")))

        await eventually("the worker's rows", is_projected)
        page = await told(shared_server)
    assert page["pipeloom_connections", "1"] == 1
    assert ("pipeloom_projected_rows_total", "1") not in page
    assert ("pipeloom_connections", "worker") not in page


async def test_without_a_worker_there_is_none(installation: Installation) -> None:
    async with installation.serve("--no-worker") as server:
        assert children(server.program.pid) == []


async def test_no_command_line_tells_where_the_database_is(installation: Installation) -> None:
    async with replace(installation, starts_anew=True).serve() as server:
        line = command(await worker_of(server))
    assert "spawn_main" in line
    assert installation.database_url not in line


async def test_a_port_that_is_taken_is_explained_at_once(
    shared_server: Server, shared_installation: Installation
) -> None:
    refused = shared_installation.run("serve", "--port", str(shared_server.port))
    outcome = await asyncio.wait_for(refused, 10)
    assert outcome.code == 1
    assert len(outcome.err.splitlines()) == 1, outcome.err


def test_a_worker_imports_nothing_of_the_server() -> None:
    script = (
        "import sys, app.__main__, app.processes.worker_process; print(*sys.modules, sep='\\n')"
    )
    imported = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, check=True, text=True
    ).stdout.splitlines()
    assert "persistence.worker.worker" in imported
    assert set(SERVERS).isdisjoint(imported)
