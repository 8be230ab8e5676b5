"""A hostile client writes garbage into a pipeline that others have open: every page goes on."""

import re
from collections.abc import Mapping
from typing import Any, Final

import pytest
from playwright.async_api import Locator, Page, expect

from crdt.pipeline.step_types import TYPES, config_schema
from tests.clients.rooms import Page as Client
from tests.clients.rooms import a_page, names
from tests.rounds import some
from tests.server import VIEWER, Installation, Server
from tests.web.conftest import EDITOR, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

ONE_STEP: Final = """
workflow:
  name: Under attack
  steps:
    - {name: honest, type: claude, prompt: [{type: static, content: Look.}]}
"""

SHOW_EACH: Final = """async wanted => {
    let shown = 0
    for (const node of document.querySelectorAll(".react-flow__node")) {
        if (!new RegExp(wanted).test(node.dataset.id)) continue
        node.click()
        await new Promise(resolve => requestAnimationFrame(resolve))
        shown += 1
    }
    return shown
}"""
"""Select one step after the other, of those that stand on the canvas; return how many."""

TEXTS: Final = range(12, 19)
"""The shapes that are texts which nobody expects (clients/js/test/vandal.ts)."""

ODD_WORDS: Final = "1[2-8]0[14]$"
"""The steps of which type or slot is one of them."""

GEMINI: Final = "Gemini Asks Gemini"

TRACE: Final = re.compile(
    r"\b(Type|Range|Reference|Syntax)Error\b|\bat .*:\d+:\d+|Traceback|is not a function"
)


def template(rule: Mapping[str, Any]) -> Any:
    """What a value of this schema is made of: maps, lists and constants, null for plain values."""
    if "const" in rule:
        return rule["const"]
    if "properties" in rule:
        return {name: template(each) for name, each in rule["properties"].items()}
    if alternatives := rule.get("oneOf", rule.get("anyOf")):
        return template(alternatives[0])
    if "items" in rule:
        items = rule["items"]
        return [template(each) for each in items.get("oneOf", [items])]
    return None


CONFIGS: Final = {name: template(config_schema(type_)) for name, type_ in TYPES.items()}


def step(page: Page, name: str) -> Locator:
    return page.locator(".react-flow__node", has=page.get_by_title(name, exact=True)).first


async def sees_no_trace(page: Page) -> None:
    assert not TRACE.search(await page.locator("body").inner_text())
    await expect(page.get_by_text("could not be")).to_have_count(0)


async def save_version(page: Page) -> None:
    await page.get_by_role("button", name="History").click()
    await page.get_by_label("Name of the version").fill("Before it")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("button", name="Before it")).to_be_visible()
    await page.get_by_role("button", name="Close the history").click()


async def look_at_everything(page: Page) -> None:
    """Open every view and panel in turn, on whatever the document holds."""
    drawer = page.get_by_role("region", name="Problems and comments")
    for tab in ("Problems", "Comments"):
        await drawer.get_by_role("tab", name=tab).click()
        await expect(drawer.get_by_role("tabpanel", name=tab.lower())).to_be_visible()
    for view in ("Split", "Code", "Graph"):
        await page.get_by_role("radio", name=view).click()
        await sees_no_trace(page)
    await page.keyboard.press("Control+a")
    await expect(page.get_by_label("Properties", exact=True).first).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="History").click()
    await page.get_by_role("button", name="Before it").click()
    await expect(page.get_by_text(re.compile(r"^\+\d+ added"))).to_be_visible()
    await sees_no_trace(page)
    await page.get_by_role("button", name="Close the history").click()


async def attacked(vandal: Client, owner: Page) -> None:
    """Wrong values wherever a client can write, first in `config` alone; look at each of them."""
    await vandal("vandaliseConfigs", CONFIGS, 0)
    await expect(step(owner, f"{list(CONFIGS)[-1]}_0")).to_be_visible()
    await owner.get_by_role("button", name="Fit everything").click()
    assert await owner.evaluate(SHOW_EACH, ".") > len(CONFIGS)
    await look_at_everything(owner)
    # The last shape is refused by the server.
    *all_shapes, _ = range(await vandal("shapes"))
    others = [shape for shape in all_shapes if shape not in TEXTS]
    shapes = sorted([*TEXTS, *some(others, few=10)])
    await vandal("vandalise", shapes)
    await vandal("misuseRoots")
    for shape in shapes:
        await vandal("disturb", shape)
    await vandal.until(state="saved", unsaved=0)
    await expect(owner.get_by_role("tab", name=re.compile(r"Problems \d{3}"))).to_be_visible()
    assert await owner.evaluate(SHOW_EACH, ODD_WORDS) > 5
    await look_at_everything(owner)


async def test_every_page_goes_on_beside_a_vandal(
    open_page: OpenPage,
    new_pipeline: NewPipeline,
    web_server: Server,
    web_installation: Installation,
) -> None:
    pipeline, token = await new_pipeline(ONE_STEP), await web_installation.token(EDITOR)
    owner = await open_page(f"/pipelines/{pipeline}")
    viewer = await open_page(f"/pipelines/{pipeline}", VIEWER)
    await save_version(owner)
    await viewer.get_by_role("tab", name="Problems").click()
    await step(viewer, "honest").click()
    async with a_page(web_server, pipeline, token) as vandal:
        await vandal.until(state="saved", isLoaded=True)
        await attacked(vandal, owner)
        await owner.get_by_label("Steps", exact=True).get_by_role("button", name=GEMINI).click()
        await names(vandal, includes={"gemini"})
        title = "Name of the pipeline"
        await owner.get_by_role("textbox", name=title).fill("Still here")
        await owner.keyboard.press("Enter")
        await expect(viewer.get_by_role("textbox", name=title)).to_have_value("Still here")
    panel = viewer.get_by_label("Properties", exact=True).first
    await expect(panel.get_by_role("heading", level=2)).to_have_text("honest")
    late = await open_page(f"/pipelines/{pipeline}", EDITOR)
    await expect(late.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    for page in (owner, viewer, late):
        await sees_no_trace(page)
