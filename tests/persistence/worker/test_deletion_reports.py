"""Steps that were edited while they were deleted: reported once, whichever workers do it."""

import asyncio
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Map

from crdt.document.document import Document
from crdt.document.schema import root_map, to_json
from crdt.editing.repair import RESTORABLE_FOR
from persistence.memory.versions import MemoryVersions
from persistence.ports.update_log import StoredDocument
from persistence.ports.versions import NewVersion, VersionInfo
from persistence.worker.edited_deletions import JUST_NOW
from persistence.worker.mending import LOOK_SECONDS
from persistence.worker.replica import Replica
from tests.persistence.worker.test_mending import House, step
from tests.persistence.worker.test_worker import A, B
from tests.rounds import rounds, some

THE_ONE = UUID(int=1)


class DyingError(BaseException):
    """Ends a worker in the middle of what it does."""


class Versions(MemoryVersions):
    """Versions after whose next save the worker ends."""

    is_last = False

    async def save(self, version: NewVersion) -> VersionInfo:
        saved = await super().save(version)
        if self.is_last:
            self.is_last = False
            raise DyingError
        return saved


class Reporting(House):
    """A house whose workers save versions and store states, and Ada and Ben who edit."""

    versions: Versions
    turns: Random | None = None
    """In which order the workers take turns; None for one after the other."""

    async def work(self) -> None:
        if self.turns is None:
            await super().work()
            return
        idle = 0
        while idle < len(self.workers):
            worker = self.turns.choice(self.workers)
            is_at_work = await worker.project_one() or await worker.mend_one()
            idle = 0 if is_at_work else idle + 1

    async def prepare(self) -> None:
        self.versions = Versions(self.store)
        self.workers = [self.new_worker()]
        await super().prepare()
        self.ada = (await self.store.create_user("ada@example.org", "Ada")).id
        self.ben = (await self.store.create_user("ben@example.org", "Ben")).id
        await self.edit(lambda steps: steps[A].update({"position": {"x": 1, "y": 1}}))
        await self.quiet()
        self.now += 2 * JUST_NOW

    def late_edit(self, key: str = A) -> bytes:
        """An edit by somebody who has what the editor has now, and nothing that comes after."""
        late = Document()
        late.load(self.editor.document.encode())
        with late.transact() as updates:
            root_map(late, "steps")[key]["position"] = {"x": 7, "y": 0}
        return updates[0]

    async def found(self, key: str = A) -> Any:
        return (await self.content("diagnostics")).get(f"deleted_while_edited:step:{key}")

    async def kept(self, number: int) -> Any:
        version = await self.versions.load(THE_ONE, number)
        assert version is not None
        document = Document()
        document.load(version.state)
        return to_json(root_map(document, "steps"))

    async def settle(self) -> None:
        """Let so much time pass that whoever is there finds what others have left."""
        await self.work()
        self.now += timedelta(seconds=LOOK_SECONDS)
        await self.quiet()

    async def saved(self) -> int:
        return len(await self.versions.newest(THE_ONE, 99))

    async def assert_reported_once(self) -> None:
        """Ada has deleted step A while Ben edited it."""
        found = await self.found()
        assert found["message"] == '"a" was deleted by "Ada" while "Ben" edited it.'
        assert found["suggestion"] == "Restore version 1 to have the step back."
        assert ("deleted_while_edited", f"step:{A}") in self.store.rows(self.editor).diagnostics
        assert (await self.kept(1))[A]["position"] == {"x": 7, "y": 0}
        assert (await self.saved(), len(await self.repairs())) == (1, 1)


@pytest.fixture
async def house() -> Reporting:
    made = Reporting()
    await made.prepare()
    return made


async def test_the_edit_was_on_its_way(house: Reporting) -> None:
    """Ben's edit arrives after Ada's deletion: it is lost, but not in the version."""
    late = house.late_edit()
    await house.append(house.editor.delete(A), by=house.ada)
    await house.work()
    await house.append(late, by=house.ben)
    await house.quiet()
    await house.assert_reported_once()


async def test_the_edit_was_just_made(house: Reporting) -> None:
    await house.append(house.editor.move(A, 7), by=house.ben)
    await house.work()
    house.now += timedelta(seconds=3)
    await house.append(house.editor.delete(A), by=house.ada)
    await house.quiet()
    assert '"Ada" while "Ben"' in (await house.found())["message"]
    assert (await house.kept(1))[A]["position"] == {"x": 7, "y": 0}


async def test_two_edits_on_their_way_are_two_reports_of_one_step(house: Reporting) -> None:
    """The store must take both at once: `tests/contracts/test_projections.py`."""
    late = [house.late_edit(), house.late_edit()]
    await house.append(house.editor.delete(A), by=house.ada)
    await house.append(*late, by=house.ben)
    await house.quiet()
    await house.assert_reported_once()


