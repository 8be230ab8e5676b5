"""Versions are saved unasked when editing pauses or goes on for long, and only if they say more."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

import persistence.worker.autosave
from crdt.document.document import Document
from crdt.editing.snapshots import pipeline_of
from crdt.errors import DocumentPoisoned
from crdt.pipeline.json_values import JsonText
from persistence.errors import StoreUnavailable
from persistence.memory.versions import MemoryVersions
from persistence.ports.update_log import NewUpdate
from persistence.ports.versions import NewVersion, VersionInfo
from persistence.worker.autosave import POLL_SECONDS, SUMMARY, Autosave, Pauses, Space
from persistence.worker.worker import Worker
from tests.persistence.worker.test_worker import NOON, A, Editor, SilentBell, Store, drain

MINUTE = 60.0
HOUR = 60 * MINUTE


class HeldClock:
    """Stands still unless told to go on."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Versions(MemoryVersions):
    """Versions that fail on demand."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.errors: list[Exception] = []
        self.on_save: Callable[[], Awaitable[None]] | None = None

    async def save(self, version: NewVersion) -> VersionInfo:
        if self.errors:
            raise self.errors.pop(0)
        if self.on_save is not None:
            await self.on_save()
        return await super().save(version)


class Desk:
    """A pipeline on which somebody works, a worker, and a clock."""

    def __init__(self, pauses: Pauses) -> None:
        self.clock, self.store = HeldClock(), Store()
        self.versions = Versions(self.store)
        self.autosave = Autosave(self.store, self.versions, pauses, self.clock)
        self.worker = Worker(self.store, self.store, SilentBell())

    async def log(self, editor: Editor, *updates: bytes) -> None:
        """Log updates, received at this moment."""
        news = [NewUpdate(editor.pipeline_id, None, each, self.clock.now()) for each in updates]
        await self.store.append(news)

    async def edit(self, editor: Editor, *updates: bytes) -> None:
        """Log updates and project them."""
        await self.log(editor, *updates)
        await drain(self.worker)

    async def save(self) -> int:
        """Save all versions that are due now; return how many were looked at."""
        looked_at = 0
        while await self.autosave.save_one():
            looked_at += 1
        return looked_at

    async def saved(self, editor: Editor) -> list[VersionInfo]:
        return await self.versions.newest(editor.pipeline_id, 1000)


@pytest.fixture
def desk() -> Desk:
    return Desk(Pauses())


async def test_a_version_is_saved_when_editing_pauses(desk: Desk) -> None:
    editor = await desk.store.new_pipeline()
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = 4 * MINUTE
    assert await desk.save() == 0
    desk.clock.seconds = 5 * MINUTE
    assert await desk.save() == 1
    [info] = await desk.saved(editor)
    assert (info.number, info.seq, info.name, info.created_by) == (1, 2, None, None)
    assert (info.change_summary, info.created_at) == (SUMMARY, desk.clock.now())
    version = await desk.versions.load(editor.pipeline_id, 1)
    assert version is not None
    assert pipeline_of(version.state) == pipeline_of(editor.document.encode())
    assert [step["name"] for step in version.steps] == ["a", "b"]
    desk.clock.seconds += HOUR
    assert await desk.save() == 0


async def test_a_team_without_space_gets_no_versions_until_it_has_some(desk: Desk) -> None:
    editor = await desk.store.new_pipeline()
    await desk.edit(editor, editor.move(A, 1))
    assert desk.store.team is not None
    stored = await desk.store.stored_bytes(desk.store.team)
    for spare, saved in ((0, 0), (1, 1)):
        desk.clock.seconds += HOUR
        space = Space(desk.store, stored + spare)
        desk.autosave = Autosave(desk.store, desk.versions, Pauses(), desk.clock, space=space)
        with capture_logs() as logs:
            await desk.save()
        assert len(await desk.saved(editor)) == saved
        assert ["as many as may be" in each["error"] for each in logs] == [True] * (1 - saved)
        assert not any(each["exc_info"] for each in logs)


async def test_versions_are_saved_while_editing_goes_on(desk: Desk) -> None:
    editor = await desk.store.new_pipeline()
    for minute in range(100):
        desk.clock.seconds = minute * MINUTE
        await desk.edit(editor, editor.move(A, minute))
        await desk.save()
    made_at = [(info.created_at - NOON) / timedelta(minutes=1) for info in await desk.saved(editor)]
    assert [int(minute) for minute in made_at] == [92, 61, 30]


async def test_what_is_as_the_last_version_is_not_saved_again(desk: Desk) -> None:
    editor = await desk.store.new_pipeline()
    desk.clock.seconds = HOUR
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = 2 * HOUR
    assert await desk.save() == 1
    await desk.edit(editor, editor.move(A, 2), editor.move(A, 1))
    desk.clock.seconds = 3 * HOUR
    assert await desk.save() == 1
    assert [info.seq for info in await desk.saved(editor)] == [2]
    desk.clock.seconds = 4 * HOUR
    assert await desk.save() == 0


async def test_a_last_version_that_cannot_be_read_is_another(desk: Desk) -> None:
    editor = await desk.store.new_pipeline()
    rows = JsonText("{}"), JsonText("[]"), JsonText("[]")
    garbage = NewVersion(editor.pipeline_id, 0, b"\xff\xff", *rows, "mine", None, None, NOON)
    await desk.versions.save(garbage)
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = HOUR
    await desk.save()
    assert [info.name for info in await desk.saved(editor)] == [None, "mine"]


@pytest.mark.parametrize(
    ("pauses", "saved"), [(Pauses(0, 0), 0), (Pauses(0, HOUR), 1), (Pauses(HOUR, 0), 1)]
)
async def test_nought_is_never(pauses: Pauses, saved: int) -> None:
    desk = Desk(pauses)
    editor = await desk.store.new_pipeline()
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = HOUR - POLL_SECONDS - 1
    assert await desk.save() == 0
    desk.clock.seconds = HOUR
    assert await desk.save() == saved


async def test_old_versions_go(desk: Desk) -> None:
    editor = await desk.store.new_pipeline()
    for hour in range(100):
        desk.clock.seconds = hour * HOUR
        await desk.save()
        await desk.edit(editor, editor.move(A, hour))
    times = [info.created_at for info in await desk.saved(editor)]
    assert len(times) == 25 + 3
    assert len({time.date() for time in times[25:]}) == 3


@pytest.mark.parametrize("error", [StoreUnavailable("away"), RuntimeError("unforeseen")])
async def test_a_pipeline_that_fails_rests_and_blocks_no_other(
    desk: Desk, error: Exception
) -> None:
    bad, good = await desk.store.new_pipeline(1), await desk.store.new_pipeline(2)
    await desk.edit(bad, bad.move(A, 1))
    await desk.edit(good, good.move(A, 1))
    desk.clock.seconds = HOUR
    desk.versions.errors = [error]
    assert await desk.save() == 2
    assert [len(await desk.saved(each)) for each in (bad, good)] == [0, 1]
    assert await desk.save() == 0
    desk.clock.seconds += MINUTE
    assert await desk.save() == 1
    assert len(await desk.saved(bad)) == 1


async def test_a_poisoned_document_is_a_failure_like_any_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    editor = await desk.store.new_pipeline()
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = HOUR

    def panicking(_: Document) -> bytes:
        raise DocumentPoisoned("panic")

    with monkeypatch.context() as patch:
        patch.setattr(Document, "encode", panicking)
        assert await desk.save() == 1
    desk.clock.seconds += HOUR
    assert await desk.save() == 1
    assert len(await desk.saved(editor)) == 1


async def test_an_outage_is_waited_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = await desk.store.new_pipeline()
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = HOUR

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(desk.versions, "claim_unsaved", away)
        assert await desk.autosave.save_one() is False
    assert await desk.save() == 1


async def test_what_is_due_is_saved_until_the_end(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    editors = [await desk.store.new_pipeline(number) for number in (1, 2, 3)]
    for editor in editors:
        await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = HOUR
    rests: asyncio.Queue[float] = asyncio.Queue()

    async def rest(seconds: float) -> None:
        rests.put_nowait(seconds)
        await asyncio.Event().wait()

    monkeypatch.setattr(persistence.worker.autosave.asyncio, "sleep", rest)
    running = asyncio.create_task(desk.autosave.run())
    assert await rests.get() == POLL_SECONDS
    assert [len(await desk.saved(editor)) for editor in editors] == [1, 1, 1]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_what_is_cut_short_is_due_again(desk: Desk) -> None:
    editor, saving = await desk.store.new_pipeline(), asyncio.Event()
    await desk.edit(editor, editor.move(A, 1))
    desk.clock.seconds = HOUR

    async def hang() -> None:
        saving.set()
        await asyncio.Event().wait()

    desk.versions.on_save = hang
    running = asyncio.create_task(desk.autosave.run())
    await saving.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    desk.versions.on_save = None
    assert await desk.save() == 1
    assert len(await desk.saved(editor)) == 1
