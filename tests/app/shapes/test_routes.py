"""Which shapes a change is put before: all that it concerns, and few others."""

import random
from uuid import UUID

import pytest

from app.shapes.changes import Region, narrowed
from app.shapes.routes import Routes
from app.shapes.scopes import Nobody, OnePipeline, Person, Scope, Teams
from app.shapes.shape import Shape
from app.shapes.shape_log import LogLimits
from app.shapes.tables import TABLES, Table
from tests.app.shapes.shapes import a_definition, an_id
from tests.rounds import some

TABLE_NAMES = ("steps", "pipelines", "team_members", "users", "organizations")


def a_shape(table: str, scope: Scope) -> Shape:
    definition = a_definition(table, " ".join(TABLES[table].key))
    return Shape(definition, scope, UUID(an_id(0)), LogLimits(), "a-handle")


def a_scope(chance: random.Random) -> Scope:
    ids = [UUID(an_id(number)) for number in chance.sample(range(4), 2)]
    return chance.choice((Nobody(), Person(ids[0]), OnePipeline(ids[0]), Teams(tuple(sorted(ids)))))


def a_region(chance: random.Random) -> Region:
    some_ids, owners, wholes = (
        frozenset(an_id(chance.randrange(4)) for _ in range(chance.randrange(3))) for _ in range(3)
    )
    kind = chance.randrange(6)
    return Region(some_ids, None if kind == 1 else owners, wholes, is_all=kind == 0)


def concerned(shapes: list[Shape], table: Table, region: Region) -> set[Shape]:
    return {
        shape
        for shape in shapes
        if shape.definition.table is table
        and narrowed(region, shape.definition, shape.scope) is not None
    }


@pytest.mark.parametrize("seed", some(range(300), 60))
def test_no_shape_that_is_concerned_is_left_out(seed: int) -> None:
    chance = random.Random(seed)
    routes, shapes = Routes(), list[Shape]()
    for _ in range(30):
        shapes.append(a_shape(chance.choice(TABLE_NAMES), a_scope(chance)))
        routes.add(shapes[-1])
        if chance.random() < 0.3:
            routes.remove(shapes.pop(chance.randrange(len(shapes))))
        table, region = TABLES[chance.choice(TABLE_NAMES)], a_region(chance)
        found = routes.find(table, region)
        assert len(found) == len(set(found))
        assert concerned(shapes, table, region) <= set(found) <= set(shapes)
    assert {table.name for table in routes.tables} == {s.definition.table.name for s in shapes}


def test_shapes_of_other_pipelines_are_not_looked_at() -> None:
    routes = Routes()
    here, there, of_team = (
        a_shape("steps", OnePipeline(UUID(an_id(1)))),
        a_shape("steps", OnePipeline(UUID(an_id(2)))),
        a_shape("steps", Teams((UUID(an_id(3)),))),
    )
    for shape in (here, there, of_team):
        routes.add(shape)
    region = Region(frozenset({an_id(9)}), frozenset({an_id(1)}))
    assert set(routes.find(TABLES["steps"], region)) == {here, of_team}
