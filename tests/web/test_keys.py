"""The editor by keyboard alone."""

import asyncio
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.server import VIEWER
from tests.web.conftest import EDITOR, NARROW, NewPipeline, OpenPage, ReadSteps

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

ROWS_OUT_OF_REACH: Final = """list => [...list.querySelectorAll('dl > div')].filter(row => {
  row.scrollIntoView({block: 'nearest'});
  const {x, y, width, height} = row.getBoundingClientRect();
  const corners = [[x + 1, y + 2], [x + width - 1, y + height - 2]];
  return corners.some(([x, y]) => !row.contains(document.elementFromPoint(x, y)));
}).map(row => row.textContent)"""
"""The rows that cannot be brought into view by scrolling."""

DRAG_AND_ESCAPE_IN_A_FRAME: Final = """([x, y]) => {
  const every = {bubbles: true, cancelable: true, view: window};
  const at = by => ({...every, clientX: x + by, clientY: y - by});
  const target = document.elementFromPoint(x, y);
  target.dispatchEvent(new PointerEvent('pointerdown', at(0)));
  target.dispatchEvent(new MouseEvent('mousedown', at(0)));
  for (const by of [20, 40]) {
    target.dispatchEvent(new PointerEvent('pointermove', at(by)));
    target.dispatchEvent(new MouseEvent('mousemove', at(by)));
  }
  target.dispatchEvent(new KeyboardEvent('keydown', {...every, key: 'Escape'}));
  target.dispatchEvent(new MouseEvent('mouseup', at(40)));
}"""

PRESS_L_ON_THE_PAGE: Final = """() => document.body.dispatchEvent(
  new KeyboardEvent('keydown', {key: 'l', bubbles: true})
)"""

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
    await every_key_is_in_reach(dialog)
    await press("Delete")  # what is above the page has its own keys
    await press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.locator(".react-flow__node")).to_have_count(4)
    await page.get_by_role("banner").get_by_role("button", name="More").click()
    await page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    await expect(dialog).to_be_visible()


async def test_all_keys_are_in_reach_in_a_narrow_window(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(THREE)}", **NARROW)
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    await page.get_by_role("button", name="More", exact=True).tap()
    item = page.get_by_role("menuitem", name="Keyboard shortcuts")
    await expect(item.get_by_text("?")).to_be_hidden()  # there are no keys to press
    await item.tap()
    await every_key_is_in_reach(page.get_by_role("dialog", name="Keyboard shortcuts"))


async def every_key_is_in_reach(dialog: Locator) -> None:
    groups = dialog.get_by_role("group", name="Keys by subject")
    await expect(groups.get_by_role("region", name="Zoom")).to_be_attached()
    assert await groups.locator("dl > div").count() > 30
    assert await groups.evaluate(ROWS_OUT_OF_REACH) == []
    # Downwards alone: nobody looks for more at the side.
    assert await groups.evaluate("({scrollWidth, clientWidth}) => scrollWidth - clientWidth") == 0


