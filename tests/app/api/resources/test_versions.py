from uuid import UUID

import pytest

from tests.app.api.house import (
    House,
    Team,
    a_pipeline,
    a_step,
    all_items,
    an_id,
    the_json,
    the_problem,
)
from tests.app.api.resources.test_events import listening
from tests.app.api.sockets import joined

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_version_keeps_what_the_pipeline_was(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "first")
    made = await team.member.made(f"{path}/versions", {"name": "one", "change_summary": "s"})
    assert (made["version_number"], made["name"], made["change_summary"]) == (1, "one", "s")
    assert made["created_by"] == team.member.id
    await team.member.patch(f"{path}/steps/{step}", {"name": "second"})
    whole = await team.viewer.read(f"{path}/versions/1")
    assert {name: whole[name] for name in made} == made
    assert (whole["pipeline"]["name"], whole["steps"][0]["name"]) == ("a pipeline", "first")
    assert whole["connections"] == []


async def test_a_version_is_a_file_as_the_pipeline_was_then(team: Team) -> None:
    path = await a_pipeline(team)
    await a_step(team, path, "first")
    then = await team.viewer.get(f"{path}/yaml")
    await team.member.made(f"{path}/versions", {"name": "one"})
    await a_step(team, path, "second")
    answer = await team.viewer.get(f"{path}/versions/1/yaml", headers={"accept": "text/yaml"})
    assert answer.text == then.text
    assert answer.headers["content-type"].startswith("text/yaml")
    assert the_problem(await team.viewer.get(f"{path}/versions/2/yaml"), 404)


async def test_whatever_is_made_of_a_log_that_has_rotted_says_so(house: House, team: Team) -> None:
    """While the room is open, and has what is lost."""
    path = await a_pipeline(team)
    pipeline_id = UUID(path.rpartition("/")[2])
    async with joined(house.made, str(pipeline_id), team.member.token):
        for name in ("first", "lost"):
            await a_step(team, path, name)
        found = await house.sql(
            """UPDATE pipeline_updates SET payload = '\\xff' WHERE pipeline_id = $1 AND seq =
            (SELECT head_seq FROM pipeline_documents WHERE pipeline_id = $1) RETURNING seq""",
            pipeline_id,
        )
        last = found[0]["seq"]
        warning = f"update {last} of the log missing or unreadable: made without what they had"
        exported = await team.viewer.get(f"{path}/yaml")
        assert ("first" in exported.text, "lost" in exported.text) == (True, False)
        forked = await team.member.post(f"{path}/fork", {})
        for answer in (exported, forked):
            assert answer.headers["pipeloom-warning"] == warning
        copy = await team.viewer.get(f"/pipelines/{forked.json()['id']}/yaml")
        assert "pipeloom-warning" not in copy.headers
        for summary, said in ((None, warning), ("Before", f"Before - {warning}")):
            wanted = {"name": f"version {summary}", "change_summary": summary}
            made = await team.member.made(f"{path}/versions", wanted)
            assert made["change_summary"] == said


async def test_versions_come_in_pages_newest_first(team: Team) -> None:
    path = await a_pipeline(team)
    for name in ("a", "b", "c"):
        await team.member.made(f"{path}/versions", {"name": name})
    listed = await all_items(team.viewer, f"{path}/versions", 2)
    assert [(one["version_number"], one["name"]) for one in listed] == [
        (3, "c"),
        (2, "b"),
        (1, "a"),
    ]


async def test_what_the_newest_version_holds_is_not_saved_again(team: Team) -> None:
    path = await a_pipeline(team)
    first = await team.member.made(f"{path}/versions", {"name": "one"})
    again = await team.member.post(f"{path}/versions", {"name": "one"})
    assert (again.status_code, again.json()) == (200, first)
    assert again.headers["location"] == f"/api{path}/versions/1"
    await a_step(team, path, "first")
    for name, number in (("one", 2), ("another name", 3)):
        made = await team.member.made(f"{path}/versions", {"name": name})
        assert made["version_number"] == number


