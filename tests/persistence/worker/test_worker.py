"""A worker brings the tables up to date, whatever fails on the way."""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Map

import persistence.worker.replica
from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed, shared_step
from crdt.errors import DocumentPoisoned
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Step
from crdt.pipeline.rows import PipelineRow, RowChanges, Rows
from crdt.updates import state_slices
from crdt.updates.state_slices import sliced
from crdt.validation.meaning import Meaning
from crdt.validation.valid_pipeline import ValidPipeline
from persistence.errors import StoreError, StoreUnavailable
from persistence.memory.projections import MemoryClaim
from persistence.memory.stores import MemoryStore
from persistence.ports.directory import SYSTEM, NewPipeline
from persistence.ports.update_log import AWAITED, LoggedUpdate, NewUpdate, StoredDocument
from persistence.worker.replica import LARGE_BYTES, LARGE_WEIGHT, Replica
from persistence.worker.retries import Backoff
from persistence.worker.worker import Worker, WorkerSettings
from tests.rounds import some

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
ROTTEN = b"\xff rotten"
HEADER = PipelineRow("new", None, {}, {}, {}, ())
A, B, C = (str(UUID(int=number)) for number in range(1, 4))


class Editor:
    """Somebody who edits one pipeline, with a replica of their own."""

    def __init__(self, pipeline_id: UUID) -> None:
        self.pipeline_id = pipeline_id
        self.document = Document()
        steps = {A: Step(A, "a", "claude"), B: Step(B, "b", "claude", order="a1")}
        wires = {C: Connection(C, A, B)}
        self.first = seed(self.document, Pipeline(PipelineSettings("Summaries"), steps, wires))

    @property
    def steps(self) -> "Map[Any]":
        steps: Map[Any] = self.document.doc.get("steps", type=Map)
        return steps

    def edit(self, change: Callable[["Map[Any]"], None]) -> bytes:
        with self.document.transact() as updates:
            change(self.steps)
        return updates[0]

    def move(self, step: str, x: float) -> bytes:
        return self.edit(lambda steps: steps[step].update({"position": {"x": x, "y": 0}}))

    def rename(self, step: str, name: str) -> bytes:
        return self.edit(lambda steps: steps[step].update({"name": name}))

    def add(self, name: str) -> bytes:
        step = Step(str(UUID(int=9)), name, "claude", order="a2")
        return self.edit(lambda steps: steps.update({step.id: shared_step(step)}))

    def delete(self, step: str) -> bytes:
        return self.edit(lambda steps: steps.pop(step))

    def wanted(self) -> Rows:
        reader, valid = PipelineReader(self.document), ValidPipeline(Meaning())
        valid.update(
            settings=reader.settings(),
            steps={key: reader.step(key) for key in reader.step_keys()},
            connections={key: reader.connection(key) for key in reader.connection_keys()},
        )
        return valid.rows()


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SilentBell:
    """Never rings; only the interval would end a wait, and tests do not wait for it."""

    async def wait(self, timeout: float) -> Collection[UUID] | None:  # noqa: ASYNC109 - the port
        await asyncio.Event().wait()
        return None


class Bell:
    """Rings when a test says so."""

    def __init__(self) -> None:
        self.listening = asyncio.Event()
        self.rung = asyncio.Event()

    async def wait(self, timeout: float) -> Collection[UUID] | None:  # noqa: ASYNC109 - the port
        self.listening.set()
        await self.rung.wait()
        self.rung.clear()
        return set()


class NamingBell:
    """Rings when a test says so, and says what for."""

    def __init__(self) -> None:
        self.listening, self._rung = asyncio.Event(), asyncio.Queue[str]()

    async def wait(self, timeout: float) -> Collection[object]:  # noqa: ASYNC109 - the port
        self.listening.set()
        return {await self._rung.get()}

    async def ring(self, what: str) -> None:
        """Ring, and wait until the worker listens again."""
        self.listening.clear()
        self._rung.put_nowait(what)
        await self.listening.wait()


