"""The pipeline as YAML: live, edited as text, merged with what others do meanwhile."""

import re
from typing import Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.server import VIEWER
from tests.web.conftest import EDITOR, NewPipeline, OpenPage, ReadSteps

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE: Final = """
workflow:
  name: code
  steps:
    - name: first
      type: claude
      prompt: [{type: static, content: Begin.}]
    - name: around
      type: for_loop
      iterator: file
      data_source: first
      steps:
        - name: inner
          type: claude
          prompt: [{type: static, content: Look.}]
    - name: last
      type: claude
      prompt: [{type: static, content: End.}]
"""


def code(page: Page) -> Locator:
    return page.get_by_label("Pipeline YAML", exact=True).first


def line(page: Page, text: str) -> Locator:
    return code(page).locator(".cm-line", has_text=re.compile(rf"^ *(- )?{re.escape(text)}$"))


async def shown(page: Page, view: str) -> None:
    await page.get_by_role("radio", name=view).click()
    await expect(line(page, "name: code")).to_be_visible()


async def rewritten(page: Page, text: str, end: str) -> None:
    """Write at the end of a line of the code."""
    await line(page, text).click()
    await page.keyboard.press("End")
    await page.keyboard.type(end)


MIDDLE: Final = """() => {
  const {width, height} = document.querySelector('.react-flow').getBoundingClientRect();
  const style = getComputedStyle(document.querySelector('.react-flow__viewport'));
  const {a, e, f} = new DOMMatrix(style.transform);
  return [a, (width / 2 - e) / a, (height / 2 - f) / a].map(value => Math.round(value));
}"""
"""The zoom, and the point of the canvas that is in the middle of what is seen."""


async def test_the_middle_of_the_canvas_stays_beside_the_code(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(FILE)}")
    steps = page.locator(".react-flow__node")
    await expect(steps.first).to_be_visible()
    before = await page.evaluate(MIDDLE)
    for view in ("Split", "Code", "Split", "Graph", "Code", "Split"):
        await shown(page, view) if view != "Graph" else await graph(page)
        if view != "Code":
            await expect(steps.first).to_be_visible()
            assert await page.evaluate(MIDDLE) == before


async def graph(page: Page) -> None:
    await page.get_by_role("radio", name="Graph").click()
    await expect(code(page)).to_have_count(0)


