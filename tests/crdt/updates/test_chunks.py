"""An update of many places is taken piece by piece, means the same so, and can be stopped."""

import random
from itertools import count

import pytest
from pycrdt import Array, Doc, Map, Text

from crdt.document.document import Document
from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.protocol.lib0 import var_uint
from crdt.updates.chunks import MAX_LOOKUPS
from crdt.updates.delete_set import includes_deletions
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED, REPLAYED
from tests.crdt.raw_updates import after, before, deletions, in_root, update, value
from tests.rounds import some

NULL = value(b"\x7e")
MANY = 4 * MAX_LOOKUPS


def history(seed: int) -> Doc:
    """What three clients wrote, who heard of each other now and then."""
    rng = random.Random(seed)
    docs = [Doc(client_id=client) for client in rng.sample(range(1, 100), 3)]
    for _ in range(600):
        doc = rng.choice(docs)
        text, array, keys = (
            doc.get("text", type=Text),
            doc.get("array", type=Array),
            doc.get("map", type=Map),
        )
        text.insert(rng.randrange(len(text) + 1), rng.choice(["a", "bc"]))
        array.insert(rng.randrange(len(array) + 1), rng.random())
        keys[rng.choice("abcdef")] = rng.random()
        if rng.random() < 0.5:
            del text[rng.randrange(len(text))]
            del array[rng.randrange(len(array))]
        if rng.random() < 0.1:
            doc.apply_update(rng.choice(docs).get_update())
    for doc in docs[1:]:
        docs[0].apply_update(doc.get_update())
    return docs[0]


@pytest.mark.parametrize("seed", some(range(20), few=3))
def test_chunks_make_what_the_whole_makes(seed: int) -> None:
    written = history(seed)
    found = inspect_update(written.get_update(), ACCEPTED)
    assert len(found.chunks) > 1
    whole, cut = Document(), Document()
    whole.apply(inspect_update(found.update, REPLAYED))
    cut.apply(found, ACCEPTED)
    for name, kind in (("text", Text), ("array", Array), ("map", Map)):
        outcome = written.get(name, type=kind).to_py()
        assert whole.doc.get(name, type=kind).to_py() == outcome, f"seed {seed}"
        assert cut.doc.get(name, type=kind).to_py() == outcome, f"seed {seed}"
    assert cut._library.state == whole._library.state
    assert includes_deletions(cut._library.deletions(), whole._library.deletions()), f"seed {seed}"
    assert includes_deletions(whole._library.deletions(), cut._library.deletions()), f"seed {seed}"


def test_what_follows_on_is_left_whole() -> None:
    run = [in_root(8, NULL, key=None), *(after(8, NULL, (1, clock)) for clock in range(MANY))]
    gone = deletions(1, (0, 9))
    assert not inspect_update(update(*run, deletions=gone), ACCEPTED).chunks
    keys = [in_root(8, NULL, key=str(number)) for number in range(MANY)]
    assert not inspect_update(update(*keys), ACCEPTED).chunks


def test_what_was_accepted_once_is_left_whole() -> None:
    assert not inspect_update(update(*[in_root(8, NULL, key=None)] * MANY), REPLAYED).chunks


@pytest.mark.parametrize(
    "costly",
    [
        update(*(after(8, NULL, (1, clock)) for clock in range(MANY)), client=2),
        update(*[before(8, NULL, (1, 0))] * MANY, client=2),
        update(*[in_root(8, NULL, key=None)] * MANY, client=2),
        update(*[in_root(8, NULL, key="k")] * MANY, client=2),
        b"\x00" + deletions(1, *((clock, 1) for clock in range(0, MANY, 2))),
        # Part of it waits.
        update(*[in_root(8, NULL, key=None)] * MANY, after(8, NULL, (9, 0)), client=2),
    ],
)
def test_an_update_that_takes_too_long_is_stopped(costly: bytes) -> None:
    document = Document()
    document.apply(update(in_root(4, var_uint(MANY) + b"x" * MANY, key=None)))
    clock = count()
    document.measure_by(lambda: float(next(clock)))
    with pytest.raises(DocumentPoisoned, match=r"takes more than 0\.3 s"):
        document.apply(costly, ACCEPTED)
    document.measure_by(lambda: 0.0)
    document.apply(costly, ACCEPTED)


def test_what_waited_is_stopped_too() -> None:
    document = Document()
    early = [in_root(8, NULL, key=None)] * MANY
    document.apply(update(*early, client=2, clock=1), ACCEPTED)
    clock = count()
    document.measure_by(lambda: float(next(clock)))
    with pytest.raises(DocumentPoisoned, match="takes more than"):
        document.apply(update(in_root(8, NULL, key=None), client=2), ACCEPTED)


def test_what_cannot_be_decoded_leaves_nothing_behind() -> None:
    no_json = in_root(5, b"\x01{", key=None)
    document = Document()
    garbled = update(*[in_root(8, NULL, key=None)] * MANY, no_json)
    with pytest.raises(MalformedUpdate, match="cannot be decoded"):
        document.apply(garbled, ACCEPTED)
    assert document.state_vector() == b"\x00"
