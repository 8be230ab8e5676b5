"""Which shapes lack a change: all that it concerns, also those that nobody waits for."""

import random
from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest

from app.shapes.changes import NOTHING, Changes, Region, joined
from app.shapes.routes import Routes
from app.shapes.scopes import Nobody, OnePipeline, Person, Scope, Teams
from app.shapes.shape import Shape, Sleeper
from app.shapes.shape_log import LogLimits
from app.shapes.tables import TABLES
from tests.app.shapes.shapes import a_definition, an_id, narrowed
from tests.rounds import some

ME = UUID(int=1)
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


def concerned(shapes: list[Shape], changes: Changes) -> set[Shape]:
    return {
        shape
        for shape in shapes
        if narrowed(changes.of(shape.definition.table), shape.definition, shape.scope) is not None
    }


def changed(table: str, region: Region) -> Changes:
    return Changes({table: region})


@pytest.mark.parametrize("seed", some(range(300), 20))
def test_no_shape_that_is_concerned_is_left_out(seed: int) -> None:
    chance = random.Random(seed)
    routes, shapes = Routes(), list[Shape]()
    for _ in range(30):
        shapes.append(a_shape(chance.choice(TABLE_NAMES), a_scope(chance)))
        routes.add(shapes[-1])
        if chance.random() < 0.7:
            shapes[-1].sleep(Sleeper(ME))
        if chance.random() < 0.3:
            routes.remove(shapes.pop(chance.randrange(len(shapes))))
        changes = changed(chance.choice(TABLE_NAMES), a_region(chance))
        for shape in shapes:
            shape.take_behind()
        found = routes.note(changes)
        lacking = {shape for shape in shapes if shape.behind is not None}
        assert lacking == concerned(shapes, changes)
        assert {shape for shape in lacking if shape.is_wanted} <= set(found) <= set(shapes)
        assert all(shape.is_wanted for shape in found)


def test_shapes_of_other_pipelines_are_not_looked_at() -> None:
    routes = Routes()
    here, there, of_team, idle = (
        a_shape("steps", OnePipeline(UUID(an_id(1)))),
        a_shape("steps", OnePipeline(UUID(an_id(2)))),
        a_shape("steps", Teams((UUID(an_id(3)),))),
        a_shape("steps", OnePipeline(UUID(an_id(1)))),
    )
    for shape in (here, there, of_team, idle):
        routes.add(shape)
        if shape is not idle:
            shape.sleep(Sleeper(ME))
    region = Region(frozenset({an_id(9)}), frozenset({an_id(1)}))
    assert set(routes.note(changed("steps", region))) == {here, of_team}
    assert set(routes.note_all()) == {here, there, of_team}


def extent(region: Region) -> set[tuple[str, str]]:
    """Ids and owners of the rows in a region, of those that there are here."""
    ids = [an_id(number) for number in range(4)]
    return {pair for pair in product(ids, ids) if region.has(*pair)}


@pytest.mark.parametrize("seed", some(range(200), 40))
def test_each_shape_lacks_what_came_since_it_was_read(seed: int) -> None:
    """Whatever other shapes have read meanwhile: no less, and no more than all of it joined."""
    chance = random.Random(seed)
    routes = Routes()
    shapes = [a_shape(chance.choice(TABLE_NAMES), a_scope(chance)) for _ in range(20)]
    lacked: dict[Shape, list[Region]] = {shape: [] for shape in shapes}
    for shape in shapes:
        routes.add(shape)
    for number in range(30):
        region = replace(a_region(chance), xids=frozenset({number}))
        changes = changed(chance.choice(TABLE_NAMES), region)
        routes.note(changes)
        for shape in shapes:
            part = narrowed(changes.of(shape.definition.table), shape.definition, shape.scope)
            lacked[shape] += [] if part is None else [part]
        for shape in chance.sample(shapes, 5):
            taken, expected = shape.take_behind(), joined([NOTHING, *lacked[shape]])
            assert (extent(taken), taken.xids) == (extent(expected), expected.xids)
            lacked[shape].clear()
            if chance.random() < 0.2:
                shape.put_back(taken)
                lacked[shape].append(taken)
        if chance.random() < 0.3:
            routes.tidy()


def test_what_everybody_has_read_is_not_kept() -> None:
    routes = Routes()
    here, too = (a_shape("steps", OnePipeline(UUID(an_id(1)))) for _ in range(2))
    routes.add(here)
    routes.add(too)
    for number in range(10):
        routes.note(changed("steps", Region(frozenset({an_id(number)}), frozenset({an_id(1)}))))
    kept = routes.bytes
    here.take_behind()
    routes.tidy()
    assert routes.bytes == kept > 0
    too.take_behind()
    routes.tidy()
    assert routes.bytes == 0
    routes.remove(here)
    routes.remove(too)
    assert [*routes] == []
