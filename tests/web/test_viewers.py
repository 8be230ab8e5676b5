"""A viewer sees everything, can change nothing, and learns why."""

import pytest
from playwright.async_api import expect

from tests.server import VIEWER
from tests.web.conftest import NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE_STEP = """
workflow:
  name: seen
  steps:
    - name: look
      type: claude
      prompt: [{type: static, content: Look.}]
"""


async def test_a_viewer_reads_and_is_told_why_nothing_can_be_changed(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(ONE_STEP)}", VIEWER)
    state = page.get_by_role("status").filter(has_text="Read only")
    await expect(state).to_have_attribute(
        "title", "Your role in the team lets you read this pipeline, not edit it"
    )
    await page.locator(".react-flow__node", has_text="look").click()
    properties = page.get_by_label("Properties", exact=True)
    await expect(properties.get_by_label("Name")).to_be_disabled()
    add = page.get_by_label("Steps", exact=True).get_by_role("button", name="Gemini Asks Gemini")
    await expect(add).to_have_attribute("title", "You may read this pipeline, not edit it")
    await add.click(force=True)  # as a person would: the browser presses it, too
    await page.keyboard.press("Delete")
    await expect(page.locator(".react-flow__node")).to_have_count(1)
