"""The ways in which servers may stand behind the one address that clients know."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.balancer import balancing
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
        """Start all on free ports."""
        # One after the other: the first creates the demo.
        self.nodes = [await self._start_one() for _ in range(self.arrangement.nodes)]

    async def _start_one(self, port: int = 0) -> Server:
        options = ("--port", str(port), "--workers", str(self.arrangement.workers))
        return await self.stack.enter_async_context(self.installation.serve(*options))

    @asynccontextmanager
    async def away(self, by: signal.Signals, *numbers: int) -> AsyncIterator[None]:
        """End some servers by a signal, by default all; start them again after the block."""
        ended = numbers or range(len(self.nodes))
        await asyncio.gather(*(self._end_one(number, by) for number in ended))
        try:
            yield
        finally:
            await asyncio.gather(*(self._restart_one(number) for number in ended))

    async def _end_one(self, number: int, by: signal.Signals) -> None:
        program = self.nodes[number].program
        await (program.kill_all() if by == signal.SIGKILL else program.end(by))

    async def _restart_one(self, number: int) -> None:
        self.nodes[number] = await self._start_one(self.nodes[number].port)


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
            ports = (node.port for node in servers.nodes)
            balancer = await stack.enter_async_context(balancing(ports))
            yield servers, balancer.address
