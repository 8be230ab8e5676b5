"""What others do, and how much longer somebody elsewhere waits for it: `make soak` alone.

Somebody edits a small pipeline and waits for each acknowledgement, first in quiet, then beside a
load that once took the server from everybody. What they wait then is a ratio to what they waited in
quiet, since both are of the same machine at the same time; the end of the run prints it. Each load
has a control: the same load without what was wrong with it, which shows what any load costs here.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any, TypeAlias

import httpx
import pytest
import pytest_asyncio

from tests.conftest import Tell
from tests.editor import Editor, joined
from tests.rounds import SOAK
from tests.server import OWNER, Installation, Server, eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timed,
    pytest.mark.skipif(not SOAK, reason="a soak: see docs/testing.md"),
]

STEPS = 1_000
QUIET_SECONDS, LOADED_SECONDS, BETWEEN_EDITS = 3.0, 5.0, 0.05
MOST_RATIO = 15.0
"""How many times as long 19 of 20 acknowledgements may take: what was wrong took 150 to 1,500."""

PATIENCE_OF_CLIENTS, LONGEST_SECONDS = 70.0, 240.0
"""Seconds: no computation of the server takes more than a minute."""

Load: TypeAlias = Callable[["Site"], Awaitable[None]]


def file_of(steps: int, word: str) -> str:
    """A pipeline file."""
    listed = "".join(
        f"    - name: step_{number}\n      type: claude\n      prompt:\n        - type: static\n"
        f"          content: say {word} to number {number}\n"
        for number in range(steps)
    )
    return f"workflow:\n  name: large\n  steps:\n{listed}"


LARGE, SMALL = file_of(STEPS, "hello"), file_of(2, "hello")


@dataclass(slots=True)
class Site:
    """A server, its users by name, and a large and a small pipeline of the owner."""

    server: Server
    installation: Installation
    users: dict[str, httpx.AsyncClient]
    large: str = ""
    small: str = ""
    bystanders: str = ""
    answers: list[int] = field(default_factory=list)

    async def ask(self, user: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request, and count how it was answered."""
        answer = await self.users[user].request(method, self.server.http(path), **options)
        self.answers.append(answer.status_code)
        return answer

    async def put(self, user: str, pipeline_id: str, text: str) -> httpx.Response:
        """Put a file in the place of a pipeline."""
        headers = {"Content-Type": "application/yaml"}
        path = f"/api/pipelines/{pipeline_id}/yaml"
        return await self.ask(user, "PUT", path, content=text, headers=headers)

    async def create(self, text: str) -> str:
        """Create a pipeline of the owner."""
        teams = (await self.ask("owner", "GET", "/api/teams")).json()["items"]
        body = {"name": "x", "team_id": teams[0]["id"], "yaml": text}
        return str((await self.ask("owner", "POST", "/api/pipelines", json=body)).json()["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(shared_installation: Installation) -> AsyncIterator[Site]:
    """A server with room for what the tests ask of it."""
    limits = {"PIPELOOM_API_BURST": "5000", "PIPELOOM_UPDATES_PER_SECOND": "1000"}
    installation = Installation(
        shared_installation.database_url,
        shared_installation.data_dir,
        {**shared_installation.environment, **limits},
    )
    async with installation.serve() as server, AsyncExitStack() as stack:
        users = {}
        for name, email in {"owner": OWNER, "one": "one@x.org", "two": "two@x.org"}.items():
            async with installation.sql() as sql:
                await sql.execute(
                    "INSERT INTO users (email, name) VALUES ($1, 'X') ON CONFLICT DO NOTHING", email
                )
            headers = {"Authorization": f"Bearer {await installation.token(email)}"}
            client = httpx.AsyncClient(headers=headers, timeout=PATIENCE_OF_CLIENTS)
            users[name] = await stack.enter_async_context(client)
        users["stranger"] = await stack.enter_async_context(httpx.AsyncClient(timeout=30.0))
        made = Site(server, installation, users)
        made.large, made.small = await made.create(LARGE), await made.create(SMALL)
        made.bystanders = await made.create(SMALL)
        yield made


async def waited(site: Site, load: Load, seconds: float) -> list[float]:
    """Edit beside a load, for as long as it takes or some seconds; return what each edit waited."""
    room = site.server.room(site.bystanders, await site.installation.token())
    async with joined(room) as editor:
        times: list[float] = []
        loading = asyncio.ensure_future(load(site))
        stop = time.perf_counter() + seconds
        async with asyncio.timeout(LONGEST_SECONDS):
            while time.perf_counter() < stop or not loading.done():
                times.append(await _edit(editor, len(times)))
                # As fast as somebody types: nothing is waited for.
                await asyncio.sleep(BETWEEN_EDITS)
            await loading
        return times


async def _edit(editor: Editor, number: int) -> float:
    began = time.perf_counter()
    await editor.edit(lambda _: editor.notes.update({"number": number}))
    await editor.until_echoed()
    return time.perf_counter() - began


async def nothing(_: Site) -> None:
    """No load."""


def repeated(load: Load, pause: float) -> Load:
    """A load again and again, while somebody is measured."""

    async def run(site: Site) -> None:
        stop = time.perf_counter() + LOADED_SECONDS
        while time.perf_counter() < stop:
            await load(site)
            # How often it comes is part of the load.
            await asyncio.sleep(pause)

    return run


async def ratio(site: Site, load: Load) -> tuple[float, str]:
    """How many times as long 19 of 20 edits take beside a load, and the line to print."""
    quiet = await waited(site, nothing, QUIET_SECONDS)
    busy = await waited(site, load, LOADED_SECONDS)
    before, beside = (quantiles(times, n=20)[-1] for times in (quiet, busy))
    line = (
        f"p95 {1e3 * before:.0f} ms in quiet, {1e3 * beside:.0f} beside it: "
        f"{beside / before:.1f} times; longest {1e3 * max(busy):.0f} ms of {len(busy)}"
    )
    return beside / before, line


VALUES = json.dumps({"many": [[1]] * 400_000})


async def strangers_post(site: Site) -> None:
    for path in ("/api/docs", "/api/openapi.json"):
        await site.ask("stranger", "POST", path, content=VALUES, headers=_JSON)


async def strangers_get(site: Site) -> None:
    for path in ("/api/docs", "/healthz"):
        await site.ask("stranger", "GET", path)


async def a_member_patches_with_much(site: Site) -> None:
    await site.ask("owner", "PATCH", "/api/me", content=VALUES, headers=_JSON)


async def a_member_patches_with_little(site: Site) -> None:
    await site.ask("owner", "PATCH", "/api/me", content='{"name": "X"}', headers=_JSON)


async def everything_is_replaced(site: Site) -> None:
    await site.put("owner", site.large, LARGE.replace("hello", f"word {time.time_ns()}"))


async def a_little_is_replaced(site: Site) -> None:
    await site.put("owner", site.small, SMALL.replace("hello", f"word {time.time_ns()}"))


async def all_is_done_with_a_large_one(site: Site) -> None:
    await _all_is_done_with(site, site.large)


async def all_is_done_with_a_small_one(site: Site) -> None:
    await _all_is_done_with(site, site.small)


async def _all_is_done_with(site: Site, pipeline_id: str) -> None:
    path = f"/api/pipelines/{pipeline_id}"
    made = await site.ask("owner", "POST", f"{path}/versions", json={"name": f"{time.time_ns()}"})
    number = made.json()["version_number"]
    await site.ask("owner", "GET", f"{path}/versions/diff?from={number}")
    await site.ask("owner", "POST", f"{path}/fork", json={})
    await site.ask("owner", "POST", f"{path}/versions/{number}/restore")
    await site.ask("owner", "GET", f"{path}/yaml")


UNKNOWN = "workflow:\n  name: x\n" + "".join(f"  key_{n}: {n}\n" for n in range(60_000))


async def two_validate_without_end(site: Site) -> None:
    await _validated(site, UNKNOWN)


async def two_validate_a_little(site: Site) -> None:
    await _validated(site, SMALL)


async def _validated(site: Site, text: str) -> None:
    await asyncio.gather(*_validating(site, text))


def _validating(site: Site, text: str) -> "list[asyncio.Future[Any]]":
    """Requests of two users, two of each: of each user one is computed at a time."""
    headers = {"Content-Type": "application/yaml"}
    return [
        asyncio.ensure_future(
            site.ask(user, "POST", "/api/validate", content=text, headers=headers)
        )
        for user in ("one", "two") * 2
    ]


_JSON = {"Content-Type": "application/json"}

LOADS: dict[str, tuple[Load, Load]] = {
    "strangers post 2 MB": (
        repeated(strangers_post, 0.3),
        repeated(strangers_get, 0.3),
    ),
    "a member sends 2 MB of JSON": (
        repeated(a_member_patches_with_much, 0.2),
        repeated(a_member_patches_with_little, 0.2),
    ),
    f"{STEPS} steps are found and replaced": (everything_is_replaced, a_little_is_replaced),
    f"versions, diff, fork, restore, file of {STEPS} steps": (
        all_is_done_with_a_large_one,
        all_is_done_with_a_small_one,
    ),
    "two users validate without end": (two_validate_without_end, two_validate_a_little),
}


@pytest.mark.parametrize("name", LOADS)
async def test_who_edits_elsewhere_hardly_waits(site: Site, name: str, tell: Tell) -> None:
    for load, kind in zip(LOADS[name], ("", " (control)"), strict=True):
        found, line = await ratio(site, load)
        tell(f"{name}{kind}: {line}")
        assert found < MOST_RATIO, f"{name}{kind}: {line}"


async def test_an_honest_file_is_put_while_two_validate_without_end(site: Site) -> None:
    validating = _validating(site, UNKNOWN)
    # Then the next one of this user is computed.
    _, left = await asyncio.wait(validating, return_when=asyncio.FIRST_COMPLETED)
    assert left
    answer = await site.put("owner", site.small, SMALL.replace("hello", f"{time.time_ns()}"))
    assert answer.status_code in (200, 202)
    assert (await site.ask("owner", "GET", f"/api/pipelines/{site.small}/yaml")).is_success
    await asyncio.gather(*validating)


async def test_a_file_that_is_there_already_is_put_at_once(site: Site, tell: Tell) -> None:
    await site.put("owner", site.large, LARGE.replace("hello", "something else"))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        assert (await site.put("owner", site.large, LARGE)).is_success
        times.append(time.perf_counter() - began)
    tell(f"PUT of {STEPS} steps: {times[0]:.2f} s, the same once more {times[-1]:.3f} s")
    assert times[-1] < times[0] / 4


async def test_silent_sockets_keep_nobody_waiting(site: Site, tell: Tell) -> None:
    @asynccontextmanager
    async def silent() -> AsyncIterator[None]:
        opened = [await asyncio.open_connection("127.0.0.1", site.server.port) for _ in range(200)]
        try:
            yield
        finally:
            for _, writer in opened:
                writer.close()

    async def load(_: Site) -> None:
        async with silent():
            # Those who are silent are silent for as long as is measured.
            await asyncio.sleep(LOADED_SECONDS)

    found, line = await ratio(site, load)
    tell(f"200 silent sockets: {line}")
    assert found < MOST_RATIO, line


async def test_who_edits_hardly_waits_for_a_worker_that_catches_up(site: Site, tell: Tell) -> None:
    async def caught_up() -> bool:
        async with site.installation.sql() as sql:
            return not await sql.fetchval(LAGGING)

    for _ in range(3):
        await site.ask("owner", "POST", f"/api/pipelines/{site.large}/fork", json={})

    async def load(site: Site) -> None:
        async with site.installation.sql() as sql, sql.transaction():
            for statement in PROJECT_ANEW:
                await sql.execute(statement, site.bystanders)
        await eventually("every large pipeline in the tables", caught_up, within=200.0)

    found, line = await ratio(site, load)
    tell(f"the worker writes the rows of {STEPS} steps anew: {line}")
    assert found < MOST_RATIO, line


PROJECT_ANEW = (
    "DELETE FROM steps WHERE pipeline_id <> $1",
    "UPDATE projection_cursors SET seq = 0 WHERE pipeline_id <> $1",
)
LAGGING = "SELECT count(*) FROM projection_cursors WHERE seq = 0"
