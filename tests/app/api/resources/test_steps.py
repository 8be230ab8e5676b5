import asyncio
from typing import Any

import pytest
from pycrdt import Map

from crdt.document.document import Document
from crdt.document.schema import root_map, to_json
from crdt.editing.renaming import SEARCHED_AT_ONCE
from crdt.protocol.messages import Update
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
from tests.app.api.sockets import Socket, joined

pytestmark = pytest.mark.asyncio(loop_scope="module")


NOWHERE = "00000000-0000-4000-8000-000000000001"


async def order(team: Team, path: str) -> list[str]:
    steps = await all_items(team.viewer, f"{path}/steps", 200)
    return [one["name"] for one in sorted(steps, key=lambda one: one["order_index"])]


async def test_a_step_is_read_as_it_was_written(team: Team) -> None:
    path = await a_pipeline(team)
    wanted = {
        "id": an_id(),
        "name": "summarize",
        "type": "claude",
        "enabled": False,
        "position": {"x": 12.5, "y": -3},
        "size": {"width": 300, "height": 80},
        "config": {"prompt": [{"type": "static", "content": "hü"}], "n": 1.5, "none": {"a": 1}},
    }
    made = await team.member.made(f"{path}/steps", wanted)
    assert {name: made[name] for name in wanted} == wanted
    assert (made["parent_step_id"], made["slot"], made["order_index"]) == (None, "steps", 0)
    answer = await team.viewer.get(f"{path}/steps/{made['id']}")
    assert answer.json() == made
    tag = {"if-none-match": answer.headers["etag"]}
    assert (await team.viewer.get(f"{path}/steps/{made['id']}", headers=tag)).status_code == 304


async def test_steps_stand_in_an_order_and_move_in_it(team: Team) -> None:
    path = await a_pipeline(team)
    a, _ = await a_step(team, path, "a"), await a_step(team, path, "b")
    c = await a_step(team, path, "c", before=a)
    assert await order(team, path) == ["c", "a", "b"]
    moved = the_json(await team.member.patch(f"{path}/steps/{c}", {"before": None}))
    assert moved["order_index"] == 2
    assert await order(team, path) == ["a", "b", "c"]


async def test_steps_stand_inside_others_and_go_with_them(team: Team) -> None:
    path = await a_pipeline(team)
    loop = await a_step(team, path, "loop", type="for_loop")
    inner = await a_step(team, path, "inner", parent_step_id=loop)
    other = await a_step(team, path, "other")
    ends = {"from_step_id": inner, "to_step_id": other}
    await team.member.made(f"{path}/connections", ends)
    answer = await team.member.patch(f"{path}/steps/{loop}", {"parent_step_id": inner})
    assert the_problem(answer, 409)["errors"][0]["path"] == "body.parent_step_id"
    assert (await team.member.delete(f"{path}/steps/{loop}")).status_code == 204
    assert await order(team, path) == ["other"]
    assert (await team.viewer.read(f"{path}/connections"))["items"] == []


