"""The update log: the durable memory of every document, and who wrote what in it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update to append: `payload` is the received bytes, never re-encoded."""

    pipeline_id: UUID
    user_id: UUID | None
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedUpdate:
    """An update in the log. `seq` counts from 1 without a gap, per pipeline."""

    seq: int
    user_id: UUID | None
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Everything a document is made from: its last stored state and the updates since.

    `waiting` belongs to the state: updates whose dependencies are missing, which a state cannot
    hold.
    """

    state: bytes | None
    state_seq: int
    tail: Sequence[LoggedUpdate]
    waiting: Sequence[bytes] = ()

    @property
    def seq(self) -> int:
        """The number of the last update in here."""
        return self.tail[-1].seq if self.tail else self.state_seq

    @property
    def size(self) -> int:
        """Bytes of the state and all updates since."""
        return len(self.state or b"") + sum(len(update.payload) for update in self.tail)


class UpdateLog(Protocol):
    """The update log of all documents: append-only, bytes only, in the order of commits."""

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """Append all in one transaction and wake the workers; return one `seq` each, in order.

        None stands for an update whose pipeline does not exist (any more). Updates of one pipeline
        keep their order. Raises StoreUnavailable; the same call may then be repeated, since an
        update in the log twice changes nothing.
        """
        ...

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """Read the last stored state and every update after it. Raises PipelineNotFound."""
        ...

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """Read the updates after `seq`, oldest first, at most `limit`."""
        ...

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """Read the number of the last update of each pipeline that exists."""
        ...

    async def store_state(
        self, pipeline_id: UUID, seq: int, state: bytes, waiting: Sequence[bytes] = ()
    ) -> None:
        """Store `state`, the merge of the updates 1..seq, so that loading starts there.

        `waiting` are those of them whose dependencies are missing. Deletes no update. Ignored if a
        newer state is stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class UpdateInfo:
    """An update in the log without its content."""

    seq: int
    user_id: UUID | None
    at: datetime


class UpdateHistory(Protocol):
    """Who made which update, for the history of a pipeline."""

    async def newest_updates(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[UpdateInfo]:
        """Read who made the last `limit` updates before number `before`, newest first."""
        ...
