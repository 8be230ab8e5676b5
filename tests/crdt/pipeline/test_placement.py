"""Where steps stand: the placement that edits and tables share, and the children of a pipeline."""

import random
from collections.abc import Mapping

import pytest

from crdt.pipeline.fields import MAIN_SLOT
from crdt.pipeline.model import Step
from crdt.pipeline.placement import (
    Line,
    Place,
    Placement,
    Scope,
    children_of,
    crosses_border,
    place_at,
    walk,
)


def test_the_top_level_has_one_slot() -> None:
    assert place_at(None, "else", "V", "a").scope == (None, MAIN_SLOT)
    assert place_at("p", "else", "V", "a").scope == ("p", "else")


def a_line(**orders: str) -> Line:
    line = Line()
    for key, order in orders.items():
        line.add(key, order, f"name of {key}")
    return line


def test_a_line_stands_in_the_order_of_orders_then_keys() -> None:
    line = a_line(c="1", b="2", a="2")
    assert [key for _, key in line] == ["c", "a", "b"]
    assert [line.index_of(key, order) for order, key in line] == [0, 1, 2]


def test_the_last_before_a_standing_passes_over_the_step_that_moves() -> None:
    line = a_line(a="1", b="2", c="3")
    assert line.last_before(None, besides="") == ("3", "c")
    assert line.last_before(None, besides="c") == ("2", "b")
    assert line.last_before(("3", "c"), besides="b") == ("1", "a")
    assert line.last_before(("1", "a"), besides="") is None
    assert Line().last_before(None, besides="") is None


def test_a_line_knows_who_has_a_name() -> None:
    line = a_line(b="1", a="2")
    line.rename("b", "name of b", "same")
    line.rename("a", "name of a", "same")
    assert (line.named("same"), line.named("name of a")) == (["a", "b"], ())
    line.remove("b", "1", "same")
    assert line.named("same") == ["a"]


def naive(places: Mapping[str, Place], scope: Scope) -> list[tuple[str, str]]:
    return sorted((place.order, key) for key, place in places.items() if place.scope == scope)


@pytest.mark.parametrize("seed", range(20))
def test_a_placement_is_what_a_look_at_all_places_says(seed: int) -> None:
    rng, keys = random.Random(seed), "abcdefgh"
    placement, places = Placement(Line), dict[str, Place]()
    scopes = [(parent, slot) for parent in (None, *keys) for slot in (MAIN_SLOT, "else")]
    for _ in range(60):
        before = {scope: naive(places, scope) for scope in scopes}
        names = {key: place.name for key, place in places.items()}
        moves = {key: a_place(rng, keys) for key in rng.sample(keys, rng.choice([1, 1, 3]))}
        changed = placement.update(moves)
        places = {**places, **{key: place for key, place in moves.items() if place}}
        places = {key: place for key, place in places.items() if moves.get(key, place) is not None}
        assert placement.all() == places
        for scope in scopes:
            line = placement.line(scope)
            assert [*(line or ())] == naive(places, scope)
            assert scope in changed or naive(places, scope) == before[scope]
        for parent in keys:
            children = sorted(key for key, place in places.items() if place.parent == parent)
            assert placement.children(parent) == children
        renamed = {key for key, place in places.items() if names.get(key) != place.name}
        assert {places[key].scope for key in renamed} <= changed


def a_place(rng: random.Random, keys: str) -> Place | None:
    if rng.random() < 0.2:
        return None
    parent = rng.choice([None, *keys[:3]])
    return place_at(parent, rng.choice([MAIN_SLOT, "else"]), rng.choice("123"), rng.choice("xy"))


def test_equal_keys_stand_in_the_order_of_their_ids() -> None:
    steps = {name: Step(id=name, name=name, type="claude", order="V") for name in "ba"}
    assert [step.id for step in children_of(steps)[None]["steps"]] == ["a", "b"]


def test_walk_gives_parents_first_and_leaves_out_cycles() -> None:
    def step(name: str, order: str, parent: str | None = None) -> Step:
        return Step(name, name, "for_loop", order=order, parent_step_id=parent)

    steps = [step("x", "1", "y"), step("y", "1", "x"), step("c", "1", "a"), step("d", "2", "a")]
    steps += [step("b", "2"), step("a", "1"), step("orphan", "1", "gone")]
    reached = [step.id for step in walk(children_of({step.id: step for step in steps}))]
    assert reached == ["a", "c", "d", "b"]


def test_inline_pipelines_have_a_border() -> None:
    assert crosses_border("pipeline.steps")
    assert not crosses_border("steps")
