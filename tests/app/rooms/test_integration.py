"""Dear updates of clients are integrated elsewhere, and the room goes on meanwhile."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import pytest
from pycrdt import Map, Text
from structlog.testing import capture_logs

from app.rooms.integration import PAUSE, HeldSessions
from crdt.document.replacement import Copy, merge
from crdt.editing.editor import Editor
from crdt.editing.verbs import patch_settings
from crdt.errors import DocumentPoisoned, Draining, MalformedUpdate, Overloaded
from crdt.protocol.messages import QueryAwareness, SyncStep1, SyncStep2
from persistence.ports.update_log import NewUpdate
from tests.app.fakes import PIPELINE, USER, Replica, content, turns
from tests.app.gates import GatedStore
from tests.app.rooms.test_hub import Node, Visit, replica, store
from tests.crdt.document.test_replacement import replace, write
from tests.server import eventually

__all__ = ["replica", "store"]

P = ParamSpec("P")
T = TypeVar("T")

SESSION = 1


class HeldCompute:
    """Computes at once, except that merging waits for a gate, and may fail."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.copies: list[Copy] = []

    async def __call__(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if task is merge:
            self.copies += (each for each in args if isinstance(each, Copy))
            await self.gate.wait()
            if self.error is not None:
                raise self.error
        return task(*args, **kwargs)


@dataclass
class Place(Node):
    """A node whose computations are held."""

    compute: HeldCompute = field(default_factory=HeldCompute)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.hub = self.new_hub(compute=self.compute)


@pytest.fixture
async def node(store: GatedStore) -> Place:
    return Place(store)


def edited(replica: Replica, edit: Callable[["Map[object]"], None]) -> bytes:
    with replica.transact() as updates:
        edit(replica.doc.get("pipeline", type=Map))
    return updates[0]


@pytest.fixture
async def alice(node: Place, replica: Replica) -> Visit:
    """A client in a room with a long text."""
    visit = await node.enter()
    visit.edit(edited(replica, write))
    await stored(node, 2)
    return visit


@pytest.fixture
async def bob(node: Place, alice: Visit) -> Visit:
    return await node.enter()


@pytest.fixture
def dear(alice: Visit, replica: Replica) -> bytes:
    """An update by which the author of the text replaces each of its words."""
    return edited(replica, replace)


async def stored(node: Place, count: int) -> list[bytes]:
    """The log, once it has so many updates."""

    async def log() -> list[bytes]:
        found = await log_of(node)
        return found if len(found) >= count else []

    return await eventually(f"{count} updates", log)


async def log_of(node: Place) -> list[bytes]:
    return [each.payload for each in await node.store.since(PIPELINE, 0)]


async def started(compute: HeldCompute, count: int = 1) -> None:
    async def is_there() -> bool:
        await turns()
        return len(compute.copies) >= count

    await eventually("a computation", is_there)


async def received(visit: Visit, update: bytes) -> None:
    async def is_there() -> bool:
        return update in visit.echoes

    await eventually("the update", is_there)


def text_of(visit: Visit) -> str:
    return str(visit.room.read(lambda document: content(document)["text"]))


def copy_of(visit: Visit) -> Replica:
    copy = Replica()
    copy.apply(visit.room.copy())
    return copy


async def test_it_takes_effect_beside_what_others_write_meanwhile(
    node: Place, alice: Visit, bob: Visit, dear: bytes
) -> None:
    alice.edit(dear)
    await started(node.compute)
    typed = copy_of(bob).set("status", "active")
    bob.edit(typed)
    await turns()
    await stored(node, 3)
    assert text_of(alice).startswith("word")
    assert (bob.echoes, alice.echoes[1:]) == ([typed], [typed])

    node.compute.gate.set()
    log = await stored(node, 4)
    await turns()
    assert log[2:] == [typed, dear]
    assert bob.echoes == [typed, dear]
    assert alice.echoes[1:] == [typed, dear]
    assert alice.room.read(content)["status"] == "active"
    assert text_of(alice) == "Wort " * 700
    assert await node.hub.open(PIPELINE) is alice.room
    assert (alice.inbox.end, bob.inbox.end) == (None, None)


async def test_it_is_written_down_in_its_authors_name(
    node: Place, alice: Visit, dear: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[NewUpdate] = []
    enqueue = node.committer.enqueue

    def noted(update: NewUpdate, on_outcome: Callable[[int | Exception], object]) -> None:
        submitted.append(update)
        enqueue(update, on_outcome)

    monkeypatch.setattr(node.committer, "enqueue", noted)
    node.compute.gate.set()
    alice.edit(dear)
    await stored(node, 3)
    assert [(each.user_id, each.payload) for each in submitted] == [(USER, dear)]


async def test_what_its_author_sends_after_it_comes_after_it(
    node: Place, alice: Visit, bob: Visit, replica: Replica, dear: bytes
) -> None:
    alice.edit(dear)
    later = [replica.set("status", "active"), replica.set("name", "Warp")]
    for each in later:
        alice.edit(each)
    released = asyncio.create_task(alice.room.released(alice.session, 0.5))
    await started(node.compute)
    assert not released.done()
    node.compute.gate.set()
    assert (await stored(node, 5))[2:] == [dear, *later]
    assert await released == 0.5
    await turns()
    assert bob.echoes == [dear, *later]
    assert alice.echoes[1:] == [dear, *later]


async def test_a_second_one_behind_the_first_waits_for_its_turn(
    node: Place, alice: Visit, replica: Replica, dear: bytes
) -> None:
    def back(root: "Map[object]") -> None:
        text = root["text"]
        assert isinstance(text, Text)
        for place in reversed(range(0, len(text), 5)):
            text.insert(place, "-")

    second, third = edited(replica, back), replica.set("name", "Warp")
    for each in (dear, second, third):
        alice.edit(each)
    await started(node.compute)
    assert len(node.compute.copies) == 1
    released = asyncio.create_task(alice.room.released(alice.session, 0.0))
    node.compute.gate.set()
    assert (await stored(node, 5))[2:] == [dear, second, third]
    await released
    assert text_of(alice) == "-Wort " * 700
    assert [copy.update for copy in node.compute.copies] == [dear, second]


async def test_two_authors_at_once_both_take_effect(
    node: Place, alice: Visit, bob: Visit, dear: bytes
) -> None:
    theirs = copy_of(bob)
    other = edited(theirs, replace)
    alice.edit(dear)
    bob.edit(other)
    await started(node.compute)
    node.compute.gate.set()
    assert (await stored(node, 4))[2:] == [dear, other]
    await turns()
    expected = Replica()
    for each in await log_of(node):
        expected.apply(each)
    seed = (await log_of(node))[1]
    assert expected.content == alice.room.read(content)
    assert [sorted(each.echoes) for each in (alice, bob)] == [
        sorted([seed, dear, other]),
        sorted([dear, other]),
    ]


async def test_it_takes_effect_though_its_author_is_gone(
    node: Place, alice: Visit, bob: Visit, dear: bytes
) -> None:
    alice.edit(dear)
    await started(node.compute)
    alice.leave()
    assert await alice.room.released(alice.session, 0.25) == 0.25
    node.compute.gate.set()
    assert (await stored(node, 3))[2:] == [dear]
    await turns()
    assert bob.echoes == [dear]


async def test_a_room_in_which_one_is_integrated_is_not_unloaded(
    node: Place, alice: Visit, dear: bytes
) -> None:
    alice.edit(dear)
    await started(node.compute)
    alice.leave()
    node.clock.seconds = 1_000
    node.hub.tick()
    assert node.hub.is_open(PIPELINE)
    assert not alice.room.dropped


async def test_nothing_of_it_is_left_if_its_room_is_dropped(
    node: Place, alice: Visit, bob: Visit, dear: bytes
) -> None:
    alice.edit(dear)
    await started(node.compute)
    alice.room.drop(Overloaded())
    node.compute.gate.set()
    await turns()
    assert len(await log_of(node)) == 2
    visit = await node.enter()
    assert text_of(visit).startswith("word")
    visit.edit(dear)
    assert (await stored(node, 3))[2:] == [dear]


async def test_a_server_that_stops_leaves_it_to_be_sent_again(
    node: Place, alice: Visit, dear: bytes
) -> None:
    alice.edit(dear)
    await started(node.compute)
    node.hub.freeze()
    node.compute.gate.set()
    await turns()
    assert (len(await log_of(node)), alice.echoes[1:]) == (2, [])
    node.hub.close()
    assert isinstance(alice.inbox.end, Draining)


@pytest.mark.parametrize(
    "error",
    [
        Overloaded("longer than a minute"),
        DocumentPoisoned("the library panicked"),
        MalformedUpdate("no update"),
        RuntimeError("anything else"),
    ],
)
async def test_a_refused_one_ends_its_author_alone(
    node: Place,
    alice: Visit,
    bob: Visit,
    dear: bytes,
    error: Exception,
) -> None:
    node.compute.error = error
    with capture_logs() as logs:
        alice.edit(dear)
        alice.edit(b"never read")
        await started(node.compute)
        node.compute.gate.set()
        await turns()
    assert (alice.inbox.close_code, bob.inbox.end) == (4400, None)
    assert len(logs) == 1
    typed = copy_of(bob).set("status", "active")
    bob.edit(typed)
    assert (await stored(node, 3))[2:] == [typed]
    assert await node.hub.open(PIPELINE) is bob.room
    assert text_of(bob).startswith("word")


async def test_what_is_here_already_is_acknowledged_and_not_stored_again(
    node: Place, alice: Visit, bob: Visit, dear: bytes
) -> None:
    node.compute.gate.set()
    alice.edit(dear)
    await stored(node, 3)
    bob.edit(dear)
    await started(node.compute, 2)
    await turns()
    assert len(await log_of(node)) == 3
    # As a broadcast, and as the acknowledgement.
    assert bob.echoes == [dear, dear]


async def test_it_may_arrive_before_what_it_builds_on(
    node: Place, monkeypatch: pytest.MonkeyPatch, replica: Replica
) -> None:
    monkeypatch.setattr("crdt.document.document.DEAR_PARTS", 100)
    node.compute.gate.set()
    seed, dear = edited(replica, write), edited(replica, replace)
    visit = await node.enter()
    visit.edit(dear)
    await stored(node, 2)
    assert len(node.compute.copies) == 1
    assert "text" not in visit.room.read(content)
    other = await node.enter()
    other.room.receive_message(other.session, SyncStep1(b"\x00"))
    await turns()
    assert other.inbox.of(SyncStep2)
    assert other.echoes
    visit.edit(seed)
    assert (await stored(node, 3))[1:] == [dear, seed]
    assert text_of(visit) == "Wort " * 700


async def test_many_edits_meanwhile_are_caught_up_with(
    node: Place, alice: Visit, bob: Visit, dear: bytes
) -> None:
    alice.edit(dear)
    await started(node.compute)
    typing = copy_of(bob)
    typed = [typing.set("status", str(number)) for number in range(100)]
    for each in typed:
        bob.edit(each)
    node.compute.gate.set()
    log = await stored(node, 103)
    assert log[2:] == [*typed, dear]
    assert alice.room.read(content) == {"name": "Loom", "text": "Wort " * 700, "status": "99"}


async def test_the_server_edits_the_document_that_is_there(
    node: Place, alice: Visit, dear: bytes
) -> None:
    def rename(editor: Editor) -> None:
        patch_settings(editor, {"name": "Warp"})

    def rename_back(editor: Editor) -> None:
        patch_settings(editor, {"name": "Weft"})

    alice.edit(dear)
    await started(node.compute)
    await node.hub.edit(PIPELINE, USER, rename)
    node.compute.gate.set()
    await stored(node, 4)
    assert alice.room.read(content)["name"] == "Warp"
    await node.hub.edit(PIPELINE, USER, rename_back)
    assert alice.room.read(content) == {"name": "Weft", "text": "Wort " * 700}


async def test_another_server_integrates_it_elsewhere_too(
    node: Place, alice: Visit, dear: bytes
) -> None:
    other = Place(node.store, node.bus)
    theirs = other.compute
    visit = await other.enter()
    node.compute.gate.set()
    alice.edit(dear)
    await started(theirs)
    assert [copy.is_logged for copy in theirs.copies] == [True]
    assert text_of(visit).startswith("word")
    typed = copy_of(visit).set("status", "active")
    visit.edit(typed)
    await stored(node, 4)
    theirs.gate.set()
    await received(visit, dear)
    assert visit.room.read(content) == {"name": "Loom", "text": "Wort " * 700, "status": "active"}
    assert sorted(visit.echoes) == sorted([typed, dear])
    assert visit.room.seq == 4


async def test_what_another_server_accepted_is_applied_at_any_cost(
    node: Place, alice: Visit, dear: bytes
) -> None:
    other = Place(node.store, node.bus)
    other.compute.error = Overloaded("longer than a minute")
    visit = await other.enter()
    for each in (other, node):
        each.compute.gate.set()
    with capture_logs() as logs:
        alice.edit(dear)
        await received(visit, dear)
    assert [entry["event"] for entry in logs] == ["room.commit_not_integrated"]
    assert text_of(visit) == "Wort " * 700
    assert (visit.inbox.end, visit.room.seq) == (None, 3)


async def test_an_edit_by_the_server_is_decided_when_it_is_integrated_elsewhere(
    node: Place, alice: Visit, dear: bytes
) -> None:
    other = Place(node.store)  # which no bus reaches
    theirs, visit = other.compute, await other.enter()
    node.compute.gate.set()
    alice.edit(dear)
    await stored(node, 3)

    def rename(editor: Editor) -> str:
        name = "Warp" if text_of(visit).startswith("Wort") else "too early"
        patch_settings(editor, {"name": name})
        return name

    editing = asyncio.create_task(other.hub.edit(PIPELINE, USER, rename))
    await started(theirs)
    assert text_of(visit).startswith("word")
    assert not editing.done()
    theirs.gate.set()
    assert (await editing).value == "Warp"
    assert len(theirs.copies) == 1
    assert visit.room.read(content) == {"name": "Warp", "text": "Wort " * 700}


def test_an_author_pauses_for_what_the_event_loop_waited() -> None:
    held = HeldSessions()
    held.charge(SESSION, 1.0)
    held.hold(SESSION)
    held.charge(SESSION, 0.1)
    held.release(SESSION, lambda *_: None)
    assert SESSION not in held
    pauses = [asyncio.run(held.released(SESSION, 0.2)) for _ in range(2)]
    assert pauses == [pytest.approx(0.1 * PAUSE), 0.2]


def test_what_was_kept_of_who_left_is_forgotten() -> None:
    held, handled = HeldSessions(), list[Any]()
    held.hold(SESSION)
    held.keep(SESSION, QueryAwareness(), None)
    held.forget(SESSION)
    held.release(SESSION, lambda *message: handled.append(message))
    assert handled == []
