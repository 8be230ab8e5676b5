import pytest

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


@pytest.mark.parametrize("by", ["email", "user_id"])
async def test_people_are_added_by_email_or_by_id(house: House, team: Team, by: str) -> None:
    bob = await house.a_user("bob")
    who = {"email": bob.user.email.upper()} if by == "email" else {"user_id": bob.id}
    made = await team.admin.made(f"{team.path}/members", {**who, "role": "viewer"})
    assert (made["id"], made["role"], made["email"]) == (bob.id, "viewer", bob.user.email)
    assert (await bob.read(team.path))["role"] == "viewer"
    the_problem(await team.admin.post(f"{team.path}/members", {**who, "role": "member"}), 409)
    assert (await bob.read(team.path))["role"] == "viewer"


@pytest.mark.parametrize(
    "who",
    [{}, {"email": "nobody@example.org"}, {"user_id": NOBODY}, {"email": "x", "user_id": NOBODY}],
)
async def test_whom_nobody_knows_is_not_added(team: Team, who: dict[str, str]) -> None:
    the_problem(await team.owner.post(f"{team.path}/members", who), 422)


@pytest.mark.parametrize(("role", "status"), [("member", 403), ("viewer", 403), ("outsider", 404)])
async def test_others_add_nobody(house: House, team: Team, role: str, status: int) -> None:
    bob = await house.a_user("bob")
    the_problem(await team.people[role].post(f"{team.path}/members", {"user_id": bob.id}), status)


async def test_admins_neither_make_owners_nor_touch_them(house: House, team: Team) -> None:
    bob = await house.a_user("bob")
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
