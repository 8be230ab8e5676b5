import pytest

from tests.app.api.house import House, Team, all_items, an_id, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_is_not_there_is_not_found(team: Team) -> None:
    the_problem(await team.owner.get(f"/pipelines/{an_id()}"), 404)


async def test_a_list_of_nothing_is_a_list(house: House, team: Team) -> None:
    assert await all_items(team.viewer, "/pipelines", 10) == []
