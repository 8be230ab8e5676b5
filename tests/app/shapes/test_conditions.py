"""What clients may write in `where` and `order_by`, and what becomes of it."""

from contextlib import suppress

import pytest

from app.shapes.conditions import Condition, ConditionLimits, compile_condition, compile_order
from app.shapes.errors import InvalidShape
from app.shapes.syntax import SyntaxLimits
from app.shapes.tables import TABLES

LIMITS = ConditionLimits()
TEAM = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


def condition(text: str, *parameters: str, table: str = "pipelines") -> Condition:
    return compile_condition(text, dict(enumerate(parameters, 1)), TABLES[table], LIMITS)


def refusal(text: str, *parameters: str, table: str = "pipelines") -> str:
    with pytest.raises(InvalidShape) as caught:
        condition(text, *parameters, table=table)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("", "TRUE"),
        ("status='active'", "(\"status\" = 'active')"),
        ('"status" = $1', "(\"status\" = 'x')"),
        ("NOT is_template AND name LIKE 'a%'", '((NOT "is_template") AND ("name" LIKE \'a%\'))'),
        ("name IS NOT NULL OR true", '(("name" IS NOT NULL) OR TRUE)'),
        ("created_at > '2026-01-01'", "(\"created_at\" > '2026-01-01')"),
        ("id = ANY($1)", "(\"id\" = ANY ('x'))"),
        ("pipelines.tags @> ARRAY['a']", "(\"tags\" @> ARRAY['a'])"),
        ("true = true", "(TRUE = TRUE)"),
        ("name = 'it''s \\'", "(\"name\" = E'it''s \\\\')"),
        ("config::text <> '{}'", "((\"config\"::text) <> '{}')"),
        ("id IN ($1, $1)", "(\"id\" IN ('x', 'x'))"),
        ("NAME NOT IN ('x')", "(\"name\" NOT IN ('x'))"),
        ("length(name) BETWEEN -1 AND 5.5", '(length("name") BETWEEN -1 AND 5.5)'),
        ("coalesce(name, 'a') || 'b' ILIKE $1", "((coalesce(\"name\", 'a') || 'b') ILIKE 'x')"),
        ("name IS DISTINCT FROM $1", "(\"name\" IS DISTINCT FROM 'x')"),
    ],
)
def test_what_is_written(text: str, sql: str) -> None:
    assert condition(text, "x").sql == sql


@pytest.mark.parametrize(
    "text",
    [
        "name = 'a' OR",
        "name = 'a'; DROP TABLE users",
        "1=1) OR (1=1",
        "name = 'a' -- comment",
        "name = 'a' /* comment */",
        "id IN (SELECT id FROM pipelines)",
        "EXISTS (SELECT 1)",
        "(SELECT true)",
        "pg_sleep(10) IS NULL",
        "current_user = 'x'",
        "current_setting('x') = 'y'",
        "created_at > now()",
        "created_at > 'now'",
        "created_at > ANY('{n\\ow}')",
        "created_at = ANY('{\"\\\\to\\day\"}'::timestamptz[])",
        "created_at > ' YESTERDAY 10:00'",
        "created_at = ANY('{now}')",
        "created_at > coalesce('_now')",
        "created_at > 'now'::timestamptz",
        "created_at = ANY(ARRAY['today']::timestamptz[])",
        "random() > 0.5",
        "search_vector IS NULL",
        "ctid = '(0,1)'",
        "steps.name = 'x'",
        "private.pipelines.name = 'x'",
        "pipelines IS NULL",
        "name",
        "name = 5",
        "name < id",
        "name = id",
        "config = '{}'",
        "name::int = 5",
        "'pg_class'::regclass IS NULL",
        "name LIKE description",
        "name LIKE 'x\\'",
        "E'a' = name",
        "$$a$$ = name",
        "U&'a' = name",
        "U&\"name\" = 'a'",
        "name = 'a' 'b'",
        "name = 'a' = true",
        "name < 'a' < 'b'",
        "name COLLATE \"C\" = 'a'",
        "(name, status) = ('a', 'b')",
        "tags[1] = 'a'",
        "name ~ 'x'",
        "name OPERATOR(pg_catalog.=) 'x'",
        "name = $2",
        "name = $0",
        "name = 'unfinished",
        "name = 1x",
        "\u0430 = 1",
        "CASE WHEN true THEN true END",
        "lower(name, name) = 'x'",
        "count(name) > 1",
        "'a' @> 'b'",
    ],
)
def test_what_is_refused(text: str) -> None:
    assert refusal(text, "x").startswith(("where: ", "params: "))


