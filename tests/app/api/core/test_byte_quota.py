"""A team that stores as much as it may: nothing is added, whatever the way in, and nothing lost."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.app.api.conftest import a_house
from tests.app.api.house import House, Team, a_pipeline, a_step, the_problem
from tests.server import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 40_000
YAML = "workflow:\n  name: large\n  steps:\n    - name: s\n      type: claude\n      prompt: {}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """A server where teams store little."""
    async with a_house(postgres_server, template_database, max_bytes_per_team=LIMIT) as made:
        yield made


async def test_the_overview_has_what_a_team_stores(team: Team) -> None:
    path = await a_pipeline(team)
    before = (await team.viewer.get(f"{team.path}/overview")).json()["bytes"]
    assert before["log"] > 0
    assert (before["versions"], before["comments"], before["limit"]) == (0, 0, LIMIT)
    await team.member.made(f"{path}/comments", {"content": "é" * 10})
    await team.member.made(f"{path}/versions", {"name": "one"})
    after = (await team.viewer.get(f"{team.path}/overview")).json()["bytes"]
    assert after["comments"] == 20
    assert after["versions"] > 100
    assert (await team.outsider.get(f"{team.path}/overview")).status_code == 404


async def test_a_full_team_adds_nothing_and_loses_nothing(house: House, team: Team) -> None:
    path = await a_pipeline(team)
    small, large = await a_step(team, path, "small"), await a_step(team, path, "large")
    grown = {"config": {"prompt": "x" * LIMIT}}
    assert (await team.member.patch(f"{path}/steps/{large}", grown)).status_code == 200
    refused = [
        await team.member.post("/pipelines", {"team_id": team.id, "name": "another"}),
        await team.member.post("/pipelines", {"team_id": team.id, "yaml": YAML.format("x")}),
        await team.member.post(f"{path}/fork", {}),
        await team.member.post(f"{path}/versions", {"name": "one"}),
        await team.member.post(f"{path}/comments", {"content": "one"}),
    ]

    async def is_full() -> bool:
        return (await team.member.patch(f"{path}/steps/{small}", {"name": "b"})).status_code == 403

    await eventually("a room that takes no more", is_full)
    headers = {"content-type": "application/yaml"}
    text = YAML.format("y" * 1000)
    refused += [
        await team.member.post(f"{path}/steps", {"name": "third", "type": "claude"}),
        await team.member.patch(path, {"name": "renamed"}),
        await team.member.ask("PUT", f"{path}/yaml", content=text, headers=headers),
    ]
    for answer in refused:
        document = the_problem(answer, 403)
        assert (document["code"], document["quota"]) == ("quota_reached", "bytes_per_team")
        assert "PIPELOOM_MAX_BYTES_PER_TEAM" in document["detail"]
        assert "delete" in document["detail"]
        assert "which count until they are purged" in document["detail"]
    assert (await team.viewer.get(f"{path}/steps/{large}")).json()["config"] == grown["config"]
    assert (await team.member.delete(f"{path}/steps/{small}")).status_code == 204
    other = await house.a_team()
    await a_pipeline(other)


async def test_a_team_has_room_again_when_a_pipeline_is_purged(house: House, team: Team) -> None:
    path, kept = await a_pipeline(team), await a_pipeline(team)
    step = await a_step(team, path, "large")
    await team.member.patch(f"{path}/steps/{step}", {"config": {"prompt": "x" * LIMIT}})
    wanted = {"team_id": team.id, "name": "another"}
    assert (await team.member.post("/pipelines", wanted)).status_code == 403
    await team.member.delete(path)
    # It is kept, and stored, until it is purged.
    assert (await team.member.post("/pipelines", wanted)).status_code == 403
    await house.directory.delete_pipeline(path.removeprefix("/pipelines/"))  # type: ignore[arg-type]
    await team.member.made("/pipelines", wanted)

    async def has_room() -> bool:
        return (await team.member.patch(kept, {"name": "renamed"})).status_code == 200

    await eventually("a room that takes edits again", has_room)
