"""A balancer: each connection goes to the next server in turn that takes it."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

HOST = "127.0.0.1"
PIECE = 2**16


@asynccontextmanager
async def balanced(ports: Iterable[int]) -> AsyncIterator[int]:
    """A port that leads to those of several servers."""
    turns, carrying = deque(ports), set[asyncio.Task[None]]()

    def take(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.create_task(_serve(turns, reader, writer))
        carrying.add(task)
        task.add_done_callback(carrying.discard)

    server = await asyncio.start_server(take, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)


async def _serve(turns: deque[int], reader: StreamReader, writer: StreamWriter) -> None:
    """Carry a connection until either end closes it; close it if no server takes it."""
    async with _closing(writer):
        for _ in range(len(turns)):
            turns.rotate(-1)
            with suppress(ConnectionRefusedError):
                server_reader, server_writer = await asyncio.open_connection(HOST, turns[-1])
                async with _closing(server_writer):
                    await _carry_both((reader, server_writer), (server_reader, writer))
                return


async def _carry_both(*ways: tuple[StreamReader, StreamWriter]) -> None:
    tasks = [asyncio.create_task(_carry(*way)) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(reader: StreamReader, writer: StreamWriter) -> None:
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()


@asynccontextmanager
async def _closing(writer: StreamWriter) -> AsyncIterator[None]:
    """Close a connection after the block; what was written still goes out."""
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
