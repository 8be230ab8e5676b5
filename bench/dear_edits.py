"""Whom a client keeps waiting that replaces a word in every step of a large pipeline at once.

All steps were written under one client id, which is the dearest case for the CRDT library. Clients
in another room and in the same one type meanwhile, each edit when the one before is acknowledged: a
cursor would be no measure, since of several that wait the server keeps the last. The edit is made
before anything is measured.

    python -m bench.dear_edits [--steps 10000]
"""

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import count
from typing import Any

from pycrdt import Array, Doc, Map, Text

from crdt.protocol.messages import Update

from .clients import Client, Room, connected
from .figures import Spread, table
from .installation import installed
from .machine import describe
from .pipelines import PROMPT, mark

WORD = "careful"
AFTER_SECONDS, PATIENCE, BETWEEN_EDITS = 2.0, 120.0, 0.005
HEADER = ("", "p50 ms", "p99 ms", "max ms")


def written(doc: "Doc[Any]", size: int) -> bytes:
    """Write steps; return the update."""
    before = doc.get_state()
    steps: Map[Any] = doc.get("steps", type=Map)
    with doc.transaction():
        for number in range(size):
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


class Typist:
    """A client that makes one small edit after the other, and measures each acknowledgement."""

    def __init__(self, client: Client) -> None:
        self._client, self._times = client, list[float]()
        self._doc: Doc[Any] = Doc()
        self._echoed = asyncio.Event()
        client.on_edit = lambda _: self._echoed.set()

    async def run(self) -> None:
        """Type until cancelled."""
        notes: Map[Any] = self._doc.get("notes", type=Map)
        for number in count():
            before = self._doc.get_state()
            notes["typed"] = mark(number).decode()
            self._echoed.clear()
            began = time.perf_counter()
            await self._client.send(Update(self._doc.get_update(before)))
            await self._echoed.wait()
            self._times.append(time.perf_counter() - began)
            await asyncio.sleep(BETWEEN_EDITS)

    def take(self) -> list[float]:
        """Return the times since the last call."""
        times, self._times = self._times, []
        return times


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
        typists = [Typist(client) for client in others]
        typing = [asyncio.create_task(typist.run()) for typist in typists]
        rows: list[Sequence[str]] = []
        # The first visits had the document loaded, and the worker started.
        await asyncio.sleep(AFTER_SECONDS)
        for typist in typists:
            typist.take()
        await asyncio.sleep(AFTER_SECONDS)
        _note(rows, "quiet", places, typists)
        seconds = await acknowledged(author, update)
        await asyncio.sleep(AFTER_SECONDS)
        _note(rows, f"{len(update)} bytes, acknowledged after {seconds:.1f} s", places, typists)
        print(table(HEADER, rows))
        for each in typing:
            each.cancel()


def _note(
    rows: list[Sequence[str]], what: str, places: dict[str, Any], typists: list[Typist]
) -> None:
    for place, typist in zip(places, typists, strict=True):
        spread = Spread.of(typist.take())
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
