"""A store in memory whose answers a test can hold back."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from persistence.memory.stores import MemoryStore
from persistence.memory.update_log import MemoryLogTransaction
from persistence.ports.directory import Member
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import LockedLog, NewUpdate, StoredDocument


@dataclass
class Gate:
    """Lets callers through, holds them back, or sends them away with an error."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None
    passed: int = 0

    def __post_init__(self) -> None:
        self.open.set()

    async def passing(self) -> None:
        self.passed += 1
        self.asked.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error


class GatedTransaction(MemoryLogTransaction):
    """A transaction whose append can be held back."""

    def __init__(self, transaction: MemoryLogTransaction, gate: Gate) -> None:
        self._transaction, self._gate = transaction, gate

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        return await self._transaction.lock(positions, most_bytes)

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        await self._gate.passing()
        return await self._transaction.append(updates)

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        await self._transaction.fulfil(requests)


class GatedStore(MemoryStore):
    """A store whose reading and writing can be held back."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.writing, self.asking = Gate(), Gate(), Gate()

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        await self.reading.passing()
        return await super().load(pipeline_id)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryLogTransaction]:
        async with super().transaction() as transaction:
            yield GatedTransaction(transaction, self.writing)

    async def member(self, user_id: UUID, pipeline_id: UUID) -> Member | None:
        await self.asking.passing()
        return await super().member(user_id, pipeline_id)
