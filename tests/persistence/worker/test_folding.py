"""Folding changes what a log takes, and nothing that anybody can ask of it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.validation.reading import read_pipeline
from persistence.errors import StoreUnavailable
from persistence.memory.versions import MemoryVersions
from persistence.ports.folding import FoldableLog
from persistence.ports.update_log import LoggedUpdate, NewUpdate, StoredDocument, UpdateInfo
from persistence.ports.versions import NewVersion
from persistence.worker import folding
from persistence.worker.edit_history import edited_entries, group_edits
from persistence.worker.folding import Folded, Folder, fold_log, minutes_before
from persistence.worker.log_check import faults_of
from persistence.worker.replay import load, replay
from tests.contracts.stores import an_id
from tests.convergence.edits import Author
from tests.persistence.worker.test_worker import NOON, A, B, Editor, Store, a_worker, drain
from tests.rounds import SEED, rounds

DAY, MONTH = timedelta(days=1), timedelta(days=30)
ADA, BEN = an_id(101), an_id(102)


class Clock:
    """A month after the edits."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + MONTH + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class House:
    """A store with a log, what folds it, and what people may ask."""

    def __init__(self, store: Store, editor: Editor) -> None:
        self.store, self.editor, self.clock = store, editor, Clock()
        self.versions = MemoryVersions(store)
        self.folder = Folder(store, store, DAY, self.clock)

    @property
    def id(self) -> UUID:
        return self.editor.pipeline_id

    async def log(self, *edits: tuple[UUID | None, float, bytes]) -> None:
        """Append updates by their authors, at so many seconds after noon; the rows show them."""
        await self.store.append(
            [NewUpdate(self.id, who, u, NOON + timedelta(seconds=s)) for who, s, u in edits]
        )
        await drain(a_worker(self.store, state_every=10**6))

    async def typed(self, count: int, who: UUID | None = ADA, start: float = 0) -> None:
        edits = [self.editor.move(A, x) for x in range(count)]
        await self.log(*((who, start + n, update) for n, update in enumerate(edits)))

    async def rows(self) -> list[LoggedUpdate]:
        return await self.store.since(self.id, 0)

    async def numbers(self) -> list[tuple[int, int]]:
        return [(each.first_seq, each.seq) for each in await self.rows()]

    async def save_version(self, seq: int) -> None:
        document, _ = replay(await self.prefix(seq))
        empty = '{"name": "x"}', "[]", "[]"
        version = NewVersion(self.id, seq, document.encode(), *empty, None, None, None, NOON)  # type: ignore[arg-type]
        await self.versions.save(version)

    async def prefix(self, seq: int) -> StoredDocument:
        return await load(self.store, self.id, lambda stored: stored, until=seq)

    async def content(self, seq: int) -> object:
        """What the log makes up to a number, from its first update on."""
        updates = [each for each in await self.rows() if each.seq <= seq]
        document, left_out = replay(StoredDocument(None, 0, updates, head=seq))
        assert left_out == []
        return read_pipeline(PipelineReader(document)), document.clock_of(document.doc.client_id)

    async def history(self) -> object:
        groups = group_edits(await self.store.newest_updates(self.id, 10**6))
        updates = await self.rows()
        entries = [
            edited_entries(
                StoredDocument(None, 0, [u for u in updates if u.seq < group.first_seq]),
                [u for u in updates if group.first_seq <= u.seq <= group.last_seq],
                group.user_id,
            )
            for group in groups
        ]
        return groups, entries


@pytest.fixture
async def house() -> House:
    store = Store()
    for number in (ADA, BEN):
        store._users[number] = replace(await store.create_user(f"{number}@x", "x"), id=number)
    return House(store, await store.new_pipeline())


async def test_a_minute_of_one_user_becomes_one_row(house: House) -> None:
    await house.typed(40)
    before = await house.content(41)
    with capture_logs() as lines:
        assert [await house.folder.fold_one() for _ in range(2)] == [True, False]
    assert await house.numbers() == [(1, 1), (2, 41)]
    assert await house.content(41) == before
    (line,) = [line for line in lines if line["event"] == "log.folded"]
    assert (line["rows_before"], line["rows_after"]) == (41, 2)
    assert line["bytes_after"] < line["bytes_before"]