class Store(MemoryStore):
    """A store that tells what was asked of it, and fails on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.team: UUID | None = None
        self.loads: list[UUID] = []
        self.written: list[RowChanges] = []
        self.commit_errors: dict[UUID, list[Exception]] = {}
        self.claim_errors: list[Exception] = []
        self.state_errors: list[Exception] = []
        self.stale: list[UUID] = []
        self.search_errors: list[Exception] = []
        self.lost: set[int] = set()
        """Numbers of updates whose rows are missing."""
        self.committed = asyncio.Event()

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        self.loads.append(pipeline_id)
        stored = await super().load(pipeline_id)
        tail = [each for each in stored.tail if each.seq not in self.lost]
        return replace(stored, tail=tail, head=len(self._pipelines[pipeline_id].log))

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        found = await super().since(pipeline_id, seq)
        return [each for each in found if each.seq not in self.lost][:limit]

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
        if self.state_errors:
            raise self.state_errors.pop(0)
        await super().store_state(pipeline_id, seq, state, waiting, noticed, slices=slices)

    async def refresh_search(self) -> bool:
        if self.search_errors:
            raise self.search_errors.pop(0)
        return bool(self.stale) and bool(self.stale.pop())

    @asynccontextmanager
    async def claim(
        self, only: Collection[UUID] | None = None, *, excluding: Collection[UUID] = ()
    ) -> AsyncIterator[MemoryClaim | None]:
        if self.claim_errors:
            raise self.claim_errors.pop(0)
        async with super().claim(only, excluding=excluding) as claim:
            yield claim if claim is None else self.watched(claim)
            if claim is not None and (errors := self.commit_errors.get(claim.pipeline_id)):
                raise errors.pop(0)
        self.committed.set()

    def watched(self, claim: MemoryClaim) -> MemoryClaim:
        apply = claim.apply

        async def watched_apply(changes: RowChanges, cursor: int, *rest: Any, **flags: Any) -> None:
            await apply(changes, cursor, *rest, **flags)
            self.written.append(changes)

        claim.apply = watched_apply  # type: ignore[method-assign]
        return claim

    def rot(self, editor: Editor, update: bytes) -> None:
        """Spoil the bytes of an update that is in the log."""
        log = self._pipelines[editor.pipeline_id].log
        log[:] = [replace(each, payload=ROTTEN) if each.payload == update else each for each in log]

    def lose(self, editor: Editor, update: bytes) -> None:
        """Delete the row of an update that is in the log."""
        log = self._pipelines[editor.pipeline_id].log
        self.lost |= {each.seq for each in log if each.payload == update}

    def bring_back(self, editor: Editor, update: bytes) -> None:
        """Bring back the row that was lost or spoiled last."""
        log = self._pipelines[editor.pipeline_id].log
        spoiled = [each.seq for each in log if each.seq in self.lost or each.payload == ROTTEN]
        log[spoiled[-1] - 1] = replace(log[spoiled[-1] - 1], payload=update)
        self.lost.discard(spoiled[-1])

    def state_seq(self, editor: Editor) -> int:
        return self._pipelines[editor.pipeline_id].state_seq

    async def new_pipeline(self, number: int = 1) -> Editor:
        if self.team is None:
            self.team = (await self.ensure_demo()).team_id
        editor = Editor(UUID(int=number))
        await self.create_pipeline(
            NewPipeline(editor.pipeline_id, self.team, None, HEADER, editor.first, NOON)
        )
        return editor

    async def log(self, editor: Editor, *payloads: bytes, by: UUID | None = None) -> None:
        await self.append([NewUpdate(editor.pipeline_id, by, each, NOON) for each in payloads])

    def rows(self, editor: Editor) -> Rows:
        return self._pipelines[editor.pipeline_id].rows

    def cursor(self, editor: Editor) -> int:
        return self._pipelines[editor.pipeline_id].cursor


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class MeasuringBell:
    """Notes for how long it is listened to, and rings once at most: with `rings`."""

    def __init__(self, rings: Collection[object] = ()) -> None:
        self.waits: list[float] = []
        self._rings = rings

    async def wait(self, timeout: float) -> Collection[object]:  # noqa: ASYNC109 - the port
        self.waits.append(timeout)
        rings, self._rings = self._rings, ()
        return rings


SETTINGS = WorkerSettings(backoff=Backoff(1.0, 60.0), outage=Backoff(0.0, 0.0))


def a_worker(store: Store, clock: Clock | None = None, **settings: Any) -> Worker:
    return Worker(store, store, SilentBell(), replace(SETTINGS, **settings), clock or Clock())


async def drain(worker: Worker) -> int:
    """Project until nothing lags; return how many projections that took."""
    projections = 0
    while await worker.project_one():
        projections += 1
    return projections


class TestProjecting:
    async def test_a_new_pipeline_gets_its_rows(self, store: Store) -> None:
        editor = await store.new_pipeline()
        worker = a_worker(store)
        assert await worker.project_one() is True
        assert store.rows(editor) == editor.wanted()
        assert len(store.rows(editor).steps) == 2
        assert await worker.project_one() is False

    async def test_an_edit_writes_only_what_it_changed(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)
        await drain(worker)
        await store.log(editor, editor.move(A, 70))
        assert await drain(worker) == 1
        (row,) = store.written[-1].moved_steps
        assert (row.id, row.position_x, len(store.written[-1])) == (UUID(A), 70.0, 1)
        assert len(store.loads) == 1

    async def test_a_new_worker_writes_only_what_the_tables_lack(self, store: Store) -> None:
        editor = await store.new_pipeline()
        await drain(a_worker(store))
        await store.log(editor, editor.move(A, 70))
        await drain(a_worker(store))
        assert len(store.written[-1]) == 1
        assert store.rows(editor) == editor.wanted()

    async def test_settings_and_connections_are_followed_too(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)
        await drain(worker)
        with editor.document.transact() as updates:
            editor.document.doc.get("pipeline", type=Map)["name"] = "renamed"
            editor.document.doc.get("connections", type=Map).pop(C)
        await store.log(editor, *updates)
        await drain(worker)
        rows = store.rows(editor)
        assert rows.pipeline is not None
        assert (rows.pipeline.name, rows.connections) == ("renamed", {})

    async def test_an_update_that_changes_no_row_moves_the_cursor(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)
        await drain(worker)
        await store.log(editor, editor.first)
        assert await drain(worker) == 1
        assert not store.written[-1]
        assert store.cursor(editor) == 2

    async def test_workers_take_turns(self, store: Store) -> None:
        editor, workers = await store.new_pipeline(), [a_worker(store), a_worker(store)]
        for turn in range(6):
            await store.log(editor, editor.move(A, turn), editor.rename(B, f"b{turn}"))
            assert await drain(workers[turn % 2]) == 1
            assert store.rows(editor) == editor.wanted()
        # Each goes on from its own replica, whatever the other has written.
        assert len(store.loads) == 2

    async def test_what_is_as_before_for_this_worker_is_not_so_in_the_tables(
        self, store: Store
    ) -> None:
        editor, workers = await store.new_pipeline(), [a_worker(store), a_worker(store)]
        for turn, name in enumerate(("b", "changed", "b", "changed")):
            await store.log(editor, editor.rename(B, name))
            await drain(workers[turn % 2])
            assert store.rows(editor) == editor.wanted()

    async def test_after_a_repair_by_another_worker_the_tables_are_read_anew(
        self, store: Store
    ) -> None:
        """By whoever projects the repair, and by whoever comes after that; neither has made it."""
        editor, workers = await store.new_pipeline(), [a_worker(store), a_worker(store)]
        for worker in workers:
            await store.log(editor, editor.move(A, 1))
            await drain(worker)
        await store.log(editor, editor.move(A, 2), by=SYSTEM.id)
        await drain(workers[0])
        assert len(store.loads) == 3
        await store.log(editor, editor.move(A, 3))
        await drain(workers[1])
        assert len(store.loads) == 4
        assert store.rows(editor) == editor.wanted()

    async def test_a_long_tail_is_written_in_batches(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, batch=3)
        await drain(worker)
        await store.log(editor, *(editor.move(A, x) for x in range(10)))
        assert await drain(worker) == 4
        assert store.cursor(editor) == 11
        assert store.rows(editor) == editor.wanted()

    async def test_only_the_documents_asked_for(self, store: Store) -> None:
        one, other = await store.new_pipeline(1), await store.new_pipeline(2)
        worker = a_worker(store)
        assert await worker.project_one({other.pipeline_id}) is True
        assert await worker.project_one({other.pipeline_id}) is False
        assert (store.cursor(one), store.cursor(other)) == (0, 1)

    async def test_the_least_recently_used_replica_goes(self, store: Store) -> None:
        editors = [await store.new_pipeline(number) for number in (1, 2, 3)]
        worker = a_worker(store, cached_documents=2)
        await drain(worker)
        for editor in (editors[1], editors[2], editors[0], editors[2]):
            await store.log(editor, editor.move(A, 5))
            await drain(worker)
        assert [each.int for each in store.loads] == [1, 2, 3, 1]

    async def test_a_gap_in_the_log_is_read_from_the_state(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)
        await drain(worker)
        await store.log(editor, editor.move(A, 5))

        async def nothing(*_: object) -> list[LoggedUpdate]:
            return []

        monkeypatch.setattr(store, "since", nothing)
        await drain(worker)
        assert len(store.loads) == 2
        assert store.rows(editor) == editor.wanted()

    async def test_the_loop_computes_nothing(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        computed: dict[str, set[int]] = {}

        def watch(name: str) -> None:
            compute = getattr(persistence.worker.replica, name)

            def watched(*args: Any, **options: Any) -> Any:
                computed.setdefault(name, set()).add(threading.get_ident())
                return compute(*args, **options)

            monkeypatch.setattr(persistence.worker.replica, name, watched)

        parts = ["replay", "read_valid", "difference", "apply_all"]
        for name in parts:
            watch(name)
        editor, worker = await store.new_pipeline(), a_worker(store, state_every=1)
        await drain(worker)
        await store.log(editor, editor.move(A, 5))
        await drain(worker)
        assert sorted(computed) == sorted(parts)
        assert all(threading.get_ident() not in threads for threads in computed.values())


class TestStates:
    async def test_a_state_is_stored_when_the_tail_is_long(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, state_every=3)
        stored = []
        for x in range(6):
            await drain(worker)
            stored.append((await store.load(editor.pipeline_id)).state_seq)
            await store.log(editor, editor.move(A, x))
        assert stored == [0, 0, 3, 3, 3, 6]

    async def test_a_state_is_stored_after_a_large_edit(self, store: Store) -> None:
        editor = await store.new_pipeline()
        worker = a_worker(store, state_every_bytes=300)
        stored = []
        for name in ("a", "b" * 400, "c", "d"):
            await store.log(editor, editor.rename(A, name))
            await drain(worker)
            stored.append((await store.load(editor.pipeline_id)).state_seq)
        assert stored == [0, 3, 3, 3]
        await drain(another := a_worker(store, state_every_bytes=1))
        await store.log(editor, editor.move(A, 1))
        await drain(another)
        assert (await store.load(editor.pipeline_id)).state_seq == 6

    @pytest.mark.parametrize(("size", "is_due"), [(LARGE_BYTES - 200, False), (LARGE_BYTES, True)])
    async def test_a_large_edit_makes_a_state_due_earlier_than_as_much_in_small_ones(
        self, store: Store, size: int, is_due: bool
    ) -> None:
        editor = await store.new_pipeline()
        worker = a_worker(store, state_every_bytes=LARGE_BYTES * LARGE_WEIGHT)
        await drain(worker)
        await store.log(editor, editor.rename(A, "n" * size))
        await drain(worker)
        assert ((await store.load(editor.pipeline_id)).state_seq == 2) is is_due

    async def test_a_large_state_is_stored_with_its_slices(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(state_slices, "MIN_STATE_BYTES", 1)
        monkeypatch.setattr(state_slices, "SLICE_WEIGHT", 3)
        monkeypatch.setattr(state_slices, "SEGMENT_STRUCTS", 3)
        editor = await store.new_pipeline()
        await drain(a_worker(store, state_every=1))
        stored = await store.load(editor.pipeline_id)
        assert stored.state is not None
        assert len(list(sliced(stored.state, stored.slices) or ())) > 1

    @pytest.mark.parametrize("is_large", [False, True])
    async def test_a_large_seed_makes_a_state_due(
        self, store: Store, monkeypatch: pytest.MonkeyPatch, is_large: bool
    ) -> None:
        monkeypatch.setattr(persistence.worker.replica, "MIN_STATE_BYTES", 1 if is_large else 10**6)
        editor = await store.new_pipeline()
        await drain(a_worker(store, state_every_bytes=100))
        assert (await store.load(editor.pipeline_id)).state_seq == int(is_large)

    async def test_what_was_stored_is_the_document(self, store: Store) -> None:
        editor = await store.new_pipeline()
        await store.log(editor, editor.move(A, 5), editor.delete(B))
        await drain(a_worker(store, state_every=1))
        stored = await store.load(editor.pipeline_id)
        assert (stored.state_seq, stored.tail) == (3, [])
        await store.log(editor, editor.rename(A, "later"))
        await drain(a_worker(store))
        assert store.rows(editor) == editor.wanted()

    @pytest.mark.parametrize("is_restarted", [False, True])
    async def test_what_waits_for_another_update_is_stored_beside_the_state(
        self, store: Store, is_restarted: bool
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, state_every=1)
        early, late = editor.move(A, 5), editor.move(A, 6)
        await store.log(editor, late)
        await drain(worker)
        stored = await store.load(editor.pipeline_id)
        assert (stored.state_seq, stored.tail, len(stored.waiting)) == (2, [], 1)
        if is_restarted:
            worker = a_worker(store, state_every=1)
        await store.log(editor, early)
        await drain(worker)
        stored = await store.load(editor.pipeline_id)
        assert (stored.state_seq, stored.waiting) == (3, [])
        assert store.rows(editor) == editor.wanted()

    @pytest.mark.parametrize("error", [StoreError("full"), StoreUnavailable("away")])
    async def test_a_state_that_cannot_be_stored_is_no_failure(
        self, store: Store, error: Exception
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, state_every=2)
        store.state_errors = [error]
        await store.log(editor, editor.move(A, 5))
        assert await drain(worker) == 1
        assert (await store.load(editor.pipeline_id)).state_seq == 0
        await store.log(editor, editor.move(A, 6), editor.move(A, 7))
        assert await drain(worker) == 1
        assert (await store.load(editor.pipeline_id)).state_seq == 4


class TestFailing:
    async def test_a_replica_whose_transaction_failed_is_thrown_away(
        self, store: Store, clock: Clock
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, clock)
        await drain(worker)
        store.commit_errors[editor.pipeline_id] = [StoreError("refused at commit")]
        await store.log(editor, editor.rename(A, "x"), editor.delete(B))
        await drain(worker)
        assert store.cursor(editor) == 1
        clock.now += 1.0
        await drain(worker)
        assert len(store.loads) == 2
        assert store.rows(editor) == editor.wanted()

    async def test_a_document_that_fails_rests_and_blocks_nobody(
        self, store: Store, clock: Clock
    ) -> None:
        bad, good = await store.new_pipeline(1), await store.new_pipeline(2)
        store.commit_errors[bad.pipeline_id] = [ValueError("no such luck") for _ in range(3)]
        worker = a_worker(store, clock)
        tries = []
        for second in range(8):
            clock.now = float(second)
            await store.log(good, good.move(A, second))
            tries.append(await drain(worker) - 1)
            assert store.rows(good) == good.wanted()
        assert tries == [1, 1, 0, 1, 0, 0, 0, 1]
        assert store.rows(bad) == bad.wanted()

    async def test_an_update_nobody_can_decode_is_left_out_and_told(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)
        await drain(worker)
        await store.log(editor, b"\xff\xff\xff garbage", editor.move(A, 5))
        await drain(worker)
        rows = store.rows(editor)
        diagnostic = rows.diagnostics["undecodable_update", "pipeline"]
        assert diagnostic.message.startswith("Update 2 of the log is missing or cannot be decoded")
        assert rows.steps == editor.wanted().steps
        assert store.cursor(editor) == 3

    @pytest.mark.parametrize(("cached_bytes", "loads"), [(10**6, 2), (1, 3)])
    async def test_documents_are_cached_up_to_so_many_bytes_and_the_last_one_always(
        self, store: Store, cached_bytes: int, loads: int
    ) -> None:
        one, other = await store.new_pipeline(1), await store.new_pipeline(2)
        worker = a_worker(store, cached_bytes=cached_bytes)
        await drain(worker)
        last = store.loads[-1]
        for editor in sorted((one, other), key=lambda each: each.pipeline_id != last):
            await store.log(editor, editor.move(A, 5))
            await drain(worker)
        assert len(store.loads) == loads

    async def test_rows_stay_that_a_damaged_document_does_not_have(self, store: Store) -> None:
        editor = await store.new_pipeline()
        await store.log(editor, added := editor.add("c"), editor.move(A, 5))
        await drain(a_worker(store))
        whole = store.rows(editor)
        assert len(whole.steps) == 3
        store.rot(editor, added)
        await store.log(editor, editor.move(A, 6), editor.delete(B))
        await drain(a_worker(store, state_every=1))
        rows = store.rows(editor)
        assert {row.name for row in rows.steps.values()} == {"a", "b", "c"}
        assert rows.connections == whole.connections
        assert ("undecodable_update", "pipeline") in rows.diagnostics
        assert store.state_seq(editor) == 0

    @pytest.mark.parametrize("harm", [Store.rot, Store.lose])
    async def test_the_edits_after_lost_ones_are_seen_and_the_lost_ones_when_they_are_back(
        self, store: Store, harm: Callable[[Store, Editor, bytes], None]
    ) -> None:
        editor = await store.new_pipeline()
        await store.log(editor, moved := editor.move(A, 5), editor.rename(B, "later"))
        harm(store, editor, moved)
        await drain(a_worker(store, state_every=1))
        rows = store.rows(editor)
        assert {row.name: row.position_x for row in rows.steps.values()} == {"a": 0, "later": 0}
        assert ("undecodable_update", "pipeline") in rows.diagnostics
        assert store.state_seq(editor) == 0
        store.bring_back(editor, moved)
        await store.log(editor, editor.rename(B, "last"))
        await drain(a_worker(store))
        assert store.rows(editor).steps == editor.wanted().steps

    @pytest.mark.parametrize("harm", [Store.rot, Store.lose])
    async def test_a_worker_that_follows_a_damaged_document_shows_what_a_new_one_would(
        self, store: Store, harm: Callable[[Store, Editor, bytes], None]
    ) -> None:
        editor = await store.new_pipeline()
        await store.log(editor, moved := editor.move(A, 5))
        harm(store, editor, moved)
        worker = a_worker(store)
        await drain(worker)
        # Its author goes on: only now is there a hole before something.
        await store.log(editor, editor.rename(B, "later"))
        await drain(worker)
        assert {row.name for row in store.rows(editor).steps.values()} == {"a", "later"}
        # And has what was lost.
        await store.log(editor, moved)
        await drain(worker)
        assert store.rows(editor).steps == editor.wanted().steps

    async def test_what_is_deleted_while_a_damaged_document_is_followed_is_deleted(
        self, store: Store
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)
        await store.log(editor, b"\xff\xff\xff garbage")
        await drain(worker)
        await store.log(editor, editor.delete(B))
        await drain(worker)
        assert {row.name for row in store.rows(editor).steps.values()} == {"a"}

    async def test_it_stays_told_when_the_document_starts_from_a_later_state(
        self, store: Store
    ) -> None:
        editor = await store.new_pipeline()
        await store.log(editor, b"\xff\xff\xff garbage", editor.move(A, 5))
        await drain(a_worker(store, state_every=1))
        await store.log(editor, editor.move(A, 6))
        await drain(a_worker(store))
        assert ("undecodable_update", "pipeline") in store.rows(editor).diagnostics
        assert store.rows(editor).steps == editor.wanted().steps

    async def test_an_update_the_library_panics_at_is_left_out_and_no_later_one(
        self, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, clock)
        await drain(worker)
        poison, apply = editor.rename(A, "never seen"), Document.apply

        def panicking_apply(document: Document, update: bytes) -> bool:
            if update == poison:
                raise DocumentPoisoned("panic")
            return apply(document, update)

        monkeypatch.setattr(Document, "apply", panicking_apply)
        await store.log(editor, poison, editor.rename(B, "seen"))
        await drain(worker)
        clock.now += 1.0
        await drain(worker)
        rows = store.rows(editor)
        assert ("undecodable_update", "pipeline") in rows.diagnostics
        assert {row.name for row in rows.steps.values()} == {"a", "seen"}

    async def test_a_panic_while_reading_is_a_failure_like_any_other(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        panic = type("PanicException", (BaseException,), {})("index out of bounds")

        def panicking(*_: object) -> None:
            raise panic

        monkeypatch.setattr(PipelineReader, "settings", panicking)
        editor = await store.new_pipeline()
        assert await a_worker(store).project_one() is True
        assert store.cursor(editor) == 0

    async def test_hostile_content_has_rows_too(self, store: Store) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store)

        def vandalise(steps: "Map[Any]") -> None:
            steps["no uuid"] = "no step"
            steps[A].update({"parent_step_id": B, "name": "b\0", "type": "{{x}}"})
            steps[B].update({"parent_step_id": A, "name": "b\ufffd", "size": [None]})
            steps[C] = shared_step(Step(C, "", "claude", parent_step_id="gone"))

        await store.log(editor, editor.edit(vandalise))
        await drain(worker)
        assert store.rows(editor) == editor.wanted()
        assert len(store.rows(editor).diagnostics) > 5


class TestRunning:
    async def test_the_bell_wakes_the_worker(self, store: Store) -> None:
        editor, bell, stop = await store.new_pipeline(), Bell(), asyncio.Event()
        running = asyncio.create_task(Worker(store, store, bell, SETTINGS).run(stop))
        await bell.listening.wait()
        assert store.cursor(editor) == 1
        await store.log(editor, editor.move(A, 5))
        bell.listening.clear()
        bell.rung.set()
        await bell.listening.wait()
        assert store.cursor(editor) == 2
        stop.set()
        await running

    async def test_whoever_waits_for_an_edit_does_not_wait_for_more_of_them(
        self, store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A round takes as long as the pause after it is, which nobody needs who waits."""

        async def slowly() -> bool:
            clock.now += 1000
            return False

        monkeypatch.setattr(store, "refresh_search", slowly)
        editor, bell, stop = await store.new_pipeline(), NamingBell(), asyncio.Event()
        settings = replace(SETTINGS, gather=1000.0)
        running = asyncio.create_task(Worker(store, store, bell, settings, clock).run(stop))
        await bell.listening.wait()
        await store.log(editor, editor.move(A, 5))
        await bell.ring("a pipeline")
        assert store.cursor(editor) == 1
        await bell.ring(AWAITED)
        assert store.cursor(editor) >= 2
        stop.set()
        await running

    @pytest.mark.parametrize(("took", "pause"), [(0.0, 0.05), (0.04, 0.08), (3.0, 0.15)])
    async def test_the_pause_grows_with_what_there_is_to_do(
        self, store: Store, clock: Clock, took: float, pause: float
    ) -> None:
        bell = MeasuringBell()
        worker, stopping = Worker(store, store, bell, SETTINGS, clock), asyncio.Event()
        waiting, began = asyncio.create_task(stopping.wait()), clock.now
        clock.now += took
        await worker._gather(began, waiting)
        waiting.cancel()
        assert bell.waits == [pytest.approx(pause)]

    @pytest.mark.parametrize(
        ("took", "pause"), [(0.0, 0.015), (0.005, 0.01), (0.02, 0.02), (0.03, 0.02)]
    )
    async def test_the_pause_is_short_when_somebody_waits(
        self, store: Store, clock: Clock, took: float, pause: float
    ) -> None:
        bell = MeasuringBell([AWAITED])
        worker, stopping = Worker(store, store, bell, SETTINGS, clock), asyncio.Event()
        waiting, began = asyncio.create_task(stopping.wait()), clock.now
        clock.now += took
        await worker._gather(began, waiting)
        waiting.cancel()
        assert bell.waits[1:] == [pytest.approx(pause)]

    async def test_search_is_refreshed_when_nothing_is_left_to_project(self, store: Store) -> None:
        editor, bell, stop = await store.new_pipeline(), Bell(), asyncio.Event()
        store.stale = [UUID(int=number) for number in (1, 2, 3)]
        running = asyncio.create_task(Worker(store, store, bell, SETTINGS).run(stop))
        await bell.listening.wait()
        assert (store.cursor(editor), store.stale) == (1, [])
        stop.set()
        await running

    @pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("unforeseen")])
    async def test_a_search_entry_that_fails_holds_up_no_rows(
        self, store: Store, error: Exception
    ) -> None:
        editor, bell, stop = await store.new_pipeline(), Bell(), asyncio.Event()
        store.search_errors = [error] * 2
        patient = replace(SETTINGS, outage=Backoff(1000, 1000))
        running = asyncio.create_task(Worker(store, store, bell, patient).run(stop))
        for seq in (1, 2):
            await bell.listening.wait()
            assert store.cursor(editor) == seq
            await store.log(editor, editor.move(A, seq))
            bell.listening.clear()
            bell.rung.set()
        await bell.listening.wait()
        assert store.search_errors == []
        stop.set()
        await running

    async def test_a_document_edited_all_the_time_is_projected_once_in_a_sweep(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        editor = await store.new_pipeline()
        worker, store_state = a_worker(store), Worker._store_state

        async def meanwhile(self: Worker, pipeline_id: UUID, replica: Replica) -> None:
            await store_state(self, pipeline_id, replica)
            await store.log(editor, editor.move(A, replica.seq))

        monkeypatch.setattr(Worker, "_store_state", meanwhile)
        async with asyncio.timeout(30):
            assert await worker._sweep(asyncio.Event())
        assert store.cursor(editor) == 1
        assert await worker.project_one()
        assert store.cursor(editor) == 2

    async def test_what_is_left_at_the_stop_is_projected(self, store: Store) -> None:
        editor, bell, stop = await store.new_pipeline(), Bell(), asyncio.Event()
        running = asyncio.create_task(Worker(store, store, bell, SETTINGS).run(stop))
        await bell.listening.wait()
        await store.log(editor, editor.move(A, 5))
        stop.set()
        await running
        assert store.cursor(editor) == 2

    async def test_what_is_left_after_stop_is_projected_for_a_limited_time(
        self, store: Store
    ) -> None:
        editor, stop = await store.new_pipeline(), asyncio.Event()
        stop.set()
        await Worker(store, store, Bell(), replace(SETTINGS, finish_timeout=0.0)).run(stop)
        assert store.cursor(editor) == 0

    @pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("unforeseen")])
    async def test_an_outage_is_waited_out(self, store: Store, error: Exception) -> None:
        editor, bell, stop = await store.new_pipeline(), Bell(), asyncio.Event()
        store.claim_errors = [error] * 5
        running = asyncio.create_task(Worker(store, store, bell, SETTINGS).run(stop))
        await bell.listening.wait()
        assert store.claim_errors == []
        assert store.cursor(editor) == 1
        stop.set()
        await running

    async def test_an_outage_in_the_middle_of_a_document_is_no_end_either(
        self, store: Store, clock: Clock
    ) -> None:
        editor, worker = await store.new_pipeline(), a_worker(store, clock)
        store.commit_errors[editor.pipeline_id] = [StoreUnavailable("away")]
        with pytest.raises(StoreUnavailable):
            await worker.project_one()
        clock.now += 1.0
        assert await drain(worker) == 1
        assert store.rows(editor) == editor.wanted()

    async def test_a_broken_bell_leaves_the_interval(self, store: Store) -> None:
        editor, stop = await store.new_pipeline(), asyncio.Event()

        class BrokenBell:
            waits = 0

            async def wait(self, timeout: float) -> None:  # noqa: ASYNC109 - the port
                self.waits += 1
                if self.waits == 3:
                    await store.log(editor, editor.move(A, 5))
                    stop.set()
                raise RuntimeError("no bell")

        await Worker(store, store, BrokenBell(), SETTINGS).run(stop)
        # Or 3: the worker may have written the diagnostics into the document.
        assert store.cursor(editor) >= 2

    async def test_cancelling_ends_it_at_once(self, store: Store) -> None:
        bell = Bell()
        running = asyncio.create_task(Worker(store, store, bell, SETTINGS).run(asyncio.Event()))
        await bell.listening.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


