from typing import Any

import pytest

from tests.app.api.house import House, Team, a_pipeline, a_step, all_items, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "00000000-0000-4000-8000-000000000001"


async def said(team: Team, path: str, content: str, role: str = "member", **more: Any) -> Any:
    return await team.people[role].made(f"{path}/comments", {"content": content, **more})


async def contents(team: Team, path: str, **filters: Any) -> list[str]:
    listed = await team.viewer.read(f"{path}/comments", params=filters)
    return [one["content"] for one in listed["items"]]


async def test_comments_are_about_the_pipeline_a_step_or_in_a_thread(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    general = await said(team, path, "  in general ")
    special = await said(team, path, "in special", "admin", step_id=step)
    reply = await said(team, path, "indeed", "owner", parent_id=special["id"])
    assert (general["content"], general["step_id"]) == ("in general", None)
    assert special["author"] == {"id": team.admin.id, "name": "Admin", "avatar_url": None}
    assert (reply["step_id"], reply["parent_id"]) == (step, special["id"])
    assert await contents(team, path) == ["in general", "in special", "indeed"]
    assert await contents(team, path, step=step) == ["in special", "indeed"]
    assert await contents(team, path, thread=special["id"]) == ["in special", "indeed"]
    assert len(await all_items(team.viewer, f"{path}/comments", 1)) == 3


async def test_a_thread_outlives_its_step(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    comment = await said(team, path, "why?", step_id=step)
    assert not comment["detached"]
    await team.member.delete(f"{path}/steps/{step}")
    (shown,) = (await team.viewer.read(f"{path}/comments"))["items"]
    assert (shown["step_id"], shown["detached"]) == (step, True)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"content": ""}, "body.content"),
        ({"content": " \n "}, "body.content"),
        ({"content": "x" * 10_001}, "body.content"),
        ({"content": "x", "step_id": NOWHERE}, "body.step_id"),
        ({"content": "x", "parent_id": NOWHERE}, "body.parent_id"),
    ],
)
async def test_what_is_no_comment_is_refused(
    team: Team, wanted: dict[str, Any], field: str
) -> None:
    path = await a_pipeline(team)
    document = the_problem(await team.member.post(f"{path}/comments", wanted), 422)
    assert document["errors"][0]["path"] == field


async def test_threads_have_one_level_and_stay_in_their_pipeline(team: Team) -> None:
    path, other = await a_pipeline(team), await a_pipeline(team)
    root = await said(team, path, "root")
    reply = await said(team, path, "reply", parent_id=root["id"])
    for place, parent in ((path, reply["id"]), (other, root["id"])):
        wanted = {"content": "x", "parent_id": parent}
        the_problem(await team.member.post(f"{place}/comments", wanted), 422)


async def test_members_resolve_threads_and_authors_rewrite(team: Team) -> None:
    path = await a_pipeline(team)
    root = await said(team, path, "root")
    await said(team, path, "reply", "admin", parent_id=root["id"])
    place = f"{path}/comments/{root['id']}"
    resolved = the_json(await team.owner.patch(place, {"resolved": True}))
    assert (resolved["resolved"], resolved["resolved_by"]) == (True, team.owner.id)
    assert await contents(team, path, resolved=True) == ["root", "reply"]
    assert await contents(team, path, resolved=False) == []
    assert the_problem(await team.owner.patch(place, {"content": "mine"}), 403)["roles"]
    rewritten = the_json(await team.member.patch(place, {"content": "better", "resolved": False}))
    assert (rewritten["content"], rewritten["resolved_by"]) == ("better", None)
    the_problem(await team.viewer.patch(place, {"resolved": True}), 403)
    the_problem(await team.outsider.patch(place, {"resolved": True}), 404)


async def test_a_reply_is_not_resolved(team: Team) -> None:
    path = await a_pipeline(team)
    root = await said(team, path, "root")
    reply = await said(team, path, "reply", parent_id=root["id"])
    place = f"{path}/comments/{reply['id']}"
    the_problem(await team.member.patch(place, {"resolved": True}), 422)


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    path = await a_pipeline(team)
    place = f"{path}/comments/{(await said(team, path, 'first'))['id']}"
    tag = {"if-match": (await team.member.get(place)).headers["etag"]}
    await team.member.patch(place, {"content": "second"}, headers=tag)
    refusal = await team.member.patch(place, {"content": "third"}, headers=tag)
    assert the_problem(refusal, 412)["current"]["content"] == "second"


async def test_authors_admins_and_owners_delete(team: Team) -> None:
    path = await a_pipeline(team)
    by_admin, by_member = await said(team, path, "a", "admin"), await said(team, path, "m")
    await said(team, path, "reply", "owner", parent_id=by_member["id"])
    the_problem(await team.member.delete(f"{path}/comments/{by_admin['id']}"), 403)
    the_problem(await team.viewer.delete(f"{path}/comments/{by_member['id']}"), 403)
    the_problem(await team.outsider.delete(f"{path}/comments/{by_member['id']}"), 404)
    assert (await team.owner.delete(f"{path}/comments/{by_admin['id']}")).status_code == 204
    assert (await team.member.delete(f"{path}/comments/{by_member['id']}")).status_code == 204
    assert await contents(team, path) == [], "a thread goes with its root"
    the_problem(await team.owner.get(f"{path}/comments/{by_member['id']}"), 404)


async def test_comments_stay_when_their_author_leaves(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    await said(team, path, "bye")
    await team.owner.delete(f"{team.path}/members/{team.member.id}")
    (shown,) = (await team.viewer.read(f"{path}/comments"))["items"]
    assert (shown["content"], shown["author"]) == ("bye", None)
