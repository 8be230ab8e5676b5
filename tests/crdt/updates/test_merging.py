"""Updates merged into one make the same of any document as they did one by one."""

from itertools import pairwise
from random import Random
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.errors import MalformedUpdate
from crdt.updates.delete_set import merge_ranges
from crdt.updates.format import read_deletions, read_update
from crdt.updates.merging import merge_in_order
from crdt.updates.state_vector import read_state_vector
from crdt.validation.reading import read_pipeline
from tests.convergence.edits import Author, first_draft
from tests.crdt.raw_updates import in_root, update, value
from tests.rounds import SEED, rounds

ONE = value(b"\x7d\x01")


def typed(count: int, letters: str = "a") -> list[bytes]:
    """The updates of somebody who types so many letters, after one that makes the text."""
    doc: Doc[Any] = Doc(client_id=7)
    updates: list[bytes] = []
    doc.observe(lambda event: updates.append(event.update))
    notes: Map[Any] = doc.get("notes", type=Map)
    notes["a"] = text = Text()
    for place in range(count):
        text += letters[place % len(letters)]
    return updates


def shown(updates: list[bytes]) -> object:
    document = Document()
    for each in updates:
        document.apply(each)
    return str(document.doc.get("notes", type=Map)), document.state_vector()


@pytest.mark.parametrize("letters", ["a", "aé織😀"])
def test_what_was_typed_becomes_one_struct(letters: str) -> None:
    made, *keys = typed(40, letters)
    merged = merge_in_order(keys)
    assert merged is not None
    ((struct,),) = read_update(merged)[0].values()
    assert struct.length == sum(
        len(letters[n % len(letters)].encode("utf-16-le")) // 2 for n in range(40)
    )
    assert len(merged) < sum(map(len, keys)) / 3
    assert shown([made, merged]) == shown([made, *keys])


def test_text_typed_elsewhere_in_between_stays_apart() -> None:
    doc: Doc[Any] = Doc(client_id=7)
    updates: list[bytes] = []
    notes: Map[Any] = doc.get("notes", type=Map)
    notes["a"] = text = Text("seed")
    before = doc.get_update()
    doc.observe(lambda event: updates.append(event.update))
    for place in (4, 0, 1, 6, 3):
        text.insert(place, "x")
    merged = merge_in_order(updates)
    assert merged is not None
    assert shown([before, merged]) == shown([before, *updates])


def test_an_update_that_was_sent_twice_is_there_once() -> None:
    first, second = typed(1)
    assert merge_in_order([first, second, second, first]) == merge_in_order([first, second])


def test_a_gap_cannot_be_written_into_one_update() -> None:
    first, _, third = typed(2)
    assert merge_in_order([first, third]) is None


def test_part_of_a_struct_cannot_be_repeated() -> None:
    long = update(in_root(8, b"\x02\x7d\x01\x7d\x02", key=None))
    short = update(in_root(8, ONE, key=None))
    assert merge_in_order([short, long]) is None
    assert merge_in_order([long, short]) is not None


def test_what_is_no_update_is_refused() -> None:
    with pytest.raises(MalformedUpdate):
        merge_in_order([typed(1)[0], b"\xff"])


@pytest.mark.parametrize("number", range(rounds(200, few=6)))
def test_any_history_of_several_people_is_the_same_merged(number: int) -> None:
    print(f"seed {SEED}, history {number}")
    rng = Random(SEED * 1000 + number)
    updates = history(rng)
    cuts = sorted({0, len(updates), *rng.choices(range(len(updates)), k=6)})
    one, other = Document(), Document()
    for start, stop in pairwise(cuts):
        group = updates[start:stop]
        merged = merge_in_order(group)
        for each in group:
            one.apply(each)
        for each in group if merged is None else [merged]:
            other.apply(each)
        assert content(one) == content(other)
        assert bool(one.waiting()) == bool(other.waiting())


def content(document: Document) -> object:
    """What a document shows, has and has deleted."""
    deleted = read_deletions(document.encode())
    return (
        read_pipeline(PipelineReader(document)),
        read_state_vector(document.state_vector()),
        {client: merge_ranges(ranges) for client, ranges in deleted.items()},
    )


def history(rng: Random) -> list[bytes]:
    """Updates of three people, who learn of each other's now and then, in an order of arrival."""
    updates = [seed(Document(), first_draft())]
    people = [(Doc(client_id=rng.getrandbits(31)), Author(rng)) for _ in range(3)]
    for doc, _ in people:
        doc.apply_update(updates[0])
    seen = [1] * len(people)
    for _ in range(40):
        who = rng.randrange(len(people))
        doc, author = people[who]
        if rng.random() < 0.4:
            for each in updates[seen[who] :]:
                doc.apply_update(each)
            seen[who] = len(updates)
        before = doc.get_state()
        author.edit(doc)
        updates.append(doc.get_update(before))
    return updates
