import asyncio

import httpx
import pytest
from pycrdt import Map

from tests.app.api.house import House, Team, a_pipeline, all_items, the_problem
from tests.app.api.sockets import joined

pytestmark = pytest.mark.asyncio(loop_scope="module")

YAML = """\
workflow:
  name: x
  steps:
    - name: a
      type: claude
      max_tokens: 1.0
    - name: b
      type: claude
"""
KIND = {"content-type": "application/yaml"}


async def put(
    team: Team, path: str, text: str, role: str = "member", **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await team.people[role].ask(
        "PUT", f"{path}/yaml", content=text, headers={**KIND, **named}
    )


async def test_what_is_put_is_got(team: Team) -> None:
    path = await a_pipeline(team)
    answer = await put(team, path, YAML)
    assert answer.status_code == 200
    assert (answer.json()["name"], answer.json()["steps"]) == ("x", 2)
    got = await team.viewer.get(f"{path}/yaml")
    assert got.headers["content-type"].startswith("application/yaml")
    assert got.text == YAML
    assert got.headers["etag"] == answer.headers["etag"]
    as_text = await team.viewer.get(f"{path}/yaml", headers={"accept": "text/yaml, */*;q=0.1"})
    assert (as_text.headers["content-type"].partition(";")[0], as_text.text) == ("text/yaml", YAML)
    as_bytes = {"content-type": "application/octet-stream"}
    again = await team.member.ask("PUT", f"{path}/yaml", content=YAML, headers=as_bytes)
    assert (again.status_code, again.headers["etag"]) == (200, got.headers["etag"])
    known = {"if-none-match": got.headers["etag"]}
    assert (await team.viewer.get(f"{path}/yaml", headers=known)).status_code == 304


async def test_steps_that_are_still_there_keep_their_ids(team: Team) -> None:
    path = await a_pipeline(team, yaml=YAML)
    before = {one["name"]: one for one in await all_items(team.viewer, f"{path}/steps", 9)}
    await put(team, path, YAML.replace("name: b", "name: c").replace("1.0", "2"))
    after = {one["name"]: one for one in await all_items(team.viewer, f"{path}/steps", 9)}
    assert set(after) == {"a", "c"}
    assert after["a"]["id"] == before["a"]["id"]
    assert after["a"]["config"] == {"max_tokens": 2}


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    path = await a_pipeline(team, yaml=YAML)
    tag = (await team.member.get(f"{path}/yaml")).headers["etag"]
    changed = YAML.replace("name: b", "name: c")
    assert (await put(team, path, changed, if_match=tag)).status_code == 200
    refusal = await put(team, path, YAML, if_match=tag)
    assert the_problem(refusal, 412)["current"] == changed
    assert refusal.headers["etag"] == (await team.member.get(f"{path}/yaml")).headers["etag"]


async def test_of_many_who_replace_one_state_at_once_one_wins(team: Team) -> None:
    path = await a_pipeline(team, yaml=YAML)
    tag = (await team.member.get(f"{path}/yaml")).headers["etag"]
    texts = [YAML.replace("name: b", f"name: b{number}") for number in range(8)]
    answers = await asyncio.gather(*(put(team, path, text, if_match=tag) for text in texts))
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    (won,) = (text for text, one in zip(texts, answers, strict=True) if one.status_code == 200)
    assert (await team.member.get(f"{path}/yaml")).text == won


async def test_editors_see_it_at_once(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    pipeline_id = path.removeprefix("/pipelines/")
    async with joined(house.made, pipeline_id, team.viewer.token) as eve:
        assert (await put(team, path, YAML)).status_code == 200
        await eve.until(lambda document: len(document.doc.get("steps", type=Map)) == 2)


@pytest.mark.parametrize("text", ["a: [", "just a text", "", "workflow: 1"])
async def test_what_is_no_pipeline_changes_nothing(team: Team, text: str) -> None:
    path = await a_pipeline(team, yaml=YAML)
    the_problem(await put(team, path, text), 422)
    assert (await team.viewer.get(f"{path}/yaml")).text.count("name:") == 3


async def test_who_may_do_what(team: Team) -> None:
    path = await a_pipeline(team)
    the_problem(await put(team, path, YAML, "viewer"), 403)
    the_problem(await put(team, path, YAML, "outsider"), 404)
    the_problem(await team.outsider.get(f"{path}/yaml"), 404)
    answer = await team.member.ask("PUT", f"{path}/yaml", json={"workflow": {}})
    the_problem(answer, 415)
