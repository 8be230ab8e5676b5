"""Requests made up from a seed: each is answered as the protocol has it, with nothing of others."""

import json
from random import Random
from urllib.parse import quote_plus
from uuid import UUID

import httpx
import pytest

from app.shapes.tables import TABLES
from persistence.postgres.pool import Pool
from tests.app.shapes.test_copies_and_rows import Clients, an_engine
from tests.app.shapes.worlds import World, build, read, seen
from tests.rounds import rounds, some

ANSWERS = {200, 202, 204, 400, 404, 405, 409}


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """These tests change rows and no schema."""
    return emptied_database_url


def values(random: Random, world: World) -> dict[str, list[str]]:
    """What may stand in each parameter, much of it wrong."""
    team, pipeline = random.choice(world.teams), random.choice(world.pipelines)
    conditions = [
        "", "true", "1=1) OR (1=1", f"pipeline_id = '{pipeline}'", f"team_id = '{team}'",
        f"pipeline_id = '{pipeline}' OR true", "id IN (SELECT id FROM users)", "$1 = $1",
        f"\"team_id\" = '{team}' AND \"name\" IS NOT NULL", "name LIKE $1", "pg_sleep(9)",
        "deleted_at IS NOT NULL", "--", "';", "\"name\" = ANY($1)", "NOT (id IS NULL)", "((((", "é",
    ]  # fmt: skip
    orders = ["", "id", "name DESC NULLS LAST", "1; DROP TABLE users", "random()", "nothing"]
    numbers = ["", "0", "1", "5000", "5001", "-1", "9" * 30, "1.5", "x", "NaN"]
    return {
        "table": [*TABLES, "pg_authid", "pipeline_updates", "public.steps", '"users"', "a.b.c", ""],
        "offset": ["-1", "-1", "-1", "now", "0_0", "0_inf", "9" * 18 + "_0", "1_1_1", "-2", ""],
        "handle": ["", "1-1", "x" * 300, "💥"],
        "live": ["true", "false", ""],
        "live_sse": ["true", "false"],
        "columns": [
            "id",
            "*",
            "id,name",
            "state",
            "id,preferences",
            "pipeline_id,id,name",
            "",
            '"',
        ],
        "where": conditions,
        "params": ['{"1":"a"}', '["a"]', "[]", "{", "null", '{"1":null}', '{"x":1}'],
        "params[1]": [str(pipeline), "a", "", "{a,b}", "\\"],
        "params[2]": ["a"],
        "replica": ["full", "default", "half"],
        "log": ["changes_only", "full", "none"],
        "cursor": ["", "20", "x"],
        "subset__where": conditions,
        "subset__order_by": orders,
        "subset__limit": numbers,
        "subset__offset": numbers,
        "subset__params": ['{"1":"a"}', "[", '{"1":{}}'],
        "expired_handle": ["x"],
        "secret": ["x"],
        "nonsense": ["x"],
    }


def a_query(random: Random, world: World) -> str:
    """A query that names a table and an offset more often than not; some parameters twice."""
    vocabulary = values(random, world)
    names = [name for name in ("table", "offset") if random.random() < 0.95]
    names += random.choices([*vocabulary], k=random.randint(0, 4))
    pairs = [f"{name}={quote_plus(random.choice(vocabulary[name]))}" for name in names]
    text = "&".join(pairs)
    if random.random() < 0.1:
        place = random.randrange(len(text) + 1)
        text = (
            text[:place] + random.choice(("%", "%ff", "&&", "=", "%00", "+", "%7f")) + text[place:]
        )
    return text


def a_body(random: Random, world: World) -> bytes:
    vocabulary = values(random, world)
    body: dict[str, object] = {
        "where": random.choice(vocabulary["subset__where"]),
        "order_by": random.choice(vocabulary["subset__order_by"]),
        "limit": random.choice([1, 5, -1, None, "x", 10**30, True]),
        "offset": random.choice([0, 1, None, -1]),
        "params": random.choice([{"1": "a"}, ["a"], "a", None, {"1": ["a"]}]),
        "table": "users",
        "columns": "id,email",
        "subset": {"where": "true"},
    }
    kept = {name: body[name] for name in random.sample([*body], random.randint(0, 4))}
    return random.choice([json.dumps(kept).encode(), json.dumps(kept).encode()[:-1], b"[]", b""])


async def ask(client: httpx.AsyncClient, random: Random, world: World) -> httpx.Response:
    address = "/v1/shape?" + a_query(random, world)
    # Only a copy could have a live request wait for long.
    method = random.choice(("GET", "GET", "GET", "POST", "POST", "DELETE", "OPTIONS", "PUT"))
    content = a_body(random, world) if method == "POST" else None
    return await client.request(method, address, content=content)


async def hidden(pool: Pool, user_id: UUID) -> set[str]:
    """The ids of what a user does not see; of authors the id may stand in a row that is seen."""
    ids: set[str] = set()
    for table, column in (("pipelines", "id"), ("steps", "id"), ("comments", "id"),
                          ("team_members", "team_id"), ("pipeline_versions", "id")):  # fmt: skip
        statement = f"SELECT {column}::text FROM {table}"
        there = {text for (text,) in await read(pool._driver, statement)}
        ids |= there - {text for (text,) in await seen(pool._driver, user_id, statement)}
    return ids


@pytest.mark.parametrize("seed", some(range(40), 2))
async def test_whatever_is_asked(pool: Pool, database_url: str, seed: int) -> None:
    random = Random(seed)
    world = await build(pool._driver, random)
    secret = {user_id: await hidden(pool, user_id) for user_id in world.users}
    statuses = set()
    async with an_engine(database_url, seed) as endpoint, Clients() as clients:
        asking = [(user_id, clients.of(endpoint, user_id)) for user_id in world.users]
        for _ in range(rounds(600, 150)):
            user_id, client = random.choice(asking)
            answer = await ask(client, random, world)
            said = f"{answer.request.method} {answer.request.url}: {answer.text[:300]}"
            assert answer.status_code in ANSWERS, said
            statuses.add(answer.status_code)
            if answer.status_code == 400:
                assert answer.json()["errors"], said
            if answer.status_code == 200:
                assert not any(id_ in answer.text for id_ in secret[user_id]), said
                assert "secret" not in answer.text
    assert {200, 400} <= statuses
