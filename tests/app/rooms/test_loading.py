"""Large documents are prepared elsewhere, and are the same as without that."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any, ParamSpec, TypeVar

import pytest
from pycrdt import Map
from structlog.testing import capture_logs

from app.rooms import loading
from app.rooms.inspect_in_thread import CHEAP_BYTES
from app.rooms.loading import prepare
from crdt.document.document import Document
from crdt.errors import Overloaded, PipeloomError
from crdt.updates import state_slices
from crdt.updates.format import EMPTY_UPDATE
from crdt.updates.state_slices import find_slices, sliced
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replay import replay
from tests.app.fakes import PIPELINE, Replica
from tests.app.gates import GatedStore
from tests.app.rooms.test_hub import Node, replica, store
from tests.crdt.updates.test_state_slices import content, history
from tests.rounds import SEED, rounds

__all__ = ["replica", "store"]

P = ParamSpec("P")
T = TypeVar("T")

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Elsewhere:
    """Computes at once, and notes what; or fails."""

    error: PipeloomError | None = None
    tasks: list[Callable[..., Any]] = field(default_factory=list)

    async def __call__(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.tasks.append(task)
        if self.error is not None:
            raise self.error
        return task(*args, **kwargs)


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (loading, state_slices):
        monkeypatch.setattr(module, "MIN_STATE_BYTES", 1)
    monkeypatch.setattr(state_slices, "SLICE_WEIGHT", 3)
    monkeypatch.setattr(state_slices, "SEGMENT_STRUCTS", 2)


def logged(updates: list[bytes], first: int = 1) -> list[LoggedUpdate]:
    return [LoggedUpdate(seq, None, update, NOW) for seq, update in enumerate(updates, first)]


def a_history(seed: int = 1) -> list[bytes]:
    # A seed lacks nothing; the others may arrive in any order.
    return [EMPTY_UPDATE, *history(Random(seed))]


def stored_at(updates: list[bytes], seq: int, *, has_slices: bool = True) -> StoredDocument:
    """The state after some updates, and the others."""
    document = replay(StoredDocument(None, 0, logged(updates[:seq])))[0]
    state, waiting = document.encode(), document.waiting()
    slices = find_slices(state) if has_slices else b""
    tail = logged(updates[seq:], seq + 1)
    return StoredDocument(state, seq, tail, waiting, head=len(updates), slices=slices)


def same(one: StoredDocument, other: StoredDocument) -> bool:
    (left, _), (right, _) = replay(one), replay(other)
    assert content(left) == content(right)
    assert bool(left.waiting()) == bool(right.waiting())
    return one.seq == other.seq


@pytest.mark.parametrize("number", range(rounds(300, few=4)))
@pytest.mark.parametrize("long", [1, 10**6])
async def test_any_prepared_document_is_the_stored_one(
    number: int, long: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {SEED}, history {number}")
    monkeypatch.setattr(loading, "LONG_TAIL_BYTES", long)
    updates = a_history(SEED * 10_000 + number)
    for seq in (0, 30, len(updates)):
        stored = stored_at(updates, seq, has_slices=False) if seq else a_log(updates)
        assert same(await prepare(stored, Elsewhere()), stored)


def a_log(updates: list[bytes]) -> StoredDocument:
    return StoredDocument(None, 0, logged(updates), head=len(updates))


async def test_a_state_with_its_slices_is_taken_as_it_is() -> None:
    elsewhere, stored = Elsewhere(), stored_at(a_history(), 50)
    assert await prepare(stored, elsewhere) is stored
    assert elsewhere.tasks == []


async def test_a_small_document_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, stored = Elsewhere(), stored_at(a_history(), 50, has_slices=False)
    monkeypatch.setattr(loading, "MIN_STATE_BYTES", stored.size + 1)
    assert await prepare(stored, elsewhere) is stored
    assert elsewhere.tasks == []


async def test_the_slices_of_a_state_are_found_elsewhere() -> None:
    elsewhere, stored = Elsewhere(), stored_at(a_history(), 50, has_slices=False)
    prepared = await prepare(stored, elsewhere)
    assert elsewhere.tasks == [find_slices]
    assert replace(prepared, slices=b"") == stored
    assert prepared.state is not None
    assert len(list(sliced(prepared.state, prepared.slices) or ())) > 1


async def test_the_slices_of_a_seed_are_found_elsewhere() -> None:
    elsewhere = Elsewhere()
    document, updates = Document(), a_history()
    for each in updates[:50]:
        document.apply(each)
    seed = document.encode()
    prepared = await prepare(a_log([seed, *updates[-3:]]), elsewhere)
    assert elsewhere.tasks == [find_slices]
    assert (prepared.state, prepared.state_seq, len(prepared.tail)) == (seed, 1, 3)


@pytest.mark.parametrize("tail", [[b"\0" * CHEAP_BYTES], [b"\0\0"] * (16 * 1024)])
async def test_a_long_tail_is_replayed_elsewhere(tail: list[bytes]) -> None:
    elsewhere, stored = Elsewhere(), stored_at(a_history(), 60)
    prepared = await prepare(replace(stored, tail=logged(tail, 61), head=0), elsewhere)
    assert [task.__name__ for task in elsewhere.tasks] == ["_merged"]
    assert (prepared.seq, list(prepared.tail)) == (60 + len(tail), [])


async def test_a_damaged_document_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LONG_TAIL_BYTES", 1)
    updates = a_history()
    updates[55] = b"garbage"
    stored = stored_at(updates, 50)
    assert await prepare(stored, Elsewhere()) is stored


@pytest.mark.parametrize("seq", [0, 50])
async def test_what_cannot_be_prepared_is_taken_as_it_is(seq: int) -> None:
    stored = stored_at(a_history(), seq, has_slices=False) if seq else a_log(a_history())
    with capture_logs() as logs:
        assert await prepare(stored, Elsewhere(Overloaded("no memory"))) is stored
    assert [entry["event"] for entry in logs] == ["room.load_not_prepared"]


async def test_a_garbled_seed_is_left_out_as_ever(store: GatedStore) -> None:
    log = store._pipelines[PIPELINE].log
    log[0] = replace(log[0], payload=b"garbage")
    node = Node(store)
    room = await node.hub.open(PIPELINE)
    assert room.read(lambda document: document.doc.get("pipeline", type=Map).to_py()) == {}


async def test_a_room_is_loaded_by_slices(
    store: GatedStore, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[None] = []
    monkeypatch.setattr(loading.time, "sleep", lambda _: pauses.append(None))
    node = Node(store)
    visit = await node.enter()
    for number in range(20):
        visit.edit(replica.set(f"key {number}", str(number)))
    await node.hub.committed(PIPELINE)
    expected = await node.content()
    assert await Node(store).content() == expected
    assert len(pauses) > 1
