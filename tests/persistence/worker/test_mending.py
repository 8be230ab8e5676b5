"""Documents mend themselves: once, when they are quiet, and whoever else mends them meanwhile."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Map
from structlog.testing import capture_logs

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, root_map, to_json
from crdt.document.write import storable
from crdt.editing.repair import RESTORABLE_FOR, Moment, mend
from crdt.pipeline.model import MISSING, Json
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from persistence.errors import StoreUnavailable
from persistence.memory.versions import MemoryVersions
from persistence.ports.directory import SYSTEM
from persistence.ports.update_log import LoggedUpdate, NewUpdate
from persistence.worker.mended_load import TRIES, load_mended
from persistence.worker.mending import QUIET
from persistence.worker.replay import replay
from persistence.worker.version_snapshot import VersionMetadata, unsaved_version
from persistence.worker.worker import Worker, WorkerSettings
from tests.crdt import entries
from tests.crdt.vandal import Vandal
from tests.persistence.worker.test_worker import NOON, A, B, C, SilentBell, Store
from tests.rounds import rounds, some

ALMOST = QUIET - timedelta(milliseconds=1)


def step(name: str, **fields: Json) -> dict[str, Json]:
    """A step of a type that needs no fields, so that it gives rise to no diagnostics."""
    return entries.step(name, **{"type": "test_echo", **fields})


class Log(Store):
    """A store whose compare-and-append can be disturbed: somebody is quicker, or it fails."""

    def __init__(self) -> None:
        super().__init__()
        self.before_append: list[Callable[[], Any]] = []
        self.attempts = 0

    async def append_if_last(
        self, update: NewUpdate, expected_head: int, reservation: UUID | None = None
    ) -> int | None:
        self.attempts += 1
        if self.before_append:
            await self.before_append.pop(0)()
        return await super().append_if_last(update, expected_head, reservation)


class House:
    """One pipeline, workers that share its tables, and a clock that only moves when told to."""

    def __init__(self) -> None:
        self.store, self.now = Log(), NOON
        self.versions: MemoryVersions | None = None
        self.workers = [self.new_worker()]

    def new_worker(self, **settings: Any) -> Worker:
        return Worker(
            self.store,
            self.store,
            SilentBell(),
            WorkerSettings(**settings),
            self.seconds,
            now=lambda: self.now,
            versions=self.versions,
        )

    def seconds(self) -> float:
        return (self.now - NOON).total_seconds()

    async def prepare(self) -> None:
        self.editor = await self.store.new_pipeline()
        for key in (A, B):
            await self.edit(lambda steps, key=key: steps[key].update({"type": "test_echo"}))  # type: ignore[misc]
        await self.work()

    @property
    def pipeline_id(self) -> UUID:
        return self.editor.pipeline_id

    async def append(self, *updates: bytes, by: UUID | None = None) -> None:
        await self.store.append(
            [NewUpdate(self.pipeline_id, by, each, self.now) for each in updates]
        )

    async def edit(self, change: Callable[["Map[Any]"], None]) -> None:
        await self.append(self.editor.edit(change))

    async def work(self) -> None:
        """Let every worker do what is to be done now."""
        for worker in self.workers:
            while await worker.project_one() or await worker.mend_one():
                pass

    async def quiet(self) -> None:
        """Let time pass until nothing is due any more."""
        for _ in range(4):
            await self.work()
            self.now += QUIET
        await self.work()

    async def log(self) -> list[LoggedUpdate]:
        return await self.store.since(self.pipeline_id, 0)

    async def repairs(self) -> list[LoggedUpdate]:
        return [each for each in await self.log() if each.user_id == SYSTEM.id]

    async def document(self) -> Document:
        return replay(await self.store.load(self.pipeline_id))[0]

    async def content(self, root: str) -> Any:
        return to_json(root_map(await self.document(), root))

    async def follow(self) -> None:
        """Give the editor what the log has."""
        for each in await self.log():
            self.editor.document.apply(each.payload)


@pytest.fixture
async def house() -> House:
    made = House()
    await made.prepare()
    return made


def rename(name: str, *keys: str) -> Callable[["Map[Any]"], None]:
    def change(steps: "Map[Any]") -> None:
        for key in keys:
            steps[key].update({"name": name})

    return change


class TestWhen:
    async def test_after_half_a_second_of_quiet_and_not_before(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += ALMOST
        await house.work()
        assert await house.repairs() == []
        house.now += QUIET - ALMOST
        await house.work()
        assert [each["name"] for each in (await house.content("steps")).values()].count("dup (2)")
        assert len(await house.repairs()) == 1

    async def test_another_edit_puts_it_off(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += ALMOST
        await house.edit(lambda steps: steps[A].update({"position": {"x": 1, "y": 1}}))
        await house.work()
        house.now += ALMOST
        await house.work()
        assert await house.repairs() == []
        await house.quiet()
        assert len(await house.repairs()) == 1

    async def test_a_repair_causes_no_other_one(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.quiet()
        await house.quiet()
        assert len(await house.repairs()) == 1
        assert house.store.attempts == 1

    async def test_whoever_has_made_a_repair_need_not_read_the_document_again(
        self, house: House
    ) -> None:
        loads = len(house.store.loads)
        await house.edit(rename("same", A, B))
        await house.quiet()
        assert (len(await house.repairs()), len(house.store.loads)) == (1, loads)

    async def test_a_document_without_faults_is_never_looked_at(self, house: House) -> None:
        for number in range(3):
            await house.append(house.editor.move(A, number))
            await house.quiet()
        assert house.store.attempts == 0
        assert len(house.store.loads) == 1

    async def test_a_line_for_operators_where_something_was_repaired(self, house: House) -> None:
        with capture_logs() as logs:
            await house.edit(lambda steps: steps[A].update({"type": "quantum"}))
            await house.quiet()
            await house.edit(rename("dup", A, B))
            await house.quiet()
        mended = [line for line in logs if line["event"] == "document.mended"]
        assert [line["log_level"] for line in mended] == ["debug", "info"]
        assert [line["seq"] for line in mended] == [each.seq for each in await house.repairs()]

    async def test_what_a_worker_left_undone_another_one_does(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.workers = [house.new_worker()]
        house.now += QUIET
        await house.work()
        assert len(await house.repairs()) == 1

    async def test_the_rows_do_not_change_by_a_repair(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        before = house.store.rows(house.editor)
        await house.quiet()
        after = house.store.rows(house.editor)
        assert (after.steps, after.connections) == (before.steps, before.connections)
        assert before.diagnostics
        assert not after.diagnostics


class TestOneRepair:
    async def test_is_made_by_however_many_workers(self, house: House) -> None:
        house.workers = [house.new_worker() for _ in range(3)]
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += QUIET
        await asyncio.gather(*(worker.mend_one() for worker in house.workers))
        await house.quiet()
        assert len(await house.repairs()) == 1

    async def test_is_made_when_a_version_is_saved_at_the_same_moment(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += QUIET

        async def save() -> None:
            await load_mended(house.store, house.pipeline_id, house.now, lambda _, seq, **__: seq)

        house.store.before_append.append(save)
        await house.quiet()
        assert house.store.attempts == 2
        assert len(await house.repairs()) == 1

    async def test_is_decided_anew_on_what_came_between(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += QUIET
        house.store.before_append.append(lambda: house.edit(rename("other", A)))
        await house.quiet()
        assert await house.repairs() == []
        assert {each["name"] for each in (await house.content("steps")).values()} == {
            "dup",
            "other",
        }
        assert house.store.rows(house.editor).steps == house.editor.wanted().steps

    async def test_survives_a_store_that_was_away(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += QUIET

        async def away() -> None:
            raise StoreUnavailable("gone")

        house.store.before_append.append(away)
        with pytest.raises(StoreUnavailable):
            await house.workers[0].mend_one()
        await house.quiet()
        assert len(await house.repairs()) == 1

    async def test_whose_outcome_was_never_learnt_is_not_made_twice(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += QUIET

        async def lose_the_answer() -> None:
            stored = await house.store.load(house.pipeline_id)
            document, _ = replay(stored)
            reader = PipelineReader(document)
            update = mend(document, reader, read_valid(reader, Meaning()), Moment(house.now)).update
            assert update is not None
            await house.append(update, by=SYSTEM.id)
            raise StoreUnavailable("committed, but nobody knows")

        house.store.before_append.append(lose_the_answer)
        with pytest.raises(StoreUnavailable):
            await house.workers[0].mend_one()
        await house.quiet()
        assert len(await house.repairs()) == 1

    async def test_that_fails_is_logged_and_tried_again_later(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        await house.work()
        house.now += QUIET

        async def fail() -> None:
            raise RuntimeError("a fault of ours")

        house.store.before_append.append(fail)
        await house.work()
        assert await house.repairs() == []
        house.now += timedelta(seconds=20)
        await house.work()
        assert len(await house.repairs()) == 1


class TestWhatPeopleMeet:
    async def test_delete_and_connect(self, house: House) -> None:
        """Ada deletes a step, Ben connects it meanwhile; Ada's undo brings the connection back."""
        ben = Document()
        ben.load(house.editor.document.encode())
        await house.edit(lambda steps: steps.pop(B))
        with ben.transact() as updates:
            ends = {"from_step_id": B, "to_step_id": A}
            root_map(ben, "connections")[str(UUID(int=9))] = Map({"ends": ends})
        await house.append(*updates)
        await house.quiet()
        assert house.store.rows(house.editor).connections == {}
        assert (await house.content("connections")).keys() == {C, str(UUID(int=9))}
        house.now += timedelta(hours=20)
        await house.work()
        await house.follow()
        await house.edit(lambda steps: steps.update({B: Map(step("b"))}))
        await house.quiet()
        assert len(house.store.rows(house.editor).connections) == 2
        house.now += RESTORABLE_FOR
        await house.quiet()
        assert len(house.store.rows(house.editor).connections) == 2

    async def test_a_connection_is_given_up_after_a_day_also_by_a_new_worker(
        self, house: House
    ) -> None:
        await house.edit(lambda steps: steps.pop(B))
        await house.quiet()
        house.now += RESTORABLE_FOR / 2
        house.workers = [house.new_worker()]
        await house.edit(lambda steps: steps[A].update({"position": {"x": 9, "y": 0}}))
        await house.quiet()
        assert (await house.content("connections")).keys() == {C}
        house.now += RESTORABLE_FOR / 2
        await house.quiet()
        assert await house.content("connections") == {}
        assert await house.content("diagnostics") == {}

    async def test_two_steps_of_one_name(self, house: House) -> None:
        """Ada and Ben call their steps the same; everybody sees the name that SQL shows."""
        await house.append(house.editor.rename(A, "ask"), house.editor.rename(B, "ask"))
        await house.quiet()
        rows = house.store.rows(house.editor).steps
        written = await house.content("steps")
        assert {str(key): row.name for key, row in rows.items()} == {
            key: each["name"] for key, each in written.items()
        }

    async def test_clients_cannot_write_diagnostics(self, house: House) -> None:
        with house.editor.document.transact() as updates:
            root_map(house.editor.document, "diagnostics")["mine"] = "fine"
        await house.append(*updates)
        await house.quiet()
        assert await house.content("diagnostics") == {}