async def test_the_code_is_live_and_an_edit_of_it_meets_the_edits_of_others(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    one = await open_page(f"/pipelines/{pipeline}")
    other = await open_page(f"/pipelines/{pipeline}", EDITOR)
    await shown(one, "Code")
    before = await read_steps(pipeline)

    async def rename(name: str, wanted: str) -> None:
        await other.locator(".react-flow__node", has_text=name).last.click(
            position={"x": 60, "y": 20}
        )
        field = other.get_by_label("Properties", exact=True).first.get_by_label("Name", exact=True)
        await expect(field).to_have_value(name)
        await field.fill(wanted)
        await field.press("Enter")

    await rename("last", "final")
    await expect(line(one, "name: final")).to_be_visible()
    await code(one).get_by_role("button", name="Edit").click()
    await rewritten(one, "content: Begin.", " Then go on.")
    await rename("final", "very_last")
    # The offer comes by itself, before anything is applied.
    await expect(code(one).get_by_text("Others have changed the pipeline")).to_be_visible()
    await expect(line(one, "name: final")).to_be_visible()
    await code(one).get_by_role("button", name="Take theirs in").click()
    await expect(line(one, "name: very_last")).to_be_visible()
    await expect(line(one, "content: Begin. Then go on.")).to_be_visible()
    await line(one, "content: Begin. Then go on.").click()
    await one.keyboard.press("Control+s")
    await expect(code(one).get_by_text("Live, read only")).to_be_visible()
    after = await read_steps(pipeline)
    assert after["first"]["config"]["prompt"][0]["content"] == "Begin. Then go on."
    assert after["first"]["id"] == before["first"]["id"]
    assert after["very_last"]["id"] == before["last"]["id"]


async def test_mine_can_be_applied_over_theirs_and_what_cannot_be_read_is_kept_with_its_error(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    page = await open_page(f"/pipelines/{pipeline}")
    # The server refuses what cannot be read, and browsers note that.
    page.expected_errors.append("422")  # type: ignore[attr-defined]
    await shown(page, "Code")
    await code(page).get_by_role("button", name="Edit").click()
    await rewritten(page, "data_source: first", ": [")
    problem = code(page).locator(".cm-problem")
    await expect(problem).to_have_count(1)
    await code(page).get_by_role("button", name="Apply").click()
    await expect(code(page).get_by_role("button", name="1 error")).to_be_visible()
    await expect(line(page, "data_source: first: [")).to_be_visible()
    # Another view and back: the text waits.
    await page.get_by_role("radio", name="Graph").click()
    await shown(page, "Code")
    await expect(line(page, "data_source: first: [")).to_be_visible()
    await line(page, "data_source: first: [").click()
    await page.keyboard.press("End")
    for _ in ": [":
        await page.keyboard.press("Backspace")
    await page.keyboard.type(".files")
    await expect(problem).to_have_count(0)

    other = await open_page(f"/pipelines/{pipeline}", EDITOR)
    await other.locator(".react-flow__node", has_text="last").last.click(
        position={"x": 60, "y": 20}
    )
    await (
        other.get_by_role("button", name="Delete").or_(other.locator("body")).first.press("Delete")
    )
    await expect(code(page).get_by_text("Others have changed the pipeline")).to_be_visible()
    await code(page).get_by_role("button", name="Apply mine over theirs").click()
    await expect(code(page).get_by_text("Live, read only")).to_be_visible()
    steps = await read_steps(pipeline)
    assert steps["around"]["config"]["data_source"] == "first.files"
    assert "last" in steps


async def test_beside_each_other_code_and_canvas_lead_to_the_same_step(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(FILE)}", VIEWER)
    await shown(page, "Split")
    node = page.locator(".react-flow__node", has=page.get_by_text("first", exact=True)).first
    await node.click(position={"x": 60, "y": 20})
    await expect(code(page).locator(".cm-step").first).to_have_text("    - name: first")
    await line(page, "name: inner").click()
    panel = page.get_by_label("Properties", exact=True).first
    await expect(panel.get_by_role("heading", level=2)).to_have_text("inner")
    await expect(code(page).locator(".cm-step").first).to_have_text("        - name: inner")
    edit = code(page).get_by_role("button", name="Edit")
    await expect(edit).to_have_attribute("title", "You may read this pipeline, not edit it")
    # What is folded is out of the way, also for who only reads.
    await code(page).get_by_title("Fold", exact=True).nth(2).click()
    await expect(code(page).locator(".cm-foldPlaceholder")).to_be_visible()


async def test_keys_types_words_and_steps_are_proposed_while_one_types_the_code(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    page = await open_page(f"/pipelines/{pipeline}")
    await shown(page, "Code")
    await code(page).get_by_role("button", name="Edit").click()
    proposed = page.locator(".cm-tooltip-autocomplete li")

    async def choose(typed: str, label: str) -> None:
        """Type the beginning of something, and take what is proposed for it."""
        await page.keyboard.type(typed)
        chosen = page.locator(".cm-tooltip-autocomplete li[aria-selected]")
        await expect(chosen.locator(".cm-completionLabel")).to_have_text(label)
        # By the pointer: keys take nothing in the first moment, so that none does by mistake.
        await chosen.click()
        await expect(proposed.filter(has_text=label)).to_have_count(0)

    await rewritten(page, "data_source: first", "")
    await page.keyboard.press("Enter")
    await choose("max_par", "max_parallel")
    await page.keyboard.type("3")
    await page.keyboard.press("Enter")
    await page.keyboard.type("parallel: ")
    await choose("t", "true")
    await rewritten(page, "content: End.", "")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Shift+Home")
    await page.keyboard.type("        - type: ")
    await choose("prev", "previous_response")
    await page.keyboard.press("Enter")
    await choose("st", "step")
    await choose("", "first")
    await page.keyboard.press("Control+s")
    await expect(code(page).get_by_text("Live, read only")).to_be_visible()
    steps = await read_steps(pipeline)
    assert steps["around"]["config"]["max_parallel"] == 3
    assert steps["around"]["config"]["parallel"] is True
    assert steps["last"]["config"]["prompt"][1] == {"type": "previous_response", "step": "first"}
