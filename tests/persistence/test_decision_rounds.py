import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest

from crdt.errors import Draining, EditConflict, Overloaded, PipelineNotFound
from persistence.decision_rounds import DecisionRounds, EditResult, Undecided
from persistence.errors import StoreError, StoreUnavailable
from persistence.group_commit import GroupCommit, Outcome
from persistence.memory.stores import MemoryStore
from persistence.memory.update_log import MemoryLogTransaction
from persistence.ports.directory import NewPipeline
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import LockedLog, LoggedUpdate, NewUpdate
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.persistence.commits import settle

LOOM, WEFT = an_id(1), an_id(2)


class UnreliableStore(MemoryStore):
    """A store that may fail before its lock, or at its commit, as often as `fates` say."""

    def __init__(self) -> None:
        super().__init__()
        self.lock_fails = 0
        self.fates: list[Callable[[], None]] = []
        self.is_lost_after_commit = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[MemoryLogTransaction]:
        async with super().transaction() as transaction:
            yield UnreliableTransaction(self, transaction)
        if self.is_lost_after_commit:
            self.is_lost_after_commit = False
            raise StoreUnavailable("away")


class UnreliableTransaction(MemoryLogTransaction):
    def __init__(self, store: UnreliableStore, transaction: MemoryLogTransaction) -> None:
        self._store, self._transaction = store, transaction

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        if self._store.lock_fails:
            self._store.lock_fails -= 1
            raise StoreUnavailable("away")
        return await self._transaction.lock(positions, most_bytes)

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        if self._store.fates:
            self._store.fates.pop(0)()
        return await self._transaction.append(updates)

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        await self._transaction.fulfil(requests)


DONE: Final = Fulfilled(an_id(7), an_id(8), an_id(9))

DEAR = b"dear"
"""An update that takes a document long."""


@dataclass
class Page:
    """A document that is a list of payloads."""

    pipeline_id: UUID
    commits: GroupCommit
    seq: int = 1
    dropped: bool = False
    content: list[bytes] = field(default_factory=list)
    typed: "asyncio.Future[int]" = field(init=False)
    typing: bytes = b""
    """What a client is going to write when the log is locked."""
    outcomes: list[tuple[bytes, bool]] = field(default_factory=list)
    """What became of each payload, in the order of the reports: whether it was stored."""

    async def follow_to_end(self, updates: Sequence[LoggedUpdate]) -> bool:
        if self.typing:
            self.typed = self.write(self.typing)
        if any(each.payload == DEAR for each in updates):
            return False
        self.content += [each.payload for each in updates]
        self.seq += len(updates)
        return True

    def write(self, payload: bytes) -> "asyncio.Future[int]":
        """What a client does, and a decision."""
        self.content.append(payload)
        committed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        update = NewUpdate(self.pipeline_id, None, payload, NOON)
        self.commits.enqueue(update, partial(self._note, committed, payload))
        return committed

    def _note(self, committed: "asyncio.Future[int]", payload: bytes, outcome: Outcome) -> None:
        self.outcomes.append((payload, isinstance(outcome, int)))
        if isinstance(outcome, int):
            self.seq = outcome
        else:
            self.dropped = True
        settle(committed, outcome)


@dataclass
class Desk:
    """One server's commits and decisions."""

    store: UnreliableStore

    def __post_init__(self) -> None:
        self.commits = GroupCommit(self.store, sleep=_instant)
        self.rounds = DecisionRounds(self.store, self.commits, sleep=_instant)
        self.pages = {each: Page(each, self.commits) for each in (LOOM, WEFT)}

    async def decide(
        self, payload: bytes, pipeline_id: UUID = LOOM, **options: Any
    ) -> "EditResult[list[bytes]] | Undecided":
        """Write a payload; the value is the document that was decided on."""
        page = self.pages[pipeline_id]

        def make() -> list[bytes]:
            seen = [*page.content]
            page.write(payload)
            return seen

        return await self.rounds.decide(page, make, 10.0, **options)