async def test_of_several_deleted_steps_only_the_edited_one_is_reported(house: Reporting) -> None:
    late = house.late_edit()
    both = house.editor.edit(lambda steps: [steps.pop(A), steps.pop(B)])  # type: ignore[func-returns-value, arg-type, return-value]
    await house.append(both, by=house.ada)
    await house.append(late, by=house.ben)
    await house.quiet()
    held = await house.content("diagnostics")
    assert [each for each in held if each.startswith("deleted")] == [
        f"deleted_while_edited:step:{A}"
    ]


async def test_which_of_several_edits_it_was_is_known(house: Reporting) -> None:
    """Ben moves one step and then another: the first of them is the one that is deleted."""
    await house.append(house.editor.move(A, 7), house.editor.move(B, 8), by=house.ben)
    await house.append(house.editor.delete(A), by=house.ada)
    await house.quiet()
    assert '"Ada" while "Ben"' in (await house.found())["message"]
    assert await house.found(B) is None


@pytest.mark.parametrize("same", [True, False])
async def test_nobody_is_told_who_deleted_their_own_step_or_one_left_alone(
    house: Reporting, same: bool
) -> None:
    await house.append(house.editor.rename(A, "words"), by=house.ben)
    await house.work()
    house.now += timedelta(seconds=1 if same else 60)
    await house.append(house.editor.delete(A), by=house.ben if same else house.ada)
    await house.quiet()
    assert await house.found() is None
    assert await house.saved() == 0


async def test_a_step_of_a_new_pipeline_is_not_being_edited(house: Reporting) -> None:
    """What made the pipeline has written all of its steps, and edited none of them."""
    house.now -= house.now - (await house.log())[0].received_at
    log = (await house.log())[:1]
    await house.append(house.editor.delete(B), by=house.ada)
    replica = Replica(StoredDocument(None, 0, [*log, *(await house.log())[-1:]]))
    assert not replica.suspected


async def test_it_goes_when_the_step_is_back(house: Reporting) -> None:
    await house.append(house.editor.rename(A, "Ben's words"), by=house.ben)
    await house.append(house.editor.delete(A), by=house.ada)
    await house.quiet()
    assert await house.found() is not None
    await house.follow()
    await house.edit(lambda steps: steps.update({A: Map(step("Ben's words"))}))
    await house.quiet()
    assert await house.found() is None
    assert not house.store.rows(house.editor).diagnostics


async def test_it_goes_after_a_day_also_with_a_new_worker(house: Reporting) -> None:
    await house.append(house.editor.rename(A, "Ben's words"), by=house.ben)
    await house.append(house.editor.delete(A), by=house.ada)
    await house.quiet()
    house.workers = [house.new_worker()]
    await house.edit(lambda steps: steps[B].update({"position": {"x": 4, "y": 4}}))
    await house.quiet()
    assert await house.found() is not None
    house.now += RESTORABLE_FOR
    await house.quiet()
    assert await house.found() is None
    assert not house.store.rows(house.editor).diagnostics


