"""How long the server keeps other rooms waiting while it is busy with a large pipeline.

A client in a small room sends its cursor every 5 ms, and the server sends it back at once: the time
that takes is the time for which the event loop did something else. Meanwhile other processes visit
a large pipeline: the first visit loads it (and its first edit starts the worker cold), then several
join together, then they edit, and one pastes.

After that each operation on a large pipeline is run twice (`bench/operations.py`), while a
bystander in another room edits and waits for acknowledgements (`bench/bystander.py`). Nobody else
should wait longer than 50 ms, and 100 ms while a large pipeline is loaded. Then the same of what
clients do with a shape of all its steps (`bench/shape_operations.py`).

    python -m bench.event_loop [--steps 10000] [--clients 5] [--no-worker] [--only PART]
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import AwarenessUpdate, Update

from . import operations
from .bystander import WAITS, Waits, bystander
from .clients import Client, Room, connected, joined, send_evenly
from .figures import SPREAD, Spread, table
from .installation import WATCHED, Installation, installed
from .machine import describe
from .pipelines import OTHER_SEED, Author, mark, pipeline
from .shape_operations import SHAPES

CURSORS_PER_SECOND = 200
QUIET_SECONDS, VISIT_SECONDS, EDITING_SECONDS, SETTLE_SECONDS = 2.0, 0.5, 5.0, 8.0
EDITS_PER_SECOND, PASTED_STEPS = 100, 1_000

UNLOAD_SECONDS, COLD_SECONDS = 1.0, 6.0
"""After which the server of the operations unloads a room, and is sure to have done so."""

MOST_ROWS = 5_000
"""Rows of a shape, as the server has it by default (PIPELOOM_SHAPE_ROWS)."""

AFTER_SECONDS = 4.0
"""How long the bystander is watched after an operation: the worker is busy with it meanwhile."""


class Probe:
    """A client that measures how long the server takes to send its cursor back."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._sent: dict[int, float] = {}
        self._times: list[float] = []
        client.on_edit = self._on_cursor

    def _on_cursor(self, number: int) -> None:
        self._times.append(time.perf_counter() - self._sent[number])

    async def run(self) -> None:
        """Send cursors until cancelled."""
        await send_evenly(
            [self._client], _cursor, rate=CURSORS_PER_SECOND, seconds=600, sent=self._sent
        )

    def take(self) -> list[float]:
        """Return the times since the last call."""
        times, self._times = self._times, []
        return times


def _cursor(number: int) -> AwarenessUpdate:
    state = f'{{"cursor": "{mark(number).decode()}"}}'
    return AwarenessUpdate(var_uint(1) + var_uint(7) + var_uint(number) + var_string(state))


async def measure(steps: int, clients: int, options: Sequence[str]) -> str:
    """Return the table of what happened and how long the loop was busy."""
    spawn = multiprocessing.get_context("spawn")
    async with installed(1, steps, options=options) as (server, [small, large]):
        with ProcessPoolExecutor(1, mp_context=spawn) as visitors:
            # A process takes a while to start; that should not be part of the first phase.
            await _in(visitors, idle, "", 0)
            async with connected(Room(server.room(small))) as client:
                await client.join()
                probe = Probe(client)
                probing = asyncio.create_task(probe.run())
                rows = await _phases(probe, visitors, server.room(large), clients)
                probing.cancel()
    return table((f"while, {steps} steps", *SPREAD), rows)


async def _phases(
    probe: Probe, visitors: ProcessPoolExecutor, url: str, clients: int
) -> list[tuple[str, ...]]:
    phases: dict[str, tuple[Callable[[str, int], None], int]] = {
        "nothing happens": (idle, 0),
        "first visit (load)": (visit, 1),
        "first edit (worker starts cold)": (edit_once, 1),
        "one joins": (visit, 1),
        f"{clients} join together": (visit, clients),
        f"{clients} edit, {EDITS_PER_SECOND}/s": (edit, clients),
        f"one pastes {PASTED_STEPS} steps": (paste, 1),
    }
    rows = []
    for name, (work, count) in phases.items():
        probe.take()
        await _in(visitors, work, url, count)
        rows.append((name, *Spread.of(probe.take()).cells))
    return rows


async def _in(
    processes: ProcessPoolExecutor, work: Callable[[str, int], None], url: str, count: int
) -> None:
    await asyncio.get_running_loop().run_in_executor(processes, work, url, count)


def idle(_url: str, _count: int) -> None:
    """Do nothing for a while."""
    time.sleep(QUIET_SECONDS)


def visit(url: str, count: int) -> None:
    """Join with several clients together, stay a moment, and leave."""

    async def one() -> None:
        async with connected(Room(url)) as client:
            await client.join()
            await asyncio.sleep(VISIT_SECONDS)

    async def all_together() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    asyncio.run(all_together())


def edit_once(url: str, count: int) -> None:
    """Make one edit, and stay while the worker takes it in."""
    asyncio.run(_edit(url, count, rate=1.0, seconds=1.0))
    time.sleep(SETTLE_SECONDS)


def edit(url: str, count: int) -> None:
    """Edit for some seconds with several clients."""
    asyncio.run(_edit(url, count, rate=EDITS_PER_SECOND, seconds=EDITING_SECONDS))


