"""Shapes by Electric's own client: what it holds is what is in the tables."""

from uuid import UUID

import pytest

from tests.clients.shapes import Clients, Team, electric_clients, new_team, statuses
from tests.server import Installation

pytestmark = pytest.mark.asyncio(loop_scope="session")

OF_A_TEAM = {"where": "team_id = $1", "columns": ["id", "name"]}


def of(team: Team) -> dict[str, object]:
    """Return the parameters of the shape of a team's pipelines."""
    return {"table": "pipelines", **OF_A_TEAM, "params": [str(team.id)]}


@pytest.mark.parametrize("sse", [False, True], ids=["long poll", "server-sent events"])
async def test_a_shape_follows_whoever_writes(clients: Clients, team: Team, sse: bool) -> None:
    first = await team.pipeline("first")
    shape = await clients.shape(await team.token(), **of(team), liveSse=sse)
    assert await shape.names("first") == [{"id": first, "name": "first"}]
    await shape.live()
    await team.pipeline("second")
    await shape.names("first", "second")
    await team.sql.execute("UPDATE pipelines SET name = 'renamed' WHERE id = $1", UUID(first))
    await shape.names("renamed", "second")
    await team.sql.execute("DELETE FROM pipelines WHERE id = $1", UUID(first))
    await shape.names("second")
    seen = await shape.look()
    live = [request for request in seen["requests"] if "live" in request]
    # One connection takes everything, where each answer of a long poll is followed by a request.
    if sse:
        assert [request["type"] for request in live] == ["text/event-stream"]
        assert [request["buffering"] for request in live] == ["no"]
    else:
        assert len(live) >= 4
    assert set(statuses(seen)) <= {200, None}
    assert seen["errors"] == []


async def test_changes_only_brings_no_rows_that_were_there(clients: Clients, team: Team) -> None:
    await team.pipeline("before")
    shape = await clients.shape(await team.token(), **of(team), log="changes_only")
    await shape.live()
    after = await team.pipeline("after")
    (change,) = await shape.changes("insert")
    assert change["value"] == {"id": after, "name": "after"}


async def test_from_now_on_is_nothing_that_was_there(clients: Clients, team: Team) -> None:
    await team.pipeline("before")
    shape = await clients.shape(await team.token(), **of(team), offset="now")
    await shape.live()
    await team.pipeline("after")
    await shape.names("after")


@pytest.mark.parametrize("replica", ["default", "full"])
async def test_a_change_brings_what_was_asked_for(
    clients: Clients, team: Team, replica: str
) -> None:
    first = await team.pipeline("first")
    wanted = {**of(team), "columns": ["id", "name", "status"], "replica": replica}
    shape = await clients.shape(await team.token(), **wanted)
    await shape.live()
    await team.sql.execute("UPDATE pipelines SET name = 'other' WHERE id = $1", UUID(first))
    await shape.changes("insert", "update")
    await team.sql.execute("DELETE FROM pipelines WHERE id = $1", UUID(first))
    _, changed, deleted = await shape.changes("insert", "update", "delete")
    full = {"id": first, "name": "other", "status": "draft"}
    if replica == "full":
        assert (changed["value"], changed["old_value"]) == (full, {"name": "first"})
        assert deleted["value"] == full
    else:
        assert changed["value"] == {"id": first, "name": "other"}
        assert "old_value" not in changed
        assert deleted["value"] == {"id": first}


async def test_values_have_their_types(clients: Clients, team: Team) -> None:
    pipeline = await team.pipeline("typed")
    step = await team.step(pipeline, "first")
    await team.sql.execute(
        "UPDATE pipelines SET tags = $2, config = $3 WHERE id = $1",
        UUID(pipeline), ["a", 'b, "c"', ""], '{"timeout": 60}',
    )  # fmt: skip
    columns = ["id", "name", "tags", "config", "is_template", "description"]
    shape = await clients.shape(await team.token(), **{**of(team), "columns": columns})
    (row,) = await shape.names("typed")
    assert row == {
        "id": pipeline, "name": "typed", "tags": ["a", 'b, "c"', ""], "config": {"timeout": 60},
        "is_template": False, "description": None,
    }  # fmt: skip
    where = {"where": f"pipeline_id = '{pipeline}'"}
    steps = await clients.shape(await team.token(), table="steps", **where)
    (row,) = await steps.names("first")
    assert (row["id"], row["enabled"], row["position_x"], row["width"]) == (step, True, 0, 200)


