"""The bar at the top: through an outage, signed out, shared, and of a pipeline that is deleted."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from app.auth.tokens import Tokens
from persistence.ports.directory import User
from tests.server import OWNER, VIEWER, Installation
from tests.web.conftest import ADD_EDITOR, EDITOR, SECRET, NewPipeline, OpenPage

GEMINI = "Gemini Asks Gemini"

OVERLAPS = """bar => {
  const seen = [...bar.querySelectorAll('button, a, input, [role=status]')]
    .filter(each => each.checkVisibility() && !each.closest('[popover]'))
    .map(each => [each.ariaLabel ?? each.textContent, each.getBoundingClientRect()])
    .filter(([, {width}]) => width > 0)
    .sort(([, a], [, b]) => a.left - b.left);
  const last = ['the window', {left: innerWidth}];
  return seen.flatMap(([name, {right}], at) => {
    const [next, {left}] = seen[at + 1] ?? last;
    return right > left + 0.5 ? [`${name} on ${next} at ${innerWidth}`] : [];
  });
}"""
"""What in the bar stands on its neighbour, or beyond the window."""

REMOVE = """
    DELETE FROM team_members WHERE user_id = (SELECT id FROM users WHERE email = $1)
"""

pytestmark = pytest.mark.asyncio(loop_scope="session")


def state(page: Page, words: str) -> Locator:
    return page.get_by_role("status").filter(has_text=words)


def types(page: Page) -> Locator:
    return page.get_by_label("Steps", exact=True)


async def add_step(page: Page) -> None:
    await types(page).get_by_role("button", name=GEMINI).click()


async def a_short_token(installation: Installation, seconds: float) -> str:
    async with installation.sql() as sql:
        row = await sql.fetchrow("SELECT id, email, name FROM users WHERE email = $1", OWNER)
    return Tokens(SECRET).issue(User(**row), timedelta(seconds=seconds), datetime.now(UTC))


async def test_an_outage_is_seen_counted_and_over_by_itself(
    open_page: OpenPage, new_pipeline: NewPipeline, web_installation: Installation
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Through an outage')}"
    async with web_installation.serve() as server:
        page = await open_page(path, server=server)
        await expect(state(page, "Saved")).to_be_visible()
        # The list of types comes from the server: who is cut off before has none to add.
        await expect(types(page).get_by_role("button", name=GEMINI)).to_be_visible()
    await expect(state(page, "Offline")).to_be_visible()
    await add_step(page)
    await expect(state(page, "Offline, 1 edit waits")).to_have_attribute(
        "title", "The server cannot be reached. Edits are kept in this browser; "
        "it connects again by itself and sends them",
    )  # fmt: skip
    await page.get_by_role("button", name="All pipelines").click()
    await expect(page.get_by_role("dialog")).to_contain_text("1 edit is not on the server yet.")
    await page.get_by_role("button", name="Stay").click()
    async with web_installation.serve("--port", str(server.port)):
        await expect(state(page, "Saved")).to_be_visible()
        await expect(page.locator(".react-flow__node")).to_have_count(1)
        await page.get_by_role("button", name="All pipelines").click()
        await expect(page.get_by_role("heading", name="Pipelines")).to_be_visible()
        await page.context.close()


async def test_whose_token_expires_signs_in_again_and_loses_nothing(
    open_page: OpenPage, new_pipeline: NewPipeline, web_installation: Installation
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Expiring')}"
    page = await open_page("/home", None)
    page.expected_errors.append("401")  # type: ignore[attr-defined]
    origin = page.url.removesuffix("/home")
    await page.goto(f"{origin}{path}#token={await a_short_token(web_installation, 8)}")
    await expect(state(page, "Saved")).to_be_visible()
    await expect(state(page, "Signed out")).to_be_visible()
    await add_step(page)
    await page.get_by_role("button", name="Sign in").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Token").fill("no token")
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(dialog.get_by_role("alert")).to_have_text(
        "Expected a token: three parts with dots between them."
    )
    await dialog.get_by_label("Token").fill(await web_installation.token())
    await dialog.get_by_role("button", name="Sign in").click()
    await expect(state(page, "Saved")).to_be_visible()
    await expect(page.locator(".react-flow__node")).to_have_count(1)


async def test_whose_link_is_old_is_asked_to_sign_in_and_opens_a_new_one_in_the_same_window(
    open_page: OpenPage, new_pipeline: NewPipeline, web_installation: Installation
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Behind an old link')}"
    page = await open_page("/home", None)
    page.expected_errors.append("401")  # type: ignore[attr-defined]
    origin = page.url.removesuffix("/home")
    await page.goto(f"{origin}{path}#token={await a_short_token(web_installation, -60)}")
    await expect(page.get_by_role("heading", name="Sign in to Pipeloom")).to_be_visible()
    await expect(page.get_by_text("Problems")).to_have_count(0)
    # Nothing but the fragment changes, so no page is loaded.
    await page.goto(f"{origin}{path}#token={await web_installation.token()}")
    await expect(state(page, "Saved")).to_be_visible()
    await expect(page).to_have_url(f"{origin}{path}")


async def test_a_pipeline_deleted_while_open_says_by_whom_and_comes_back(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Short-lived')}"
    mine, other = await open_page(path), await open_page(path, EDITOR)
    for page in (mine, other):
        page.expected_errors.append("404")  # type: ignore[attr-defined]
        await expect(state(page, "Saved")).to_be_visible()
    await expect(mine.get_by_label("Erin Editor")).to_be_visible()
    await mine.get_by_role("button", name="More", exact=True).click()
    await mine.get_by_role("menuitem", name="Delete").click()
    await expect(mine.get_by_role("dialog")).to_contain_text("Here now: Erin Editor.")
    await mine.get_by_role("dialog").get_by_role("button", name="Delete").click()

    title = "“Short-lived” was deleted"
    await expect(other.get_by_role("heading", name=title)).to_be_visible()
    await expect(other.get_by_text("By Demo Owner, now.")).to_be_visible()
    await expect(other.get_by_role("button", name="Bring it back")).to_have_attribute(
        "title", "Who made it, and admins of the team, bring it back: ask one of them"
    )
    await expect(mine.get_by_text("By you, now.")).to_be_visible()
    await mine.get_by_role("button", name="Bring it back").click()
    await expect(state(mine, "Saved")).to_be_visible()
    await other.get_by_role("button", name="Look again").click()
    await expect(state(other, "Saved")).to_be_visible()


async def test_who_leaves_the_team_reads_so_where_a_pipeline_was_open_and_nobody_else_does(
    open_page: OpenPage, new_pipeline: NewPipeline, web_installation: Installation
) -> None:
    pipeline = await new_pipeline(name="Not theirs any more")
    leaving, strange = (f"{one}-{pipeline}@demo.pipeloom" for one in ("leaving", "strange"))
    async with web_installation.sql() as sql:
        for email in (leaving, strange):
            await sql.execute(ADD_EDITOR, email)
        await sql.execute(REMOVE, strange)
        leaver = await open_page(f"/pipelines/{pipeline}", leaving)
        await expect(state(leaver, "Saved")).to_be_visible()
        stranger = await open_page(f"/pipelines/{pipeline}", strange)
        for page in (leaver, stranger):
            page.expected_errors.append("404")  # type: ignore[attr-defined]
        await expect(heading(stranger, "There is no such pipeline")).to_be_visible()
        await sql.execute(REMOVE, leaving)
    await expect(heading(leaver, "You are not in this team any more")).to_be_visible()
    await leaver.get_by_role("button", name="Look again").click()
    await expect(heading(leaver, "You are not in this team any more")).to_be_visible()
    await leaver.get_by_role("button", name="All pipelines").click()
    await expect(leaver).to_have_url(re.compile("/home$"))


def heading(page: Page, name: str) -> Locator:
    return page.get_by_role("heading", name=name)


async def test_the_bar_shares_and_changes_the_status(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Shared')}"
    page, viewer = await open_page(path), await open_page(path, VIEWER)
    page.expected_errors.append("422")  # type: ignore[attr-defined]
    await page.get_by_role("button", name="Status: Draft").click()
    await page.get_by_role("menuitemradio", name="Active").click()
    status = viewer.get_by_role("button", name="Status: Active")
    await status.click()
    await expect(viewer.get_by_role("menuitemradio", name="Draft")).to_have_attribute(
        "title", "You may read this pipeline, not edit it"
    )
    await viewer.keyboard.press("Escape")

    await page.get_by_role("button", name="Share").click()
    link = page.get_by_label("Link to this pipeline")
    await expect(link).to_have_value(page.url)
    await expect(page.get_by_role("listitem").filter(has_text="Erin Editor")).to_contain_text(
        "Member"
    )
    await page.get_by_label("Email address").fill("nobody@example.org")
    await page.get_by_role("button", name="Invite", exact=True).click()
    await expect(state(page, "nobody@example.org is invited")).to_be_visible()

    await viewer.get_by_role("button", name="Share").click()
    await expect(viewer.get_by_role("button", name="Invite", exact=True)).to_have_attribute(
        "title", "Admins of the team invite people: ask one of them"
    )


async def test_nothing_in_the_bar_overlaps_in_windows_of_any_width(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    name = "A pipeline with quite a long name of its own"
    path = f"/pipelines/{await new_pipeline(name=name)}"
    await open_page(path, EDITOR)
    page = await open_page(path, has_touch=True, is_mobile=True)
    await expect(state(page, "Saved")).to_be_visible()
    bar = page.get_by_role("banner")
    await expect(bar.get_by_role("button", name="Erin Editor")).to_be_visible()
    await expect(bar.get_by_role("button", name="More")).not_to_have_attribute(
        "aria-disabled", "true"
    )
    # Without the library its button stands in the bar, too.
    await page.keyboard.press("Control+\\")
    await expect(bar.get_by_role("button", name="Open the library")).to_be_visible()
    for width in (640, 700, 768, 859, 860, 1023, 1024, 1279, 1280, 1440):
        await page.set_viewport_size({"width": width, "height": 700})
        assert await bar.evaluate(OVERLAPS) == []
