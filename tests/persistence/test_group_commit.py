import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from crdt.errors import Draining, Overloaded, PipelineNotFound
from persistence.errors import StoreError, StoreUnavailable
from persistence.group_commit import GroupCommit
from persistence.ports.update_log import LoggedUpdate, NewUpdate, StoredDocument
from tests.contracts.stores import NOON, an_id
from tests.persistence.commits import submit


def update(payload: bytes, pipeline: int = 1) -> NewUpdate:
    return NewUpdate(an_id(pipeline), None, payload, NOON)


@dataclass
class ScriptedLog:
    """A log that waits at a gate, obeys `fate`, and remembers what was asked of it."""

    fate: Callable[[Sequence[bytes]], None] = lambda payloads: None
    asked: list[list[bytes]] = field(default_factory=list)
    committed: list[bytes] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        payloads = [update.payload for update in updates]
        self.asked.append(payloads)
        await self.gate.wait()
        self.fate(payloads)
        return [self._commit(update) for update in updates]

    def _commit(self, update: NewUpdate) -> int | None:
        if update.pipeline_id == an_id(9):
            return None
        self.committed.append(update.payload)
        return len(self.committed)

    async def load(self, pipeline_id: object) -> StoredDocument:
        raise NotImplementedError

    async def since(
        self, pipeline_id: object, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        raise NotImplementedError

    async def store_state(
        self,
        pipeline_id: object,
        seq: int,
        state: bytes,
        waiting: object = (),
        noticed: bytes = b"",
        *,
        slices: bytes = b"",
    ) -> None:
        raise NotImplementedError


class Naps:
    """A sleep that takes no time."""

    def __init__(self) -> None:
        self.lengths: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.lengths.append(seconds)
        await asyncio.sleep(0)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_future_becomes_the_number() -> None:
    commit = GroupCommit(ScriptedLog())
    assert await submit(commit, update(b"a")) == 1
    assert await submit(commit, update(b"b")) == 2


async def test_what_comes_in_one_turn_shares_a_transaction() -> None:
    log = ScriptedLog()
    commit = GroupCommit(log)
    futures = [submit(commit, update(b"%d" % n)) for n in range(3)]
    assert await asyncio.gather(*futures) == [1, 2, 3]
    assert log.asked == [[b"0", b"1", b"2"]]


async def test_what_waits_for_an_append_shares_the_next() -> None:
    log = ScriptedLog()
    log.gate.clear()
    commit = GroupCommit(log)
    first = submit(commit, update(b"a"))
    await turns()
    rest = [submit(commit, update(payload)) for payload in (b"b", b"c")]
    await turns()
    assert log.asked == [[b"a"]]
    log.gate.set()
    await asyncio.gather(first, *rest)
    assert log.asked == [[b"a"], [b"b", b"c"]]


async def test_futures_are_decided_in_order_of_submission() -> None:
    commit = GroupCommit(ScriptedLog(), max_batch=2)
    decided: list[int] = []
    futures = [submit(commit, update(b"%d" % n, 9 if n % 3 == 0 else 1)) for n in range(7)]
    for number, future in enumerate(futures):
        future.add_done_callback(lambda _, number=number: decided.append(number))  # type: ignore[misc]
    await asyncio.gather(*futures, return_exceptions=True)
    assert decided == list(range(7))


async def test_a_batch_has_a_largest_count_and_size() -> None:
    by_count, by_size = ScriptedLog(), ScriptedLog()
    counting = GroupCommit(by_count, max_batch=2)
    await asyncio.gather(*(submit(counting, update(b"x")) for _ in range(5)))
    assert [len(batch) for batch in by_count.asked] == [2, 2, 1]
    weighing = GroupCommit(by_size, max_batch_bytes=10)
    await asyncio.gather(*(submit(weighing, update(b"x" * n)) for n in (4, 6, 1, 50, 3)))
    assert [[len(p) for p in batch] for batch in by_size.asked] == [[4, 6], [1], [50], [3]]


async def test_an_update_of_no_pipeline_fails_alone() -> None:
    commit = GroupCommit(ScriptedLog())
    good, gone = submit(commit, update(b"a")), submit(commit, update(b"b", pipeline=9))
    assert await good == 1
    with pytest.raises(PipelineNotFound, match=str(an_id(9))):
        await gone


async def test_too_much_waiting_is_refused() -> None:
    log = ScriptedLog()
    log.gate.clear()
    commit = GroupCommit(log, max_pending_bytes=10)
    accepted = [submit(commit, update(b"x" * 6)), submit(commit, update(b"x" * 4))]
    with pytest.raises(Overloaded):
        submit(commit, update(b"x"))
    log.gate.set()
    await asyncio.gather(*accepted)
    assert commit.pending_bytes == 0
    assert await submit(commit, update(b"x")) == 3


async def test_an_update_larger_than_the_queue_goes_alone() -> None:
    commit = GroupCommit(ScriptedLog(), max_pending_bytes=10)
    assert await submit(commit, update(b"x" * 100)) == 1


async def test_while_the_store_is_away_the_same_batch_is_tried_again() -> None:
    failures = 9

    def fate(payloads: Sequence[bytes]) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable

    log, naps = ScriptedLog(fate), Naps()
    commit = GroupCommit(log, sleep=naps)
    first = submit(commit, update(b"a"))
    await turns()
    second = submit(commit, update(b"b"))
    assert [await first, await second] == [1, 2]
    assert log.asked == [[b"a"]] * 10 + [[b"b"]]
    assert naps.lengths[:4] == [0.02, 0.04, 0.08, 0.16]
    assert max(naps.lengths) == naps.lengths[-1] == 1.0


async def test_transactions_begin_apart_and_what_comes_meanwhile_shares_one() -> None:
    log, naps, now = ScriptedLog(), Naps(), 100.0
    commit = GroupCommit(log, window=10.0, sleep=naps, monotonic=lambda: now)
    assert await submit(commit, update(b"after a pause")) == 1
    now += 4.0
    soon = [submit(commit, update(payload)) for payload in (b"b", b"c")]
    assert await asyncio.gather(*soon) == [2, 3]
    now += 10.0
    assert await submit(commit, update(b"after another")) == 4
    assert log.asked == [[b"after a pause"], [b"b", b"c"], [b"after another"]]
    assert naps.lengths == [6.0]


@pytest.mark.parametrize(("took", "window"), [(0.0, 2.0), (1.0, 3.0), (7.0, 10.0)])
async def test_the_next_transaction_waits_for_longer_after_a_long_one(
    took: float, window: float
) -> None:
    now = 100.0

    def pass_time(_: Sequence[bytes]) -> None:
        nonlocal now
        now += took

    naps = Naps()
    commit = GroupCommit(
        ScriptedLog(pass_time),
        window=10.0,
        shortest_window=2.0,
        sleep=naps,
        monotonic=lambda: now,
    )
    assert await submit(commit, update(b"a")) == 1
    assert await submit(commit, update(b"b")) == 2
    assert naps.lengths == [window - took]


@pytest.mark.parametrize("bad", range(7))
async def test_a_bad_update_fails_alone(bad: int) -> None:
    def fate(payloads: Sequence[bytes]) -> None:
        if b"%d" % bad in payloads:
            raise StoreError("poison")

    log = ScriptedLog(fate)
    commit = GroupCommit(log)
    futures = [submit(commit, update(b"%d" % n)) for n in range(7)]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, StoreError)] == [bad]
    assert log.committed == [b"%d" % n for n in range(7) if n != bad]
    assert await submit(commit, update(b"after")) == 7


