"""The keys equal those of the package `fractional-indexing`.

`fractional_index_vectors.json` was made with version 4.0.0 of the npm package (CC0): `one` lists
[a, b, generateKeyBetween(a, b)], among them 150 insertions into one line, and `many` lists
[a, b, n, generateNKeysBetween(a, b, n)].
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.pipeline.fractional_index import (
    DIGITS,
    MAX_ORDER,
    fresh_keys,
    is_order_key,
    key_between,
    keys_between,
)

VECTORS = json.loads(Path(__file__).with_name("fractional_index_vectors.json").read_text())

SMALLEST = "A" + "0" * 26
keys = st.text(alphabet=DIGITS, min_size=1, max_size=30).filter(is_order_key)


@pytest.mark.parametrize(("a", "b", "key"), VECTORS["one"])
def test_a_key_is_that_of_the_package(a: str | None, b: str | None, key: str) -> None:
    assert key_between(a, b) == key


@pytest.mark.parametrize(("a", "b", "n", "found"), VECTORS["many"])
def test_many_keys_are_those_of_the_package(
    a: str | None, b: str | None, n: int, found: list[str]
) -> None:
    assert keys_between(a, b, n) == found


@given(st.none() | keys, st.none() | keys, st.integers(1, 200))
def test_keys_lie_between_ascend_and_have_room(a: str | None, b: str | None, n: int) -> None:
    if a is not None and b is not None:
        if a == b:
            return
        a, b = sorted((a, b))
    found = keys_between(a, b, n)
    assert len(found) == n
    fence = [*([] if a is None else [a]), *found, *([] if b is None else [b])]
    assert fence == sorted(set(fence))
    assert all(map(is_order_key, found))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_any_sequence_of_insertions_finds_room(places: list[float]) -> None:
    held: list[str] = []
    for place in places:
        at = round(place * len(held))
        left = held[at - 1] if at else None
        right = held[at] if at < len(held) else None
        held.insert(at, key_between(left, right))
    assert held == sorted(set(held))


def test_no_keys_are_asked_for() -> None:
    assert keys_between("a0", "a1", 0) == keys_between(None, None, 0) == []


def test_the_keys_of_a_new_slot_are_short() -> None:
    assert fresh_keys(3) == ["a0", "a1", "a2"]
    assert max(map(len, fresh_keys(3000))) == 3


@pytest.mark.parametrize("at_the_end", [True, False])
def test_ten_thousand_additions_at_an_end_keep_keys_short(at_the_end: bool) -> None:
    key = "a0"
    for _ in range(10_000):
        key = key_between(key, None) if at_the_end else key_between(None, key)
    assert len(key) <= 4


def test_beside_the_extreme_integers_there_is_still_room() -> None:
    second = "A" + "0" * 25 + "1"
    assert SMALLEST < key_between(None, second) < second
    last = "z" * 27
    assert last < key_between(last, None)


@pytest.mark.parametrize(
    "text",
    ["", "V", "a", "0", "0a", "a!", "é0", "a00", "b0", SMALLEST, "a0" + "V" * MAX_ORDER, "\0"],
)
def test_what_is_no_key_is_refused(text: str) -> None:
    assert not is_order_key(text)
    for a, b in ((text, None), (None, text)):
        with pytest.raises(ValueError, match="expected a fractional index"):
            keys_between(a, b, 1)


@pytest.mark.parametrize(("a", "b"), [("a1", "a0"), ("a0", "a0"), ("b00", "az")])
def test_neighbours_in_the_wrong_order_are_refused(a: str, b: str) -> None:
    with pytest.raises(ValueError, match="expected room"):
        key_between(a, b)
