"""What is drawn on the canvas, and how people arrange it with a mouse and a keyboard."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Final

import httpx
import pytest
from playwright.async_api import Locator, Page, expect

from persistence.ports.directory import DEMO_VIEWER
from tests.clients.rooms import Page as Client
from tests.clients.rooms import a_page
from tests.server import PATIENCE, Installation, Server, eventually
from tests.web.conftest import EDITOR, NewPipeline, OpenPage, ReadSteps

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEMO: Final = resources.files("app").joinpath("demo.yaml").read_text()

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
        - {name: read, type: claude_smart, prompt: [{type: static, content: Look.}]}
        - {name: note, type: gemini, prompt: [{type: previous_response, step: read}]}
    - {name: sum, type: gemini, prompt: [{type: previous_response, step: each}]}
"""

PLACES: Final = """() => Object.fromEntries(
  [...document.querySelectorAll('.react-flow__node')].map(node => [
    node.querySelector('[data-name]').textContent,
    [...node.style.transform.match(/-?[\\d.]+/g).map(Number), node.offsetWidth, node.offsetHeight],
  ])
)"""


def node(page: Page, name: str, type_: str = "step") -> Locator:
    """The first step with this name, or container."""
    named = page.locator("[data-name]").get_by_text(name, exact=True)
    return page.locator(f".react-flow__node-{type_}").filter(has=named).first


def edge(page: Page, source: str, target: str) -> Locator:
    return page.locator(f'.react-flow__edge[aria-label="{source} feeds {target}"]')


async def opened(page: Page) -> Page:
    await expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    return page


async def places(page: Page) -> dict[str, list[float]]:
    found: dict[str, list[float]] = await page.evaluate(PLACES)
    return found


async def middle(of: Locator) -> tuple[float, float]:
    box = await of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


async def drag(page: Page, source: Locator, to: tuple[float, float]) -> None:
    """Drag something by its upper left part to a point of the window; the button stays down."""
    box = await source.bounding_box()
    assert box is not None
    x, y = box["x"] + 30, box["y"] + 12
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 12, y + 12)
    await page.mouse.move(*to, steps=4)


async def test_an_imported_pipeline_looks_as_people_think_of_it(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(DEMO)}"))
    await expect(node(page, "summarise")).to_be_visible()
    at = await places(page)
    assert at["classify_change"] == [320, 140, 224, 56]
    assert at["route_by_risk"] == [20, 240, 824, 256]
    # Steps of all levels stand in the same columns.
    assert at["load_rules"][0] == at["security_audit"][0] == 40
    lanes = page.locator("[data-lane]")
    await expect(lanes).to_have_text(["case high", "case low", "default"])
    await expect(page.get_by_text("if severity ≥ 7")).to_be_visible()
    await expect(page.get_by_text("next file")).to_be_visible()
    await expect(page.get_by_role("button", name="Add step")).to_have_count(2)
    await expect(node(page, "security_audit").get_by_role("img", name="1 error")).to_be_visible()
    await expect(node(page, "mark_for_human").get_by_role("img", name="Disabled")).to_be_visible()

    await page.get_by_role("button", name="Fold route_by_risk").click()
    await expect(node(page, "security_audit")).to_have_count(0)
    # Who folds something does not ask for its properties, which would move what is clicked next.
    await expect(page.get_by_role("complementary", name="Properties")).to_have_count(0)
    assert (await places(page))["route_by_risk"] == [20, 240, 824, 40]
    await page.get_by_role("button", name="Unfold route_by_risk").click()
    await expect(node(page, "security_audit")).to_be_visible()


ALL_IN_SIGHT: Final = """name => {
  const of = one => one.getBoundingClientRect();
  const node = document.querySelector('.react-flow__node.selected');
  const [step, canvas] = [node, document.querySelector('.react-flow')].map(of);
  return step.left >= canvas.left && step.right <= canvas.right;
}"""


