"""What clients that do not read cost a server, and those beside them who do.

Clients join, one room of 100 steps for every hundred of them, and stop reading. Then an editor in
every room writes many times what may wait for a client. Memory is that of the server with its
worker, and what the kernel holds for its sockets (/proc/net/sockstat: of the whole machine, so also
what the clients' own small buffers hold).

    python -m bench.slow_consumers [--clients 1000] [--megabytes 50]
"""

import argparse
import asyncio
import base64
import os
import socket
import time
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

from crdt.protocol.messages import Message, SyncStep1, Update
from crdt.protocol.y_websocket import encode

from .clients import Client, Room, connected
from .figures import Spread, table
from .installation import Installation, installed
from .machine import describe
from .pipelines import Author

CLIENTS_PER_ROOM = 100
STEPS = 100
EDIT_BYTES = 20_000
RECEIVE_BUFFER = 16 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE")
MB = 1e6


async def stalled(url: str) -> socket.socket:
    """A client that joins and never reads again."""
    parts = urlsplit(url)
    sock = socket.socket()
    # Before it is connected: the window is agreed on then.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (parts.hostname, parts.port))
    key = base64.b64encode(os.urandom(16)).decode()
    request = (
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await loop.sock_sendall(sock, request.encode())
    await loop.sock_recv(sock, 4096)
    await loop.sock_sendall(sock, _frame(SyncStep1(b"\x00")))
    return sock


def _frame(message: Message) -> bytes:
    """A short masked frame (RFC 6455 §5.2); a mask of zeros changes nothing."""
    payload = encode(message)
    return bytes((0x82, 0x80 | len(payload))) + bytes(4) + payload


def in_kernel() -> float:
    """Memory of all TCP sockets of the machine in MB."""
    (line,) = (
        line for line in Path("/proc/net/sockstat").read_text().splitlines() if line[:4] == "TCP:"
    )
    return int(line.split()[-1]) * PAGE / MB


async def measure(clients: int, megabytes: float) -> list[tuple[str, ...]]:
    """Return the rows of the table."""
    rooms = max(1, clients // CLIENTS_PER_ROOM)
    async with installed(*[STEPS] * rooms) as (server, pipeline_ids), AsyncExitStack() as stack:
        editors = [await _editor(stack, server, one) for one in pipeline_ids]
        rows = [_row("editors only", server, await _write(editors, 1.0))]
        stalling = []
        for number in range(clients):
            sock = await stalled(server.room(pipeline_ids[number % rooms]))
            stalling.append(stack.enter_context(sock))
        rows.append(_row(f"{clients} joined, not reading", server, await _write(editors, 1.0)))
        for part in range(1, 5):
            times = await _write(editors, megabytes / 4)
            rows.append(_row(f"{part * megabytes / 4:g} MB written", server, times))
        return rows


async def _editor(
    stack: AsyncExitStack, server: Installation, pipeline_id: UUID
) -> tuple[Client, Author]:
    client = await stack.enter_async_context(connected(Room(server.room(pipeline_id))))
    await client.join()
    return client, Author(await client.document)


async def _write(editors: list[tuple[Client, Author]], megabytes: float) -> list[float]:
    """Let the editors write, together; return how long each edit took to be acknowledged."""
    times: list[float] = []
    for number in range(int(megabytes * MB / EDIT_BYTES)):
        client, author = editors[number % len(editors)]
        done = asyncio.get_running_loop().create_future()
        client.on_edit = lambda _, done=done: done.done() or done.set_result(None)
        edit = author.write(number, EDIT_BYTES)
        begun = time.perf_counter()
        await client.send(Update(edit))
        await done
        times.append(time.perf_counter() - begun)
    return times


def _row(what: str, server: Installation, times: list[float]) -> tuple[str, ...]:
    spread = Spread.of(times)
    return (
        what,
        f"{server.memory() / MB:.0f}",
        f"{in_kernel():.0f}",
        f"{spread.p50:.1f}",
        f"{spread.p99:.1f}",
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="bench.slow_consumers")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--megabytes", type=float, default=50.0)
    given = parser.parse_args()
    print(describe())
    rows = asyncio.run(measure(given.clients, given.megabytes))
    header = ("", "server MB", "kernel MB", "edit to echo p50 ms", "p99 ms")
    print(table(header, rows))


if __name__ == "__main__":
    main()