async def test_the_difference_is_returned_field_by_field(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a", config={"n": 1})
    await team.member.made(f"{path}/versions", {"name": "one"})
    await team.member.patch(f"{path}/steps/{step}", {"config": {"n": 2}})
    await team.member.patch(path, {"status": "active"})
    added = await a_step(team, path, "b")
    now = await team.viewer.read(f"{path}/versions/diff", params={"from": 1})
    assert [(one["path"], one["before"], one["after"]) for one in now["settings"]] == [
        ("/status", "draft", "active")
    ]
    assert {(one["id"], one["kind"]) for one in now["steps"]} == {
        (step, "changed"),
        (added, "added"),
    }
    changes = [one["changes"] for one in now["steps"] if one["id"] == step]
    assert [(one["path"], one["before"], one["after"]) for one in changes[0]] == [
        ("/config/n", 1, 2)
    ]
    await team.member.made(f"{path}/versions", {"name": "two"})
    between = await team.viewer.read(f"{path}/versions/diff", params={"from": 1, "to": 2})
    assert between == now


async def test_the_way_back_is_an_edit_and_saves_what_there_was(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "first")
    await team.member.made(f"{path}/versions", {"name": "one"})
    await team.member.delete(f"{path}/steps/{step}")
    await a_step(team, path, "other")
    async with listening(team.viewer, path) as ear:
        done = the_json(await team.member.post(f"{path}/versions/1/restore"))
        await ear.until("version.created")
    assert (done["version_number"], done["saved"]["version_number"]) == (1, 2)
    assert ear.received() == [("version.created", done["saved"])]
    (back,) = (await team.viewer.read(f"{path}/steps"))["items"]
    assert (back["id"], back["name"]) == (step, "first")
    await team.member.post(f"{path}/versions/2/restore")
    assert [one["name"] for one in (await team.viewer.read(f"{path}/steps"))["items"]] == ["other"]


async def test_what_is_not_there_is_not_found(team: Team) -> None:
    path = await a_pipeline(team)
    for place in (f"{path}/versions/1", f"{path}/versions/diff?from=1"):
        the_problem(await team.member.get(place), 404)
    the_problem(await team.member.post(f"{path}/versions/1/restore"), 404)
    the_problem(await team.member.get(f"/pipelines/{an_id()}/versions"), 404)
    for number in ("0", "x", str(2**31)):
        the_problem(await team.member.get(f"{path}/versions/{number}"), 422)


async def test_who_may_do_what(team: Team) -> None:
    path = await a_pipeline(team)
    await team.member.made(f"{path}/versions", {"name": "one"})
    for caller, status in ((team.viewer, 403), (team.outsider, 404)):
        the_problem(await caller.post(f"{path}/versions", {"name": "x"}), status)
        the_problem(await caller.post(f"{path}/versions/1/restore"), status)
    for place in ("versions", "versions/1", "versions/diff?from=1"):
        the_problem(await team.outsider.get(f"{path}/{place}"), 404)


async def test_single_steps_are_put_back_and_the_rest_stays(team: Team) -> None:
    path = await a_pipeline(team)
    first, second = await a_step(team, path, "first"), await a_step(team, path, "second")
    ends = {"from_step_id": first, "to_step_id": second}
    connection = await team.member.made(f"{path}/connections", ends)
    await team.member.made(f"{path}/versions", {"name": "one"})
    await team.member.patch(f"{path}/steps/{second}", {"name": "later"})
    await team.member.delete(f"{path}/steps/{first}")
    answer = await team.member.post(f"{path}/versions/1/restore", {"steps": [first, first]})
    restored = the_json(answer)
    assert (await team.viewer.read(f"{path}/steps/{first}"))["name"] == "first"
    assert (await team.viewer.read(f"{path}/steps/{second}"))["name"] == "later"
    assert (await team.viewer.read(f"{path}/connections"))["items"][0]["id"] == connection["id"]
    saved = await team.viewer.read(f"{path}/versions/{restored['saved']['version_number']}")
    assert [one["name"] for one in saved["steps"]] == ["later"]


async def test_steps_that_cannot_be_put_back_are_named(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "taken")
    await team.member.made(f"{path}/versions", {"name": "one"})
    restore = f"{path}/versions/1/restore"
    unknown = the_problem(await team.member.post(restore, {"steps": [an_id()]}), 422)
    assert unknown["errors"][0]["path"] == "body.steps"
    await team.member.delete(f"{path}/steps/{step}")
    await a_step(team, path, "taken")
    the_problem(await team.member.post(restore, {"steps": [step]}), 409)
    for steps in ([], ["x"], [an_id()] * 1001):
        the_problem(await team.member.post(restore, {"steps": steps}), 422)
    assert len((await team.viewer.read(f"{path}/versions"))["items"]) == 1
