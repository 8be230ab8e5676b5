"""A document makes of a cut between the halves of a character what Yjs makes of it.

tests/interop/test_surrogates.py compares it with Yjs itself.
"""

import gc
import weakref

import pytest
from pycrdt import Text

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, root_map, seed
from crdt.document.text_edits import write_text
from crdt.errors import MalformedUpdate
from crdt.pipeline.model import Pipeline, PipelineSettings, Step
from crdt.protocol.lib0 import var_string
from crdt.updates.limits import ACCEPTED
from crdt.updates.state_vector import read_state_vector, write_state_vector
from crdt.updates.surrogates.pairs import pairs_in
from tests.crdt.entries import key
from tests.crdt.raw_updates import Y_MAP, after, before, deletions, in_root, in_type, update

TWO = "\N{REPLACEMENT CHARACTER}" * 2
THEM = 7


def text(content: str, clock: int = 0) -> bytes:
    return update(in_root(4, var_string(content), root="t", key=None), client=THEM, clock=clock)


def inserted(at: int, content: str = "X", client: int = 8) -> bytes:
    """An insertion before an element of the text."""
    return update(before(4, var_string(content), (THEM, at)), client=client)


def deleted(*ranges: tuple[int, int]) -> bytes:
    return b"\x00" + deletions(THEM, *ranges)


def shown(document: Document) -> str:
    """What the text says, here and to whoever loads the document."""
    copy = Document()
    copy.load(document.encode())
    texts = {str(each.doc.get("t", type=Text)) for each in (document, copy)}
    (one,) = texts
    return one


def holding(*updates: bytes) -> Document:
    document = Document(client_id=1)
    for each in updates:
        document.apply(each, ACCEPTED)
    return document


@pytest.mark.parametrize(
    ("cut", "expected"),
    [
        (inserted(2), "a\ufffdX\ufffdb"),
        (update(after(4, var_string("X"), (THEM, 1)), client=8), f"a{TWO}bX"),
        (deleted((2, 1)), "a\ufffdb"),
        (deleted((0, 2)), "\ufffdb"),
        (inserted(1), "aX😀b"),
        (deleted((1, 2)), "ab"),
        (update(before(6, var_string("b") + var_string("true"), (THEM, 2)), client=8), f"a{TWO}b"),
    ],
)
def test_both_halves_of_a_cut_pair_become_replacement_characters(cut: bytes, expected: str) -> None:
    document = holding(text("a😀b"))
    assert document.apply(cut, ACCEPTED)
    assert shown(document) == expected


def test_a_pair_is_cut_in_the_update_that_brings_it() -> None:
    whole = update(
        in_root(4, var_string("a😀b"), root="t", key=None),
        after(4, var_string("X"), (THEM, 1)),
        client=THEM,
    )
    document = holding(whole)
    assert (shown(document), document.generation) == ("a\ufffdX\ufffdb", 0)


def test_a_pair_of_which_one_half_is_here_is_cut() -> None:
    document = holding(text("a\ufffd"))
    document.apply(text("a😀b"), ACCEPTED)
    assert shown(document) == "a\ufffd\ufffdb"


def test_pending_structs_cut_when_they_are_released() -> None:
    assert shown(holding(inserted(2), deleted((5, 1)), text("a😀b😀"))) == "a\ufffdX\ufffdb\ufffd"


def test_pending_structs_may_cut_each_other() -> None:
    # The client's own first struct is what both wait for.
    first = update(in_root(4, var_string("-"), root="t", key=None), client=THEM)
    pair = update(after(4, var_string("😀"), (THEM, 0)), client=THEM, clock=1)
    document = holding(pair, inserted(2), first)
    assert shown(document) == "-\ufffdX\ufffd"


def test_many_cuts_replace_the_document_once() -> None:
    document = holding(text("😀" * 200))
    document.apply(deleted(*((at, 1) for at in range(0, 400, 2))), ACCEPTED)
    assert (shown(document), document.generation) == ("\ufffd" * 200, 1)


def test_an_edit_of_our_own_releases_what_cuts() -> None:
    document, twin = Document(client_id=THEM), Document(client_id=THEM)
    for each in (document, twin):
        with each.transact() as updates:
            each.doc.get("t", type=Text).insert(0, "a😀b")
    with twin.transact():
        twin.doc.get("t", type=Text).insert(0, "-")
    late = update(
        before(4, var_string("X"), (THEM, 2)), before(4, var_string("Y"), (THEM, 4)), client=8
    )
    assert document.apply(late, ACCEPTED)
    with document.transact() as updates:
        document.doc.get("t", type=Text).insert(0, "-")
    assert updates
    assert shown(document) == "Y-a\ufffdX\ufffdb"


