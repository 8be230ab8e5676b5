"""What the tests of the page stand on: one server, one browser, pages that fail on any error."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from tests.clients.browser import LEAN
from tests.clients.browser import browser as browser_program
from tests.conftest import a_database
from tests.rounds import SOAK, some
from tests.server import OWNER, PATIENCE, Address, Installation, Server, eventually
from tests.web.built import build_page

EDITOR: Final = "editor@demo.pipeloom"
SECRET: Final = "a secret of the tests, long enough for HS256"

NARROW: Final[dict[str, Any]] = {"viewport": {"width": 375, "height": 812}, "has_touch": True}
"""The window of a telephone, for `open_page`."""

PARENT: Final = "http://localhost:*"
"""The pages that may show the canvas in a frame; those of 127.0.0.1 are others."""

ADD_EDITOR: Final = """
    WITH added AS (INSERT INTO users (email, name) VALUES ($1, 'Erin Editor') RETURNING id)
    INSERT INTO team_members (team_id, user_id, role)
    SELECT team_id, (SELECT id FROM added), 'member' FROM team_members WHERE role = 'owner'
"""

SLOW_MS: Final = 15_000
"""For what a page waits at most, on a machine that runs other tests beside it."""

expect.set_options(timeout=SLOW_MS)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of each module, play one of two tests in browsers, unless somebody has chosen some."""
    if SOAK or config.option.keyword or any("web" in Path(one).parts for one in config.args):
        return
    left_out = _left_out(items)
    config.hook.pytest_deselected(items=[item for item in items if item in left_out])
    items[:] = [item for item in items if item not in left_out]


