"""Which rows of which shapes a change concerns: never too few."""

import random
from dataclasses import replace
from uuid import UUID

import pytest

from app.shapes.changes import ALL, MOST_IDS, NOTHING, Region, gathered, joined
from app.shapes.scopes import Nobody, OnePipeline, Person, Scope, Teams
from app.shapes.tables import TABLES
from persistence.ports.shapes import RowsChanged
from tests.app.shapes.shapes import ONE, TWO, a_definition, an_id, narrowed
from tests.rounds import some

HERE, THERE = an_id(10), an_id(11)


def change(
    table: str, ids: str | None = ONE, owners: str | None = HERE, moved: str | None = None
) -> RowsChanged:
    """One id each, or any; nothing moved unless it is said."""
    return RowsChanged(
        table,
        7,
        None if ids is None else frozenset({ids}),
        None if owners is None else frozenset({owners}),
        frozenset() if moved is None else frozenset({moved}),
    )


def region_of(table: str, *changes: RowsChanged) -> Region:
    return gathered(changes).of(TABLES[table])


def test_a_change_is_of_its_own_table() -> None:
    region = region_of("steps", change("steps"), change("connections", TWO))
    assert region.has(ONE, HERE)
    assert not region.has(ONE, THERE)
    assert not region.has(TWO, HERE)
    assert region.xids == {7}
    assert region.condition(TABLES["steps"]) == (
        f"(\"pipeline_id\" IN ('{HERE}') AND \"id\" IN ('{ONE}'))"
    )


@pytest.mark.parametrize("table", ["steps", "connections", "comments", "pipeline_versions"])
def test_a_pipeline_that_moves_concerns_what_is_in_it(table: str) -> None:
    assert region_of(table, change("pipelines", ONE)) == NOTHING
    moved = region_of(table, change("pipelines", ONE, moved=ONE))
    assert moved.has(TWO, ONE)
    assert not moved.has(TWO, THERE)
    assert moved.condition(TABLES[table]) == f"\"pipeline_id\" IN ('{ONE}')"
    assert region_of(table, RowsChanged("pipelines", 7)).is_all


def test_who_comes_into_a_team_appears_among_the_users() -> None:
    users = region_of("users", change("team_members", ONE))
    assert users.has(ONE, None)
    assert not users.has(TWO, None)
    assert users.condition(TABLES["users"]) == f"(\"id\" IN ('{ONE}'))"
    assert region_of("users", change("team_members", None)).is_all
    assert region_of("organizations", change("teams", ONE, None)).is_all
    assert region_of("teams", change("team_members", ONE)) == NOTHING


def test_whose_access_is_to_be_looked_up_again() -> None:
    assert gathered([change("steps")]).users == frozenset()
    assert gathered([change("team_members", ONE)]).users == {ONE}
    assert gathered([change("team_members", None)]).users is None
    assert gathered([change("teams", ONE, None)]).teams == frozenset()
    moved = gathered([change("teams", ONE, None, moved=ONE)])
    assert (moved.teams, moved.users) == ({ONE}, frozenset())
    assert gathered([RowsChanged("teams", 7)]).teams is None
    assert gathered([change("teams", ONE, None)]).concerned == frozenset()
    assert moved.concerned is None
    named = replace(change("teams", ONE, None, moved=ONE), members=frozenset({TWO}))
    assert gathered([named]).concerned == {TWO}
    assert gathered([named, change("team_members", HERE)]).concerned == {TWO, HERE}
    assert gathered([change("team_members", None)]).concerned is None
    assert gathered([change("pipelines", ONE, moved=ONE)]).moved == {ONE}
    assert gathered([RowsChanged("pipelines", 7)]).moved is None


def test_too_many_ids_are_all_of_their_owners() -> None:
    many = frozenset(an_id(number) for number in range(MOST_IDS))
    region = Region(many, frozenset({HERE})) | Region(frozenset({an_id(5000)}), frozenset({THERE}))
    assert region == Region(wholes=frozenset({HERE, THERE}))
    assert (Region(many, None) | Region(frozenset({an_id(5000)}), None)).is_all


@pytest.mark.parametrize(
    ("table", "scope", "is_concerned"),
    [
        ("steps", OnePipeline(UUID(HERE)), True),
        ("steps", OnePipeline(UUID(THERE)), False),
        ("steps", Teams((UUID(THERE),)), True),
        ("steps", Nobody(), False),
        ("pipelines", Teams((UUID(HERE), UUID(THERE))), True),
        ("pipelines", Teams((UUID(THERE),)), False),
        ("pipelines", OnePipeline(UUID(ONE)), True),
        ("pipelines", OnePipeline(UUID(TWO)), False),
        ("team_members", Teams((UUID(THERE),)), False),
        ("users", Person(UUID(TWO)), True),
    ],
)
def test_shapes_of_others_are_not_read(table: str, scope: Scope, is_concerned: bool) -> None:
    definition = a_definition(table, " ".join(TABLES[table].key))
    region = region_of(table, change(table))
    assert (narrowed(region, definition, scope) is not None) == is_concerned
    assert narrowed(NOTHING, definition, scope) is None
    if not isinstance(scope, Nobody):
        assert narrowed(ALL, definition, scope) == ALL


def test_one_pipeline_may_be_among_all_of_its_team() -> None:
    """Of a statement that changes many pipelines only the teams are announced."""
    definition = a_definition("pipelines", "id name")
    region = narrowed(
        region_of("pipelines", change("pipelines", None)), definition, OnePipeline(UUID(ONE))
    )
    assert region is not None
    assert region.has(ONE, THERE)
    assert not region.has(TWO, HERE)


@pytest.mark.parametrize("seed", some(range(500), 30))
def test_no_row_that_changed_is_left_out(seed: int) -> None:
    """Whatever is joined, and however it is narrowed: rows of the shape's owners are in it."""
    chance = random.Random(seed)
    owner = an_id(chance.randrange(3))
    scope = OnePipeline(UUID(owner))
    changes, rows = [], set()
    for _ in range(chance.randint(1, 6)):
        touched = {(an_id(chance.randrange(9)), an_id(chance.randrange(3))) for _ in range(3)}
        rows |= touched
        kind = chance.randrange(4)
        changes.append(
            RowsChanged(
                "steps",
                chance.randrange(99),
                frozenset(id_ for id_, _ in touched) if kind < 2 else None,
                frozenset(own for _, own in touched) if kind < 3 else None,
            )
        )
    region = region_of("steps", *changes)
    assert all(region.has(*row) for row in rows)
    definition = a_definition("steps", "id pipeline_id")
    own = [row for row in rows if row[1] == owner]
    inside = narrowed(region, definition, scope)
    assert inside is not None or not own
    assert all(inside is not None and inside.has(*row) for row in own)
    assert region.xids == {one.xid for one in changes}


@pytest.mark.parametrize("seed", some(range(200), 20))
def test_many_changes_are_joined_at_once_as_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    regions = [
        Region(
            frozenset(an_id(chance.randrange(20)) for _ in range(chance.randrange(4))),
            chance.choice((None, frozenset({HERE}), frozenset({THERE}))),
            chance.choice((frozenset(), frozenset({ONE}))),
            is_all=chance.random() < 0.02,
            xids=frozenset({chance.randrange(50)}),
        )
        for _ in range(chance.randint(1, 12))
    ]
    one_by_one = NOTHING
    for region in regions:
        one_by_one |= region
    assert joined(regions) == one_by_one


def test_too_many_transactions_are_all_rows_and_none_of_them_is_named() -> None:
    assert joined([Region(xids=frozenset({xid})) for xid in range(MOST_IDS + 1)]) is ALL
