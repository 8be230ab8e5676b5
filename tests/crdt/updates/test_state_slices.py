"""A document that is loaded slice by slice is the one that is loaded at once."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from crdt.document.document import Document
from crdt.errors import MalformedUpdate
from crdt.updates import state_slices
from crdt.updates.delete_set import merge_ranges
from crdt.updates.format import SKIP, read_deletions
from crdt.updates.state_slices import DIGEST_BYTES, NO_SLICES, find_slices, sliced
from crdt.updates.state_vector import read_state_vector
from tests.crdt.raw_updates import after, in_root, update, value
from tests.rounds import SEED, rounds

ONE = value(b"\x7d\x01")
PEOPLE = 4
WORDS = ("warp", "weft ", "織", "😀", "é\n")


@pytest.fixture(autouse=True)
def short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_slices, "MIN_STATE_BYTES", 0)
    monkeypatch.setattr(state_slices, "SLICE_WEIGHT", 3)
    monkeypatch.setattr(state_slices, "SEGMENT_STRUCTS", 2)


class Person:
    """Somebody who writes, deletes and moves anything in a document, nested or not."""

    def __init__(self, rng: Random, client: int) -> None:
        self._rng = rng
        self.doc: Doc[Any] = Doc(client_id=client)
        self.map: Map[Any] = self.doc.get("steps", type=Map)
        self.list: Array[Any] = self.doc.get("order", type=Array)
        self.text: Text = self.doc.get("notes", type=Text)

    def edit(self) -> None:
        edits = (self._set, self._set_within, self._write, self._put_in_list, self._unset)
        with self.doc.transaction():
            for _ in range(self._rng.choice((1, 1, 4))):
                self._rng.choice(edits)()

    def _set(self) -> None:
        kinds = (lambda: Map({"x": 1, "in": Map({"y": "z"})}), lambda: Text("some text"))
        plain = (lambda: {"a": [1, 2.5]}, lambda: "word", lambda: Array([1, 2, Map({"q": 1})]))
        self.map[self._rng.choice("abcdef")] = self._rng.choice((*kinds, *plain))()

    def _set_within(self) -> None:
        maps = [each for each in self.map.values() if isinstance(each, Map)]
        if maps:
            self._rng.choice(maps)[self._rng.choice("xyz")] = self._rng.random()

    def _write(self) -> None:
        length = len(str(self.text).encode())
        place = self._rng.choice((0, length))
        self.text.insert(place, self._rng.choice(WORDS))
        if self._rng.random() < 0.2:
            self.text.clear()

    def _put_in_list(self) -> None:
        self.list.insert(self._rng.randint(0, len(self.list)), self._rng.choice((1, "two", None)))
        if self._rng.random() < 0.3:
            del self.list[self._rng.randrange(len(self.list))]

    def _unset(self) -> None:
        key = self._rng.choice("abcdef")
        if key in self.map:
            del self.map[key]


def history(rng: Random) -> list[bytes]:
    """Updates of several people, in an order in which they may arrive."""
    clients = rng.sample((1, 5, 130, 2**20, 2**31, 2**32 - 1), PEOPLE)
    people = [Person(rng, client) for client in clients]
    updates: list[bytes] = []
    for _ in range(60):
        person = rng.choice(people)
        if rng.random() < 0.4:
            person.doc.apply_update(rng.choice(people).doc.get_update(person.doc.get_state()))
        before = person.doc.get_state()
        person.edit()
        updates.append(person.doc.get_update(before))
    if rng.random() < 0.5:
        # Some of them arrive late, and what builds on them waits.
        rng.shuffle(updates)
    return updates


def content(document: Document) -> object:
    """All that a document shows, has and has deleted; of how many structs that is may differ."""
    deleted = read_deletions(document.encode())
    doc = document.doc
    return (
        doc.get("steps", type=Map).to_py(),
        doc.get("order", type=Array).to_py(),
        str(doc.get("notes", type=Text)),
        read_state_vector(document.state_vector()),
        {client: merge_ranges(ranges) for client, ranges in deleted.items()},
        document._library.state,
    )


def loaded(state: bytes, slices: bytes) -> Document:
    document = Document()
    for _ in document.load_slices(state, slices):
        pass
    return document


@pytest.mark.parametrize("number", range(rounds(1_000, few=15)))
def test_any_document_loaded_by_slices_is_the_one_loaded_at_once(number: int) -> None:
    print(f"seed {SEED}, history {number}")
    rng = Random(SEED * 10_000 + number)
    updates = history(rng)
    document, now = Document(), rng.randint(1, len(updates))
    for each in updates[:now]:
        document.apply(each)
    state, slices = document.encode(), find_slices(document.encode())
    assert slices == NO_SLICES or len(list(sliced(state, slices) or ())) > 1
    whole, cut = Document(), loaded(state, slices)
    whole.load(state)
    assert content(whole) == content(cut)
    for each in (*document.waiting(), *updates[now:]):
        assert whole.apply(each) == cut.apply(each)
    assert content(whole) == content(cut)
    assert whole.waiting() == cut.waiting()


def three_clients() -> bytes:
    """Values of three clients in one list, each behind one of the others."""
    document = Document()
    document.apply(update(in_root(8, ONE, key=None), client=1))
    for clock in range(6):
        before = (3, clock - 1) if clock else (1, 0)
        document.apply(update(after(8, ONE, before), client=2, clock=clock))
        document.apply(update(after(8, ONE, (2, clock)), client=3, clock=clock))
    return document.encode()


def test_no_slice_needs_a_later_one() -> None:
    state = three_clients()
    found = sliced(state, find_slices(state))
    assert found is not None
    doc: Doc[Any] = Doc()
    heights = []
    for each in found:
        doc.apply_update(each)
        heights.append(sum(read_state_vector(doc.get_state()).values()))
    assert heights == [3, 6, 9, 12, 13]
    assert read_state_vector(doc.get_state()) == found.state_vector == {1: 1, 2: 6, 3: 6}


def test_slices_belong_to_one_state() -> None:
    state = three_clients()
    slices = find_slices(state)
    document = Document()
    document.load(state)
    document.apply(update(after(8, ONE, (2, 3)), client=4))
    later = document.encode()
    assert sliced(later, slices) is None
    assert content(loaded(later, slices)) == content(document)


def test_slices_that_are_cut_off_are_none() -> None:
    state = three_clients()
    slices = find_slices(state)
    for stop in range(len(slices)):
        assert sliced(state, slices[:stop]) is None


def test_slices_of_which_a_byte_has_changed_are_none() -> None:
    state = three_clients()
    slices = find_slices(state)
    assert sliced(state, slices) is not None
    for place in range(len(slices)):
        spoiled = bytearray(slices)
        spoiled[place] ^= 1
        assert sliced(state, bytes(spoiled)) is None


def test_slices_in_a_wrong_order_are_noticed() -> None:
    state = three_clients()
    found = sliced(state, find_slices(state))
    assert found is not None
    found.slices.reverse()
    document = Document()
    with pytest.raises(MalformedUpdate):
        for _ in document.load_slices(state, state_slices._written(found)):
            pass


def test_a_small_state_is_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    state = three_clients()
    monkeypatch.setattr(state_slices, "MIN_STATE_BYTES", len(state))
    assert find_slices(state) != NO_SLICES
    monkeypatch.setattr(state_slices, "MIN_STATE_BYTES", len(state) + 1)
    assert find_slices(state) == NO_SLICES


def incomplete() -> Iterator[bytes]:
    values = [in_root(8, ONE, key=None) for _ in range(9)]
    yield update(*values, clock=4)
    yield update(*values[:4], bytes((SKIP, 5)), *values[4:])
    # Each of them behind the other.
    one = update(after(8, ONE, (2, 0)), *values, client=1)[1:-1]
    other = update(after(8, ONE, (1, 0)), *values, client=2)[1:-1]
    yield b"\x02" + one + other + b"\x00"


@pytest.mark.parametrize("state", [*incomplete()])
def test_a_state_in_which_structs_wait_is_not_cut(state: bytes) -> None:
    assert find_slices(state) == NO_SLICES


def test_what_is_no_state_has_no_slices() -> None:
    with pytest.raises(MalformedUpdate):
        find_slices(three_clients()[:30])


def test_many_short_slices_are_as_many_bytes_as_the_state() -> None:
    state = three_clients()
    slices = find_slices(state)
    found = sliced(state, slices)
    assert found is not None
    runs = [run for each in found.slices for run in each]
    assert sum(run.stop - run.start for run in runs) < len(state)
    assert sum(run.structs for run in runs) == 13
    assert len(slices) < DIGEST_BYTES + 8 * len(runs) + 8
