"""How many edits over REST a server makes, and whether somebody who types notices them.

Scripts patch steps, each its next request when the last is answered, all in one pipeline or each in
one of its own. Meanwhile a client types into one of these pipelines, or does so alone; its clock
stops at its echo, which Pipeloom sends when the edit is committed.

    python -m bench.server_edits [--scripts 16] [--seconds 10] [--steps 100]
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from crdt.protocol.messages import Update

from .clients import Client, Room, joined
from .figures import Spread, table
from .installation import Installation, installed
from .machine import describe
from .pipelines import Author

BETWEEN_KEYS = 0.1
"""Seconds between two edits of the client who types."""


@dataclass(slots=True)
class Counts:
    """What the scripts have done, and how many seconds each request and each echo took."""

    requests: list[float] = field(default_factory=list)
    echoes: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Load:
    """So many scripts for so many seconds, spread over so many pipelines."""

    scripts: int
    pipelines: int
    seconds: float


async def measure(steps: int, loads: Sequence[Load]) -> None:
    """Print the figures of each load, and those of a client who types alone."""
    most = max(load.pipelines for load in loads)
    rows = []
    async with installed(*[steps] * most) as (server, pipeline_ids):
        for load in (Load(0, 1, loads[0].seconds), *loads):
            counts = Counts()
            cpu, postgres = server.cpu(), server.postgres_cpu()
            await _run(server, pipeline_ids[: load.pipelines], load, counts)
            cpu, postgres = server.cpu() - cpu, server.postgres_cpu() - postgres
            rows.append(_row(load, counts, cpu, postgres))
    header = ("scripts", "pipelines", "PATCH/s", "PATCH p50 / p99", "CPU", "PostgreSQL", "echo")
    print(table(header, rows))


async def _run(
    server: Installation, pipeline_ids: Sequence[UUID], load: Load, counts: Counts
) -> None:
    async with typing(server, pipeline_ids[0], counts):
        limits = httpx.Limits(max_connections=max(1, load.scripts))
        headers = {"Authorization": f"Bearer {server.token}"}
        async with httpx.AsyncClient(limits=limits, headers=headers, timeout=30.0) as http:
            stop = time.perf_counter() + load.seconds
            scripts = []
            for number in range(load.scripts):
                pipeline_id = pipeline_ids[number % load.pipelines]
                steps = f"http://{server.address}/api/pipelines/{pipeline_id}/steps"
                scripts.append(script(http, steps, number, stop, counts))
            await asyncio.gather(asyncio.sleep(load.seconds), *scripts)


async def script(
    http: httpx.AsyncClient, steps: str, number: int, stop: float, counts: Counts
) -> None:
    """Patch one of the steps of a pipeline again and again."""
    found = (await http.get(steps, params={"limit": 50})).json()["items"]
    url = f"{steps}/{found[number % len(found)]['id']}"
    place = 0
    while (began := time.perf_counter()) < stop:
        place += 1
        answer = await http.patch(url, json={"position": {"x": place, "y": number}})
        answer.raise_for_status()
        counts.requests.append(time.perf_counter() - began)


@asynccontextmanager
async def typing(server: Installation, pipeline_id: UUID, counts: Counts) -> AsyncIterator[None]:
    """Let a client type for as long as the block lasts."""
    async with joined(Room(server.room(pipeline_id)), 1) as [client]:
        task = asyncio.create_task(_type(client, Author(await client.document), counts))
        try:
            yield
        finally:
            task.cancel()


async def _type(client: Client, author: Author, counts: Counts) -> None:
    sent: dict[int, float] = {}
    client.on_edit = lambda number: counts.echoes.append(time.perf_counter() - sent[number])
    step_ids = author.step_ids()
    number = 0
    while True:
        number += 1
        update = author.move(step_ids[-1 - number % 10], number)
        sent[number] = time.perf_counter()
        await client.send(Update(update))
        await asyncio.sleep(BETWEEN_KEYS)


def _row(load: Load, counts: Counts, cpu: float, postgres: float) -> Sequence[str]:
    done = len(counts.requests)
    if not done:
        return ("0", "-", "-", "-", "-", "-", _spread(counts.echoes))
    return (
        str(load.scripts),
        str(load.pipelines),
        f"{done / load.seconds:.0f}",
        _spread(counts.requests),
        f"{1e3 * cpu / done:.2f} ms",
        f"{1e3 * postgres / done:.2f} ms",
        _spread(counts.echoes),
    )


def _spread(seconds: list[float]) -> str:
    spread = Spread.of(seconds)
    return f"{spread.p50:.1f} / {spread.p99:.1f} ms"


def main() -> None:
    """Measure one pipeline, and one for each script."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scripts", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--steps", type=int, default=100)
    given = parser.parse_args()
    print(describe())
    loads = [Load(given.scripts, each, given.seconds) for each in (1, given.scripts)]
    asyncio.run(measure(given.steps, loads))


if __name__ == "__main__":
    main()