async def test_an_unforeseen_exception_leaves_nobody_waiting() -> None:
    def fate(payloads: Sequence[bytes]) -> None:
        raise ZeroDivisionError

    commit = GroupCommit(ScriptedLog(fate))
    with pytest.raises(ZeroDivisionError):
        await submit(commit, update(b"a"))


async def test_a_caller_may_stop_waiting() -> None:
    log = ScriptedLog()
    commit = GroupCommit(log)
    dropped, kept = submit(commit, update(b"a")), submit(commit, update(b"b"))
    dropped.cancel()
    assert await kept == 2
    assert log.committed == [b"a", b"b"]


async def test_closing_commits_what_is_pending() -> None:
    log = ScriptedLog()
    commit = GroupCommit(log, max_batch=1)
    futures = [submit(commit, update(b"%d" % n)) for n in range(3)]
    assert await commit.close(5) == 0
    assert [future.result() for future in futures] == [1, 2, 3]
    with pytest.raises(Draining):
        submit(commit, update(b"late"))


async def test_closing_gives_up_when_the_store_stays_away() -> None:
    log = ScriptedLog()
    log.gate.clear()
    commit = GroupCommit(log)
    futures = [submit(commit, update(b"a"))]
    await turns()
    futures.append(submit(commit, update(b"b")))
    assert await commit.close(0) == 2
    for future in futures:
        with pytest.raises(StoreUnavailable, match="send it again"):
            await future
    assert commit.pending_bytes == 0


class DeafLog(ScriptedLog):
    """A log whose driver takes the first cancellation for a timeout of its own."""

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        try:
            return await super().append(updates)
        except asyncio.CancelledError:
            if len(self.asked) > 1:
                raise
            raise StoreUnavailable("timeout") from None


async def test_closing_ends_a_commit_that_goes_on_when_it_is_cancelled() -> None:
    log = DeafLog()
    log.gate.clear()
    commit = GroupCommit(log)
    future = submit(commit, update(b"a"))
    await turns()
    async with asyncio.timeout(30):
        assert await commit.close(0) == 1
    with pytest.raises(StoreUnavailable, match="send it again"):
        await future
    assert len(log.asked) == 2


async def test_closing_an_idle_queue_is_nothing() -> None:
    assert await GroupCommit(ScriptedLog()).close(5) == 0


async def test_whoever_fails_at_an_outcome_keeps_nobody_from_theirs() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    commit, outcomes = GroupCommit(ScriptedLog()), list[int | Exception]()
    commit.enqueue(update(b"a"), lambda _: 1 / 0)
    commit.enqueue(update(b"b"), outcomes.append)
    await commit.close(1.0)
    await turns()
    assert outcomes == [2]
    assert [type(each["exception"]) for each in failures] == [ZeroDivisionError]
    assert commit.pending_bytes == 0