async def test_a_key_of_several_columns(clients: Clients, team: Team) -> None:
    where = {"where": "team_id = $1", "params": [str(team.id)]}
    shape = await clients.shape(await team.token(), table="team_members", **where)
    await shape.names("owner", by="role")
    other = await new_team(team.installation, team.sql)
    await team.joined_by(other.owner, "viewer")
    await shape.names("owner", "viewer", by="role")
    await team.left_by(other.owner)
    await shape.names("owner", by="role")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_subsets_beside_the_changes(clients: Clients, team: Team, method: str) -> None:
    for name in ("first", "second", "third", "other"):
        await team.pipeline(name)
    options = {"log": "changes_only", "subsetMethod": method}
    shape = await clients.shape(await team.token(), **of(team), **options)
    await shape.live()
    subset = {"where": '"name" <> $1', "params": {"1": "other"}, "orderBy": '"name" DESC'}
    data = await clients.driver.snapshot(shape.name, {**subset, "limit": 2, "offset": 1})
    assert [row["value"]["name"] for row in data] == ["second", "first"]
    # What came as a subset is followed like everything else.
    first = data[1]["value"]["id"]
    await shape.names("first", "second")
    await team.sql.execute("UPDATE pipelines SET name = 'renamed' WHERE id = $1", UUID(first))
    await shape.names("renamed", "second")
    assert method in {request["method"] for request in (await shape.look())["requests"]}


async def test_everything_goes_with_its_pipeline(clients: Clients, team: Team) -> None:
    pipeline = await team.pipeline("goes")
    stays = await team.pipeline("stays")
    for each in (pipeline, stays):
        await team.step(each, f"step of {each}")
        await team.comment(each, f"comment on {each}")
    token = await team.token()
    steps = await clients.shape(token, table="steps", columns=["id", "pipeline_id", "name"])
    comments = await clients.shape(token, table="comments")
    await steps.names(f"step of {pipeline}", f"step of {stays}")
    await comments.names(f"comment on {pipeline}", f"comment on {stays}", by="content")
    await team.sql.execute("DELETE FROM pipelines WHERE id = $1", UUID(pipeline))
    await steps.names(f"step of {stays}")
    await comments.names(f"comment on {stays}", by="content")


@pytest.mark.parametrize("where", ["", "pipeline_id = $1"], ids=["of all", "of this one"])
async def test_a_deleted_pipeline_leaves_and_comes_back(
    clients: Clients, team: Team, where: str
) -> None:
    pipeline = await team.pipeline("kept")
    await team.step(pipeline, "inside")
    token = await team.token()
    pipelines = await clients.shape(token, **of(team))
    within = {"where": where, "params": [pipeline]} if where else {}
    steps = await clients.shape(token, table="steps", **within)
    await pipelines.names("kept")
    await steps.names("inside")
    deleted = "UPDATE pipelines SET deleted_at = {} WHERE id = $1"
    await team.sql.execute(deleted.format("now()"), UUID(pipeline))
    await pipelines.names()
    await steps.names()
    await steps.live()
    await team.sql.execute(deleted.format("NULL"), UUID(pipeline))
    await pipelines.names("kept")
    await steps.names("inside")
    live = [each["status"] for each in (await steps.look())["requests"] if "live" in each]
    # Who asks for this pipeline is told at once, each time, and not when a live request is over.
    assert 200 not in live or not where


async def test_a_pipeline_that_moves_to_another_team(clients: Clients, team: Team) -> None:
    other = await new_team(team.installation, team.sql)
    pipeline = await team.pipeline("moves")
    await team.step(pipeline, "inside")
    mine, theirs = await team.token(), await other.token()
    left, entered = [await clients.shape(token, table="steps") for token in (mine, theirs)]
    pipelines = await clients.shape(theirs, **of(other))
    await left.names("inside")
    await entered.live()
    moved = "UPDATE pipelines SET team_id = $2 WHERE id = $1"
    await team.sql.execute(moved, UUID(pipeline), other.id)
    await left.names()
    await entered.names("inside")
    await pipelines.names("moves")


@pytest.mark.parametrize("sse", [False, True], ids=["long poll", "server-sent events"])
async def test_rows_leave_who_leaves_the_team(clients: Clients, team: Team, sse: bool) -> None:
    guest = await new_team(team.installation, team.sql)
    pipeline = await team.pipeline("secret")
    await team.step(pipeline, "inside")
    await team.joined_by(guest.owner)
    token = await guest.token()
    pipelines = await clients.shape(token, **of(team), liveSse=sse)
    where = {"where": "pipeline_id = $1", "params": [pipeline]}
    steps = await clients.shape(token, table="steps", **where, liveSse=sse)
    await pipelines.names("secret")
    await steps.names("inside")
    await pipelines.live()
    await team.left_by(guest.owner)
    await team.pipeline("later")
    await team.step(pipeline, "later inside")
    await pipelines.names()
    await steps.names()
    for shape in (pipelines, steps):
        assert "later" not in str((await shape.look())["messages"])
    await team.joined_by(guest.owner)
    await pipelines.names("secret", "later")
    await steps.names("inside", "later inside")


