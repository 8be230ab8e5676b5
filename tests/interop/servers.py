"""The ways in which servers may stand behind the one address that clients know."""

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.balancer import balanced
from tests.server import Address, Installation, Server


@dataclass(frozen=True)
class Arrangement:
    """So many servers of so many processes. Several servers are behind a balancer."""

    name: str
    nodes: int = 1
    workers: int = 1

    def __str__(self) -> str:
        return self.name

    @property
    def processes(self) -> int:
        """How many take connections."""
        return self.nodes * self.workers

    def environment(self, redis_url: str) -> Mapping[str, str]:
        """What the servers talk over: Redis, or PostgreSQL if they are processes of one."""
        return {"REDIS_URL": redis_url} if self.nodes > 1 else {}


ONE_NODE: Final = Arrangement("one node")
ARRANGEMENTS: Final = (
    ONE_NODE,
    Arrangement("two nodes", nodes=2),
    Arrangement("--workers 2", workers=2),
)


@dataclass
class Servers:
    """The servers of an arrangement, which end and start together."""

    arrangement: Arrangement
    installation: Installation
    stack: AsyncExitStack
    nodes: list[Server] = field(default_factory=list)

    async def start(self) -> None:
        """Start all, where they were before."""
        ports = [node.port for node in self.nodes] or [0] * self.arrangement.nodes
        # One after the other: the first creates the demo.
        self.nodes = [await self._start_one(port) for port in ports]

    async def _start_one(self, port: int) -> Server:
        options = ("--port", str(port), "--workers", str(self.arrangement.workers))
        return await self.stack.enter_async_context(self.installation.serve(*options))

    @asynccontextmanager
    async def away(self, by: signal.Signals) -> AsyncIterator[None]:
        """End all by a signal, SIGKILL for all their processes; start them after the block."""
        for node in self.nodes:
            await (node.program.kill_all() if by == signal.SIGKILL else node.program.end(by))
        try:
            yield
        finally:
            await self.start()


@asynccontextmanager
async def serving(
    arrangement: Arrangement, installation: Installation
) -> AsyncIterator[tuple[Servers, Address]]:
    """The servers, and where clients find them: at several in turn, connection by connection."""
    async with AsyncExitStack() as stack:
        servers = Servers(arrangement, installation, stack)
        await servers.start()
        if arrangement.nodes == 1:
            yield servers, servers.nodes[0]
        else:
            port = await stack.enter_async_context(balanced(node.port for node in servers.nodes))
            yield servers, Address(f"http://127.0.0.1:{port}/")