async def test_config_is_merged_and_null_takes_a_key_away(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a", config={"keep": 1, "drop": 2, "in": {"x": 1}})
    changes = {"config": {"drop": None, "in": {"y": 2}}}
    changed = the_json(await team.member.patch(f"{path}/steps/{step}", changes))
    assert changed["config"] == {"keep": 1, "in": {"x": 1, "y": 2}}
    assert (await team.viewer.read(f"{path}/steps/{step}")) == changed


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": "taken"}, 409, "body.name"),
        ({"name": ""}, 422, "body.name"),
        ({"name": None}, 422, "body.name"),
        ({"type": 1}, 422, "body.type"),
        ({"position": {"x": 1}}, 422, "body.position.y"),
        ({"position": {"x": 1e10, "y": 0}}, 422, "body.position.x"),
        ({"size": {"width": 0, "height": 1}}, 422, "body.size.width"),
        ({"parent_step_id": NOWHERE}, 422, "body.parent_step_id"),
        ({"before": NOWHERE}, 422, "body.before"),
        ({"order_index": 3}, 422, "body.order_index"),
        ({"config": {"a": {"\u0000": 1}}}, 422, "body.config.a"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
async def test_what_a_step_cannot_be_is_refused_and_changes_nothing(
    team: Team, changes: dict[str, Any], status: int, field: str
) -> None:
    path = await a_pipeline(team)
    await a_step(team, path, "taken")
    step = f"{path}/steps/{await a_step(team, path, 'free')}"
    before = await team.viewer.read(step)
    document = the_problem(await team.member.patch(step, {"enabled": False, **changes}), status)
    assert document["errors"][0]["path"] == field
    assert await team.viewer.read(step) == before


async def test_an_id_is_taken_once(team: Team) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "a")
    answer = await team.member.post(f"{path}/steps", {"id": step, "name": "b", "type": "x"})
    assert the_problem(answer, 409)["errors"][0]["path"] == "body.id"


async def test_what_is_not_there_is_not_found(team: Team) -> None:
    path = await a_pipeline(team)
    for method in ("GET", "PATCH", "DELETE"):
        body = {"json": {}} if method == "PATCH" else {}
        for step in (f"{path}/steps/{an_id()}", f"/pipelines/{an_id()}/steps/{an_id()}"):
            the_problem(await team.member.ask(method, step, **body), 404)


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    path = await a_pipeline(team)
    step = f"{path}/steps/{await a_step(team, path, 'a')}"
    tag = {"if-match": (await team.member.get(step)).headers["etag"]}
    answers = await asyncio.gather(
        team.member.patch(step, {"name": "one"}, headers=tag),
        team.admin.patch(step, {"name": "two"}, headers=tag),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    (refusal,) = (answer for answer in answers if answer.status_code == 412)
    current = await team.viewer.get(step)
    assert the_problem(refusal, 412)["current"]["name"] == current.json()["name"]
    assert refusal.headers["etag"] == current.headers["etag"]
    the_problem(await team.member.delete(step, headers=tag), 412)
    again = {"if-match": refusal.headers["etag"]}
    assert (await team.member.delete(step, headers=again)).status_code == 204


async def test_the_tag_of_an_edit_is_that_of_the_next_read(team: Team) -> None:
    path = await a_pipeline(team)
    loop = await a_step(team, path, "loop", type="while_loop")
    answer = await team.member.post(
        f"{path}/steps", {"name": "odd", "type": "odd", "parent_step_id": loop, "slot": "steps"}
    )
    read = await team.viewer.get(f"{path}/steps/{answer.json()['id']}")
    assert read.headers["etag"] == answer.headers["etag"]


def the_step(document: Document, step: str) -> "Map[Any]":
    found: Map[Any] = root_map(document, "steps")[step]
    return found


async def edited(socket: Socket, step: str, key: str, value: object) -> None:
    """Edit one key of a step's config over a socket."""
    with socket.document.transact() as updates:
        the_step(socket.document, step)["config"][key] = value
    socket.wire.say(Update(updates[0]))


async def test_a_patch_and_two_sockets_edit_one_step_and_all_three_edits_survive(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "shared", config={"prompt": "Write."})
    pipeline_id = path.removeprefix("/pipelines/")
    async with (
        joined(house.made, pipeline_id, team.owner.token) as ada,
        joined(house.made, pipeline_id, team.admin.token) as bob,
    ):
        patch = asyncio.create_task(
            team.member.patch(
                f"{path}/steps/{step}", {"config": {"rest": 3, "prompt": "Write on."}}
            )
        )
        await edited(ada, step, "ada", 1)
        await edited(bob, step, "bob", 2)
        assert (await patch).status_code == 200
        wanted = {"prompt": "Write on.", "ada": 1, "bob": 2, "rest": 3}
        for socket in (ada, bob):
            await socket.until(lambda doc: _config(doc, step) == wanted)
    await team.member.patch(f"{path}/steps/{step}", {"enabled": False})
    assert (await team.viewer.read(f"{path}/steps/{step}"))["config"] == wanted


def _config(document: Document, step: str) -> Any:
    return to_json(the_step(document, step)["config"])


async def test_what_refers_to_a_step_follows_its_new_name(team: Team) -> None:
    path = await a_pipeline(team)
    first = await a_step(team, path, "draft", config={"prompt": []})
    prompt = [
        {"type": "previous_response", "step": "draft"},
        {"type": "static", "content": "{{steps.draft.result}}"},
    ]
    reader = await a_step(team, path, "reader", config={"prompt": prompt})
    the_json(await team.member.patch(f"{path}/steps/{first}", {"name": "outline"}))
    shown = await team.viewer.read(f"{path}/steps/{reader}")
    assert shown["config"]["prompt"] == [
        {"type": "previous_response", "step": "outline"},
        {"type": "static", "content": "{{steps.outline.result}}"},
    ]
    assert (await team.viewer.read(f"{path}/diagnostics"))["items"] == []


async def test_a_rename_in_a_large_pipeline_follows_too_and_keeps_its_conditions(
    team: Team,
) -> None:
    steps = [
        f"{{name: s{n}, type: claude, prompt: [{{type: static, content: x}}]}}"
        for n in range(SEARCHED_AT_ONCE)
    ]
    reader = "{name: reader, type: claude, prompt: [{type: previous_response, step: s0}]}"
    yaml = f"workflow: {{name: x, steps: [{', '.join((*steps, reader))}]}}"
    made = await team.member.made("/pipelines", {"team_id": team.id, "yaml": yaml})
    path = f"/pipelines/{made['id']}"
    by_name = {one["name"]: one for one in await all_items(team.viewer, f"{path}/steps", 200)}
    step = f"{path}/steps/{by_name['s0']['id']}"
    tag = (await team.viewer.get(step)).headers["etag"]
    stale = await team.member.patch(step, {"name": "first"}, headers={"if-match": '"other"'})
    the_problem(stale, 412)
    the_json(await team.member.patch(step, {"name": "first"}, headers={"if-match": tag}))
    shown = await team.viewer.read(f"{path}/steps/{by_name['reader']['id']}")
    assert shown["config"]["prompt"][0]["step"] == "first"


async def test_a_reference_that_dangles_is_a_diagnostic_until_it_is_corrected(team: Team) -> None:
    path = await a_pipeline(team)
    part = {"type": "previous_response", "step": "gone"}
    step = await a_step(team, path, "a", config={"prompt": [part]})
    (one,) = (await team.viewer.read(f"{path}/diagnostics"))["items"]
    assert (one["code"], one["severity"]) == ("dangling_reference", "error")
    assert (one["subject"], one["path"]) == (f"step:{step}", "/config/prompt/0/step")
    assert one["suggestion"]
    await a_step(team, path, "gone", config={"prompt": []})
    assert (await team.viewer.read(f"{path}/diagnostics"))["items"] == []
