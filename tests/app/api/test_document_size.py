"""A pipeline that has grown too large: it may shrink, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from app.main import application, services
from app.settings import Settings
from app.telemetry.metrics import REGISTRY
from app.worker_main import work
from persistence.worker.autosave import Pauses
from tests.app.api.house import TOKENS, House, Team, a_pipeline, a_step, all_items, the_problem
from tests.conftest import a_database
from tests.server import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT = 20_000
TOO_LARGE = "the pipeline is too large: delete something before you add more"
YAML = "workflow:\n  name: grown\n  steps:\n    - name: small\n      type: claude\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(postgres_server: str, template_database: str) -> AsyncIterator[House]:
    """A server that lets pipelines grow no further than this."""
    async with a_database(postgres_server, template_database) as dsn:
        settings = Settings(document_bytes=LIMIT, api_rate=10_000, api_burst=10_000)
        async with services(settings, TOKENS, dsn) as made:
            stop = asyncio.Event()
            working = asyncio.create_task(work(dsn, stop, Pauses()))
            yield House(made, application(made), dsn)
            stop.set()
            await working
            await made.drain()


@dataclass
class Large:
    """A pipeline beyond the limit: two steps, one of them large, joined by a connection."""

    path: str
    small: str
    large: str
    connection: str


@pytest_asyncio.fixture(loop_scope="module")
async def large(team: Team) -> Large:
    path = await a_pipeline(team)
    small, big = await a_step(team, path, "small"), await a_step(team, path, "large")
    link = {"from_step_id": small, "to_step_id": big}
    connection = await team.member.made(f"{path}/connections", link)
    await team.member.made(f"{path}/versions", {"name": "before"})
    await team.member.patch(path, {"name": "grown"})
    grown = {"config": {"prompt": "x" * (LIMIT + 1)}}
    assert (await team.member.patch(f"{path}/steps/{big}", grown)).status_code == 200
    return Large(path, small, big, connection["id"])


def put(team: Team, path: str, text: str) -> "asyncio.Task[httpx.Response]":
    asking = team.member.ask(
        "PUT", f"{path}/yaml", content=text, headers={"content-type": "application/yaml"}
    )
    return asyncio.create_task(asking)


async def test_every_edit_that_adds_is_refused_with_what_to_do(team: Team, large: Large) -> None:
    path = large.path
    refused = REGISTRY.get_sample_value("pipeloom_rejects_total", {"reason": "too_large"}) or 0.0
    link = {"from_step_id": large.small, "to_step_id": large.large, "from_output": "b"}
    answers = [
        await team.member.post(f"{path}/steps", {"name": "third", "type": "claude"}),
        await team.member.patch(f"{path}/steps/{large.small}", {"name": "renamed"}),
        await team.member.patch(path, {"name": "renamed"}),
        await team.member.post(f"{path}/connections", link),
        await team.member.patch(f"{path}/connections/{large.connection}", {"from_output": "b"}),
        await put(team, path, YAML.replace("grown", "renamed")),
        await team.member.post(f"{path}/versions/1/restore"),
    ]
    assert [the_problem(answer, 422)["detail"] for answer in answers] == [TOO_LARGE] * 7
    steps = await all_items(team.viewer, f"{path}/steps", 9)
    assert {step["name"] for step in steps} == {"small", "large"}
    now = REGISTRY.get_sample_value("pipeloom_rejects_total", {"reason": "too_large"})
    assert now == refused + 7


async def test_deletions_are_taken_and_then_edits_again(team: Team, large: Large) -> None:
    path = large.path
    gone = await team.member.delete(f"{path}/connections/{large.connection}")
    assert gone.status_code == 204
    assert (await team.member.delete(f"{path}/steps/{large.large}")).status_code == 204

    async def renamed() -> bool:
        return (await team.member.patch(path, {"name": "renamed"})).status_code == 200

    # Its size is looked at once a second.
    await eventually("room for more", renamed)


async def test_a_file_that_only_lacks_something_is_taken(team: Team, large: Large) -> None:
    text = (await team.viewer.get(f"{large.path}/yaml")).text
    assert "name: large" in text
    answer = await put(team, large.path, YAML)
    assert answer.status_code == 200, answer.text
    steps = await all_items(team.viewer, f"{large.path}/steps", 9)
    assert [step["name"] for step in steps] == ["small"]
