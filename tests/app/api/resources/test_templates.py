from typing import Any

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

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def a_source(team: Team) -> str:
    path = await a_pipeline(
        team, "Review {{template.language}}", tags=["{{template.tag}}"], is_template=True
    )
    config = {
        "prompt": [{"type": "static", "content": "Mind {{template.topic}} and {{steps.b.result}}"}],
        "max_tokens": "{{template.size}}",
    }
    await a_step(team, path, "review", config=config)
    return path


async def a_template(team: Team, **more: Any) -> Any:
    path = await a_source(team)
    wanted = {
        "pipeline_id": path.removeprefix("/pipelines/"),
        "name": "Review anything",
        "default_values": {"language": "Python", "tag": "review", "size": 1000},
        **more,
    }
    return await team.member.made("/templates", wanted)


async def test_a_template_knows_its_variables(team: Team) -> None:
    made = await a_template(team, category="review", icon="eye", description="d")
    assert made["variables"] == ["language", "size", "tag", "topic"]
    assert (made["team_id"], made["created_by"], made["usage_count"]) == (
        team.id,
        team.member.id,
        0,
    )
    assert len(made["pipeline_config"]["steps"]) == 1
    answer = await team.viewer.get(f"/templates/{made['id']}")
    assert answer.json() == made
    tag = {"if-none-match": answer.headers["etag"]}
    assert (await team.viewer.get(f"/templates/{made['id']}", headers=tag)).status_code == 304


async def test_a_pipeline_is_made_of_it_with_values_and_defaults(team: Team) -> None:
    template = await a_template(team)
    wanted = {"team_id": team.id, "variables": {"topic": "näming", "language": "Rust"}}
    made = await team.admin.made(f"/templates/{template['id']}/instantiate", wanted)
    assert (made["name"], made["tags"], made["is_template"]) == ("Review Rust", ["review"], False)
    assert (made["created_by"], made["team_id"]) == (team.admin.id, team.id)
    (step,) = (await team.viewer.read(f"/pipelines/{made['id']}/steps"))["items"]
    assert step["config"] == {
        "prompt": [{"type": "static", "content": "Mind näming and {{steps.b.result}}"}],
        "max_tokens": 1000,
    }
    assert (await team.viewer.read(f"/templates/{template['id']}"))["usage_count"] == 1


@pytest.mark.parametrize(
    "value", [5, True, None, [1], {"a": "b"}, "", "x" * 600, '"', "{{template.topic}}"]
)
async def test_any_value_makes_a_pipeline(team: Team, value: Any) -> None:
    template = await a_template(team)
    names = ("topic", "language", "tag", "size")
    wanted = {"team_id": team.id, "variables": dict.fromkeys(names, value)}
    made = await team.admin.made(f"/templates/{template['id']}/instantiate", wanted)
    assert made["name"].startswith("Review")


async def test_missing_and_unknown_variables_are_named(team: Team) -> None:
    template = await a_template(team)
    path = f"/templates/{template['id']}/instantiate"
    missing = the_problem(await team.member.post(path, {"team_id": team.id}), 422)
    assert [one["path"] for one in missing["errors"]] == ["body.variables.topic"]
    wanted = {"team_id": team.id, "variables": {"topic": 1, "tpoic": 2}}
    unknown = the_problem(await team.member.post(path, wanted), 422)
    assert [one["path"] for one in unknown["errors"]] == ["body.variables.tpoic"]
    assert (await team.viewer.read(f"/templates/{template['id']}"))["usage_count"] == 0


async def test_default_values_are_those_of_variables(team: Team) -> None:
    path = await a_source(team)
    wanted = {
        "pipeline_id": path.removeprefix("/pipelines/"),
        "name": "x",
        "default_values": {"odd": 1},
    }
    document = the_problem(await team.member.post("/templates", wanted), 422)
    assert document["errors"][0]["path"] == "body.default_values.odd"
    template = await a_template(team)
    place = f"/templates/{template['id']}"
    the_problem(await team.member.patch(place, {"default_values": {"odd": 1}}), 422)
    changed = the_json(await team.member.patch(place, {"default_values": {"topic": "x"}}))
    assert changed["default_values"] == {"topic": "x"}


async def test_a_step_that_is_called_template_is_not_mistaken_for_variables(team: Team) -> None:
    path = await a_source(team)
    await a_step(team, path, "template")
    wanted = {"pipeline_id": path.removeprefix("/pipelines/"), "name": "x"}
    document = the_problem(await team.member.post("/templates", wanted), 422)
    assert "called template" in document["detail"]


async def test_a_template_outlives_its_pipeline(house: House, team: Team) -> None:
    template = await a_template(team)
    source = template["source_pipeline_id"]
    await team.owner.delete(f"/pipelines/{source}")
    assert await team.viewer.read(f"/templates/{template['id']}") == template
    await house.sql("DELETE FROM pipelines WHERE id = $1::text::uuid", source)
    left = await team.viewer.read(f"/templates/{template['id']}")
    assert left["source_pipeline_id"] is None
    assert left["pipeline_config"] == template["pipeline_config"]


async def test_who_may_do_what(team: Team) -> None:
    template = await a_template(team)
    place = f"/templates/{template['id']}"
    wanted = {"team_id": team.id, "variables": {"topic": "x"}}
    again = {"pipeline_id": template["source_pipeline_id"], "name": "again"}
    for caller, status in ((team.viewer, 403), (team.outsider, 404)):
        the_problem(await caller.post("/templates", again), status)
        the_problem(await caller.patch(place, {"name": "mine"}), status)
        the_problem(await caller.post(f"{place}/instantiate", wanted), status)
        the_problem(await caller.delete(place), status)
    the_problem(await team.outsider.get(place), 404)
    the_problem(await team.member.delete(place), 403)
    assert (await team.admin.delete(place)).status_code == 204
    the_problem(await team.admin.get(place), 404)


async def test_a_viewer_takes_a_template_along_into_another_team(team: Team) -> None:
    template = await a_template(team)
    home = await team.viewer.made("/organizations", {"name": team.viewer.id})
    (there,) = (await team.viewer.read("/teams", params={"organization": home["id"]}))["items"]
    wanted = {"team_id": there["id"], "name": "mine", "variables": {"topic": "x"}}
    made = await team.viewer.made(f"/templates/{template['id']}/instantiate", wanted)
    assert (made["team_id"], made["name"]) == (there["id"], "mine")


async def test_lists_come_in_pages_by_team_and_category(team: Team) -> None:
    ids = [(await a_template(team, category=kind))["id"] for kind in "aab"]
    listed = await all_items(team.viewer, "/templates", 1)
    assert [one["id"] for one in listed] == ids[::-1]
    assert "pipeline_config" not in listed[0]
    some = await team.viewer.read("/templates", params={"category": "a", "team": team.id})
    assert [one["id"] for one in some["items"]] == ids[1::-1]
    assert (await team.outsider.read("/templates", params={"team": team.id}))["items"] == []
    assert (await team.viewer.read("/templates", params={"team": an_id()}))["items"] == []


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    place = f"/templates/{(await a_template(team))['id']}"
    tag = {"if-match": (await team.member.get(place)).headers["etag"]}
    assert (await team.member.patch(place, {"name": "one"}, headers=tag)).status_code == 200
    refusal = await team.admin.patch(place, {"name": "two"}, headers=tag)
    assert the_problem(refusal, 412)["current"]["name"] == "one"
