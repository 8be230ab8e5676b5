"""Two windows on one pipeline."""

import pytest
from playwright.async_api import Page, expect

from tests.web.conftest import EDITOR, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def opened(page: Page) -> Page:
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    return page


async def test_two_windows_edit_one_pipeline(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Together')}"
    one, other = await opened(await open_page(path)), await opened(await open_page(path, EDITOR))
    assert "token" not in one.url

    await one.get_by_label("Steps").get_by_role("button", name="Gemini Asks Gemini").click()
    seen = other.locator(".react-flow__node", has_text="gemini")
    await expect(seen).to_be_visible()

    await other.bring_to_front()
    before = await seen.bounding_box()
    assert before is not None
    mine = one.locator(".react-flow__node", has_text="gemini")
    box = await mine.bounding_box()
    assert box is not None
    await one.mouse.move(box["x"] + 80, box["y"] + 20)
    await one.mouse.down()
    await one.mouse.move(box["x"] + 180, box["y"] + 120, steps=5)
    # Others see it move before it is dropped.
    await other.wait_for_function(
        "x => document.querySelector('.react-flow__node').getBoundingClientRect().x > x + 40",
        arg=before["x"],
    )
    await one.mouse.up()
    await expect(one.get_by_role("status").filter(has_text="Saved")).to_be_visible()

    await other.get_by_role("textbox", name="Name of the pipeline").fill("Renamed")
    await other.keyboard.press("Enter")
    await expect(one.get_by_role("textbox", name="Name of the pipeline")).to_have_value("Renamed")
    await expect(one.get_by_label("Erin Editor")).to_be_visible()


async def test_the_page_leads_to_its_list_and_asks_strangers_to_sign_in(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    await new_pipeline(name="In the list")
    page = await open_page("/")
    await page.get_by_role("link", name="In the list").first.click()
    await opened(page)
    stranger = await open_page("/home", None)
    await expect(stranger.get_by_role("heading", name="Sign in to Pipeloom")).to_be_visible()


async def test_the_documentation_of_the_api_comes_from_the_server_alone(
    open_page: OpenPage,
) -> None:
    page = await open_page("/api/docs")
    await expect(page.get_by_role("heading", name="Pipeloom")).to_be_visible()
    await expect(page.get_by_text("/step-types/{step_type}")).to_be_visible()
