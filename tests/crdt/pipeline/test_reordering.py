import random

import pytest

from crdt.pipeline.fractional_index import MAX_ORDER, is_order_key, keys_between
from crdt.pipeline.reordering import renewed, reordered
from tests.rounds import some


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
    assert reordered([("a", "a0"), ("b", "a0")]) == {}
    new, stand = brought_into("axb", {"a": "a0", "b": "a0"})
    assert set(new) == {"a", "x"}
    assert stand == [*"axb"]


@pytest.mark.parametrize("junk", ["", "0", "!", "V", "a0" + "z" * MAX_ORDER, "\0"])
def test_beside_what_is_no_order_key_who_stands_there_gets_one(junk: str) -> None:
    assert not is_order_key(junk)
    new, stand = brought_into("ax", {"a": junk})
    assert set(new) == set("ax")
    assert stand == [*"ax"]


def test_somebody_far_from_what_is_no_order_key_moves_alone() -> None:
    orders = {"a": "V", "b": "a0", "c": "a1", "d": "a2"}
    new, stand = brought_into("abdc", orders)
    assert len(new) == 1
    assert stand == [*"abdc"]


def test_orders_of_the_old_style_are_renewed_where_they_stand() -> None:
    orders = {"a": "F", "b": "V", "c": "a0", "d": "a0", "e": "k"}
    stood = line(orders)
    new = renewed([(key, orders[key]) for key in stood])
    assert set(new) == {"a", "b", "e"}
    assert line(orders | new) == stood
    assert all(map(is_order_key, (orders | new).values()))
    assert renewed([(key, (orders | new)[key]) for key in stood]) == {}


@pytest.mark.parametrize("seed", some(range(200), few=40))
def test_any_line_becomes_any_other(seed: int) -> None:
    rng = random.Random(seed)
    keys = "abcdefghij"
    orders = {
        key: rng.choice(["", "0", "V", "a", "a0", "a1", "a2", "b00", "z"])
        for key in keys
        if rng.random() < 0.7
    }
    sequence = "".join(rng.sample(keys, len(keys)))
    new, stand = brought_into(sequence, orders)
    assert stand == [*sequence], f"seed {seed}"
    orders |= new
    orders |= renewed([(key, orders[key]) for key in sequence])
    assert line(orders) == [*sequence], f"seed {seed}"
    assert all(map(is_order_key, orders.values())), f"seed {seed}"