async def test_a_step_that_its_properties_would_hide_moves_into_sight(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    sum_ = node(page, "sum")
    await expect(sum_).to_be_visible()
    box = await sum_.bounding_box()
    canvas = await page.locator("[data-region=canvas]").bounding_box()
    assert box is not None
    assert canvas is not None
    x, y = canvas["x"] + 20, canvas["y"] + 20
    await page.mouse.move(x, y)
    await page.mouse.wheel(box["x"] + box["width"] + 20 - canvas["x"] - canvas["width"], 0)
    before = await places(page)
    await sum_.click()
    await expect(page.get_by_label("Properties", exact=True)).to_be_visible()
    await page.wait_for_function(ALL_IN_SIGHT)
    await expect(sum_).to_have_class(re.compile("selected"))
    assert await places(page) == before
    # Into sight beside the code, too.
    await page.keyboard.press("3")
    await expect(page.get_by_label("Pipeline YAML", exact=True).first).to_be_visible()
    await page.wait_for_function(ALL_IN_SIGHT)


async def test_types_are_dragged_into_lists_where_the_others_make_room(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    id_ = await new_pipeline(DEMO)
    page = await opened(await open_page(f"/pipelines/{id_}"))
    await expect(node(page, "threat_model")).to_be_visible()
    before = await places(page)
    library = page.get_by_role("complementary", name="Steps")
    await expect(library.locator("[data-type]").first).to_be_visible()
    await page.keyboard.press("/")
    await page.keyboard.type("gemini once")
    x, y = await middle(node(page, "threat_model"))
    await drag(page, library.locator("[data-type]"), (x - 60, y - 20))
    await expect(page.locator("[data-drop]")).to_have_text("case high")
    await page.mouse.up()
    await expect(node(page, "gemini")).to_be_visible()
    await opened(page)
    found = await read_steps(id_)
    assert found["gemini"]["slot"] == 'cases:"high"'
    assert found["gemini"]["position"] == {"x": 20, "y": 180}
    order = [found[name]["order_index"] for name in ("security_audit", "gemini", "threat_model")]
    assert order == [0, 1, 2]
    after = await places(page)
    assert after["route_by_risk"][3] == before["route_by_risk"][3] + 100
    for name in ("threat_model", "review_files"):
        assert after[name][1] == before[name][1] + 100
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+z")
    await expect(node(page, "gemini")).to_have_count(0)
    await page.get_by_role("button", name="Fit everything").click()
    await expect(node(page, "summarise")).to_be_visible()
    assert await places(page) == before


async def test_the_first_step_stands_where_it_was_dropped(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline()}"))
    await expect(page.get_by_role("heading", name="Start with a step")).to_be_visible()
    library = page.get_by_role("complementary", name="Steps")
    await drag(page, library.locator("[data-type]").first, (500, 150))
    await page.mouse.up()
    await expect(node(page, "claude")).to_be_visible()
    box = await node(page, "claude").bounding_box()
    assert box is not None
    # The pointer holds it by its tile; the grid has a step of 20.
    assert (box["x"], box["y"]) == pytest.approx((500 - 26, 150 - 28), abs=10)


async def test_the_history_and_the_code_give_back_what_was_seen(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(DEMO)}"
    page = await opened(await open_page(path, reduced_motion="reduce"))
    await expect(node(page, "summarise")).to_be_visible()
    zoom = page.get_by_role("status", name="Zoom")
    whole = await zoom.inner_text()
    await page.get_by_role("button", name="Zoom in").click()
    await expect(zoom).not_to_have_text(whole)
    viewport = page.locator(".react-flow__viewport")
    seen = await viewport.get_attribute("style") or ""
    await page.get_by_role("button", name="History", exact=True).click()
    await expect(page.get_by_role("textbox", name="Name of the version")).to_be_visible()
    await expect(viewport).to_have_attribute("style", seen)
    await page.get_by_role("button", name="Close the history").click()
    await page.keyboard.press("2")
    await expect(page.locator(".react-flow")).to_have_count(0)
    await page.keyboard.press("1")
    await expect(viewport).to_have_attribute("style", seen)


async def test_the_button_in_a_container_s_head_leaves_its_problems_in_sight(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(THREE.replace('data_source', 'source'))}"
    page = await opened(await open_page(path))
    loop = node(page, "each", "container")
    badge = await loop.get_by_role("img", name="1 error").bounding_box()
    await loop.locator("header").hover()
    button = await loop.get_by_role("button", name="Add a step to each").bounding_box()
    assert badge is not None
    assert button is not None
    assert button["x"] + button["width"] <= badge["x"]
    await loop.locator("[data-name]").click()
    reasons = page.get_by_label("Properties", exact=True).locator("[data-wrong] code")
    await expect(reasons.get_by_text("data_source", exact=True)).to_be_visible()


async def test_steps_are_dragged_out_of_containers_and_into_others(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    id_ = await new_pipeline(THREE)
    page = await opened(await open_page(f"/pipelines/{id_}"))
    loop = node(page, "each", "container")
    await expect(loop).to_be_visible()
    box = await loop.bounding_box()
    assert box is not None
    aside = box["x"] - 100, box["y"] + 60

    # On the canvas there is a step of this name: it stays, and the reason is at the pointer.
    inner = page.locator(".react-flow__node").filter(has_text="1 prompt part").nth(1)
    await drag(page, inner, aside)
    await page.mouse.up()
    await expect(page.get_by_text("has a step named read")).to_be_visible()

    await drag(page, node(page, "note"), aside)
    await page.mouse.up()
    await opened(page)
    found = await read_steps(id_)
    assert found["note"]["parent_step_id"] is None
    assert found["note"]["position"]["x"] < (await places(page))["each"][0]
    assert (await places(page))["each"][3] == 136

    box = await loop.bounding_box()
    assert box is not None
    await drag(page, node(page, "note"), (box["x"] + 60, box["y"] + box["height"] - 20))
    await expect(page.locator("[data-drop]")).to_have_count(1)
    await page.mouse.up()
    # The page may show what was saved before until it begins to save this.
    async with asyncio.timeout(10):
        while (found := await read_steps(id_))["note"]["parent_step_id"] != found["each"]["id"]:
            await opened(page)
    assert found["note"]["position"] == {"x": 20, "y": 160}
    # Inside of its container it stays there, and the container grows with it.
    await drag(page, node(page, "note"), (box["x"] + 140, box["y"] + box["height"] + 10))
    await page.mouse.up()
    await opened(page)
    found = await read_steps(id_)
    assert found["note"]["parent_step_id"] == found["each"]["id"]
    at = await places(page)
    assert at["each"][2] > 264
    assert at["sum"][1] >= at["each"][1] + at["each"][3] + 20


async def test_steps_are_connected_by_dragging_and_refusals_say_why(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(DEMO)}"))
    await expect(node(page, "summarise")).to_be_visible()
    hint = page.get_by_role("alert").filter(has_text="Would make a cycle")
    await pull(page, "summarise", await middle(node(page, "fetch_diff")))
    await expect(hint).to_have_text("Would make a cycle: fetch_diff already feeds summarise")
    await page.mouse.up()
    await expect(edge(page, "summarise", "fetch_diff")).to_have_count(0)

    await pull(page, "load_rules", await middle(node(page, "rank_findings")))
    await page.mouse.up()
    await expect(edge(page, "load_rules", "rank_findings")).to_be_attached()
    await opened(page)
    await page.keyboard.press("Control+z")
    await expect(edge(page, "load_rules", "rank_findings")).to_have_count(0)

    # A line that ends on nothing asks for a step there, and connects it.
    x, y = await middle(node(page, "rank_findings"))
    await pull(page, "rank_findings", (x - 260, y + 40))
    await page.mouse.up()
    await expect(page.get_by_role("dialog", name="Add a step")).to_be_visible()
    await page.keyboard.type("extract")
    await page.keyboard.press("Enter")
    await expect(edge(page, "rank_findings", "claude_extract")).to_be_attached()

    await edge(page, "rank_findings", "claude_extract").press("Enter")
    await page.keyboard.press("Delete")
    await expect(edge(page, "rank_findings", "claude_extract")).to_have_count(0)
    await expect(node(page, "claude_extract")).to_be_visible()


async def pull(page: Page, name: str, to: tuple[float, float]) -> None:
    """Begin a connection at the port at the bottom of a step."""
    step = node(page, name)
    await step.hover(position={"x": 30, "y": 10})
    x, y = await middle(step.locator(":scope > .source"))
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 12, y + 12)
    await page.mouse.move(*to, steps=4)


async def test_steps_are_tidied_and_aligned_as_one_edit_each(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(DEMO)}"))
    await expect(node(page, "summarise")).to_be_visible()
    before = await places(page)
    x, y = await middle(node(page, "fetch_diff"))
    await drag(page, node(page, "fetch_diff"), (x + 40, y + 100))
    await page.mouse.up()
    await drag(page, node(page, "load_rules"), (x - 260, y - 20))
    await page.mouse.up()
    scattered = await places(page)
    assert scattered["fetch_diff"] != before["fetch_diff"]

    # A box selects the steps that it touches, and no container that it does not hold.
    x, y = await middle(node(page, "load_rules"))
    await page.mouse.move(x - 160, y)
    await page.mouse.down()
    await page.mouse.move(*(await middle(node(page, "security_audit"))), steps=4)
    await page.mouse.up()
    await expect(page.locator(".react-flow__node.selected")).to_have_count(2)
    await page.get_by_role("button", name="Align left edges").click()
    await page.wait_for_function(
        f"() => (at => at.load_rules[0] === at.security_audit[0])(({PLACES})())"
    )

    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Tidy up").click()
    await page.wait_for_function(f"() => (at => at.fetch_diff[1] === 40)(({PLACES})())")
    await opened(page)
    assert await places(page) == before
    await page.keyboard.press("Control+z")
    await page.wait_for_function(f"() => (at => at.fetch_diff[1] !== 40)(({PLACES})())")


async def test_lists_are_filled_from_the_keyboard(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    id_ = await new_pipeline("workflow: {name: Empty, steps: []}")
    page = await opened(await open_page(f"/pipelines/{id_}"))
    await expect(page.get_by_role("heading", name="Start with a step")).to_be_visible()
    dialog = page.get_by_role("dialog", name="Add a step")
    await page.keyboard.press("a")
    await expect(dialog.locator("[data-type]").first).to_be_visible()
    await page.keyboard.type("switch")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Start with a step")).to_have_count(0)
    await node(page, "switch", "container").hover()
    await page.get_by_role("button", name="Add a case").click()
    await page.keyboard.type("true")
    await page.keyboard.press("Enter")
    await expect(page.locator("[data-lane]")).to_have_text(["case true", "default"])
    await page.get_by_role("button", name="Add step").first.click()
    await page.keyboard.type("gemini once")
    await page.keyboard.press("Enter")
    await expect(node(page, "gemini")).to_be_visible()
    await opened(page)
    found = await read_steps(id_)
    assert found["gemini"]["slot"] == "cases:true"
    assert found["gemini"]["position"] == {"x": 20, "y": 80}

    await node(page, "gemini").click(button="right")
    await page.get_by_role("menuitem", name="Disable").click()
    # Its badge shows what is missing first.
    async with asyncio.timeout(10):
        while (await read_steps(id_))["gemini"]["enabled"]:
            await opened(page)
    await node(page, "gemini").click(button="right")
    await page.get_by_role("menuitem", name="Delete").click()
    await expect(node(page, "gemini")).to_have_count(0)


async def test_an_empty_canvas_begins_with_a_file_or_a_template(
    open_page: OpenPage,
    new_pipeline: NewPipeline,
    web_server: Server,
    web_installation: Installation,
) -> None:
    source = await new_pipeline(THREE)
    headers = {"Authorization": f"Bearer {await web_installation.token()}"}
    async with httpx.AsyncClient(
        base_url=web_server.http("/api"), headers=headers, timeout=PATIENCE
    ) as http:
        template = {"pipeline_id": source, "name": "Of three"}
        (await http.post("/templates", json=template)).raise_for_status()

    page = await opened(await open_page(f"/pipelines/{await new_pipeline(name='Begun')}"))
    page.expected_errors.append("422")  # type: ignore[attr-defined]
    file = page.get_by_label("A pipeline as YAML")
    wrong = {"name": "wrong.yaml", "mimeType": "text/yaml", "buffer": b"steps: [: no"}
    await file.set_input_files(wrong)  # type: ignore[arg-type]
    await expect(
        page.get_by_role("alert").filter(has_text="wrong.yaml was not imported")
    ).to_be_visible()
    await page.get_by_role("button", name="Template").click()
    await page.get_by_role("button", name="Of three").click()
    await expect(page.locator(".react-flow__node")).to_have_count(5)
    await opened(page)
    await page.keyboard.press("Control+z")
    await expect(page.locator(".react-flow__node")).to_have_count(0)
    right = {"name": "three.yaml", "mimeType": "text/yaml", "buffer": THREE.encode()}
    await file.set_input_files(right)  # type: ignore[arg-type]
    await expect(page.locator(".react-flow__node")).to_have_count(5)


async def test_viewers_see_what_they_cannot_do_and_why(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await open_page(f"/pipelines/{await new_pipeline(DEMO)}", DEMO_VIEWER)
    await expect(page.get_by_role("status").filter(has_text="Read only")).to_be_visible()
    await expect(node(page, "summarise")).to_be_visible()
    before = await places(page)
    add = page.get_by_role("button", name="Add step").first
    await expect(add).to_have_attribute("aria-disabled", "true")
    await expect(add).to_have_attribute("title", "You may read this pipeline, not edit it")
    await expect(page.get_by_role("button", name="Tidy up")).to_have_attribute(
        "aria-disabled", "true"
    )
    await node(page, "summarise").click(button="right")
    await expect(page.get_by_role("menuitem", name="Delete")).to_have_attribute(
        "aria-disabled", "true"
    )
    await page.keyboard.press("Escape")
    x, y = await middle(node(page, "summarise"))
    await drag(page, node(page, "summarise"), (x + 200, y))
    await page.mouse.up()
    assert await places(page) == before


async def test_steps_stand_in_grey_until_they_have_come(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    path = f"/pipelines/{await new_pipeline(name='Slow')}"
    page = await open_page("/home")
    await page.route_web_socket("**/collab", lambda socket: None)
    await page.goto(page.url.replace("/home", path))
    waiting = page.get_by_role("status", name="Loading the steps")
    await expect(waiting.locator("rect")).to_have_count(13)


async def test_the_map_moves_what_is_seen(open_page: OpenPage, new_pipeline: NewPipeline) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    small = page.get_by_role("img", name="Map of the pipeline")
    await expect(small.locator("[data-shade=gemini]")).to_have_attribute("d", re.compile("^M"))
    first = page.locator(".react-flow__node").first
    before, at = await first.bounding_box(), await middle(small)
    await page.mouse.move(*at)
    await page.mouse.down()
    await page.mouse.move(at[0] + 10, at[1], steps=2)
    await page.mouse.up()
    after = await first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["x"] < before["x"] - 20
    assert after["y"] == before["y"]
    # A drag that only passes over the map moves nothing.
    await page.mouse.move(at[0] - 300, at[1])
    await page.mouse.down(button="right")
    await page.mouse.move(*at, steps=3)
    await page.mouse.up(button="right")
    assert await first.bounding_box() == after


async def test_edges_stay_from_far_away_where_steps_are_tiles_without_ports(
    open_page: OpenPage, new_pipeline: NewPipeline
) -> None:
    page = await opened(await open_page(f"/pipelines/{await new_pipeline(THREE)}"))
    ports, edges = page.locator(".react-flow__handle"), page.locator(".react-flow__edge-path")
    await expect(ports.first).to_be_attached()
    count = await edges.count()
    assert count > 0
    zoom = page.get_by_label("Zoom", exact=True)
    while int((before := await zoom.inner_text()).rstrip("%")) >= 40:
        await page.get_by_role("button", name="Zoom out").click()
        await expect(zoom).not_to_have_text(before)
    await expect(page.locator(".react-flow__node-step .react-flow__handle")).to_have_count(0)
    await expect(edges).to_have_count(count)
    await page.get_by_role("button", name="Fit everything").click()
    await expect(page.locator(".react-flow__node-step .react-flow__handle").first).to_be_attached()
    await expect(edges).to_have_count(count)


CASES: Final = """
workflow:
  name: cases
  steps:
    - name: decide
      type: switch
      expression: kind.value
      cases:
        low: [{name: one, type: bash, command: echo}]
        high: [{name: two, type: bash, command: echo}, {name: more, type: bash, command: echo}]
        4: [{name: three, type: bash, command: echo}]
      default: [{name: other, type: bash, command: echo}]
"""


async def test_cases_stand_in_the_order_of_the_file_are_moved_and_the_default_stays_last(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps
) -> None:
    id_ = await new_pipeline(CASES)
    page = await opened(await open_page(f"/pipelines/{id_}"))
    other = await opened(await open_page(f"/pipelines/{id_}", EDITOR))
    lanes = page.locator("[data-lane]")
    await expect(lanes).to_have_text(["case low", "case high", "case 4", "default"])
    await page.get_by_role("button", name="Move case 4 to the left").click()
    moved = ["case low", "case 4", "case high", "default"]
    await expect(lanes).to_have_text(moved)
    await expect(other.locator("[data-lane]")).to_have_text(moved)

    async def columns() -> list[float]:
        found = await read_steps(id_)
        return [found[name]["position"]["x"] for name in ("one", "three", "two", "more", "other")]

    # The page shows it before it is saved.
    async with asyncio.timeout(10):
        while await columns() != [20, 300, 580, 580, 860]:
            await opened(page)

    async def fitted() -> None:
        """Select nothing, and see everything."""
        await page.keyboard.press("Escape")
        await page.keyboard.press("Control+0")

    # A new case comes behind those that are there, and before the default.
    await fitted()
    await node(page, "decide", "container").hover(position={"x": 60, "y": 20})
    await page.get_by_role("button", name="Add a case").click()
    await page.keyboard.type("huge")
    await page.keyboard.press("Enter")
    await expect(lanes).to_have_count(5)
    await fitted()
    await page.get_by_role("button", name="Add a step to case huge").click()
    await page.keyboard.type("gemini once")
    await page.keyboard.press("Enter")
    await expect(node(page, "gemini")).to_be_visible()
    await expect(lanes).to_have_text([*moved[:3], "case huge", "default"])
    await opened(page)
    await page.get_by_role("radio", name="Code").click()
    code = page.get_by_label("Pipeline YAML", exact=True).first
    keys = code.locator(".cm-line", has_text=re.compile(r"^ {8}\w+:$"))
    await expect(keys).to_have_text(
        ["        low:", "        4:", "        high:", "        huge:"]
    )

    # One undoes what oneself has done: the case, then the move.
    await page.get_by_role("radio", name="Graph").click()
    await expect(lanes).to_have_count(5)
    await page.keyboard.press("Control+z")
    await page.keyboard.press("Control+z")
    former = ["case low", "case high", "case 4", "default"]
    await expect(other.locator("[data-lane]")).to_have_text(former)
    # Where one has asked for a case, its empty lane waits.
    await expect(lanes).to_have_text([*former, "case huge"])


EDITS: Final = 200
FEW: Final = 20
"""So many come and go by themselves, as with requests to the browser's copy."""


async def kept(page: Page) -> Callable[[], Awaitable[tuple[int, int]]]:
    """How to count a page's listeners and DOM nodes once what nobody needs is collected."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def count() -> tuple[int, int]:
        await session.send("HeapProfiler.collectGarbage")
        answer = await session.send("Performance.getMetrics")
        found = {each["name"]: int(each["value"]) for each in answer["metrics"]}
        return found["JSEventListeners"], found["Nodes"]

    return count


async def edit_elsewhere(other: Client, step_id: str, times: int) -> None:
    """Steps that are renamed, added, connected and removed again, as four edits each time."""
    for number in range(times):
        await other("rename", step_id, f"renamed_{number}")
        added = (await other("add", f"added_{number}"))["id"]
        await other("connect", step_id, added)
        await other("remove", [added])
    await other("rename", step_id, f"done_{times}")


async def test_a_page_keeps_no_listener_and_no_node_of_edits(
    open_page: OpenPage,
    new_pipeline: NewPipeline,
    read_steps: ReadSteps,
    web_server: Server,
    web_installation: Installation,
) -> None:
    pipeline, token = await new_pipeline(THREE), await web_installation.token(EDITOR)
    page = await opened(await open_page(f"/pipelines/{pipeline}"))
    step_id = (await read_steps(pipeline))["sum"]["id"]
    count = await kept(page)
    async with a_page(web_server, pipeline, token) as other:
        await other.until(state="saved", isLoaded=True)
        # By then all is loaded and shown that is for edits of somebody else.
        await edit_elsewhere(other, step_id, FEW // 4)
        await expect(node(page, f"done_{FEW // 4}")).to_be_visible()
        await page.wait_for_load_state("networkidle")
        before = await count()
        await edit_elsewhere(other, step_id, EDITS // 4)
        await expect(node(page, f"done_{EDITS // 4}")).to_be_visible()

        async def is_gone() -> bool:
            after = await count()
            return all(now - then < FEW for now, then in zip(after, before, strict=True))

        await eventually(f"about {before} listeners and nodes", is_gone)
