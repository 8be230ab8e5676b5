"""Edits by the server, decided on what is true: on everything that was committed before them.

Such an edit is a decision: is the name free, does the ETag match, which words differ? It is made
while the end of its log is locked, on a document that has all of the log, and its update is
appended before anybody else can append one. So the edits of all servers have one order, in which
each was decided on the result of those before it (linearizability: Herlihy and Wing, 1990).

The decisions of some milliseconds share a transaction, a round. While it runs, group commit holds
back what clients write into these pipelines: the documents have it already, so it is appended in
the round, before the decisions that have seen it. Typing waits for a round and for nothing else.

A decision cannot be taken out of a document again. So what fails before the first decision of a
round is tried again with nothing changed. What fails after it is stored nevertheless, if nobody
came between; otherwise the document is given up
(docs/adr/0005-a-room-ahead-of-the-log-is-dropped.md) and the decision is made anew.
"""

import asyncio
import time
from asyncio import Future
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from crdt.errors import Draining, Overloaded, PipelineNotFound

from .errors import NotStoredYet, StoreUnavailable
from .group_commit import CANCEL_SECONDS, FIRST_RETRY, LAST_RETRY, GroupCommit, Pending
from .ports.idempotency import Fulfilled
from .ports.update_log import LockedLog, LoggedUpdate, LogTransaction, NewUpdate, UpdateLog

MOST_MISSING_BYTES: Final = 64 * 1024
"""What a document may lack of its log: reading and applying more would keep the log locked."""

MOST_DECISIONS: Final = 200
"""Decisions in one round; the others wait for the next."""

STRETCH_SECONDS: Final = 0.004
"""How long decisions are made in a row. Then others have their turn, while the log is locked."""

COME_BETWEEN: Final = "others edited this pipeline while the database was away: reconnect"
"""The reason of Overloaded for those who are in a document that is given up."""

T = TypeVar("T")


class Replica(Protocol):
    """A live document on which decisions are made. It hands its updates to the group commit."""

    @property
    def pipeline_id(self) -> UUID:
        """Whose document it is."""
        ...

    @property
    def dropped(self) -> bool:
        """Whether it must not be used any more."""
        ...

    @property
    def seq(self) -> int:
        """The document has all updates of the log up to this number."""
        ...

    async def follow_to_end(self, updates: Sequence[LoggedUpdate]) -> bool:
        """Apply updates of the log, which then has no others that are missing here.

        Returns False if that may take long: nothing is applied then, and the log is to be read on.
        """
        ...


@dataclass(frozen=True, slots=True)
class EditResult(Generic[T]):
    """An edit by the server that is committed: in update `seq` of the log, or in an earlier one.

    `value` is what the edit's function returned. `has_changed` is False if the document was as the
    edit would have it already: then no update was appended, and `seq` is the last one it has seen.
    """

    seq: int
    value: T
    has_changed: bool = True


class Undecided(Enum):
    """Why an edit was not made. Nothing was changed; see to the reason, and ask again."""

    GONE = "the document was given up: open it anew"
    BEHIND = "the document lacks much of its log: read on"
    RESERVED = "the document is reserved for another edit: wait"


@dataclass(slots=True, eq=False)
class _Decision:
    """What is to be decided on which document, and what came of it.

    `last` is the place of its update among those of the round, or of the last update before it;
    `fulfilled` what it creates for a request with a key.
    """

    replica: Replica
    make: Callable[[], Any]
    reservation: UUID | None
    decided: Future[EditResult[Any] | Undecided]
    fulfilled: Fulfilled | None = None
    is_made: bool = False
    value: Any = None
    error: Exception | None = None
    has_changed: bool = False
    last: int = 0

    def run(self, held: Callable[[], int]) -> None:
        """Make the decision; `held` counts the updates of the pipeline that are to be appended."""
        before = held()
        try:
            self.value = self.make()
        except Exception as error:
            self.error = error
        self.is_made = True
        self.last = held()
        self.has_changed = self.last > before

    def report(self, head: int) -> None:
        """Report what was decided, now that all it rests on is stored behind `head`."""
        if self.decided.done():
            return
        if self.error is not None:
            self.decided.set_exception(self.error)
        else:
            self.decided.set_result(EditResult(head + self.last, self.value, self.has_changed))

    def put_off(self, reason: Undecided) -> None:
        """Report that the decision was not made, or does not count."""
        if not self.decided.done():
            self.decided.set_result(reason)

    def fail(self, error: Exception) -> None:
        """Report that the decision cannot be stored."""
        if not self.decided.done():
            self.decided.set_exception(error)


