import pytest

from tests.app.api.house import House, Team, all_items, an_id, the_json, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_who_creates_an_organization_owns_its_first_team(house: House) -> None:
    ada = await house.a_user("ada")
    made = await ada.made("/organizations", {"name": "Ada & Söhne"})
    assert made["slug"] == "ada-sohne"
    (team,) = (await ada.read("/teams"))["items"]
    assert (team["organization_id"], team["role"]) == (made["id"], "owner")
    assert (team["name"], team["slug"]) == ("General", "general")


async def test_names_and_slugs_may_be_chosen(house: House) -> None:
    ada = await house.a_user("ada")
    wanted = {"name": "X", "slug": "x-y-1", "team": {"name": "Core", "slug": "the-core"}}
    made = await ada.made("/organizations", wanted)
    assert made["slug"] == "x-y-1"
    assert (await ada.read("/teams"))["items"][0]["slug"] == "the-core"


async def test_a_slug_is_taken_once(house: House) -> None:
    ada, bob = await house.a_user("ada"), await house.a_user("bob")
    await ada.made("/organizations", {"name": "Taken"})
    document = the_problem(await bob.post("/organizations", {"name": "taken"}), 409)
    assert "slug" in document["detail"]


async def test_a_name_without_letters_needs_a_slug(house: House) -> None:
    ada = await house.a_user("ada")
    document = the_problem(await ada.post("/organizations", {"name": "日本"}), 422)
    assert document["errors"][0]["path"] == "body.slug"
    await ada.made("/organizations", {"name": "日本", "slug": "nihon"})


async def test_only_those_in_its_teams_see_an_organization(team: Team) -> None:
    path = f"/organizations/{team.organization_id}"
    assert (await team.viewer.read(path))["id"] == team.organization_id
    the_problem(await team.outsider.get(path), 404)
    the_problem(await team.outsider.patch(path, {"name": "Mine"}), 404)
    ids = [one["id"] for one in await all_items(team.outsider, "/organizations", 10)]
    assert ids
    assert team.organization_id not in ids


async def test_an_owner_of_a_team_changes_it(team: Team) -> None:
    path = f"/organizations/{team.organization_id}"
    wanted = {"name": "Renamed", "settings": {"color": "blue"}}
    changed = the_json(await team.owner.patch(path, wanted))
    assert {name: changed[name] for name in wanted} == wanted
    assert changed == await team.viewer.read(path)


@pytest.mark.parametrize("role", ["admin", "member", "viewer"])
async def test_nobody_else_does(team: Team, role: str) -> None:
    path = f"/organizations/{team.organization_id}"
    document = the_problem(await team.people[role].patch(path, {"name": "Mine"}), 403)
    assert document["roles"] == ["owner"]


async def test_lists_come_in_pages_newest_first(house: House) -> None:
    ada = await house.a_user("ada")
    made = [await ada.made("/organizations", {"name": f"{ada.id} {n}"}) for n in range(5)]
    listed = await all_items(ada, "/organizations", 2)
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(made)]


async def test_what_is_not_there_is_not_found(team: Team) -> None:
    the_problem(await team.owner.get(f"/organizations/{an_id()}"), 404)
