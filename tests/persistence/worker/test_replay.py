from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from pycrdt import Doc, Map

import crdt.document.document
from crdt.document.document import Document
from crdt.errors import DocumentPoisoned, MalformedUpdate, PipelineNotFound
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import Limits
from persistence.memory.stores import MemoryStore
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replay import compute, load, replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class PanicException(BaseException):
    """What the CRDT library raises when it panics."""


def updates_of(count: int) -> list[bytes]:
    doc: Doc[object] = Doc()
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    numbers = doc.get("numbers", type=Map)
    for number in range(count):
        numbers[str(number)] = number
    doc.unobserve(subscription)
    return updates


def logged(updates: list[bytes]) -> list[LoggedUpdate]:
    return [LoggedUpdate(seq, None, update, NOW) for seq, update in enumerate(updates, 1)]


def keys(document: Document) -> set[str]:
    return set(document.doc.get("numbers", type=Map).keys())


class BrokenState(MemoryStore):
    """A log whose stored state no library can read."""

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """Return a state of three updates that is garbage."""
        return StoredDocument(b"garbage", 3, (await self.since(pipeline_id, 3)))

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """Return the updates after `seq` of a log of five."""
        return [update for update in logged(UPDATES) if update.seq > seq][:limit]


UPDATES = updates_of(5)


def test_a_document_is_edited_under_an_id_that_it_does_not_know() -> None:
    known, waiting, new = Document(7), Document(8), Document(9)
    for document in (known, waiting):
        with document.transact():
            document.doc.get("numbers", type=Map)["a"] = 1
    with waiting.transact() as later:
        waiting.doc.get("numbers", type=Map)["b"] = 2
    ids = iter([7, 8, 9])
    stored = StoredDocument(known.encode(), 3, (), later)
    document, _ = replay(stored, lambda: next(ids))
    assert document.doc.client_id == new.doc.client_id


def test_replay_merges_state_and_tail() -> None:
    state = Document()
    for update in UPDATES[:3]:
        state.apply(update)
    document, left_out = replay(StoredDocument(state.encode(), 3, logged(UPDATES)[3:]))
    assert (keys(document), left_out) == ({"0", "1", "2", "3", "4"}, [])


def test_replay_goes_on_with_what_waits_beside_the_state() -> None:
    state = Document()
    for update in (UPDATES[0], UPDATES[2], UPDATES[3]):
        state.apply(update)
    stored = StoredDocument(state.encode(), 3, logged(UPDATES)[4:], state.waiting())
    document, _ = replay(stored)
    assert keys(document) == {"0"}
    assert document.apply(UPDATES[1])
    assert keys(document) == {"0", "1", "2", "3", "4"}


async def test_what_waits_and_cannot_be_read_makes_the_state_unusable() -> None:
    class BrokenWaiting(BrokenState):
        async def load(self, pipeline_id: UUID) -> StoredDocument:
            state = Document()
            state.apply(UPDATES[0])
            return StoredDocument(state.encode(), 1, await self.since(pipeline_id, 1), [b"garbage"])

    document, left_out = await load(BrokenWaiting(), UUID(int=1), replay)
    assert (keys(document), left_out) == ({"0", "1", "2", "3", "4"}, [])


def test_only_what_clients_sent_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def checking(update: bytes, limits: Limits) -> Inspection:
        checked.append(update)
        return inspect_update(update, limits)

    monkeypatch.setattr(crdt.document.document, "inspect_update", checking)
    replay(StoredDocument(None, 0, logged(UPDATES[:3])))
    replay(StoredDocument(UPDATES[0], 1, logged(UPDATES[:4])[3:]))
    assert checked == [UPDATES[1], UPDATES[2], UPDATES[3]]


def test_an_undecodable_update_is_left_out_and_named() -> None:
    document, left_out = replay(StoredDocument(None, 0, logged([UPDATES[0], b"garbage"])))
    assert (keys(document), left_out) == ({"0"}, [2])


@pytest.mark.parametrize(
    ("there", "head", "left_out"),
    [
        ([1, 2, 3, 4, 5], 5, []),
        ([1, 2, 4, 5], 5, [3]),
        ([2, 3], 3, [1]),
        ([1, 2], 4, [3, 4]),
        ([], 2, [1, 2]),
    ],
)
def test_an_update_whose_row_is_missing_is_named(
    there: list[int], head: int, left_out: list[int]
) -> None:
    tail = [update for update in logged(UPDATES) if update.seq in there]
    stored = StoredDocument(None, 0, tail, head=head)
    assert (stored.missing, stored.seq) == (left_out, head)
    assert replay(stored)[1] == left_out


def test_what_is_missing_and_what_cannot_be_decoded_is_named_in_order() -> None:
    _, left_out = replay(StoredDocument(None, 0, logged([*UPDATES[:3], b"garbage"])[1:], head=5))
    assert left_out == [1, 4, 5]


async def test_without_a_usable_state_the_log_alone_makes_the_document() -> None:
    document, left_out = await load(BrokenState(), uuid4(), replay)
    assert (keys(document), left_out) == ({"0", "1", "2", "3", "4"}, [])


class WithState(BrokenState):
    """A log of five updates, with a stored state of the first three."""

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        state = Document()
        for update in UPDATES[:3]:
            state.apply(update)
        return StoredDocument(state.encode(), 3, await self.since(pipeline_id, 3))


@pytest.mark.parametrize("log", [WithState(), BrokenState()], ids=["state", "no usable state"])
@pytest.mark.parametrize("until", [1, 2, 3, 4, 5])
async def test_a_document_is_loaded_as_it_was(log: BrokenState, until: int) -> None:
    document, seq = await load(log, uuid4(), lambda s: (replay(s)[0], s.seq), until=until)
    assert (keys(document), seq) == ({str(number) for number in range(until)}, until)


async def test_a_pipeline_that_is_not_there() -> None:
    with pytest.raises(PipelineNotFound):
        await load(MemoryStore(), uuid4(), replay)


async def test_without_a_state_there_is_nothing_to_fall_back_to() -> None:
    class Empty(MemoryStore):
        async def load(self, pipeline_id: UUID) -> StoredDocument:
            return StoredDocument(None, 0, [])

    def refuse(_: StoredDocument) -> None:
        raise MalformedUpdate

    with pytest.raises(MalformedUpdate):
        await load(Empty(), uuid4(), refuse)


async def test_a_panic_becomes_an_error() -> None:
    def panic() -> None:
        raise PanicException("index out of bounds")

    with pytest.raises(DocumentPoisoned, match="index out of bounds"):
        await compute(panic)
