"""The fields of a step: written by the smallest edits, beside others, and nothing is lost."""

import asyncio
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Page, expect

from tests.server import VIEWER
from tests.web.conftest import EDITOR, NewPipeline, OpenPage, ReadSteps

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE: Final = """
workflow:
  name: fields
  steps:
    - name: read
      type: claude
      prompt: [{type: static, content: Read.}]
    - name: review
      type: claude
      house_rule: be kind
      timeout_seconds: soon
      claude_options: {model: sonnet, allowed_tools: [Read]}
      prompt:
        - {type: static, content: Review.}
        - {type: previous_response, step: read}
        - {type: mystery, content: kept}
"""


def panel(page: Page) -> Locator:
    return page.get_by_label("Properties", exact=True).first


async def chosen(page: Page, name: str) -> Locator:
    """Select a step; return its panel."""
    node = page.locator(".react-flow__node", has=page.get_by_text(name, exact=True))
    await node.first.click(position={"x": 60, "y": 20})
    await expect(panel(page).get_by_role("heading", level=2)).to_have_text(name)
    return panel(page)


async def saved(page: Page) -> None:
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()


def text_of(page: Page, name: str = "Text") -> Locator:
    return panel(page).get_by_role("textbox", name=name, exact=True).first


async def test_two_write_one_prompt_letter_by_letter_and_see_each_other(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    one = await open_page(f"/pipelines/{pipeline}")
    other = await open_page(f"/pipelines/{pipeline}", EDITOR)
    for page in (one, other):
        await chosen(page, "review")
        await expect(text_of(page)).to_have_text("Review.")
    await text_of(one).click()
    await one.keyboard.press("Control+End")
    await text_of(other).click()
    await other.keyboard.press("Control+Home")
    # Both are seen for a moment only: so somebody looks before it begins.
    typing = one.wait_for_selector("text=Erin Editor is typing")
    named = one.wait_for_selector(".cm-caret.cm-named > span[data-name='Erin Editor']")
    seen = asyncio.gather(typing, named)
    for mine, theirs in zip(" Briefly.", "Please re", strict=True):
        await one.keyboard.type(mine)
        await other.keyboard.type(theirs)
    await seen
    for page in (one, other):
        await expect(text_of(page)).to_have_text("Please reReview. Briefly.")
    await other.keyboard.press("Shift+Home")
    await expect(text_of(one).locator(".cm-others")).to_have_text("Please re")
    # One's own letters come off, the other's stay.
    await other.keyboard.press("ArrowRight")
    # What is typed within half a second is one step: on a busy machine these are several.
    for _ in "Please re":
        await other.keyboard.press("Control+z")
    await expect(text_of(one)).to_have_text("Review. Briefly.")
    await saved(other)
    (part, *_) = (await read_steps(pipeline))["review"]["config"]["prompt"]
    assert part == {"type": "static", "content": "Review. Briefly."}


async def test_a_rename_takes_references_along_and_a_taken_name_is_refused_at_its_field(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    pipeline = await new_pipeline(FILE)
    page = await open_page(f"/pipelines/{pipeline}")
    form = await chosen(page, "read")
    name = form.get_by_label("Name", exact=True)
    await name.fill("review")
    await name.press("Enter")
    await expect(form.get_by_text("A step beside it is called review already")).to_be_visible()
    await expect(name).to_have_value("review")
    await name.fill("read_all")
    await name.press("Enter")
    await expect(form.get_by_role("heading", level=2)).to_have_text("read_all")
    form = await chosen(page, "review")
    await expect(form.get_by_label("Step", exact=True)).to_have_value("read_all")


async def test_values_are_written_small_and_wrong_and_unknown_ones_are_kept(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    page = await open_page(f"/pipelines/{pipeline}")
    form = await chosen(page, "review")
    await expect(form.get_by_label("house_rule")).to_have_value("be kind")
    await expect(form.get_by_text("Expected a number above 0, got “soon”")).to_be_visible()
    await expect(form.get_by_text("No such kind of part")).to_be_visible()
    await form.get_by_label("Turns", exact=True).fill("many")
    await form.get_by_label("Turns", exact=True).press("Enter")
    reason = form.get_by_text("Expected a whole number of at least 1, got “many”")
    await expect(reason).to_be_visible()
    await form.get_by_label("Turns", exact=True).fill("12")
    await form.get_by_label("Grep").check()
    await form.get_by_label("Output file").fill("out.md")
    await form.get_by_label("Output file").press("Control+s")
    await expect(form.get_by_label("Output file")).to_be_focused()
    await expect(reason).to_be_hidden()
    await form.get_by_role("button", name="More", exact=True).first.click()
    await page.get_by_role("menuitem", name="Disable").click()
    await expect(form.get_by_text("Disabled")).to_be_visible()
    await saved(page)
    review = (await read_steps(pipeline))["review"]
    assert review["enabled"] is False
    options = {"model": "sonnet", "max_turns": 12, "allowed_tools": ["Read", "Grep"]}
    assert review["config"] | {"prompt": []} == {
        "house_rule": "be kind",
        "timeout_seconds": "soon",
        "claude_options": options,
        "output_to_file": "out.md",
        "prompt": [],
    }


async def test_parts_are_added_moved_by_keyboard_and_drag_changed_and_removed(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    page = await open_page(f"/pipelines/{pipeline}")
    form = await chosen(page, "read")
    await form.get_by_role("button", name="Add part").click()
    await page.get_by_role("menuitem", name="File").click()
    await form.get_by_label("Path", exact=True).fill("rules.md")
    await form.get_by_role("button", name="Add part").click()
    await page.get_by_role("menuitem", name="Text").click()
    await expect(form.locator(".cm-content:focus")).to_be_visible()
    await page.keyboard.type("Last.")

    async def kinds() -> list[Any]:
        parts = (await read_steps(pipeline))["read"]["config"]["prompt"]
        return [part.get("content", part.get("path")) for part in parts]

    await form.get_by_role("button", name="Move part 3 of 3").focus()
    await page.keyboard.press("ArrowUp")
    await expect(form.get_by_role("button", name="Move part 2 of 3")).to_be_focused()
    await saved(page)
    assert await kinds() == ["Read.", "Last.", "rules.md"]

    handle = form.get_by_role("button", name="Move part 3 of 3")
    await handle.hover()
    await page.mouse.down()
    first = await form.get_by_role("button", name="Move part 1 of 3").bounding_box()
    assert first is not None
    await page.mouse.move(first["x"], first["y"] - 2, steps=3)
    await page.mouse.up()
    await expect(form.get_by_role("button", name="Move part 1 of 3")).to_be_focused()
    await form.get_by_role("button", name="Remove part 3").click()
    await form.get_by_role("button", name="File", exact=True).click()
    await page.get_by_role("menuitemradio", name="Session").click()
    await expect(form.get_by_role("button", name="Session", exact=True)).to_be_visible()
    await saved(page)
    parts = (await read_steps(pipeline))["read"]["config"]["prompt"]
    assert parts == [
        {"type": "session_context", "session_id": ""},
        {"type": "static", "content": "Read."},
    ]


CONDITIONS: Final = """
workflow:
  name: conditions
  steps:
    - name: review
      type: claude
      condition:
        and: [review.score > 7, "kind == 'bug'", {mine: {of: us}}]
      prompt: [{type: static, content: Review.}]
    - name: mend
      type: claude
      condition: review.score > 3
      prompt: [{type: static, content: Mend.}]
"""


async def opened(page: Page, name: str) -> Locator:
    """Select a step; return the rows and groups of its condition."""
    form = await chosen(page, name)
    head = form.get_by_role("button", name="When it runs")
    if await head.get_attribute("aria-expanded") == "false":
        await head.click()
    return form.locator("[data-condition]")


async def test_two_change_two_rows_of_one_condition_and_both_stay(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(CONDITIONS)
    one = await open_page(f"/pipelines/{pipeline}")
    other = await open_page(f"/pipelines/{pipeline}", EDITOR)
    mine, theirs = await opened(one, "review"), await opened(other, "review")
    await expect(mine.get_by_title("The whole condition in words")).to_have_text(
        'review.score > 7 and kind == \'bug\' and {"mine":{"of":"us"}}'
    )
    kind = mine.get_by_label("Value", exact=True).nth(1)
    await expect(kind).to_have_value("'bug'")
    # Typed and not yet written, while somebody else takes the row before it away and adds one.
    await kind.fill("'crash'")
    await theirs.get_by_role("button", name="Part of the condition").nth(1).click()
    await other.get_by_role("menuitem", name="Remove").click()
    await theirs.get_by_role("button", name="Add condition").click()
    await other.keyboard.type("review.files")
    await theirs.get_by_label("Operator").last.select_option("is below")
    await theirs.get_by_label("Value", exact=True).last.fill("9")
    await other.keyboard.press("Enter")
    await expect(mine.get_by_label("Field", exact=True)).to_have_count(2)
    await one.keyboard.press("Control+s")
    await saved(one)
    await saved(other)
    for page in (mine, theirs):
        await expect(page.get_by_label("Field", exact=True).first).to_have_value("kind")
        await expect(page.get_by_label("Value", exact=True).first).to_have_value("'crash'")
    condition = (await read_steps(pipeline))["review"]["config"]["condition"]
    assert condition == {"and": ["kind == 'crash'", {"mine": {"of": "us"}}, "review.files < 9"]}


async def test_a_condition_is_built_of_rows_and_groups_and_what_no_row_shows_is_yaml(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(CONDITIONS)
    page = await open_page(f"/pipelines/{pipeline}")
    built = await opened(page, "mend")
    await built.get_by_label("Operator").select_option("is at least")
    await built.get_by_role("button", name="Add condition").click()
    await page.keyboard.type("review.done")
    await page.keyboard.press("Enter")
    group = built.get_by_role("group", name="All of these hold")
    await group.get_by_role("button", name="Add group").click()
    await page.keyboard.type("mend.tried")
    await page.keyboard.press("Enter")
    inner = group.get_by_role("group", name="One of these holds")
    await inner.get_by_role("button", name="Part of the condition").last.click()
    await page.get_by_role("menuitem", name="Negate").click()
    words = built.get_by_title("The whole condition in words")
    await expect(words).to_have_text("review.score >= 3 and review.done and not mend.tried")
    await saved(page)
    condition = (await read_steps(pipeline))["mend"]["config"]["condition"]
    assert condition == {
        "and": ["review.score >= 3", "review.done", {"or": [{"not": "mend.tried"}]}]
    }

    built = await opened(page, "review")
    await built.get_by_role("button", name="Edit as YAML").last.click()
    text = panel(page).get_by_role("textbox", name="Condition as YAML")
    await text.click()
    await page.keyboard.press("Control+a")
    await page.keyboard.press("Delete")
    await page.keyboard.type("or: [review.old == true]")
    await page.keyboard.press("Control+s")
    await expect(built.get_by_label("Value", exact=True)).to_have_value("true")
    await built.get_by_role("button", name="Part of the condition").last.click()
    await page.get_by_role("menuitem", name="Remove").click()
    await expect(built.get_by_label("Field", exact=True)).to_have_value("")
    await saved(page)
    assert "condition" not in (await read_steps(pipeline))["review"]["config"]


async def test_the_threads_of_a_step_stand_beside_its_properties(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(FILE)}")
    form = await chosen(page, "read")
    await form.get_by_role("tab", name="Comments").click()
    field = form.get_by_role("textbox", name="Comment on read")
    await field.fill("Read what?")
    await field.press("Enter")
    await expect(form.get_by_role("tab", name="Comments 1")).to_be_visible()
    await form.get_by_role("textbox", name="Reply").fill("All of it.")
    await form.get_by_role("textbox", name="Reply").press("Enter")
    await expect(form.get_by_role("article")).to_contain_text("All of it.")
    # Those of another step are its own.
    await chosen(page, "review")
    await expect(form.get_by_role("textbox", name="Comment on review")).to_be_visible()
    await expect(form.get_by_role("article")).to_have_count(0)
    await chosen(page, "read")
    await form.get_by_role("button", name="Resolve").click()
    await expect(form.get_by_role("article")).to_have_count(0)
    await form.get_by_label("Show 1 resolved").check()
    await expect(form.get_by_role("article")).to_contain_text("Read what?")
    await expect(form.get_by_role("tab", name="Comments", exact=True)).to_be_visible()


async def test_a_step_as_yaml_is_applied_small_and_kept_while_it_is_wrong(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    pipeline = await new_pipeline(FILE)
    page = await open_page(f"/pipelines/{pipeline}")
    other = await open_page(f"/pipelines/{pipeline}", EDITOR)
    form = await chosen(page, "read")
    await form.get_by_role("tab", name="YAML").click()
    text = form.get_by_role("textbox", name="YAML of read")
    await text.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.type("mine: [1\n")
    await form.get_by_role("button", name="Apply").click()
    await expect(form.locator(".cm-problem").first).to_be_visible()
    await expect(text).to_contain_text("mine: [1")
    # Another step and back: the text waits.
    await chosen(page, "review")
    await chosen(page, "read")
    text = form.get_by_role("textbox", name="YAML of read")
    await expect(text).to_contain_text("mine: [1")

    theirs = await chosen(other, "read")
    await theirs.get_by_label("Turns", exact=True).fill("7")
    await theirs.get_by_label("Turns", exact=True).press("Enter")
    await saved(other)
    await expect(form.get_by_text("Others have changed this step")).to_be_visible()
    await text.click()
    await page.keyboard.press("Control+End")
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("End")
    await page.keyboard.type("]")
    await form.get_by_role("button", name="Apply").click()
    await expect(form.get_by_role("button", name="Apply")).to_have_attribute(
        "title", "Nothing is changed"
    )
    await saved(page)
    config = (await read_steps(pipeline))["read"]["config"]
    assert config == {
        "prompt": [{"type": "static", "content": "Read."}],
        "mine": [1],
        "claude_options": {"max_turns": 7},
    }


async def test_a_viewer_reads_every_field_and_learns_why_none_can_be_changed(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(FILE)}", VIEWER)
    form = await chosen(page, "review")
    why = "You may read this pipeline, not edit it"
    await expect(text_of(page)).to_have_text("Review.")
    await expect(text_of(page)).to_have_attribute("aria-readonly", "true")
    await expect(form.get_by_label("Model", exact=True)).to_be_disabled()
    await expect(form.get_by_label("Model", exact=True)).to_have_attribute("title", why)
    for name in ("Add part", "Move part 1 of 3", "Remove part 1"):
        await expect(form.get_by_role("button", name=name)).to_be_disabled()
    await form.get_by_role("tab", name="YAML").click()
    await expect(form.get_by_role("textbox", name="YAML of review")).to_contain_text(
        "house_rule: be kind"
    )
    await expect(form.get_by_role("button", name="Apply")).to_have_attribute("title", why)
