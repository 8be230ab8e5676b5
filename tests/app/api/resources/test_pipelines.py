from random import Random

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
from tests.rounds import SEED, rounds
from tests.server import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ODD = (
    *("'", '"', "\\", ":*", "!", "&", "|", "(", ")", "<->", "%", "_", "--", ";", "\n", " "),
    *("the", "of", "a", "gene", "é", "\u202e", "🧵", "x" * 300),
)
"""What a search may be made of: operators, quotes, stop words, letters of all kinds."""

YAML = """\
workflow:
  name: from a file
  tags: [imported]
  steps:
    - name: first
      type: claude
      prompt: [{type: static, content: hello}]
    - name: second
      type: cluade
      prompt: [{type: previous_response, step: first}]
"""


async def names(team: Team, role: str = "viewer", **filters: object) -> list[str]:
    listed = await team.people[role].read("/pipelines", params={"team": team.id, **filters})
    return [one["name"] for one in listed["items"]]


async def test_an_empty_pipeline_has_the_settings_it_was_given(team: Team) -> None:
    wanted = {
        "name": "Review",
        "description": "Reads the diff",
        "status": "active",
        "tags": ["b", "a"],
        "config": {"timeout": 60, "deep": {"er": [1, 2.5]}},
        "defaults": {"model": "sonnet"},
        "authentication": {"claude_auth": {"provider": "x"}},
        "is_template": True,
    }
    made = await team.member.made("/pipelines", {"team_id": team.id, **wanted})
    assert {name: made[name] for name in wanted} == wanted
    assert (made["created_by"], made["parent_pipeline_id"]) == (team.member.id, None)
    assert made.pop("findings") == []
    path = f"/pipelines/{made['id']}"
    assert made == await team.viewer.read(path)
    assert (await team.viewer.read(f"{path}/steps"))["items"] == []


async def test_a_pipeline_comes_out_of_yaml_with_what_is_odd_about_it(team: Team) -> None:
    made = await team.member.made("/pipelines", {"team_id": team.id, "yaml": YAML, "tags": ["x"]})
    assert (made["name"], made["tags"]) == ("from a file", ["x"])
    (finding,) = made["findings"]
    assert (finding["code"], finding["line"]) == ("unknown-type", 9)
    path = f"/pipelines/{made['id']}"
    steps = (await team.viewer.read(f"{path}/steps"))["items"]
    assert {(one["name"], one["type"], one["supported"]) for one in steps} == {
        ("first", "claude", True),
        ("second", "cluade", False),
    }
    (connection,) = (await team.viewer.read(f"{path}/connections"))["items"]
    assert connection["to_input"]
    diagnostics = (await team.viewer.read(f"{path}/diagnostics"))["items"]
    (diagnostic,) = (one for one in diagnostics if one["code"] == "unsupported_type")
    assert diagnostic["path"] == "/type"
    assert diagnostic["suggestion"].startswith("Choose")


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ({}, "body"),
        ({"name": ""}, "body.name"),
        ({"name": "x" * 501}, "body.name"),
        ({"name": "x", "status": "done"}, "body.status"),
        ({"name": "x", "tags": ["a", "a"]}, "body.tags"),
        ({"name": "x", "tags": ["x" * 101]}, "body.tags.0"),
        ({"name": "x", "config": []}, "body.config"),
        ({"yaml": "{"}, "yaml"),
        ({"yaml": "just a text"}, "yaml"),
    ],
)
async def test_what_is_no_pipeline_is_not_created(
    team: Team, wanted: dict[str, object], path: str
) -> None:
    answer = await team.member.post("/pipelines", {"team_id": team.id, **wanted})
    assert the_problem(answer, 422)["errors"][0]["path"] == path
    assert await names(team) == []


async def test_a_team_elsewhere_takes_no_pipeline(team: Team) -> None:
    for caller, status in ((team.viewer, 403), (team.outsider, 404)):
        answer = await caller.post("/pipelines", {"team_id": team.id, "name": "mine"})
        the_problem(answer, status)
    answer = await team.owner.post("/pipelines", {"team_id": an_id(), "name": "mine"})
    the_problem(answer, 404)


async def test_lists_are_filtered(house: House, team: Team) -> None:
    await a_pipeline(team, "plain")
    await a_pipeline(team, "tagged", tags=["red", "blue"])
    await a_pipeline(team, "active", status="active", tags=["red"])
    await a_pipeline(team, "template", is_template=True)
    assert await names(team) == ["template", "active", "tagged", "plain"]
    assert await names(team, tag="red") == ["active", "tagged"]
    assert await names(team, tag=["red", "blue"]) == ["tagged"]
    assert await names(team, status="active") == ["active"]
    assert await names(team, status=["active", "draft"]) == await names(team)
    assert await names(team, status="archived") == await names(team, present="true") == []
    assert await names(team, template="true") == ["template"]
    assert await names(team, template="false", status="draft") == ["tagged", "plain"]
    assert await names(team, role="outsider") == []
    assert (await team.viewer.read("/pipelines", params={"team": an_id()}))["items"] == []


