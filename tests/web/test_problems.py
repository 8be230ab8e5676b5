"""Problems: listed as they arise, shown at their steps, mended by a press that undo takes back."""

import pytest
from playwright.async_api import expect

from tests.server import VIEWER
from tests.web.conftest import NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

MISTYPED = """
workflow:
  name: mistyped
  steps:
    - name: classify_change
      type: claude
      prompt: [{type: static, content: Look.}]
    - name: audit
      type: gemini
      prompt:
        - {type: static, content: Audit.}
        - {type: previous_response, step: classify-change}
"""


async def test_a_mistyped_name_is_mended_and_the_mending_undone(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(MISTYPED)}"
    page, viewer = await open_page(path), await open_page(path, VIEWER)
    await page.get_by_role("tab", name="Problems 1").click()
    row = page.get_by_role("listitem").filter(has_text="Did you mean")
    await expect(row).to_contain_text("prompt 2")
    await row.get_by_role("button", name="Show audit").click()
    await expect(page.locator(".react-flow__node.selected", has_text="audit")).to_be_visible()

    await viewer.get_by_role("tab", name="Problems 1").click()
    fix = "Fix audit: Write classify_change instead"
    await expect(viewer.get_by_role("button", name=fix)).to_have_attribute(
        "title", "You may read this pipeline, not edit it"
    )
    await row.get_by_role("button", name=fix).click()
    await expect(row).to_have_count(0)
    await expect(viewer.get_by_text("No problems.")).to_be_visible()
    await page.keyboard.press("Control+z")
    await expect(row).to_be_visible()
