"""Edits by the server itself: they take the road of every edit, whoever is there or nobody."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import pytest
from structlog.testing import capture_logs

import app.rooms.hub
import app.rooms.large_edits
import crdt.updates.spread
from app.compute_queue import ComputeQueue
from crdt.document.document import Document
from crdt.editing.editor import Editor
from crdt.editing.verbs import patch_settings
from crdt.errors import Draining, InvalidEdit, Overloaded, PipelineNotFound
from crdt.protocol.messages import Update
from crdt.updates.format import read_structs
from persistence.errors import StoreUnavailable
from tests.app.fakes import PIPELINE, USER, Replica, content, turns
from tests.app.rooms.test_hub import (
    UNLOAD_AFTER,
    GatedStore,
    Node,
    another_pipeline,
    node,
    replica,
    store,
)
from tests.contracts.stores import an_id
from tests.server import PATIENCE

__all__ = ["node", "replica", "store"]


def rename(editor: Editor) -> str:
    patch_settings(editor, {"name": "Warp"})
    return "renamed"


def no_change(editor: Editor) -> None:
    patch_settings(editor, {"name": "Loom"})


async def test_an_edit_is_stored_when_it_is_answered(node: Node) -> None:
    result = await node.hub.edit(PIPELINE, USER, rename)
    assert (result.seq, result.value, result.has_changed) == (2, "renamed", True)
    assert [update.seq for update in await node.store.since(PIPELINE, 1)] == [2]
    assert await node.content() == {"name": "Warp"}


async def test_everybody_in_the_room_sees_it_when_it_is_stored(node: Node) -> None:
    visit = await node.enter()
    node.store.writing.open.clear()
    editing = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
    await turns()
    assert visit.inbox.received[1:] == []
    assert not editing.done()
    node.store.writing.open.set()
    assert (await editing).seq == 2
    assert [type(message) for message in visit.inbox.received[1:]] == [Update]


async def test_a_room_opened_for_an_edit_is_unloaded_like_any_other(node: Node) -> None:
    await node.hub.edit(PIPELINE, USER, rename)
    node.clock.seconds = UNLOAD_AFTER - 1
    await node.hub.edit(PIPELINE, USER, rename)
    node.clock.seconds = UNLOAD_AFTER + 1
    node.hub.tick()
    assert len(node.hub) == 1
    node.clock.seconds = 2 * UNLOAD_AFTER
    node.hub.tick()
    assert len(node.hub) == 0
    assert (await node.hub.edit(PIPELINE, USER, rename)).seq == 2


async def test_no_change_stores_nothing_and_returns_the_last_update(node: Node) -> None:
    for result in (
        await node.hub.edit(PIPELINE, USER, no_change),
        await node.hub.edit_aside(PIPELINE, USER, no_change),
    ):
        assert (result.seq, result.has_changed) == (1, False)
    assert await node.store.since(PIPELINE, 1) == []
    assert (await node.hub.edit_aside(PIPELINE, USER, no_change)).is_alone


async def test_no_change_waits_for_what_it_saw_to_be_stored(node: Node, replica: Replica) -> None:
    visit = await node.enter()
    node.store.writing.open.clear()
    visit.edit(replica.set("status", "active"))
    editing = asyncio.create_task(node.hub.edit(PIPELINE, USER, no_change))
    await turns()
    assert not editing.done()
    node.store.writing.open.set()
    result = await editing
    assert (result.seq, result.has_changed) == (2, False)


async def test_a_refused_edit_reaches_the_caller_and_nobody_else(node: Node) -> None:
    visit = await node.enter()
    with pytest.raises(InvalidEdit):
        await node.hub.edit(PIPELINE, USER, lambda editor: patch_settings(editor, {"name": 7}))
    assert len(visit.inbox.received) == 1
    assert await node.store.since(PIPELINE, 1) == []
    assert (await node.hub.edit(PIPELINE, USER, rename)).seq == 2
    assert visit.inbox.end is None


async def test_an_edit_that_breaks_halfway_is_gone_with_its_room(node: Node) -> None:
    def change(editor: Editor) -> None:
        editor.settings["name"] = "half"
        raise LookupError("oops")

    visit = await node.enter()
    with capture_logs() as logs, pytest.raises(Overloaded):
        await node.hub.edit(PIPELINE, USER, change)
    assert [entry["event"] for entry in logs] == ["room.poisoned"]
    assert visit.inbox.close_code == 1013
    assert await node.content() == {"name": "Loom"}


async def test_an_edit_that_the_log_refuses_is_told_to_its_author(node: Node) -> None:
    visit = await node.enter()
    node.store.writing.error = RuntimeError("refused")
    with capture_logs(), pytest.raises(Overloaded):
        await node.hub.edit(PIPELINE, USER, rename)
    assert (visit.inbox.close_code, visit.inbox.received[1:]) == (1013, [])
    node.store.writing.error = None
    assert await node.content() == {"name": "Loom"}


async def test_an_edit_after_one_that_the_log_refuses_is_decided_without_it(
    node: Node, replica: Replica
) -> None:
    visit = await node.enter()
    node.store.writing.open.clear()
    node.store.writing.error = RuntimeError("refused")
    visit.edit(replica.set("status", "active"))
    await turns()
    editing = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
    await turns()
    with capture_logs():
        node.store.writing.open.set()
        await turns()
        node.store.writing.error = None
        assert (await editing).seq == 2
    assert visit.inbox.close_code == 1013
    assert await node.content() == {"name": "Warp"}


async def test_an_edit_for_which_there_is_no_room_in_the_queue_is_refused(
    store: GatedStore,
) -> None:
    node = Node(store, pending_bytes=1)
    store.writing.open.clear()
    first = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
    await turns(20)
    with pytest.raises(Overloaded):
        await node.hub.edit(PIPELINE, USER, lambda editor: patch_settings(editor, {"name": "Weft"}))
    store.writing.open.set()
    assert (await first).seq == 2
    assert await node.content() == {"name": "Warp"}


async def test_while_the_log_is_away_the_author_waits_so_long_and_no_longer(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.rooms.hub, "COMMIT_SECONDS", 0)
    node.store.writing.open.clear()
    with pytest.raises(StoreUnavailable, match="not stored yet"):
        await node.hub.edit(PIPELINE, USER, rename)
    node.store.writing.open.set()
    await turns()
    assert await node.content() == {"name": "Warp"}


async def test_what_loading_takes_is_no_reason_to_give_an_edit_up(node: Node) -> None:
    node.store.reading.open.clear()
    editing = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
    await turns()
    node.clock.seconds += 2 * app.rooms.hub.COMMIT_SECONDS
    node.store.reading.open.set()
    assert (await editing).seq == 2


async def test_whoever_waits_long_for_a_large_edit_is_told_so(node: Node) -> None:
    visit = await node.enter()
    assert await node.store.reserve(PIPELINE, an_id(7), 1000.0)
    editing = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
    await turns()
    node.clock.seconds += 2 * app.rooms.hub.COMMIT_SECONDS
    with pytest.raises(Overloaded, match="a large edit of this pipeline takes long"):
        await editing
    assert visit.room.read(content) == {"name": "Loom"}


async def test_a_pipeline_deleted_meanwhile_is_said_so(node: Node) -> None:
    await node.enter()
    await node.store.delete_pipeline(PIPELINE)
    with pytest.raises(PipelineNotFound):
        await node.hub.edit(PIPELINE, USER, rename)
    with pytest.raises(PipelineNotFound):
        await node.hub.edit(an_id(404), USER, rename)


async def test_a_server_that_stops_takes_no_edits(node: Node) -> None:
    await node.enter()
    node.hub.freeze()
    with pytest.raises(Draining):
        await node.hub.edit(PIPELINE, USER, rename)


async def test_nothing_comes_between_opening_a_room_and_editing_it(node: Node) -> None:
    edits = [node.hub.edit(PIPELINE, USER, rename) for _ in range(10)]
    results = await asyncio.gather(*edits)
    assert {result.seq for result in results} == {2}
    assert node.store.reading.passed == 1


class TestAside:
    async def test_it_is_made_in_a_thread_and_merged(self, node: Node, replica: Replica) -> None:
        visit = await node.enter()
        threads = []

        def change(editor: Editor) -> None:
            threads.append(threading.current_thread())
            patch_settings(editor, {"description": "long"})

        editing = asyncio.create_task(node.hub.edit_aside(PIPELINE, USER, change))
        visit.edit(replica.set("status", "active"))
        assert (await editing).seq == 3
        assert threads != [threading.main_thread()]
        expected = {"name": "Loom", "status": "active", "description": "long"}
        assert await node.content() == expected

    async def test_it_is_said_whether_others_edited_meanwhile(
        self, node: Node, replica: Replica
    ) -> None:
        visit = await node.enter()

        async def others_edit(_: UUID) -> bool:
            visit.edit(replica.set("status", "active"))
            return False

        def change(editor: Editor) -> None:
            patch_settings(editor, {"description": "long"})

        edited = await node.hub.edit_aside(PIPELINE, USER, change, before_merge=others_edit)
        assert (edited.has_changed, edited.is_alone) == (True, False)

    async def test_a_large_one_is_spread_over_several_client_ids(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def change(editor: Editor) -> None:
            for number in range(10):
                editor.settings[str(number)] = number

        monkeypatch.setattr(crdt.updates.spread, "STRUCTS_OF_ONE", 4)
        await node.hub.edit_aside(PIPELINE, USER, change)
        [edit] = await node.store.since(PIPELINE, 1)
        assert sorted(map(len, read_structs(edit.payload).values())) == [2, 4, 4]
        assert await node.content() == {"name": "Loom"} | {str(n): n for n in range(10)}

    async def test_an_undisturbed_edit_is_made_again_of_what_others_made(
        self, node: Node, replica: Replica
    ) -> None:
        visit = await node.enter()
        seen = []

        def change(editor: Editor) -> None:
            seen.append(content(editor.document).get("status"))
            patch_settings(editor, {"description": "long"})

        editing = asyncio.create_task(
            node.hub.edit_aside(PIPELINE, USER, change, is_conditional=True)
        )
        await turns(1)
        visit.edit(replica.set("status", "active"))
        await editing
        assert seen == [None, "active"]

    async def test_an_edit_that_is_always_disturbed_is_given_up(
        self, node: Node, replica: Replica
    ) -> None:
        visit = await node.enter()
        loop = asyncio.get_running_loop()
        numbers = iter(range(99))

        def disturb() -> None:
            visit.edit(replica.set("status", str(next(numbers))))

        def change(editor: Editor) -> None:
            loop.call_soon_threadsafe(disturb)
            patch_settings(editor, {"description": "long"})

        with pytest.raises(Overloaded):
            await node.hub.edit_aside(PIPELINE, USER, change, is_conditional=True)
        assert "description" not in await node.content()

    async def test_its_room_stays_loaded_however_long_it_takes(self, node: Node) -> None:
        loop, begun, goes_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        made = []

        def change(editor: Editor) -> None:
            made.append(1)
            loop.call_soon_threadsafe(begun.set)
            goes_on.wait(PATIENCE)
            patch_settings(editor, {"description": "long"})

        editing = asyncio.create_task(node.hub.edit_aside(PIPELINE, USER, change))
        await begun.wait()
        node.clock.seconds += 2 * UNLOAD_AFTER
        node.hub.tick()
        goes_on.set()
        assert (await editing).seq == 2
        assert made == [1]
        node.clock.seconds += 2 * UNLOAD_AFTER
        node.hub.tick()
        assert len(node.hub) == 0

    async def test_another_edit_by_the_server_waits_and_makes_it_no_work(self, node: Node) -> None:
        await node.enter()
        loop, begun, goes_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
        made = []

        def change(editor: Editor) -> None:
            made.append(content(editor.document)["name"])
            loop.call_soon_threadsafe(begun.set)
            goes_on.wait(PATIENCE)
            patch_settings(editor, {"description": "long"})

        large = asyncio.create_task(node.hub.edit_aside(PIPELINE, USER, change))
        await begun.wait()
        small = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
        await turns()
        assert not small.done()
        goes_on.set()
        assert ((await large).seq, (await small).seq) == (2, 3)
        assert made == ["Loom"]

    async def test_whoever_waits_for_the_document_keeps_nobody_else_from_computing(
        self, node: Node
    ) -> None:
        other = await another_pipeline(node.store)
        await node.store.reserve(PIPELINE, an_id(71), 60)
        queue = ComputeQueue(at_once=1)
        turn, turn_of_other = partial(queue.turn, USER), partial(queue.turn, an_id(8))
        waiting = asyncio.create_task(node.hub.edit_aside(PIPELINE, USER, no_change, turn=turn))
        await turns()
        await node.hub.edit_aside(other, None, rename, turn=turn_of_other)
        assert not waiting.done()
        await node.store.free(PIPELINE, an_id(71))
        assert (await waiting).seq == 1

    async def test_it_is_computed_in_a_turn_which_ends_before_it_is_decided(
        self, node: Node
    ) -> None:
        happened = []

        @asynccontextmanager
        async def turn() -> AsyncIterator[None]:
            happened.append("turn")
            yield
            happened.append("end of turn")

        def change(editor: Editor) -> None:
            happened.append("computed")
            patch_settings(editor, {"description": "long"})

        node.store.writing.open.clear()
        editing = asyncio.create_task(node.hub.edit_aside(PIPELINE, USER, change, turn=turn))
        await node.store.writing.asked.wait()
        assert happened == ["turn", "computed", "end of turn"]
        node.store.writing.open.set()
        await editing

    async def test_one_that_takes_too_long_is_given_up_with_nothing_changed(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun, goes_on = threading.Event(), threading.Event()

        def change(editor: Editor) -> None:
            begun.set()
            goes_on.wait(PATIENCE)
            patch_settings(editor, {"description": "long"})

        monkeypatch.setattr(app.rooms.large_edits, "LONGEST_SECONDS", 0.2)
        with pytest.raises(Overloaded, match="nothing was changed"):
            await node.hub.edit_aside(PIPELINE, USER, change)
        assert begun.is_set()
        # Others need not wait for it any more.
        assert (await node.hub.edit(PIPELINE, USER, rename)).seq == 2
        goes_on.set()
        assert await node.content() == {"name": "Warp"}

    async def test_one_that_waits_too_long_for_others_is_given_up(
        self, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await node.store.reserve(PIPELINE, an_id(71), 60)
        monkeypatch.setattr(app.rooms.large_edits, "LONGEST_SECONDS", 0.2)
        with pytest.raises(Overloaded, match=app.rooms.large_edits.BUSY):
            await node.hub.edit_aside(PIPELINE, USER, rename)
        await node.store.free(PIPELINE, an_id(71))
        assert await node.content() == {"name": "Loom"}

    async def test_who_waits_for_a_pipeline_that_is_deleted_is_answered_so(
        self, node: Node
    ) -> None:
        await node.store.reserve(PIPELINE, an_id(71), 60)
        waiting = asyncio.create_task(node.hub.edit_aside(PIPELINE, USER, no_change))
        await turns()
        await node.store.delete_pipeline(PIPELINE)
        with pytest.raises(PipelineNotFound):
            await waiting

    async def test_a_refusal_reaches_the_caller(self, node: Node) -> None:
        with pytest.raises(InvalidEdit):
            await node.hub.edit_aside(PIPELINE, USER, lambda e: patch_settings(e, {"name": 7}))
        assert await node.store.since(PIPELINE, 1) == []

    async def test_no_change_stores_nothing(self, node: Node) -> None:
        assert (await node.hub.edit_aside(PIPELINE, USER, no_change)).seq == 1


class TestRead:
    async def test_an_open_room_is_read_with_what_is_not_stored_yet(
        self, node: Node, replica: Replica
    ) -> None:
        visit = await node.enter()
        node.store.writing.open.clear()
        visit.edit(replica.set("name", "Warp"))
        assert await node.hub.read(PIPELINE, content) == {"name": "Warp"}
        node.store.writing.open.set()

    async def test_otherwise_the_log_is_read_and_no_room_opened(self, node: Node) -> None:
        threads = []

        def reader(document: Document) -> object:
            threads.append(threading.current_thread())
            return content(document)

        assert await node.hub.read(PIPELINE, reader) == {"name": "Loom"}
        assert threads != [threading.main_thread()]
        assert len(node.hub) == 0

    async def test_there_is_nothing_to_read_of_a_pipeline_that_is_not_there(
        self, node: Node
    ) -> None:
        with pytest.raises(PipelineNotFound):
            await node.hub.read(an_id(404), content)
