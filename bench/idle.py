"""What clients cost that only look on: memory and CPU of many idle connections in many rooms.

Clients join as y-websocket clients do, send their awareness state, and renew it every 15 s.

    python -m bench.idle [--connections 5000] [--rooms 200] [--steps 50] [--seconds 60]
"""

import argparse
import asyncio
import base64
import os
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle, islice
from urllib.parse import urlsplit

from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import AwarenessUpdate, Message, SyncStep1
from crdt.protocol.y_websocket import encode

from .figures import table
from .installation import Installation, installed
from .machine import describe

AT_ONCE = 100
"""Connections that are being made at the same time."""

RENEWAL = 15.0
"""Seconds after which a client renews its presence (y-protocols, awareness.js)."""

MiB = 2**20


class Onlooker:
    """A WebSocket client that reads everything and keeps nothing."""

    def __init__(self, url: str, client_id: int) -> None:
        self._url, self._client_id, self._clock = urlsplit(url), client_id, 0

    async def join(self) -> None:
        """Connect, ask for the document, and show oneself."""
        host, port = self._url.hostname or "", self._url.port
        self._reader, self._writer = await asyncio.open_connection(host, port, limit=2**16)
        key = base64.b64encode(os.urandom(16)).decode()
        self._writer.write(
            f"GET {self._url.path}?{self._url.query} HTTP/1.1\r\nHost: {host}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        answer = await self._reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer, f"expected a WebSocket, got {answer[:80]!r}"
        self._say(SyncStep1(b"\x00"))
        self.renew()

    def renew(self) -> None:
        """Show that one is still here."""
        self._clock += 1
        entry = var_uint(self._client_id) + var_uint(self._clock) + var_string('{"cursor":null}')
        self._say(AwarenessUpdate(b"\x01" + entry))

    def _say(self, message: Message) -> None:
        payload = encode(message)
        # A mask of zeros leaves the payload as it is (RFC 6455 §5.3).
        head = bytes((0x82, 0x80 | len(payload))) + bytes(4)
        self._writer.write(head + payload)

    async def look_on(self) -> None:
        """Read until the end."""
        while await self._reader.read(2**16):
            pass

    def leave(self) -> None:
        """Hang up."""
        self._writer.close()


@asynccontextmanager
async def looking_on(urls: list[str]) -> AsyncIterator[list[Onlooker]]:
    """Let a client in for each URL; they stay, and renew their presence, as long as the block."""
    slots = asyncio.Semaphore(AT_ONCE)
    onlookers = [Onlooker(url, client_id) for client_id, url in enumerate(urls, 1)]

    async def join(one: Onlooker) -> None:
        async with slots:
            await one.join()

    async def stay(number: int, one: Onlooker) -> None:
        # Spread over the time between two renewals, as people who came one by one are.
        await asyncio.sleep(RENEWAL * number / len(onlookers))
        while True:
            one.renew()
            await asyncio.sleep(RENEWAL)

    await asyncio.gather(*(join(one) for one in onlookers))
    tasks = [asyncio.create_task(one.look_on()) for one in onlookers]
    tasks += [asyncio.create_task(stay(number, one)) for number, one in enumerate(onlookers)]
    try:
        yield onlookers
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for one in onlookers:
            one.leave()


async def measure(
    connections: int, rooms: int, steps: int, seconds: float
) -> list[tuple[str, ...]]:
    """Return lines of a table: who is there, and what it takes."""
    options = ("--no-worker",)
    async with installed(*[steps] * rooms, options=options) as (server, pipeline_ids):
        alone = server.memory()
        urls = list(islice(cycle(server.room(each) for each in pipeline_ids), connections))
        lines = [("nobody", _mib(alone), "", "")]
        async with looking_on(urls[:rooms]):
            opened = await _settled(server, seconds=5.0)
            lines.append((f"1 in each of {rooms} rooms", _mib(opened), "", ""))
            async with looking_on(urls[rooms:]):
                cpu = server.cpu()
                full = await _settled(server, seconds=seconds)
                share = (server.cpu() - cpu) / seconds
                each = (full - opened) / max(1, connections - rooms) / 1024
                lines.append(
                    (f"{connections} in {rooms} rooms", _mib(full), f"{each:.1f}", f"{share:.1%}")
                )
        return lines


async def _settled(server: Installation, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return server.memory()


def _mib(size: int) -> str:
    return f"{size / MiB:.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--rooms", type=int, default=200)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    chosen = parser.parse_args()
    with suppress(ValueError):
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
        )
    print(describe())
    lines = asyncio.run(measure(chosen.connections, chosen.rooms, chosen.steps, chosen.seconds))
    header = ("idle clients", "server memory MiB", "KiB per connection", "of one core")
    print(table(header, lines))


if __name__ == "__main__":
    main()
