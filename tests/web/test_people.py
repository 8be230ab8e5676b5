"""What one sees of the others on the canvas."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from tests.web.conftest import EDITOR, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

STEPS = """
workflow:
  name: Of several
  steps:
    - {name: first, type: claude, prompt: [{type: static, content: One.}]}
    - {name: second, type: gemini, prompt: [{type: static, content: Two.}]}
    - name: each
      type: for_loop
      iterator: file
      data_source: previous_response:first.files
      steps:
        - {name: inner, type: claude, prompt: [{type: static, content: Three.}]}
"""

OWNER_NAME = "Demo Owner"
SHORT = "Demo"


def step(page: Page, name: str) -> Locator:
    """The node of a step; a container has the names of its steps in none of its own."""
    return page.locator(".react-flow__node", has=page.get_by_title(name, exact=True))


async def middle(of: Locator) -> tuple[float, float]:
    """A point of an element that no other covers."""
    box = await of.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 20)


@pytest_asyncio.fixture(loop_scope="session")
async def two(open_page: OpenPage, new_pipeline: NewPipeline) -> AsyncIterator[tuple[Page, Page]]:
    """Two windows on one pipeline: the owner's and an editor's."""
    path = f"/pipelines/{await new_pipeline(STEPS)}"
    one, other = await open_page(path), await open_page(path, EDITOR, is_alone=True)
    for page in (one, other):
        await expect(step(page, "second")).to_be_visible()
    await expect(other.get_by_role("button", name=OWNER_NAME)).to_be_visible()
    yield one, other


async def test_others_see_where_one_points_and_what_one_has_selected(
    two: tuple[Page, Page],
) -> None:
    one, other = two
    await one.mouse.move(*await middle(step(one, "second")))
    cursor = other.locator("[class*=cursor]", has_text=SHORT)
    await expect(cursor).to_have_css("opacity", "1")
    x, y = await middle(step(other, "second"))
    await other.wait_for_function(
        """([x, y]) => {
            const at = document.querySelector("[class*=cursor]").getBoundingClientRect();
            return Math.abs(at.x - x) < 2 && Math.abs(at.y - y) < 2;
        }""",
        arg=[x, y],
    )
    await step(one, "second").click()
    second = await step(other, "second").get_attribute("data-id")
    mark = other.locator(f"[data-step='{second}']")
    await expect(mark).to_have_text(SHORT)
    node, outline = await step(other, "second").bounding_box(), await mark.bounding_box()
    assert node is not None
    assert outline is not None
    assert all(abs(node[each] - outline[each]) < 1 for each in ("x", "y", "width", "height"))
    await one.keyboard.press("Escape")
    await expect(mark).to_have_count(0)
    await one.mouse.move(400, 20)
    await expect(cursor).to_have_count(0)


async def test_what_others_drag_is_lifted_and_named_and_leaves_a_ghost(
    two: tuple[Page, Page],
) -> None:
    one, other = two
    stood = await step(other, "inner").bounding_box()
    assert stood is not None
    await one.mouse.move(*await middle(step(one, "inner")))
    await one.mouse.down()
    x, y = await middle(step(one, "inner"))
    await one.mouse.move(x + 60, y + 40, steps=4)
    await expect(other.get_by_text(f"{SHORT} is moving")).to_be_visible()
    ghost = await other.locator("[class*=ghost]").bounding_box()
    assert ghost is not None
    assert abs(ghost["x"] - stood["x"]) < 2
    assert abs(ghost["width"] - stood["width"]) < 2
    await expect(step(other, "inner")).to_have_attribute("data-carried", "")
    await one.mouse.up()
    await expect(other.locator("[class*=ghost]")).to_have_count(0)
    await expect(step(other, "inner")).not_to_have_attribute("data-carried", "")
    await expect(other.get_by_text(f"{SHORT} is moving")).to_have_count(0)
    moved = await step(other, "inner").bounding_box()
    assert moved is not None
    assert moved["x"] > stood["x"] + 30


async def test_a_pointer_that_stays_still_fades(two: tuple[Page, Page]) -> None:
    one, other = two
    await one.mouse.move(*await middle(step(one, "first")))
    cursor = other.locator("[class*=cursor]", has_text=SHORT)
    await expect(cursor).to_have_css("opacity", "1")
    await other.clock.install()
    await other.clock.fast_forward(11_000)
    await step(other, "first").hover()
    await step(other, "first").click()
    await expect(cursor).to_have_css("opacity", "0")


async def test_one_follows_somebody_until_one_goes_elsewhere(two: tuple[Page, Page]) -> None:
    one, other = two
    avatar = other.get_by_role("button", name=OWNER_NAME)
    stop = other.get_by_role("button", name="Stop", exact=True)
    zoom = other.get_by_role("status", name="Zoom")

    await avatar.click()
    await expect(other.get_by_text(f"Following {OWNER_NAME}", exact=True)).to_be_visible()
    await one.mouse.move(*await middle(step(one, "first")))
    await one.get_by_role("button", name="Zoom in").click()
    await expect(one.get_by_role("status", name="Zoom")).to_have_text("120%")
    await expect(zoom).to_have_text("120%")
    await expect(avatar).to_have_attribute("aria-pressed", "true")

    await other.get_by_role("button", name="Zoom out").click()
    await expect(stop).to_have_count(0)
    await avatar.click()
    await expect(zoom).to_have_text("120%")
    await other.keyboard.press("Escape")
    await expect(stop).to_have_count(0)
    await avatar.click()
    await expect(stop).to_be_visible()
    await one.close()
    await expect(stop).to_have_count(0)