@pytest.mark.parametrize("seed_number", some(range(12), few=2))
async def test_whatever_fails_the_tables_catch_up(seed_number: int) -> None:
    print(f"seed {seed_number}")
    chance, clock, store = random.Random(seed_number), Clock(), Store()
    editors = [await store.new_pipeline(number) for number in (1, 2)]
    workers = [a_worker(store, clock, state_every=4, batch=2) for _ in range(2)]
    for _ in range(40):
        editor = chance.choice(editors)
        await store.log(editor, _any_edit(editor, chance))
        if chance.random() < 0.2:
            store.commit_errors[editor.pipeline_id] = [StoreError("refused")]
        if chance.random() < 0.1:
            workers[0] = a_worker(store, clock, state_every=4, batch=2)
        await chance.choice(workers).project_one()
        clock.now += 0.5
    store.commit_errors.clear()
    clock.now += 100.0
    await drain(workers[1])
    for editor in editors:
        assert store.rows(editor) == editor.wanted()


def _any_edit(editor: Editor, chance: random.Random) -> bytes:
    key = str(UUID(int=chance.randrange(1, 8)))
    if key not in editor.steps:
        new = Step(key, chance.choice("xy"), "claude", parent_step_id=chance.choice([None, A]))
        return editor.edit(lambda steps: steps.update({key: shared_step(new)}))
    match chance.randrange(4):
        case 0:
            return editor.delete(key)
        case 1:
            return editor.rename(key, chance.choice("xy"))
        case 2:
            parent = str(UUID(int=chance.randrange(1, 8)))
            return editor.edit(lambda steps: steps[key].update({"parent_step_id": parent}))
        case _:
            return editor.move(key, chance.random())
