"""Pairs are found where they stand, and replaced without a change to anything else."""

from random import Random

import pytest

from crdt.protocol.lib0 import var_string, var_uint
from crdt.updates.format import read_update
from crdt.updates.surrogates.pairs import NO_PAIRS, pairs_in, replace_pairs
from tests.crdt.raw_updates import (
    Y_TEXT,
    after,
    before,
    deletions,
    in_root,
    in_type,
    update,
    value,
)

TWO = "\N{REPLACEMENT CHARACTER}" * 2


def text(content: str, clock: int = 0, client: int = 1) -> bytes:
    """A text at the beginning of a root type."""
    return update(in_root(4, var_string(content), key=None), client=client, clock=clock)


def lows(update: bytes) -> dict[int, list[int]]:
    return {client: list(clocks) for client, clocks in pairs_in(update).items()}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a", []),
        ("aé織", []),
        ("😀", [11]),
        ("a😀b", [12]),
        ("😀😁", [11, 13]),
        ("é織😀a👩\u200d👧", [13, 16, 19]),
    ],
)
def test_the_low_half_of_each_pair_is_found(content: str, found: list[int]) -> None:
    assert lows(text(content, clock=10)) == ({1: found} if found else {})


EVERY_KIND = update(
    b"\x00\x05",  # collected
    in_root(7, Y_TEXT, key="😀"),
    in_root(7, b"\x03" + var_string("😀"), key=None),
    in_type(4, var_string("織😀"), (1, 5), key=None),
    after(8, value(b"\x77" + var_string("😀")), (1, 8)),
    before(5, var_string('{"a":"😀"}'), (1, 8)),
    bytes((0xC6,)) + b"\x01\x08\x01\x07" + var_string("😀") + var_string('"😀"'),
    after(1, var_uint(300), (1, 8)),
    b"\x0a\x05",  # skipped
    after(3, b"\x04\xf0\x9f\x98\x80", (1, 8)),
    after(4, var_string("a😁"), (1, 8)),
    deletions=deletions(2**40 + 0xF0, (0, 3)),
)
"""Structs of every kind; in some, the bytes of a pair are no text."""


def test_only_texts_hold_pairs() -> None:
    assert lows(EVERY_KIND) == {1: [9, 321]}


def test_an_update_of_several_clients_has_the_pairs_of_each() -> None:
    one, other = text("😀", client=300), text("a😁", client=2**40)
    both = b"\x02" + one[1:-1] + other[1:]
    assert lows(both) == {300: [1], 2**40: [2]}


def test_an_update_without_pairs_has_none() -> None:
    assert pairs_in(text("é織")) is NO_PAIRS
    assert pairs_in(b"\x00\x00") is NO_PAIRS


def test_a_client_id_may_look_like_a_pair() -> None:
    client = 0x10000070
    assert b"\xf0\x80\x80\x80" in var_uint(client)
    assert lows(text("abc", client=client)) == {}


def test_pairs_that_are_cut_become_two_replacement_characters() -> None:
    source = text("a😀b😁", clock=10)
    assert replace_pairs(source, {1: [12]}) == text(f"a{TWO}b😁", clock=10)
    assert replace_pairs(source, {1: [12, 15]}) == text(f"a{TWO}b{TWO}", clock=10)


def test_a_text_that_grows_gets_a_longer_length() -> None:
    source = text("x" * 125 + "😀")
    assert replace_pairs(source, {1: [126]}) == text("x" * 125 + TWO)


def test_nothing_else_is_touched() -> None:
    mended = replace_pairs(EVERY_KIND, {1: [9, 321]})
    assert mended == EVERY_KIND.replace(var_string("織😀"), var_string(f"織{TWO}")).replace(
        var_string("a😁"), var_string(f"a{TWO}")
    )
    (structs, deleted), (before, deleted_before) = read_update(mended), read_update(EVERY_KIND)
    assert deleted == deleted_before
    assert [s.clock for s in structs[1]] == [s.clock for s in before[1]]


def test_what_is_not_there_is_not_replaced() -> None:
    assert replace_pairs(EVERY_KIND, {1: [8], 2: [9]}) is EVERY_KIND


@pytest.mark.parametrize("seed", range(20))
def test_any_text_keeps_its_length_in_units(seed: int) -> None:
    random = Random(seed)
    content = "".join(random.choices("aé織😀😁", k=40))
    (found,) = lows(text(content)).values()
    cut = set(random.sample(found, len(found) // 2))
    mended = replace_pairs(text(content), {1: sorted(cut)})
    units = content.encode("utf-16-le")
    expected = bytearray(units)
    for low in cut:
        expected[2 * low - 2 : 2 * low + 2] = TWO.encode("utf-16-le")
    assert mended == text(expected.decode("utf-16-le")), f"seed {seed}"
