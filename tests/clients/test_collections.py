"""Shapes in React and in TanStack DB: hooks, collections, queries that join them, and writes."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio

from tests.clients.shapes import Clients, Collection, Team, new_team
from tests.server import PATIENCE, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def http(clients: Clients, team: Team) -> AsyncIterator[httpx.AsyncClient]:
    """REST as the owner of the team."""
    headers = {"Authorization": f"Bearer {await team.token()}"}
    base_url = clients.server.http("/api")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=PATIENCE) as http:
        yield http


@pytest_asyncio.fixture(loop_scope="session")
async def document(team: Team, http: httpx.AsyncClient) -> str:
    """A pipeline of the team that has a document, and nothing in it."""
    made = await http.post("/pipelines", json={"team_id": str(team.id), "name": "Loom"})
    return str(made.json()["id"])


async def steps_of(clients: Clients, team: Team, pipeline: str, **options: str) -> Collection:
    """Make the collection of a pipeline's steps, which writes over REST."""
    where = {"where": "pipeline_id = $1", "params": [pipeline]}
    rest = f"/api/pipelines/{pipeline}/steps"
    return await clients.collection(
        await team.token(), table="steps", rest=rest, **where, **options
    )


async def test_a_hook_renders_what_comes(clients: Clients, team: Team) -> None:
    pipeline = await team.pipeline("first")
    where = {"where": f"team_id = '{team.id}'", "columns": ["id", "name"]}
    name = await clients.hook(await team.token(), table="pipelines", **where)

    async def shows(*wanted: str) -> None:
        async def has() -> bool:
            seen = await clients.driver.shown(name)
            assert not seen.get("isError"), seen
            return not seen.get("isLoading") and sorted(seen["items"]) == sorted(wanted)

        await eventually(f"a list of {wanted}", has)

    await shows("first")
    await team.pipeline("second")
    await shows("first", "second")
    await team.sql.execute("DELETE FROM pipelines WHERE id = $1", UUID(pipeline))
    await shows("second")


@pytest.mark.parametrize("sse", [False, True], ids=["long poll", "server-sent events"])
@pytest.mark.parametrize("mode", ["eager", "progressive"])
async def test_a_collection_of_all(clients: Clients, team: Team, mode: str, sse: bool) -> None:
    where = {"where": "team_id = $1", "params": [str(team.id)]}
    await team.pipeline("first")
    token = await team.token()
    rows = await clients.collection(token, table="pipelines", mode=mode, **where, liveSse=sse)
    await rows.names("first")
    second = UUID(await team.pipeline("second"))
    await rows.names("first", "second")
    await team.sql.execute("UPDATE pipelines SET name = 'renamed' WHERE id = $1", second)
    await rows.names("first", "renamed")
    await team.sql.execute("DELETE FROM pipelines WHERE id = $1", second)
    await rows.names("first")


@pytest.mark.parametrize("mode", ["on-demand", "progressive"])
async def test_a_query_asks_for_what_it_shows(clients: Clients, team: Team, mode: str) -> None:
    for name in ("d", "b", "c", "a"):
        await team.pipeline(name)
    where = {"where": "team_id = $1", "params": [str(team.id)]}
    source = await clients.collection(await team.token(), table="pipelines", mode=mode, **where)
    query = await clients.first(source, order="name", limit=2, where={"status": "draft"})
    await query.names("a", "b")
    asked = (await source.look())["requests"]
    assert {request.get("subset__limit") for request in asked} >= {"2"}
    assert {request["log"] for request in asked} == {"changes_only"} or mode == "progressive"
    await team.pipeline("aa")
    await query.names("a", "aa")
    await team.sql.execute(
        "UPDATE pipelines SET status = 'active' WHERE team_id = $1 AND name = 'a'", team.id
    )
    await query.names("aa", "b")


NESTED = ["and", ["or", ["eq", "$name", "A"], ["gt", "$position_x", 2]], ["eq", "$enabled", True]]
EXPRESSIONS: list[tuple[list[Any], str]] = [
    (["eq", "$name", "A"], "A"),
    (["gt", "$position_x", 1], "c d_1"),
    (["lte", "$position_x", 1], "A b"),
    (["eq", "$enabled", False], "b"),
    (["lt", "$enabled", True], "b"),
    (["inArray", "$name", ["A", "c", "none"]], "A c"),
    (["like", "$name", "d%"], "d_1"),
    (["ilike", "$name", "a"], "A"),
    (["not", ["eq", "$name", "A"]], "b c d_1"),
    (["isNull", "$parent_step_id"], "A c d_1"),
    (["not", ["isNull", "$parent_step_id"]], "b"),
    (NESTED, "A d_1"),
    (["eq", ["lower", "$name"], "a"], "A"),
    (["eq", ["upper", "$name"], "B"], "b"),
    (["gt", ["length", "$name"], 1], "d_1"),
    (["eq", ["concat", "$name", "$type"], "cclaude"], "c"),
    (["eq", ["coalesce", "$declared_type", "none"], "none"], "A b c d_1"),
    (["gt", "$created_at", "2020-01-01"], "A b c d_1"),
]


