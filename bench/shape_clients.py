"""Clients of shapes that cost next to nothing: one asyncio protocol each, which parses no JSON.

Each takes the first answer and then stays, by long poll or by a stream of server-sent events, on
one connection. Marks of edits are found by searching the bodies. `crowd` runs many in processes of
their own, whose CPU time is theirs alone.
"""

import asyncio
import gc
import multiprocessing
import re
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final
from urllib.parse import urlencode

from .installation import Installation
from .machine import cpu_seconds

GENEROUS: Final = {
    **dict.fromkeys(
        ("PIPELOOM_SHAPES", "PIPELOOM_SHAPES_PER_USER", "PIPELOOM_SHAPE_LIVE_PER_USER"), "20000"
    ),
    **dict.fromkeys(("PIPELOOM_SHAPE_RATE", "PIPELOOM_SHAPE_BURST"), "1000000"),
    "PIPELOOM_SHAPE_BYTES": str(1024**3),
}
"""Settings for a server whose clients are all of one user."""

ROW: Final = re.compile(rb'"id":"([0-9a-f-]{36})"[^{}]*?"position_x":"-?(\d+)"')
"""A step that an `Author` moved: its id, and the number of the edit."""

SEEN: Final = re.compile(rb'"global_last_seen_lsn":"(\d+)"')
BEGINNING: Final = "offset=-1"
LIVE_SECONDS: Final = 120.0
RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A shape that a client asks for: the query without its offset."""

    address: str
    token: str
    query: str
    is_stream: bool = False


def wanted(
    server: Installation, table: str, where: str = "", *, is_stream: bool = False, **more: str
) -> Wanted:
    """Ask for rows of a table, as the demo owner."""
    asked = {"table": table, **({"where": where} if where else {}), **more}
    return Wanted(server.address, server.token, urlencode(asked), is_stream)


class ShapeClient(asyncio.Protocol):
    """One client of one shape. `on_row` receives the id and the number of every marked edit.

    `live` is done once the first live request is on its way. A client that is refused, or whose
    connection breaks, has `failure`.
    """

    def __init__(self, shape: Wanted) -> None:
        self.on_row: Callable[[str, int], None] = lambda _id, _number: None
        self.live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.failure = ""
        self.answers = self.refetches = self.retries = self.received = 0
        self._shape = shape
        self._at = BEGINNING
        self._handle = ""
        self._buffer = bytearray()
        self._last = b""
        self._head: dict[str, str] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the rows."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Take what is complete."""
        self.received += len(data)
        self._buffer += data
        while self._take():
            pass

    def connection_lost(self, exc: Exception | None) -> None:
        """Note it: a bench whose clients were closed has measured nothing."""
        self._fail(self.failure or f"the connection ended: {exc}")

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self._transport.close()

    def _ask(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        shape, at = self._shape, self._at
        if at != BEGINNING:
            at += f"&live=true&handle={self._handle}" + ("&live_sse=true" * shape.is_stream)
            if not self.live.done():
                self.live.set_result(None)
        lines = (
            f"GET /v1/shape?{shape.query}&{at} HTTP/1.1",
            f"Host: {shape.address}",
            f"Authorization: Bearer {shape.token}",
        )
        self._transport.write("\r\n".join((*lines, "", "")).encode())

    def _take(self) -> bool:
        """Take a head, a part of a body or its end; False if none is complete."""
        if self._head is None:
            return self._take_head()
        if "content-length" in self._head:
            size, start = int(self._head["content-length"]), 0
        else:
            line = self._buffer.find(b"\r\n")
            if line < 0:
                return False
            size, start = int(bytes(self._buffer[:line]), 16), line + 2
        end = start + size + (2 if start else 0)
        if len(self._buffer) < end:
            return False
        part = bytes(self._buffer[start : start + size])
        del self._buffer[:end]
        self._take_part(part)
        if not start or not size:
            self._end()
        return True

    def _take_head(self) -> bool:
        text, end, _ = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        del self._buffer[: len(text) + len(end)]
        status, *lines = text.decode().split("\r\n")
        self._head = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
        }
        self._head["status"] = status.split()[1]
        return True

    def _take_part(self, part: bytes) -> None:
        self._last = part
        for id_, number in ROW.findall(part):
            self.on_row(id_.decode(), int(number))
        if self._shape.is_stream and (seen := SEEN.findall(part)):
            self._at = f"offset={seen[-1].decode()}_0"

    def _end(self) -> None:
        assert self._head is not None
        head, self._head = self._head, None
        self.answers += 1
        self._handle = head.get("electric-handle", self._handle)
        if head["status"] == "409":
            self.refetches += 1
            self._at = BEGINNING
        elif head["status"] == "503":
            # As Electric's clients do.
            self.retries += 1
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._ask)
            return
        elif head["status"] != "200":
            self._fail(f"answered with {head['status']}: {self._last.decode()}")
            self.close()
            return
        elif not (self._shape.is_stream and head.get("content-type") == "text/event-stream"):
            self._at = f"offset={head['electric-offset']}"
        self._ask()

    def _fail(self, problem: str) -> None:
        self.failure = problem
        if not self.live.done():
            self.live.set_exception(ConnectionError(problem))


