"""A copy of a document that takes its place, with an update that was merged into it elsewhere."""

import pickle
from collections.abc import Callable

import pytest
from pycrdt import Map, Text

from crdt.document.document import DEAR_CHUNKS, Document, Merged
from crdt.document.replacement import SIZE, Copy, Replacement, merge
from crdt.errors import MalformedUpdate
from crdt.updates.depth import DepthWithin
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED, FOLLOWED, REPLAYED
from crdt.updates.state_vector import read_state_vector

WORDS = 700


def edited(document: Document, edit: Callable[["Map[object]"], None]) -> bytes:
    """Edit the root map of a document in one transaction; return the update."""
    with document.transact() as updates:
        edit(document.doc.get("pipeline", type=Map))
    return updates[0]


def write(root: "Map[object]") -> None:
    root["text"] = Text("word " * WORDS)


def replace(root: "Map[object]") -> None:
    """Put another word in the place of each, from the last to the first."""
    text = root["text"]
    assert isinstance(text, Text)
    for place in reversed(range(0, 5 * WORDS, 5)):
        del text[place : place + 4]
        text.insert(place, "Wort")


def text_of(document: Document) -> str:
    root: Map[object] = document.doc.get("pipeline", type=Map)
    return str(root["text"])


def set_name(name: str) -> Callable[["Map[object]"], None]:
    return lambda root: root.__setitem__("name", name)


def copy_of(update: bytes) -> Document:
    copy = Document()
    copy.apply(update)
    return copy


@pytest.fixture
def seed() -> bytes:
    return edited(Document(client_id=1), write)


@pytest.fixture
def document(seed: bytes) -> Document:
    document = Document(client_id=9)
    document.apply(seed)
    return document


@pytest.fixture
def dear(seed: bytes) -> Inspection:
    return inspect_update(edited(copy_of(seed), replace), ACCEPTED)


def merged(document: Document, found: Inspection) -> Merged:
    """Merge an update into a copy, which is sent to another process and back."""
    copy = pickle.loads(pickle.dumps(Copy.of(document, found.update)))
    outcome = pickle.loads(pickle.dumps(merge(copy)))
    assert isinstance(outcome, Merged)
    return outcome


def test_many_places_are_dear_and_few_are_not(document: Document, dear: Inspection) -> None:
    assert len(dear.chunks) >= DEAR_CHUNKS
    assert document.is_dear(dear, ACCEPTED)
    assert document.is_dear(inspect_update(dear.update, FOLLOWED), FOLLOWED)
    few = inspect_update(edited(copy_of(document.encode()), set_name("Loom")), ACCEPTED)
    assert not document.is_dear(few, ACCEPTED)


def test_what_touches_a_small_part_of_a_document_is_not_dear(
    document: Document, dear: Inspection
) -> None:
    others = Document(client_id=5)
    size = (len(dear.chunks) // DEAR_CHUNKS + 1) * document.clock_of(1)
    document.apply(edited(others, lambda root: root.__setitem__("other", Text("x" * size))))
    assert not document.is_dear(dear, ACCEPTED)


def test_what_must_be_taken_apart_is_dear_unless_it_is_refused(dear: Inspection) -> None:
    empty = Document()
    parts = dear._replace(parts=2_000)
    assert empty.is_dear(parts, ACCEPTED)
    assert not empty.is_dear(parts._replace(parts=1_999), ACCEPTED)
    assert not empty.is_dear(parts._replace(parts=ACCEPTED.pending_parts + 1), ACCEPTED)


def test_a_damaged_document_has_nothing_merged_elsewhere(
    document: Document, dear: Inspection
) -> None:
    document.stand_in_for_lost()
    assert not document.is_dear(dear, ACCEPTED)


def new_from(document: Document, found: Inspection) -> Document:
    *_, replacement = document.new_from(merged(document, found))
    return replacement


def test_a_copy_is_large_whatever_its_bytes(document: Document) -> None:
    assert Copy.of(document, b"").size == SIZE


def test_the_replacement_has_the_update_and_what_was_written_meanwhile(
    document: Document, dear: Inspection
) -> None:
    observed = document.version
    with document.recorded() as recorded:
        outcome = merged(document, dear)
        other = edited(copy_of(document.encode()), set_name("Loom"))
        assert document.apply(other)
        own = edited(document, lambda root: root.__setitem__("status", "active"))
    *_, loaded = document.new_from(outcome)
    replacement = Replacement(document, loaded, recorded)
    assert [each.update for each in recorded] == [other, own]
    replacement.catch_up(1)
    assert [each.update for each in recorded] == [own]
    replacement.take_place(dear, ACCEPTED)

    expected = Document()
    for each in (document.encode(), other, own, dear.update):
        expected.apply(each)
    assert text_of(document) == "Wort " * WORDS == text_of(expected)
    # The library writes the clients in any order.
    states = [read_state_vector(each.state_vector()) for each in (expected, document)]
    assert states[0] == states[1]
    assert not document.apply(dear.update)
    assert (document.generation, document.version > observed) == (1, True)


def test_a_replaced_document_goes_on_as_before(document: Document, dear: Inspection) -> None:
    edited(document, set_name("Loom"))
    document.replace_with(new_from(document, dear), dear, ACCEPTED)
    version = document.version
    update = edited(document, set_name("Warp"))
    assert document.version == version + 1
    assert document.doc.client_id == 9
    assert document.clock_of(9) == 2
    late = Document()
    late.apply(document.encode())
    assert late.contains(update) or not late.apply(update)
    assert document.apply(edited(copy_of(document.encode()), set_name("Weft")))


def test_an_update_that_is_here_already_replaces_nothing(
    document: Document, dear: Inspection
) -> None:
    document.apply(dear)
    assert merge(Copy.of(document, dear.update)) is None


def test_what_waits_goes_along(seed: bytes, dear: Inspection) -> None:
    document = Document()
    name = edited(author := Document(client_id=5), set_name("Loom"))
    late = edited(author, set_name("Warp"))
    document.apply(late)
    document.replace_with(new_from(document, dear), dear, ACCEPTED)
    assert document.waiting()
    document.apply(seed)
    assert text_of(document) == "Wort " * WORDS
    document.apply(name)
    assert not document.waiting()
    root: Map[object] = document.doc.get("pipeline", type=Map)
    assert root["name"] == "Warp"


def test_pairs_are_known_to_the_replacement(document: Document, dear: Inspection) -> None:
    edited(document, lambda root: root.__setitem__("emoji", Text("a😀b")))
    document.replace_with(new_from(document, dear), dear, ACCEPTED)
    (client, lows), *_ = merged(document, dear_again(document)).pairs._lows.items()
    assert (client, len(lows)) == (9, 1)


def dear_again(document: Document) -> Inspection:
    return inspect_update(edited(copy_of(document.encode()), replace), ACCEPTED)


def test_what_nests_too_deep_leaves_the_document_alone(
    document: Document, dear: Inspection
) -> None:
    replacement, before = new_from(document, dear), document.doc
    deep = dear._replace(types=1, depth=DepthWithin(ACCEPTED.depth + 1, 0))

    def raise_error() -> None:
        raise MalformedUpdate("deep")

    document.all_structs = raise_error  # type: ignore[method-assign,assignment]
    document._depth_guard._read = raise_error  # type: ignore[assignment]
    with pytest.raises(MalformedUpdate):
        document.replace_with(replacement, deep, ACCEPTED)
    assert (document.doc, document.generation) == (before, 0)
    assert document.apply(edited(copy_of(document.encode()), set_name("Loom")), REPLAYED)
