import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from uuid import UUID, uuid4

import pytest
from pycrdt import Doc, Map, Text

import crdt.document.document
from crdt.document.document import Document
from crdt.errors import DocumentPoisoned, MalformedUpdate, PipelineNotFound
from crdt.updates import state_slices
from crdt.updates.format import read_deletions, read_structs
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import REPLAYED, Limits
from crdt.updates.state_slices import find_slices, sliced
from crdt.updates.state_vector import read_state_vector
from persistence.memory.stores import MemoryStore
from persistence.ports.update_log import LoggedUpdate, StoredDocument
from persistence.worker.replay import compute, load, replay
from tests.rounds import some

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
    stored = StoredDocument(state.encode(), 4, logged(UPDATES)[4:], state.waiting())
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


def test_a_state_is_loaded_by_its_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    stored, pauses = with_slices(monkeypatch), list[None]()
    document, _ = replay(stored, pause=lambda: pauses.append(None))
    assert (keys(document), len(pauses)) == (set("01234"), 5)


def test_a_state_with_wrong_slices_is_loaded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = with_slices(monkeypatch)
    assert stored.state is not None
    found = sliced(stored.state, stored.slices)
    assert found is not None
    found.slices.reverse()
    wrong = dataclasses.replace(stored, slices=state_slices._written(found))
    document, left_out = replay(wrong)
    assert (keys(document), left_out) == (set("01234"), [])


def with_slices(monkeypatch: pytest.MonkeyPatch) -> StoredDocument:
    """A state of five slices."""
    monkeypatch.setattr(state_slices, "MIN_STATE_BYTES", 1)
    monkeypatch.setattr(state_slices, "SLICE_WEIGHT", 1)
    monkeypatch.setattr(state_slices, "SEGMENT_STRUCTS", 1)
    whole = Document()
    for update in UPDATES:
        whole.apply(update)
    state = whole.encode()
    return StoredDocument(state, 5, (), slices=find_slices(state))


def test_only_what_clients_sent_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[bytes] = []

    def checking(update: bytes, limits: Limits) -> Inspection:
        checked.append(update)
        return inspect_update(update, limits)

    monkeypatch.setattr(crdt.document.document, "inspect_update", checking)
    replay(StoredDocument(None, 0, logged(UPDATES[:3])))
    replay(StoredDocument(UPDATES[0], 3, logged(UPDATES[:4])[3:]))
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


def without(updates: list[bytes], *lost: int) -> StoredDocument:
    """A log without the rows of these numbers."""
    tail = [each for each in logged(updates) if each.seq not in lost]
    return StoredDocument(None, 0, tail, head=len(updates))


def rotten(updates: list[bytes], *lost: int) -> StoredDocument:
    """A log in which the rows of these numbers cannot be read."""
    payloads = [b"\xff" if seq in lost else each for seq, each in enumerate(updates, 1)]
    return StoredDocument(None, 0, logged(payloads))


@pytest.mark.parametrize("damaged", [without, rotten])
def test_later_edits_of_the_same_author_are_seen(
    damaged: Callable[..., StoredDocument],
) -> None:
    document, left_out = replay(damaged(UPDATES, 3))
    assert (keys(document), left_out, document.waiting()) == ({"0", "1", "3", "4"}, [3], [])
    document, left_out = replay(damaged(UPDATES, 2, 4))
    assert (keys(document), left_out) == ({"0", "2", "4"}, [2, 4])


def test_a_row_that_is_back_is_all_there_is_to_do() -> None:
    document, left_out = replay(StoredDocument(None, 0, logged(UPDATES), head=5))
    assert (keys(document), left_out) == ({"0", "1", "2", "3", "4"}, [])
    assert not document.is_damaged


def test_a_later_row_that_has_the_lost_edits_takes_the_place_of_the_stand_in() -> None:
    document, left_out = replay(without([*UPDATES, UPDATES[2]], 3))
    assert (keys(document), left_out) == ({"0", "1", "2", "3", "4"}, [3])
    assert document.wanted_from() == document.state_vector()


def test_without_damage_nothing_stands_in_for_what_may_still_come() -> None:
    updates = [UPDATES[0], UPDATES[2], UPDATES[3]]
    document, _ = replay(StoredDocument(None, 0, logged(updates)))
    assert (keys(document), document.is_damaged) == ({"0"}, False)


def test_a_library_that_fails_at_the_stand_in_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DocumentPoisoned("panic")

    monkeypatch.setattr(Document, "stand_in_for_lost", fail)
    document, left_out = replay(without(UPDATES, 3))
    assert (keys(document), left_out) == ({"0", "1"}, [3])


