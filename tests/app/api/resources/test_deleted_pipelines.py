import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from pycrdt import Map

from app.main import services
from app.settings import Settings
from crdt.protocol.messages import Update
from tests.app.api.house import (
    TOKENS,
    House,
    Team,
    a_pipeline,
    a_step,
    all_items,
    an_id,
    the_problem,
)
from tests.app.api.sockets import joined
from tests.app.wire import Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")

DELETED = "/deleted-pipelines"


def id_of(path: str) -> str:
    return path.removeprefix("/pipelines/")


async def contents(team: Team, paths: Sequence[str]) -> list[Any]:
    """Read what is at paths, but for the edits by `system`: it may mend the pipeline meanwhile."""
    found = [await team.viewer.read(one) for one in paths]
    history = found[-1]
    history["items"] = [each for each in history["items"] if each["user"]["name"] != "system"]
    return found


async def deleted(team: Team, path: str, by: str = "owner") -> str:
    """Delete a pipeline; return the path that brings it back."""
    assert (await team.people[by].delete(path)).status_code == 204
    return f"{DELETED}/{id_of(path)}/restore"


async def test_what_was_deleted_is_hidden_everywhere_and_comes_back_whole(team: Team) -> None:
    path = await a_pipeline(team, "treasure", tags=["gold"])
    step = await a_step(team, path, "dig")
    await team.member.made(f"{path}/comments", {"content": "Deeper!"})
    await team.member.made(f"{path}/versions", {"name": "before"})
    within = (path, *(f"{path}/{name}" for name in ("steps", "comments", "versions", "history")))
    before = await contents(team, within)
    restore = await deleted(team, path)
    for one in (*within, f"{path}/yaml", f"{path}/presence", f"{path}/steps/{step}"):
        the_problem(await team.owner.get(one), 404)
    for query in ("", "?q=treasure", "?tag=gold"):
        assert (await team.owner.read(f"/pipelines{query}"))["items"] == []
    the_problem(await team.owner.patch(path, {"name": "x"}), 404)
    the_problem(await team.owner.post(f"{path}/comments", {"content": "x"}), 404)
    answer = await team.owner.post(restore)
    assert (answer.status_code, answer.json()) == (200, before[0])
    assert await contents(team, within) == before
    assert len((await team.owner.read("/pipelines?q=treasure"))["items"]) == 1
    assert (await team.owner.read(DELETED))["items"] == []


async def test_who_deleted_it_and_when_is_shown_and_until_when_it_is_kept(team: Team) -> None:
    path = await a_pipeline(team, "gone")
    await deleted(team, path, "admin")
    (shown,) = (await team.viewer.read(DELETED))["items"]
    assert (shown["id"], shown["name"]) == (id_of(path), "gone")
    assert shown["deleted_by"]["name"] == "Admin"
    at, until = (datetime.fromisoformat(shown[name]) for name in ("deleted_at", "kept_until"))
    assert until - at == timedelta(days=30)
    assert (await team.outsider.read(DELETED))["items"] == []


async def test_who_may_delete_may_restore(team: Team) -> None:
    made = await team.owner.made("/pipelines", {"team_id": team.id, "name": "the owner's"})
    theirs = await deleted(team, f"/pipelines/{made['id']}")
    mine = await deleted(team, await a_pipeline(team))
    for restore in (theirs, mine):
        the_problem(await team.viewer.post(restore), 403)
        the_problem(await team.outsider.post(restore), 404)
    needed = the_problem(await team.member.post(theirs), 403)
    assert needed["roles"] == ["admin", "owner"]
    assert (await team.member.post(mine)).status_code == 200
    assert (await team.admin.post(theirs)).status_code == 200


async def test_only_what_was_deleted_can_be_restored(team: Team) -> None:
    path = await a_pipeline(team)
    the_problem(await team.owner.post(f"{DELETED}/{id_of(path)}/restore"), 404)
    the_problem(await team.owner.post(f"{DELETED}/{an_id()}/restore"), 404)
    restore = await deleted(team, path)
    the_problem(await team.owner.delete(path), 404)
    assert (await team.owner.post(restore)).status_code == 200
    the_problem(await team.owner.post(restore), 404)


async def test_the_last_deleted_comes_first_page_by_page(team: Team) -> None:
    paths = [await a_pipeline(team, name) for name in "abcde"]
    for path in paths:
        await deleted(team, path)
    items = await all_items(team.viewer, f"{DELETED}?team={team.id}", 2)
    assert "".join(one["name"] for one in items) == "edcba"
    the_problem(await team.viewer.get(f"{DELETED}?cursor=x"), 400)


async def test_the_room_is_closed_and_opens_again_with_what_was_in_it(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "kept")
    async with joined(house.made, id_of(path), team.member.token) as there:
        restore = await deleted(team, path)
        await there.wire.until(lambda: there.wire.closes != [])
        assert [code for code, _ in there.wire.closes] == [4404]
    query, params = f"token={team.member.token}", {"pipeline_id": id_of(path)}
    refused = Wire(query=query, path_params=params)
    await asyncio.wait_for(house.made.endpoints.y_websocket(refused.websocket), 10)
    assert [code for code, _ in refused.closes] == [4404]
    await team.owner.post(restore)
    async with joined(house.made, id_of(path), team.member.token) as again:
        assert step in again.document.doc.get("steps", type=Map)


async def test_rooms_of_other_servers_are_closed_too(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    async with services(Settings(), TOKENS, house.dsn) as other:
        async with joined(other, id_of(path), team.viewer.token) as there:
            await deleted(team, path)
            await there.wire.until(lambda: there.wire.closes != [])
            assert [code for code, _ in there.wire.closes] == [4404]
        await other.drain()


async def test_an_edit_before_a_server_has_learned_of_the_deletion_comes_back_too(
    house: House, team: Team
) -> None:
    path = await a_pipeline(team)
    step = await a_step(team, path, "one")
    async with joined(house.made, id_of(path), team.member.token) as there:
        with there.document.transact() as updates:
            there.document.doc.get("steps", type=Map)[step]["name"] = "a last word"
        # The server has not been notified yet when the edit arrives, so it is acknowledged.
        there.wire.say(Update(updates[0]))
        restore = await deleted(team, path)
        await there.wire.until(lambda: there.wire.closes != [])
        acknowledged = Update(updates[0]) in there.wire.received
    await team.owner.post(restore)
    await team.owner.patch(path, {"tags": ["after"]})
    shown = (await team.viewer.read(f"{path}/steps/{step}"))["name"]
    assert shown == "a last word" or not acknowledged
