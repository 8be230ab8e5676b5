"""A store in memory whose answers a test can hold back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from persistence.memory.stores import MemoryStore
from persistence.ports.directory import Member
from persistence.ports.update_log import NewUpdate, StoredDocument


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


class GatedStore(MemoryStore):
    """A store whose reading and writing can be held back."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.writing, self.asking = Gate(), Gate(), Gate()

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        await self.reading.passing()
        return await super().load(pipeline_id)

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        await self.writing.passing()
        return await super().append(updates)

    async def member(self, user_id: UUID, pipeline_id: UUID) -> Member | None:
        await self.asking.passing()
        return await super().member(user_id, pipeline_id)
