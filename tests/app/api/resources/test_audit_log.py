from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.app.api.house import House, Team, a_pipeline, all_items, an_id, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIENT = "127.0.0.1"
"""Where httpx says that it is."""


async def log_of(team: Team, **filters: Any) -> list[Any]:
    return await all_items(team.owner, f"{team.path}/audit-log", 200, **filters)


async def test_who_did_what_from_where_is_there_for_owners(team: Team) -> None:
    path = await a_pipeline(team, "loom")
    await team.admin.delete(path)
    deleted, created = (await log_of(team))[:2]
    assert [one["action"] for one in (deleted, created)] == ["pipeline.deleted", "pipeline.created"]
    assert deleted["actor"]["name"] == "Admin"
    assert {one["subject_id"] for one in (deleted, created)} == {path.rpartition("/")[2]}
    assert {one["address"] for one in (deleted, created)} == {CLIENT}
    assert created["actor_id"] == team.member.id
    assert (created["before"], created["after"]["name"]) == (None, "loom")
    assert deleted["before"]["deleted_at"] is None
    assert deleted["after"]["deleted_by"] == team.admin.id
    age = datetime.now(UTC) - datetime.fromisoformat(deleted["at"])
    assert timedelta() <= age < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("worker", "unknown"),
        ("command", "unknown"),
        ("x" * 5000, "unknown"),
        ("2001:DB8::7", "2001:db8::7"),
        (f"fe80::1%{'x' * 5000}", "fe80::1"),
    ],
)
async def test_no_client_passes_for_what_is_none(team: Team, forwarded: str, address: str) -> None:
    # As uvicorn puts what a proxy says of its client in the place of the proxy's own address.
    app = ProxyHeadersMiddleware(team.owner.app, "*")  # type: ignore[arg-type]
    headers = {"x-forwarded-for": forwarded}
    owner = replace(team.owner, app=app)  # type: ignore[arg-type]
    await owner.patch(team.path, {"name": "Renamed"}, headers=headers)
    assert (await log_of(team))[0]["address"] == address


async def test_each_kind_of_change_is_there(house: House, team: Team) -> None:
    newcomer = await house.a_user("newcomer")
    path = await a_pipeline(team)
    comment = (await team.member.made(f"{path}/comments", {"content": "Why?"}))["id"]
    wanted = {"user_id": newcomer.id, "role": "viewer"}
    invitation = (await team.owner.made(f"{team.path}/invitations", wanted))["id"]
    await newcomer.post(f"/me/invitations/{invitation}/decline")
    await team.admin.delete(f"{team.path}/invitations/{invitation}")
    colleague = {**wanted, "user_id": (await house.a_user("colleague")).id}
    await team.owner.made(f"{team.path}/invitations", colleague)
    await house.directory.add_member(UUID(team.id), newcomer.user.id, "viewer")
    await team.owner.patch(f"{team.path}/members/{newcomer.id}", {"role": "member"})
    await team.owner.delete(f"{team.path}/members/{newcomer.id}")
    await team.owner.patch(team.path, {"name": "Renamed"})
    template = {"pipeline_id": path.rpartition("/")[2], "name": "t"}
    made = (await team.member.made("/templates", template))["id"]
    await team.member.patch(f"/templates/{made}", {"name": "u"})
    await team.owner.delete(f"/templates/{made}")
    await team.owner.delete(f"{path}/comments/{comment}")
    await team.owner.delete(path)
    await team.owner.post(f"/deleted-pipelines/{path.rpartition('/')[2]}/restore")
    await team.owner.patch(path, {"name": "an edit of the document"})
    newest = [one["action"] for one in await log_of(team)][:14]
    assert sorted(newest) == sorted(
        [
            "pipeline.restored",
            "pipeline.deleted",
            "comment.deleted",
            "template.deleted",
            "template.changed",
            "template.created",
            "team.changed",
            "member.removed",
            "member.role_changed",
            "member.added",
            "invitation.created",
            "invitation.withdrawn",
            "invitation.created",
            "pipeline.created",
        ]
    )


async def test_only_owners_read_it(team: Team) -> None:
    for of in (team.path, f"/organizations/{team.organization_id}"):
        for role in ("admin", "member", "viewer"):
            refused = the_problem(await team.people[role].get(f"{of}/audit-log"), 403)
            assert refused["roles"] == ["owner"]
        the_problem(await team.outsider.get(f"{of}/audit-log"), 404)
    the_problem(await team.owner.get(f"/teams/{an_id()}/audit-log"), 404)


async def test_the_log_of_the_organization_has_all_its_teams(team: Team) -> None:
    wanted = {"organization_id": team.organization_id, "name": "Other"}
    other = await team.owner.made("/teams", wanted)
    await team.owner.patch(f"/organizations/{team.organization_id}", {"name": "Renamed"})
    found = await all_items(team.owner, f"/organizations/{team.organization_id}/audit-log", 3)
    assert found[0]["action"] == "organization.changed"
    assert found[0]["team_id"] is None
    assert {one["team_id"] for one in found} == {None, team.id, other["id"]}
    assert other["id"] not in [one["team_id"] for one in await log_of(team)]