@dataclass(slots=True)
class _Part:
    """What a round does in one pipeline: `pending` goes behind update `head` of its log."""

    pipeline_id: UUID
    decisions: list[_Decision]
    head: int = 0
    pending: list[Pending] = field(default_factory=list)
    lost: list[Pending] = field(default_factory=list)
    """Updates of decisions that do not count any more."""
    is_gone: bool = False

    @property
    def is_made(self) -> bool:
        """Whether the document may have edits that the log has not."""
        return any(decision.is_made for decision in self.decisions)

    @property
    def replica(self) -> Replica:
        """The document; there is only one of a pipeline."""
        return self.decisions[0].replica

    @property
    def reservation(self) -> UUID | None:
        """The edit for which the document was reserved while this round decided on it."""
        made = (each for each in self.decisions if each.is_made)
        return next((each.reservation for each in made if each.reservation), None)

    @property
    def fulfilled(self) -> list[Fulfilled]:
        """What the decisions that change something create for requests with keys."""
        if self.is_gone:
            return []
        made = (each for each in self.decisions if each.is_made and each.has_changed)
        return [each.fulfilled for each in made if each.fulfilled is not None]

    def compare(self, log: LockedLog | None) -> list[Pending]:
        """Return what is still to be appended, now that it is unknown what was stored."""
        if log is None:
            self.is_gone = True
        elif self._is_stored_in(log):
            return []
        else:
            if not self._still_counts(log):
                self._lose_decisions()
            self.head = log.head
        return [] if self.is_gone else self.pending

    def _still_counts(self, log: LockedLog) -> bool:
        """Whether the decisions hold behind what others may have appended."""
        if log.reserved_by is not None:
            # Beside a reservation of our own, only clients have written. Beside another's, a large
            # edit may be under way that does not know of these decisions.
            return log.reserved_by == self.reservation
        return not log.missing

    def _is_stored_in(self, log: LockedLog) -> bool:
        # A transaction is stored as a whole, so the first updates stand for all of them.
        pairs = zip(self.pending, log.missing, strict=False)
        same = [ours.update.payload == theirs.payload for ours, theirs in pairs]
        return bool(same) and all(same)

    def _lose_decisions(self) -> None:
        """Give up what was decided without knowing what others have appended meanwhile."""
        for decision in self.decisions:
            decision.is_made = False
        kept = [each for each in self.pending if not each.is_decided]
        self.lost += [each for each in self.pending if each.is_decided]
        self.pending = kept

    def report(self) -> None:
        """Report what is stored, in the order of the log, and then what is lost."""
        for place, pending in enumerate(self.pending, 1):
            pending.resolve(None if self.is_gone else self.head + place)
        for pending in self.lost:
            pending.fail(Overloaded(COME_BETWEEN))
        for decision in self.decisions:
            if self.is_gone:
                decision.fail(PipelineNotFound(f"pipeline {self.pipeline_id} was deleted"))
            elif decision.is_made:
                decision.report(self.head)
            else:
                decision.put_off(Undecided.GONE)


