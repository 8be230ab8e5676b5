"""What it costs when many come at once: 200 clients into one room of 1,000 steps.

python -m bench.joins [--clients 200] [--steps 1000] [--pairs 3] [--without-peers]
"""

import argparse
import asyncio
import time
from statistics import median
from typing import Final
from urllib.parse import urlsplit

from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.protocol.messages import SyncStep1, Update

from .clients import EMPTY_STATE_VECTOR, Room, joined
from .figures import table
from .hot_path import Load, Options, Subject, peers, starts
from .light_clients import LightClient
from .machine import describe
from .pipelines import pipeline

PATIENCE: Final = 60.0


async def measure(subject: Subject, clients: int, steps: int) -> tuple[float, float]:
    """Return the CPU milliseconds of one join, and the seconds until everybody has the document."""
    [room] = subject.rooms
    async with joined(room, 1) as [first]:
        if subject.needs_seed:
            await first.send(Update(seed(Document(), pipeline(steps))))
        # One join before: what is made for the first visitor is not what the others cost.
        async with joined(room, 1) as [second]:
            size = len(await second.document)
        await asyncio.sleep(1.0)
        before, began = subject.cpu(), time.perf_counter()
        crowd = [LightClient(room) for _ in range(clients)]
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(_join(client, room, size) for client in crowd))
            took = time.perf_counter() - began
            return 1e3 * (subject.cpu() - before).whole / clients, took
        finally:
            for client in crowd:
                client.close()


async def _join(client: LightClient, room: Room, size: int) -> None:
    at = urlsplit(room.url)
    loop = asyncio.get_running_loop()
    await loop.create_connection(lambda: client, at.hostname, at.port)
    await client.opened
    client.is_deaf = True
    client.send(SyncStep1(EMPTY_STATE_VECTOR))
    while client.received < size:
        if client.is_lost:
            raise ConnectionError("a client was closed before it had the document")
        await asyncio.sleep(0.02)


async def measure_all(clients: int, steps: int, pairs: int, options: Options) -> None:
    """Let the servers take turns, and print a table."""
    figures: dict[str, list[tuple[float, float]]] = {}
    async with peers(options.with_peers) as directory:
        for _ in range(pairs):
            for name, start in starts(Load(1, 1, 1), steps, directory, options).items():
                async with start() as subject:  # type: ignore[attr-defined]
                    figures.setdefault(name, []).append(await measure(subject, clients, steps))
                print(f"{name}: {figures[name][-1][0]:.2f} ms", flush=True)
    cpu = {name: median(one for one, _ in found) for name, found in figures.items()}
    base = next((cpu[name] for name in cpu if name.startswith("Hocuspocus")), None)
    rows = [
        (
            name,
            f"{cpu[name]:.2f}",
            f"{cpu[name] / base:.2f}" if base else "-",
            f"{median(took for _, took in found):.2f}",
        )
        for name, found in figures.items()
    ]
    print(table((f"{clients} join at once", "CPU ms a join", "ratio", "all have it, s"), rows))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="bench.joins")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--without-peers", action="store_true")
    given = parser.parse_args()
    print(describe())
    options = Options(not given.without_peers, ())
    asyncio.run(measure_all(given.clients, given.steps, given.pairs, options))


if __name__ == "__main__":
    main()
