"""Many documents in one transaction: what belongs in it, and what becomes of all if one fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest

from crdt.errors import DocumentPoisoned
from crdt.pipeline.rows import RowChanges
from persistence.errors import Conflict, StoreError, StoreUnavailable
from persistence.memory.projections import MemoryBatchClaim
from persistence.ports.directory import SYSTEM
from persistence.ports.projections import Projection
from persistence.ports.update_log import LoggedUpdate
from persistence.worker.batches import LIMITS, BatchLimits
from persistence.worker.replica import Replica
from persistence.worker.worker import Worker
from tests.persistence.worker.test_worker import (
    SETTINGS,
    A,
    B,
    Clock,
    Editor,
    SilentBell,
    Store,
)


async def _nothing() -> None:
    """Do nothing before rows are written."""


class BatchStore(Store):
    """A store that notes what is projected at once, and fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[UUID]] = []
        self.refused: set[UUID] = set()
        """Pipelines whose rows break a constraint."""
        self.batch_errors: list[Exception] = []
        """What the next transactions of many end with."""
        self.read_errors: list[Exception] = []
        self.at_apply: Callable[[], Awaitable[object]] = _nothing

    @asynccontextmanager
    async def claim_many(
        self,
        limit: int,
        only: Collection[UUID] | None = None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AsyncIterator[MemoryBatchClaim]:
        async with super().claim_many(limit, only, excluding=excluding) as claim:
            apply = claim.apply

            async def watched_apply(projections: Sequence[Projection]) -> None:
                await self.at_apply()
                if broken := self.refused & {each.pipeline_id for each in projections}:
                    raise Conflict(f"refused: {broken}")
                await apply(projections)
                self.batches.append([each.pipeline_id for each in projections])

            claim.apply = watched_apply  # type: ignore[method-assign]
            yield claim
            if self.batch_errors:
                raise self.batch_errors.pop(0)

    async def since_each(
        self, positions: Mapping[UUID, int], limit: int, most_bytes: int
    ) -> dict[UUID, list[LoggedUpdate]]:
        if self.read_errors:
            raise self.read_errors.pop(0)
        return await super().since_each(positions, limit, most_bytes)


class Team:
    """Some pipelines, all of them projected once by a worker that has cached them."""

    def __init__(self, store: BatchStore, worker: Worker, editors: Sequence[Editor]) -> None:
        self.store, self.worker, self.editors = store, worker, editors

    @classmethod
    async def of(
        cls, size: int, limits: BatchLimits = LIMITS, clock: Callable[[], float] | None = None
    ) -> "Team":
        store = BatchStore()
        settings = replace(SETTINGS, limits=limits)
        worker = Worker(store, store, SilentBell(), settings, clock or Clock())
        team = cls(store, worker, [await store.new_pipeline(1 + at) for at in range(size)])
        while await worker.project_one():
            pass
        store.loads.clear()
        store.written.clear()
        return team

    async def edit(self, x: float) -> None:
        """Everybody moves a step."""
        for editor in self.editors:
            await self.store.log(editor, editor.move(A, x))

    async def check(self, *but: Editor) -> None:
        """Check that the tables hold what the documents do."""
        for editor in self.editors:
            if editor not in but:
                assert self.store.rows(editor) == editor.wanted()
                assert self.store.cursor(editor) == len(
                    await self.store.since(editor.pipeline_id, 0)
                )

    @staticmethod
    async def work(worker: Worker) -> None:
        """Project what is cached until nothing is left."""
        while await worker.project_many():
            pass

    def ids(self) -> list[UUID]:
        return [editor.pipeline_id for editor in self.editors]


async def test_many_documents_are_projected_in_one_transaction() -> None:
    team = await Team.of(5)
    for x in range(1, 4):
        await team.edit(x)
        assert await team.worker.project_many()
        await team.check()
    assert team.store.batches == [team.ids()] * 3
    assert (team.store.loads, team.store.written) == ([], [])
    assert not await team.worker.project_many()


async def test_several_edits_of_a_document_are_projected_at_once() -> None:
    team = await Team.of(2)
    first = team.editors[0]
    await team.store.log(first, first.move(A, 1), first.rename(B, "b2"), first.add("c"))
    assert await team.worker.project_many()
    await team.check()
    assert team.store.batches == [[first.pipeline_id]]


async def test_only_so_many_documents_are_taken_at_a_time() -> None:
    team = await Team.of(5, BatchLimits(documents=2))
    await team.edit(1)
    await team.work(team.worker)
    await team.check()
    assert [len(each) for each in team.store.batches] == [2, 2, 1]


async def test_what_is_not_cached_is_left_to_others() -> None:
    team = await Team.of(2)
    await team.edit(1)
    newcomer = await team.store.new_pipeline(9)
    assert await team.worker.project_many()
    assert team.store.batches == [team.ids()]
    assert team.store.cursor(newcomer) == 0


@pytest.mark.parametrize("limits", [BatchLimits(updates=2), BatchLimits(most_bytes=100)])
async def test_a_document_with_much_to_do_is_projected_by_itself(limits: BatchLimits) -> None:
    team = await Team.of(3, limits)
    await team.edit(1)
    busy = team.editors[1]
    await team.store.log(busy, *[busy.move(B, x) for x in range(1, 4)])
    assert await team.worker.project_many()
    await team.check()
    assert team.store.batches == [[team.ids()[0], team.ids()[2]]]
    assert len(team.store.written) == 1
    assert team.store.loads == []


async def test_changes_of_many_rows_are_written_by_themselves() -> None:
    team = await Team.of(3, BatchLimits(rows=2))
    large = team.editors[0]
    large_edits = [large.move(A, 5), large.move(B, 5), large.add("c")]
    await team.store.log(large, *large_edits)
    await team.edit(1)
    assert await team.worker.project_many()
    await team.check()
    assert large.pipeline_id not in team.store.batches[0]
    assert team.store.loads == []


async def test_no_further_document_is_begun_when_time_is_up() -> None:
    ticks = iter(range(10_000))
    team = await Team.of(3, BatchLimits(seconds=1.5), lambda: float(next(ticks)))
    await team.edit(1)
    await team.work(team.worker)
    await team.check()
    assert sorted(each for batch in team.store.batches for each in batch) == team.ids()
    assert len(team.store.batches) == 2
    assert team.store.loads == []


async def test_a_batch_that_breaks_a_constraint_holds_up_one_document_only() -> None:
    clock = Clock()
    team = await Team.of(4, clock=clock)
    await team.edit(1)
    bad = team.editors[2]
    team.store.refused = {bad.pipeline_id}
    team.store.commit_errors[bad.pipeline_id] = [StoreError("refused")]
    assert await team.worker.project_many()
    await team.check(bad)
    # Nothing is loaded anew: what was computed for the others is written as it is.
    assert (team.store.cursor(bad), team.store.loads) == (1, [])
    assert not await team.worker.project_many()
    assert not await team.worker.project_one()
    clock.now = 2.0
    assert await team.worker.project_one()
    await team.check()
    assert team.store.loads == [bad.pipeline_id]


async def test_the_others_go_on_while_one_is_refused_again_and_again() -> None:
    team = await Team.of(3)
    bad = team.editors[0]
    team.store.refused = {bad.pipeline_id}
    team.store.commit_errors[bad.pipeline_id] = [StoreError("refused")] * 9
    for x in range(1, 4):
        await team.edit(x)
        await team.worker.project_many()
        await team.check(bad)
    assert team.store.batches == [team.ids()[1:]] * 2
    assert team.store.loads == []


async def test_an_update_at_which_the_library_panics_concerns_its_document_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    team = await Team.of(3, clock=clock)
    await team.edit(1)
    bad, follow = team.editors[1], Replica.follow
    poison = (await team.store.since(bad.pipeline_id, 1))[0].payload

    def panicking(self: Replica, updates: Sequence[LoggedUpdate], cursor: int) -> RowChanges:
        if updates[0].payload == poison:
            raise DocumentPoisoned("panicked")
        return follow(self, updates, cursor)

    monkeypatch.setattr(Replica, "follow", panicking)
    assert await team.worker.project_many()
    await team.check(bad)
    assert team.store.batches == [[team.ids()[0], team.ids()[2]]]
    assert not await team.worker.project_many()
    clock.now = 2.0
    # From the log, which replays without it if need be.
    assert await team.worker.project_one()
    assert team.store.loads == [bad.pipeline_id]


async def test_after_an_outage_no_replica_is_kept_that_is_ahead_of_the_tables() -> None:
    team = await Team.of(2)
    await team.edit(1)
    team.store.batch_errors = [StoreUnavailable("gone")]
    with pytest.raises(StoreUnavailable):
        await team.worker.project_many()
    assert [team.store.cursor(each) for each in team.editors] == [1, 1]
    assert not await team.worker.project_many()
    while await team.worker.project_one():
        pass
    await team.check()
    assert sorted(team.store.loads) == team.ids()


async def test_replicas_are_kept_if_the_outage_comes_before_they_change() -> None:
    team = await Team.of(2)
    await team.edit(1)
    team.store.read_errors = [StoreUnavailable("gone")]
    with pytest.raises(StoreUnavailable):
        await team.worker.project_many()
    assert await team.worker.project_many()
    await team.check()
    assert team.store.loads == []


async def test_what_cannot_be_read_together_is_read_one_by_one() -> None:
    team = await Team.of(2)
    await team.edit(1)
    team.store.read_errors = [StoreError("a rotten page")]
    assert await team.worker.project_many()
    await team.check()
    assert (len(team.store.written), team.store.loads) == (2, [])


async def test_a_worker_that_is_killed_in_between_repeats_and_doubles_nothing() -> None:
    team = await Team.of(3)
    await team.edit(1)
    writing, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        writing.set()
        await never.wait()

    team.store.at_apply = hang
    project = asyncio.create_task(team.worker.project_many())
    await writing.wait()
    project.cancel()
    await asyncio.wait([project])
    assert [team.store.cursor(each) for each in team.editors] == [1, 1, 1]
    another = Worker(team.store, team.store, SilentBell(), SETTINGS, Clock())
    while await another.project_one():
        pass
    await team.check()


async def test_what_another_worker_holds_is_passed_over() -> None:
    team = await Team.of(3)
    await team.edit(1)
    async with team.store.claim([team.ids()[1]]):
        assert await team.worker.project_many()
        assert team.store.batches == [[team.ids()[0], team.ids()[2]]]
        assert not await team.worker.project_many()
    assert await team.worker.project_many()
    await team.check()


async def test_rows_that_another_worker_has_written_are_not_written_again() -> None:
    team = await Team.of(2)
    another = Worker(team.store, team.store, SilentBell(), SETTINGS, Clock())
    await team.edit(1)
    while await another.project_one():
        pass
    await team.edit(2)
    assert await team.worker.project_many()
    await team.check()
    assert team.store.batches == [team.ids()]
    assert team.store.loads == team.ids()  # by the other one


async def test_two_workers_share_documents(caplog: pytest.LogCaptureFixture) -> None:
    del caplog
    team = await Team.of(6, BatchLimits(documents=2))
    another = Worker(
        team.store,
        team.store,
        SilentBell(),
        replace(SETTINGS, limits=BatchLimits(documents=2)),
        Clock(),
    )
    await team.edit(1)
    while await another.project_one():
        pass
    for x in range(2, 6):
        await team.edit(x)
        await asyncio.gather(team.work(team.worker), team.work(another))
        while await another.project_many() or await another.project_one():
            pass
        await team.check()


async def test_a_document_that_somebody_else_repaired_is_read_anew() -> None:
    team = await Team.of(2)
    first = team.editors[0]
    await team.store.log(first, first.move(A, 1), by=SYSTEM.id)
    await team.store.log(team.editors[1], team.editors[1].move(A, 1))
    assert await team.worker.project_many()
    await team.check()
    assert team.store.loads == [first.pipeline_id]


async def test_a_document_that_is_deleted_meanwhile_harms_no_other() -> None:
    team = await Team.of(3)
    await team.edit(1)
    gone = team.editors[0]

    async def delete() -> None:
        team.store._pipelines.pop(gone.pipeline_id, None)

    team.store.at_apply = delete
    assert await team.worker.project_many()
    for editor in team.editors[1:]:
        assert team.store.rows(editor) == editor.wanted()
    assert await team.store.since(gone.pipeline_id, 0) == []


async def test_a_round_projects_the_cached_together_and_the_others_one_by_one() -> None:
    team = await Team.of(3)
    await team.edit(1)
    newcomers = [await team.store.new_pipeline(7), await team.store.new_pipeline(8)]
    stop = asyncio.Event()
    stop.set()
    await team.worker.run(stop)
    await team.check()
    assert team.store.batches == [team.ids()]
    assert team.store.loads == [each.pipeline_id for each in newcomers]


async def test_states_are_stored_of_what_is_projected_together() -> None:
    team = await Team.of(2)
    team.worker._settings = replace(SETTINGS, state_every=3)
    for x in range(1, 5):
        await team.edit(x)
        await team.worker.project_many()
    assert [team.store.state_seq(each) for each in team.editors] == [3, 3]
