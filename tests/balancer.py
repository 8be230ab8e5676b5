"""A balancer of TCP connections: each goes to the next server in turn that takes it."""

import asyncio
from abc import ABC, abstractmethod
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from tests.server import Address

HOST = "127.0.0.1"
PIECE = 2**16


class Carrier(ABC):
    """Takes connections, and carries each in a task of its own."""

    def __init__(self) -> None:
        self._carrying: set[asyncio.Task[None]] = set()

    def take(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take a connection."""
        task = asyncio.create_task(self.serve(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    @abstractmethod
    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry a connection until either end closes it."""

    def cut(self) -> None:
        """Cut everybody off."""
        for task in self._carrying:
            task.cancel()

    async def close(self) -> None:
        """Cut everybody off, and wait for that."""
        self.cut()
        await asyncio.gather(*self._carrying, return_exceptions=True)


class Balancer(Carrier):
    """Takes connections at `address`, for servers at other ports of this machine."""

    address: Address

    def __init__(self, ports: Iterable[int]) -> None:
        super().__init__()
        self._turns = deque(ports)
        self._clients: set[StreamWriter] = set()
        self._may_end = asyncio.Event()
        self._may_end.set()

    def strand(self) -> None:
        """Cut all clients off; the servers do not learn of it until `release`."""
        self._may_end.clear()
        for client in self._clients:
            client.transport.abort()

    def release(self) -> None:
        """Let the servers learn of the clients that are gone."""
        self._may_end.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """See `Carrier.serve`; closed at once if no server takes it."""
        self._clients.add(writer)
        async with closing(writer):
            for _ in range(len(self._turns)):
                self._turns.rotate(-1)
                with suppress(ConnectionRefusedError):
                    await self._serve_at(self._turns[-1], reader, writer)
                    break
        self._clients.discard(writer)

    async def _serve_at(self, port: int, reader: StreamReader, writer: StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, port)
        async with closing(server_writer):
            await carry_both((reader, server_writer), (server_reader, writer))
            await self._may_end.wait()


@asynccontextmanager
async def balancing(ports: Iterable[int]) -> AsyncIterator[Balancer]:
    """A balancer that takes connections while the block runs."""
    balancer = Balancer(ports)
    server = await asyncio.start_server(balancer.take, HOST, 0)
    balancer.address = Address(f"http://{HOST}:{server.sockets[0].getsockname()[1]}/")
    try:
        yield balancer
    finally:
        server.close()
        await balancer.close()


async def carry_both(
    *ways: tuple[StreamReader, StreamWriter], flows: asyncio.Event | None = None
) -> None:
    """Carry until either end closes; nothing goes on while `flows` is clear."""
    tasks = [asyncio.create_task(_carry(*way, flows)) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: StreamReader, writer: StreamWriter, flows: asyncio.Event | None) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            if flows is not None:
                await flows.wait()
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def closing(writer: StreamWriter) -> AsyncIterator[None]:
    """Close a connection after the block; what was written still goes out."""
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