async def test_the_menu_hides_the_panels_and_shows_those_that_were_there(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    library = page.get_by_label("Steps", exact=True)
    await expect(library).to_be_visible()
    more = page.get_by_role("banner").get_by_role("button", name="More", exact=True)
    await more.click()
    await page.get_by_role("menuitem", name="Hide the panels").click()
    await expect(library).to_have_count(0)
    await more.click()
    await page.get_by_role("menuitem", name="Show the panels").click()
    await expect(library).to_be_visible()


async def test_an_answer_stands_above_a_dialog_that_is_open(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    # Dialogs have keys of their own: the answer is one to what came before them.
    await page.evaluate(PRESS_L_ON_THE_PAGE)
    answer = page.get_by_text("Select a step first")
    await expect(answer).to_be_visible()
    assert await answer.evaluate("it => it.matches(':popover-open')")


async def test_what_is_typed_before_the_list_is_there_goes_to_its_field(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page("/home")
    may_load = asyncio.Event()

    async def wait(route: Route) -> None:
        await may_load.wait()
        await route.continue_()

    await page.route("**/assets/Linking*.js", wait)
    home = page.url
    await page.goto(home.replace("/home", f"/pipelines/{await new_pipeline(THREE)}"))
    await opened(page)
    press = page.keyboard.press
    await page.locator("[data-region=canvas]").focus()
    await press("Tab")
    await focused(page, "read")
    await press("l")
    await press("e")
    await press("Escape")
    await focused(page, "read")
    await press("l")
    await page.keyboard.type("svum")
    for key in ("Backspace", "Backspace", "Backspace", "u", "Delete", "Enter", "a"):
        await press(key)
    edge = page.locator('.react-flow__edge[aria-label="read feeds sum"]')
    await expect(edge).to_have_count(0)
    may_load.set()
    await expect(edge).to_be_attached()
    # None of the keys was a command.
    await expect(page.locator(".react-flow__node")).to_have_count(4)
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await focused(page, "read")


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


async def test_a_step_is_connected_by_keyboard_and_refusals_say_why(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    press = page.keyboard.press
    await press("l")
    await expect(page.get_by_text("Select a step first")).to_be_visible()
    await page.locator("[data-region=canvas]").focus()
    await press("Tab")
    await focused(page, "read")
    await press("l")
    panel = page.get_by_role("dialog", name="Connect read to")
    chosen = panel.locator("[aria-selected=true]")
    await expect(chosen).to_contain_text("note")
    await press("Tab")
    await expect(chosen).to_contain_text("sum")
    await press("Enter")
    await expect(panel).to_have_count(0)
    edge = page.locator('.react-flow__edge[aria-label="read feeds sum"]')
    await expect(edge).to_be_attached()
    await focused(page, "read")

    await press("l")
    await page.keyboard.type("sum")
    await press("Enter")
    refusal = panel.get_by_role("alert").get_by_text("read feeds sum already")
    await expect(refusal).to_be_visible()
    await press("Escape")
    await expect(panel).to_have_count(0)
    # A connection of the step is reached, chosen and removed.
    for _ in range(2):
        await press(".")
        if "sum" in await page.evaluate(FOCUSED):
            break
    await focused(page, "read feeds sum")
    await press("Enter")
    await press("Delete")
    await expect(edge).to_have_count(0)


async def test_tools_comment_and_escape_calls_off_what_the_mouse_has_begun(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(THREE)}"
    page, other = await opened(await open_page(path)), await opened(await open_page(path, EDITOR))
    press = page.keyboard.press
    read = page.locator(".react-flow__node").filter(has=page.get_by_text("read", exact=True)).first
    await press("c")
    tool = page.get_by_role("button", name="Comment where you click")
    await expect(tool).to_have_attribute("aria-pressed", "true")
    await press("v")
    await expect(tool).to_have_attribute("aria-pressed", "false")
    await tool.click()
    await read.click()
    await expect(page.get_by_role("textbox", name="Comment on read")).to_be_focused()
    await expect(selected(page)).to_have_count(0)
    await page.get_by_role("button", name="Close the comments").click()

    before = await read.bounding_box()
    assert before is not None
    x, y = before["x"] + 60, before["y"] + 12
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 60, y - 40, steps=4)
    moving = other.get_by_text("is moving")
    await expect(moving).to_be_visible()
    await press("Escape")
    await expect(moving).to_have_count(0)
    await page.mouse.move(x + 90, y - 60, steps=2)
    await page.mouse.up()
    after = await read.bounding_box()
    assert after is not None
    assert abs(after["y"] - before["y"]) < 1
    undo = page.get_by_role("button", name="Undo")
    await expect(undo).to_have_attribute("aria-disabled", "true")
    # Escape comes before the frame in which the first move would be taken.
    await page.mouse.move(x, y)
    await page.evaluate(DRAG_AND_ESCAPE_IN_A_FRAME, [x, y])
    await page.evaluate("() => new Promise(requestAnimationFrame)")
    after = await read.bounding_box()
    assert after is not None
    assert abs(after["y"] - before["y"]) < 1
    await expect(undo).to_have_attribute("aria-disabled", "true")
    # The next drag is one like any other.
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 60, y - 40, steps=4)
    await page.mouse.up()
    await expect(undo).not_to_have_attribute("aria-disabled", "true")
    await press("Control+z")


async def test_escape_lets_go_of_a_line_above_a_step_that_it_may_lead_to(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    read = page.locator(".react-flow__node").filter(has=page.get_by_text("read", exact=True)).first
    await read.hover(position={"x": 30, "y": 10})
    port = await read.locator(":scope > .source").bounding_box()
    target = page.locator(".react-flow__node").filter(has=page.get_by_text("sum", exact=True)).last
    box = await target.bounding_box()
    assert port is not None
    assert box is not None
    await page.mouse.move(port["x"] + port["width"] / 2, port["y"] + port["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 60, box["y"] + 20, steps=6)
    await expect(page.locator(".react-flow__connection")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator(".react-flow__connection")).to_have_count(0)
    await page.mouse.up()
    await expect(page.get_by_role("dialog", name="Add a step")).to_have_count(0)
    await expect(page.locator('.react-flow__edge[aria-label="read feeds sum"]')).to_have_count(0)
