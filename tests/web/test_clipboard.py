"""Steps on the system's clipboard: between pipelines and windows, and texts of other programs."""

from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.server import VIEWER
from tests.web.conftest import EDITOR, NewPipeline, OpenPage, ReadSteps
from tests.web.test_keys import THREE, opened, selected

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER: Final = """
workflow:
  name: Other
  steps:
    - {name: sum, type: claude, prompt: [{type: static, content: Mine.}]}
    - {name: round, type: for_loop, iterator: file, data_source: sum, steps: []}
"""

YAML: Final = """
- {name: ask, type: claude, prompt: [{type: static, content: Ask.}]}
- {name: check, type: gemini, prompt: [{type: previous_response, step: ask}]}
"""

PASTE: Final = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  document.activeElement.dispatchEvent(
    new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""


def nodes(page: Page) -> Locator:
    return page.locator(".react-flow__node")


def step(page: Page, name: str) -> Locator:
    named = page.locator("[data-name]").get_by_text(name, exact=True)
    return nodes(page).filter(has=named).first


async def point(page: Page, name: str, x: float, y: float) -> None:
    """Move the pointer to a place beside the corner of a step."""
    box = await step(page, name).bounding_box()
    assert box is not None
    await page.mouse.move(box["x"] + x, box["y"] + y)


async def test_steps_are_cut_and_pasted_into_another_pipeline(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    source, target = await new_pipeline(THREE), await new_pipeline(OTHER)
    one = await opened(await open_page(f"/pipelines/{source}"))
    other = await opened(await open_page(f"/pipelines/{target}", EDITOR))
    await step(one, "each").click(position={"x": 60, "y": 12})
    await one.keyboard.down("Shift")
    await step(one, "sum").click()
    await one.keyboard.up("Shift")
    await one.keyboard.press("Control+c")
    await expect(one.get_by_text("2 steps copied")).to_be_attached()

    # At the pointer, with what is inside; names that are taken there are changed.
    await point(other, "sum", 300, -60)
    await other.keyboard.press("Control+v")
    await expect(nodes(other)).to_have_count(5)
    await expect(selected(other)).to_have_text(["each", "sum_2"])
    await opened(other)
    found = await read_steps(target)
    assert found["note"]["parent_step_id"] == found["each"]["id"]
    assert found["sum_2"]["config"]["prompt"][0]["step"] == "each"
    assert found["each"]["position"]["x"] > found["sum"]["position"]["x"] + 200
    await other.keyboard.press("Control+z")
    await expect(nodes(other)).to_have_count(2)

    # Into a container: the one below the pointer.
    await one.keyboard.press("Escape")
    await step(one, "read").click()
    await one.keyboard.press("Control+x")
    await expect(nodes(one)).to_have_count(3)
    await point(other, "round", 60, 70)
    await other.keyboard.press("Control+v")
    await expect(selected(other)).to_have_text(["read"])
    await opened(other)
    found = await read_steps(target)
    assert found["read"]["parent_step_id"] == found["round"]["id"]
    # Pasted again, in the same place, it stands beside the first one.
    await other.keyboard.press("Control+v")
    await expect(nodes(other)).to_have_count(4)


async def test_yaml_is_pasted_as_steps_and_other_texts_are_refused(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    await page.locator("[data-region=canvas]").focus()
    await page.evaluate(PASTE, "Dear all")
    refusal = page.get_by_role("alert").get_by_text("got a string")
    await expect(refusal).to_be_visible()
    await page.evaluate(PASTE, YAML)
    await expect(selected(page)).to_have_text(["ask", "check"])
    # What is done next takes the refusal away at once, before its time is over.
    await expect(refusal).to_have_count(0, timeout=2_000)
    edge = page.locator('.react-flow__edge[aria-label="ask feeds check"]')
    await expect(edge).to_be_attached()
    copied = '{"pipeloom":"steps","version":1,'
    refused = {
        "Dear all": "got a string",
        "- {name: x}": "no name and type",
        "": "no text",
        copied + '"steps":[': "not complete",
        copied + '"steps":[{"id":"a","type":7}],"connections":[]}': "says that it is steps",
        copied
        + '"steps":[{"id":"a","type":"claude","position":{"x":0,"y":0}}],"connections":[]}': (
            "Expected a text"
        ),
        copied + "x" * 2_000_000: "at most 2000000 characters",
    }
    for text, reason in refused.items():
        await page.evaluate(PASTE, text)
        await expect(page.get_by_role("alert").get_by_text(reason)).to_be_visible()
    await expect(nodes(page)).to_have_count(6)
    # What is typed into a field is the field's.
    search = page.get_by_label("Steps", exact=True).get_by_label("Search steps")
    await search.focus()
    await page.evaluate(PASTE, YAML)
    await expect(nodes(page)).to_have_count(6)


async def test_the_menu_copies_and_pastes_where_it_was_opened(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(THREE)}"
    page = await opened(await open_page(path))
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await step(page, "read").click(button="right")
    await page.get_by_role("menuitem", name="Copy").click()
    await expect(page.get_by_text("1 step copied")).to_be_attached()
    await page.locator(".react-flow__pane").click(button="right", position={"x": 40, "y": 60})
    await page.get_by_role("menuitem", name="Paste here").click()
    await expect(selected(page)).to_have_text(["read_2"])

    viewer = await open_page(path, VIEWER)
    await expect(nodes(viewer)).to_have_count(5)
    await expect(viewer.get_by_role("toolbar", name="Canvas tools")).to_be_visible()
    await viewer.locator("[data-region=canvas]").focus()
    await viewer.evaluate(PASTE, YAML)
    await expect(
        viewer.get_by_role("alert").get_by_text("You may read this pipeline")
    ).to_be_visible()
