"""axe finds nothing serious in any view, in light and dark, wide and narrow."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Locator, Page, WebSocketRoute, expect

from tests.clients.javascript import ROOT
from tests.server import VIEWER, Installation, Server
from tests.web.axe import Looks
from tests.web.conftest import EDITOR, NARROW, SLOW_MS, NewPipeline, OpenPage
from tests.web.test_comments import write
from tests.web.test_embedding import bundled, page_around

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEMO = (ROOT / "app" / "demo.yaml").read_text()


@pytest.fixture
def looks() -> Iterator[Looks]:
    """Collects what axe finds; whatever that is fails the test, once all views were looked at."""
    looking = Looks()
    yield looking
    assert "\n".join(looking.found) == ""


def state(page: Page, words: str) -> Locator:
    return page.get_by_role("status").filter(has_text=words)


def step(page: Page, name: str) -> Locator:
    return page.locator(".react-flow__node").get_by_text(name, exact=True).first


class Line:
    """The WebSockets of a page: once cut, it is offline until `is_cut` is false again."""

    def __init__(self) -> None:
        self.is_cut = False
        self._sockets: list[WebSocketRoute] = []

    async def take(self, socket: WebSocketRoute) -> None:
        """Connect a socket with the server, or close it while the line is cut."""
        self._sockets.append(socket)
        if self.is_cut:
            await socket.close()
        else:
            socket.connect_to_server()

    async def cut(self) -> None:
        """End all connections, and those that are tried from now on."""
        self.is_cut = True
        for socket in self._sockets:
            await socket.close()


async def cuttable(page: Page) -> Line:
    """Let the test cut the line of what is opened in this page from now on."""
    line = Line()
    await page.route_web_socket("**/collab", line.take)
    return line


async def test_the_lists(looks: Looks, open_page: OpenPage, new_pipeline: NewPipeline) -> None:
    await new_pipeline(DEMO.replace("PR review assistant", "Looked at"))
    page = await open_page("/home?q=looked")
    page.expected_errors.append("422")  # type: ignore[attr-defined]
    await expect(page.get_by_role("link", name="Looked at").first).to_be_visible()
    await looks.at(page, "list")
    await page.get_by_role("button", name="Actions for Looked at").first.click()
    await expect(page.get_by_role("menuitem", name="Rename")).to_be_visible()
    await looks.at(page, "menu of a row")
    await page.get_by_role("menuitem", name="Edit tags and description").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await looks.at(page, "dialog")
    await page.keyboard.press("Escape")
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("button", name="Import", exact=True).click()
    bad = {"name": "bad.yaml", "mimeType": "application/yaml", "buffer": b"workflow: ["}
    await (await choosing.value).set_files([bad])
    await expect(page.get_by_text("1 refused")).to_be_visible()
    await looks.at(page, "import")
    for view, words in (
        ("archived", "Archived"),
        ("templates", "Templates"),
        ("deleted", "Deleted"),
    ):
        await page.get_by_role("link", name=words).click()
        await expect(page.get_by_role("heading", name=words)).to_be_visible()
        await expect(page.get_by_role("main").locator("[aria-busy=true]")).to_have_count(0)
        await looks.at(page, view)
    await page.get_by_role("link", name="Pipelines").click()
    await page.get_by_label("Search").fill("xyzzy")
    await expect(page.get_by_role("button", name="Clear them")).to_be_visible()
    await looks.at(page, "nothing found")


async def test_the_editor(looks: Looks, open_page: OpenPage, new_pipeline: NewPipeline) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(DEMO)}")
    await expect(state(page, "Saved")).to_be_visible(timeout=SLOW_MS)
    await expect(page.get_by_role("heading", level=1)).to_have_text("PR review assistant")
    await page.get_by_role("tab", name="Problems").click()
    await expect(page.get_by_role("button", name="Show security_audit")).to_be_visible()
    await looks.at(page, "canvas with problems")
    await step(page, "security_audit").click()
    properties = page.get_by_label("Properties", exact=True)
    await expect(properties.get_by_role("region", name="Prompt")).to_be_visible()
    await looks.at(page, "properties")
    await properties.get_by_role("tab", name="YAML").click()
    await expect(properties.locator(".cm-content")).to_be_visible()
    await looks.at(page, "YAML of a step")
    await properties.get_by_role("tab", name="Comments").click()
    await write(page, "Comment on security_audit", "Does this cover migrations?")
    await page.get_by_label("Problems and comments").get_by_role("tab", name="Comments").click()
    await expect(page.get_by_role("button", name="Comments on security_audit")).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(2)
    await looks.at(page, "comments")
    await properties.get_by_role("tab", name="Properties").click()
    await step(page, "classify_change").click(button="right")
    await expect(page.get_by_role("menuitem", name="Duplicate")).to_be_visible()
    await looks.at(page, "menu at the pointer")
    await page.keyboard.press("Escape")
    await page.keyboard.press("l")
    await expect(page.get_by_role("combobox", name="Connect classify_change to")).to_be_focused()
    await looks.at(page, "list of steps to connect with")
    await page.keyboard.press("Escape")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    await looks.at(page, "keys")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Share").click()
    await expect(page.get_by_label("Link to this pipeline")).to_be_visible()
    await looks.at(page, "share")
    await page.keyboard.press("Escape")
    for view in ("Code", "Split"):
        await page.get_by_role("radio", name=view).click()
        await expect(page.get_by_text("Live, read only")).to_be_visible()
        await looks.at(page, view)


async def test_the_history(looks: Looks, open_page: OpenPage, new_pipeline: NewPipeline) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(DEMO)}")
    await expect(state(page, "Saved")).to_be_visible(timeout=SLOW_MS)
    await page.get_by_role("button", name="History", exact=True).click()
    await page.get_by_label("Name of the version").fill("Before")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("button", name="Before")).to_be_visible()
    await page.get_by_role("button", name="History", exact=True).click()
    await step(page, "rank_findings").click()
    await page.keyboard.press("Delete")
    await page.get_by_label("Steps").get_by_role("button", name="Gemini Asks Gemini").click()
    await page.get_by_role("button", name="History", exact=True).click()
    await page.get_by_role("button", name="Before").click()
    await expect(page.get_by_text("+1 added")).to_be_visible()
    await step(page, "summarise").click()
    await expect(page.get_by_role("button", name="Restore this step")).to_be_visible()
    await looks.at(page, "difference")


async def test_what_an_empty_a_viewers_and_a_deleted_pipeline_show(
    looks: Looks, open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Looked at while empty')}"
    page = await open_page("/home")
    page.expected_errors.append("404")  # type: ignore[attr-defined]
    line = await cuttable(page)
    await page.goto(page.url.removesuffix("/home") + path)
    await expect(page.get_by_role("heading", name="Start with a step")).to_be_visible()
    await looks.at(page, "empty canvas")
    await page.keyboard.press("a")
    await expect(page.get_by_role("dialog", name="Add a step")).to_be_visible()
    await looks.at(page, "library at the pointer")
    await page.keyboard.press("Escape")
    await (
        page.get_by_label("Steps", exact=True)
        .get_by_role("button", name="Gemini Asks Gemini")
        .click()
    )
    viewer = await open_page(path, VIEWER)
    await expect(state(viewer, "Read only")).to_be_visible(timeout=SLOW_MS)
    await step(viewer, "gemini").click()
    await expect(viewer.get_by_label("Properties", exact=True).get_by_label("Name")).to_be_visible()
    await looks.at(viewer, "viewer")
    await viewer.close()
    await line.cut()
    await expect(state(page, "Offline")).to_be_visible(timeout=SLOW_MS)
    await looks.at(page, "offline")
    line.is_cut = False
    await expect(state(page, "Saved")).to_be_visible(timeout=SLOW_MS)
    await page.get_by_role("button", name="More", exact=True).first.click()
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(page.get_by_role("button", name="Bring it back")).to_be_visible(timeout=SLOW_MS)
    await looks.at(page, "deleted pipeline")


async def test_the_doors(looks: Looks, open_page: OpenPage) -> None:
    page = await open_page("/home", None)
    await expect(page.get_by_role("heading", name="Sign in to Pipeloom")).to_be_visible()
    await looks.at(page, "sign in")
    page = await open_page("/api/docs")
    await expect(page.get_by_text("/step-types/{step_type}")).to_be_visible()
    await looks.at(page, "documentation of the API")


async def test_a_frame(
    looks: Looks,
    new_pipeline: NewPipeline,
    chromium: Browser,
    web_server: Server,
    web_installation: Installation,
) -> None:
    given = {"pipeline": await new_pipeline(DEMO), "token": await web_installation.token(EDITOR)}
    url = web_server.http("/")
    async with page_around(chromium, "localhost", bundled(), url=url, **given) as around:
        frame = around.frame_locator("iframe[title=Pipeline]")
        await expect(frame.locator(".react-flow__node").first).to_be_visible(timeout=SLOW_MS)
        await looks.at(around, "in a frame", around.frames[1])


async def test_a_narrow_window(
    looks: Looks, open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(DEMO)}", **NARROW)
    await expect(page.get_by_role("button", name="security_audit")).to_be_visible()
    await looks.at(page, "outline")
    for view in ("Graph", "Problems", "Comments"):
        await page.get_by_role("radio", name=view).tap()
        await looks.at(page, view)
    await page.get_by_role("radio", name="Outline").tap()
    await page.get_by_role("button", name="security_audit").tap()
    await expect(page.get_by_label("Properties", exact=True).get_by_label("Name")).to_be_visible()
    await looks.at(page, "sheet")
    await page.get_by_role("button", name="Close the properties").tap()
    await page.get_by_role("button", name="All pipelines").tap()
    await expect(page.get_by_role("heading", name="Pipelines")).to_be_visible()
    await expect(page.get_by_role("row").first).to_be_visible()
    await looks.at(page, "list")
