"""Comments: pinned to a step, live for everybody, in threads."""

import pytest
from playwright.async_api import Page, expect

from tests.server import VIEWER
from tests.web.conftest import EDITOR, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE_STEP = """
workflow:
  name: talked about
  steps:
    - name: look
      type: claude
      prompt: [{type: static, content: Look.}]
"""


APART = """async () => {
    const of = (one) => document.querySelector(one).getBoundingClientRect()
    const frame = () => new Promise(requestAnimationFrame)
    await frame(await frame())
    return of("[data-step] [class*=names]").right <= of("[aria-label^='Comments on']").left
}"""
"""Whether, two frames later, the name of whoever has the step selected lies beside its pin."""


async def write(page: Page, label: str, text: str) -> None:
    """Send a comment by the keyboard."""
    field = page.get_by_role("textbox", name=label)
    await field.fill(text)
    await field.press("Enter")


async def test_a_step_is_talked_about_until_that_is_resolved(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(ONE_STEP)}"
    page, other = await open_page(path), await open_page(path, EDITOR)
    await page.locator(".react-flow__node", has_text="look").click()
    await page.keyboard.press("c")
    field = page.get_by_role("textbox", name="Comment on look")
    await field.fill("As many words as do not stand in one line of a field that is so narrow.")
    assert await field.evaluate("one => one.scrollHeight <= one.clientHeight")
    await write(page, "Comment on look", "Why this model?")
    thread = page.get_by_role("region", name="Comments on look").get_by_role("article")
    await expect(thread).to_contain_text("Why this model?")

    pin = other.get_by_role("button", name="Comments on look: 1 thread")
    await expect(pin).to_be_visible()
    assert await other.evaluate(APART)
    await pin.click()
    await expect(other.get_by_text("Why this model?")).to_be_visible()
    await write(other, "Reply", "It reads the whole change.")
    await expect(thread).to_contain_text("It reads the whole change.")

    own = thread.get_by_role("button", name="Your comment")
    await expect(own).to_have_count(1)  # nobody changes what somebody else wrote
    await own.click()
    await page.get_by_role("menuitem", name="Edit").click()
    await write(page, "Change the comment", "Why just this model?")
    await expect(other.get_by_text("Why just this model?")).to_be_visible()

    await thread.get_by_role("button", name="Resolve").click()
    await expect(pin).to_have_count(0)
    await other.get_by_role("tab", name="Comments").click()
    await expect(other.get_by_text("No open comments.")).to_be_visible()
    await other.get_by_label("Show 1 resolved").check()
    await expect(other.get_by_text("It reads the whole change.")).to_be_visible()


async def test_a_viewer_reads_comments_and_learns_why_it_writes_none(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(ONE_STEP)}"
    page, viewer = await open_page(path), await open_page(path, VIEWER)
    await page.get_by_role("tab", name="Comments").click()
    await expect(page.get_by_text("No comments yet.")).to_be_visible()
    await write(page, "Comment on the pipeline", "Hello")
    await expect(page.get_by_text("No comments yet.")).to_have_count(0)
    await viewer.get_by_role("tab", name="Comments 1").click()
    await expect(viewer.get_by_role("article")).to_contain_text("Hello")
    reply = viewer.get_by_role("button", name="Reply")
    await expect(reply).to_have_attribute("title", "You may read this pipeline, not comment on it")


async def test_what_was_not_sent_stays_in_the_field(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(ONE_STEP)}")
    page.expected_errors.append("Failed to load resource")  # type: ignore[attr-defined]
    await page.get_by_role("tab", name="Comments").click()
    await page.route("**/comments", lambda route: route.fulfill(status=503))
    await write(page, "Comment on the pipeline", "Hello")
    await expect(page.get_by_text("The comment was not saved: try again.")).to_be_visible()
    await page.unroute("**/comments")
    await page.get_by_role("textbox", name="Comment on the pipeline").press("Enter")
    await expect(page.get_by_role("article")).to_contain_text("Hello")