def test_a_refusal_says_where_it_stopped_and_what_it_expected() -> None:
    assert refusal("name = ") == (
        "where: expected a column, a literal or a parameter at character 8, got the end"
    )
    assert "there is no column nmae" in refusal("nmae = 'x'")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("name = 5", "text with number"),
        ("5 = name", "number with text"),
        ("name IN ('x', 5, true)", "text with number with bool"),
        ("true BETWEEN 5 AND name", "bool with number with text"),
    ],
)
def test_a_refusal_names_kinds_in_the_order_in_which_they_were_written(
    text: str, kinds: str
) -> None:
    assert f"cannot compare {kinds}" in refusal(text)


def test_the_equalities_are_those_that_always_hold() -> None:
    text = "team_id = $1 AND ('x' = name AND (status = 'a' OR id = $2)) AND NOT (id = $1)"

    found = condition(text, TEAM, "y")

    assert found.equalities == (("team_id", TEAM), ("name", "x"))
    assert condition("id = $1::uuid", TEAM).equal_to("id") == TEAM
    assert condition("id::text = $1", TEAM).equal_to("id") is None
    assert condition("id = $1 OR true", TEAM).equal_to("id") is None


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("", ""),
        ("name", '"name", "id"'),
        ('"created_at" DESC,"name"', '"created_at" DESC, "name", "id"'),
        ("lower(name) asc nulls last", 'lower("name") ASC NULLS LAST, "id"'),
        ("updated_at DESC NULLS FIRST", '"updated_at" DESC NULLS FIRST, "id"'),
    ],
)
def test_orders(text: str, sql: str) -> None:
    assert compile_order(text, TABLES["pipelines"], LIMITS).sql == sql


@pytest.mark.parametrize(
    "text",
    ["1", "(1)", "nmae", "name foo", "name,", "config", "random()", "name; x", "'name'", "$1"],
)
def test_orders_that_are_refused(text: str) -> None:
    with pytest.raises(InvalidShape, match="order_by"):
        compile_order(text, TABLES["pipelines"], LIMITS)


def test_limits() -> None:
    limits = ConditionLimits(SyntaxLimits(length=100, terms=20, depth=5), 2, 10, 2)
    table = TABLES["pipelines"]

    def refused(text: str, *parameters: str) -> str:
        with pytest.raises(InvalidShape) as caught:
            compile_condition(text, dict(enumerate(parameters, 1)), table, limits)
        return str(caught.value)

    assert "100 characters" in refused(" " * 100 + "true")
    assert "20 terms" in refused("true" + " OR true" * 10)
    assert "5 levels" in refused("(((((true)))))")
    assert "5 levels" in refused("NOT NOT NOT NOT NOT true")
    assert "2 parameters" in refused("true", "", "", "")
    assert "10 characters" in refused("true", "x" * 11)
    with pytest.raises(InvalidShape, match="2 columns"):
        compile_order("name, name, name", table, limits)


@pytest.mark.parametrize(
    ("opening", "inner", "closing"),
    [
        ("(", "true", ")"),
        ("NOT (", "true", ")"),
        ("NOT ", "true", ""),
        ("(true AND ", "true", ")"),
        ("lower(", "name", ")"),
        ("coalesce(", "name", ")"),
        ("ARRAY[", "name", "]"),
    ],
)
def test_the_deepest_nesting_that_a_setting_allows_is_read(
    opening: str, inner: str, closing: str
) -> None:
    limits = ConditionLimits(SyntaxLimits(depth=60))

    for levels in (58, 1_000):
        text = opening * levels + inner + closing * levels
        with suppress(InvalidShape):
            compile_condition(text[:4_000], {}, TABLES["pipelines"], limits)