async def test_a_truncated_table(clients: Clients, team: Team) -> None:
    pipeline = await team.pipeline("commented")
    await team.comment(pipeline, "first")
    token = await team.token()
    shape = await clients.shape(token, table="comments", columns=["id", "content"])
    await shape.names("first", by="content")
    await shape.live()
    await team.sql.execute("TRUNCATE comments CASCADE")
    await shape.names(by="content")
    await team.comment(pipeline, "second")
    await shape.names("second", by="content")


async def test_users_have_no_addresses_unless_asked(clients: Clients, team: Team) -> None:
    token = await team.token()
    shape = await clients.shape(token, table="users")
    (row,) = (await shape.live())["rows"]
    assert set(row) == {"id", "name", "avatar_url"}


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({"table": "user_identities"}, "table"),
        ({"table": "pipeline_updates"}, "table"),
        ({"columns": ["id", "search_vector"]}, "columns"),
        ({"where": "team_id IN (SELECT team_id FROM team_members)"}, "where"),
        ({"where": "team_id ="}, "where"),
        ({"where": "pg_sleep(10) IS NULL"}, "where"),
        ({"where": "team_id = $1", "params": ["no uuid"]}, "where"),
    ],
    ids=str,
)
async def test_what_is_no_shape_is_said(
    clients: Clients, team: Team, wanted: dict[str, str], named: str
) -> None:
    shape = await clients.shape(await team.token(), **{"table": "pipelines", **wanted})
    seen = await shape.failed()
    assert statuses(seen) == [400]
    assert named in seen["errors"][0]


@pytest.mark.parametrize("token", [None, "none"])
async def test_nobody_without_a_token(clients: Clients, team: Team, token: str | None) -> None:
    shape = await clients.shape(token, **of(team))
    assert statuses(await shape.failed()) == [401]


async def test_answers_are_kept_by_nobody(clients: Clients, team: Team) -> None:
    shape = await clients.shape(await team.token(), **of(team))
    seen = await shape.live()
    kept = {request["caching"] for request in seen["requests"] if request["status"]}
    assert all("no-store" in each for each in kept), kept


async def test_two_of_a_team_share_a_shape(clients: Clients, team: Team) -> None:
    other = await new_team(team.installation, team.sql)
    await team.joined_by(other.owner)
    mine, theirs = [
        await (await clients.shape(token, **of(team))).live()
        for token in (await team.token(), await other.token())
    ]
    assert mine["handle"] == theirs["handle"]


async def test_a_foreign_handle_opens_nothing(clients: Clients, team: Team) -> None:
    """Who has the handle of a shape and may not see its rows gets a shape of no rows."""
    stranger = await new_team(team.installation, team.sql)
    await team.pipeline("secret")
    shape = await clients.shape(await team.token(), **of(team))
    await shape.names("secret")
    seen = await shape.live()
    resumed = {"offset": seen["lastOffset"], "handle": seen["handle"]}
    theirs = await clients.shape(await stranger.token(), **of(team), **resumed)
    await team.pipeline("second")
    await shape.names("secret", "second")
    assert (await theirs.live())["rows"] == []
    assert "second" not in str((await theirs.look())["messages"])


async def test_a_stream_goes_on_where_another_one_ended(clients: Clients, team: Team) -> None:
    await team.pipeline("first")
    shape = await clients.shape(await team.token(), **of(team))
    await shape.names("first")
    seen = await shape.live()
    await team.pipeline("second")
    resumed = {"offset": seen["lastOffset"], "handle": seen["handle"]}
    other = await clients.shape(await team.token(), **of(team), **resumed)
    (change,) = await other.changes("insert")
    assert change["value"]["name"] == "second"


@pytest.mark.parametrize(
    ("sse", "processes"), [(False, "1"), (True, "2")], ids=["long poll", "server-sent events"]
)
async def test_a_server_that_starts_anew(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, sse: bool, processes: str
) -> None:
    installation = Installation(database_url, tmp_path_factory.mktemp("anew") / "data")
    backoff = {"backoffOptions": {"initialDelay": 50, "maxDelay": 100, "multiplier": 1.3}}
    workers = ("--workers", processes)
    async with installation.sql() as sql, installation.serve(*workers) as server:
        team = await new_team(installation, sql)
        token = await team.token()
        await team.pipeline("before")
        async with electric_clients(server) as clients:
            shape = await clients.shape(token, **of(team), liveSse=sse, **backoff)
            await shape.names("before")
            before = await shape.live()
            await server.program.end()
            await team.sql.execute("UPDATE pipelines SET name = 'meanwhile'")
            async with installation.serve("--port", str(server.port), *workers):
                await shape.names("meanwhile")
                seen = await shape.live()
                await team.pipeline("after")
                await shape.names("meanwhile", "after")
    assert seen["handle"] != before["handle"]
    assert 409 in statuses(seen)
    assert seen["errors"] == []