def test_our_own_texts_can_be_cut() -> None:
    document = Document(client_id=THEM)
    with document.transact():
        document.doc.get("t", type=Text).insert(0, "a😀b")
    document.apply(inserted(2), ACCEPTED)
    assert shown(document) == "a\ufffdX\ufffdb"


def test_our_edits_beside_and_of_emoji_cut_nothing() -> None:
    document, peer = holding(text("a😀b😀")), holding(text("a😀b😀"))
    for wanted in ("a😀, b😀", "a😁, b", "👩\u200d👧a😁b", ""):
        with document.transact() as updates:
            write_text(document.doc.get("t", type=Text), wanted)
        for each in updates:
            peer.apply(each, ACCEPTED)
        assert shown(document) == shown(peer) == wanted
    assert (document.generation, peer.generation) == (0, 0)


def test_a_replaced_document_goes_on_under_its_client_id() -> None:
    document = holding(text("a😀b"), inserted(2))
    with document.transact() as updates:
        document.doc.get("t", type=Text).insert(0, "-")
    assert read_state_vector(document.state_vector()) == {1: 1, THEM: 4, 8: 1}
    assert len(updates) == 1
    peer = holding(text("a😀b"), inserted(2), *updates)
    assert shown(peer) == shown(document) == "-a\ufffdX\ufffdb"


def test_an_update_that_is_refused_leaves_the_pair() -> None:
    document = holding(text("a😀b"))
    before, doc = document.encode(), document.doc
    nowhere = update(in_type(7, Y_MAP, (THEM, 0)), client=8, deletions=deletions(THEM, (2, 1)))
    with pytest.raises(MalformedUpdate):
        document.apply(nowhere, ACCEPTED)
    assert (document.encode(), document.generation) == (before, 0)
    assert document.doc is doc
    document.apply(inserted(2), ACCEPTED)
    assert shown(document) == "a\ufffdX\ufffdb"


def test_a_pair_that_went_with_its_map_is_no_reason_to_replace_the_document() -> None:
    inner = update(
        in_root(7, b"\x02", root="m"),
        in_type(4, var_string("a😀b"), (THEM, 0), key=None),
        client=THEM,
    )
    document = holding(inner)
    # Nobody says that the text is deleted: it is so because its map's key has another value.
    document.apply(update(after(8, b"\x01\x7e", (THEM, 0)), client=9), ACCEPTED)
    document.apply(update(before(4, var_string("X"), (THEM, 3)), client=8), ACCEPTED)
    assert document.generation == 0


def test_a_replaced_library_document_is_freed() -> None:
    document = holding(text("a😀b"))
    old = weakref.ref(document.doc)
    document.apply(inserted(2), ACCEPTED)
    gc.collect()
    assert old() is None


def test_a_diff_for_a_peer_with_half_a_pair_has_both() -> None:
    document = holding(text("a😀b"))
    peer = holding(text("a\ufffd"))
    peer.apply(document.diff(write_state_vector({THEM: 2})), ACCEPTED)
    assert shown(peer) == "a\ufffd\ufffdb"


@pytest.mark.parametrize("kind", [5, 6])
def test_half_a_character_in_json_is_taken(kind: int) -> None:
    name = var_string("b") if kind == 6 else b""
    document = holding(text("ab"))
    json = r'{"a":"\ud83d"}'
    assert document.apply(
        update(before(kind, name + var_string(json), (THEM, 1)), client=8), ACCEPTED
    )
    (*_, (_, marks)) = document.doc.get("t", type=Text).diff()
    assert kind == 5 or marks == {"b": {"a": "\ufffd"}}


def test_a_reader_follows_the_document_and_knows_what_was_replaced() -> None:
    document = Document(client_id=THEM)
    steps = {key(n): Step(key(n), f"s{n}", "claude", config={"prompt": "a😀b"}) for n in range(3)}
    seed(document, Pipeline(PipelineSettings("p", description="😀"), steps))
    reader = PipelineReader(document)
    document.apply(deleted((low_of_prompt(document, key(1)), 1)), ACCEPTED)
    assert document.generation == 1
    touched = reader.take_touched()
    assert (touched.settings, touched.steps) == (False, {key(1)})
    step = reader.step(key(1))
    assert isinstance(step, dict)
    assert step["config"] == {"prompt": "a\ufffdb"}
    with document.transact():
        root_map(document, "steps")[key(2)]["name"] = "other"
    assert reader.take_touched().steps == {key(2)}


def low_of_prompt(document: Document, step: str) -> int:
    """Find the low half of a prompt's emoji, by trying with copies."""
    for low in pairs_in(document.encode())[THEM]:
        copy = Document()
        copy.load(document.encode())
        copy.apply(deleted((low, 1)), ACCEPTED)
        if "\ufffd" in str(root_map(copy, "steps")[step]):
            return low
    raise AssertionError("expected an emoji in the prompt")
