import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pycrdt import Map

from app.api.core import roles
from app.main import services
from app.settings import Settings
from crdt.errors import PipelineNotFound
from persistence.errors import UnknownSubject
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

DELETED = "/deleted-teams"


def id_of(path: str) -> str:
    return path.rpartition("/")[2]


async def contents(team: Team, *paths: str) -> list[Any]:
    """What a viewer sees, without how much is stored: the worker may still mend the document."""
    found = [await team.viewer.read(path) for path in paths]
    return [{key: one[key] for key in one if key != "bytes"} for one in found]


async def deleted(team: Team) -> str:
    """Delete a team; return the path that brings it back."""
    assert (await team.owner.delete(f"{team.path}?force=true")).status_code == 204
    return f"{DELETED}/{team.id}/restore"


async def test_a_deleted_team_is_hidden_with_everything_and_comes_back_whole(team: Team) -> None:
    path = await a_pipeline(team, "treasure", tags=["gold"])
    step = await a_step(team, path, "dig")
    await team.member.made(f"{path}/comments", {"content": "Deeper!"})
    template = {"pipeline_id": id_of(path), "name": "t"}
    template_path = f"/templates/{(await team.member.made('/templates', template))['id']}"
    within = (
        team.path,
        f"{team.path}/members",
        f"{team.path}/overview",
        path,
        f"{path}/steps",
        f"{path}/steps/{step}",
        f"{path}/comments",
        template_path,
    )
    before = await contents(team, *within)
    restore = await deleted(team)
    for one in (*within, f"{team.path}/audit-log", f"/organizations/{team.organization_id}"):
        the_problem(await team.owner.get(one), 404)
    lists = ("/teams", "/pipelines", "/pipelines?q=treasure", "/templates", "/deleted-pipelines")
    for one in (*lists, "/organizations"):
        assert (await team.owner.read(one))["items"] == []
    the_problem(await team.owner.patch(team.path, {"name": "x"}), 404)
    the_problem(await team.owner.delete(team.path), 404)
    new = {"team_id": team.id, "name": "x"}
    the_problem(await team.owner.post("/pipelines", new), 404)
    answer = await team.owner.post(restore)
    assert (answer.status_code, answer.json()["role"]) == (200, "owner")
    assert await contents(team, *within) == before
    assert len((await team.owner.read("/pipelines?q=treasure"))["items"]) == 1
    assert (await team.owner.read(DELETED))["items"] == []


async def test_its_people_see_that_it_was_deleted_and_until_when_it_is_kept(team: Team) -> None:
    await a_pipeline(team)
    await team.owner.delete(await a_pipeline(team))
    await deleted(team)
    (shown,) = (await team.viewer.read(DELETED))["items"]
    assert (shown["id"], shown["role"], shown["pipelines"]) == (team.id, "viewer", 1)
    assert shown["deleted_by"]["name"] == "Owner"
    at, until = (datetime.fromisoformat(shown[name]) for name in ("deleted_at", "kept_until"))
    assert until - at == timedelta(days=30)
    assert (await team.outsider.read(DELETED))["items"] == []


async def test_only_owners_restore_a_team_and_only_one_that_was_deleted(team: Team) -> None:
    the_problem(await team.owner.post(f"{DELETED}/{team.id}/restore"), 404)
    the_problem(await team.owner.post(f"{DELETED}/{an_id()}/restore"), 404)
    restore = await deleted(team)
    for role in ("admin", "member", "viewer"):
        refused = the_problem(await team.people[role].post(restore), 403)
        assert refused["roles"] == ["owner"]
    the_problem(await team.outsider.post(restore), 404)
    assert (await team.owner.post(restore)).status_code == 200
    the_problem(await team.owner.post(restore), 404)