async def test_it_is_filtered(team: Team) -> None:
    await team.owner.patch(team.path, {"name": "first"})
    await team.admin.patch(team.path, {"name": "second"})
    second, first = await log_of(team, action="team.changed")
    assert [one["after"]["name"] for one in (first, second)] == ["first", "second"]
    assert await log_of(team, actor=team.admin.id) == [second]
    assert await log_of(team, since=second["at"]) == [second]
    assert await log_of(team, actor=an_id()) == []


@pytest.mark.parametrize(
    "query", ["action=team.burnt", "since=yesterday", "since=0001-01-01T00:00:00%2B14:00"]
)
async def test_filters_that_mean_nothing_are_refused(team: Team, query: str) -> None:
    the_problem(await team.owner.get(f"{team.path}/audit-log?{query}"), 422)


async def test_it_comes_page_by_page_newest_first(team: Team) -> None:
    for number in range(5):
        await team.owner.patch(team.path, {"name": f"name {number}"})
    paged = await all_items(team.owner, f"{team.path}/audit-log", 2)
    assert paged == await log_of(team)
    assert [one["id"] for one in paged] == sorted((one["id"] for one in paged), reverse=True)
    the_problem(await team.owner.get(f"{team.path}/audit-log?cursor=x"), 400)


async def test_accepting_is_recorded_as_the_member_s_and_declining_is_not(
    house: House, team: Team
) -> None:
    bob, eve = await house.a_user("bob"), await house.a_user("eve")
    for one in (bob, eve):
        await team.owner.made(f"{team.path}/invitations", {"email": one.user.email})
        await team.owner.made(
            f"{team.path}/invitations", {"email": one.user.email, "role": "admin"}
        )
    for one, answer in ((bob, "accept"), (eve, "decline")):
        (invitation,) = (await one.read("/me/invitations"))["items"]
        await one.post(f"/me/invitations/{invitation['id']}/{answer}")
    added, renewed, *_ = found = (await log_of(team))[:5]
    assert [one["action"] for one in found] == ["member.added", *["invitation.created"] * 4]
    assert (added["actor_id"], added["subject_id"]) == (bob.id, bob.id)
    assert (renewed["before"]["role"], renewed["after"]["role"]) == ("member", "admin")
    assert "declined_at" not in renewed["after"]
    assert renewed["after"]["email"] == eve.user.email


async def test_where_no_team_is_left_it_is_for_those_who_owned_the_last_one(
    house: House, team: Team
) -> None:
    wanted = {"organization_id": team.organization_id, "name": "Other"}
    other = await team.owner.made("/teams", wanted)
    await house.directory.add_member(UUID(team.id), team.admin.user.id, "owner")
    of = f"/organizations/{team.organization_id}/audit-log"
    await house.sql("DELETE FROM teams WHERE id = $1", UUID(team.id))
    the_problem(await team.admin.get(of), 404)
    await house.sql("DELETE FROM teams WHERE id = $1", UUID(other["id"]))
    found = await all_items(team.owner, of, 200)
    assert found[0]["action"] == "team.purged"
    assert found[0]["before"]["owners"] == [team.owner.id]
    assert {one["team_id"] for one in found} == {None, team.id, other["id"]}
    for stranger in (team.admin, team.member, team.outsider):
        the_problem(await stranger.get(of), 404)


async def test_so_many_changes_an_hour_are_one_user_s(house: House, team: Team) -> None:
    most = house.made.context.users._most_changes  # type: ignore[attr-defined]
    await house.sql(
        """INSERT INTO audit_log (organization_id, actor_id, address, action, subject_id)
        SELECT $1, $2, 'x', 'team.changed', $1 FROM generate_series(1, $3::text::integer)""",
        UUID(team.organization_id),
        team.owner.user.id,
        most,
    )
    template = {"team_id": team.id, "name": "x"}
    for verb, path, body in (
        ("PATCH", team.path, {"name": "x"}),
        ("POST", "/pipelines", template),
        ("POST", "/organizations", {"name": "x"}),
        ("POST", f"{team.path}/invitations", {"email": "x@example.org"}),
        ("DELETE", f"{team.path}/members/{team.viewer.id}", None),
    ):
        refused = await team.owner.ask(verb, path, json=body)
        assert "PIPELOOM_MAX_CHANGES_PER_HOUR" in the_problem(refused, 429)["detail"]
        assert 3590 <= int(refused.headers["retry-after"]) <= 3600
    await team.owner.read(f"{team.path}/audit-log")
    assert (await team.admin.patch(team.path, {"name": "x"})).status_code == 200
