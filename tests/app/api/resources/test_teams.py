import pytest

from tests.app.api.house import House, Team, a_pipeline, all_items, an_id, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_owner_adds_a_team_and_owns_it(team: Team) -> None:
    wanted = {"organization_id": team.organization_id, "name": "Research"}
    made = await team.owner.made("/teams", wanted)
    assert (made["slug"], made["role"]) == ("research", "owner")
    the_problem(await team.owner.post("/teams", wanted), 409)
    the_problem(await team.viewer.get(f"/teams/{made['id']}"), 404)


# An admin who could would be an owner in the organization, and might change that too.
@pytest.mark.parametrize(
    ("role", "status"), [("admin", 403), ("member", 403), ("viewer", 403), ("outsider", 404)]
)
async def test_nobody_else_adds_teams(team: Team, role: str, status: int) -> None:
    wanted = {"organization_id": team.organization_id, "name": "Mine"}
    the_problem(await team.people[role].post("/teams", wanted), status)


async def test_the_list_has_the_role_in_each_team(house: House, team: Team) -> None:
    other = await house.a_team()
    listed = await all_items(team.admin, "/teams", 1)
    assert [(one["id"], one["role"]) for one in listed] == [(team.id, "admin")]
    assert other.id not in [one["id"] for one in listed]


async def test_teams_of_one_organization(team: Team) -> None:
    more = await team.owner.made("/organizations", {"name": team.owner.id})
    listed = await team.owner.read("/teams", params={"organization": more["id"]})
    assert [one["organization_id"] for one in listed["items"]] == [more["id"]]
    assert len(await all_items(team.owner, "/teams", 1)) == 2


@pytest.mark.parametrize("role", ["owner", "admin"])
async def test_owners_and_admins_change_a_team(team: Team, role: str) -> None:
    wanted = {"name": "Renamed", "slug": f"renamed-{role}", "settings": {"a": [1]}}
    changed = the_json(await team.people[role].patch(team.path, wanted))
    assert {name: changed[name] for name in wanted} == wanted
    assert changed["role"] == role
    assert (await team.viewer.read(team.path))["settings"] == {"a": [1]}


async def test_of_two_edits_of_one_state_the_second_is_refused(team: Team) -> None:
    tag = {"if-match": (await team.owner.get(team.path)).headers["etag"]}
    assert (await team.owner.patch(team.path, {"name": "A"}, headers=tag)).status_code == 200
    document = the_problem(await team.admin.patch(team.path, {"name": "B"}, headers=tag), 412)
    assert document["current"]["name"] == "A"
    assert document["current"]["role"] == "admin"


async def test_only_owners_delete_a_team(team: Team) -> None:
    for role in ("admin", "member", "viewer"):
        the_problem(await team.people[role].delete(team.path), 403)
    the_problem(await team.outsider.delete(team.path), 404)
    assert (await team.owner.delete(team.path)).status_code == 204
    the_problem(await team.owner.get(team.path), 404)
    the_problem(await team.owner.delete(team.path), 404)


async def test_a_team_with_pipelines_is_deleted_by_force_only(team: Team) -> None:
    kept = await a_pipeline(team)
    deleted = await a_pipeline(team)
    await team.owner.delete(deleted)
    refused = the_problem(await team.owner.delete(team.path), 409)
    assert (refused["code"], refused["pipelines"]) == ("not_empty", 2)
    assert (await team.owner.get(kept)).status_code == 200
    answer = await team.owner.delete(f"{team.path}?force=true")
    assert answer.status_code == 204
    the_problem(await team.owner.get(kept), 404)


async def test_what_is_not_there_is_not_found(team: Team) -> None:
    the_problem(await team.owner.get(f"/teams/{an_id()}"), 404)
    wanted = {"organization_id": an_id(), "name": "Lost"}
    the_problem(await team.owner.post("/teams", wanted), 404)


async def test_an_overview_counts_what_a_team_has(house: House, team: Team) -> None:
    path = await a_pipeline(team, "one", tags=["red", "blue"])
    await a_pipeline(team, "two", tags=["red"], status="active")
    await a_pipeline(team, "three", status="archived")
    gone = await a_pipeline(team, "four", tags=["green"])
    assert (await team.member.delete(gone)).status_code == 204
    await team.member.made("/templates", {"pipeline_id": path.rsplit("/", 1)[1], "name": "t"})
    await a_pipeline(await house.a_team(), "elsewhere", tags=["red"])
    found = await team.viewer.read(f"{team.path}/overview")
    assert found.pop("bytes")["log"] > 0
    assert found == {
        "draft": 1,
        "active": 1,
        "archived": 1,
        "deleted": 1,
        "templates": 1,
        "tags": [{"tag": "red", "count": 2}, {"tag": "blue", "count": 1}],
    }
