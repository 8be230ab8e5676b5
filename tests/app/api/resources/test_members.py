from uuid import UUID

import pytest

from persistence.ports.directory import Role
from tests.app.api.house import ApiUser, House, Team, all_items, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


NOBODY = "00000000-0000-0000-0000-000000000001"


def path_of(team: Team, caller: ApiUser) -> str:
    return f"{team.path}/members/{caller.id}"


async def test_every_member_sees_who_is_in_the_team(team: Team) -> None:
    listed = await all_items(team.viewer, f"{team.path}/members", 2)
    assert [(one["id"], one["role"]) for one in listed] == [
        (team.people[role].id, role) for role in ("owner", "admin", "member", "viewer")
    ]
    assert "preferences" not in listed[0]
    assert listed[0]["email"] == team.owner.user.email
    the_problem(await team.outsider.get(f"{team.path}/members"), 404)


async def a_colleague(house: House, team: Team, as_role: Role = "owner") -> ApiUser:
    """Somebody of another team of the organization; in that team the team's admin has a role."""
    bob, organization = await house.a_user("bob"), UUID(team.organization_id)
    elsewhere = await house.directory.create_team(organization, "Others", f"others-{bob.id}")
    await house.directory.add_member(elsewhere, bob.user.id, "viewer")
    await house.directory.add_member(elsewhere, team.admin.user.id, as_role)
    return bob


def who_is(caller: ApiUser, by: str) -> dict[str, str]:
    return {"email": caller.user.email.upper()} if by == "email" else {"user_id": caller.id}


BOTH_WAYS = pytest.mark.parametrize("by", ["email", "user_id"])


@BOTH_WAYS
async def test_colleagues_of_one_s_own_teams_are_added_at_once(
    house: House, team: Team, by: str
) -> None:
    bob = await a_colleague(house, team)
    who = who_is(bob, by)
    made = await team.admin.made(f"{team.path}/members", {**who, "role": "viewer"})
    assert (made["id"], made["role"], made["email"]) == (bob.id, "viewer", bob.user.email)
    assert (await bob.read(team.path))["role"] == "viewer"
    again = await team.admin.post(f"{team.path}/members", {**who, "role": "member"})
    assert "in this team already" in the_problem(again, 409)["detail"]
    assert (await bob.read(team.path))["role"] == "viewer"


@BOTH_WAYS
@pytest.mark.parametrize("role", ["admin", None])
async def test_everybody_else_is_invited(
    house: House, team: Team, by: str, role: Role | None
) -> None:
    bob = await (a_colleague(house, team, role) if role else house.a_user("bob"))
    answer = await team.admin.post(f"{team.path}/members", {**who_is(bob, by), "role": "viewer"})
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api{team.path}/invitations/{answer.json()['id']}"
    assert "Bob" not in answer.text
    the_problem(await bob.get(team.path), 404)
    (invitation,) = (await bob.read("/me/invitations"))["items"]
    await bob.post(f"/me/invitations/{invitation['id']}/accept")
    assert (await bob.read(team.path))["role"] == "viewer"


async def test_a_colleague_of_another_organization_is_invited(house: House, team: Team) -> None:
    """Who rules a team elsewhere sees the people there, but may not put them into any team."""
    bob = await house.a_user("bob")
    organization = await house.directory.create_organization("Else", f"else-{bob.id}")
    elsewhere = await house.directory.create_team(organization, "Others", "others")
    await house.directory.add_member(elsewhere, team.owner.user.id, "owner")
    await house.directory.add_member(elsewhere, bob.user.id, "viewer")
    answer = await team.owner.post(f"{team.path}/members", {"user_id": bob.id})
    assert answer.status_code == 202
    the_problem(await bob.get(team.path), 404)


@pytest.mark.parametrize(
    "who", [{}, {"email": "nobody"}, {"email": "a@b.c", "user_id": NOBODY}, {"email": "a b@c"}]
)
async def test_what_is_nobody_s_address_is_refused(team: Team, who: dict[str, str]) -> None:
    for path in ("members", "invitations"):
        the_problem(await team.owner.post(f"{team.path}/{path}", who), 422)


@pytest.mark.parametrize(("role", "status"), [("member", 403), ("viewer", 403), ("outsider", 404)])
async def test_others_add_nobody(house: House, team: Team, role: str, status: int) -> None:
    bob = await house.a_user("bob")
    the_problem(await team.people[role].post(f"{team.path}/members", {"user_id": bob.id}), status)


async def test_admins_neither_make_owners_nor_touch_them(house: House, team: Team) -> None:
    bob = await a_colleague(house, team)
    await house.directory.add_member(
        (await house.sql("SELECT team_id FROM team_members WHERE user_id = $1", bob.user.id))[0][0],
        team.owner.user.id,
        "owner",
    )
    wanted = {"user_id": bob.id, "role": "owner"}
    refusals = [
        await team.admin.post(f"{team.path}/members", wanted),
        await team.admin.patch(path_of(team, team.member), {"role": "owner"}),
        await team.admin.patch(path_of(team, team.owner), {"role": "viewer"}),
        await team.admin.delete(path_of(team, team.owner)),
    ]
    for refusal in refusals:
        assert the_problem(refusal, 403)["roles"] == ["owner"]
    assert (await team.owner.made(f"{team.path}/members", wanted))["role"] == "owner"


async def test_roles_change(team: Team) -> None:
    changed = the_json(await team.admin.patch(path_of(team, team.viewer), {"role": "member"}))
    assert changed["role"] == "member"
    assert (await team.viewer.read(team.path))["role"] == "member"
    the_problem(await team.viewer.patch(path_of(team, team.member), {"role": "viewer"}), 403)


async def test_members_are_removed_and_see_nothing_any_more(team: Team) -> None:
    assert (await team.admin.delete(path_of(team, team.member))).status_code == 204
    the_problem(await team.member.get(team.path), 404)
    the_problem(await team.admin.delete(path_of(team, team.member)), 404)


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
async def test_anybody_may_leave(team: Team, role: str) -> None:
    caller = team.people[role]
    assert (await caller.delete(path_of(team, caller))).status_code == 204
    the_problem(await caller.get(team.path), 404)


async def test_others_remove_nobody(team: Team) -> None:
    for role in ("member", "viewer"):
        the_problem(await team.people[role].delete(path_of(team, team.admin)), 403)
    the_problem(await team.outsider.delete(path_of(team, team.admin)), 404)
    the_problem(await team.outsider.delete(path_of(team, team.outsider)), 404)


async def test_a_team_keeps_an_owner(team: Team) -> None:
    me = path_of(team, team.owner)
    for refusal in (await team.owner.delete(me), await team.owner.patch(me, {"role": "admin"})):
        assert "keeps an owner" in the_problem(refusal, 409)["detail"]
    await team.owner.patch(path_of(team, team.viewer), {"role": "owner"})
    assert (await team.owner.delete(me)).status_code == 204
