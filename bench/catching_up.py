"""Whom a worker keeps waiting that catches up on large pipelines after a restart.

Somebody edits a small pipeline and waits for each acknowledgement: first in quiet, beside large
pipelines whose rows nobody has written yet, then while a worker writes them. The two are compared
in one run, since the time of a commit is that of the disk and the machine.

    python -m bench.catching_up [--pipelines 7] [--steps 10000] [--seconds 15]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg

from persistence.postgres.pool import open_pool

from .bystander import WAITS, bystander
from .figures import table
from .installation import SERVE, WATCHED, create, installed, program
from .machine import cpu_seconds, describe, family

LONGEST_SECONDS = 400.0
LOOK_SECONDS = 0.5

LAGGING = """
    SELECT count(*) FROM pipeline_documents JOIN projection_cursors USING (pipeline_id)
    WHERE pipeline_id = ANY ($1) AND head_seq > seq
"""


async def measure(pipelines: int, steps: int, seconds: float) -> str:
    """Return the table of the quiet run and the one beside the worker."""
    with tempfile.TemporaryDirectory() as directory:
        loop_file = Path(directory) / "loop"
        settings = {"PIPELOOM_BENCH_LOOP": str(loop_file)}
        async with installed(1, options=["--no-worker"], settings=settings, serve=WATCHED) as (
            server,
            [small],
        ):
            pool = await open_pool(server.dsn, max_size=2)
            large = [await create(pool, steps) for _ in range(pipelines)]
            await pool.close()
            async with bystander(server, small, loop_file) as waits:
                waits.take()
                await asyncio.sleep(seconds)
                rows = [("quiet", "", "", *waits.take())]
                # A second server brings the worker, as a restart does.
                command = (*SERVE, f"--data-dir={server.data_dir}")
                postgres = server.postgres_cpu()
                async with program(*command) as (process, _):
                    waits.take()
                    took = await _caught_up(server.dsn, large)
                    cpu = sum(cpu_seconds(each) for each in family(process.pid))
                    postgres = server.postgres_cpu() - postgres
                    name = f"worker at {pipelines} of {steps}"
                    cpus = f"{cpu:.0f} + {postgres:.0f}"
                    rows.append((name, f"{took:.0f}", cpus, *waits.take()))
    return table(("", "seconds", "CPU of worker + PostgreSQL", *WAITS), rows)


async def _caught_up(dsn: str, pipeline_ids: Sequence[UUID]) -> float:
    """Wait until the large pipelines are in the tables; return the seconds that took."""
    connection = await asyncpg.connect(dsn)
    began = time.perf_counter()
    async with asyncio.timeout(LONGEST_SECONDS):
        while await connection.fetchval(LAGGING, pipeline_ids):  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)
    await connection.close()
    return time.perf_counter() - began


def main() -> None:
    """Measure with some large pipelines."""
    parser = argparse.ArgumentParser(prog="bench.catching_up")
    parser.add_argument("--pipelines", type=int, default=7)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=15.0)
    given = parser.parse_args()
    print(describe())
    print(asyncio.run(measure(given.pipelines, given.steps, given.seconds)))


if __name__ == "__main__":
    main()
