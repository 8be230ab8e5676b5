"""Shapes of one scope are read together, and each gets the rows of its own condition."""

import gc
from uuid import UUID

from app.shapes.changes import Region
from app.shapes.conditions import Condition
from app.shapes.parameters import Definition
from app.shapes.readings import MOST_CHARACTERS, MOST_SHARING, grouped, readings
from app.shapes.scopes import OnePipeline
from app.shapes.shape import Shape
from app.shapes.shape_log import LogLimits
from app.shapes.tables import TABLES
from tests.app.shapes.shapes import ONE, TWO, a_row, an_id

HERE, THERE = OnePipeline(UUID(an_id(10))), OnePipeline(UUID(an_id(11)))
CHANGED = Region(frozenset({ONE}), frozenset({an_id(10)}))


def a_shape(
    condition: str, columns: str = "id pipeline_id name", scope: OnePipeline = HERE
) -> Shape:
    definition = Definition(TABLES["steps"], tuple(columns.split()), Condition(condition))
    return Shape(definition, scope, UUID(an_id(0)), LogLimits(), "a-handle")


def test_one_query_says_of_each_row_for_whom_it_is() -> None:
    shapes = [a_shape("a"), a_shape("b", "id pipeline_id slot"), a_shape("a", "id pipeline_id")]
    [reading] = readings(shapes, [CHANGED, CHANGED | Region(frozenset({TWO})), CHANGED], 5)
    assert reading.query.columns == ("id", "name", "pipeline_id", "slot")
    assert reading.query.tests == ("a", "b")
    assert reading.region.ids == {ONE, TWO}
    found = [
        a_row(7, ONE, "one", an_id(10), "main", "true", "false"),
        a_row(8, TWO, "two", an_id(10), "main", None, "true"),
    ]
    assert [[*rows] for rows in reading.rows(found)] == [
        [a_row(7, ONE, an_id(10), "one")],
        [a_row(8, TWO, an_id(10), "main")],
        [a_row(7, ONE, an_id(10))],
    ]


def test_shapes_of_the_same_columns_have_the_same_rows_in_memory() -> None:
    shapes = [a_shape("a"), a_shape("b")]
    [reading] = readings(shapes, [CHANGED, CHANGED], 5)
    [one, other] = reading.rows([a_row(7, ONE, "one", an_id(10), "true", "true")])
    assert one[0] is other[0]


def test_rows_that_are_read_together_are_kept_as_others_are() -> None:
    """A list would never be equal to what was read before, and keep the garbage collector busy."""
    [reading] = readings([a_shape("a"), a_shape("b")], [CHANGED, CHANGED], 5)
    found = [a_row(7, ONE, "one", an_id(10), "true", "true")]
    kept = [row for rows in reading.rows(found) for row in rows]
    gc.collect()
    assert [gc.is_tracked(row.values) for row in kept] == [False, False]


def test_what_may_be_many_rows_is_read_for_each_shape() -> None:
    shapes = [a_shape("a"), a_shape("b")]
    for region in (
        Region(wholes=frozenset({an_id(10)})),
        Region(is_all=True),
        Region(frozenset(map(an_id, range(6))), frozenset({an_id(10)})),
    ):
        reads = readings(shapes, [region, CHANGED], 5)
        assert [(one.shapes, one.region) for one in reads] == [
            ([shapes[0]], region),
            ([shapes[1]], CHANGED),
        ]
        assert [one.query.tests for one in reads] == [(), ()]
        assert [[*one.rows([a_row(7, ONE)])] for one in reads] == [[[a_row(7, ONE)]]] * 2


def test_shapes_of_other_scopes_and_long_conditions_are_apart() -> None:
    here = [a_shape(f"c{number}") for number in range(MOST_SHARING + 1)]
    there = a_shape("c", scope=THERE)
    assert grouped([*here, there]) == [here[:-1], here[-1:], [there]]
    long = [a_shape("x" * (MOST_CHARACTERS // 2)) for _ in range(3)]
    assert grouped(long) == [long[:2], long[2:]]
