"""What it costs to deliver edits and to let clients in, beside other servers.

Every server gets the same document, the same clients and the same edits, one server after the
other. CPU is that of the server process, for Pipeloom with that of its worker; what PostgreSQL adds
is shown apart. The others keep documents in memory and acknowledge that; Pipeloom commits every
edit and keeps the tables up to date meanwhile.

    python -m bench.fan_out [--clients 50] [--steps 1000] [--seconds 10] [--without-peers]
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.protocol.messages import Update

from .clients import Client, Room, connected, joined, send_evenly
from .figures import Spread, table
from .installation import installed, program
from .machine import cpu_seconds, describe
from .peers import PEERS, PeersMissing, installed_peers, peer_room
from .pipelines import Author, pipeline

EDITS_PER_CLIENT = 5.0
"""A second."""

JOINS = 50
PATIENCE, BETWEEN_LOOKS = 20.0, 0.05
ROOM = "bench"


@dataclass(frozen=True, slots=True)
class Subject:
    """A server to measure: where its room is, and its CPU seconds so far."""

    room: Room
    cpu: Callable[[], float]
    database_cpu: Callable[[], float] = lambda: 0.0
    needs_seed: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """One room: how many clients, how many steps, for how many seconds."""

    clients: int
    steps: int
    seconds: float

    @property
    def rate(self) -> float:
        """Edits a second of all clients together."""
        return self.clients * EDITS_PER_CLIENT

    @property
    def deliveries(self) -> int:
        """How often an edit must arrive at another client."""
        return int(self.rate * self.seconds) * (self.clients - 1)


@dataclass(frozen=True, slots=True)
class Result:
    """CPU seconds per join and per delivered edit, and how long deliveries took."""

    join_cpu: float
    delivery_cpu: float
    database_cpu: float
    latency: Spread
    client_share: float
    """How much of one core the clients took: near 1, the latency is theirs."""


Started: TypeAlias = "AsyncIterator[Subject]"


@asynccontextmanager
async def pipeloom(steps: int, *options: str) -> Started:
    """This server, with embedded PostgreSQL."""
    async with installed(steps, options=options) as (server, [pipeline_id]):
        room = Room(server.room(pipeline_id))
        yield Subject(room, server.cpu, server.postgres_cpu, needs_seed=False)


@asynccontextmanager
async def peer(name: str, directory: Path) -> Started:
    """One of the others."""
    async with program("node", PEERS[name], cwd=directory) as (process, address):
        yield Subject(peer_room(name, address, ROOM), lambda: cpu_seconds(process.pid))


async def measure(subject: Subject, load: Load) -> Result:
    """Let clients in, then let them edit."""
    state = seed(Document(), pipeline(load.steps))
    async with joined(subject.room, 1) as [first]:
        if subject.needs_seed:
            await first.send(Update(state))
        author = Author(state if subject.needs_seed else await first.document)
        join_cpu = await _join_cost(subject)
        # The first one stays: a server may forget a document that nobody has open.
        async with joined(subject.room, load.clients - 1) as others:
            return await _fan_out_cost(subject, load, [first, *others], author, join_cpu)


async def _join_cost(subject: Subject) -> float:
    await _one_join(subject)
    before = subject.cpu()
    for _ in range(JOINS):
        await _one_join(subject)
    return (subject.cpu() - before) / JOINS


async def _one_join(subject: Subject) -> None:
    async with connected(subject.room) as client:
        await client.join()


async def _fan_out_cost(
    subject: Subject, load: Load, clients: list[Client], author: Author, join_cpu: float
) -> Result:
    sent: dict[int, float] = {}
    times: list[float] = []
    for index, client in enumerate(clients):
        client.on_edit = _listener(index, len(clients), sent, times)
    step_ids = author.step_ids()

    def edit(number: int) -> Update:
        return Update(author.move(step_ids[number % len(step_ids)], number))

    cpu, database_cpu, own_cpu = subject.cpu(), subject.database_cpu(), time.process_time()
    await send_evenly(clients, edit, rate=load.rate, seconds=load.seconds, sent=sent)
    own_cpu = time.process_time() - own_cpu
    async with asyncio.timeout(PATIENCE):
        while len(times) < load.deliveries:  # noqa: ASYNC110 - the load should wake no one
            await asyncio.sleep(BETWEEN_LOOKS)
    return Result(
        join_cpu=join_cpu,
        delivery_cpu=(subject.cpu() - cpu) / load.deliveries,
        database_cpu=(subject.database_cpu() - database_cpu) / load.deliveries,
        latency=Spread.of(times),
        client_share=own_cpu / load.seconds,
    )


def _listener(
    index: int, clients: int, sent: dict[int, float], times: list[float]
) -> Callable[[int], None]:
    def on_edit(number: int) -> None:
        # Edits are sent in turn, so the sender follows from the number.
        if number % clients != index:
            times.append(time.perf_counter() - sent[number])

    return on_edit


async def measure_all(load: Load, *, with_peers: bool) -> dict[str, Result]:
    """Measure Pipeloom, and the others if they can be had."""
    results = {}
    for name, options in {"Pipeloom": (), "Pipeloom, --no-worker": ("--no-worker",)}.items():
        async with pipeloom(load.steps, *options) as subject:
            results[name] = await measure(subject, load)
    if not with_peers:
        return results
    try:
        async with installed_peers() as directory:
            for name in PEERS:
                async with peer(name, directory) as subject:
                    results[name] = await measure(subject, load)
    except PeersMissing as error:
        print(f"other servers are left out: {error}")
    return results


def _report(results: dict[str, Result]) -> str:
    own = results["Pipeloom"]
    header = (
        *("server", "CPU/join ms", "ratio", "CPU/delivery us", "ratio", "PostgreSQL us"),
        *("p50 ms", "p99 ms", "max ms", "clients' core"),
    )
    lines = [
        (
            name,
            f"{1e3 * each.join_cpu:.1f}",
            f"{each.join_cpu / own.join_cpu:.2f}",
            f"{1e6 * each.delivery_cpu:.1f}",
            f"{each.delivery_cpu / own.delivery_cpu:.2f}",
            f"{1e6 * each.database_cpu:.1f}",
            *(f"{ms:.1f}" for ms in (each.latency.p50, each.latency.p99, each.latency.longest)),
            f"{100 * each.client_share:.0f} %",
        )
        for name, each in results.items()
    ]
    return table(header, lines)


def main() -> None:
    """Measure one room."""
    parser = argparse.ArgumentParser(prog="bench.fan_out")
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--without-peers", action="store_true")
    given = parser.parse_args()
    print(describe())
    load = Load(given.clients, given.steps, given.seconds)
    print(f"{load.clients} clients, {load.rate:g} edits/s in a room of {load.steps} steps")
    results = asyncio.run(measure_all(load, with_peers=not given.without_peers))
    print(_report(results))


if __name__ == "__main__":
    main()
