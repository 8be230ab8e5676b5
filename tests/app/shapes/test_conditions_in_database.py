"""What is written for a condition means in PostgreSQL what the text of the client means there."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from random import Random
from typing import Any

import asyncpg
import pytest

from app.shapes.conditions import Condition, ConditionLimits, compile_condition, compile_order
from app.shapes.errors import InvalidShape
from app.shapes.scopes import Teams, predicate
from app.shapes.tables import TABLES
from tests.app.shapes.texts import a_condition, a_soup
from tests.app.shapes.worlds import build, read
from tests.rounds import some

LIMITS = ConditionLimits()

TEXTS = [
    "status = 'active'",
    "NOT is_template AND status <> 'draft' OR name = 'weave'",
    "name LIKE 'w%' OR name ILIKE 'SP_N' OR description NOT LIKE '%wool'",
    r"name LIKE '100\%' OR name = 'a\b'",
    "description IS NULL OR description IS NOT NULL AND name = ''",
    "NOT description IS NULL",
    "description IS DISTINCT FROM 'cloth'",
    "description IS NOT DISTINCT FROM NULL",
    "is_template IS TRUE OR is_template IS NOT FALSE",
    "(description = 'cloth') IS UNKNOWN",
    "tags @> ARRAY['a'] OR tags <@ '{b,\"c d\"}' OR tags && $4",
    "'a' = ANY(tags) AND NOT 'b' = ANY (tags)",
    "name <> ALL($4)",
    "id = ANY($3)",
    "id IN ($1, $2)",
    "team_id NOT IN ($1)",
    "created_at > '2000-01-01' AND created_at < '2999-12-31T10:00:00.000Z'",
    "created_at::date BETWEEN '2000-01-01' AND '2999-01-01'",
    "created_at >= '2000-01-01'::timestamp with time zone",
    "length(name) > 3 AND length(coalesce(description, '')) <= 5",
    "lower(name) = 'spin' OR UPPER(\"name\") = 'WEAVE'",
    "concat(name, '-', description) = 'weave-cloth'",
    "name || '/' || status = 'Spin/draft' OR name || '' LIKE 'd%'",
    "cardinality(tags) BETWEEN 1 AND 2",
    "tags::text = '{a}' OR id::text LIKE '%0%'",
    "config::text = '{}'",
    "deleted_at IS NULL",
    "published_at IS NULL AND is_template = false OR false",
    "pipelines.name = 'weave' AND public.pipelines.status = 'active'",
    "true = true",
    "NOT NOT is_template",
    "is_template > 'false'",
    "created_by = $1::uuid OR created_by = CAST($2 AS uuid)",
    "name = 'a' OR name = 'Spin' AND is_template OR NOT is_template AND status = 'draft'",
    "name BETWEEN 'a' AND 'x' AND status IN ('draft', 'active')",
    "coalesce(description, name) = 'cloth'",
]


@pytest.fixture
async def sql(emptied_database_url: str) -> AsyncIterator[Any]:
    """These tests change rows and no schema."""
    connection = await asyncpg.connect(emptied_database_url)
    yield connection
    await connection.close()


def substituted(text: str, parameters: Mapping[int, str]) -> str:
    return re.sub(
        r"\$([0-9]+)",
        lambda match: "'" + parameters[int(match[1])].replace("'", "''") + "'",
        text,
    )


async def ids(sql: Any, where: str) -> list[object]:
    return [key for (key,) in await read(sql, f"SELECT id FROM pipelines WHERE {where}")]


async def test_what_is_written_means_what_was_meant(sql: Any) -> None:
    world = await build(sql, Random(1), teams=12)
    pipelines, teams = world.pipelines, world.teams
    parameters = {
        1: str(pipelines[0]),
        2: str(teams[0]),
        3: f"{{{pipelines[1]},{pipelines[2]}}}",
        4: '{a,"e\\"f"}',
    }
    everything = len(pipelines)
    told = 0
    for text in TEXTS:
        condition = compile_condition(text, parameters, TABLES["pipelines"], LIMITS)
        found = await ids(sql, condition.sql)
        assert found == await ids(sql, substituted(text, parameters)), text
        told += 0 < len(found) < everything
    assert told > len(TEXTS) / 2


@pytest.mark.parametrize("seed", some(range(40), 2))
async def test_random_conditions_mean_the_same(sql: Any, seed: int) -> None:
    random = Random(seed)
    await build(sql, Random(1), teams=8)
    compared = 0
    for _ in range(300):
        text = a_condition(random)
        parameters = {1: "weave", 2: "{a}", 3: "2026-01-01"}
        try:
            condition = compile_condition(text, parameters, TABLES["pipelines"], LIMITS)
            meant = await ids(sql, substituted(text, parameters))
        except (InvalidShape, asyncpg.PostgresError):
            continue
        assert await ids(sql, condition.sql) == meant, f"seed {seed}: {text}"
        compared += 1
    assert compared > 100, seed


REFUSED = (
    asyncpg.DataError,
    asyncpg.UndefinedFunctionError,
    asyncpg.DatatypeMismatchError,
    asyncpg.AmbiguousFunctionError,
    asyncpg.CannotCoerceError,
    asyncpg.IndeterminateDatatypeError,
)
"""What PostgreSQL may say to what was written: values and types do not fit, and never syntax."""


async def relations(sql: Any, where: str) -> set[str]:
    plan = await sql.fetchval(f"EXPLAIN (FORMAT JSON) SELECT id FROM pipelines WHERE {where}")
    text = plan if isinstance(plan, str) else json.dumps(plan)
    return set(re.findall(r'"(?:Relation|Function|CTE) Name": "([^"]*)"', text))


@pytest.mark.parametrize("seed", some(range(100), 3))
async def test_no_text_reaches_other_rows(sql: Any, seed: int) -> None:
    random = Random(seed)
    world = await build(sql, Random(1), users=3, teams=2)
    scope = predicate(Teams((world.teams[0],)), TABLES["pipelines"])
    allowed = set(await ids(sql, scope))
    written = 0
    for _ in range(500):
        text = a_soup(random)
        condition = written_or_refused(text)
        if condition is None:
            continue
        written += 1
        try:
            assert await relations(sql, condition.sql) <= {"pipelines"}, f"seed {seed}: {text!r}"
            found = await ids(sql, f"({condition.sql}) AND ({scope})")
        except REFUSED:
            continue
        assert set(found) <= allowed, f"seed {seed}: {text!r}"
    assert written > 20, seed


def written_or_refused(text: str) -> Condition | None:
    parameters = {1: "weave", 2: "{a}", 3: "2026-01-01"}
    try:
        return compile_condition(text, parameters, TABLES["pipelines"], LIMITS)
    except InvalidShape:
        return None


@pytest.mark.parametrize("text", ["name DESC", "lower(name), created_at NULLS FIRST", "tags"])
async def test_an_order_is_total(sql: Any, text: str) -> None:
    await build(sql, Random(1))
    order = compile_order(text, TABLES["pipelines"], LIMITS)

    rows = await sql.fetch(f"SELECT id FROM pipelines ORDER BY {order.sql}")
    other = await sql.fetch(f"SELECT id FROM pipelines ORDER BY {text}, id")

    assert rows == other