def _left_out(items: Iterable[pytest.Item]) -> set[pytest.Item]:
    in_browsers: dict[Path, list[pytest.Item]] = defaultdict(list)
    for item in items:
        # Only those: the hook is given the tests of all folders.
        if item.path.parent == Path(__file__).parent and "chromium" in _fixtures_of(item):
            in_browsers[item.path].append(item)
    played = {
        item for tests in in_browsers.values() for item in some(tests, few=-(-len(tests) // 2))
    }
    return {item for tests in in_browsers.values() for item in tests} - played


def _fixtures_of(item: pytest.Item) -> Sequence[str]:
    names: Sequence[str] = getattr(item, "fixturenames", ())
    return names


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def web_installation(
    postgres_server: str, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    """One installation for all tests of the page."""
    async with a_database(postgres_server, template_database) as dsn:
        data_dir = tmp_path_factory.mktemp("web") / "data"
        environment = {"PIPELOOM_JWT_SECRET": SECRET, "PIPELOOM_FRAME_ANCESTORS": PARENT}
        yield Installation(dsn, data_dir, environment)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def web_server(web_installation: Installation) -> AsyncIterator[Server]:
    """One server for all tests of the page, with an owner, an editor and a viewer."""
    build_page()
    async with web_installation.serve() as server:
        async with web_installation.sql() as sql:
            await sql.execute(ADD_EDITOR, EDITOR)
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser that the machine has."""
    async with async_playwright() as playwright:
        program = browser_program()
        started = await playwright.chromium.launch(executable_path=program, args=[LEAN])
        yield started
        await started.close()


NewPipeline = Callable[..., Awaitable[str]]


@pytest_asyncio.fixture(loop_scope="session")
async def new_pipeline(web_server: Server, web_installation: Installation) -> NewPipeline:
    """Make a pipeline of the demo team, of a YAML file or empty; return its id."""

    async def make(yaml: str | None = None, name: str = "Of a test") -> str:
        headers = {"Authorization": f"Bearer {await web_installation.token()}"}
        async with httpx.AsyncClient(
            base_url=web_server.http("/api"), headers=headers, timeout=PATIENCE
        ) as http:
            team = (await http.get("/teams")).json()["items"][0]["id"]
            content = {"name": name} if yaml is None else {"yaml": yaml}
            answer = await http.post("/pipelines", json={"team_id": team, **content})
            answer.raise_for_status()
            return str(answer.json()["id"])

    return make


ReadSteps = Callable[[str], Awaitable[dict[str, Any]]]

BEHIND: Final = """
    SELECT d.head_seq > c.seq FROM pipeline_documents AS d
    JOIN projection_cursors AS c USING (pipeline_id) WHERE pipeline_id = $1
"""
"""Whether a log is ahead of the tables: what a page calls saved is in the log."""


@pytest_asyncio.fixture(loop_scope="session")
async def read_steps(web_server: Server, web_installation: Installation) -> ReadSteps:
    """Read the steps of a pipeline by their names, from its tables once these have its log."""

    async def read(pipeline: str) -> dict[str, Any]:
        async def is_projected() -> bool:
            return not await sql.fetchval(BEHIND, pipeline)

        async with web_installation.sql() as sql:
            await eventually("tables that have the log", is_projected)
        headers = {"Authorization": f"Bearer {await web_installation.token()}"}
        async with httpx.AsyncClient(
            base_url=web_server.http("/api"), headers=headers, timeout=PATIENCE
        ) as http:
            answer = await http.get(f"/pipelines/{pipeline}/steps", params={"limit": 100})
            answer.raise_for_status()
            return {step["name"]: step for step in answer.json()["items"]}

    return read


Contexts = dict[str, BrowserContext]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def contexts_of_people(chromium: Browser) -> AsyncIterator[Contexts]:
    """A browser context for each person, by email; `open_page` fills and empties it.

    A page in a new context costs twice as much: nothing is fetched or compiled there yet.
    """
    contexts: Contexts = {}
    yield contexts
    for context in contexts.values():
        await context.close()


class OpenPage(Protocol):
    """Opens an address, signed in: each person in a browser context without anything stored.

    `server` is another one than that of all tests: it may end while pages are open. `profile` is a
    folder: the page is opened in a browser of its own that keeps there what pages store. A test
    that changes more than its pages asks for a context that no other uses (`is_alone`).
    """

    async def __call__(
        self,
        path: str = "/",
        email: str | None = OWNER,
        *,
        server: Address | None = None,
        profile: Path | None = None,
        is_alone: bool = False,
        **context: object,
    ) -> Page: ...


OF_AN_OUTAGE: Final = "net::ERR_", "WebSocket connection to"
"""What a browser says of requests to a server that is away."""


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(
    web_server: Server,
    web_installation: Installation,
    chromium: Browser,
    contexts_of_people: Contexts,
) -> AsyncIterator[OpenPage]:
    """Open pages, each as somebody; whatever goes wrong in any of them fails the test.

    A test that provokes an error says so: `page.expected_errors.append("part of its text")`.
    """
    ends: list[Callable[[], Awaitable[None]]] = []
    faults: list[list[str]] = []
    here: set[str | None] = set()

    async def a_page(profile: Path | None, options: dict[str, object]) -> Page:
        """Open an empty page in a context that it has to itself."""
        context = await _context(chromium, profile, options)
        ends.append(context.close)
        return await context.new_page()

    async def a_page_of(email: str) -> Page:
        """Open an empty page in the context of a person, where nothing is stored yet."""
        here.add(email)
        if email not in contexts_of_people:
            contexts_of_people[email] = await _context(chromium, None, {})
        page = await contexts_of_people[email].new_page()
        ends.append(page.close)
        devtools = await page.context.new_cdp_session(page)
        origin = {"origin": web_server.http(""), "storageTypes": "local_storage"}
        await devtools.send("Storage.clearDataForOrigin", origin)
        return page

    async def open_one(
        path: str = "/",
        email: str | None = OWNER,
        *,
        server: Address | None = None,
        profile: Path | None = None,
        is_alone: bool = False,
        **options: object,
    ) -> Page:
        at = server or web_server
        if email is None or email in here or server or profile or options or is_alone:
            page = await a_page(profile, options)
        else:
            page = await a_page_of(email)
        faults.append(watch(page, at.http("/"), () if server is None else OF_AN_OUTAGE))
        token = "" if email is None else f"#token={await web_installation.token(email)}"
        await page.goto(at.http(path) + token)
        return page

    yield open_one
    for end in ends:
        await end()
    assert [fault for each in faults for fault in each] == []


async def _context(
    chromium: Browser, profile: Path | None, options: Mapping[str, object]
) -> BrowserContext:
    options = {"viewport": {"width": 1440, "height": 900}, **options}
    if profile is None:
        context = await chromium.new_context(**options)  # type: ignore[arg-type]
    else:
        options |= {"executable_path": browser_program(), "args": [LEAN]}
        start = chromium.browser_type.launch_persistent_context
        context = await start(profile, **options)  # type: ignore[arg-type]
    context.set_default_timeout(SLOW_MS)
    return context


def watch(page: Page, origin: str, tolerated: Sequence[str] = ()) -> list[str]:
    """Collect the errors of a page and its requests to other origins, as they happen."""
    found: list[str] = []
    expected = [*tolerated]
    page.expected_errors = expected  # type: ignore[attr-defined]

    def note(fault: str) -> None:
        if not any(part in fault for part in expected):
            found.append(fault)

    def check(url: str) -> None:
        own = origin, origin.replace("http", "ws", 1), "blob:", "data:"
        if not url.startswith(own):
            note(f"request to {url}")

    page.on("console", lambda it: it.type in {"error", "warning"} and note(f"{it.type}: {it.text}"))
    page.on("pageerror", lambda error: note(f"thrown: {error.stack or error}"))
    page.on("request", lambda request: check(request.url))
    page.on("websocket", lambda socket: check(socket.url))
    return found
