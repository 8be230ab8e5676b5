"""Quotas: as many as may be, and no more; the refusal names which one it is."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.app.api.conftest import a_house
from tests.app.api.house import House, Team, a_pipeline, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUOTAS = {
    "max_organizations_per_user": 2,
    "max_teams_per_organization": 2,
    "max_pipelines_per_team": 2,
    "max_templates_per_team": 1,
    "max_versions_per_pipeline": 1,
    "max_comments_per_pipeline": 1,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """A server where little is allowed."""
    async with a_house(postgres_server, template_database, **QUOTAS) as made:
        yield made


async def refused(team: Team, path: str, body: dict[str, object]) -> tuple[str, int]:
    document = the_problem(await team.owner.post(path, body), 403)
    assert document["code"] == "quota_reached"
    assert f"PIPELOOM_MAX_{document['quota'].upper()}" in document["detail"]
    return document["quota"], document["limit"]


async def test_a_user_owns_so_many_organizations(team: Team) -> None:
    await team.owner.made("/organizations", {"name": "Second"})
    third = {"name": "Third"}
    assert await refused(team, "/organizations", third) == ("organizations_per_user", 2)
    await team.owner.delete(team.path)
    assert await refused(team, "/organizations", third) == ("organizations_per_user", 2)
    await team.member.made("/organizations", {"name": "Of somebody else"})


async def test_an_organization_has_so_many_teams_also_of_those_deleted(team: Team) -> None:
    wanted = {"organization_id": team.organization_id, "name": "Second"}
    second = await team.owner.made("/teams", wanted)
    third = {**wanted, "name": "Third"}
    assert await refused(team, "/teams", third) == ("teams_per_organization", 2)
    await team.owner.delete(f"/teams/{second['id']}")
    assert await refused(team, "/teams", third) == ("teams_per_organization", 2)


async def test_a_team_has_so_many_pipelines_also_of_those_deleted(team: Team) -> None:
    path = await a_pipeline(team)
    await team.owner.delete(await a_pipeline(team))
    limit = ("pipelines_per_team", 2)
    assert await refused(team, "/pipelines", {"team_id": team.id, "name": "Third"}) == limit
    assert await refused(team, f"{path}/fork", {}) == limit


async def test_a_team_has_so_many_templates(team: Team) -> None:
    wanted = {"pipeline_id": (await a_pipeline(team)).rpartition("/")[2], "name": "one"}
    first = await team.owner.made("/templates", wanted)
    assert await refused(team, "/templates", wanted) == ("templates_per_team", 1)
    await team.owner.delete(f"/templates/{first['id']}")
    await team.owner.made("/templates", wanted)


async def test_a_pipeline_has_so_many_versions_and_comments(team: Team) -> None:
    path = await a_pipeline(team)
    await team.owner.made(f"{path}/versions", {"name": "one"})
    version = {"name": "two"}
    assert await refused(team, f"{path}/versions", version) == ("versions_per_pipeline", 1)
    await team.owner.made(f"{path}/comments", {"content": "one"})
    comment = {"content": "two"}
    assert await refused(team, f"{path}/comments", comment) == ("comments_per_pipeline", 1)


async def test_what_stands_in_lists_is_small(team: Team) -> None:
    large = {"settings": {"a": "x" * 70_000}}
    assert "65536 bytes" in the_problem(await team.owner.patch(team.path, large), 422)["detail"]
