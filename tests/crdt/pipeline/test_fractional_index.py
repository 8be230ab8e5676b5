import pytest
from hypothesis import given
from hypothesis import strategies as st

from crdt.pipeline.fractional_index import DIGITS, key_between, keys_between

keys = st.text(alphabet=DIGITS, min_size=1, max_size=8).filter(lambda key: not key.endswith("0"))


@given(st.none() | keys, st.none() | keys, st.integers(1, 200))
def test_keys_lie_between_ascend_and_never_end_in_zero(
    a: str | None, b: str | None, n: int
) -> None:
    if a is not None and b is not None:
        if a == b:
            return
        a, b = sorted((a, b))
    found = keys_between(a, b, n)
    assert len(found) == n
    fence = [*([] if a is None else [a]), *found, *([] if b is None else [b])]
    assert fence == sorted(set(fence))
    assert not any(key.endswith("0") for key in found)


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
    assert keys_between("a", "b", 0) == []


def test_bulk_keys_are_short_and_evenly_spread() -> None:
    assert keys_between(None, None, 3) == ["F", "V", "k"]
    assert max(map(len, keys_between(None, None, 10_000))) == 3


@pytest.mark.parametrize("at_the_end", [True, False])
def test_ten_thousand_additions_at_an_end_keep_keys_short(at_the_end: bool) -> None:
    key = "V"
    for _ in range(10_000):
        key = key_between(key, None) if at_the_end else key_between(None, key)
    assert len(key) <= 5


def test_the_default_key_has_room_on_both_sides() -> None:
    assert key_between(None, "a0") < "a0" < key_between("a0", None)


@pytest.mark.parametrize(
    ("a", "b"), [("b", "a"), ("a", "a"), ("a", "a0"), (None, "0"), (None, ""), ("é", None)]
)
def test_impossible_neighbours_are_refused(a: str | None, b: str | None) -> None:
    with pytest.raises(ValueError, match="expected"):
        keys_between(a, b, 1)
