"""What stands in for lost elements, is taken out of what clients send back, and costs."""

import pytest
from pycrdt import Map, Text

from crdt.document.document import Document
from crdt.updates.format import read_deletions, read_structs, read_update
from crdt.updates.stand_in import LOST_ROOT, MOST_ELEMENTS, StandIn
from tests.crdt.raw_updates import in_root, update, value


def edits(client: int, count: int, onto: Document | None = None) -> tuple[Document, list[bytes]]:
    """A document in which a client has written letters, and its updates."""
    document = Document(client)
    if onto is not None:
        document.apply(onto.encode())
    updates: list[bytes] = []
    for number in range(count):
        with document.transact() as made:
            text(document).insert(len(text(document)), "abcdefgh"[number] * 2)
        updates += made
    return document, updates


def text(document: Document) -> Text:
    return document.doc.get("text", type=Text)


def damaged(updates: list[bytes]) -> Document:
    document = Document()
    for each in updates:
        document.apply(each)
    document.stand_in_for_lost()
    return document


def test_what_has_a_lost_neighbour_has_no_place_and_what_has_none_is_seen() -> None:
    author, updates = edits(1, 4)
    with author.transact() as made:
        author.doc.get("map", type=Map)["later"] = 1
    document = damaged([updates[0], *updates[2:], *made])
    assert str(text(document)) == "aa"
    assert document.doc.get("map", type=Map).to_py() == {"later": 1}
    assert document.waiting() == []


def test_others_who_only_build_on_what_is_lost_show_how_long_it_is() -> None:
    author, updates = edits(1, 3)
    other, [*_, on_lost] = edits(2, 1, onto=author)
    with other.transact() as made:
        other.doc.get("map", type=Map)["later"] = 1
    document = damaged([updates[0], on_lost, *made])
    assert document.doc.get("map", type=Map).to_py() == {"later": 1}
    assert document.clock_of(1) == 6


def test_nothing_that_is_filled_counts_as_deleted() -> None:
    _, updates = edits(1, 4)
    document = damaged([updates[0], *updates[2:]])
    assert read_deletions(document.encode()) == {}


def test_a_peer_is_asked_for_what_is_lost_and_what_it_was_sent_is_taken_out() -> None:
    author, updates = edits(1, 4)
    document = damaged([updates[0], *updates[2:]])
    answer = author.diff(document.wanted_from())
    assert document.is_mended_by(answer)
    assert document.without_stand_in(answer) == answer
    other = Document(3)
    other.apply(document.encode())
    with other.transact():
        text(other).insert(0, "x")
    answer = other.diff(document.wanted_from())
    assert not document.is_mended_by(answer)
    assert read_structs(document.without_stand_in(answer)).keys() == {3}


def test_also_the_rest_of_a_part_that_somebody_has_deleted_is_taken_out() -> None:
    _, updates = edits(1, 4)
    document = damaged([updates[0], *updates[2:]])
    other = Document(3)
    other.apply(document.encode())
    # As one who has the lost letters deletes the first of them.
    deletion = b"\x00\x01\x01\x01\x02\x01"
    other.apply(deletion)
    answer = other.diff(document.wanted_from())
    assert not document.is_mended_by(answer)
    assert read_update(document.without_stand_in(answer)) == ({}, {1: [(2, 1)]})


@pytest.mark.parametrize(("clock", "is_filled"), [(MOST_ELEMENTS, True), (2**31, False)])
def test_no_more_is_filled_than_a_server_can_bear(clock: int, is_filled: bool) -> None:
    far = update(in_root(8, value(b"\x7d\x01"), root="map"), clock=clock)
    document = damaged([far])
    assert bool(document.waiting()) is not is_filled
    assert not document.lacks_stand_in


def test_a_later_gap_is_filled_when_it_is_asked_for_again() -> None:
    author, updates = edits(1, 3)
    document = damaged([updates[0]])
    assert (document.is_damaged, document.lacks_stand_in) == (True, False)
    with author.transact() as made:
        author.doc.get("map", type=Map)["later"] = 1
    document.apply(made[0])
    assert document.lacks_stand_in
    document.stand_in_for_lost()
    assert document.doc.get("map", type=Map).to_py() == {"later": 1}


def test_whole_documents_are_not_changed() -> None:
    _, updates = edits(1, 2)
    document = Document()
    document.apply(updates[0])
    assert not document.is_mended_by(updates[1])
    assert document.without_stand_in(updates[1]) == updates[1]
    assert document.wanted_from() == document.state_vector()


def test_each_part_has_a_root_of_its_own() -> None:
    filled = StandIn().fill({1: [(0, 2), (5, 1)]})
    roots = [f"{LOST_ROOT}:1:{clock}".encode() for clock in (0, 5)]
    assert [root in each for root, each in zip(roots, filled, strict=True)] == [True, True]