async def test_a_folded_log_is_no_damaged_one(house: House) -> None:
    await house.typed(10)
    await house.folder.fold_one()
    assert await faults_of(house.store, house.id) == []
    await house.log((BEN, 3600.0, house.editor.rename(B, "late")))
    assert await faults_of(house.store, house.id) == []
    (last, *_) = group_edits(await house.store.newest_updates(house.id, 10))
    assert (last.user_id, last.updates) == (BEN, 1)


async def test_a_state_that_holds_it_is_stored_before(house: House) -> None:
    await house.typed(10)
    assert house.store.state_seq(house.editor) == 0
    await house.folder.fold_one()
    assert house.store.state_seq(house.editor) == 11


async def test_each_version_can_still_be_loaded(house: House) -> None:
    await house.typed(20)
    for seq in (5, 6, 17):
        await house.save_version(seq)
    await house.folder.fold_one()
    assert await house.numbers() == [(1, 1), (2, 5), (6, 6), (7, 17), (18, 21)]
    for version in house.store.versions_of(house.id):
        stored = await house.prefix(version.info.seq)
        document, left_out = replay(stored)
        saved = Document()
        saved.load(version.state)
        assert (left_out, stored.seq) == ([], version.info.seq)
        assert read_pipeline(PipelineReader(document)) == read_pipeline(PipelineReader(saved))


async def test_what_is_young_stays(house: House) -> None:
    await house.typed(5)
    house.clock.seconds = -MONTH.total_seconds() + DAY.total_seconds() + 59.0
    assert not await house.folder.fold_one()
    house.clock.seconds += 1
    assert await house.folder.fold_one()


def test_only_whole_minutes_are_old() -> None:
    now = NOON + timedelta(days=3, seconds=61.5)
    assert minutes_before(now, DAY) == NOON + timedelta(days=2, minutes=1)


async def test_a_trial_changes_nothing(house: House) -> None:
    await house.typed(10)
    before = await house.rows()
    found = await house.store.next_foldable(NOON + DAY)
    assert found is not None
    steps = [step async for step in fold_log(house.store, house.store, found, is_trial=True)]
    total = sum(steps, Folded())
    assert (total.rows_before, total.rows_after) == (11, 2)
    assert await house.rows() == before
    assert house.store.state_seq(house.editor) == 0
    assert await house.store.next_foldable(NOON + DAY) == found


async def test_a_damaged_log_stays_as_it_is(house: House) -> None:
    await house.typed(5)
    rotten = (await house.rows())[2].payload
    house.store.rot(house.editor, rotten)
    before = await house.rows()
    with capture_logs() as lines:
        assert [await house.folder.fold_one() for _ in range(2)] == [True, False]
    assert await house.rows() == before
    (line,) = [line for line in lines if line["event"] == "log.not_folded"]
    assert "cannot be decoded" in line["error"]
    house.clock.seconds += folding.AFTER_FAILURE.first
    assert await house.folder.fold_one()


@pytest.mark.parametrize("is_stored", [False, True])
async def test_a_log_with_a_hole_stays_as_it_is(house: House, is_stored: bool) -> None:
    await house.typed(6)
    if is_stored:
        await house.store.store_state(house.id, 7, house.editor.document.encode())
    log = house.store._pipelines[house.id].log
    del log[3]
    with capture_logs():
        await house.folder.fold_one()
    assert [seq for _, seq in await house.numbers()] == [1, 2, 3, 5, 6, 7]


async def test_a_log_that_waits_for_an_update_stays_as_it_is(house: House) -> None:
    other = Editor(house.id)
    other.document.load(house.editor.document.encode())
    lost, *later = [other.rename(A, name) for name in "abcd"]
    await house.log(*((ADA, 1.0, update) for update in later))
    with capture_logs() as lines:
        await house.folder.fold_one()
    assert len(await house.rows()) == 4
    assert any(line["event"] == "log.not_folded" for line in lines)
    await house.log((ADA, 2.0, lost))


