"""Whether query parameters that an operation does not have are refused, at every operation."""

import pytest

from app.api.core.guests import OF_GUESTS
from tests.app.api.house import ApiUser, House, Team, ask, the_problem

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_misspelt_parameter_is_refused_with_the_nearest(team: Team) -> None:
    problem = the_problem(await team.owner.get("/pipelines?taem=1"), 400)
    assert problem["code"] == "unknown_parameter"
    assert problem["errors"] == [{"path": "query.taem", "detail": "did you mean `team`?"}]
    assert "`taem`" in problem["detail"]
    upper = the_problem(await team.owner.get("/pipelines?LIMIT=1"), 400)
    assert "`limit`" in upper["detail"]
    far = the_problem(await team.owner.get("/teams?zzz=1"), 400)
    assert "organization, limit, cursor" in far["detail"]
    none = the_problem(await team.owner.get("/me?_=1"), 400)
    assert "takes none" in none["detail"]
    long = the_problem(await team.owner.get("/teams", params={"x" * 5000: "1"}), 400)
    assert len(long["detail"]) < 300
    assert (await team.owner.get("/pipelines?team=&", params={"limit": 1})).status_code == 200


async def test_no_operation_takes_what_it_does_not_know(house: House, team: Team) -> None:
    paths = (await ask(house.app, "GET", "/openapi.json")).json()["paths"]
    taken = [
        f"{method} {path}"
        for path, operations in paths.items()
        for method in operations
        # Whose callers are guests, with a link in place of a token.
        if (method.upper(), path) not in OF_GUESTS
        and not await is_refused(team.owner, method, path.format_map(Ones()))
    ]
    assert not taken


class Ones(dict[str, str]):
    """Any id where a path wants one."""

    def __missing__(self, name: str) -> str:
        return "00000000-0000-0000-0000-000000000001" if name.endswith("_id") else "1"


async def is_refused(user: ApiUser, method: str, path: str) -> bool:
    answer = await user.ask(method.upper(), f"{path}?unheard_of=1")
    return answer.status_code == 400 and answer.json()["code"] == "unknown_parameter"
