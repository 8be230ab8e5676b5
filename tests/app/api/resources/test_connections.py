from typing import Any

import pytest

from tests.app.api.house import Team, a_pipeline, a_step, all_items, an_id, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOWHERE = "00000000-0000-4000-8000-000000000001"


async def three_steps(team: Team) -> tuple[str, list[str]]:
    path = await a_pipeline(team)
    return path, [await a_step(team, path, name) for name in "abc"]


async def test_a_connection_is_read_as_it_was_written(team: Team) -> None:
    path, (a, b, _) = await three_steps(team)
    wanted = {
        "id": an_id(),
        "from_step_id": a,
        "to_step_id": b,
        "from_output": "result",
        "to_input": "data",
        "path_data": {"points": [[1, 2], [3.5, 4]]},
    }
    made = await team.member.made(f"{path}/connections", wanted)
    assert {name: made[name] for name in wanted} == wanted
    answer = await team.viewer.get(f"{path}/connections/{made['id']}")
    assert answer.json() == made
    tag = {"if-none-match": answer.headers["etag"]}
    connection = f"{path}/connections/{made['id']}"
    assert (await team.viewer.get(connection, headers=tag)).status_code == 304


async def test_a_connection_is_rewired(team: Team) -> None:
    path, (a, b, c) = await three_steps(team)
    made = await team.member.made(f"{path}/connections", {"from_step_id": a, "to_step_id": b})
    connection = f"{path}/connections/{made['id']}"
    changed = the_json(await team.member.patch(connection, {"to_step_id": c, "path_data": [1]}))
    assert (changed["from_step_id"], changed["to_step_id"]) == (a, c)
    assert (changed["from_output"], changed["path_data"]) == ("output", [1])
    assert await team.viewer.read(connection) == changed
    the_problem(await team.viewer.patch(connection, {"to_step_id": b}), 403)
    the_problem(await team.outsider.patch(connection, {"to_step_id": b}), 404)
    assert (await team.member.delete(connection)).status_code == 204
    the_problem(await team.member.get(connection), 404)
    the_problem(await team.member.delete(connection), 404)
    the_problem(await team.member.patch(connection, {}), 404)


async def test_no_two_connections_have_the_same_ends(team: Team) -> None:
    path, (a, b, c) = await three_steps(team)
    ends = {"from_step_id": a, "to_step_id": b}
    await team.member.made(f"{path}/connections", ends)
    the_problem(await team.member.post(f"{path}/connections", ends), 409)
    other = await team.member.made(f"{path}/connections", {"from_step_id": a, "to_step_id": c})
    the_problem(await team.member.patch(f"{path}/connections/{other['id']}", ends), 409)
    assert len(await all_items(team.viewer, f"{path}/connections", 1)) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"to_step_id": NOWHERE}, "body.to_step_id"),
        ({"to_step_id": "b"}, "body.to_step_id"),
        ({"to_step_id": None}, "body.to_step_id"),
        ({"from_output": "x" * 251}, "body.from_output"),
        ({"ends": {}}, "body.ends"),
    ],
)
async def test_what_a_connection_cannot_be_is_refused(
    team: Team, change: dict[str, Any], field: str
) -> None:
    path, (a, b, _) = await three_steps(team)
    ends = {"from_step_id": a, "to_step_id": b}
    document = the_problem(await team.member.post(f"{path}/connections", ends | change), 422)
    assert document["errors"][0]["path"] == field
    assert (await team.viewer.read(f"{path}/connections"))["items"] == []


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    path, (a, b, c) = await three_steps(team)
    made = await team.member.made(f"{path}/connections", {"from_step_id": a, "to_step_id": b})
    connection = f"{path}/connections/{made['id']}"
    tag = {"if-match": (await team.member.get(connection)).headers["etag"]}
    assert (await team.member.patch(connection, {"to_step_id": c}, headers=tag)).status_code == 200
    refusal = await team.member.patch(connection, {"to_input": "x"}, headers=tag)
    assert the_problem(refusal, 412)["current"]["to_step_id"] == c
    the_problem(await team.member.delete(connection, headers=tag), 412)
