"""The update log: the durable memory of every document, and who wrote what in it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from .idempotency import Fulfilled


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """An update to append: `payload` is the received bytes, never re-encoded."""

    pipeline_id: UUID
    user_id: UUID | None
    payload: bytes
    received_at: datetime


@dataclass(frozen=True, slots=True)
class LoggedUpdate:
    """An update in the log. `seq` counts from 1 without a gap, per pipeline.

    A folded one (docs/adr/0019-the-log-can-be-folded.md) is the merge of the updates `folded_from`
    to `seq` of one user, the first of which was received at `folded_since`.
    """

    seq: int
    user_id: UUID | None
    payload: bytes
    received_at: datetime
    folded_from: int | None = None
    folded_since: datetime | None = None

    @property
    def first_seq(self) -> int:
        """The number of the first update in it: its own unless it is folded."""
        return self.seq if self.folded_from is None else self.folded_from

    @property
    def first_received_at(self) -> datetime:
        """When the first update in it was received."""
        return self.received_at if self.folded_since is None else self.folded_since


def missing_numbers(after: int, updates: Iterable[LoggedUpdate], until: int) -> list[int]:
    """Return the numbers after one, up to another, that no update has: somebody lost their rows.

    The updates must be in their order. A folded one has all the numbers that it was made of.
    """
    missing: list[int] = []
    for update in updates:
        missing += range(after + 1, update.first_seq)
        after = max(after, update.seq)
    return [*missing, *range(after + 1, until + 1)]


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """Everything a document is made from: its last stored state and the updates since.

    `waiting` belongs to the state: updates whose dependencies are missing, which a state cannot
    hold. So does `noticed`: what the worker has noticed in the updates up to there; and `slices`,
    where the state can be cut, if somebody has found that out. `head` is the number of the last
    update that was ever appended, as far as it is known.
    """

    state: bytes | None
    state_seq: int
    tail: Sequence[LoggedUpdate]
    waiting: Sequence[bytes] = ()
    noticed: bytes = b""
    head: int = 0
    slices: bytes = b""

    @property
    def seq(self) -> int:
        """The number of the last update in here, or that should be."""
        return max(self.head, self.tail[-1].seq if self.tail else self.state_seq)

    @property
    def missing(self) -> list[int]:
        """The numbers of updates that should be in here and are not: somebody lost their rows."""
        return missing_numbers(self.state_seq, self.tail, self.seq)

    @property
    def size(self) -> int:
        """Bytes of the state and all updates since."""
        return len(self.state or b"") + sum(len(update.payload) for update in self.tail)


@dataclass(frozen=True, slots=True)
class LockedLog:
    """The end of a log that is locked: nobody else appends to it meanwhile.

    `head` is the number of the last update, and `missing` are those after the position that was
    asked for: all of them, or the first ones if they are many. `reserved_by` is the edit for which
    the document is reserved now.
    """

    head: int
    missing: Sequence[LoggedUpdate] = ()
    reserved_by: UUID | None = None


AWAITED: Final = "awaited"
"""What workers are notified of beside a pipeline if somebody waits until its rows show an edit."""


class LogTransaction(Protocol):
    """A transaction that decides on what logs hold: `lock` once, then `append` at most once."""

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        """Lock the ends of logs; return what each has after the number given for it.

        At most 1,000 updates, and at most `most_bytes` of payload, of each log. Pipelines that do
        not exist are missing from the answer. Waits for others who hold a lock. Whoever holds
        locks and does nothing for IDLE_SECONDS loses them with the transaction.
        Raises StoreUnavailable.
        """
        ...

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog.append`: the updates are in the log when this transaction is committed.

        Whoever decided on them waits for their rows: the workers are notified of AWAITED, too.
        """
        ...

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        """Note with the keys of requests, when this is committed, what `append` created for them.

        So a request that is sent again after a crash finds it, and is not carried out twice.
        """
        ...