async def test_a_pipeline_that_was_deleted_before_its_team_stays_so(team: Team) -> None:
    path = await a_pipeline(team, "before")
    assert (await team.owner.delete(path)).status_code == 204
    alone = f"/deleted-pipelines/{id_of(path)}/restore"
    restore = await deleted(team)
    the_problem(await team.owner.post(alone), 404)
    await team.owner.post(restore)
    the_problem(await team.owner.get(path), 404)
    (shown,) = (await team.owner.read("/deleted-pipelines"))["items"]
    assert shown["name"] == "before"
    assert (await team.owner.post(alone)).status_code == 200


async def test_nobody_is_invited_to_a_team_while_it_is_deleted(house: House, team: Team) -> None:
    newcomer = await house.a_user("newcomer")
    invited = {"user_id": newcomer.id, "role": "viewer"}
    assert (await team.owner.post(f"{team.path}/invitations", invited)).status_code < 300
    (shown,) = (await newcomer.read("/me/invitations"))["items"]
    restore = await deleted(team)
    assert (await newcomer.read("/me/invitations"))["items"] == []
    the_problem(await newcomer.post(f"/me/invitations/{shown['id']}/accept"), 404)
    await team.owner.post(restore)
    assert (await newcomer.read("/me/invitations"))["items"] == [shown]


async def test_its_slug_can_be_taken_and_then_restoring_says_so(team: Team) -> None:
    more = {"organization_id": team.organization_id, "name": "More"}
    other = (await team.owner.made("/teams", more))["id"]
    slug = (await team.owner.read(team.path))["slug"]
    restore = await deleted(team)
    assert (await team.owner.patch(f"/teams/{other}", {"slug": slug})).status_code == 200
    refused = the_problem(await team.owner.post(restore), 409)
    assert "team of this slug" in refused["detail"]
    assert (await team.owner.patch(f"/teams/{other}", {"slug": "another"})).status_code == 200
    assert (await team.owner.post(restore)).status_code == 200
    again = the_problem(await team.owner.patch(f"/teams/{other}", {"slug": slug}), 409)
    assert again["code"] == "conflict"


async def test_the_last_deleted_comes_first_page_by_page(team: Team) -> None:
    organization = {"organization_id": team.organization_id}
    for name in "abc":
        made = await team.owner.made("/teams", {**organization, "name": name})
        await team.owner.delete(f"/teams/{made['id']}")
    path = f"{DELETED}?organization={team.organization_id}"
    assert "".join(one["name"] for one in await all_items(team.owner, path, 2)) == "cba"
    assert (await team.owner.read(f"{DELETED}?organization={an_id()}"))["items"] == []
    the_problem(await team.owner.get(f"{DELETED}?cursor=x"), 400)


async def test_all_its_rooms_are_closed_on_every_server_and_open_again(
    house: House, team: Team
) -> None:
    paths = [await a_pipeline(team, name) for name in ("one", "two")]
    step = await a_step(team, paths[0], "kept")
    async with services(Settings(), TOKENS, house.dsn) as other:
        async with (
            joined(house.made, id_of(paths[0]), team.member.token) as here,
            joined(other, id_of(paths[1]), team.viewer.token) as there,
        ):
            restore = await deleted(team)
            for each in (here, there):
                await each.wire.until(lambda each=each: each.wire.closes != [])  # type: ignore[misc]
                assert [code for code, _ in each.wire.closes] == [4404]
        await other.drain()
    query, params = f"token={team.member.token}", {"pipeline_id": id_of(paths[0])}
    refused = Wire(query=query, path_params=params)
    await asyncio.wait_for(house.made.endpoints.y_websocket(refused.websocket), 10)
    assert [code for code, _ in refused.closes] == [4404]
    await team.owner.post(restore)
    async with joined(house.made, id_of(paths[0]), team.member.token) as again:
        assert step in again.document.doc.get("steps", type=Map)