async def test_what_a_report_may_name_stays_by_itself(house: House) -> None:
    edits = [house.editor.move(A, x) for x in range(4)]
    edits += [house.editor.delete(A)]
    edits += [house.editor.move(B, x) for x in range(4)]
    await house.log(*((ADA, n / 10, update) for n, update in enumerate(edits)))
    await house.folder.fold_one()
    assert (6, 6) in await house.numbers()


class Refusing(Store):
    """A store that loses its connection at the second fold."""

    folds = 0

    async def fold(
        self, log: FoldableLog, until: int, merged: Sequence[LoggedUpdate], saved_bytes: int
    ) -> bool:
        self.folds += 1
        if self.folds == 2:
            raise StoreUnavailable("away")
        return await super().fold(log, until, merged, saved_bytes)


async def test_a_log_that_was_interrupted_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "BATCH", 7)
    store = Refusing()
    house = House(store, await store.new_pipeline())
    for minute in range(8):
        await house.typed(5, None, 60.0 * minute)
    before = await house.content(41)
    with capture_logs():
        await house.folder.fold_one()
        first = await house.numbers()
        house.clock.seconds += folding.AFTER_FAILURE.first
        await house.folder.fold_one()
    assert len(first) > len(await house.numbers()) == 9
    assert await house.content(41) == before
    assert await faults_of(store, house.id) == []


async def test_what_would_not_be_the_same_is_not_stored(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.typed(5)
    before = await house.rows()
    monkeypatch.setattr(folding, "merge_in_order", lambda updates: updates[0])
    with capture_logs() as lines:
        await house.folder.fold_one()
    assert await house.rows() == before
    assert any("another document" in line.get("error", "") for line in lines)


@pytest.mark.parametrize("number", range(rounds(60, few=2)))
async def test_any_log_answers_the_same_when_it_is_folded(
    house: House, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    print(f"seed {SEED}, log {number}")
    rng = Random(SEED * 1000 + number)
    monkeypatch.setattr(folding, "BATCH", rng.choice([5, 20, 1000]))
    await edits(house, rng, 120)
    head = (await house.rows())[-1].seq
    versions = rng.sample(range(1, head + 1), 4)
    for seq in versions:
        await house.save_version(seq)
    whole = {seq: await house.content(seq) for seq in range(1, head + 1)}
    history = await house.history()
    house.clock.seconds = -rng.choice([0, MONTH.total_seconds() - DAY.total_seconds() - 300])
    with capture_logs() as lines:
        while await house.folder.fold_one():
            pass
    assert not [line for line in lines if line["event"] == "log.not_folded"]
    rows = await house.rows()
    assert len(rows) < head
    assert {seq for _, seq in await house.numbers()} >= set(versions)
    for row in rows:
        assert await house.content(row.seq) == whole[row.seq]
    assert await house.history() == history
    assert await faults_of(house.store, house.id) == []


async def edits(house: House, rng: Random, count: int) -> None:
    """Edits of two people in bursts, over some minutes."""
    author, seconds, who = Author(rng), 0.0, ADA
    made: list[tuple[UUID | None, float, bytes]] = []
    while len(made) < count:
        if rng.random() < 0.1:
            who = BEN if who == ADA else ADA
        seconds += rng.expovariate(1 / 3)
        with house.editor.document.transact() as updates:
            author.edit(house.editor.document.doc)
        made += [(who, seconds, update) for update in updates]
    await house.log(*made)


def test_groups_of_a_history_do_not_depend_on_folding() -> None:
    alone = [UpdateInfo(seq, ADA, NOON + timedelta(seconds=10 * seq)) for seq in range(2, 6)]
    folded = UpdateInfo(5, ADA, alone[-1].at, 2, alone[0].at)
    assert group_edits([folded]) == group_edits(alone[::-1])
