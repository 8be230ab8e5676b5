import pytest

import app.services.history
from app.services.history import History
from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.editing.editor import Editor
from crdt.editing.verbs import patch_step
from crdt.errors import InvalidEdit, PipelineNotFound
from persistence.memory.stores import MemoryStore
from persistence.ports.directory import NewPipeline
from persistence.ports.update_log import NewUpdate
from persistence.worker.edit_history import EditGroup
from tests.app.fakes import PIPELINE
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.convergence.edits import first_draft
from tests.crdt.entries import key


@pytest.fixture
async def store() -> MemoryStore:
    """A pipeline of five updates, each renaming one step."""
    store, document = MemoryStore(), Document(1)
    team = await store.create_team(await store.create_organization("Looms", "looms"), "W", "w")
    first = seed(document, first_draft())
    await store.create_pipeline(NewPipeline(PIPELINE, team, None, a_pipeline(), first, NOON))
    editor = Editor(document)
    for number in range(1, 5):
        with document.transact() as updates:
            patch_step(editor, key(number), {"name": f"renamed {number}"})
        await store.append([NewUpdate(PIPELINE, None, updates[0], NOON)])
        if number == 2:
            await store.store_state(PIPELINE, 3, document.encode())
    return store


async def test_history_is_read_page_by_page(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.services.history, "PAGE_UPDATES", 3)
    history = History(store, store)
    first = await history.page(PIPELINE)
    assert [(each.first_seq, each.last_seq) for each in first.groups] == [(3, 5)]
    second = await history.page(PIPELINE, first.next_before)
    assert [(each.first_seq, each.last_seq) for each in second.groups] == [(1, 2)]
    assert second.next_before is None
    assert await history.page(an_id(404)) == app.services.history.Page([], None)


@pytest.mark.parametrize(("page_size", "names"), [(2, [3, 4]), (3, [2, 3, 4]), (5, [1, 2, 3, 4])])
async def test_what_was_edited_is_found_with_and_without_the_stored_state(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch, page_size: int, names: list[int]
) -> None:
    monkeypatch.setattr(app.services.history, "PAGE_UPDATES", page_size)
    history = History(store, store)
    (group,) = (await history.page(PIPELINE)).groups
    found = await history.edited_entries(PIPELINE, group)
    assert [step.name for step in found.steps] == [f"renamed {number}" for number in names]


async def test_what_waits_beside_the_state_is_reported_when_it_takes_effect() -> None:
    store, document = MemoryStore(), Document(1)
    team = await store.create_team(await store.create_organization("Looms", "looms"), "W", "w")
    first, updates = seed(document, first_draft()), []
    await store.create_pipeline(NewPipeline(PIPELINE, team, None, a_pipeline(), first, NOON))
    for name in ("early", "late"):
        with document.transact() as edited:
            patch_step(Editor(document), key(1), {"name": name})
        updates += edited
    without = Document()
    without.load(first)
    without.apply(updates[1])
    await store.append([NewUpdate(PIPELINE, None, updates[1], NOON)])
    await store.store_state(PIPELINE, 2, without.encode(), without.waiting())
    await store.append([NewUpdate(PIPELINE, None, updates[0], NOON)])
    history = History(store, store)
    group = EditGroup(None, 3, 3, NOON, NOON, 1)
    assert [step.name for step in (await history.edited_entries(PIPELINE, group)).steps] == ["late"]


async def test_too_much_to_replay_is_refused_with_the_reason(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.services.history, "MAX_REPLAYED", 4)
    history = History(store, store)
    (group,) = (await history.page(PIPELINE)).groups
    with pytest.raises(InvalidEdit, match="at most 4"):
        await history.edited_entries(PIPELINE, group)
    with pytest.raises(PipelineNotFound):
        await history.edited_entries(an_id(404), group)
