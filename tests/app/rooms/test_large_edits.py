"""A large edit by the server is merged elsewhere, and takes effect in one turn of the loop."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from structlog.testing import capture_logs

import app.rooms.large_edits
import crdt.updates.state_slices
from app.rooms.large_edits import LargeEditResult
from crdt.document.document import Document, Merged
from crdt.editing.editor import Editor
from crdt.editing.verbs import patch_settings
from crdt.errors import DocumentPoisoned, MalformedUpdate, Overloaded
from crdt.protocol.messages import SyncStep1, SyncStep2
from tests.app.fakes import PIPELINE, USER, Replica, content, turns
from tests.app.rooms.test_hub import Visit, replica, store
from tests.app.rooms.test_integration import (
    Place,
    alice,
    bob,
    copy_of,
    dear,
    log_of,
    node,
    started,
    stored,
)

__all__ = ["alice", "bob", "dear", "node", "replica", "store"]

pytestmark = pytest.mark.usefixtures("large")

WRITTEN = {str(number): number for number in range(40)}


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every edit of some parts counts as large."""
    monkeypatch.setattr(app.rooms.large_edits, "PARTS_MERGED_BESIDE", 10)


def write_much(editor: Editor) -> str:
    for key, value in WRITTEN.items():
        editor.settings[key] = value
    return "written"


def rename(editor: Editor) -> None:
    assert "39" in editor.settings
    patch_settings(editor, {"name": "Warp"})


def begin(node: Place, *, is_conditional: bool = False) -> "asyncio.Task[LargeEditResult[str]]":
    return asyncio.create_task(
        node.hub.edit_aside(PIPELINE, USER, write_much, is_conditional=is_conditional)
    )


def generation(visit: Visit) -> int:
    """How often the document of a room was replaced."""
    return visit.room.read(lambda document: document.generation)


def joined(visit: Visit) -> Replica:
    """What a client has that joins now, if all it is sent is durable."""
    visit.room.receive_message(visit.session, SyncStep1(b"\x00"))
    copy = Replica()
    copy.apply(visit.inbox.of(SyncStep2)[-1].update)
    return copy


async def test_others_join_and_type_and_edit_meanwhile(
    node: Place, alice: Visit, bob: Visit
) -> None:
    editing = begin(node)
    await started(node.compute)
    typed = copy_of(bob).set("status", "active")
    bob.edit(typed)
    await stored(node, 3)
    renaming = asyncio.create_task(node.hub.edit(PIPELINE, USER, rename))
    await turns()
    newcomer = joined(await node.enter())
    assert newcomer.content["status"] == "active"
    assert "0" not in newcomer.content
    assert not renaming.done()

    node.compute.gate.set()
    result = await editing
    assert (result.seq, result.value, result.is_alone) == (4, "written", False)
    assert (await renaming).seq == 5
    await turns()
    log = await log_of(node)
    assert log[2:4] == [typed, *result.updates]
    assert alice.echoes[1:] == log[2:]
    assert bob.echoes == log[2:]
    for each in log[3:]:
        newcomer.apply(each)
    assert newcomer.content == alice.room.read(content)
    expected = WRITTEN | {"name": "Warp", "status": "active"}
    assert {key: newcomer.content[key] for key in expected} == expected
    assert generation(alice) == 1


def watch_slices(monkeypatch: pytest.MonkeyPatch, watch: Callable[[int], None]) -> list[int]:
    """Load whatever is merged in small slices; `watch` is called after each with its number."""
    monkeypatch.setattr(crdt.updates.state_slices, "MIN_STATE_BYTES", 1)
    monkeypatch.setattr(crdt.updates.state_slices, "SLICE_WEIGHT", 1)
    monkeypatch.setattr(crdt.updates.state_slices, "SEGMENT_STRUCTS", 4)
    seen: list[int] = []
    new_from = Document.new_from

    def watched(self: Document, merged: Merged) -> Iterator[Document]:
        for number, document in enumerate(new_from(self, merged)):
            seen.append(number)
            watch(number)
            yield document

    monkeypatch.setattr(Document, "new_from", watched)
    return seen


async def test_nothing_of_it_is_seen_between_two_slices(
    node: Place, alice: Visit, bob: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    typing, typed = copy_of(bob), list[bytes]()

    def look(number: int) -> None:
        assert "0" not in alice.room.read(content)
        assert "0" not in content_of(alice.room.copy())
        typed.append(typing.set("status", str(number)))
        bob.edit(typed[-1])
        bob.room.receive_message(bob.session, SyncStep1(b"\x00"))

    slices = watch_slices(monkeypatch, look)
    node.compute.gate.set()
    result = await begin(node)
    await turns()
    log = await log_of(node)
    assert len(slices) > 5
    assert log[2:] == [*typed, *result.updates]
    assert bob.echoes == log[2:]
    assert len(bob.inbox.of(SyncStep2)) == len(slices)
    for sent in bob.inbox.of(SyncStep2):
        assert "0" not in content_of(sent.update)
    assert alice.room.read(content) == alice.room.read(content) | WRITTEN
    assert generation(alice) == 1


def content_of(state: bytes) -> dict[str, object]:
    copy = Replica()
    copy.apply(state)
    return copy.content


async def test_one_that_fails_between_two_slices_is_merged_here(
    node: Place, alice: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(number: int) -> None:
        if number == 3:
            raise MalformedUpdate("a slice of a state depends on a later one")

    watch_slices(monkeypatch, fail)
    node.compute.gate.set()
    await merged_here(node, alice)


@pytest.mark.parametrize(
    "error", [Overloaded("longer than a minute"), DocumentPoisoned("the library panicked")]
)
async def test_one_that_cannot_be_merged_elsewhere_is_merged_here(
    node: Place, alice: Visit, error: Exception
) -> None:
    node.compute.error = error
    node.compute.gate.set()
    await merged_here(node, alice)


async def merged_here(node: Place, visit: Visit) -> None:
    with capture_logs() as logs:
        result = await begin(node)
    assert [entry["event"] for entry in logs] == ["room.edit_not_merged_beside"]
    assert (await log_of(node))[2:] == [*result.updates]
    assert visit.room.read(content)["39"] == 39
    assert (generation(visit), visit.inbox.end) == (0, None)


async def test_a_damaged_document_has_it_merged_here(node: Place, alice: Visit) -> None:
    alice.room.read(partial(Document.stand_in_for_lost))
    result = await begin(node)
    assert (result.seq, node.compute.copies) == (3, [])


async def test_a_conditional_one_is_made_anew_when_others_write_meanwhile(
    node: Place, alice: Visit, bob: Visit
) -> None:
    editing = begin(node, is_conditional=True)
    await started(node.compute)
    bob.edit(copy_of(bob).set("status", "active"))
    node.compute.gate.set()
    result = await editing
    assert (result.is_alone, len(node.compute.copies), generation(alice)) == (True, 2, 1)


async def test_a_dear_edit_of_a_client_comes_after_it(
    node: Place, alice: Visit, dear: bytes
) -> None:
    editing = begin(node)
    await started(node.compute)
    alice.edit(dear)
    await turns()
    node.compute.gate.set()
    result = await editing
    assert (await stored(node, 4))[2:] == [*result.updates, dear]
    assert alice.room.read(content)["39"] == 39
    assert generation(alice) == 2


async def test_it_is_made_anew_when_its_room_is_dropped(node: Place, alice: Visit) -> None:
    editing = begin(node)
    await started(node.compute)
    alice.room.drop(Overloaded())
    node.compute.gate.set()
    assert (await editing).seq == 3
    assert (await node.content())["39"] == 39