async def _instant(seconds: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def store() -> UnreliableStore:
    store = UnreliableStore()
    team = await store.create_team(await store.create_organization("Looms", "looms"), "W", "w")
    for each in (LOOM, WEFT):
        await store.create_pipeline(NewPipeline(each, team, None, a_pipeline(), b"seed", NOON))
    return store


@pytest.fixture
async def desk(store: UnreliableStore) -> Desk:
    return Desk(store)


async def logged(store: MemoryStore, pipeline_id: UUID = LOOM) -> list[bytes]:
    return [update.payload for update in await store.since(pipeline_id, 1)]


def away() -> None:
    raise StoreUnavailable("away")


async def test_a_decision_has_seen_what_others_have_committed(store: UnreliableStore) -> None:
    one, other = Desk(store), Desk(store)
    assert await one.decide(b"first") == EditResult(2, [], True)
    assert await other.decide(b"second") == EditResult(3, [b"first"], True)
    assert await one.decide(b"third") == EditResult(4, [b"first", b"second"], True)


async def test_what_clients_wrote_before_it_stands_before_it_in_the_log(
    desk: Desk, store: UnreliableStore
) -> None:
    desk.pages[LOOM].typing = b"typed"
    assert await desk.decide(b"decided") == EditResult(3, [b"typed"], True)
    assert desk.pages[LOOM].typed.result() == 2
    assert await logged(store) == [b"typed", b"decided"]


async def test_what_clients_write_during_a_round_is_committed_after_it(
    desk: Desk, store: UnreliableStore
) -> None:
    typed: list[asyncio.Future[int]] = []

    def type_and_pass() -> None:
        typed.append(desk.pages[LOOM].write(b"typed"))

    store.fates = [type_and_pass]
    assert await desk.decide(b"decided") == EditResult(2, [], True)
    assert await typed[0] == 3
    assert desk.commits.pending_bytes == 0


async def test_decisions_share_a_round_and_see_each_other(
    desk: Desk, store: UnreliableStore
) -> None:
    decided = [desk.decide(b"%d" % number) for number in range(3)]
    assert await asyncio.gather(*decided, desk.decide(b"x", WEFT)) == [
        EditResult(2, [], True),
        EditResult(3, [b"0"], True),
        EditResult(4, [b"0", b"1"], True),
        EditResult(2, [], True),
    ]


@pytest.mark.parametrize(
    ("seconds", "order"), [(1.0, ["a", "others", "b"]), (0.0, ["a", "b", "others"])]
)
async def test_others_have_their_turn_between_decisions_that_take_long(
    desk: Desk, store: UnreliableStore, seconds: float, order: list[str]
) -> None:
    now, done = [0.0], list[str]()
    desk.rounds = DecisionRounds(
        store, desk.commits, sleep=_instant, monotonic=lambda: now[0], window=0.0
    )

    def decide(name: str) -> None:
        asyncio.get_running_loop().call_soon(lambda: "others" in done or done.append("others"))
        now[0] += seconds
        done.append(name)

    page = desk.pages[LOOM]
    both = [desk.rounds.decide(page, lambda name=name: decide(name), 10.0) for name in "ab"]
    await asyncio.gather(*both)
    assert done == order


async def test_no_change_is_answered_with_the_last_update_it_has_seen(desk: Desk) -> None:
    await desk.decide(b"first")
    result = await desk.rounds.decide(desk.pages[LOOM], lambda: "seen", 10.0)
    assert result == EditResult(2, "seen", False)


async def test_a_refusal_reaches_the_caller_and_nobody_else(
    desk: Desk, store: UnreliableStore
) -> None:
    def refuse() -> None:
        raise EditConflict("taken")

    refused = desk.rounds.decide(desk.pages[LOOM], refuse, 10.0)
    results = await asyncio.gather(refused, desk.decide(b"other"), return_exceptions=True)
    assert [type(each) for each in results] == [EditConflict, EditResult]
    assert await logged(store) == [b"other"]


async def test_what_fails_before_the_decision_is_tried_again(
    desk: Desk, store: UnreliableStore
) -> None:
    store.lock_fails = 3
    assert await desk.decide(b"decided") == EditResult(2, [], True)
    assert desk.pages[LOOM].content == [b"decided"]


async def test_whoever_waited_too_long_is_told_that_nothing_was_changed(
    desk: Desk, store: UnreliableStore
) -> None:
    store.lock_fails = 10**6
    with pytest.raises(Overloaded, match="nothing was changed"):
        await desk.rounds.decide(desk.pages[LOOM], lambda: desk.pages[LOOM].write(b"x"), 0.0)
    store.lock_fails = 0
    assert await desk.decide(b"later") == EditResult(2, [], True)


async def test_a_commit_of_which_nothing_was_stored_is_repeated(
    desk: Desk, store: UnreliableStore
) -> None:
    store.fates = [away, away]
    desk.pages[LOOM].typing = b"typed"
    assert await desk.decide(b"decided") == EditResult(3, [b"typed"], True)
    assert desk.pages[LOOM].typed.result() == 2
    assert await logged(store) == [b"typed", b"decided"]


async def test_a_commit_that_was_stored_is_not_repeated(desk: Desk, store: UnreliableStore) -> None:
    store.is_lost_after_commit = True
    assert await desk.decide(b"decided") == EditResult(2, [], True)
    assert await logged(store) == [b"decided"]


@pytest.mark.parametrize("failing", ["nothing", "the append", "after the commit"])
async def test_what_a_decision_creates_for_a_request_is_noted_with_it(
    desk: Desk, store: UnreliableStore, failing: str
) -> None:
    store.fates = [away] if failing == "the append" else []
    store.is_lost_after_commit = failing == "after the commit"
    await desk.decide(b"decided", fulfilled=DONE)
    assert store.fulfilled == {DONE.claim: DONE.subject_id}


async def test_what_changes_nothing_creates_nothing(desk: Desk, store: UnreliableStore) -> None:
    await desk.rounds.decide(desk.pages[LOOM], lambda: "seen", 10.0, fulfilled=DONE)
    assert store.fulfilled == {}


async def test_what_does_not_count_creates_nothing(desk: Desk, store: UnreliableStore) -> None:
    def lose_to_others() -> None:
        store.enter(NewUpdate(LOOM, None, b"theirs", NOON))
        away()

    store.fates = [lose_to_others]
    assert await desk.decide(b"decided", fulfilled=DONE) is Undecided.GONE
    assert store.fulfilled == {}


async def test_a_decision_that_others_came_before_does_not_count(
    desk: Desk, store: UnreliableStore
) -> None:
    page = desk.pages[LOOM]

    def lose_to_others() -> None:
        store.enter(NewUpdate(LOOM, None, b"theirs", NOON))
        away()

    store.fates = [lose_to_others]
    page.typing = b"typed"
    assert await desk.decide(b"decided") is Undecided.GONE
    assert await page.typed == 3
    assert page.dropped
    assert await logged(store) == [b"theirs", b"typed"]
    assert desk.commits.pending_bytes == 0


async def test_what_is_lost_is_reported_after_what_clients_wrote_behind_it(
    desk: Desk, store: UnreliableStore
) -> None:
    page, now = desk.pages[LOOM], 0.0
    desk.rounds = DecisionRounds(store, desk.commits, sleep=_instant, monotonic=lambda: now)

    def decide_for_long() -> None:
        nonlocal now
        now += 1.0
        page.write(b"decided")
        asyncio.get_running_loop().call_soon(page.write, b"typed")

    def lose_to_others() -> None:
        store.enter(NewUpdate(LOOM, None, b"theirs", NOON))
        away()

    store.fates = [lose_to_others]
    assert await desk.rounds.decide(page, decide_for_long, 10.0) is Undecided.GONE
    assert page.outcomes == [(b"typed", True), (b"decided", False)]
    assert await logged(store) == [b"theirs", b"typed"]


async def test_a_decision_is_not_stored_beside_a_large_edit_that_does_not_know_of_it(
    desk: Desk, store: UnreliableStore
) -> None:
    def lose_to_a_reservation() -> None:
        assert store._pipelines[LOOM].reserve(an_id(71), store._monotonic(), 60)
        away()

    store.fates = [lose_to_a_reservation]
    assert await desk.decide(b"decided") is Undecided.GONE
    assert await logged(store) == []


async def test_beside_a_reservation_only_clients_come_between(
    desk: Desk, store: UnreliableStore
) -> None:
    def lose_to_typing() -> None:
        store.enter(NewUpdate(LOOM, None, b"typed elsewhere", NOON))
        away()

    await store.reserve(LOOM, an_id(71), 60)
    store.fates = [lose_to_typing]
    assert await desk.decide(b"large", reservation=an_id(71)) == EditResult(3, [], True)
    assert await logged(store) == [b"typed elsewhere", b"large"]


async def test_a_reserved_document_takes_no_other_decision(
    desk: Desk, store: UnreliableStore
) -> None:
    await store.reserve(LOOM, an_id(71), 60)
    typed = desk.pages[LOOM].write(b"typed")
    assert await desk.decide(b"small") is Undecided.RESERVED
    assert await typed == 2
    await store.free(LOOM, an_id(71))
    assert await desk.decide(b"large", reservation=an_id(71)) is Undecided.RESERVED
    assert await logged(store) == [b"typed"]


async def test_a_document_that_lacks_much_is_not_decided_on(
    desk: Desk, store: UnreliableStore
) -> None:
    await store.append([NewUpdate(LOOM, None, b"x" * 100_000, NOON)])
    assert await desk.decide(b"decided") is Undecided.BEHIND
    assert desk.pages[LOOM].content == []


async def test_a_document_that_lacks_what_takes_long_is_not_decided_on(
    desk: Desk, store: UnreliableStore
) -> None:
    await store.append([NewUpdate(LOOM, None, DEAR, NOON)])
    page = desk.pages[LOOM]
    page.typing = b"typed"
    assert await desk.decide(b"decided") is Undecided.BEHIND
    assert await page.typed == 3
    assert page.content == [b"typed"]


async def test_a_document_that_a_round_has_spoilt_is_not_decided_on_in_the_next(
    desk: Desk, store: UnreliableStore
) -> None:
    def refuse() -> None:
        begun.set()
        raise StoreError("refused")

    begun = asyncio.Event()
    store.fates = [refuse, refuse]
    refused = asyncio.create_task(desk.decide(b"refused"))
    await begun.wait()
    assert await desk.decide(b"decided") is Undecided.GONE
    with pytest.raises(Overloaded):
        await refused


async def test_a_document_that_was_given_up_is_not_decided_on(desk: Desk) -> None:
    desk.pages[LOOM].dropped = True
    assert await desk.decide(b"decided") is Undecided.GONE


async def test_a_pipeline_that_is_gone_is_said_so(desk: Desk, store: UnreliableStore) -> None:
    await store.delete_pipeline(LOOM)
    with pytest.raises(PipelineNotFound):
        await desk.decide(b"decided")


async def test_what_the_log_refuses_is_given_up_and_what_clients_wrote_is_not(
    desk: Desk, store: UnreliableStore
) -> None:
    def refuse() -> None:
        raise StoreError("refused")

    store.fates = [refuse, refuse]
    desk.pages[LOOM].typing = b"typed"
    with pytest.raises(Overloaded):
        await desk.decide(b"decided")
    assert await desk.pages[LOOM].typed == 2
    assert desk.pages[LOOM].dropped
    assert await logged(store) == [b"typed"]


async def test_whoever_goes_away_leaves_no_edit_behind(desk: Desk, store: UnreliableStore) -> None:
    store.lock_fails = 10
    leaving = asyncio.create_task(desk.decide(b"decided"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await desk.decide(b"next") == EditResult(2, [], True)
    assert await logged(store) == [b"next"]


async def test_the_end_stores_what_is_decided_and_decides_nothing_more(
    desk: Desk, store: UnreliableStore
) -> None:
    begun = asyncio.Event()
    store.fates = [begun.set]
    decided = asyncio.create_task(desk.decide(b"decided"))
    await begun.wait()
    waiting = asyncio.create_task(desk.decide(b"waiting"))
    await asyncio.sleep(0)
    await desk.rounds.close(10.0)
    assert await decided == EditResult(2, [], True)
    with pytest.raises(Draining):
        await waiting
    with pytest.raises(Draining):
        await desk.decide(b"late")
    assert await logged(store) == [b"decided"]
