"""The history: a version beside now on the canvas, brought back whole or step by step."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, expect

from tests.server import VIEWER
from tests.web.conftest import EDITOR, NewPipeline, OpenPage, ReadSteps

pytestmark = pytest.mark.asyncio(loop_scope="session")

PIPELINE = """
workflow:
  name: looked back at
  steps:
    - name: read
      type: claude
      prompt: [{type: static, content: "Read the change.\\nBe brief."}]
    - name: judge
      type: gemini
      prompt: [{type: previous_response, step: read}]
    - name: write
      type: claude
      prompt: [{type: previous_response, step: judge}]
"""


async def history_of(page: Page) -> None:
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    await page.get_by_role("button", name="History").click()


def step(page: Page, name: str) -> Locator:
    return page.locator(".react-flow__node", has_text=name)


async def removed_and_added(page: Page) -> None:
    """Remove one step and add another."""
    await step(page, "judge").click()
    await page.keyboard.press("Delete")
    await expect(step(page, "judge")).to_have_count(0)
    await page.get_by_label("Steps").get_by_role("button", name="Gemini Asks Gemini").click()


async def test_a_version_is_compared_with_now_and_brought_back(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(PIPELINE)}"
    page, other = await open_page(path), await open_page(path, EDITOR)
    await history_of(page)
    panel = page.get_by_label("History", exact=True).filter(has=page.get_by_role("list"))
    await panel.get_by_label("Name of the version").fill("Before the rewrite")
    await panel.get_by_role("button", name="Save").click()
    version = panel.get_by_role("button", name="Before the rewrite")
    await expect(version).to_contain_text("Demo Owner")
    await version.click()
    await expect(page.get_by_text("Nothing differs", exact=True)).to_be_visible()

    await removed_and_added(other)  # somebody else edits while the history is open
    await expect(page.get_by_text("+1 added")).to_be_visible()
    await expect(page.get_by_text("1 removed")).to_be_visible()
    await expect(step(page, "judge")).to_contain_text("Removed")
    await page.get_by_role("button", name="Next").click()
    await expect(page.get_by_text("1 of 2")).to_be_visible()

    await step(page, "judge").click()
    await page.get_by_role("button", name="Restore this step").click()
    await expect(step(other, "judge")).to_be_visible()
    await expect(page.get_by_text("1 removed")).to_have_count(0)
    await page.get_by_role("button", name="Restore version").click()
    await expect(page.get_by_text("Nothing differs", exact=True)).to_be_visible()
    await expect(step(other, "gemini")).to_have_count(0)


async def test_each_view_leads_out_of_the_history(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(PIPELINE)}")
    close = page.get_by_role("button", name="Close the history")
    await history_of(page)
    await expect(close).to_be_visible()
    await expect(page.get_by_role("radio", checked=True)).to_have_count(0)
    await page.get_by_role("radio", name="Code").click()
    await expect(close).to_have_count(0)
    await expect(page.get_by_text("Live, read only")).to_be_visible()
    await history_of(page)
    await expect(close).to_be_visible()
    await page.keyboard.press("1")
    await expect(close).to_have_count(0)
    await expect(step(page, "judge")).to_be_visible()


async def test_escape_leads_from_a_step_to_its_version_and_out_of_the_history(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(PIPELINE)}")
    await history_of(page)
    await page.get_by_label("Name of the version").fill("First")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="First").click()
    await expect(page.get_by_text("Nothing differs", exact=True)).to_be_visible()
    await step(page, "judge").click()
    close = page.get_by_role("button", name="Close the history")
    restore = page.get_by_role("button", name="Restore this step")
    await expect(restore).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(restore).to_have_count(0)
    await expect(close).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(close).to_have_count(0)


async def test_a_version_comes_back_while_somebody_types_whose_undo_stays_their_own(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(PIPELINE)
    path = f"/pipelines/{pipeline}"
    page, other = await open_page(path), await open_page(path, EDITOR)
    before = await read_steps(pipeline)
    await history_of(page)
    await page.get_by_label("Name of the version").fill("First")
    await page.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="First").click()
    await step(other, "judge").click()
    await other.keyboard.press("Delete")
    await step(other, "read").click()
    prompt = other.get_by_label("Properties", exact=True).get_by_role("textbox", name="Text").first
    await prompt.click()
    await other.keyboard.press("Control+End")
    await other.keyboard.type("abc")
    await expect(page.get_by_text("1 removed")).to_be_visible()
    await expect(page.get_by_text("1 changed")).to_be_visible()

    typing = asyncio.create_task(other.keyboard.type("defghijklmnopqrst", delay=20))
    await page.get_by_role("button", name="Restore version").click()
    await expect(step(other, "judge")).to_be_visible()
    await typing
    await other.keyboard.type("z")
    # What was written before is replaced, what came after stays, and nothing is torn.
    await expect(prompt).to_have_text(re.compile(r"^Read the change\.Be brief\.\w*z$"))
    text = await prompt.text_content() or ""
    assert "abcdefghijklmnopqrstz".endswith(text.partition("brief.")[2])
    await expect(page.get_by_text("Restored. What was there before")).to_be_visible()
    # One's own letters come off and what was brought back stays, also the step that one removed.
    for _ in "abcdefghijklmnopqrstz":
        await other.keyboard.press("Control+z")
    await expect(prompt).to_have_text("Read the change.Be brief.")
    await expect(page.get_by_text("Nothing differs", exact=True)).to_be_visible()
    await expect(other.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    after = await read_steps(pipeline)
    assert {name: each["config"] for name, each in after.items()} == {
        name: each["config"] for name, each in before.items()
    }
    await page.get_by_role("listitem").nth(1).get_by_role("button").click()
    await expect(page.get_by_text("+1 added")).to_be_visible()


async def test_a_viewer_compares_and_learns_why_nothing_is_restored(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(PIPELINE)}"
    owner = await open_page(path)
    await history_of(owner)
    await owner.get_by_label("Name of the version").fill("First")
    await owner.get_by_role("button", name="Save").click()
    await expect(owner.get_by_role("button", name="First")).to_be_visible()
    viewer = await open_page(path, VIEWER)
    await expect(viewer.get_by_role("status").filter(has_text="Read only")).to_be_visible()
    await viewer.get_by_role("button", name="History").click()
    await viewer.get_by_role("button", name="First").click()
    restore = viewer.get_by_role("button", name="Restore version")
    await expect(restore).to_have_attribute("title", "You may read this pipeline, not edit it")
