import random

import pytest
from pycrdt import Doc, Map, Text

from crdt.document.document import Document
from crdt.document.text_edits import MAX_COMPARED, is_only_text, replacements, write_text
from tests.rounds import some

WORDS = ["warp", "weft", "é", "😀", "織機", " ", "\n", "{{steps.a}}", "e\u0301", "\0"]


def shared(written: str) -> Text:
    doc: Doc[Text] = Doc()
    doc["text"] = Text(written)
    return doc["text"]


def changed(written: str, wanted: str) -> str:
    text = shared(written)
    write_text(text, wanted)
    return str(text)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("", ""),
        ("", "a"),
        ("a", ""),
        ("aa", "a"),
        ("a", "aa"),
        ("aba", "a"),
        ("é", "è"),
        ("😀", "😁"),
    ],
)
def test_the_text_says_what_is_wanted(written: str, wanted: str) -> None:
    assert changed(written, wanted) == wanted


@pytest.mark.parametrize("seed", some(range(200), few=40))
def test_any_text_becomes_any_other(seed: int) -> None:
    rng = random.Random(seed)
    written, wanted = ("".join(rng.choices(WORDS, k=rng.randint(0, 12))) for _ in range(2))
    assert changed(written, wanted) == wanted, f"seed {seed}"


def test_only_the_words_that_differ_are_touched() -> None:
    found = [*replacements("the red fox and the old dog", "the blue fox and the young dog")]
    assert found == [(4, 7, "blue"), (20, 23, "young")]


def test_nothing_is_touched_in_an_equal_text() -> None:
    assert [*replacements("same", "same")] == []


def test_long_texts_are_compared_by_their_ends_alone() -> None:
    middle = " ".join(str(n) for n in range(MAX_COMPARED))
    (found,) = replacements(f"a {middle} z", f"a {middle[::-1]} z")
    assert found.start >= 2
    assert changed(f"a {middle} z", f"a {middle[::-1]} z") == f"a {middle[::-1]} z"


def test_what_somebody_types_meanwhile_survives() -> None:
    here, there = Document(1), Document(2)
    root: Map[Text] = here.doc.get("m", type=Map)
    with here.transact():
        root["t"] = Text("weave the warp")
    there.load(here.encode())
    with there.transact() as typed:
        there.doc.get("m", type=Map)["t"].insert(5, " 織")
    with here.transact():
        write_text(root["t"], "weave the weft")
    here.apply(typed[0])
    assert str(root["t"]) == "weave 織 the weft"


def test_a_text_with_a_picture_in_it_is_not_only_text() -> None:
    text = shared("é")
    assert is_only_text(text)
    text.insert_embed(0, {"image": "x"})
    assert not is_only_text(text)
