"""Who shares a shape with whom."""

from uuid import UUID, uuid4

from app.shapes.conditions import Condition
from app.shapes.scopes import Access, Nobody, OnePipeline, Person, Teams, pipeline_asked, scope_of
from app.shapes.tables import TABLES

USER, TEAM, OTHER, PIPELINE = uuid4(), uuid4(), uuid4(), uuid4()


def equal(column: str, value: UUID) -> Condition:
    return Condition(f"\"{column}\" = '{value}'", ((column, str(value)),))


def test_members_of_the_same_teams_share_a_shape() -> None:
    access = Access(USER, frozenset({OTHER, TEAM}))

    for table in TABLES.values():
        assert scope_of(table, Condition(), access) == Teams(tuple(sorted((TEAM, OTHER))))


def test_who_asks_for_one_team_shares_with_all_its_members() -> None:
    access = Access(USER, frozenset({OTHER, TEAM}))

    for name in ("pipelines", "team_members", "pipeline_templates"):
        assert scope_of(TABLES[name], equal("team_id", TEAM), access) == Teams((TEAM,))
        assert scope_of(TABLES[name], equal("team_id", USER), access) == Nobody()


def test_who_asks_for_one_pipeline_shares_with_all_who_see_it() -> None:
    access = Access(USER, frozenset({TEAM}), frozenset({PIPELINE}))
    steps = TABLES["steps"]

    assert pipeline_asked(steps, equal("pipeline_id", PIPELINE)) == PIPELINE
    assert scope_of(steps, equal("pipeline_id", PIPELINE), access) == OnePipeline(PIPELINE)
    assert scope_of(steps, equal("pipeline_id", OTHER), access) == Nobody()


def test_who_is_in_no_team_sees_nobody_but_themselves() -> None:
    access = Access(USER, frozenset())

    assert scope_of(TABLES["users"], Condition(), access) == Person(USER)
    assert scope_of(TABLES["pipelines"], Condition(), access) == Nobody()


def test_a_text_that_is_much_longer_than_an_id_names_no_pipeline() -> None:
    text = str(UUID(int=7))
    for literal, found in ((text, UUID(int=7)), (text + "-" * 100, None), ("loom", None)):
        condition = Condition("…", (("pipeline_id", literal),))
        assert pipeline_asked(TABLES["steps"], condition) == found
