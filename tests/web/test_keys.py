"""The editor by keyboard alone."""

import asyncio
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.server import VIEWER
from tests.web.conftest import NewPipeline, OpenPage, ReadSteps

pytestmark = pytest.mark.asyncio(loop_scope="session")

THREE: Final = """
workflow:
  name: Three
  steps:
    - {name: read, type: claude, prompt: [{type: static, content: Read.}]}
    - name: each
      type: for_loop
      iterator: file
      data_source: read:files
      steps:
        - {name: note, type: gemini, prompt: [{type: static, content: Note.}]}
    - {name: sum, type: gemini, prompt: [{type: previous_response, step: each}]}
"""

FOCUSED: Final = """() => {
  const focused = document.activeElement;
  const name = focused.matches('.react-flow__node') && focused.querySelector('[data-name]');
  return name ? name.textContent : focused.getAttribute('aria-label') ?? focused.localName;
}"""

REGION: Final = "() => document.activeElement.closest('[data-region]')?.dataset.region"


def selected(page: Page) -> Locator:
    return page.locator(".react-flow__node.selected [data-name]")


async def opened(page: Page) -> Page:
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    await expect(page.locator(".react-flow__node").first).to_be_visible()
    await expect(page.get_by_role("toolbar", name="Canvas tools")).to_be_visible()
    return page


async def focused(page: Page, name: str) -> None:
    """Wait until this step, or what has this label, has the focus."""
    await page.wait_for_function(f"name => ({FOCUSED})() === name", arg=name)


async def test_the_canvas_is_walked_and_edited_by_keyboard(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(THREE)
    page = await opened(await open_page(f"/pipelines/{pipeline}"))
    press = page.keyboard.press
    await page.locator("[data-region=canvas]").focus()
    for name in ("read", "each", "note", "sum"):
        await press("Tab")
        await focused(page, name)
        await expect(selected(page)).to_have_text([name])
    await press("Shift+Tab")
    await focused(page, "note")
    before = (await read_steps(pipeline))["note"]["position"]
    await press("ArrowRight")
    await press("Shift+ArrowDown")
    said = page.locator("[aria-live=polite]").filter(has_text="note at")
    await expect(said).to_have_count(1)
    moved = {"x": before["x"] + 4, "y": before["y"] + 20}
    await saved_as(page, read_steps, pipeline, "note", moved)

    await press("Enter")
    name = page.get_by_label("Properties", exact=True).get_by_label("Name", exact=True)
    await expect(name).to_be_focused()
    await page.keyboard.type("e")  # no command while somebody types
    await press("Escape")
    await press("Escape")
    await page.wait_for_function(f"() => ({REGION})() === 'canvas'")
    await expect(page.locator(".react-flow__node.selected")).to_have_count(1)
    await press("Control+z")
    await press("Control+z")
    await expect(selected(page)).to_have_text(["note"])
    await press("Control+d")
    await expect(page.locator(".react-flow__node")).to_have_count(5)
    await press("Delete")
    await expect(page.locator(".react-flow__node")).to_have_count(4)

    # Escape leads out: the next Tab goes on behind the canvas.
    await press("Escape")
    await focused(page, "Canvas")
    await press("Escape")
    await press("Tab")
    await page.wait_for_function(f"() => ({REGION})() === 'dock'")
    await press("Shift+Tab")
    await focused(page, "Canvas")


async def saved_as(
    page: Page, read_steps: ReadSteps, pipeline: str, name: str, position: dict[str, Any]
) -> None:
    """Wait for a position in the tables: the page may show what was saved before."""
    async with asyncio.timeout(10):
        while (await read_steps(pipeline))[name]["position"] != position:
            await opened(page)


async def test_keys_lead_to_regions_views_and_the_list_of_keys(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    press = page.keyboard.press
    await page.locator(".react-flow__node").first.click()
    for region in ("dock", "properties", "problems", "topbar", "library", "canvas"):
        await press("F6")
        await page.wait_for_function(f"region => ({REGION})() === region", arg=region)
    await press("Shift+F6")
    await page.wait_for_function(f"() => ({REGION})() === 'library'")
    await press("Control+\\")
    await expect(page.get_by_label("Steps", exact=True)).to_have_count(0)
    await expect(page.get_by_role("button", name="Open the properties")).to_be_visible()
    await press("Control+\\")
    await expect(page.get_by_label("Steps", exact=True)).to_be_visible()

    await press("Control+s")
    await expect(page.get_by_text("Everything is saved")).to_be_visible()
    await press("3")
    await expect(page.get_by_role("region", name="Pipeline YAML")).to_be_visible()
    await press("Control+1")
    await expect(page.get_by_role("region", name="Pipeline YAML")).to_have_count(0)
    async with page.expect_download() as download:
        await press("e")
    assert (await download.value).suggested_filename.endswith(".yaml")

    await press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog.get_by_text("Next step", exact=True)).to_be_visible()
    await press("Delete")  # what is above the page has its own keys
    await press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".react-flow__node")).to_have_count(4)
    await page.get_by_role("banner").get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    await expect(dialog).to_be_visible()


async def test_viewers_walk_and_are_told_why_nothing_moves(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(THREE)}", VIEWER)
    await expect(page.get_by_role("toolbar", name="Canvas tools")).to_be_visible()
    await page.locator("[data-region=canvas]").focus()
    await page.keyboard.press("Tab")
    await focused(page, "read")
    for key in ("ArrowDown", "Delete"):
        await page.keyboard.press(key)
        refusal = page.get_by_role("alert").get_by_text("You may read this pipeline")
        await expect(refusal).to_be_visible()
        # It stands at the selection, since there has been no pointer.
        box, step = await refusal.bounding_box(), await selected(page).bounding_box()
        assert box is not None
        assert step is not None
        assert abs(box["x"] - step["x"]) < 100
        assert abs(box["y"] - step["y"]) < 100