async def _edit(url: str, count: int, *, rate: float, seconds: float) -> None:
    async with joined(Room(url), count) as clients:
        author = Author(await clients[0].document)
        step_id = author.step_ids()[0]
        await send_evenly(
            clients,
            lambda number: Update(author.move(step_id, number)),
            rate=rate,
            seconds=seconds,
            sent={},
        )


def paste(url: str, _count: int) -> None:
    """Insert many steps by one update, and stay while it is taken in.

    Their ids are new, as those of a paste are. With ids that are in the pipeline already, the new
    steps would replace the old ones, or be deleted as they arrive, whichever client has the higher
    Yjs client id: a toss of a coin, of which one side costs the server five times the other.
    """
    pasted = pipeline(PASTED_STEPS, OTHER_SEED)

    async def one() -> None:
        async with joined(Room(url), 1) as [client]:
            await client.send(Update(seed(Document(), pasted)))
            await asyncio.sleep(QUIET_SECONDS)

    asyncio.run(one())


async def measure_operations(steps: int, options: Sequence[str]) -> str:
    """Return the table of what each operation on a large pipeline costs somebody elsewhere."""
    async with _operated(steps, options) as played:
        return _operations_table(steps, await played.rows())


async def measure_shapes(steps: int, options: Sequence[str]) -> str:
    """Return the same table of what clients do with a shape of as many steps as it may have."""
    async with _operated(min(steps, MOST_ROWS), options) as played:
        return _operations_table(min(steps, MOST_ROWS), await played.shape_rows())


@asynccontextmanager
async def _operated(steps: int, options: Sequence[str]) -> AsyncIterator["_Operations"]:
    """A server whose loop is watched, somebody in a small pipeline, and who operates elsewhere."""
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as directory:
        loop_file = Path(directory) / "loop"
        settings = {
            "PIPELOOM_UNLOAD_AFTER": str(UNLOAD_SECONDS),
            "PIPELOOM_BENCH_LOOP": str(loop_file),
        }
        async with (
            installed(1, options=options, settings=settings, serve=WATCHED) as (server, [small]),
            bystander(server, small, loop_file) as waits,
        ):
            with ProcessPoolExecutor(1, mp_context=spawn) as others:
                await _in(others, idle, "", 0)
                yield _Operations(server, others, waits, steps)


def _operations_table(steps: int, rows: Sequence[Sequence[str]]) -> str:
    return table((f"operation, {steps} steps", "turn", "seconds", *WAITS), rows)


class _Operations:
    """Runs operations, each twice, and notes what the bystander waited."""

    def __init__(
        self, server: Installation, others: ProcessPoolExecutor, waits: Waits, steps: int
    ) -> None:
        self._server, self._others, self._waits = server, others, waits
        self._target = operations.Target(server.address, server.token, steps)
        self._rows: list[Sequence[str]] = []

    async def rows(self) -> list[Sequence[str]]:
        """Run all of them."""
        await self._import()
        room = self._server.room(UUID(self._target.pipeline_id))
        async with joined(Room(room), 1):
            await asyncio.sleep(AFTER_SECONDS)
            for name, operation in operations.WARM.items():
                await self._twice(name, operation)
        for name, operation in operations.COLD.items():
            await self._twice(name, operation, COLD_SECONDS)
        return self._rows

    async def shape_rows(self) -> list[Sequence[str]]:
        """Run what clients do with shapes."""
        await self._import()
        for name, operation in SHAPES.items():
            await self._twice(name, operation)
        return self._rows

    async def _import(self) -> None:
        self._waits.take()
        await asyncio.sleep(2 * AFTER_SECONDS)
        self._note("nothing happens", 0, 0.0)
        made = await self._twice("import", operations.create)
        self._target = replace(self._target, pipeline_id=str(made))

    async def _twice(
        self, name: str, operation: operations.Operation, before: float = 0.0
    ) -> object:
        value: object = None
        for turn in (1, 2):
            await asyncio.sleep(before)
            self._waits.take()
            loop = asyncio.get_running_loop()
            run = partial(operations.run, operation, self._target, turn)
            seconds, value = await loop.run_in_executor(self._others, run)
            await asyncio.sleep(AFTER_SECONDS)
            self._note(name, turn, seconds)
        return value

    def _note(self, name: str, turn: int, seconds: float) -> None:
        row = (name, str(turn or ""), f"{seconds:.1f}", *self._waits.take())
        self._rows.append(row)
        print(" | ".join(row), flush=True)


def main() -> None:
    """Measure with one large pipeline."""
    parser = argparse.ArgumentParser(prog="bench.event_loop")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=5)
    parser.add_argument("--no-worker", action="store_true", help="leave the worker out")
    parser.add_argument("--only", choices=("visits", "operations", "shapes"))
    given = parser.parse_args()
    print(describe())
    options = ["--no-worker"] if given.no_worker else []
    if given.only in (None, "visits"):
        print(asyncio.run(measure(given.steps, given.clients, options)))
    if given.only in (None, "operations"):
        print(asyncio.run(measure_operations(given.steps, options)))
    if given.only in (None, "shapes"):
        print(asyncio.run(measure_shapes(given.steps, options)))


if __name__ == "__main__":
    main()
