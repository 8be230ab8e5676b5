"""Whom a client keeps waiting that replaces a word in every step of a large pipeline at once.

All steps were written under one client id, which is the dearest case for the CRDT library. A client
in another room has its cursor sent back meanwhile, which shows for how long the event loop did
something else; so does one in the same room. The edit is made before anything is measured.

    python -m bench.dear_edits [--steps 10000]
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from pycrdt import Array, Doc, Map, Text

from crdt.protocol.messages import Update

from .clients import Client, Room, connected
from .event_loop import Probe
from .figures import Spread, table
from .installation import installed
from .machine import describe
from .pipelines import PROMPT

WORD = "careful"
AFTER_SECONDS, PATIENCE = 2.0, 120.0
HEADER = ("", "p50 ms", "p99 ms", "max ms")


def written(doc: "Doc[Any]", count: int) -> bytes:
    """Write steps; return the update."""
    before = doc.get_state()
    steps: Map[Any] = doc.get("steps", type=Map)
    with doc.transaction():
        for number in range(count):
            prompt = Map({"type": "static", "content": Text(f"{number}: {PROMPT}")})
            fields = {"name": f"step_{number}", "type": "claude", "position": f"{number} 0"}
            steps[f"{number:032x}"] = Map({**fields, "prompt": Array([prompt])})
    return doc.get_update(before)


def replaced(doc: "Doc[Any]") -> bytes:
    """Put another word into each prompt; return the update."""
    before = doc.get_state()
    steps: Map[Any] = doc.get("steps", type=Map)
    with doc.transaction():
        for number in range(len(steps)):
            _replace(steps[f"{number:032x}"]["prompt"][0]["content"])
    return doc.get_update(before)


def _replace(text: Any) -> None:
    place = str(text).index(WORD)
    del text[place : place + len(WORD)]
    text.insert(place, "thorough")


async def acknowledged(author: Client, update: bytes) -> float:
    """Send an update; return how many seconds its echo takes."""
    began, echoed = time.perf_counter(), asyncio.Event()

    def look(frame: bytes) -> None:
        if len(frame) > len(update):
            echoed.set()

    author.on_frame = look
    await author.send(Update(update))
    async with asyncio.timeout(PATIENCE):
        await echoed.wait()
    return time.perf_counter() - began


async def measure(steps: int) -> None:
    """Print the waits of a quiet time and of the edit."""
    doc: Doc[Any] = Doc()
    document, update = written(doc, steps), replaced(doc)
    async with installed(1, 1) as (server, [small, large]), AsyncExitStack() as stack:
        places = {"another room": small, "the same room": large}
        clients = [
            await stack.enter_async_context(connected(Room(server.room(place))))
            for place in (*places.values(), large)
        ]
        for client in clients:
            await client.join()
        *others, author = clients
        await acknowledged(author, document)
        probes = [Probe(client) for client in others]
        probing = [asyncio.create_task(probe.run()) for probe in probes]
        rows: list[Sequence[str]] = []
        # The first visits had the document loaded, and the worker started.
        await asyncio.sleep(AFTER_SECONDS)
        for probe in probes:
            probe.take()
        await asyncio.sleep(AFTER_SECONDS)
        _note(rows, "quiet", places, probes)
        seconds = await acknowledged(author, update)
        await asyncio.sleep(AFTER_SECONDS)
        _note(rows, f"{len(update)} bytes, acknowledged after {seconds:.1f} s", places, probes)
        print(table(HEADER, rows))
        for each in probing:
            each.cancel()


def _note(
    rows: list[Sequence[str]], what: str, places: dict[str, Any], probes: list[Probe]
) -> None:
    for place, probe in zip(places, probes, strict=True):
        spread = Spread.of(probe.take())
        cells = (f"{each:.0f}" for each in (spread.p50, spread.p99, spread.longest))
        rows.append((f"{place}: {what}", *cells))


def main() -> None:
    """Measure with one large pipeline."""
    parser = argparse.ArgumentParser(prog="bench.dear_edits")
    parser.add_argument("--steps", type=int, default=10_000)
    given = parser.parse_args()
    print(describe())
    asyncio.run(measure(given.steps))


if __name__ == "__main__":
    main()
