"""What programs and people see who edit one pipeline over REST at once, at whichever server.

The servers are two with Redis, two without, or one of two processes: `make test` plays one of them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from pycrdt import Map, Text

from tests.conftest import a_database
from tests.editor import joined
from tests.rounds import some
from tests.server import PATIENCE, Installation, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

ARRANGEMENTS: Final = ("two nodes", "two nodes without Redis", "--workers 2")
ROUNDS: Final = 4
_numbers = count(1)


@dataclass
class Servers:
    """Two addresses of the same servers, and a way to ask each; they may be one address."""

    nodes: list[Server]
    token: str
    team: str
    http: httpx.AsyncClient

    async def ask(
        self, node: int, method: str, path: str, if_match: str | None = None, **body: Any
    ) -> httpx.Response:
        """Send a request to one of the servers, on a connection of its own."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if if_match is not None:
            headers["If-Match"] = if_match
        url = self.nodes[node % len(self.nodes)].http(f"/api{path}")
        return await self.http.request(method, url, headers=headers, **body)

    async def both(
        self, method: str, path: str, if_match: str | None = None, **body: Any
    ) -> list[int]:
        """Send one request to both at once; return what each was answered."""
        asked = (self.ask(node, method, path, if_match, **body) for node in (0, 1))
        return sorted(response.status_code for response in await asyncio.gather(*asked))

    async def new_pipeline(self, *names: str) -> str:
        """Make a pipeline with steps of these names; its rooms are open at both servers."""
        made = await self.ask(
            0, "POST", "/pipelines", json={"team_id": self.team, "name": f"p{next(_numbers)}"}
        )
        path = f"/pipelines/{made.json()['id']}"
        for name in names:
            await self.ask(0, "POST", f"{path}/steps", json={"name": name, "type": "claude"})
        await self.both("PATCH", path, json={"tags": ["open"]})
        return path

    async def steps(self, path: str) -> list[Any]:
        """The steps in the tables."""
        found = await self.ask(0, "GET", f"{path}/steps", params={"limit": 200})
        items: list[Any] = found.json()["items"]
        return items


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=some(ARRANGEMENTS, few=1), ids=str
)
async def servers(
    request: pytest.FixtureRequest,
    postgres_server: str,
    template_database: str,
    redis_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Servers]:
    """One site for all tests of an arrangement."""
    environment = {"PIPELOOM_API_RATE": "10000", "PIPELOOM_API_BURST": "10000"}
    if request.param == "two nodes":
        environment["REDIS_URL"] = redis_url
    is_one = request.param == "--workers 2"
    options = ("--workers", "2") if is_one else ()
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(a_database(postgres_server, template_database))
        data_dir = tmp_path_factory.mktemp("site") / "data"
        installation = Installation(dsn, data_dir, environment)
        nodes = [
            await stack.enter_async_context(installation.serve(*options))
            for _ in range(1 if is_one else 2)
        ]
        # Connections that are not kept reach either process of `--workers 2`.
        limits = httpx.Limits(max_keepalive_connections=0)
        http = await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=PATIENCE))
        async with installation.sql() as sql:
            team = str(await sql.fetchval("SELECT id FROM teams WHERE slug = 'demo'"))
        yield Servers(nodes, await installation.token(), team, http)


async def test_of_two_conditional_edits_of_one_state_one_is_made(servers: Servers) -> None:
    path = await servers.new_pipeline("step")
    step = f"{path}/steps/{(await servers.steps(path))[0]['id']}"
    for number in range(ROUNDS):
        tag = (await servers.ask(1, "GET", step)).headers["ETag"]
        answers = await servers.both("PATCH", step, tag, json={"config": {"n": number}})
        assert answers == [200, 412]


async def test_a_name_is_given_once(servers: Servers) -> None:
    path = await servers.new_pipeline()
    for number in range(ROUNDS):
        wanted = {"name": f"step {number}", "type": "claude"}
        assert await servers.both("POST", f"{path}/steps", json=wanted) == [201, 409]
    assert len(await servers.steps(path)) == ROUNDS


async def test_the_same_text_sent_twice_is_there_once(servers: Servers) -> None:
    path = await servers.new_pipeline("step")
    step = f"{path}/steps/{(await servers.steps(path))[0]['id']}"
    for number in range(ROUNDS):
        prompt = [{"type": "static", "content": f"draft {number}, now final"}]
        assert await servers.both("PATCH", step, json={"config": {"prompt": prompt}}) == [200, 200]
        assert (await servers.ask(0, "GET", step)).json()["config"]["prompt"] == prompt