@pytest.mark.parametrize(("expression", "found"), EXPRESSIONS, ids=[str(e[0]) for e in EXPRESSIONS])
async def test_a_query_says_what_it_asks_for(
    clients: Clients, team: Team, expression: list[Any], found: str
) -> None:
    """What TanStack DB makes of its operators is understood; of `add` it makes no SQL."""
    source = await clients.collection(
        await team.token(), table="steps", mode="on-demand", **await four_steps(team)
    )
    await (await clients.matching(source, expression)).names(*found.split())
    # It was the server that has chosen.
    assert {row["name"] for row in (await source.look())["rows"]} == set(found.split())


async def four_steps(team: Team) -> dict[str, object]:
    """Make four steps; return the parameters of their shape."""
    pipeline = await team.pipeline("sorted")
    first, second, *_ = [await team.step(pipeline, name) for name in ("A", "b", "c", "d_1")]
    await team.sql.execute(
        "UPDATE steps SET position_x = ascii(lower(name)) - ascii('a') WHERE pipeline_id = $1",
        UUID(pipeline),
    )
    await team.sql.execute(
        "UPDATE steps SET enabled = false, parent_step_id = $2 WHERE pipeline_id = $1 AND id = $3",
        UUID(pipeline), UUID(first), UUID(second),
    )  # fmt: skip
    return {"where": "pipeline_id = $1", "params": [pipeline]}


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ([("position_x", "desc")], "d_1 c b"),
        ([("enabled", "asc"), ("position_x", "desc")], "b d_1 c"),
        ([("parent_step_id", {"direction": "desc", "nulls": "last"}), ("name", "asc")], "b A c"),
        ([("parent_step_id", {"direction": "asc", "nulls": "first"}), ("name", "desc")], "A d_1 c"),
    ],
    ids=str,
)
async def test_a_query_says_in_which_order(
    clients: Clients, team: Team, order: list[tuple[str, Any]], found: str
) -> None:
    source = await clients.collection(
        await team.token(), table="steps", mode="on-demand", **await four_steps(team)
    )
    query = await clients.matching(source, ["isNull", "$declared_type"], *order)
    await query.names(*found.split())


async def test_a_query_joins_collections(clients: Clients, team: Team) -> None:
    token = await team.token()
    first, second = await team.pipeline("first"), await team.pipeline("second")
    for name in ("a", "b"):
        await team.step(first, name)
    pipelines = await clients.collection(token, table="pipelines")
    steps = await clients.collection(token, table="steps")
    counts = await clients.counts(pipelines, steps, "pipeline_id")

    async def has(**wanted: int | None) -> None:
        async def counted() -> bool:
            rows = (await counts.look())["rows"]
            return {row["id"]: row.get("number") for row in rows} == wanted

        await eventually(f"counts {wanted}", counted)

    await has(**{first: 2, second: None})
    await team.step(second, "c")
    await has(**{first: 2, second: 1})
    await team.sql.execute("DELETE FROM steps WHERE pipeline_id = $1 AND name = 'a'", UUID(first))
    await has(**{first: 1, second: 1})
    await team.sql.execute("DELETE FROM pipelines WHERE id = $1", UUID(second))
    await has(**{first: 1})


@pytest.mark.parametrize("mode", ["eager", "on-demand", "progressive"])
async def test_steps_are_shown_before_they_are_written(
    clients: Clients, team: Team, document: str, mode: str
) -> None:
    steps = await steps_of(clients, team, document, mode=mode)
    if mode == "on-demand":
        await clients.first(steps, order="name", limit=10)
    await steps.names()
    step = {"id": str(uuid4()), "name": "first", "type": "claude", "position_x": 1, "position_y": 2}
    inserted = await steps.insert(step)
    assert names(inserted["meanwhile"]) == names(inserted["afterwards"]) == ["first"]
    # Afterwards it is the row of the table, which has what nobody has given.
    assert inserted["afterwards"][0]["width"] == 200
    updated = await steps.update(step["id"], name="renamed", position_x=50, position_y=60)
    assert names(updated["meanwhile"]) == names(updated["afterwards"]) == ["renamed"]
    assert updated["afterwards"][0]["position_x"] == 50
    deleted = await steps.delete(step["id"])
    assert deleted["meanwhile"] == deleted["afterwards"] == []
    written = (await steps.look())["written"]
    assert len(set(written)) == 3
    assert all(written)


