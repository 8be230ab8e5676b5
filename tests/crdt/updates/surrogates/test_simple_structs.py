"""The expression matches nothing but whole structs of one element, and most of those."""

from random import Random

import pytest

from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.protocol.lib0 import var_string
from crdt.updates.format import read_structs
from crdt.updates.surrogates.simple_structs import SIMPLE_STRUCT
from tests.crdt.histories import History
from tests.crdt.pipelines import any_pipeline
from tests.crdt.raw_updates import Y_MAP, after, before, in_root, in_type, update, value


def matched(source: bytes) -> tuple[int, int]:
    """How many of the structs of an update match, and of how many; each match is whole."""
    count = every = 0
    for struct in (struct for found in read_structs(source).values() for struct in found):
        every += 1
        if found := SIMPLE_STRUCT.match(source, struct.start):
            assert (found.end(), 1) == (struct.stop, struct.length)
            count += 1
    return count, every


@pytest.mark.parametrize("seed_", range(20))
def test_most_structs_of_a_pipeline_match(seed_: int) -> None:
    document = Document()
    count, every = matched(seed(document, any_pipeline(Random(seed_), most=11)))
    assert count > every * 0.6 or every < 30, f"seed {seed_}"


@pytest.mark.parametrize("seed_", range(20))
def test_what_matches_is_a_whole_struct(seed_: int) -> None:
    for each in History(seed_).updates:
        matched(each)


OBJECT = b"\x76\x02\x01x\x7d\xbf\xff\x01\x01y\x7c" + b"\x00" * 4


@pytest.mark.parametrize(
    "struct",
    [
        in_root(7, Y_MAP),
        in_type(8, value(b"\x77" + var_string("織" * 13)), (2**40, 300)),
        in_type(8, value(b"\x7b" + b"\xff" * 8), (1, 2), key=None),
        after(8, value(b"\x7e"), (2**50, 2**30)),
        before(8, value(OBJECT), (1, 2)),
        bytes((0xE7,)) + b"\x01\x02\x03\x04" + Y_MAP,
    ],
)
def test_these_match(struct: bytes) -> None:
    assert matched(update(struct, client=9, clock=3)) == (1, 1)


@pytest.mark.parametrize(
    "struct",
    [
        b"\x00\x05",
        in_root(7, b"\x03" + var_string("p")),
        in_root(8, b"\x02\x7e\x7e"),
        in_root(8, value(b"\x75\x01\x7e")),
        in_root(8, value(b"\x77" + var_string("x" * 41))),
        in_root(4, var_string("x")),
        in_root(1, b"\x01"),
    ],
)
def test_these_are_read_in_the_ordinary_way(struct: bytes) -> None:
    assert matched(update(struct, client=9, clock=3)) == (0, 1)
