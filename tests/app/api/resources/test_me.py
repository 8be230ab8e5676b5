import pytest

from tests.app.api.house import ApiUser, House, Team, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_everybody_sees_themselves(team: Team) -> None:
    me = await team.viewer.read("/me")
    assert me["id"] == team.viewer.id
    assert me["email"] == team.viewer.user.email
    assert me["preferences"] == {}


async def test_a_change_leaves_the_rest_as_it_is(team: Team) -> None:
    wanted = {"name": "Ada", "avatar_url": "https://example.org/ada.png"}
    assert (await team.viewer.patch("/me", wanted)).status_code == 200
    changed = the_json(await team.viewer.patch("/me", {"preferences": {"theme": "dark"}}))
    assert changed == await team.viewer.read("/me")
    assert {name: changed[name] for name in wanted} == wanted
    assert changed["preferences"] == {"theme": "dark"}
    assert the_json(await team.viewer.patch("/me", {"avatar_url": None}))["avatar_url"] is None


async def test_nobody_else_is_changed(team: Team) -> None:
    await team.viewer.patch("/me", {"name": "Eve"})
    assert (await team.owner.read("/me"))["name"] == "Owner"


async def test_a_state_that_is_known_is_not_sent_again(team: Team) -> None:
    tag = (await team.owner.get("/me")).headers["etag"]
    known = await team.owner.get("/me", headers={"if-none-match": tag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    await team.owner.patch("/me", {"name": "Grace"})
    assert (await team.owner.get("/me", headers={"if-none-match": tag})).status_code == 200


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    tag = (await team.owner.get("/me")).headers["etag"]
    first = await team.owner.patch("/me", {"name": "One"}, headers={"if-match": tag})
    second = await team.owner.patch("/me", {"name": "Two"}, headers={"if-match": tag})
    assert first.status_code == 200
    document = the_problem(second, 412)
    assert document["current"]["name"] == "One"
    assert second.headers["etag"] == first.headers["etag"] != tag
    again = {"if-match": second.headers["etag"]}
    assert (await team.owner.patch("/me", {"name": "Two"}, headers=again)).status_code == 200


async def test_the_token_of_a_user_who_is_gone_finds_nobody(house: House) -> None:
    caller: ApiUser = await house.a_user()
    await house.sql("DELETE FROM users WHERE id = $1", caller.user.id)
    the_problem(await caller.get("/me"), 404)
    the_problem(await caller.patch("/me", {"name": "Ghost"}), 404)
    assert (await caller.read("/pipelines"))["items"] == []