@asynccontextmanager
async def connected(shapes: Sequence[Wanted]) -> AsyncIterator[list[ShapeClient]]:
    """One client for each of the shapes, all live; they come one after the other."""
    clients: list[ShapeClient] = []
    loop = asyncio.get_running_loop()
    try:
        for shape in shapes:
            client = ShapeClient(shape)
            host, _, port = shape.address.rpartition(":")
            await loop.create_connection(lambda made=client: made, host, int(port))  # type: ignore[misc]
            clients.append(client)
            async with asyncio.timeout(LIVE_SECONDS):
                await client.live
        yield clients
    finally:
        for client in clients:
            client.close()


@dataclass(slots=True)
class Seen:
    """What clients have seen since they were asked last; `rows` are numbers of edits, and when."""

    rows: list[tuple[int, float]] = field(default_factory=list)
    answers: int = 0
    refetches: int = 0
    retries: int = 0
    received: int = 0
    failures: list[str] = field(default_factory=list)


class Crowd:
    """Clients in processes of their own."""

    def __init__(self) -> None:
        self.processes: list[multiprocessing.process.BaseProcess] = []
        self.pipes: list[Connection] = []

    def cpu(self) -> float:
        """CPU seconds of the clients so far."""
        return sum(cpu_seconds(process.pid or 0) for process in self.processes)

    async def take(self) -> Seen:
        """Return what was seen since the last call. Raises ConnectionError if a client failed."""
        whole = Seen()
        for pipe in self.pipes:
            pipe.send("take")
            seen: Seen = await asyncio.to_thread(pipe.recv)
            whole.rows += seen.rows
            whole.failures += seen.failures
            whole.answers += seen.answers
            whole.refetches += seen.refetches
            whole.retries += seen.retries
            whole.received += seen.received
        if whole.failures:
            raise ConnectionError(f"{len(whole.failures)} clients failed: {whole.failures[0]}")
        return whole


@asynccontextmanager
async def crowd(shapes: Sequence[Wanted], processes: int = 2) -> AsyncIterator[Crowd]:
    """One client for each of the shapes, in so many processes; all are live."""
    spawn, made = multiprocessing.get_context("spawn"), Crowd()
    with ExitStack() as stack:
        for number in range(min(processes, len(shapes))):
            here, there = spawn.Pipe()
            process = spawn.Process(target=_run, args=(shapes[number::processes], there))
            process.start()
            stack.callback(process.join)
            stack.callback(_leave, here)
            made.processes.append(process)
            made.pipes.append(here)
        for pipe in made.pipes:
            await asyncio.to_thread(pipe.recv)
        yield made


def _leave(pipe: Connection) -> None:
    with suppress(OSError):
        pipe.send("leave")


def _run(shapes: Sequence[Wanted], pipe: Connection) -> None:
    asyncio.run(_stay(shapes, pipe))


async def _stay(shapes: Sequence[Wanted], pipe: Connection) -> None:
    asked = asyncio.Event()
    async with connected(shapes) as clients:
        seen: list[tuple[int, float]] = []
        for client in clients:
            client.on_row = lambda _id, number: seen.append((number, time.perf_counter()))
        gc.freeze()
        pipe.send("live")
        asyncio.get_running_loop().add_reader(pipe.fileno(), asked.set)
        while True:
            await asked.wait()
            asked.clear()
            # It is set once more before it is looked at, and there is nothing to be had then.
            if not pipe.poll():
                continue
            if pipe.recv() == "leave":
                return
            pipe.send(_taken(clients, seen))


def _taken(clients: Sequence[ShapeClient], rows: list[tuple[int, float]]) -> Seen:
    seen = Seen([*rows], failures=[each.failure for each in clients if each.failure])
    rows.clear()
    for client in clients:
        seen.answers += client.answers
        seen.refetches += client.refetches
        seen.retries += client.retries
        seen.received += client.received
        client.answers = client.refetches = client.retries = client.received = 0
    return seen


def by_number(rows: Sequence[tuple[int, float]], sent: dict[int, float]) -> list[float]:
    """How many seconds after it was sent each edit was seen by each client, itself or a later one.

    Edits that no row showed by themselves are left out.
    """
    return [at - sent[number] for number, at in rows if number in sent]