async def test_comments_have_ids_of_the_server(clients: Clients, team: Team, document: str) -> None:
    where = {"where": "pipeline_id = $1", "params": [document]}
    rest = f"/api/pipelines/{document}/comments"
    comments = await clients.collection(await team.token(), table="comments", rest=rest, **where)
    await comments.names(by="content")
    inserted = await comments.insert({"id": "not yet", "content": "first"})
    assert [row["id"] for row in inserted["meanwhile"]] == ["not yet"]
    (row,) = inserted["afterwards"]
    assert UUID(row["id"])
    await comments.update(row["id"], content="other")
    await comments.names("other", by="content")
    await comments.delete(row["id"])
    await comments.names(by="content")


async def test_what_is_refused_is_taken_back(clients: Clients, team: Team, document: str) -> None:
    steps = await steps_of(clients, team, document)
    await steps.names()
    refused = {"id": str(uuid4()), "name": "", "type": "claude", "position_x": 0, "position_y": 0}
    with pytest.raises(AssertionError, match="422"):
        await steps.insert(refused)
    await steps.names()


async def test_a_transaction_of_several_tables(
    clients: Clients, team: Team, document: str, http: httpx.AsyncClient
) -> None:
    """Each shape that a transaction concerns says so, also where a row only leaves."""
    where = {"where": "pipeline_id = $1", "params": [document]}
    token = await team.token()
    steps, connections, comments = [
        await clients.collection(token, table=table, **where)
        for table in ("steps", "connections", "comments")
    ]
    ids = [str(uuid4()), str(uuid4())]
    for step in ids:
        wanted = {"id": step, "name": f"step {step}", "type": "claude"}
        (await http.post(f"/pipelines/{document}/steps", json=wanted)).raise_for_status()
    wire = {"from_step_id": ids[0], "to_step_id": ids[1]}
    made = await http.post(f"/pipelines/{document}/connections", json=wire)
    await clients.driver.await_transaction(connections.name, int(made.headers["Transaction-Id"]))
    assert len((await connections.look())["rows"]) == 1
    said = await http.post(f"/pipelines/{document}/comments", json={"content": "why?"})
    await clients.driver.await_transaction(comments.name, int(said.headers["Transaction-Id"]))
    gone = await http.delete(f"/pipelines/{document}/steps/{ids[0]}")
    transaction = int(gone.headers["Transaction-Id"])
    await clients.driver.await_transaction(steps.name, transaction)
    await clients.driver.await_transaction(connections.name, transaction)
    await steps.names(f"step {ids[1]}")
    assert (await connections.look())["rows"] == []
    deleted = await http.delete(f"/pipelines/{document}")
    assert deleted.headers["Transaction-Id"]
    for collection in (steps, connections, comments):
        await collection.names()


async def test_a_transaction_of_somebody_s_sql(clients: Clients, team: Team) -> None:
    pipeline = await team.pipeline("first")
    rows = await clients.collection(await team.token(), table="pipelines")
    await rows.names("first")
    for statement in (
        "UPDATE pipelines SET name = 'second' WHERE id = $1",
        # Nothing that a client sees has changed.
        "UPDATE pipelines SET name = name WHERE id = $1",
        "DELETE FROM pipelines WHERE id = $1",
    ):
        async with team.sql.transaction():
            await team.sql.execute(statement, UUID(pipeline))
            transaction = await team.sql.fetchval("SELECT pg_current_xact_id()::xid::text")
        await clients.driver.await_transaction(rows.name, int(transaction))
    await rows.names()


@pytest.mark.parametrize("mode", ["eager", "on-demand", "progressive"])
async def test_a_collection_is_emptied_when_its_user_leaves(
    clients: Clients, team: Team, mode: str
) -> None:
    guest = await new_team(team.installation, team.sql)
    await team.pipeline("secret")
    await team.joined_by(guest.owner)
    where = {"where": "team_id = $1", "params": [str(team.id)]}
    rows = await clients.collection(await guest.token(), table="pipelines", mode=mode, **where)
    query = await clients.first(rows, order="name", limit=10)
    await query.names("secret")
    await team.left_by(guest.owner)
    await rows.names()
    await query.names()
    await team.joined_by(guest.owner)
    await rows.names("secret")
    await query.names("secret")


async def test_a_truncated_table_empties_collections(clients: Clients, team: Team) -> None:
    pipeline = await team.pipeline("commented")
    await team.comment(pipeline, "first")
    where = {"where": "pipeline_id = $1", "params": [pipeline]}
    comments = await clients.collection(await team.token(), table="comments", **where)
    await comments.names("first", by="content")
    await team.sql.execute("TRUNCATE comments CASCADE")
    await comments.names(by="content")
    await team.comment(pipeline, "second")
    await comments.names("second", by="content")


def names(rows: list[dict[str, str]]) -> list[str]:
    """Return the names of rows, in order."""
    return sorted(row["name"] for row in rows)
