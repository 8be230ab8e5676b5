import pytest

from tests.app.api.house import Team, a_pipeline, a_step, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_history_tells_who_edited_and_what(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    await team.admin.patch(f"{path}/steps/{step}", {"name": "b"})
    await team.admin.patch(path, {"status": "active"})
    page = await team.viewer.read(f"{path}/history")
    assert page["next_cursor"] is None
    admin, member = page["items"]
    assert (admin["user"]["id"], admin["updates"]) == (team.admin.id, 2)
    assert (member["user"]["name"], member["first_seq"], member["last_seq"]) == ("Member", 1, 2)
    wanted = {name: admin[name] for name in ("user_id", "first_seq", "last_seq")}
    found = await team.viewer.read(f"{path}/history/changes", params=wanted)
    assert found["settings"] is True
    assert [(one["id"], one["kind"], one["name"]) for one in found["steps"]] == [
        (step, "changed", "b")
    ]


async def test_history_comes_in_pages(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.services.history.PAGE_UPDATES", 2)
    path = await a_pipeline(team)
    for name in ("a", "b", "c"):
        await a_step(team, path, name)
    first = await team.viewer.read(f"{path}/history")
    second = await team.viewer.read(f"{path}/history", params={"cursor": first["next_cursor"]})
    assert [one["last_seq"] for one in first["items"] + second["items"]] == [4, 2]
    assert second["next_cursor"] is None


async def test_outsiders_learn_nothing(team: Team) -> None:
    path = await a_pipeline(team)
    the_problem(await team.outsider.get(f"{path}/history"), 404)
    the_problem(await team.outsider.get(f"{path}/history/changes?first_seq=1&last_seq=1"), 404)


@pytest.mark.parametrize(
    "query", ["first_seq=2&last_seq=1", "first_seq=0&last_seq=1", "", "first_seq=1&last_seq=100000"]
)
async def test_a_stretch_that_cannot_be_is_refused(team: Team, query: str) -> None:
    path = await a_pipeline(team)
    the_problem(await team.viewer.get(f"{path}/history/changes?{query}"), 422)