class TestBeforeAVersion:
    async def test_a_version_holds_what_the_tables_show(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        metadata = VersionMetadata("v", None, None, house.now)
        versions = MemoryVersions(house.store)
        (version, seq), is_mended = await unsaved_version(
            house.store, versions, house.pipeline_id, metadata
        )
        assert is_mended
        assert version is not None
        kept = Document()
        kept.load(version.state)
        steps: Any = to_json(root_map(kept, "steps"))
        assert {each["name"] for each in steps.values()} == {
            "dup",
            "dup (2)",
        }
        assert seq == len(await house.log())

    async def test_it_is_saved_although_others_edit_all_the_time(self, house: House) -> None:
        await house.edit(rename("dup", A, B))
        moves = [lambda x=x: house.append(house.editor.move(A, x)) for x in range(9)]  # type: ignore[misc]
        house.store.before_append += moves
        made = await load_mended(
            house.store, house.pipeline_id, house.now, lambda _, seq, **__: seq
        )
        assert made == (len(await house.log()), False)
        assert house.store.attempts == TRIES
        assert await house.repairs() == []


@pytest.mark.parametrize("seed", some(range(200), rounds(200, 5)))
async def test_whatever_people_write_document_and_tables_agree_after_quiet(seed: int) -> None:
    """Hostile edits, three workers that take turns by chance, versions saved in between."""
    house, vandal = House(), Vandal(seed)
    await house.prepare()
    house.workers = [house.new_worker() for _ in range(3)]
    for _ in range(vandal.random.randrange(2, 9)):
        await _vandalize(house, vandal)
        for _ in range(vandal.random.randrange(4)):
            await _something(house, vandal.random)
    await house.quiet()
    await _assert_settled(house, seed)


async def _vandalize(house: House, vandal: Vandal) -> None:
    client = Document()
    for each in (await house.log())[: vandal.random.randrange(1, 99)]:
        client.apply(each.payload)
    with client.transact() as updates:
        _write(client, "steps", vandal.entries(vandal.step_keys, vandal.any_step).items())
        _write(client, "connections", vandal.entries(vandal.wire_keys, vandal.any_wire).items())
        root_map(client, "diagnostics")["junk"] = vandal.random.randrange(3)
    await house.append(*updates)


def _write(client: Document, root: str, entries: Iterable[tuple[str, Any]]) -> None:
    for key, raw in entries:
        if raw is MISSING:
            root_map(client, root).pop(key, None)
        else:
            value = storable(raw)
            root_map(client, root)[key] = Map(value) if isinstance(value, dict) else value


async def _something(house: House, random: Random) -> None:
    worker = random.choice(house.workers)
    match random.randrange(5):
        case 0 | 1:
            await worker.project_one()
        case 2:
            await worker.mend_one()
        case 3:
            house.now += random.choice([QUIET, QUIET / 2, RESTORABLE_FOR])
        case 4:
            await load_mended(house.store, house.pipeline_id, house.now, lambda _, seq, **__: seq)


async def _assert_settled(house: House, seed: int) -> None:
    document, length = await house.document(), len(await house.log())
    rows = house.store.rows(house.editor)
    assert rows == read_valid(PipelineReader(document), Meaning()).rows(), seed
    held = to_json(root_map(document, "diagnostics"))
    assert isinstance(held, dict)
    assert held == {
        f"{code}:{subject}": {name: getattr(each, name) for name in each.__slots__}
        for (code, subject), each in rows.diagnostics.items()
    }, seed
    await house.quiet()
    assert len(await house.log()) == length, seed
    assert house.now < NOON + timedelta(days=60)
