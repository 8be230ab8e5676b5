"""Whatever is asked, the answer is a legal one and has no row that its user does not see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from app.shapes.errors import InvalidShape
from app.shapes.parameters import RequestLimits, parse_request
from tests.app.shapes.copies import http
from tests.app.shapes.fuzz import a_body, a_query
from tests.app.shapes.worlds import World, add_rows, an_id, build, read, seen
from tests.rounds import rounds, some
from tests.server import Installation, Server

SECRET = "forbidden-thread"


@pytest.mark.parametrize("seed", some(range(200), 5))
def test_what_is_read_is_a_request_or_refused(seed: int) -> None:
    random = Random(seed)
    world = World(teams=[an_id(random)], pipelines=[an_id(random)])
    understood = 0
    for _ in range(300):
        query = a_query(random, world)
        body = a_body(random, world) if random.random() < 0.4 else None
        with suppress(InvalidShape):
            parse_request(query, body, RequestLimits())
            understood += 1
    assert understood > 20, seed


@pytest.fixture
async def strangers(shared_installation: Installation) -> AsyncIterator[set[str]]:
    """The ids of a team of others, in which all texts say SECRET."""
    random, world = Random(1), World()
    ids = [uuid4() for _ in range(4)]
    user_id, organization, team, pipeline = ids
    world.users.append(user_id)
    async with shared_installation.sql() as sql:
        await sql.execute(
            "INSERT INTO users (id, email, name) VALUES ($1, $2, $3)",
            user_id,
            f"{user_id}@x",
            SECRET,
        )
        await sql.execute(
            "INSERT INTO organizations (id, name, slug) VALUES ($1, $2, md5(random()::text))",
            organization,
            SECRET,
        )
        await sql.execute(
            "INSERT INTO teams (id, organization_id, name, slug) VALUES ($1, $2, $3, $3)",
            team,
            organization,
            SECRET,
        )
        await sql.execute("INSERT INTO team_members VALUES ($1, $2, 'owner')", team, user_id)
        await sql.execute(
            "INSERT INTO pipelines (id, team_id, name) VALUES ($1, $2, $3)", pipeline, team, SECRET
        )
        await add_rows(sql, random, world, pipeline, [an_id(random)])
        yield {str(one) for one in ids} | {SECRET}
        await sql.execute("DELETE FROM organizations WHERE id = $1", organization)


HIDDEN = {
    "pipelines": "id",
    "steps": "id",
    "comments": "id",
    "team_members": "team_id",
    "pipeline_versions": "id",
}
"""Tables with a column of ids that stand in no row of another table which may be seen."""


async def hidden(sql: Any, user_id: UUID) -> set[str]:
    """The ids of what a user does not see under row-level security."""
    ids: set[str] = set()
    for table, column in HIDDEN.items():
        statement = f"SELECT {column}::text FROM {table}"
        there = {text for (text,) in await read(sql, statement)}
        ids |= there - {text for (text,) in await seen(sql, user_id, statement)}
    return ids


async def ask(client: httpx.AsyncClient, random: Random, world: World) -> httpx.Response:
    """Ask for anything; who is to wait for an answer goes away."""
    method = random.choice(("GET",) * 5 + ("POST",) * 3 + ("DELETE", "OPTIONS", "PUT"))
    query = a_query(random, world).decode()
    headers = {}
    if random.random() < 0.05:
        headers["Authorization"] = random.choice(("Bearer x", "Basic eDp4", "Bearer", ""))
    content = a_body(random, world) if method == "POST" else None
    return await client.request(method, f"/v1/shape?{query}", content=content, headers=headers)


LEGAL = {200, 202, 204, 400, 401, 404, 405, 409, 429}


@pytest.mark.parametrize("seed", some(range(50), 2))
async def test_no_request_gets_rows_of_others(
    shared_server: Server, shared_installation: Installation, strangers: set[str], seed: int
) -> None:
    random = Random(seed)
    counts: dict[int, int] = {}
    async with shared_installation.sql() as sql, AsyncExitStack() as stack:
        world = await build(sql, random)
        asking = []
        for user_id in world.users:
            token = await shared_installation.token(f"{user_id}@example.org")
            client = await stack.enter_async_context(http(shared_server, token))
            asking.append((client, await hidden(sql, user_id) | {"secret"}))
        for _ in range(rounds(600, 120)):
            client, unseen = random.choice(asking)
            with suppress(TimeoutError):
                async with asyncio.timeout(3):
                    answer = await ask(client, random, world)
                counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
                check(answer, strangers, unseen, seed)
    assert counts[200] > 5, counts
    assert counts[400] > 5, counts
    assert shared_server.program.log.count("unexpected_error") == 0


def check(answer: httpx.Response, strangers: set[str], unseen: set[str], seed: int) -> None:
    """An answer is of the protocol, and rows are such as the user sees."""
    where = f"seed {seed}: {answer.request.method} {answer.request.url}: {answer.text[:300]}"
    assert answer.status_code in LEGAL, where
    assert not any(secret in answer.text for secret in strangers), where
    if answer.status_code == 400:
        assert answer.json()["errors"], where
    # A refusal may repeat what was asked for.
    if answer.status_code == 200:
        assert not any(secret in answer.text for secret in unseen), where


async def test_a_subset_of_everything_has_no_row_of_others(
    shared_server: Server, owner_token: str, strangers: set[str]
) -> None:
    async with http(shared_server, owner_token) as client:
        for query in ("table=teams", "table=users&where=true%20OR%20true", "table=steps"):
            answer = await client.post(
                f"/v1/shape?{query}&offset=-1",
                json={"where": "id = $1 OR true", "params": {"1": str(UUID(int=0))}},
            )
            assert answer.status_code == 200
            assert answer.json()["data"]
            assert not any(secret in answer.text for secret in strangers)
