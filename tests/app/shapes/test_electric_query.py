"""What Electric is asked: our words alone, and never more than the caller may see."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from app.shapes.conditions import Condition, Order
from app.shapes.electric_query import (
    LONGEST,
    MOST_IDS,
    ElectricShape,
    ElectricView,
    Handles,
    electric_request,
    electric_shape,
    flat_predicate,
    listing,
)
from app.shapes.errors import InvalidShape
from app.shapes.parameters import Definition, Offset, ShapeRequest, Subset
from app.shapes.scopes import Nobody, OnePipeline, Person, Scope, Teams
from app.shapes.tables import TABLES, Table, Visibility
from tests.app.shapes.mock_electric import SECRET, Received, _check
from tests.persistence.postgres.test_electric import PUBLISHED

TEAM, PIPELINE = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
IDS = [str(UUID(int=number)) for number in range(3, 6)]


def of(name: str) -> Definition:
    return Definition(TABLES[name], TABLES[name].default)


def asked_of(request: ShapeRequest, shape: ElectricShape, handle: str | None = None) -> Received:
    """The request as Electric receives it."""
    made = electric_request(shape, request, handle, SECRET, "/v1/shape")
    method = "GET" if made.body is None else "POST"
    return Received(method, f"/v1/shape?{made.query}", {}, made.body or b"")


def scopes_of(table: Table) -> list[Scope]:
    """The scopes that `scope_of` may give for a table."""
    scopes: list[Scope] = [Nobody(), Teams((TEAM,)), Teams((TEAM, PIPELINE))]
    if table.visibility is Visibility.FELLOWS:
        scopes.append(Person(UUID(int=9)))
    if table.visibility in {Visibility.PIPELINES, Visibility.PIPELINE_ROWS}:
        scopes.append(OnePipeline(PIPELINE))
    return scopes


@pytest.mark.parametrize("name", TABLES)
def test_no_condition_has_a_subquery(name: str) -> None:
    for scope in scopes_of(TABLES[name]):
        text = flat_predicate(scope, TABLES[name], IDS)
        assert "SELECT" not in text
        assert text.startswith('"')


LISTED = ",".join(f"'{one}'" for one in IDS)


@pytest.mark.parametrize(
    ("name", "scope", "expected"),
    [
        ("steps", Teams((TEAM,)), f'"pipeline_id" IN ({LISTED})'),
        ("users", Teams((TEAM,)), f'"id" IN ({LISTED})'),
        ("steps", OnePipeline(PIPELINE), f"\"pipeline_id\" = '{PIPELINE}'"),
        ("team_members", Teams((TEAM,)), f"\"team_id\" IN ('{TEAM}')"),
        ("pipelines", Teams((TEAM,)), f"\"team_id\" IN ('{TEAM}') AND \"deleted_at\" IS NULL"),
        ("steps", Nobody(), '"pipeline_id" IS NULL'),
    ],
)  # fmt: skip
def test_a_condition_says_who_sees_what(name: str, scope: Scope, expected: str) -> None:
    assert flat_predicate(scope, TABLES[name], IDS) == expected


def test_the_tables_that_are_published_are_those_of_shapes() -> None:
    assert set(TABLES) == PUBLISHED


def test_who_sees_no_pipeline_sees_no_step() -> None:
    assert flat_predicate(Teams((TEAM,)), TABLES["steps"], []) == '"pipeline_id" IS NULL'


def test_ids_are_ids_whatever_a_store_says() -> None:
    with pytest.raises(ValueError, match="UUID"):
        flat_predicate(Teams((TEAM,)), TABLES["steps"], ["1') OR ('1' = '1"])


def test_the_ids_that_are_listed_are_those_of_the_teams() -> None:
    query = listing(Teams((TEAM,)), TABLES["comments"])
    assert query is not None
    assert (query.table, query.columns, query.limit) == ("pipelines", ("id",), MOST_IDS + 1)
    assert query.conditions == (f'"team_id" IN (\'{TEAM}\') AND "deleted_at" IS NULL',)
    assert listing(OnePipeline(PIPELINE), TABLES["comments"]) is None
    assert listing(Teams((TEAM,)), TABLES["pipelines"]) is None


def test_a_condition_cannot_leave_its_place() -> None:
    definition = Definition(TABLES["steps"], ("pipeline_id", "id"), Condition("\"name\" = 'x'"))
    shape = dict(electric_shape(definition, OnePipeline(PIPELINE), []).items)
    assert shape == {
        "table": "public.steps",
        "columns": '"pipeline_id","id"',
        "where": f"(\"pipeline_id\" = '{PIPELINE}') AND (\"name\" = 'x')",
        "replica": "default",
        "log": "full",
    }


def test_a_request_has_each_parameter_once_and_nothing_else() -> None:
    definition = of("steps")
    shape = electric_shape(definition, OnePipeline(PIPELINE), [])
    plain = asked_of(ShapeRequest(definition, "-1"), shape)
    assert plain.asked == {**dict(shape.items), "offset": "-1", "secret": SECRET}
    live = ShapeRequest(
        definition, Offset(7, 1), handle="client's", live=True, sse=True, cursor=None
    )
    more = asked_of(live, shape, "1-2").asked
    assert more == {
        **dict(shape.items), "offset": "7_1", "handle": "1-2", "live": "true",
        "live_sse": "true", "cursor": "", "secret": SECRET,
    }  # fmt: skip
    for received in (plain, asked_of(live, shape, "1-2")):
        _check(received)


@pytest.mark.parametrize(
    "text", ["a&secret=x&table=users", "a#b", "50%25", "ü+ +", "'); --", 'a"b', "\r\nhost: x"]
)
def test_nothing_in_a_condition_becomes_a_parameter(text: str) -> None:
    definition = Definition(TABLES["steps"], TABLES["steps"].default, Condition(text))
    shape = electric_shape(definition, OnePipeline(PIPELINE), [])
    asked = asked_of(ShapeRequest(definition, "-1"), shape).asked
    assert asked["where"] == f"(\"pipeline_id\" = '{PIPELINE}') AND ({text})"
    assert asked["table"] == "public.steps"
    assert asked["secret"] == SECRET


def test_a_subset_is_a_body_of_our_own() -> None:
    definition = of("steps")
    shape = electric_shape(definition, OnePipeline(PIPELINE), [])
    subset = Subset(Condition("\"name\" = 'x'"), Order('"name" DESC'), 10, 20)
    for asked, expected in (
        (subset, {"where": "\"name\" = 'x'", "order_by": '"name" DESC', "limit": 10, "offset": 20}),
        (Subset(), {"where": '"pipeline_id" IS NOT NULL'}),
    ):
        received = asked_of(ShapeRequest(definition, "-1", subset=asked), shape)
        assert json.loads(received.body) == {"subset": expected}
        _check(received)


def test_as_many_pipelines_as_fit_into_an_address_and_no_more() -> None:
    definition = of("steps")

    def ask(number: int) -> Received:
        shape = electric_shape(definition, Teams((TEAM,)), [str(uuid4()) for _ in range(number)])
        return asked_of(ShapeRequest(definition, Offset(2**63 - 1, 2**63 - 1)), shape, "9" * 40)

    most = max(number for number in range(MOST_IDS + 1) if _fits(ask, number))
    assert most > 200
    received = ask(most)
    assert LONGEST - 60 < len(received.target) <= LONGEST
    for number in (most + 1, MOST_IDS + 1):
        with pytest.raises(InvalidShape, match="one pipeline: pipeline_id = "):
            ask(number)


def _fits(ask: object, number: int) -> bool:
    try:
        ask(number)  # type: ignore[operator]
    except InvalidShape:
        return False
    return True


def test_a_handle_is_good_for_its_shape_and_stay_only() -> None:
    handles = Handles(SECRET)
    came, later = (TEAM, NOON), (TEAM, NOON + timedelta(microseconds=1))
    view = ElectricView(electric_shape(of("steps"), OnePipeline(PIPELINE), []), (came,))
    other = ElectricView(electric_shape(of("steps"), OnePipeline(TEAM), []), (came,))
    given = handles.wrapped("123-456", view, "a1")
    assert handles.unwrapped(given, view) == "123-456"
    assert handles.unwrapped(given, other) is None
    for since in ((later,), (came, came), ((TEAM, None),), ((PIPELINE, NOON),), ()):
        assert handles.unwrapped(given, replace(view, since=since)) is None
    assert Handles("another secret").unwrapped(given, view) is None
    for made_up in ("123-456", "123-456.a1", "123-456.a1.", given[:-1], f"{given}0", "", "é.é.é"):
        assert handles.unwrapped(made_up, view) is None
    assert handles.wrapped("123-456", view, "a2") != given