async def test_the_next_request_sees_what_the_last_was_answered_for(servers: Servers) -> None:
    path = await servers.new_pipeline()
    for number in range(ROUNDS):
        wanted = {"name": "one", "type": "claude"}
        made = await servers.ask(number, "POST", f"{path}/steps", json=wanted)
        assert made.status_code == 201, made.text
        step = f"{path}/steps/{made.json()['id']}"
        patch = {"type": "gemini"}
        patched = await servers.ask(number + 1, "PATCH", step, made.headers["ETag"], json=patch)
        assert patched.status_code == 200, patched.text
        assert (await servers.ask(number, "DELETE", step)).status_code == 204


def a_file(*contents: str) -> bytes:
    """A pipeline file with a step for each text."""
    steps = "".join(
        f"    - name: s{number}\n      type: claude\n      prompt:\n"
        f"        - type: static\n          content: {content}\n"
        for number, content in enumerate(contents)
    )
    return f"workflow:\n  name: file\n  steps:\n{steps}".encode()


TEXTS: Final = tuple(f"hello {number}" for number in range(60))


async def put(servers: Servers, path: str, content: bytes) -> int:
    """Put a file in the place of a pipeline."""
    headers = {"Authorization": f"Bearer {servers.token}", "Content-Type": "application/yaml"}
    url = servers.nodes[0].http(f"/api{path}/yaml")
    return (await servers.http.put(url, content=content, headers=headers)).status_code


async def contents(servers: Servers, path: str) -> Counter[str]:
    """The texts of all steps."""
    return Counter(step["config"]["prompt"][0]["content"] for step in await servers.steps(path))


async def test_two_who_put_one_file_get_its_steps_once(servers: Servers) -> None:
    path = await servers.new_pipeline()
    answers = await asyncio.gather(*(put(servers, path, a_file(*TEXTS)) for _ in range(2)))
    assert answers == [200, 200]
    assert await contents(servers, path) == Counter(TEXTS)


async def test_two_who_restore_one_version_get_its_texts_once(servers: Servers) -> None:
    path = await servers.new_pipeline()
    await put(servers, path, a_file(*TEXTS))
    saved = await servers.ask(0, "POST", f"{path}/versions", json={"name": "good"})
    await put(servers, path, a_file(*("-" for _ in TEXTS)))
    restore = f"{path}/versions/{saved.json()['version_number']}/restore"
    assert await servers.both("POST", restore, json={}) == [200, 200]
    assert await contents(servers, path) == Counter(TEXTS)


def prompt_of(step: "Map[Any]") -> Text:
    """The shared text of a step's prompt."""
    text: Text = step["config"]["prompt"][0]["content"]
    return text


async def test_who_types_while_a_file_is_put_keeps_what_the_file_does_not_change(
    servers: Servers,
) -> None:
    path = await servers.new_pipeline()
    await put(servers, path, a_file("first", "second"))
    first, second = sorted(await servers.steps(path), key=lambda step: str(step["name"]))
    async with joined(servers.nodes[-1].room(path.rsplit("/", 1)[1], servers.token)) as editor:
        # Without Redis, the room of another server follows within a second.
        await editor.until("the steps", lambda: {first["id"], second["id"]} <= {*editor.steps})
        putting = asyncio.create_task(put(servers, path, a_file("first", "second, revised")))
        await editor.edit(lambda _: prompt_of(editor.steps[first["id"]]).insert(0, "my "))
        await editor.until_echoed()
        assert await putting == 200
        await editor.until(
            "the file in the open page",
            lambda: str(prompt_of(editor.steps[second["id"]])) == "second, revised",
        )
    # Either the typing came first and the file replaced it, or it came later and stands in it.
    assert await contents(servers, path) - Counter(["second, revised"]) in (
        Counter(["first"]),
        Counter(["my first"]),
    )


async def test_who_types_while_a_version_is_restored_sees_its_texts_once(
    servers: Servers,
) -> None:
    path = await servers.new_pipeline()
    await put(servers, path, a_file("good"))
    saved = await servers.ask(0, "POST", f"{path}/versions", json={"name": "good"})
    await put(servers, path, a_file("spoilt"))
    (step,) = await servers.steps(path)
    restore = f"{path}/versions/{saved.json()['version_number']}/restore"
    async with joined(servers.nodes[-1].room(path.rsplit("/", 1)[1], servers.token)) as editor:
        await editor.until("the step", lambda: step["id"] in editor.steps)
        restoring = asyncio.create_task(servers.ask(0, "POST", restore, json={}))
        await editor.edit(lambda _: prompt_of(editor.steps[step["id"]]).insert(0, "my "))
        await editor.until_echoed()
        assert (await restoring).status_code == 200
        await editor.until(
            "the version in the open page",
            lambda: str(prompt_of(editor.steps[step["id"]])) in ("good", "my good"),
        )
