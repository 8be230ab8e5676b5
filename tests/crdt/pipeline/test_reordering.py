import random

import pytest

from crdt.pipeline.fractional_index import keys_between
from crdt.pipeline.reordering import MAX_ORDER, is_usable_order, reordered


def line(orders: dict[str, str]) -> list[str]:
    return sorted(orders, key=lambda key: (orders[key], key))


def brought_into(sequence: str, orders: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    new = reordered([(key, orders.get(key)) for key in sequence])
    return new, line(orders | new)


def test_who_stands_right_does_not_move() -> None:
    orders = dict(zip("abcd", keys_between(None, None, 4), strict=True))
    assert reordered(list(orders.items())) == {}


def test_one_who_moves_moves_alone() -> None:
    orders = dict(zip("abcd", keys_between(None, None, 4), strict=True))
    new, stand = brought_into("bcad", orders)
    assert set(new) == {"a"}
    assert stand == [*"bcad"]


def test_newcomers_find_their_places() -> None:
    orders = dict(zip("bd", keys_between(None, None, 2), strict=True))
    new, stand = brought_into("abcxde", orders)
    assert set(new) == set("acxe")
    assert stand == [*"abcxde"]


def test_equal_orders_are_left_alone_until_somebody_comes_between() -> None:
    assert reordered([("a", "V"), ("b", "V")]) == {}
    new, stand = brought_into("axb", {"a": "V", "b": "V"})
    assert set(new) == set("axb")
    assert stand == [*"axb"]


@pytest.mark.parametrize("junk", ["", "0", "!", "z" * (MAX_ORDER + 1), "\0"])
def test_beside_what_is_no_order_everybody_gets_a_new_one(junk: str) -> None:
    assert not is_usable_order(junk)
    new, stand = brought_into("ax", {"a": junk})
    assert set(new) == set("ax")
    assert stand == [*"ax"]


@pytest.mark.parametrize("seed", range(200))
def test_any_line_becomes_any_other(seed: int) -> None:
    rng = random.Random(seed)
    keys = "abcdefghij"
    orders = {
        key: rng.choice(["", "0", "V", "a", "a0", "a1", "z"]) for key in keys if rng.random() < 0.7
    }
    sequence = "".join(rng.sample(keys, len(keys)))
    _, stand = brought_into(sequence, orders)
    assert stand == [*sequence], f"seed {seed}"