IDLE_SECONDS: Final = 2.0
"""How long a transaction may hold the ends of logs without doing anything.

The others wait for whoever stands still there: a server that is stopped, or starved of CPU.
"""


class UpdateLog(Protocol):
    """The update log of all documents: append-only, bytes only, in the order of commits."""

    def transaction(self) -> AbstractAsyncContextManager[LogTransaction]:
        """Begin a transaction; the end of the block commits it, and an exception undoes it.

        Raises StoreUnavailable: at the end of the block nobody knows whether it was committed.
        """
        ...

    async def reserve(self, pipeline_id: UUID, edit: UUID, seconds: float) -> bool:
        """Reserve a document for an edit, or prolong that; return whether it is reserved for it.

        False if it is reserved for another, if the reservation of this edit has ended meanwhile, or
        if there is no such pipeline. A reservation keeps nobody from appending: whoever decides
        edits looks for it (`LockedLog.reserved_by`). Raises StoreUnavailable.
        """
        ...

    async def free(self, pipeline_id: UUID, edit: UUID) -> None:
        """End the reservation for an edit, if there is one. Raises StoreUnavailable."""
        ...

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """Append all in one transaction and wake the workers; return one `seq` each, in order.

        None stands for an update whose pipeline does not exist (any more). Updates of one pipeline
        keep their order. Raises StoreUnavailable; the same call may then be repeated, since an
        update in the log twice changes nothing.
        """
        ...

    async def append_if_last(
        self, update: NewUpdate, expected_head: int, reservation: UUID | None = None
    ) -> int | None:
        """Append an update if `expected_head` is still the end of the log; return its number.

        None if something was appended since, if the document is reserved for another edit than
        `reservation`, or if the pipeline was deleted: nothing is appended then.
        Raises StoreUnavailable; the same call may then be repeated, since at most one succeeds.
        """
        ...

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """Read the last stored state and every update after it. Raises PipelineNotFound."""
        ...

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """Read the updates after `seq`, oldest first, at most `limit`.

        The first one may begin at `seq` or before if it is folded.
        """
        ...

    async def since_each(
        self, positions: Mapping[UUID, int], limit: int, most_bytes: int
    ) -> dict[UUID, list[LoggedUpdate]]:
        """Read the updates of pipelines, each after the number given for it, as `since` does.

        A pipeline with more than `limit` of them, or more than `most_bytes` of payload, is missing
        from the answer, and so is one without any.
        """
        ...

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """Read the number of the last update of each pipeline that exists."""
        ...

    async def store_state(
        self,
        pipeline_id: UUID,
        seq: int,
        state: bytes,
        waiting: Sequence[bytes] = (),
        noticed: bytes = b"",
        *,
        slices: bytes = b"",
    ) -> None:
        """Store `state`, the merge of the updates 1..seq, so that loading starts there.

        `waiting` are those of them whose dependencies are missing, and `noticed` is what was
        noticed in them. `slices` is where the state can be cut (`crdt/updates/state_slices.py`).
        Deletes no update. Ignored if a newer state is stored.
        """
        ...


@dataclass(frozen=True, slots=True)
class UpdateInfo:
    """An update in the log without its content; of a folded one, see `LoggedUpdate`."""

    seq: int
    user_id: UUID | None
    at: datetime
    folded_from: int | None = None
    folded_since: datetime | None = None

    @property
    def first_seq(self) -> int:
        """The number of the first update in it."""
        return self.seq if self.folded_from is None else self.folded_from

    @property
    def first_at(self) -> datetime:
        """When the first update in it was received."""
        return self.at if self.folded_since is None else self.folded_since


class UpdateHistory(Protocol):
    """Who made which update, for the history of a pipeline."""

    async def newest_updates(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[UpdateInfo]:
        """Read who made the last `limit` updates before number `before`, newest first.

        A folded one counts as one; of one that `before` lies in, only what is before is told.
        """
        ...