async def test_a_list_names_those_that_were_asked_for(team: Team) -> None:
    first, second = await a_pipeline(team, "first"), await a_pipeline(team, "second")
    await a_pipeline(team, "third")
    ids = [path.rsplit("/", 1)[1] for path in (first, second)]
    assert await names(team, id=ids) == ["second", "first"]
    assert await names(team, id=[*ids[:1], an_id()]) == ["first"]
    assert await names(team, role="outsider", id=ids) == []
    answer = await team.viewer.get("/pipelines", params={"id": [an_id() for _ in range(101)]})
    the_problem(answer, 422)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created", ["a", "Ärger", "Zebra", "b"]),
        ("updated", ["b", "a", "Ärger", "Zebra"]),
        ("name", None),
    ],
)
async def test_lists_are_sorted_page_by_page(
    team: Team, sort: str, expected: list[str] | None
) -> None:
    first, *_ = [await a_pipeline(team, name) for name in ("b", "Zebra", "Ärger", "a")]
    await a_step(team, first, "touch")
    params = {"team": team.id, "sort": sort}
    whole = await team.viewer.read("/pipelines", params=params)
    by_page = [one["name"] for one in await all_items(team.viewer, "/pipelines", 1, **params)]
    assert by_page == [one["name"] for one in whole["items"]]
    if expected is not None:
        assert by_page == expected
    else:
        assert [name for name in by_page if name != "Ärger"] == ["a", "b", "Zebra"]


async def test_a_list_by_name_goes_on_after_any_name(team: Team) -> None:
    for end in "abc":
        await a_pipeline(team, "🧵" * 400 + end)
    params: dict[str, object] = {"team": team.id, "sort": "name", "limit": 1}
    found = set()
    for _ in range(3):
        page = await team.viewer.read("/pipelines", params=params)
        found.add(page["items"][0]["name"][-1])
        params["cursor"] = page["next_cursor"]
    assert found == {*"abc"}
    answer = await team.viewer.get("/pipelines", params={"sort": "updated", "cursor": "eA=="})
    the_problem(answer, 400)


async def test_a_list_shows_what_is_in_a_pipeline(team: Team) -> None:
    path = await a_pipeline(team, yaml=YAML)
    await a_pipeline(team, "empty")
    empty, made = (await team.viewer.read("/pipelines", params={"team": team.id}))["items"]
    assert empty["outline"] == {"step_count": 0, "errors": 0, "warnings": 0, "steps": []}
    diagnostics = (await team.viewer.read(f"{path}/diagnostics"))["items"]
    counts = {
        severity: sum(one["severity"] == severity for one in diagnostics)
        for severity in ("error", "warning")
    }
    assert sum(counts.values()) > 0
    outline = made["outline"]
    assert (outline["errors"], outline["warnings"]) == (counts["error"], counts["warning"])
    assert (outline["step_count"], [one["type"] for one in outline["steps"]]) == (
        2,
        ["claude", "cluade"],
    )
    steps = (await team.viewer.read(f"{path}/steps"))["items"]
    places = {(one["position"]["x"], one["position"]["y"]) for one in steps}
    assert {(one["x"], one["y"]) for one in outline["steps"]} == places


async def test_words_are_found_wherever_they_stand(team: Team) -> None:
    await a_pipeline(team, "reviewing birds")
    await a_pipeline(team, "second", description="about a bird", status="active")
    path = await a_pipeline(team, "third", tags=["bird"])
    assert await names(team, q="birds") == ["reviewing birds", "second", "third"]
    newest = await names(team, q="birds", sort="created")
    assert newest == ["third", "second", "reviewing birds"]
    assert await names(team, q="bird review") == ["reviewing birds"]
    assert await names(team, q="bird", status="active") == ["second"]
    assert await names(team, q="bird", limit=1) == ["reviewing birds"]
    assert await names(team, q="reviewin") == await names(team, q="birds re") == ["reviewing birds"]
    assert await names(team, q="fish") == await names(team, q=" ") == []
    assert await names(team, role="outsider", q="bird") == []
    await a_step(team, path, "look", config={"prompt": "watch the heron"})

    async def found() -> bool:
        return await names(team, q="heron") == ["third"]

    await eventually("the step's text to be found", found)


async def test_the_best_comes_first_page_by_page(team: Team) -> None:
    await a_pipeline(team, "other", description="on the genesis")
    await a_pipeline(team, "the genesis of all")
    await a_pipeline(team, "Genesis")
    await a_pipeline(team, "genesis again")
    best = ["Genesis", "genesis again", "the genesis of all", "other"]
    assert await names(team, q="genesis") == best
    assert await names(team, q="gene") == ["Genesis", "genesis again", *best[2:]]
    found = await all_items(team.viewer, "/pipelines", 1, q="gene")
    assert [one["name"] for one in found] == best
    problem = the_problem(await team.viewer.get("/pipelines?sort=rank"), 422)
    assert problem["errors"][0]["path"] == "query.sort"


