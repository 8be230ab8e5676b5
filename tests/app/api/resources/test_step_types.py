import pytest

from crdt.pipeline.rows import STEP_TYPES
from tests.app.api.house import Team, an_id, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_type_is_listed_with_its_schema(team: Team) -> None:
    items = (await team.viewer.read("/step-types"))["items"]
    assert {one["type"] for one in items} == STEP_TYPES
    claude = items[0]
    assert claude["schema"]["properties"]["type"]["const"] == "claude"
    assert claude["schema"]["properties"]["config"]["properties"]["prompt"]["title"] == "Prompt"


async def test_one_type_is_read_alone_as_it_stands_in_the_list(team: Team) -> None:
    items = {one["type"]: one for one in (await team.viewer.read("/step-types"))["items"]}
    assert await team.viewer.read("/step-types/for_loop") == items["for_loop"]
    assert [slot["name"] for slot in items["switch"]["slots"]] == [
        "cases", "default", "error_handler", "on_error"
    ]  # fmt: skip
    assert items["switch"]["slots"][0]["keyed"]
    the_problem(await team.viewer.get("/step-types/telepathy"), 404)


async def test_clients_may_keep_the_answer_and_ask_whether_it_has_changed(team: Team) -> None:
    first = await team.viewer.get("/step-types")
    assert first.headers["cache-control"] == "private, max-age=300"
    tag = first.headers["etag"]
    again = await team.viewer.get("/step-types", headers={"if-none-match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await team.viewer.get("/step-types", headers={"if-none-match": f'"{an_id()}"'})
    assert other.content == first.content


async def test_the_example_of_every_type_becomes_a_step(team: Team) -> None:
    made = await team.member.made("/pipelines", {"team_id": team.id, "name": "examples"})
    for one in (await team.viewer.read("/step-types"))["items"]:
        (example,) = one["schema"]["examples"]
        step = await team.member.made(f"/pipelines/{made['id']}/steps", example)
        assert (step["type"], step["supported"]) == (one["type"], True)
        assert step["config"] == example["config"]