class TestOnce:
    """The same is reported, once, whoever of the workers is there for what."""

    @pytest.fixture(params=[False, True], ids=["deleted then edited", "edited then deleted"])
    def two(self, house: Reporting, request: pytest.FixtureRequest) -> list[tuple[bytes, UUID]]:
        """Ben's edit and Ada's deletion, in one order or the other."""
        edit, deletion = (house.late_edit(), house.ben), (house.editor.delete(A), house.ada)
        return [edit, deletion] if request.param else [deletion, edit]

    async def test_two_workers_take_turns(
        self, house: Reporting, two: list[tuple[bytes, UUID]]
    ) -> None:
        house.workers = [house.new_worker(), house.new_worker()]
        for worker, (update, user) in zip(house.workers, two, strict=True):
            await house.append(update, by=user)
            assert await worker.project_one()
        house.workers.reverse()
        await house.quiet()
        await house.assert_reported_once()

    @pytest.mark.parametrize("state_every", [1, 1000])
    async def test_the_worker_ends_between_the_two(
        self, house: Reporting, two: list[tuple[bytes, UUID]], state_every: int
    ) -> None:
        """What it knew is in the log, or with the state it has stored."""
        for update, user in two:
            house.workers = [house.new_worker(state_every=state_every)]
            await house.append(update, by=user)
            await house.work()
        house.workers = [house.new_worker()]
        await house.settle()
        await house.assert_reported_once()

    @pytest.mark.parametrize("state_every", [1, 1000])
    async def test_the_worker_ends_before_it_reports(
        self, house: Reporting, two: list[tuple[bytes, UUID]], state_every: int
    ) -> None:
        house.workers = [house.new_worker(state_every=state_every)]
        for update, user in two:
            await house.append(update, by=user)
        await house.work()
        house.workers = [house.new_worker()]
        await house.settle()
        await house.assert_reported_once()

    async def test_no_worker_was_there(
        self, house: Reporting, two: list[tuple[bytes, UUID]]
    ) -> None:
        for update, user in two:
            await house.append(update, by=user)
        house.workers = [house.new_worker()]
        await house.settle()
        await house.assert_reported_once()

    async def test_the_worker_ends_when_it_has_saved_the_version(
        self, house: Reporting, two: list[tuple[bytes, UUID]]
    ) -> None:
        for update, user in two:
            await house.append(update, by=user)
        house.versions.is_last = True
        with pytest.raises(DyingError):
            await house.quiet()
        assert await house.saved() == 1
        house.workers = [house.new_worker()]
        await house.settle()
        await house.assert_reported_once()

    async def test_two_workers_report_at_once(
        self, house: Reporting, two: list[tuple[bytes, UUID]]
    ) -> None:
        house.workers = [house.new_worker() for _ in range(2)]
        for update, user in two:
            await house.append(update, by=user)
        await house.work()
        house.now += timedelta(seconds=1)
        await asyncio.gather(*(worker.mend_one() for worker in house.workers))
        await house.quiet()
        await house.assert_reported_once()

    async def test_a_worker_that_was_away_does_not_report_again(
        self, house: Reporting, two: list[tuple[bytes, UUID]]
    ) -> None:
        late, there = house.new_worker(), house.new_worker()
        for update, user in two:
            await house.append(update, by=user)
        assert await late.project_one()
        house.workers = [there]
        await house.quiet()
        house.workers = [late]
        await house.append(house.editor.move(B, 9), by=house.ada)
        await house.quiet()
        assert (await house.found()) is not None
        assert (await house.saved()) == 1


class Play:
    """A random play: who edits, deletes, restores and returns late, in bursts between quiet."""

    def __init__(self, seed: int) -> None:
        self.seed, self.random = seed, Random(seed)

    async def run(self, *, is_shared: bool) -> dict[str, Any]:
        """Play it with one worker, or with some that take turns and end; return what is found."""
        house = Reporting()
        await house.prepare()
        script, turns = Random(self.seed), Random(f"{self.seed} turns")
        house.turns = turns if is_shared else None
        late = {key: house.late_edit(key) for key in (A, B)}
        for _ in range(script.randrange(2, 6)):
            for _ in range(script.randrange(1, 6)):
                await self.edit(house, script, late)
                if is_shared:
                    await self.turn(house, turns)
                else:
                    await house.workers[0].project_one()
            await house.settle()
        return await self.outcome(house)

    async def edit(self, house: Reporting, script: Random, late: dict[str, bytes]) -> None:
        key, user = script.choice([A, B]), script.choice([house.ada, house.ben])
        match script.randrange(6):
            case 0 if key in house.editor.steps:
                await house.append(house.editor.delete(key), by=user)
            case 1 if key not in house.editor.steps:
                back = house.editor.edit(lambda steps: steps.update({key: Map(step("back"))}))
                await house.append(back, by=user)
            case 2 if key in late:
                await house.append(late.pop(key), by=user)
            case 3:
                late[key] = (
                    house.late_edit(key) if key in house.editor.steps else late.get(key, b"\0\0")
                )
            case _ if key in house.editor.steps:
                await house.append(house.editor.move(key, script.random()), by=user)
        house.now += script.choice([timedelta(seconds=0.1), JUST_NOW / 2])

    async def turn(self, house: Reporting, turns: Random) -> None:
        for _ in range(turns.randrange(3)):
            if turns.random() < 0.3:
                house.workers[-1:] = [house.new_worker(state_every=turns.choice([1, 4, 1000]))]
            if turns.random() < 0.3 and len(house.workers) < 3:
                house.workers.append(house.new_worker())
            turns.shuffle(house.workers)
            await house.workers[0].project_one()

    async def outcome(self, house: Reporting) -> dict[str, Any]:
        rows = house.store.rows(house.editor).diagnostics.values()
        return {
            "found": sorted((each.code, each.subject, each.message) for each in rows),
            "in the document": await house.content("diagnostics"),
            "versions": [each.id for each in await house.versions.newest(THE_ONE, 99)],
        }


@pytest.mark.parametrize("seed", some(range(400), rounds(400, 10)))
async def test_whoever_is_there_for_what_the_same_is_reported(seed: int) -> None:
    play = Play(seed)
    assert await play.run(is_shared=True) == await play.run(is_shared=False), seed
