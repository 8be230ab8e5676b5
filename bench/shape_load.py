"""Many clients of shapes, and what a change costs beside many shapes.

Run by `python -m bench.shapes clients` and `… cost`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from crdt.protocol.messages import Update

from .clients import Client, Room, joined
from .figures import Spread, table
from .hot_path import Cpu, server_cpu
from .installation import Installation, installed
from .machine import resident_bytes
from .pipelines import Author
from .shape_clients import GENEROUS, Wanted, by_number, crowd, wanted

CLIENTS, SHAPES, STEPS = 1_000, 100, 20
RATE: Final = 20.0
"""Edits a second of all editors together."""

SETTLE_SECONDS: Final = 2.0
COST_SECONDS: Final = 10.0
"""The least time of a case of `cost`: 200 edits, of which the clock of CPU time shows 10 ms."""

NUMBERS: Final = (10, 100, 500, 1_000)
SIZES: Final = (10, 1_000, 5_000)
HELD: Final = 20
"""Shapes of one pipeline, for what a row takes in memory."""


class Editors:
    """Somebody in each of some pipelines, who moves a step when it is their turn."""

    def __init__(self, clients: Sequence[Client], authors: Sequence[Author]) -> None:
        self._clients, self._authors = clients, authors
        self._ids = [author.step_ids() for author in authors]
        self.sent: dict[int, float] = {}
        self.acknowledged: list[float] = []
        for client in clients:
            client.on_edit = self._note

    def _note(self, number: int) -> None:
        self.acknowledged.append(time.perf_counter() - self.sent[number])

    async def edit(self, rate: float, seconds: float) -> int:
        """Send so many edits a second in turn; return how many."""
        start, count = time.perf_counter(), int(rate * seconds)
        for place in range(count):
            await asyncio.sleep(max(0.0, start + place / rate - time.perf_counter()))
            number = len(self.sent) + 1
            at = number % len(self._clients)
            step = self._ids[at][number // len(self._clients) % len(self._ids[at])]
            update = Update(self._authors[at].move(step, number))
            self.sent[number] = time.perf_counter()
            await self._clients[at].send(update)
        await asyncio.sleep(SETTLE_SECONDS)
        return count


@asynccontextmanager
async def editors(server: Installation, ids: Sequence[UUID]) -> AsyncIterator[Editors]:
    """One editor in each of the pipelines; the worker has seen all of these."""
    async with AsyncExitStack() as stack:
        clients = []
        for each in ids:
            [client] = await stack.enter_async_context(joined(Room(server.room(each)), 1))
            clients.append(client)
        made = Editors(clients, [Author(await client.document) for client in clients])
        await made.edit(10 * RATE, len(ids) / (10 * RATE))
        yield made


async def measure_clients(seconds: float) -> None:
    """Print what many clients of some shapes cost, by long poll and by events."""
    rows = []
    async with AsyncExitStack() as stack:
        server, ids = await stack.enter_async_context(
            installed(*[STEPS] * SHAPES, settings=GENEROUS)
        )
        people = await stack.enter_async_context(editors(server, ids))
        for is_stream in (False, True):
            shapes = [
                wanted(server, "steps", f"pipeline_id = '{each}'", is_stream=is_stream)
                for each in ids
            ]
            rows.append(await _crowd_row(server, people, shapes, seconds))
    header = ("by", *("server", "worker", "PostgreSQL", "clients"), "row p50 / p99 ms", "KB/client")
    print(f"{CLIENTS} clients, {SHAPES} shapes, {RATE:g} edits/s; CPU as % of a core")
    print(table(header, rows))


async def _crowd_row(
    server: Installation, people: Editors, shapes: Sequence[Wanted], seconds: float
) -> Sequence[str]:
    async with crowd(shapes, 1):
        with_shapes = resident_bytes(server.process_id)
        async with crowd([*shapes] * (CLIENTS // SHAPES)) as clients:
            memory = (resident_bytes(server.process_id) - with_shapes) / CLIENTS
            await clients.take()
            before, own, began = server_cpu(server), clients.cpu(), time.perf_counter()
            await people.edit(RATE, seconds)
            took = time.perf_counter() - began
            cost, own = server_cpu(server) - before, clients.cpu() - own
            taken = await clients.take()
            seen = by_number(taken.rows, people.sent)
    spread = Spread.of(seen)
    shares = (cost.server, cost.worker, cost.database, own)
    return (
        "events" if shapes[0].is_stream else "long poll",
        *(f"{100 * each / took:.0f}" for each in shares),
        f"{spread.p50:.0f} / {spread.p99:.0f}",
        f"{memory / 1024:.0f}",
    )


@dataclass(frozen=True, slots=True)
class Case:
    """What one edited pipeline of so many steps has beside it: shapes of its steps or of others."""

    name: str
    steps: int = STEPS
    live: int = 0
    idle: int = 0
    is_elsewhere: bool = False


CASES: Final = (
    Case("no shape"),
    *(Case(f"{number} live shapes that see it", live=number) for number in NUMBERS),
    Case(f"{NUMBERS[-1]} idle shapes that see it", idle=NUMBERS[-1]),
    *(
        Case(f"{number} live shapes of another pipeline", live=number, is_elsewhere=True)
        for number in NUMBERS
    ),
    *(Case(f"a live shape of {size} rows", steps=size, live=1) for size in SIZES),
)


async def measure_cost(seconds: float) -> None:
    """Print what a change costs beside the number of shapes, and beside the rows of one.

    Each case has a server of its own, so that none is measured beside what another has left.
    """
    rows, bare = [], Cpu(0.0)
    for case in CASES:
        cost, answers = await _cost(case, max(seconds, COST_SECONDS))
        bare = cost if case is CASES[0] else bare
        shares = (cost.server, cost.worker, cost.database)
        an_answer = (cost.server - bare.server) / answers if answers else 0.0
        cells = (*(f"{each:.0f}" for each in shares), f"{answers:.1f}", f"{an_answer:.0f}")
        rows.append((case.name, *cells))
        # The whole takes minutes: each case is shown when it is measured.
        print(f"{case.name}: {', '.join(cells)}", flush=True)
    header = ("server us", "worker us", "PostgreSQL us", "answers", "server us an answer")
    print(table(("an edit beside", *header), rows))
    await _measure_memory()


async def _cost(case: Case, seconds: float) -> tuple[Cpu, float]:
    """CPU of an edit in microseconds, and how many live requests are answered to each."""
    async with AsyncExitStack() as stack:
        server, [edited, other] = await stack.enter_async_context(
            installed(case.steps, STEPS, settings=GENEROUS)
        )
        people = await stack.enter_async_context(editors(server, [edited]))
        async with crowd(_some(server, edited, case.idle, "order_index >= -")):
            pass
        seen = other if case.is_elsewhere else edited
        clients = await stack.enter_async_context(
            crowd(_some(server, seen, case.live, "order_index > -"))
        )
        await asyncio.sleep(SETTLE_SECONDS)
        await clients.take()
        before = server_cpu(server)
        count = await people.edit(RATE, seconds)
        cost = (server_cpu(server) - before).per(count)
        return cost, (await clients.take()).answers / count


def _some(server: Installation, pipeline_id: UUID, number: int, condition: str) -> list[Wanted]:
    where = f"pipeline_id = '{pipeline_id}' AND {condition}"
    return [wanted(server, "steps", f"{where}{each}") for each in range(1, number + 1)]


async def _measure_memory() -> None:
    """Print what a row takes; a few shapes come first, so that what all share is there."""
    async with installed(SIZES[1], settings=GENEROUS) as (server, [pipeline_id]):
        shapes = _some(server, pipeline_id, HELD + 2, "order_index > -")
        async with crowd(shapes[:2]):
            before = resident_bytes(server.process_id)
            async with crowd(shapes[2:]):
                each = (resident_bytes(server.process_id) - before) / (HELD * SIZES[1])
    print(f"memory of a row, all columns, in a shape of {SIZES[1]} rows: {each / 1024:.1f} KB")