def panicking_at(monkeypatch: pytest.MonkeyPatch, *poison: bytes) -> None:
    """Let the library fail at some updates, which leaves the document unusable."""
    real = Document.apply

    def apply(document: Document, update: bytes | Inspection, limits: Limits = REPLAYED) -> bool:
        if update in poison:
            raise DocumentPoisoned("panic")
        return real(document, update, limits)

    monkeypatch.setattr(Document, "apply", apply)


@pytest.mark.parametrize("lost", [(), (2,), (4,)])
def test_an_update_at_which_the_library_fails_is_as_good_as_missing(
    monkeypatch: pytest.MonkeyPatch, lost: tuple[int, ...]
) -> None:
    whole, _ = replay(StoredDocument(None, 0, logged(UPDATES)))
    panicking_at(monkeypatch, UPDATES[2])
    document, left_out = replay(without(UPDATES, *lost))
    assert left_out == sorted([3, *lost])
    assert keys(document) == {str(seq - 1) for seq in range(1, 6) if seq not in left_out}
    assert document.waiting() == []
    assert read_deletions(document.encode()) == {}
    # Whoever still has it loses nothing by what others were sent in its place, and is not asked.
    whole.apply(document.encode())
    assert keys(whole) == {"0", "1", "2", "3", "4"}
    assert not document.is_mended_by(UPDATES[2])
    (client,) = read_structs(UPDATES[2])
    asked = read_state_vector(document.wanted_from()).get(client, 0)
    assert asked == (5 if not lost else lost[0] - 1)


def test_the_last_of_its_author_takes_its_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, _ = replay(StoredDocument(None, 0, logged(UPDATES)))
    panicking_at(monkeypatch, *UPDATES[3:])
    document, left_out = replay(StoredDocument(None, 0, logged(UPDATES)))
    assert (keys(document), left_out) == ({"0", "1", "2"}, [4, 5])
    assert document.state_vector() == document.wanted_from() == whole.state_vector()


class Authors:
    """Three people who edit a text and a map at the same time, and sometimes meet."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._documents = [Document(number) for number in (1, 2, 3)]
        self.updates: list[bytes] = []

    def edit(self) -> None:
        author = self._random.choice(self._documents)
        text, numbers = author.doc.get("text", type=Text), author.doc.get("numbers", type=Map)
        with author.transact() as made:
            self._change(text, numbers)
        self.updates += made
        for other in self._random.sample(self._documents, self._random.randint(0, 3)):
            for update in self.updates:
                other.apply(update)

    def _change(self, text: Text, numbers: "Map[object]") -> None:
        place = self._random.randint(0, len(text))
        match self._random.randint(0, 4):
            case 0 if place < len(text):
                del text[place : min(place + 3, len(text))]
            case 1:
                numbers[str(self._random.randint(0, 3))] = Map({"name": Text("ab"), "x": 1})
            case 2 if isinstance(inner := numbers.get(str(self._random.randint(0, 3))), Map):
                inner["x"] = self._random.random()
                inner["name"] += "c"
            case _:
                text.insert(place, self._random.choice(["a", "bc", "def"]))


def content(document: Document) -> dict[str, object]:
    text, numbers = document.doc.get("text", type=Text), document.doc.get("numbers", type=Map)
    return {"text": str(text), "numbers": numbers.to_py()}


@pytest.mark.parametrize("seed", some(range(400), 8))
def test_whatever_is_lost_all_that_stands_is_the_same_for_all_and_mends(seed: int) -> None:
    random = Random(seed)
    authors = Authors(random)
    for _ in range(random.randint(5, 40)):
        authors.edit()
    updates = authors.updates
    lost = random.sample(range(1, len(updates) + 1), random.randint(1, min(3, len(updates))))
    document, left_out = replay(without(updates, *lost))
    assert left_out == sorted(lost)
    assert document.waiting() == [] or not document.lacks_stand_in
    # Whoever joins sees what the server has.
    joined = Document()
    joined.apply(document.encode())
    assert content(joined) == content(document)
    # In another order of the same rows: the log of a copy.
    others = [each for seq, each in enumerate(updates, 1) if seq not in lost]
    random.shuffle(others)
    again, _ = replay(StoredDocument(None, 0, logged([b"", *others])[1:], head=len(updates) + 1))
    assert content(again) == content(document)
    # Rows brought back by whoever has them, at the end of the log.
    mended, _ = replay(without([*updates, *(updates[seq - 1] for seq in lost)], *lost))
    whole, _ = replay(StoredDocument(None, 0, logged(updates)))
    assert content(mended) == content(whole)
    # Nobody who has what is lost loses it by what others were sent in its place.
    whole.apply(joined.encode())
    assert content(whole) == content(mended)
