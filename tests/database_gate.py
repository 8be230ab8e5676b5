"""A gate before PostgreSQL, which a test shuts: for the server, PostgreSQL is away then."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit, urlunsplit

from tests.balancer import HOST, Carrier, carry_both, closing


class DatabaseGate(Carrier):
    """Carries connections to a PostgreSQL; `dsn` leads through the gate."""

    dsn: str

    def __init__(self, behind: str) -> None:
        super().__init__()
        self._behind = behind
        self._is_open = True
        self._flows = asyncio.Event()
        self._flows.set()

    def shut(self) -> None:
        """Cut all connections, and refuse new ones."""
        self._is_open = False
        self.cut()

    def hold(self) -> None:
        """Let connections be, and carry nothing: PostgreSQL hangs."""
        self._flows.clear()

    def open(self) -> None:
        """Carry again."""
        self._is_open = True
        self._flows.set()

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """See `Carrier.serve`."""
        async with closing(writer):
            if self._is_open:
                back, forth = await self._connect()
                async with closing(forth):
                    await carry_both((reader, forth), (back, writer), flows=self._flows)

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        parts = urlsplit(self._behind)
        if folder := parse_qs(parts.query).get("host"):
            port = parts.port or 5432
            return await asyncio.open_unix_connection(f"{folder[0]}/.s.PGSQL.{port}")
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)


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
