"""A gate before PostgreSQL, which a test shuts: for the server, PostgreSQL is away then."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit

from tests.balancer import HOST, PIECE, closing


class DatabaseGate:
    """Carries connections to a PostgreSQL; `dsn` leads through the gate."""

    dsn: str

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._is_open = True
        self._flows = asyncio.Event()
        self._flows.set()
        self._carrying: set[asyncio.Task[None]] = set()

    def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        self._is_open = False
        for task in self._carrying:
            task.cancel()

    def hold(self) -> None:
        """Let connections be, and carry nothing: PostgreSQL hangs."""
        self._flows.clear()

    def open(self) -> None:
        """Carry again."""
        self._is_open = True
        self._flows.set()

    def take(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Take a connection."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        async with closing(writer):
            if self._is_open:
                back, forth = await self._connect()
                async with closing(forth):
                    await self._carry_both((reader, forth), (back, writer))

    async def _carry_both(self, *ways: tuple[StreamReader, StreamWriter]) -> None:
        tasks = [asyncio.create_task(self._carry(*way)) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        parts = urlsplit(self._behind)
        if folder := parse_qs(parts.query).get("host"):
            port = parts.port or 5432
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)

    async def _carry(self, reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                await self._flows.wait()
                writer.write(piece)
                await writer.drain()

    async def close(self) -> None:
        """Cut everybody off."""
        self.shut()
        await asyncio.gather(*self._carrying, return_exceptions=True)


@asynccontextmanager
async def gated(dsn: str) -> AsyncIterator[DatabaseGate]:
    """A gate, open at first, that stands while the block runs."""
    gate = DatabaseGate(dsn)
    server = await asyncio.start_server(gate.take, HOST, 0)
    parts = urlsplit(dsn)
    user = parts.username or "postgres"
    place = f"{user}@{HOST}:{server.sockets[0].getsockname()[1]}"
    gate.dsn = urlunsplit((parts.scheme, place, parts.path, "", ""))
    try:
        yield gate
    finally:
        server.close()
        await gate.close()