async def test_odd_words_are_sought_without_harm(team: Team) -> None:
    print(f"seed {SEED}")
    draw = Random(SEED)
    made = ("".join(draw.choices(ODD, k=draw.randrange(1, 9))) for _ in range(rounds(300, few=20)))
    for words in (*ODD, *made):
        answer = await team.viewer.get("/pipelines", params={"q": words})
        assert answer.status_code == (200 if len(words) <= 500 else 422), (words, answer.text)


async def test_pages_neither_repeat_nor_miss_what_was_there(team: Team) -> None:
    for number in range(5):
        await a_pipeline(team, f"old {number}")
    first = await team.viewer.read("/pipelines", params={"limit": 2})
    await a_pipeline(team, "meanwhile")
    rest = await team.viewer.read("/pipelines", params={"cursor": first["next_cursor"]})
    found = [one["name"] for one in first["items"] + rest["items"]]
    assert found == [f"old {number}" for number in range(4, -1, -1)]
    assert len(await all_items(team.viewer, "/pipelines", 2)) == 6


async def test_settings_change_and_the_rest_stays(team: Team) -> None:
    path = await a_pipeline(team, config={"keep": 1, "drop": 2, "in": {"a": 1, "b": 2}})
    wanted = {"status": "active", "config": {"drop": None, "in": {"b": 3}}, "description": "now"}
    answer = await team.member.patch(path, wanted)
    changed = the_json(answer)
    assert changed["config"] == {"keep": 1, "in": {"a": 1, "b": 3}}
    assert (changed["status"], changed["description"]) == ("active", "now")
    assert changed["name"] == "a pipeline"
    read = await team.viewer.get(path)
    assert read.json() == changed
    assert read.headers["etag"] == answer.headers["etag"]
    assert the_json(await team.member.patch(path, {"description": None}))["description"] is None


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    path = await a_pipeline(team)
    tag = {"if-match": (await team.member.get(path)).headers["etag"]}
    first = await team.member.patch(path, {"name": "one"}, headers=tag)
    assert first.status_code == 200
    second = await team.admin.patch(path, {"name": "two"}, headers=tag)
    assert the_problem(second, 412)["current"]["name"] == "one"
    assert second.headers["etag"] == first.headers["etag"]
    assert (await team.viewer.read(path))["name"] == "one"


async def test_an_edit_of_a_step_leaves_the_tag_of_the_settings(team: Team) -> None:
    path = await a_pipeline(team)
    tag = (await team.member.get(path)).headers["etag"]
    await a_step(team, path, "a")
    assert (await team.member.get(path, headers={"if-none-match": tag})).status_code == 304


async def test_who_may_delete_a_pipeline(team: Team) -> None:
    made = await team.owner.made("/pipelines", {"team_id": team.id, "name": "the owner's"})
    theirs, mine = f"/pipelines/{made['id']}", await a_pipeline(team)
    the_problem(await team.member.delete(theirs), 403)
    the_problem(await team.viewer.delete(mine), 403)
    the_problem(await team.outsider.delete(mine), 404)
    assert (await team.member.delete(mine)).status_code == 204
    assert (await team.admin.delete(theirs)).status_code == 204
    for path in (mine, theirs):
        the_problem(await team.owner.get(path), 404)
        the_problem(await team.owner.delete(path), 404)


async def test_a_fork_is_a_pipeline_of_its_own(team: Team) -> None:
    path = await a_pipeline(team, tags=["x"])
    step = await a_step(team, path, "a", config={"prompt": "hi"})
    answer = await team.member.ask("POST", f"{path}/fork")
    assert answer.status_code == 201
    made = answer.json()
    assert made["parent_pipeline_id"] == path.removeprefix("/pipelines/")
    assert (made["name"], made["tags"]) == ("a pipeline (fork)", ["x"])
    copy = f"/pipelines/{made['id']}/steps/{step}"
    assert (await team.viewer.read(copy))["config"] == {"prompt": "hi"}
    await team.member.patch(copy, {"name": "b"})
    assert (await team.viewer.read(f"{path}/steps/{step}"))["name"] == "a"


async def test_a_fork_needs_the_right_to_read_here_and_to_write_there(team: Team) -> None:
    path = await a_pipeline(team, "x" * 500)
    assert len((await team.member.made(f"{path}/fork", {}))["name"]) == 500
    the_problem(await team.viewer.post(f"{path}/fork", {}), 403)
    the_problem(await team.outsider.post(f"{path}/fork", {}), 404)
    home = await team.viewer.made("/organizations", {"name": team.viewer.id})
    (there,) = (await team.viewer.read("/teams", params={"organization": home["id"]}))["items"]
    wanted = {"team_id": there["id"], "name": "taken along"}
    made = await team.viewer.made(f"{path}/fork", wanted)
    assert (made["team_id"], made["name"]) == (there["id"], "taken along")
    the_problem(await team.member.post(f"{path}/fork", wanted), 404)