class DecisionRounds:
    """Makes the decisions of one server, in one transaction at a time.

    A round begins `window` seconds after the one before at the earliest. Belongs to the event loop
    it is used in.
    """

    def __init__(
        self,
        log: UpdateLog,
        commits: GroupCommit,
        *,
        window: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._commits, self._window = log, commits, window
        self._sleep, self._monotonic = sleep, monotonic
        self._round_began = float("-inf")
        self._waiting: deque[_Decision] = deque()
        self._running: asyncio.Task[None] | None = None
        self._closed = False

    async def decide(
        self,
        replica: Replica,
        make: Callable[[], T],
        seconds: float,
        reservation: UUID | None = None,
        fulfilled: Fulfilled | None = None,
    ) -> EditResult[T] | Undecided:
        """Let `make` decide on an edit of a document and make it there; return it once committed.

        `make` is called on the event loop while nobody else can append to the log, on a document
        that has all of it. It hands the updates it makes to the group commit, and is called at most
        once. What it raises is raised here, when what it was decided on is committed.
        `reservation` is the edit for which the caller has reserved the document. What the edit has
        `fulfilled` is noted in the transaction that stores it, if it changes something.

        Raises Draining, PipelineNotFound, Overloaded, also after `seconds` if the edit was not made
        by then, and NotStoredYet if it was.
        """
        decided = asyncio.get_running_loop().create_future()
        decision = _Decision(replica, make, reservation, decided, fulfilled)
        self._ask(decision)
        try:
            await asyncio.wait([decision.decided], timeout=seconds)
            return self._result(decision)
        finally:
            # Whoever has gone away gets no edit that was not made by then.
            decision.decided.cancel()

    def _ask(self, decision: _Decision) -> None:
        """Have a decision made in the next round. Raises Draining, Overloaded."""
        if self._closed:
            raise Draining
        if self._commits.is_full:
            raise Overloaded("the update log cannot keep up: nothing was changed, try again later")
        self._waiting.append(decision)
        if self._running is None:
            self._running = asyncio.create_task(self._run(), name="decision rounds")

    def _result(self, decision: _Decision) -> EditResult[Any] | Undecided:
        if decision.decided.done():
            return decision.decided.result()
        if decision.is_made:
            raise NotStoredYet("taken, but not stored yet: look before you try again")
        raise Overloaded("this edit could not be decided in time: nothing was changed, try again")

    async def close(self, seconds: float) -> None:
        """Make no more decisions, and store those that are made, for at most `seconds`."""
        self._closed = True
        for decision in self._waiting:
            decision.fail(Draining())
        if self._running is not None:
            await asyncio.wait([self._running], timeout=seconds)
        # More than once, for the reason that group commit has.
        while self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait([self._running], timeout=CANCEL_SECONDS)

    async def _run(self) -> None:
        delay = FIRST_RETRY
        while self._is_asked():
            if await self._round():
                delay = FIRST_RETRY
            else:
                await self._sleep(delay)
                delay = min(2 * delay, LAST_RETRY)
            # What this round could not store must have reached its documents before the next one
            # decides on them: they are given up in callbacks.
            await asyncio.sleep(0)
        self._running = None

    def _is_asked(self) -> bool:
        """Forget those who wait no more; return whether anybody waits."""
        self._waiting = deque(each for each in self._waiting if not each.decided.done())
        return bool(self._waiting)

    async def _round(self) -> bool:
        """Make decisions and store them; return False if nothing could be done at all."""
        parts: dict[UUID, _Part] = {}
        try:
            await self._decide_and_store(parts)
        except StoreUnavailable:
            if not _is_made(parts):
                self._waiting.extendleft(_decisions(parts)[::-1])
                return False
            await self._store_again(parts)
        except Exception as error:
            if not _is_made(parts):
                _fail_all(_decisions(parts) or self._waiting, error)
                return True
            await self._store_again(parts)
        finally:
            self._release(parts)
        return True

    async def _decide_and_store(self, parts: dict[UUID, _Part]) -> None:
        async with self._log.transaction() as transaction:
            # Within the transaction, so that its beginning takes no time of its own.
            await self._await_window()
            self._choose(parts)
            await self._commits.hold([*parts])
            await self._decide(transaction, parts)
            await _append(transaction, [each for part in parts.values() for each in part.pending])
            await _fulfil(transaction, parts.values())
        _report(parts)

    async def _await_window(self) -> None:
        if (left := self._round_began + self._window - self._monotonic()) > 0:
            await self._sleep(left)
        self._round_began = self._monotonic()

    def _choose(self, parts: dict[UUID, _Part]) -> None:
        """Choose the decisions of a round, by pipeline and in their order."""
        for _ in range(min(len(self._waiting), MOST_DECISIONS)):
            decision = self._waiting.popleft()
            if decision.replica.dropped:
                decision.put_off(Undecided.GONE)
            elif not decision.decided.done():
                pipeline_id = decision.replica.pipeline_id
                parts.setdefault(pipeline_id, _Part(pipeline_id, [])).decisions.append(decision)

    async def _decide(self, transaction: LogTransaction, parts: Mapping[UUID, _Part]) -> None:
        positions = {each: part.replica.seq for each, part in parts.items()}
        logs = await transaction.lock(positions, MOST_MISSING_BYTES) if parts else {}
        for pipeline_id, part in parts.items():
            await self._decide_part(part, logs.get(pipeline_id), positions[pipeline_id])
            part.pending = self._commits.take(pipeline_id)

    async def _decide_part(self, part: _Part, log: LockedLog | None, position: int) -> None:
        if log is None:
            part.is_gone = True
            return
        part.head = log.head
        if (log.missing[-1].seq if log.missing else position) < log.head:
            _put_off(part.decisions, Undecided.BEHIND)
            return
        if not await part.replica.follow_to_end(log.missing):
            _put_off(part.decisions, Undecided.BEHIND)
            return
        stop = self._monotonic() + STRETCH_SECONDS
        for decision in part.decisions:
            self._make(decision, part.replica, log.reserved_by)
            if self._monotonic() >= stop:
                # Others go on meanwhile; what clients write into the document now is held as well.
                await asyncio.sleep(0)
                stop = self._monotonic() + STRETCH_SECONDS

    def _make(self, decision: _Decision, replica: Replica, reserved_by: UUID | None) -> None:
        """Make a decision, unless its document may not take it."""
        if decision.decided.done():
            return
        # Only this replica has followed the log; another one was opened or given up meanwhile.
        if decision.replica is not replica or replica.dropped:
            decision.put_off(Undecided.GONE)
        elif reserved_by != decision.reservation:
            decision.put_off(Undecided.RESERVED)
        else:
            with self._commits.deciding():
                decision.run(lambda: self._commits.held(replica.pipeline_id))

    async def _store_again(self, parts: Mapping[UUID, _Part]) -> None:
        """Store what was decided, now that it is unknown whether it was stored.

        Until then the document has edits that nobody has stored. So this goes on for as long as
        the store is away, as group commit does.
        """
        delay = FIRST_RETRY
        while True:
            try:
                await self._compare_and_store(parts)
                return
            except StoreUnavailable:
                await self._sleep(delay)
                delay = min(2 * delay, LAST_RETRY)
            except Exception as error:
                _refuse(parts, error)
                return

    async def _compare_and_store(self, parts: Mapping[UUID, _Part]) -> None:
        async with self._log.transaction() as transaction:
            logs = await transaction.lock({each: part.head for each, part in parts.items()})
            left = [part.compare(logs.get(each)) for each, part in parts.items()]
            await _append(transaction, [pending for some in left for pending in some])
            await _fulfil(transaction, parts.values())
        _report(parts)

    def _release(self, parts: Mapping[UUID, _Part]) -> None:
        """Let group commit go on with these pipelines, and with what a round has not stored."""
        for pipeline_id, part in parts.items():
            taken = [*part.pending, *part.lost]
            for pending in (each for each in taken if each.is_decided):
                # Only if the server stops: without the lock it must not be appended.
                pending.fail(Draining())
            left = [each for each in taken if not each.has_outcome]
            self._commits.count_off(each for each in taken if each.has_outcome)
            self._commits.release(pipeline_id, left)


async def _append(transaction: LogTransaction, pending: Sequence[Pending]) -> None:
    updates: list[NewUpdate] = [each.update for each in pending]
    if updates:
        await transaction.append(updates)


async def _fulfil(transaction: LogTransaction, parts: Iterable[_Part]) -> None:
    """Note what the decisions create; of what was stored already once more."""
    if requests := [each for part in parts for each in part.fulfilled]:
        await transaction.fulfil(requests)


def _decisions(parts: Mapping[UUID, _Part]) -> list[_Decision]:
    return [decision for part in parts.values() for decision in part.decisions]


def _is_made(parts: Mapping[UUID, _Part]) -> bool:
    return any(part.is_made for part in parts.values())


def _report(parts: Mapping[UUID, _Part]) -> None:
    for part in parts.values():
        part.report()


def _put_off(decisions: Iterable[_Decision], reason: Undecided) -> None:
    for decision in decisions:
        decision.put_off(reason)


def _fail_all(decisions: Iterable[_Decision], error: Exception) -> None:
    for decision in decisions:
        decision.fail(error)


def _refuse(parts: Mapping[UUID, _Part], error: Exception) -> None:
    """Give up the decisions that the log refuses; the updates of clients are tried on their own."""
    for part in parts.values():
        for pending in (each for each in part.pending if each.is_decided):
            pending.fail(error)
    _fail_all(_decisions(parts), Overloaded("the edit could not be stored: try again"))
