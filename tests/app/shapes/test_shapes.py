"""Shapes of a running server, seen from outside: what a client holds is what its user may see."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import pytest

from tests.app.shapes.copies import Copy, http
from tests.server import VIEWER, Installation, Server, eventually

STEPS = {"columns": "id,pipeline_id,name"}


@pytest.fixture
async def client(shared_server: Server, owner_token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with http(shared_server, owner_token) as made:
        yield made


@pytest.fixture
async def viewer(
    shared_installation: Installation, shared_server: Server
) -> AsyncIterator[httpx.AsyncClient]:
    async with http(shared_server, await shared_installation.token(VIEWER)) as made:
        yield made


@pytest.fixture
async def outsider(
    shared_installation: Installation, shared_server: Server
) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is in no team."""
    email = f"{uuid4().hex}@pipeloom.test"
    await run(shared_installation, "INSERT INTO users (email, name) VALUES ($1, 'Olga')", email)
    async with http(shared_server, await shared_installation.token(email)) as made:
        yield made


async def run(installation: Installation, statement: str, *args: object) -> int:
    """Run a statement; return its transaction's id as clients wait for it."""
    async with installation.sql() as sql, sql.transaction():
        await sql.execute(statement, *args)
        xid: str = await sql.fetchval("SELECT pg_current_xact_id()::xid::text")
        return int(xid)


async def value(installation: Installation, query: str, *args: object) -> UUID:
    async with installation.sql() as sql:
        found: UUID = await sql.fetchval(query, *args)
        return found


async def team_of_nobody(installation: Installation) -> UUID:
    return await value(
        installation,
        "INSERT INTO teams (organization_id, name, slug) "
        "SELECT id, 'Dyers', $1 FROM organizations RETURNING id",
        uuid4().hex,
    )


async def new_team(installation: Installation) -> tuple[UUID, UUID]:
    """A team in which both people of the demo are, and a pipeline with a step."""
    team = await team_of_nobody(installation)
    await run(
        installation,
        "INSERT INTO team_members (team_id, user_id, role) "
        "SELECT $1, id, 'owner' FROM users WHERE email LIKE '%@demo.pipeloom'",
        team,
    )
    return team, await new_pipeline(installation, team)


async def new_pipeline(installation: Installation, team: UUID) -> UUID:
    pipeline = await value(
        installation,
        "INSERT INTO pipelines (team_id, name) VALUES ($1, 'Vat') RETURNING id",
        team,
    )
    await new_step(installation, pipeline)
    return pipeline


async def new_step(installation: Installation, pipeline: UUID, name: str = "rinse") -> int:
    return await run(
        installation,
        "INSERT INTO steps (pipeline_id, id, name, type) VALUES ($1, $2, $3, 'claude')",
        pipeline,
        uuid4(),
        name,
    )


def of(column: str, id_: object) -> dict[str, str]:
    return {"where": f'"{column}" = $1', "params[1]": str(id_)}


async def sleeping(clients: httpx.AsyncClient, number: int = 1) -> None:
    """Wait until so many live requests wait at the server."""

    async def wait() -> bool:
        page = (await clients.get("/metrics")).text
        found = re.search(r"^pipeloom_shape_clients\S* ([\d.]+)$", page, re.MULTILINE)
        return found is not None and float(found[1]) == number

    await eventually(f"{number} live requests", wait)


async def test_a_copy_follows_the_rows(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "pipelines", {"columns": "id,name", **of("team_id", team)}).catch_up()
    assert copy.values("name") == ["Vat"]
    assert copy.schema["id"] == {"type": "uuid", "not_null": True, "pk_index": 0}
    assert copy.snapshots
    waiting = asyncio.create_task(copy.live())
    await sleeping(client)
    xid = await run(
        shared_installation, "UPDATE pipelines SET name = 'Tub' WHERE id = $1", pipeline
    )
    await waiting
    assert copy.values("name") == ["Tub"]
    assert copy.operations[-1] == "update"
    assert xid in copy.txids


