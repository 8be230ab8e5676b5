"""What a projection costs, by the size of the pipeline and by how many steps changed.

A worker over PostgreSQL, in this process. Each round appends the updates of some edits to the log,
each edit in another step, and lets the worker project them; the middle round of several counts.
"CPU" is this process with all its threads; "wall" includes PostgreSQL.

What touches everything stands in a table of its own: writing all rows of a new pipeline, the first
look of a worker (cold start), storing the document's state, which happens once in 500 updates, and
moving a step before all its siblings, each of which gets another `order_index`.

    python -m bench.projection_cost [--steps 100 1000 10000] [--rounds 15]
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median
from typing import TypeAlias
from uuid import UUID

from crdt.pipeline.rows import RowChanges, Rows
from persistence.embedded.server import EmbeddedPostgres
from persistence.ports.projections import Claim
from persistence.ports.update_log import NewUpdate
from persistence.postgres.listener import Listener
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.worker.replay import replay
from persistence.worker.worker import Worker, WorkerSettings

from .figures import table
from .installation import create
from .machine import describe
from .pipelines import Author

CHANGED_STEPS = (1, 10, 100)
NEVER = 10**9

Edits: TypeAlias = Callable[[int], list[bytes]]
"""The updates of one round, by its number."""


@dataclass(slots=True)
class Cost:
    """What one piece of work took: seconds, and rows written or deleted."""

    wall: float = 0.0
    cpu: float = 0.0
    rows: int = 0

    @contextmanager
    def metered(self) -> Iterator[None]:
        """Measure the block."""
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall, self.cpu = time.perf_counter() - wall, time.process_time() - cpu


class CountingProjections:
    """`Projections` that count what is written."""

    def __init__(self, inner: PostgresProjections) -> None:
        self._inner = inner
        self.rows = 0

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator[Claim | None]:
        """See `Projections.claim`."""
        async with self._inner.claim(only, excluding=excluding) as claim:
            yield None if claim is None else _CountingClaim(claim, self)

    async def refresh_search(self) -> bool:
        """See `Projections.refresh_search`."""
        return await self._inner.refresh_search()


class _CountingClaim:
    def __init__(self, inner: Claim, counter: CountingProjections) -> None:
        self._inner, self._counter = inner, counter

    @property
    def pipeline_id(self) -> UUID:
        return self._inner.pipeline_id

    @property
    def cursor(self) -> int:
        return self._inner.cursor

    async def stored_rows(self) -> Rows:
        return await self._inner.stored_rows()

    async def apply(self, changes: RowChanges, cursor: int) -> None:
        self._counter.rows += len(changes)
        await self._inner.apply(changes, cursor)


class Bench:
    """One pipeline in a database, and workers to project it. A worker is warm from its second look.

    `keeper` stores the document's state after every projection, `worker` never does.
    """

    def __init__(self, pool: Pool, pipeline_id: UUID) -> None:
        self._pool, self._pipeline_id = pool, pipeline_id
        self._log = PostgresUpdateLog(pool)
        self._projections = CountingProjections(PostgresProjections(pool))
        self.worker, self.keeper = self.new_worker(), self.new_worker(state_every=1)

    def new_worker(self, state_every: int = NEVER) -> Worker:
        """A worker that has never seen the pipeline."""
        settings = WorkerSettings(state_every=state_every)
        return Worker(self._log, self._projections, Listener(""), settings)

    async def author(self) -> Author:
        """A client that has what the log has."""
        document, _ = replay(await self._log.load(self._pipeline_id))
        return Author(document.encode())

    async def project(self, worker: Worker, updates: Sequence[bytes] = ()) -> Cost:
        """Append updates, then measure how a worker projects them."""
        now = datetime.now(UTC)
        await self._log.append([NewUpdate(self._pipeline_id, None, each, now) for each in updates])
        cost, written = Cost(), self._projections.rows
        with cost.metered():
            lagged = await worker.project_one([self._pipeline_id])
        if not lagged:
            raise RuntimeError("expected a pipeline whose tables lag, got one up to date")
        cost.rows = self._projections.rows - written
        return cost

    async def middle(self, worker: Worker, rounds: int, edits: Edits) -> Cost:
        """Measure several rounds after one to warm up; return the medians."""
        costs = [await self.project(worker, edits(number)) for number in range(rounds + 1)][1:]
        return Cost(
            wall=median(each.wall for each in costs),
            cpu=median(each.cpu for each in costs),
            rows=round(median(each.rows for each in costs)),
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """What was found for one size: by what changed, and for the work that touches everything."""

    warm: Mapping[str, Cost]
    whole: Mapping[str, Cost]


async def measure(pool: Pool, size: int, rounds: int) -> Figures:
    """Measure a pipeline of `size` steps."""
    bench = Bench(pool, await create(pool, size))
    first = await bench.project(bench.worker)
    author = await bench.author()
    ids, moves = author.step_ids(), _moves(author)

    def renaming(number: int) -> list[bytes]:
        return [author.rename(ids[0], f"name {number}")]

    def to_the_front(number: int) -> list[bytes]:
        return [author.to_the_front(ids[number])]

    warm = {
        f"{changed} moved": await bench.middle(bench.worker, rounds, moves(changed))
        for changed in CHANGED_STEPS
    }
    warm["1 renamed"] = await bench.middle(bench.worker, rounds, renaming)
    reordered = await bench.middle(bench.worker, 5, to_the_front)
    cold = await bench.project(bench.new_worker(), moves(1)(0))
    stored = await bench.middle(bench.keeper, 5, moves(1))
    whole = {
        "all rows written": first,
        "cold start": cold,
        "1 moved, state stored": stored,
        "1 to the front": reordered,
    }
    return Figures(warm, whole)


def _moves(author: Author) -> Callable[[int], Edits]:
    """Edits that move so many steps, each time to other places."""
    ids, numbers = author.step_ids(), count(1)
    return lambda changed: lambda _: [author.move(id_, next(numbers)) for id_ in ids[:changed]]


async def measure_all(dsn: str, sizes: Sequence[int], rounds: int) -> dict[int, Figures]:
    """Measure each size in the same database, over connections of its own."""
    await migrate(dsn)
    figures = {}
    for size in sizes:
        pool = await open_pool(dsn, max_size=3)
        try:
            figures[size] = await measure(pool, size, rounds)
        finally:
            await pool.close()
    return figures


def _report(figures: Mapping[int, Figures]) -> str:
    sizes = list(figures)
    tables = [
        _table("warm worker", {size: figures[size].warm for size in sizes}),
        _table("everything", {size: figures[size].whole for size in sizes}),
    ]
    return "\n\n".join(tables)


def _table(title: str, costs: Mapping[int, Mapping[str, Cost]]) -> str:
    """One line for each kind of work, one group of columns for each size, and their ratio."""
    first, *_, last = costs
    groups = [(size, unit) for size in costs for unit in ("rows", "CPU ms", "wall ms")]
    header = [title, *(f"{size}: {unit}" for size, unit in groups), f"CPU {last}:{first}"]
    lines = [
        [
            kind,
            *(cell for size in costs for cell in _cells(costs[size][kind])),
            f"{costs[last][kind].cpu / costs[first][kind].cpu:.1f}",
        ]
        for kind in costs[first]
    ]
    return table(header, lines)


def _cells(cost: Cost) -> list[str]:
    return [str(cost.rows), f"{1e3 * cost.cpu:.1f}", f"{1e3 * cost.wall:.1f}"]


def main() -> None:
    """Measure the sizes given, and compare the last with the first."""
    parser = argparse.ArgumentParser(prog="bench.projection_cost")
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    print(describe())
    with (
        tempfile.TemporaryDirectory(prefix="pipeloom-bench-") as directory,
        EmbeddedPostgres(Path(directory)) as postgres,
    ):
        print(_report(asyncio.run(measure_all(postgres.dsn, given.steps, given.rounds))))


if __name__ == "__main__":
    main()
