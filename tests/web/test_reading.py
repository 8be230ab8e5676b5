"""A narrow window: the pipeline is read as an outline, seen as a graph and talked about."""

import pytest
from playwright.async_api import Page, expect

from tests.clients.javascript import ROOT
from tests.web.conftest import EDITOR, NARROW, SLOW_MS, NewPipeline, OpenPage
from tests.web.test_comments import write

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEMO = (ROOT / "app" / "demo.yaml").read_text()

SMALL_TARGETS = """() => [...document.querySelectorAll("button, [role=radio], [role=tab]")]
    .filter(each => each.checkVisibility() && each.getBoundingClientRect().height > 0)
    .filter(each => each.getBoundingClientRect().height < 40 || each.offsetWidth < 40)
    .map(each => each.getAttribute("aria-label") ?? each.textContent)"""

TOO_WIDE = "() => document.documentElement.scrollWidth > innerWidth"


async def outline_of(page: Page) -> None:
    await expect(page.get_by_role("button", name="load_rules")).to_be_visible(timeout=SLOW_MS)


async def test_the_steps_are_read_from_top_to_bottom_and_opened_by_a_tap(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(DEMO)}"
    page, other = await open_page(path, **NARROW), await open_page(path, EDITOR)
    await outline_of(page)
    await expect(page.get_by_role("heading", level=1)).to_have_text("PR review assistant")
    await expect(page.get_by_text("17 steps")).to_be_visible()
    route = page.get_by_role("region", name="route_by_risk")
    await expect(route.get_by_text("case high")).to_be_visible()
    audit = route.get_by_role("button", name="security_audit")
    await expect(audit.get_by_role("img", name="1 error")).to_be_visible()
    assert await page.evaluate(SMALL_TARGETS) == []
    assert await page.evaluate(TOO_WIDE) is False

    await other.locator(".react-flow__node").get_by_text("threat_model", exact=True).click()
    await expect(
        route.get_by_role("button", name="threat_model").get_by_role("img", name="Erin Editor")
    ).to_be_visible()

    await audit.tap()
    sheet = page.get_by_label("Properties", exact=True)
    name = sheet.get_by_label("Name", exact=True)
    await expect(name).to_have_value("security_audit")
    await expect(name).to_be_disabled()
    await expect(name).to_have_attribute("title", "Editing needs a wider window")
    await sheet.get_by_role("tab", name="Comments").tap()
    await write(page, "Comment on security_audit", "Which rules?")
    await expect(other.get_by_role("button", name="Comments on security_audit")).to_be_visible()
    await sheet.get_by_role("button", name="Close the properties").tap()
    await expect(sheet).to_have_count(0)
    await expect(audit).to_be_focused()

    await route.get_by_role("button", name="Fold route_by_risk").tap()
    await expect(audit).to_have_count(0)


async def test_the_graph_is_there_and_a_wider_window_edits(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(DEMO)}", **NARROW)
    await outline_of(page)
    await page.get_by_role("radio", name="Graph").tap()
    await expect(page.locator(".react-flow__node").first).to_be_visible()
    await expect(page.get_by_role("button", name="Fit everything")).to_be_visible()
    await expect(page.get_by_role("button", name="Tidy up")).to_have_count(0)
    assert await page.evaluate(TOO_WIDE) is False
    await page.get_by_role("radio", name="Problems 2").tap()
    await page.get_by_role("button", name="Show security_audit").tap()
    await expect(page.get_by_role("heading", name="security_audit")).to_be_visible()

    await page.set_viewport_size({"width": 1440, "height": 900})
    name = page.get_by_label("Properties", exact=True).get_by_label("Name", exact=True)
    await expect(name).to_be_enabled()
