"""Versions end to end: saved from the log, compared, and come back to through the live room."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from app.services.versions import Versioning
from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.editing.differences import Change, Difference
from crdt.editing.editor import Editor
from crdt.editing.snapshots import pipeline_of
from crdt.editing.verbs import delete_step, patch_step, put_step
from crdt.errors import PipelineNotFound, PipelineTooLarge, UnknownEntry
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Step
from crdt.validation.reading import read_pipeline
from persistence.memory.versions import MemoryVersions
from persistence.ports.directory import SYSTEM, NewPipeline
from persistence.ports.versions import NewVersion, Version, VersionInfo
from persistence.worker.replay import compute, replay
from tests.app.fakes import PIPELINE, USER, turns
from tests.app.rooms.test_hub import GatedStore, Node
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.crdt.entries import key

T = TypeVar("T")

A, B = key(1), key(2)
FIRST = Pipeline(
    PipelineSettings("Loom"),
    {A: Step(A, "a", "claude", order="a0"), B: Step(B, "b", "claude", order="a1")},
    {key(9): Connection(key(9), A, B)},
)


@dataclass
class VersioningSetup:
    """A node with one pipeline and its versions."""

    node: Node
    versions: MemoryVersions

    def __post_init__(self) -> None:
        self.versioning = Versioning(self.node.store, self.versions, self.node.hub)

    async def save(self, name: str | None = None) -> int:
        version, _ = await self.versioning.save(PIPELINE, USER, NOON, name=name)
        return version.number

    async def present(self) -> Pipeline:
        return await self.node.hub.read(PIPELINE, lambda d: read_pipeline(PipelineReader(d)))

    async def numbers(self) -> list[int]:
        return [info.number for info in await self.versions.newest(PIPELINE, 10)]


async def a_store() -> GatedStore:
    """A store with one pipeline, which is `FIRST`."""
    store = GatedStore()
    team = await store.create_team(await store.create_organization("Looms", "looms"), "W", "w")
    first = seed(Document(1), FIRST)
    await store.create_pipeline(NewPipeline(PIPELINE, team, None, a_pipeline(), first, NOON))
    return store


@pytest.fixture
async def setup() -> VersioningSetup:
    store = await a_store()
    return VersioningSetup(Node(store), MemoryVersions(store))


def spoil(editor: Editor) -> None:
    delete_step(editor, A)
    patch_step(editor, B, {"name": "z"})
    put_step(editor, key(3), {"name": "new", "type": "claude"})


async def typing_in(setup: VersioningSetup, edit: Callable[[Editor], object]) -> Callable[[], None]:
    """Let a client join; what is returned lets it edit at once."""
    visit = await setup.node.enter()
    document, _ = replay(await setup.node.store.load(PIPELINE))

    def type_() -> None:
        with document.transact() as updates:
            edit(Editor(document))
        visit.edit(*updates)

    return type_


def rename_new_step(editor: Editor) -> None:
    patch_step(editor, key(3), {"name": "theirs"})


def step_names(version: Version) -> list[object]:
    return [step["name"] for step in version.steps]


async def test_a_version_is_what_the_log_holds(setup: VersioningSetup) -> None:
    await setup.node.hub.edit(PIPELINE, USER, spoil)
    info, is_new = await setup.versioning.save(
        PIPELINE, USER, NOON, name="spoilt", change_summary="s"
    )
    assert is_new
    assert (info.number, info.seq, info.name, info.change_summary) == (1, 2, "spoilt", "s")
    version = await setup.versioning.load(PIPELINE, 1)
    assert [step["name"] for step in version.steps] == ["z", "new"]


async def test_coming_back_makes_the_pipeline_what_it_was(setup: VersioningSetup) -> None:
    number = await setup.save("good")
    visit = await setup.node.enter()
    await setup.node.hub.edit(PIPELINE, USER, spoil)
    restored = await setup.versioning.restore(PIPELINE, number, USER, NOON)
    await turns()
    assert await setup.present() == FIRST
    assert len(visit.inbox.received) == 3
    assert restored.edit.seq == 3
    assert restored.saved is not None
    assert restored.saved.change_summary == "Before returning to version 1"

    await setup.versioning.restore(PIPELINE, restored.saved.number, USER, NOON)
    assert {step.name for step in (await setup.present()).steps.values()} == {"z", "new"}


async def test_an_edit_that_is_not_stored_yet_is_saved_before_it_is_replaced(
    setup: VersioningSetup,
) -> None:
    number = await setup.save()
    setup.node.store.writing.open.clear()
    spoiling = asyncio.create_task(setup.node.hub.edit(PIPELINE, USER, spoil))
    await setup.node.store.writing.asked.wait()
    restoring = asyncio.create_task(setup.versioning.restore(PIPELINE, number, USER, NOON))
    await turns(50)
    setup.node.store.writing.open.set()
    saved = (await restoring).saved
    assert saved is not None
    assert saved.seq == (await spoiling).seq
    assert await setup.present() == FIRST


class BusyVersions(MemoryVersions):
    """Versions beside which somebody types: `type` runs once, right after a version is saved."""

    type: Callable[[], None] | None = None

    async def save(self, version: NewVersion) -> VersionInfo:
        info = await super().save(version)
        type_, self.type = self.type, None
        if type_ is not None:
            type_()
        return info


async def test_an_edit_between_saving_and_restoring_is_in_the_saved_version() -> None:
    store = await a_store()
    versions = BusyVersions(store)
    setup = VersioningSetup(Node(store), versions)
    number = await setup.save("good")
    spoilt = await setup.node.hub.edit(PIPELINE, USER, spoil)

    # The step is deleted by restoring version 1, and this edit goes with it.
    versions.type = await typing_in(setup, rename_new_step)
    restored = await setup.versioning.restore(PIPELINE, number, USER, NOON)

    assert await setup.present() == FIRST
    assert await setup.numbers() == [3, 2, 1]
    before = await setup.versioning.load(PIPELINE, 2)
    assert (before.info.seq, step_names(before)) == (spoilt.seq, ["z", "new"])
    assert restored.saved is not None
    assert [info.number for info in restored.versions] == [2, 3]
    assert (restored.saved.number, restored.saved.seq) == (3, restored.edit.seq - 1)
    assert restored.saved.change_summary == "Before returning to version 1"
    assert step_names(await setup.versioning.load(PIPELINE, 3)) == ["z", "theirs"]


async def test_an_edit_while_restoring_is_computed_is_in_the_saved_version(
    setup: VersioningSetup,
) -> None:
    number = await setup.save("good")
    await setup.node.hub.edit(PIPELINE, USER, spoil)

    async def compute_slowly(task: Callable[..., T], *args: Any) -> T:
        computed = await compute(task, *args)
        type_()
        return computed

    hub = setup.node.hub = setup.node.new_hub(compute=compute_slowly)
    type_ = await typing_in(setup, rename_new_step)
    restored = await Versioning(setup.node.store, setup.versions, hub).restore(
        PIPELINE, number, USER, NOON
    )
    assert await setup.present() == FIRST
    assert restored.saved is not None
    assert (await setup.numbers(), restored.saved.seq) == ([2, 1], restored.edit.seq - 1)
    assert step_names(await setup.versioning.load(PIPELINE, 2)) == ["z", "theirs"]


async def test_what_is_saved_before_restoring_is_mended_and_so_is_not_restored_into(
    setup: VersioningSetup,
) -> None:
    number = await setup.save("good")
    await setup.node.hub.edit(PIPELINE, USER, spoil)
    store = setup.node.store

    def spoil_more(editor: Editor) -> None:
        editor.steps[B]["name"] = "new"
        editor.steps[key(4)] = "no step"

    (await typing_in(setup, spoil_more))()
    restored = await setup.versioning.restore(PIPELINE, number, USER, NOON)
    assert await setup.present() == FIRST
    edits = await store.since(PIPELINE, 3)
    assert [each.user_id == SYSTEM.id for each in edits] == [True, False]
    assert restored.saved is not None
    assert restored.saved.seq == edits[0].seq
    assert step_names(await setup.versioning.load(PIPELINE, 2)) == ["new", "new (2)"]
    mended = pipeline_of((await setup.versioning.load(PIPELINE, 2)).state)
    assert {step.name for step in mended.steps.values()} == {"new", "new (2)"}


async def test_restoring_into_a_document_that_is_too_large_saves_nothing(
    setup: VersioningSetup,
) -> None:
    number = await setup.save("good")
    await setup.node.hub.edit(PIPELINE, USER, spoil)
    node = setup.node
    full = node.new_hub(document_bytes=1)
    versioning = Versioning(node.store, setup.versions, full)
    with pytest.raises(PipelineTooLarge):
        await versioning.restore(PIPELINE, number, USER, NOON)
    assert await setup.numbers() == [1]


async def test_what_is_saved_already_is_not_saved_again(setup: VersioningSetup) -> None:
    first = await setup.save()
    await setup.node.hub.edit(PIPELINE, USER, spoil)
    await setup.save()
    restored = await setup.versioning.restore(PIPELINE, first, USER, NOON)
    assert restored.saved is None
    assert await setup.numbers() == [2, 1]


async def test_coming_back_to_what_there_is_changes_nothing(setup: VersioningSetup) -> None:
    number = await setup.save()
    restored = await setup.versioning.restore(PIPELINE, number, USER, NOON)
    assert (restored.edit.seq, restored.saved) == (1, None)
    assert await setup.node.store.since(PIPELINE, 1) == []


def as_it_is(found: Difference) -> Difference:
    return found


async def test_versions_are_compared_with_each_other_and_with_now(setup: VersioningSetup) -> None:
    first = await setup.save()
    await setup.node.hub.edit(PIPELINE, USER, spoil)
    now = await setup.versioning.difference(PIPELINE, first, None, as_it_is)
    saved = await setup.save()
    assert await setup.versioning.difference(PIPELINE, first, saved, as_it_is) == now
    assert [(entry.id, entry.kind) for entry in now.steps] == [
        (B, "changed"),
        (key(3), "added"),
        (A, "removed"),
    ]
    assert [*now.steps[0].changes] == [Change("/name", "changed", "b", "z")]
    assert [entry.kind for entry in now.connections] == ["removed"]


async def test_what_is_not_there_is_refused_with_the_reason(setup: VersioningSetup) -> None:
    with pytest.raises(UnknownEntry, match="no version 7"):
        await setup.versioning.restore(PIPELINE, 7, USER, NOON)
    with pytest.raises(PipelineNotFound):
        await setup.versioning.save(an_id(404), USER, NOON)
