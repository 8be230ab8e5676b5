"""Invitations as the invited see and answer them."""

import asyncio
from typing import Any

import pytest

from persistence.ports.directory import Role
from tests.app.api.house import ApiUser, House, Team, a_pipeline, all_items, the_json, the_problem
from tests.app.api.resources.test_invitations import invited, path_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINE = "/me/invitations"


async def the_only(caller: ApiUser) -> Any:
    (one,) = (await caller.read(MINE))["items"]
    return one


async def test_the_invited_see_who_invites_them_to_what(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
    made = await invited(team, bob, "viewer")
    names = await house.sql(
        "SELECT t.name AS team, o.name AS organization FROM teams AS t "
        "JOIN organizations AS o ON o.id = t.organization_id WHERE t.id::text = $1",
        team.id,
    )
    assert await the_only(bob) == {
        "id": made["id"],
        "team_id": team.id,
        "team_name": names[0]["team"],
        "organization_name": names[0]["organization"],
        "role": "viewer",
        "invited_by": {"id": team.owner.id, "name": "Owner", "avatar_url": None},
        "created_at": made["created_at"],
        "expires_at": made["expires_at"],
    }


async def test_an_invitation_gives_nothing_until_it_is_accepted(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
    pipeline = await a_pipeline(team)
    made = await invited(team, bob)
    for path in (team.path, f"{team.path}/members", path_of(team), pipeline):
        the_problem(await bob.get(path), 404)
    assert (await bob.read("/teams"))["items"] == []
    assert (await bob.read("/organizations"))["items"] == []
    joined = the_json(await bob.post(f"{MINE}/{made['id']}/accept"))
    assert (joined["id"], joined["role"]) == (team.id, "member")
    assert (await bob.read(pipeline))["name"] == "a pipeline"
    assert await all_items(team.owner, path_of(team), 9) == []
    assert (await bob.read(MINE))["items"] == []


@pytest.mark.parametrize("role", ["owner", "admin", "member", "viewer"])
async def test_the_role_is_that_of_the_invitation(house: House, team: Team, role: Role) -> None:
    bob = await house.a_user("bob")
    await team.owner.made(path_of(team), {"user_id": bob.id, "role": role})
    joined = the_json(await bob.post(f"{MINE}/{(await the_only(bob))['id']}/accept"))
    assert joined["role"] == role == (await bob.read(team.path))["role"]


async def test_who_is_invited_by_address_and_by_id_answers_once(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
    await invited(team, bob)
    await team.owner.made(path_of(team), {"user_id": bob.id, "role": "viewer"})
    first, second = (await bob.read(MINE))["items"]
    assert (first["role"], second["role"]) == ("viewer", "member")
    the_json(await bob.post(f"{MINE}/{second['id']}/accept"))
    assert (await bob.read(MINE))["items"] == []
    assert await all_items(team.owner, path_of(team), 9) == []
    the_problem(await bob.post(f"{MINE}/{first['id']}/accept"), 404)


@pytest.mark.parametrize("answer", ["accept", "decline"])
async def test_nobody_answers_for_somebody_else(house: House, team: Team, answer: str) -> None:
    bob, eve = await house.a_user("bob"), await house.a_user("eve")
    made = await invited(team, bob)
    for caller in (eve, team.owner, team.viewer):
        the_problem(await caller.post(f"{MINE}/{made['id']}/{answer}"), 404)
    assert (await the_only(bob))["id"] == made["id"]


@pytest.mark.parametrize("end", ["declined", "withdrawn", "expired", "inviter gone"])
async def test_what_is_over_is_not_accepted(house: House, team: Team, end: str) -> None:
    bob = await house.a_user("bob")
    made = await team.admin.made(path_of(team), {"email": bob.user.email})
    match end:
        case "declined":
            assert (await bob.post(f"{MINE}/{made['id']}/decline")).status_code == 204
        case "withdrawn":
            await team.admin.delete(f"{path_of(team)}/{made['id']}")
        case "expired":
            await house.sql("UPDATE invitations SET expires_at = now()")
        case _:
            await team.owner.delete(f"{team.path}/members/{team.admin.id}")
    assert (await bob.read(MINE))["items"] == []
    for answer in ("accept", "decline"):
        the_problem(await bob.post(f"{MINE}/{made['id']}/{answer}"), 404)
    the_problem(await bob.get(team.path), 404)


async def test_of_those_who_answer_at_once_one_is_first(house: House, team: Team) -> None:
    """Accepting and withdrawing: the member is in or the invitation is gone, never both."""
    for _ in range(10):
        bob = await house.a_user("bob")
        made = await invited(team, bob)
        accepted, again, withdrawn = await asyncio.gather(
            bob.post(f"{MINE}/{made['id']}/accept"),
            bob.post(f"{MINE}/{made['id']}/accept"),
            team.owner.delete(f"{path_of(team)}/{made['id']}"),
        )
        inside = (await bob.get(team.path)).status_code == 200
        assert sorted([accepted.status_code, again.status_code]) == [200 if inside else 404, 404]
        assert withdrawn.status_code in ((404, 204) if inside else (204,))


async def test_invitations_come_in_pages(house: House) -> None:
    bob = await house.a_user("bob")
    made = [await invited(await house.a_team(), bob) for _ in range(3)]
    listed = await all_items(bob, MINE, 2)
    assert [one["id"] for one in listed] == [one["id"] for one in made[::-1]]