async def test_no_answer_is_one_that_a_cache_may_have(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    answer = await client.get(copy.address, headers={"If-None-Match": "*"})
    assert answer.status_code == 200
    assert "etag" not in answer.headers


async def test_what_was_committed_before_the_request_is_in_the_answer(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    for number in range(20):
        xid = await new_step(shared_installation, pipeline, f"{number}")
        await copy.catch_up()
        assert f"{number}" in copy.values("name")
        assert xid in copy.txids
    other = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    assert other.rows == copy.rows


async def test_a_deletion_names_its_transaction(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    xid = await run(shared_installation, "DELETE FROM steps WHERE pipeline_id = $1", pipeline)
    await copy.catch_up()
    assert copy.rows == {}
    assert xid in copy.txids


async def test_a_change_that_leaves_nothing_behind_still_arrives(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    before = len(copy.snapshots)
    waiting = asyncio.create_task(copy.live())
    await sleeping(client)
    async with shared_installation.sql() as sql, sql.transaction():
        await sql.execute("UPDATE steps SET width = 7 WHERE pipeline_id = $1", pipeline)
        xid = int(await sql.fetchval("SELECT pg_current_xact_id()::xid::text"))
    await waiting
    [snapshot] = copy.snapshots[before:]
    assert int(snapshot["xmax"]) > xid
    assert str(xid) not in snapshot["xip_list"]


async def test_who_leaves_a_team_sees_the_rows_leave_and_nothing_after(
    client: httpx.AsyncClient, viewer: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, pipeline = await new_team(shared_installation)
    copies = [
        await Copy(viewer, "steps", {**STEPS, **parameters}).catch_up()
        for parameters in ({}, of("pipeline_id", pipeline))
    ]
    copies.append(await Copy(viewer, "pipelines", of("team_id", team)).catch_up())
    staying = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    assert all(copy.rows for copy in copies)
    waiting = [asyncio.create_task(copy.live()) for copy in (*copies, staying)]
    await sleeping(client, 4)
    # In one transaction: who looks at the rows after the change alone would send the step.
    async with shared_installation.sql() as sql, sql.transaction():
        await sql.execute(
            "DELETE FROM team_members WHERE team_id = $1 "
            "AND user_id = (SELECT id FROM users WHERE email = $2)",
            team,
            VIEWER,
        )
        await sql.execute(
            "INSERT INTO steps (pipeline_id, id, name, type) "
            "VALUES ($1, gen_random_uuid(), 'secret', 'claude')",
            pipeline,
        )
    answers = await asyncio.gather(*waiting)
    assert [answer.status_code for answer in answers] == [409, 409, 409, 200]
    assert "secret" in staying.values("name")
    for copy in copies:
        assert copy.rows == {}
        await copy.catch_up()
        assert str(pipeline) not in json.dumps(copy.rows)
    await asyncio.gather(*(copy.catch_up() for copy in copies))
    # And back: with handles that these clients have not had before.
    await run(
        shared_installation,
        "INSERT INTO team_members (team_id, user_id, role) "
        "SELECT $1, id, 'viewer' FROM users WHERE email = $2",
        team,
        VIEWER,
    )
    for copy in copies:
        assert (await copy.get()).status_code == 409
        await copy.catch_up()
        assert str(pipeline) in json.dumps(copy.rows)


async def test_a_row_that_is_written_after_somebody_has_left_is_never_sent(
    client: httpx.AsyncClient, viewer: httpx.AsyncClient, shared_installation: Installation
) -> None:
    """Again and again, with a live request at each moment."""
    team, pipeline = await new_team(shared_installation)
    for number in range(10):
        copy = await Copy(viewer, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
        waiting = asyncio.create_task(copy.live())
        leaving = "DELETE FROM team_members WHERE team_id = $1 AND role = 'viewer'"
        await run(
            shared_installation,
            "UPDATE team_members SET role = 'viewer' WHERE team_id = $1 "
            "AND user_id = (SELECT id FROM users WHERE email = $2)",
            team,
            VIEWER,
        )
        await run(shared_installation, leaving, team)
        await new_step(shared_installation, pipeline, f"secret {number}")
        while (await waiting).status_code == 200:
            waiting = asyncio.create_task(copy.live())
        assert copy.rows == {}
        assert not any(f"secret {number}" in name for name in copy.values("name"))
        await run(
            shared_installation,
            "INSERT INTO team_members (team_id, user_id, role) "
            "SELECT $1, id, 'viewer' FROM users WHERE email = $2",
            team,
            VIEWER,
        )


async def test_who_was_away_never_gets_what_was_overwritten_meanwhile(
    client: httpx.AsyncClient, viewer: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, pipeline = await new_team(shared_installation)
    copy = await Copy(viewer, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    leaving = (
        "DELETE FROM team_members WHERE team_id = $1 "
        "AND user_id = (SELECT id FROM users WHERE email = $2)"
    )
    coming = (
        "INSERT INTO team_members (team_id, user_id, role) "
        "SELECT $1, id, 'viewer' FROM users WHERE email = $2"
    )
    await run(shared_installation, leaving, team, VIEWER)
    await new_step(shared_installation, pipeline, "secret")
    # Somebody who has stayed has it read into the log before it is overwritten.
    staying = Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)})
    assert "secret" in (await staying.catch_up()).values("name")
    await run(
        shared_installation,
        "UPDATE steps SET name = 'plain' WHERE name = 'secret' AND pipeline_id = $1",
        pipeline,
    )
    await run(shared_installation, coming, team, VIEWER)

    answer = await copy.get()

    assert answer.status_code == 409
    await copy.catch_up()
    assert "plain" in copy.values("name")


async def test_teams_that_come_and_go_send_nobody_else_back_to_the_beginning(
    viewer: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(viewer, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    waiting = asyncio.create_task(copy.live())
    await sleeping(viewer)
    team = await team_of_nobody(shared_installation)
    await run(shared_installation, "UPDATE teams SET deleted_at = now() WHERE id = $1", team)
    await run(shared_installation, "DELETE FROM teams WHERE id = $1", team)
    await new_step(shared_installation, pipeline, "after that")
    assert (await waiting).status_code == 200
    assert "after that" in copy.values("name")


async def test_a_pipeline_that_moves_takes_its_rows_along(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    here, pipeline = await new_team(shared_installation)
    there, _ = await new_team(shared_installation)
    pipelines = [
        await Copy(client, "pipelines", {"columns": "id", **of("team_id", team)}).catch_up()
        for team in (here, there)
    ]
    everywhere = await Copy(client, "steps", STEPS).catch_up()
    one = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    assert str(pipeline) in pipelines[0].values("id")
    await run(
        shared_installation, "UPDATE pipelines SET team_id = $1 WHERE id = $2", there, pipeline
    )
    for copy in (*pipelines, everywhere, one):
        await copy.catch_up()
    assert str(pipeline) not in pipelines[0].values("id")
    assert str(pipeline) in pipelines[1].values("id")
    # The user is in both teams.
    assert len(one.rows) == 1
    assert str(pipeline) in everywhere.values("pipeline_id")
    assert everywhere.refetches == 0
    # Nobody can say of each reader of the pipeline whether it was out of sight for a while.
    assert one.refetches == 1


async def test_a_pipeline_that_moves_to_a_team_of_others_is_gone(
    client: httpx.AsyncClient, viewer: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    there, _ = await new_team(shared_installation)
    await run(
        shared_installation,
        "DELETE FROM team_members WHERE team_id = $1 "
        "AND user_id = (SELECT id FROM users WHERE email = $2)",
        there,
        VIEWER,
    )
    one = await Copy(viewer, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    everywhere = await Copy(viewer, "steps", STEPS).catch_up()
    waiting = [asyncio.create_task(copy.live()) for copy in (one, everywhere)]
    await sleeping(client, 2)
    await run(
        shared_installation, "UPDATE pipelines SET team_id = $1 WHERE id = $2", there, pipeline
    )
    answers = await asyncio.gather(*waiting)
    # The shape of one pipeline is for those who see it; that of the teams loses its rows.
    assert [answer.status_code for answer in answers] == [409, 200]
    await one.catch_up()
    assert one.rows == {}
    assert str(pipeline) not in everywhere.values("pipeline_id")
    assert "delete" in everywhere.operations


async def test_what_is_deleted_for_a_while_goes_and_comes_back(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, pipeline = await new_team(shared_installation)
    of_team = await Copy(client, "pipelines", of("team_id", team)).catch_up()
    steps = await Copy(client, "steps", STEPS).catch_up()
    one = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    hide = "UPDATE pipelines SET deleted_at = now() WHERE id = $1"
    await run(shared_installation, hide, pipeline)
    for copy in (of_team, steps, one):
        await copy.get()
        await copy.catch_up()
    assert of_team.rows == one.rows == {}
    assert str(pipeline) not in steps.values("pipeline_id")
    await run(shared_installation, hide.replace("now()", "NULL"), pipeline)
    for copy in (of_team, steps, one):
        await copy.get()
        await copy.catch_up()
    assert len(of_team.rows) == len(one.rows) == 1
    assert str(pipeline) in steps.values("pipeline_id")
    # The same by the team: everything in it goes with it.
    await run(shared_installation, "UPDATE teams SET deleted_at = now() WHERE id = $1", team)
    for copy in (of_team, steps, one):
        await copy.get()
        await copy.catch_up()
    assert of_team.rows == one.rows == {}
    waiting = asyncio.create_task(one.live())
    await sleeping(client)
    await run(shared_installation, "UPDATE teams SET deleted_at = NULL WHERE id = $1", team)
    assert (await waiting).status_code == 409
    await one.catch_up()
    assert len(one.rows) == 1


async def test_cascades_reach_every_shape(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, pipeline = await new_team(shared_installation)
    await run(
        shared_installation,
        "INSERT INTO comments (pipeline_id, content) VALUES ($1, 'Why?')",
        pipeline,
    )
    comments = await Copy(client, "comments", {"columns": "id,content"}).catch_up()
    steps = await Copy(client, "steps", STEPS).catch_up()
    assert "Why?" in comments.values("content")
    await run(shared_installation, "DELETE FROM pipelines WHERE id = $1", pipeline)
    await comments.catch_up()
    await steps.catch_up()
    assert "Why?" not in comments.values("content")
    assert str(pipeline) not in steps.values("pipeline_id")
    assert comments.operations[-1] == "delete"
    assert comments.refetches == steps.refetches == 0
    await run(shared_installation, "DELETE FROM teams WHERE id = $1", team)


async def test_truncating_empties_a_shape(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    await run(
        shared_installation,
        "INSERT INTO comments (pipeline_id, content) VALUES ($1, 'Why?')",
        pipeline,
    )
    copy = await Copy(client, "comments").catch_up()
    assert copy.rows
    waiting = asyncio.create_task(copy.live())
    await sleeping(client)
    await run(shared_installation, "TRUNCATE comments")
    await waiting
    assert copy.rows == {}


async def test_the_members_of_a_team_are_users_with_few_columns(
    client: httpx.AsyncClient, outsider: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, _ = await new_team(shared_installation)
    users = await Copy(client, "users").catch_up()
    assert {column for row in users.rows.values() for column in row} == {"id", "name", "avatar_url"}
    assert "Olga" not in users.values("name")
    alone = await Copy(outsider, "users").catch_up()
    assert alone.values("name") == ["Olga"]
    [olga] = alone.values("id")
    join = "INSERT INTO team_members (team_id, user_id, role) VALUES ($1, $2, 'member')"
    await run(shared_installation, join, team, UUID(olga))
    await users.catch_up()
    assert olga in users.values("id")
    assert (await alone.get()).status_code == 409
    await alone.catch_up()
    assert len(alone.rows) == 3
    await run(shared_installation, "UPDATE users SET name = 'Ole' WHERE id = $1", UUID(olga))
    await run(shared_installation, "DELETE FROM team_members WHERE user_id = $1", UUID(olga))
    await users.catch_up()
    assert olga not in users.values("id")
    await alone.get()
    await alone.catch_up()
    assert alone.values("name") == ["Ole"]


async def test_strangers_see_nothing(
    client: httpx.AsyncClient, outsider: httpx.AsyncClient, shared_server: Server, pipeline_id: str
) -> None:
    for table in ("organizations", "teams", "team_members", "pipelines", "steps", "connections",
                  "pipeline_templates", "comments", "pipeline_versions"):  # fmt: skip
        assert (await Copy(outsider, table).catch_up()).rows == {}
    theirs = await Copy(client, "steps", of("pipeline_id", pipeline_id)).catch_up()
    assert theirs.rows
    mine = await Copy(outsider, "steps", of("pipeline_id", pipeline_id)).catch_up()
    assert mine.rows == {}
    # The handle and the offset of others open nothing.
    mine.handle, mine.offset = theirs.handle, theirs.offset
    assert (await mine.get()).status_code == 409
    async with http(shared_server, None) as nobody:
        answer = await nobody.get("/v1/shape?table=steps&offset=-1")
    assert answer.status_code == 401
    assert "www-authenticate" in answer.headers


async def test_a_lost_connection_loses_no_change(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    waiting = asyncio.create_task(copy.live())
    await sleeping(client)
    async with shared_installation.sql() as sql, sql.transaction():
        await sql.execute(
            "INSERT INTO steps (pipeline_id, id, name, type) "
            "VALUES ($1, gen_random_uuid(), 'unheard', 'claude')",
            pipeline,
        )
        # Ended before the commit, so that nobody listens when it is announced.
        ended = await sql.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE query LIKE 'LISTEN pipeloom_shapes%' OR query LIKE 'LISTEN \"pipeloom_shapes%'"
        )
    assert ended == 1
    while "unheard" not in copy.values("name"):
        await waiting
        waiting = asyncio.create_task(copy.live())
    waiting.cancel()
    assert copy.refetches == 0


async def test_only_changes_are_sent_if_only_they_are_asked_for(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    parameters = {**STEPS, **of("pipeline_id", pipeline), "log": "changes_only"}
    copy = Copy(client, "steps", parameters)
    first = await copy.get()
    assert first.json() == [{"headers": copy.snapshots[0]}]
    assert "electric-up-to-date" not in first.headers
    await copy.catch_up()
    await new_step(shared_installation, pipeline, "later")
    await copy.catch_up()
    assert copy.values("name") == ["later"]


async def test_now_is_where_everything_begins(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = Copy(client, "steps", {**STEPS, **of("pipeline_id", pipeline)}, offset="now")
    await copy.get()
    assert copy.rows == {}
    await new_step(shared_installation, pipeline, "later")
    await copy.live()
    assert copy.values("name") == ["later"]


async def test_a_replica_has_whole_rows(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    parameters = {**STEPS, **of("pipeline_id", pipeline), "replica": "full"}
    copy = await Copy(client, "steps", parameters).catch_up()
    await run(shared_installation, "UPDATE steps SET name = 'dye' WHERE pipeline_id = $1", pipeline)
    [message, _] = (await copy.get()).json()
    assert message["old_value"] == {"name": "rinse"}
    assert set(message["value"]) == {"id", "pipeline_id", "name"}
    await run(shared_installation, "DELETE FROM steps WHERE pipeline_id = $1", pipeline)
    [message, _] = (await copy.get()).json()
    assert message["value"]["name"] == "dye"


async def test_a_shape_is_left_when_it_is_too_large(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    copy = await Copy(client, "comments", of("pipeline_id", pipeline)).catch_up()
    waiting = asyncio.create_task(copy.live())
    await sleeping(client)
    many = (
        "INSERT INTO comments (pipeline_id, content) SELECT $1, 'x' FROM generate_series(1, 5001)"
    )
    await run(shared_installation, many, pipeline)
    assert (await waiting).status_code == 409
    answer = await client.get(copy.address)
    assert answer.status_code == 400
    [problem] = answer.json()["errors"]["where"]
    assert "expected 5000 rows at most" in problem
    await run(shared_installation, "DELETE FROM comments WHERE pipeline_id = $1", pipeline)
    assert (await copy.catch_up()).rows == {}


async def test_events_bring_changes_and_end_with_what_may_be_seen(
    client: httpx.AsyncClient, viewer: httpx.AsyncClient, shared_installation: Installation
) -> None:
    team, pipeline = await new_team(shared_installation)
    copy = await Copy(viewer, "steps", {**STEPS, **of("pipeline_id", pipeline)}).catch_up()
    async with viewer.stream("GET", copy.address + "&live=true&live_sse=true") as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        assert stream.headers["electric-handle"] == copy.handle
        assert stream.headers["electric-cursor"]
        lines = stream.aiter_lines()
        assert await anext(lines) == ": keep-alive"
        await sleeping(client)
        for name in ("one", "two"):
            xid = await new_step(shared_installation, pipeline, name)
            messages: list[dict] = []
            while not messages or messages[-1]["headers"].get("control") != "up-to-date":
                line = await anext(lines)
                if line.startswith("data: "):
                    messages.append(json.loads(line.removeprefix("data: ")))
            for message in messages:
                copy.apply(message)
            assert name in copy.values("name")
            assert xid in copy.txids
            # What the client takes for its offset is one that it may continue at.
            copy.offset = f"{messages[-1]['headers']['global_last_seen_lsn']}_0"
        await run(
            shared_installation,
            "DELETE FROM team_members WHERE team_id = $1 "
            "AND user_id = (SELECT id FROM users WHERE email = $2)",
            team,
            VIEWER,
        )
        await new_step(shared_installation, pipeline, "secret")
        rest = [line async for line in lines]
    assert "secret" not in "".join(rest)
    assert (await copy.get()).status_code == 409


async def test_a_subset_is_asked_for_in_the_query_or_in_a_body(
    client: httpx.AsyncClient, shared_installation: Installation
) -> None:
    _, pipeline = await new_team(shared_installation)
    for name in "abcd":
        await new_step(shared_installation, pipeline, name)
    parameters = {**STEPS, **of("pipeline_id", pipeline), "log": "changes_only"}
    copy = Copy(client, "steps", parameters, offset="now")
    await copy.get()
    asked = {"where": '"name" > $1', "params": {"1": "a"}, "order_by": '"name" DESC', "limit": 2}
    answers = [
        await client.post(copy.address, json=asked),
        await client.get(
            copy.address,
            params={
                **dict(httpx.URL(copy.address).params),
                "subset__where": '"name" > $1',
                "subset__params": '{"1":"a"}',
                "subset__order_by": '"name" DESC',
                "subset__limit": "2",
            },
        ),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.headers["electric-handle"] == copy.handle
        assert answer.headers["electric-offset"] == copy.offset
        assert answer.headers["electric-snapshot"] == "true"
        body = answer.json()
        assert [message["value"]["name"] for message in body["data"]] == ["rinse", "d"]
        assert int(body["metadata"]["database_lsn"]) > 0
        assert int(body["metadata"]["xmin"]) <= int(body["metadata"]["xmax"])
    refused = await client.post(copy.address, json={"table": "users"})
    assert refused.status_code == 400


async def test_a_handle_that_is_over_is_not_given_again(
    client: httpx.AsyncClient, pipeline_id: str
) -> None:
    parameters = {**STEPS, **of("pipeline_id", pipeline_id)}
    copy = await Copy(client, "steps", parameters).catch_up()
    again = Copy(client, "steps", {**parameters, "expired_handle": copy.handle})
    await again.catch_up()
    assert again.handle != copy.handle
    assert again.rows == copy.rows
    # The others keep theirs.
    assert (await copy.get()).status_code == 200


async def test_mistakes_are_answered_in_the_form_of_electric(client: httpx.AsyncClient) -> None:
    for query, field in (
        ("offset=-1", "table"),
        ("table=pg_authid&offset=-1", "table"),
        ("table=steps", "offset"),
        ("table=steps&offset=1_0", "handle"),
        ("table=steps&offset=-1&where=nonsense(", "where"),
        ("table=steps&offset=-1&where=pipeline_id='x'", "where"),
        ("table=steps&offset=-1&columns=name", "columns"),
        ("table=steps&offset=-1&live=true", "live"),
        ("table=users&offset=-1&columns=id,preferences", "columns"),
    ):
        answer = await client.get(f"/v1/shape?{query}")
        assert (answer.status_code, [*answer.json()["errors"]]) == (400, [field]), query
        assert answer.json()["message"] == "Invalid request"
        assert answer.headers["cache-control"] == "private, no-store"


async def test_other_methods(client: httpx.AsyncClient, pipeline_id: str) -> None:
    assert (await client.options("/v1/shape")).status_code == 204
    put = await client.put("/v1/shape?table=steps&offset=-1")
    assert (put.status_code, put.headers["allow"]) == (405, "GET, POST, DELETE, OPTIONS")
    dropped = await client.delete(f"/v1/shape?table=steps&pipeline_id={pipeline_id}")
    assert dropped.status_code in {400, 404}
    assert (await client.delete("/v1/shape?table=steps")).status_code == 404
    health = await client.get("/v1/health")
    assert (health.status_code, health.json()) == (200, {"status": "active"})


async def test_pages_of_this_server_may_read_what_clients_need(
    client: httpx.AsyncClient, shared_server: Server
) -> None:
    origin = shared_server.http("").rstrip("/")
    answer = await client.get("/v1/shape?table=steps&offset=-1", headers={"Origin": origin})
    exposed = answer.headers["access-control-expose-headers"].lower()
    for name in ("handle", "offset", "schema", "cursor", "up-to-date"):
        assert f"electric-{name}" in exposed
    assert "retry-after" in exposed
    foreign = await client.get(
        "/v1/shape?table=steps&offset=-1", headers={"Origin": "https://elsewhere.example"}
    )
    assert "access-control-allow-origin" not in foreign.headers
