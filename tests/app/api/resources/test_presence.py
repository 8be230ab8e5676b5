import json
from uuid import UUID

import pytest

from persistence.postgres.pool import connection
from tests.app.api.house import House, Team, a_pipeline, the_problem
from tests.app.api.sockets import joined
from tests.app.fakes import presence

A = "9f0e8a0b-77f5-4f3f-8d6c-0b6a3f1f7a22"

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_nobody_is_in_a_room_that_nobody_opened(team: Team) -> None:
    path = await a_pipeline(team)
    assert await team.viewer.read(f"{path}/presence") == {"items": []}
    the_problem(await team.outsider.get(f"{path}/presence"), 404)


async def test_who_has_a_pipeline_open_is_present_with_their_presence_state(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    pipeline_id = path.removeprefix("/pipelines/")
    async with (
        joined(house.made, pipeline_id, team.owner.token) as ada,
        joined(house.made, pipeline_id, team.viewer.token),
    ):
        said = {"cursor": {"x": 3, "y": 4.5}, "selection": ["s", A], "status": "busy", "odd": 1}
        told = len(ada.wire.frames)
        ada.wire.say(presence(7, 1, json.dumps(said)))
        await ada.wire.until_frames(told + 1)
        await house.made.presence.mirror()
        here = (await team.member.read(f"{path}/presence"))["items"]
    assert sorted(here, key=lambda one: one["user"]["name"]) == [
        {
            "user": {"id": team.owner.id, "name": "Owner", "avatar_url": None},
            "cursor": {"x": 3.0, "y": 4.5},
            "selection": [A],
            "status": "busy",
        },
        {
            "user": {"id": team.viewer.id, "name": "Viewer", "avatar_url": None},
            "cursor": None,
            "selection": [],
            "status": "active",
        },
    ]
    await house.made.presence.mirror()
    assert await team.member.read(f"{path}/presence") == {"items": []}


async def test_who_was_shown_too_long_ago_is_not_here(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    pipeline_id = path.removeprefix("/pipelines/")
    async with joined(house.made, pipeline_id, team.owner.token), connection(house.dsn) as sql:
        await house.made.presence.mirror()
        assert len((await team.member.read(f"{path}/presence"))["items"]) == 1
        await sql.run_script("UPDATE presence SET last_seen = now() - interval '31 seconds'")
        assert (await team.member.read(f"{path}/presence"))["items"] == []


@pytest.mark.parametrize(
    "state",
    [
        '{"cursor": 1, "selection": "all", "status": {}}',
        '{"cursor": {"x": "1", "y": 2}, "selection": [1, {}], "status": null}',
        '{"cursor": {"x": 1, "y": "1"}}',
        '{"status": "\\ud800", "selection": ["\\u0000"]}',
        '{"cursor": ' + "[" * 98 + "]" * 98 + "}",
    ],
)
async def test_whatever_a_client_writes_can_be_read(house: House, team: Team, state: str) -> None:
    path = await a_pipeline(team)
    pipeline_id = path.removeprefix("/pipelines/")
    async with joined(house.made, pipeline_id, team.viewer.token) as odd:
        told = len(odd.wire.frames)
        odd.wire.say(presence(7, 1, state))
        await odd.wire.until_frames(told + 1)
        await house.made.presence.mirror()
        (here,) = (await team.member.read(f"{path}/presence"))["items"]
    assert (here["user"]["id"], here["cursor"]) == (team.viewer.id, None)


async def test_the_list_of_pipelines_names_who_is_in_each(house: House, team: Team) -> None:
    path, empty = await a_pipeline(team, "visited"), await a_pipeline(team, "empty")
    pipeline_id = path.removeprefix("/pipelines/")
    async with (
        joined(house.made, pipeline_id, team.viewer.token),
        joined(house.made, pipeline_id, team.owner.token),
    ):
        await house.made.presence.mirror()
        listed = {one["name"]: one for one in (await team.member.read("/pipelines"))["items"]}
        found = (await team.member.read("/pipelines", params={"q": "visited"}))["items"]
        assert (await team.outsider.read("/pipelines"))["items"] == []
    assert [one["name"] for one in listed["visited"]["present"]] == ["Owner", "Viewer"]
    assert listed["visited"]["present"][0] == {
        "id": team.owner.id,
        "name": "Owner",
        "avatar_url": None,
    }
    assert (listed["empty"]["id"], listed["empty"]["present"]) == (
        empty.removeprefix("/pipelines/"),
        [],
    )
    assert found[0]["present"] == listed["visited"]["present"]


async def test_the_list_names_ten_at_most(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    pipeline_id = path.removeprefix("/pipelines/")
    for number in range(12):
        user = await house.a_user(f"guest {number:02}")
        await house.directory.add_member(UUID(team.id), user.user.id, "viewer")
        await house.sql(
            "INSERT INTO presence (pipeline_id, user_id) VALUES ($1::text::uuid, $2::text::uuid)",
            pipeline_id,
            user.id,
        )
    (listed,) = (await team.member.read("/pipelines"))["items"]
    assert len(listed["present"]) == 10
    assert listed["present"][0]["name"] == "Guest 00"
