import random
import time
from itertools import combinations

import pytest

from crdt.pipeline.fractional_index import fresh_keys
from crdt.pipeline.layout import GRID, Layout, lay_out
from crdt.pipeline.model import Connection, Pipeline, PipelineSettings, Point, Size, Step


def pipeline(
    names: str | list[str],
    flows: list[tuple[str, str]] | None = None,
    parents: dict[str, tuple[str, str]] | None = None,
) -> Pipeline:
    """Make steps in this order, `flows` (from, to) between them and `parents` (parent, slot)."""
    orders = fresh_keys(len(names))
    steps = {}
    for name, order in zip(names, orders, strict=True):
        parent, slot = (parents or {}).get(name, (None, "steps"))
        steps[name] = Step(name, name, "claude", parent_step_id=parent, slot=slot, order=order)
    connections = {f"{a}{b}": Connection(f"{a}{b}", a, b) for a, b in flows or []}
    return Pipeline(PipelineSettings("p"), steps, connections)


def overlaps(layout: Layout, a: str, b: str) -> bool:
    (p, s), (q, t) = layout[a], layout[b]
    return (
        p.x < q.x + t.width
        and q.x < p.x + s.width
        and p.y < q.y + t.height
        and q.y < p.y + s.height
    )


def test_a_sequence_is_a_column_in_order() -> None:
    layout = lay_out(pipeline("abcd"))
    points = [layout[name][0] for name in "abcd"]
    assert len({point.x for point in points}) == 1
    assert [point.y for point in points] == sorted({point.y for point in points})


def test_readers_stand_below_and_branches_side_by_side() -> None:
    layout = lay_out(pipeline("abcd", [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")]))
    a, b, c, d = (layout[name][0] for name in "abcd")
    assert a.y < b.y == c.y < d.y
    assert b.x < a.x == d.x < c.x


def test_a_step_without_references_keeps_its_place_in_the_order() -> None:
    layout = lay_out(pipeline("axbc", [("a", "b"), ("a", "c")]))
    a, x, b, c = (layout[name][0] for name in "axbc")
    assert a.y < x.y < b.y == c.y


def test_readers_stand_below_what_they_read_in_their_own_column() -> None:
    layout = lay_out(pipeline("abcd", [("b", "c"), ("a", "d")]))
    assert layout["d"][0].x == layout["a"][0].x < layout["b"][0].x == layout["c"][0].x


def test_references_backward_and_to_nowhere_are_ignored() -> None:
    backward = pipeline("ab", [("b", "a"), ("a", "a"), ("gone", "a")])
    assert lay_out(backward) == lay_out(pipeline("ab"))


def test_a_wide_layer_continues_in_the_next_row() -> None:
    readers = "bcdefghijk"
    layout = lay_out(pipeline("a" + readers, [("a", name) for name in readers]))
    assert [sum(layout[n][0].y == y for n in readers) for y in (140, 240)] == [8, 2]


def test_parents_grow_around_their_slots_which_stand_side_by_side() -> None:
    parents = dict.fromkeys("ab", ("s", "cases:true")) | {"c": ("s", "default")}
    layout = lay_out(pipeline("sabct", parents=parents))
    assert [layout[name][0] for name in "abc"] == [
        Point(20, 80),
        Point(20, 180),
        Point(300, 80),
    ]
    assert layout["s"][1] == Size(544, 256)
    assert layout["t"][0] == Point(180, 340)


def test_cases_stand_in_the_order_of_the_file_and_the_default_last() -> None:
    parents = {"d": ("s", "default"), "l": ("s", 'cases:"low"'), "h": ("s", 'cases:"high"')}
    layout = lay_out(pipeline("sdlh", parents=parents))
    assert [layout[name][0].x for name in "lhd"] == [20, 300, 580]


def test_steps_of_all_levels_stand_in_the_same_columns() -> None:
    parents = {"l": ("o", "steps"), "a": ("o", "steps"), "b": ("l", "steps"), "c": ("l", "steps")}
    drawn = pipeline("xolabc", [("x", "l"), ("x", "a"), ("x", "b"), ("x", "c")], parents)
    layout = lay_out(drawn)
    assert layout["l"][1] == Size(264, 236)
    assert layout["o"][1] == Size(304, 416)
    outer, inner = layout["o"][0], layout["l"][0]
    assert outer.x + inner.x + layout["b"][0].x == outer.x + layout["a"][0].x == layout["x"][0].x
    assert layout["x"][1] == layout["b"][1] == Size(224, 56)


def test_parents_without_steps_have_room_for_one() -> None:
    steps = {type_: Step(type_, type_, type_) for type_ in ("for_loop", "switch", "pipeline")}
    layout = lay_out(Pipeline(PipelineSettings("p"), steps))
    sizes = [layout[type_][1] for type_ in steps]
    assert sizes == [Size(264, 136), Size(264, 156), Size(224, 56)]


def test_each_step_stands_near_what_it_reads() -> None:
    layout = lay_out(pipeline("abcde", [("a", "c"), ("b", "d"), ("d", "e")]))
    a, b, c, d, e = (layout[name][0] for name in "abcde")
    assert a.x == c.x < b.x == d.x == e.x


def test_a_reference_into_a_container_orders_the_container() -> None:
    layout = lay_out(pipeline("slmx", [("s", "x"), ("s", "m")], {"x": ("l", "steps")}))
    assert layout["s"][0].y < layout["l"][0].y == layout["m"][0].y


def test_steps_that_hang_on_nothing_stay() -> None:
    orphan = Step("o", "o", "claude", parent_step_id="gone", position=Point(7, 9))
    cycle = [Step(a, a, "claude", parent_step_id=b) for a, b in ("xy", "yx")]
    steps = {step.id: step for step in (orphan, *cycle)}
    crossing = {"1": Connection("1", "x", "o"), "2": Connection("2", "x", "y")}
    layout = lay_out(Pipeline(PipelineSettings("p"), steps, crossing))
    assert layout["o"] == (Point(7, 9), Size())
    assert set(layout) == {"o", "x", "y"}


def test_no_steps() -> None:
    assert lay_out(pipeline("")) == {}


@pytest.mark.parametrize("seed", range(20))
def test_nothing_overlaps_and_everything_is_on_the_grid(seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    names = [f"s{i}" for i in range(40)]
    parents = {
        name: (names[rng.randrange(i)], rng.choice(["steps", "default", "cases:1"]))
        for i, name in enumerate(names)
        if i and rng.random() < 0.6
    }
    flows = [(rng.choice(names), rng.choice(names)) for _ in range(50)]
    drawn = pipeline(names, flows, parents)
    layout = lay_out(drawn)
    for a, b in combinations(drawn.steps.values(), 2):
        if a.parent_step_id == b.parent_step_id:
            assert not overlaps(layout, a.id, b.id)
    for step in drawn.steps.values():
        point, size = layout[step.id]
        assert point.x % GRID == point.y % GRID == 0
        if step.parent_step_id is not None:
            around = layout[step.parent_step_id][1]
            assert point.x > 0
            assert point.y > 0
            assert point.x + size.width < around.width
            assert point.y + size.height < around.height


@pytest.mark.timed
def test_ten_thousand_steps_take_less_than_two_seconds() -> None:
    names = [f"s{i}" for i in range(10_000)]
    flows = [(names[i // 3], name) for i, name in enumerate(names) if i % 5]
    big = pipeline(names, flows)
    start = time.process_time()
    lay_out(big)
    assert time.process_time() - start < 2
