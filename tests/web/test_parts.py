"""A part of the page that fails fails alone: the rest goes on, and the part is tried again."""

import pytest
from playwright.async_api import Page, Route, expect

from tests.web.conftest import NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

LISTS = "**/api/pipelines/*/versions?*"


async def answer_nonsense(route: Route) -> None:
    await route.fulfill(json={"items": [{"version_number": 1}], "next_cursor": None})


async def fail_history(page: Page) -> None:
    """Open the history, of which the server says what no server says."""
    page.expected_errors.append("Error: ")  # type: ignore[attr-defined]
    await page.route(LISTS, answer_nonsense)
    await page.get_by_role("button", name="History").click()
    await expect(page.get_by_text("The history could not be shown")).to_be_visible()


async def test_what_fails_says_so_in_its_place_and_comes_when_tried_again(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline()}")
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    await fail_history(page)
    await expect(page.get_by_label("Problems and comments", exact=True).first).to_be_visible()
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    await page.unroute(LISTS)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_label("Name of the version")).to_be_visible()
