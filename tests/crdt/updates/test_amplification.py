"""What costs the library much more than it looks is refused before the library sees it."""

import random

import pytest
from pycrdt import Doc, Text

from crdt.errors import MessageTooBig
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED, REPLAYED
from tests.crdt.raw_updates import after, deletions, in_root, update, value

NULL = value(b"\x7e")
LETTER = b"\x01a"


def run(kind: int, content: bytes, count: int, last: bytes = b"\x00") -> bytes:
    """Structs of one element, each right behind the one before."""
    structs = [in_root(kind, content, key=None)]
    structs += [after(kind, content, (1, clock)) for clock in range(count - 1)]
    return update(*structs, deletions=last)


def long_text(length: int) -> bytes:
    return in_root(4, length.to_bytes(1) + b"x" * length, key=None)


@pytest.mark.parametrize(
    ("kind", "content", "few", "many"), [(8, NULL, 2_000, 3_000), (4, LETTER, 4_000, 6_000)]
)
def test_runs_that_no_honest_client_leaves_unjoined(
    kind: int, content: bytes, few: int, many: int
) -> None:
    inspect_update(run(kind, content, few), ACCEPTED)
    inspect_update(run(kind, content, many), REPLAYED)
    with pytest.raises(MessageTooBig, match="not joined"):
        inspect_update(run(kind, content, many), ACCEPTED)


def test_every_second_one_deleted_is_how_an_undone_text_looks() -> None:
    gone = deletions(1, *((clock, 1) for clock in range(0, 6_000, 2)))
    inspect_update(run(4, LETTER, 6_000, gone), ACCEPTED)


def test_content_that_is_not_copied_may_come_in_runs() -> None:
    inspect_update(run(7, b"\x01", 20_000), ACCEPTED)
    inspect_update(update(*[in_root(8, NULL, key=None)] * 20_000), ACCEPTED)


def test_many_known_deletions_are_what_a_client_of_an_old_document_answers() -> None:
    inspect_update(
        b"\x00" + deletions(9, *((clock, 1) for clock in range(0, 200_000, 2))), ACCEPTED
    )


def test_an_honest_history_costs_nothing() -> None:
    """A text of many insertions and deletions, sent as one update."""
    rng, doc = random.Random(5), Doc(client_id=1)
    text = doc.get("text", type=Text)
    for _ in range(3_000):
        at = rng.randrange(len(text) + 1)
        text.insert(at, "word ")
        if len(text) > 50 and rng.random() < 0.4:
            at = rng.randrange(len(text) - 20)
            del text[at : at + 7]
    inspect_update(doc.get_update(), ACCEPTED)
