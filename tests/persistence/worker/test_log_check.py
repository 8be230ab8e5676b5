"""Damage is found in logs and states, named with its remedy, and accepted when somebody says so."""

import pytest

from persistence.worker.log_check import Damage, faults_of
from persistence.worker.log_repair import StillDamaged, accept_loss, drop_state, take_back
from tests.persistence.worker.test_worker import NOON, A, B, Editor, Store, a_worker, drain


async def damages(store: Store, editor: Editor) -> list[Damage]:
    return [fault.damage for fault in await faults_of(store, editor.pipeline_id)]


async def a_log(store: Store) -> tuple[Editor, bytes]:
    """A pipeline with three updates, of which the second adds a step."""
    editor = await store.new_pipeline()
    await store.log(editor, added := editor.add("c"), editor.move(A, 5))
    return editor, added


async def test_a_whole_log_and_its_state_have_no_faults() -> None:
    store = Store()
    editor, _ = await a_log(store)
    await drain(a_worker(store, state_every=1))
    await store.log(editor, editor.move(A, 6))
    assert store.state_seq(editor) == 3
    assert await damages(store, editor) == []


async def test_what_no_state_has_is_lost() -> None:
    store = Store()
    editor, added = await a_log(store)
    store.rot(editor, added)
    (fault,) = await faults_of(store, editor.pipeline_id)
    assert (fault.damage, fault.detail) == ("updates_lost", "update 2 missing or unreadable")
    assert f"pipeloom repair {editor.pipeline_id} --accept-loss" in fault.remedy


async def test_what_the_state_has_is_not_lost() -> None:
    store = Store()
    editor, added = await a_log(store)
    await drain(a_worker(store, state_every=1))
    store.rot(editor, added)
    assert await damages(store, editor) == ["updates_covered"]


async def test_a_state_that_cannot_be_loaded_covers_nothing_and_can_be_dropped() -> None:
    store = Store()
    editor, added = await a_log(store)
    await store.store_state(editor.pipeline_id, 3, b"garbage")
    assert await damages(store, editor) == ["state_unusable"]
    await drop_state(store, store, editor.pipeline_id, NOON)
    assert await damages(store, editor) == []
    await store.store_state(editor.pipeline_id, 4, b"garbage")
    store.rot(editor, added)
    assert await damages(store, editor) == ["state_unusable", "updates_lost"]


async def test_a_state_that_is_not_what_the_log_makes_is_named() -> None:
    store = Store()
    editor, _ = await a_log(store)
    other = Editor(editor.pipeline_id)
    other.rename(A, "of another log")
    await store.store_state(editor.pipeline_id, 3, other.document.encode())
    assert await damages(store, editor) == ["state_differs"]


async def test_rows_follow_the_document_again_when_its_loss_is_accepted() -> None:
    store, worker = Store(), None
    editor, added = await a_log(store)
    await drain(a_worker(store))
    store.rot(editor, added)
    worker = a_worker(store)
    await store.log(editor, editor.move(B, 1))
    await drain(worker)
    assert len(store.rows(editor).steps) == 3
    await accept_loss(store, store, editor.pipeline_id, NOON)
    await drain(worker)
    rows = store.rows(editor)
    assert {row.name for row in rows.steps.values()} == {"a", "b"}
    assert ("undecodable_update", "pipeline") not in rows.diagnostics
    assert await damages(store, editor) == ["updates_covered"]


async def test_documents_are_listed_page_by_page() -> None:
    store = Store()
    ids = [(await store.new_pipeline(number)).pipeline_id for number in (3, 1, 2)]
    first = await store.document_ids(None, 2)
    assert [*first, *await store.document_ids(first[-1], 2)] == sorted(ids)


async def test_a_log_whose_rows_are_back_is_taken_for_whole_and_no_other() -> None:
    store = Store()
    editor, added = await a_log(store)
    store.rot(editor, added)
    worker = a_worker(store)
    await drain(worker)
    with pytest.raises(StillDamaged, match="update 2 missing or unreadable"):
        await take_back(store, store, editor.pipeline_id, NOON)
    assert ("undecodable_update", "pipeline") in store.rows(editor).diagnostics
    store.bring_back(editor, added)
    await take_back(store, store, editor.pipeline_id, NOON)
    await drain(worker)
    assert store.rows(editor) == editor.wanted()
