"""The example with Electric's clients, checked, built, and used in a browser beside others."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Page,
    Route,
    ViewportSize,
    async_playwright,
    expect,
)

from tests.clients.browser import LEAN, browser
from tests.clients.browsers import serving
from tests.clients.javascript import npm
from tests.clients.shapes import ELECTRIC, Team, install, new_team
from tests.server import PATIENCE, Installation, Server
from tests.web.axe import Looks

pytestmark = pytest.mark.asyncio(loop_scope="module")

WIDE: Final[ViewportSize] = {"width": 1280, "height": 800}
NARROW: Final[ViewportSize] = {"width": 375, "height": 812}
SLOW_MS: Final = 15_000

expect.set_options(timeout=SLOW_MS)

FILE: Final = """
workflow:
  name: woven
  steps:
    - {name: fetch, type: claude, prompt: [{type: static, content: Fetch.}]}
    - {name: sum_up, type: claude, prompt: [{type: previous_response, step: fetch}]}
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The example, checked, built and served at an origin of its own."""
    install()
    npm("run", "--silent", "check", cwd=ELECTRIC)
    built = tmp_path_factory.mktemp("example") / "dist"
    npm("run", "--silent", "build", "--", "--outDir", str(built), cwd=ELECTRIC)
    with serving(built) as address:
        yield f"{address}/index.html"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(
    shared_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    return Installation(shared_database, tmp_path_factory.mktemp("example") / "data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(installation: Installation) -> AsyncIterator[Server]:
    async with installation.serve() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=browser(), args=[LEAN])
        yield started
        await started.close()


@dataclass
class Example:
    """The example in windows of a browser; whatever goes wrong in any of them is an error."""

    chromium: Browser
    server: Server
    address: str
    errors: list[str]
    expected: set[int]
    """Statuses of answers that a test provokes: a browser notes each as an error."""

    def _note(self, said: ConsoleMessage) -> None:
        # TanStack DB warns of queries that read all rows.
        if said.type == "error" or "[TanStack DB]" in said.text:
            self.errors.append(said.text)

    async def open(self, team: Team, email: str, seconds: float = 3600) -> Page:
        """Open the page as somebody of a team."""
        page = await (await self.chromium.new_context()).new_page()
        page.set_default_timeout(SLOW_MS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note)
        token = await team.installation.token(email, seconds)
        given = {"url": self.server.http(""), "team": str(team.id), "token": token}
        await page.goto(f"{self.address}#{urlencode(given)}")
        return page


@pytest_asyncio.fixture(loop_scope="module")
async def example(chromium: Browser, server: Server, address: str) -> AsyncIterator[Example]:
    # 409 sends a client back to the beginning of a shape.
    example = Example(chromium, server, address, [], {409})
    yield example
    for context in chromium.contexts:
        await context.close()
    expected = [f"status of {status}" for status in example.expected]
    assert [one for one in example.errors if not any(each in one for each in expected)] == []


@pytest_asyncio.fixture(loop_scope="module")
async def team(installation: Installation, server: Server) -> AsyncIterator[Team]:
    async with installation.sql() as sql:
        yield await new_team(installation, sql)


@pytest_asyncio.fixture(loop_scope="module")
async def rest(team: Team, server: Server) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await team.token()}"}
    base_url = server.http("/api")
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=PATIENCE) as http:
        yield http


async def woven(rest: httpx.AsyncClient, team: Team) -> str:
    """Make a pipeline of two steps and a connection; return its id."""
    made = await rest.post("/pipelines", json={"team_id": str(team.id), "yaml": FILE})
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_two_people_see_what_each_of_them_does(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    pipeline = await woven(rest, team)
    other = await new_team(team.installation, team.sql)
    await team.joined_by(other.owner)
    mine, theirs = [await example.open(team, email) for email in (team.owner, other.owner)]
    for page in (mine, theirs):
        await expect(page.locator("nav li")).to_have_text(["woven2 steps, 0 comments"])
        await expect(page.locator(".step")).to_have_count(2)
        await expect(page.locator(".canvas path")).to_have_count(1)
    await mine.get_by_label("Comment", exact=True).fill("Why two?")
    await mine.get_by_role("button", name="Comment", exact=True).click()
    author = await team.sql.fetchval("SELECT name FROM users WHERE email = $1", team.owner)
    for page in (mine, theirs):
        await expect(page.locator("aside li p")).to_have_text([f"{author} Why two?"])
        await expect(page.locator("nav li span")).to_have_text(["2 steps, 1 comment"])
    await theirs.get_by_role("button", name="Add step").click()
    for page in (theirs, mine):
        await expect(page.locator(".step")).to_have_count(3)
        await expect(page.locator("nav li span")).to_have_text(["3 steps, 1 comment"])
    await mine.get_by_label("Name").fill("renamed")
    await mine.get_by_label("Name").press("Enter")
    for page in (mine, theirs):
        await expect(page.locator("nav strong")).to_have_text(["renamed"])
    await mine.get_by_role("button", name="Delete fetch").click()
    for page in (mine, theirs):
        await expect(page.locator(".step")).to_have_count(2)
        await expect(page.locator(".canvas path")).to_have_count(0)
    named = await team.sql.fetchval("SELECT name FROM pipelines WHERE id = $1", UUID(pipeline))
    assert named == "renamed"


async def test_a_step_is_where_it_was_dropped(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    pipeline = await woven(rest, team)
    mine, theirs = [await example.open(team, team.owner) for _ in range(2)]
    place = "SELECT position_x, position_y FROM steps WHERE pipeline_id = $1 AND name = 'sum_up'"
    before = await team.sql.fetchrow(place, UUID(pipeline))
    step = mine.locator(".step", has_text="sum_up")
    box = await step.bounding_box()
    assert box is not None
    await mine.mouse.move(box["x"] + 30, box["y"] + 20)
    await mine.mouse.down()
    await mine.mouse.move(box["x"] + 130, box["y"] + 80, steps=4)
    style = await step.get_attribute("style")
    await mine.mouse.up()
    assert style is not None
    await expect(theirs.locator(".step", has_text="sum_up")).to_have_attribute("style", style)
    await expect(step).to_have_attribute("style", style)
    after = await team.sql.fetchrow(place, UUID(pipeline))
    assert (after[0] - before[0], after[1] - before[1]) == (100, 60)


async def test_the_list_follows_whoever_writes(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    page = await example.open(team, team.owner)
    await expect(page.get_by_text("No pipelines yet.")).to_be_visible()
    pipeline = await woven(rest, team)
    await expect(page.locator("nav strong")).to_have_text(["woven"])
    await expect(page.locator(".step")).to_have_count(2)
    status = "UPDATE pipelines SET status = 'active' WHERE id = $1"
    await team.sql.execute(status, UUID(pipeline))
    await expect(page.locator("nav em")).to_have_text(["active"])
    await team.pipeline("second")
    await expect(page.locator("nav li")).to_have_count(2)
    await rest.delete(f"/pipelines/{pipeline}")
    await expect(page.locator("nav strong")).to_have_text(["second"])


async def test_what_is_refused_is_taken_back_and_said(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    await woven(rest, team)
    reader = await new_team(team.installation, team.sql)
    await team.joined_by(reader.owner, "viewer")
    example.expected.add(403)
    page = await example.open(team, reader.owner)
    await expect(page.locator(".step")).to_have_count(2)
    await page.get_by_role("button", name="Delete fetch").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator(".step")).to_have_count(2)


async def test_what_is_stored_stays_while_no_shape_can_bring_it(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    pipeline = await woven(rest, team)
    page = await example.open(team, team.owner)
    await expect(page.locator(".step")).to_have_count(2)
    released = asyncio.Event()

    async def hold(route: Route) -> None:
        await released.wait()
        await route.continue_()

    await page.route("**/v1/shape?*table=steps*", hold)
    await page.clock.install()
    # Brought by the request that is under way; the next one is held.
    await rest.post(f"/pipelines/{pipeline}/steps", json={"name": "third", "type": "claude"})
    await expect(page.locator(".step")).to_have_count(3)
    async with page.expect_response("**/api/**"):
        await page.get_by_role("button", name="Add step").click()
    await page.clock.run_for(6_000)  # a second more than TanStack DB waits by itself
    released.set()
    await rest.post(f"/pipelines/{pipeline}/steps", json={"name": "fifth", "type": "claude"})
    await expect(page.locator(".step")).to_have_count(5)
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_the_page_is_empty_for_who_has_left(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    await woven(rest, team)
    guest = await new_team(team.installation, team.sql)
    await team.joined_by(guest.owner)
    page = await example.open(team, guest.owner)
    await expect(page.locator(".step")).to_have_count(2)
    await team.left_by(guest.owner)
    await expect(page.get_by_text("No pipelines yet.")).to_be_visible()
    await expect(page.locator(".step")).to_have_count(0)


async def test_the_page_says_when_its_token_is_refused(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    await woven(rest, team)
    example.expected.add(401)
    page = await example.open(team, team.owner, seconds=5)
    await expect(page.locator(".step")).to_have_count(2)
    await expect(page.get_by_role("alert")).to_contain_text("token")


async def test_the_page_asks_for_the_token_that_its_address_lacks(
    example: Example, team: Team, rest: httpx.AsyncClient
) -> None:
    await woven(rest, team)
    page = await (await example.chromium.new_context()).new_page()
    requests: list[str] = []
    page.on("request", lambda one: "/api/" in one.url and requests.append(one.url))
    given = {"url": example.server.http(""), "team": str(team.id)}
    await page.goto(f"{example.address}#{urlencode(given)}")
    await page.get_by_label("Token").fill(await team.token())
    assert requests == []  # nothing is sent for nobody
    looks = Looks()
    await looks.at(page, "the form")
    assert looks.found == []
    await page.get_by_role("button", name="Open").click()
    await expect(page.locator(".step")).to_have_count(2)


async def test_the_page_is_legible(example: Example, team: Team, rest: httpx.AsyncClient) -> None:
    await woven(rest, team)
    page = await example.open(team, team.owner)
    looks = Looks()
    for view, viewport in (("wide", WIDE), ("narrow", NARROW)):
        await page.set_viewport_size(viewport)
        await expect(page.locator(".step")).to_have_count(2)
        await looks.at(page, view)
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await page.evaluate(overflow) == 0
    assert looks.found == []