async def test_the_server_itself_finds_nothing_in_it(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    slug = (await team.owner.read(team.path))["slug"]
    await deleted(team)
    with pytest.raises(PipelineNotFound):
        await house.directory.member(team.owner.user.id, UUID(id_of(path)))
    with pytest.raises(UnknownSubject):
        await house.directory.team_by_slug(f"{slug}/{slug}")


async def test_the_log_of_the_organization_names_who_deleted_it_and_each_pipeline(
    team: Team,
) -> None:
    more = {"organization_id": team.organization_id, "name": "More"}
    await team.owner.made("/teams", more)
    names = ["a", "b"]
    for name in names:
        await a_pipeline(team, name)
    await deleted(team)
    log = f"/organizations/{team.organization_id}/audit-log"
    team_went, *pipelines_went = (await team.owner.read(log))["items"][:3]
    assert (team_went["action"], team_went["actor_id"]) == ("team.deleted", team.owner.id)
    assert {one["action"] for one in pipelines_went} == {"pipeline.deleted"}
    assert sorted(one["before"]["name"] for one in pipelines_went) == names


@pytest.mark.parametrize(
    ("check", "question"),
    [
        ("in_team", ("GET", "{team}", None)),
        ("in_team", ("GET", "{team}/overview", None)),
        ("in_team", ("GET", "{team}/members", None)),
        ("in_team", ("GET", "{team}/invitations", None)),
        ("in_team", ("GET", "{team}/audit-log", None)),
        ("in_team", ("PATCH", "{team}", {"name": "x"})),
        ("in_team", ("DELETE", "{team}?force=true", None)),
        ("in_team", ("POST", "{team}/invitations", {"email": "x@example.org"})),
        ("in_team", ("POST", "{team}/members", {"email": "x@example.org"})),
        ("in_team", ("POST", "/pipelines", {"team_id": "{id}", "name": "x"})),
        ("in_team", ("POST", "{pipeline}/fork", {"team_id": "{id}"})),
        ("in_team", ("POST", "/templates", {"pipeline_id": "{pipeline_id}", "name": "x"})),
        ("at_pipeline", ("GET", "{pipeline}/yaml", None)),
        ("at_pipeline", ("GET", "{pipeline}/history", None)),
        ("at_pipeline", ("GET", "{pipeline}/comments", None)),
        ("at_pipeline", ("POST", "{pipeline}/comments", {"content": "x"})),
        ("at_pipeline", ("POST", "{pipeline}/versions", {"name": "x"})),
        ("at_pipeline", ("POST", "{pipeline}/steps", {"name": "x", "type": "claude"})),
        ("at_pipeline", ("POST", "{pipeline}/events/ticket", None)),
        ("at_pipeline", ("PATCH", "{pipeline}", {"name": "x"})),
        ("at_pipeline", ("DELETE", "{pipeline}", None)),
        ("in_organization", ("POST", "/teams", {"organization_id": "{organization}", "name": "x"})),
        ("in_organization", ("PATCH", "/organizations/{organization}", {"name": "x"})),
    ],
)
async def test_a_team_that_goes_while_it_is_asked_for_is_no_bug(
    house: House,
    team: Team,
    monkeypatch: pytest.MonkeyPatch,
    check: str,
    question: tuple[str, str, dict[str, str] | None],
) -> None:
    verb, path, body = question
    pipeline = await a_pipeline(team)
    names = {
        "{team}": team.path,
        "{id}": team.id,
        "{pipeline_id}": id_of(pipeline),
        "{pipeline}": pipeline,
        "{organization}": team.organization_id,
    }

    def named(text: str) -> str:
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    real = getattr(roles, check)

    async def checked(*args: Any) -> Any:
        """Answer as ever; then the team goes, as if its owner had deleted it in this moment."""
        role = await real(*args)
        await house.sql("UPDATE teams SET deleted_at = now() WHERE id = $1", UUID(team.id))
        return role

    monkeypatch.setattr(roles, check, checked)
    wanted = None if body is None else {key: named(value) for key, value in body.items()}
    answer = await team.owner.ask(verb, named(path), json=wanted)
    assert answer.status_code < 500, answer.text
