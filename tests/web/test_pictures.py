"""The pictures of the documentation: three people in a real session, photographed.

`make pictures` writes them into `docs/pictures/`. Otherwise they only have to be possible.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.conftest import a_database
from tests.rounds import SOAK
from tests.server import OWNER, PATIENCE, Installation, Server
from tests.web.built import build_page
from tests.web.conftest import NARROW, SECRET, SLOW_MS, watch
from tests.web.test_comments import write

VARIABLE: Final = "PIPELOOM_TEST_PICTURES"
"""The folder for the pictures, which `make pictures` names."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(
        not SOAK and VARIABLE not in os.environ, reason="`make pictures` and `make soak` play it"
    ),
]

WIDE: Final[dict[str, Any]] = {"viewport": {"width": 1440, "height": 900}}
TALL: Final[dict[str, Any]] = {**NARROW, "device_scale_factor": 2}

SIZES: Final = {
    "canvas-light.png": (1440, 900),
    "canvas-dark.png": (1440, 900),
    "history.png": (1440, 900),
    "home.png": (1440, 900),
    "narrow.png": (750, 1624),
}
"""The pictures, with their sizes in pixels."""

MOST_BYTES: Final = 300_000

MARA, JONAS = "mara@demo.pipeloom", "jonas@demo.pipeloom"

# The colours of people follow from their ids.
CAST: Final = f"""
    UPDATE teams SET name = 'Platform';
    UPDATE users SET name = 'Ada Krol' WHERE email = '{OWNER}';
    WITH added AS (
        INSERT INTO users (id, email, name) VALUES
        ('00000000-0000-4000-8000-000000000007', '{MARA}', 'Mara Vogel'),
        ('00000000-0000-4000-8000-000000000004', '{JONAS}', 'Jonas Lind') RETURNING id)
    INSERT INTO team_members (team_id, user_id, role) SELECT teams.id, added.id, 'member'
    FROM teams, added;
"""

OTHERS: Final = (
    ("Release notes", "Collects merged work and drafts the notes", "engineering", "active"),
    ("Incident triage", "Sorts alerts, finds owners, opens a summary", "on-call", "active"),
    ("Support digest", "Weekly themes from tickets, with quotes", "support", "active"),
    ("Docs translator", "Seven languages, glossary first", "docs", "draft"),
    ("Contract extraction", "Dates, parties and terms as typed data", "legal, data", "active"),
    ("Migration planner", "Explores a codebase and plans steps", "engineering", "draft"),
    ("Weekly metrics", "Queries, checks, one page of prose", "data", "active"),
)

STEPS: Final = """
    - {name: collect, type: file_ops, operation: list, path: work/}
    - name: sort_out
      type: gemini
      prompt: [{type: previous_response, step: collect}]
    - name: each_part
      type: for_loop
      iterator: part
      data_source: sort_out:parts
      steps:
        - {name: draft, type: claude, prompt: [{type: static, content: Write.}]}
    - name: finish
      type: claude_smart
      prompt: [{type: previous_response, step: each_part}]
"""

ON_CANVAS: Final = """() => {
    const boxes = [...document.querySelectorAll(".react-flow__node")].map(
        each => each.getBoundingClientRect())
    const canvas = document.querySelector(".react-flow").getBoundingClientRect()
    const left = Math.min(...boxes.map(each => each.left))
    const right = Math.max(...boxes.map(each => each.right))
    return (left + right - canvas.left - canvas.right) / 2
}"""
"""How far the middle of the steps is to the right of the middle of the canvas."""

OpenAs = Callable[..., Awaitable[Page]]


@pytest_asyncio.fixture(loop_scope="session")
async def stage(
    postgres_server: str, template_database: str, tmp_path: Path
) -> AsyncIterator[tuple[Installation, Server]]:
    """A server of its own, so that its lists show nothing of other tests."""
    build_page()
    async with a_database(postgres_server, template_database) as dsn:
        environment = {"PIPELOOM_JWT_SECRET": SECRET}
        installation = Installation(dsn, tmp_path / "data", environment)
        async with installation.serve() as server:
            async with installation.sql() as sql:
                await sql.execute(CAST)
            yield installation, server


@pytest_asyncio.fixture(loop_scope="session")
async def open_as(stage: tuple[Installation, Server], chromium: Browser) -> AsyncIterator[OpenAs]:
    """Open a path as somebody; any error in a console fails the test."""
    installation, server = stage
    contexts, faults = [], []

    async def open_one(email: str, path: str, **options: Any) -> Page:
        context = await chromium.new_context(reduced_motion="reduce", **options)
        context.set_default_timeout(SLOW_MS)
        contexts.append(context)
        page = await context.new_page()
        faults.append(watch(page, server.http("/")))
        await page.goto(f"{server.http(path)}#token={await installation.token(email)}")
        return page

    yield open_one
    for context in contexts:
        await context.close()
    assert [fault for each in faults for fault in each] == []


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Where the pictures go."""
    folder = Path(os.environ.get(VARIABLE, tmp_path / "pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


async def furnish(installation: Installation, server: Server) -> str:
    """Fill the list, and name a version of the demo pipeline; return the id of that."""
    headers = {"Authorization": f"Bearer {await installation.token()}"}
    async with httpx.AsyncClient(
        base_url=server.http("/api"), headers=headers, timeout=PATIENCE
    ) as http:
        team = (await http.get("/teams")).json()["items"][0]["id"]
        for name, description, tags, status in reversed(OTHERS):
            about = f"name: {name}\n  description: {description}\n  tags: [{tags}]"
            yaml = f"workflow:\n  {about}\n  steps:{STEPS}"
            made = await http.post("/pipelines", json={"team_id": team, "yaml": yaml})
            made.raise_for_status()
            path = f"/pipelines/{made.json()['id']}"
            (await http.patch(path, json={"status": status})).raise_for_status()
        demo = await installation.demo_pipeline()
        version = {"name": "Before the audit rewrite"}
        (await http.post(f"/pipelines/{demo}/versions", json=version)).raise_for_status()
    return demo


def step(page: Page, name: str) -> Locator:
    return page.locator(".react-flow__node").get_by_text(name, exact=True).first


async def opened(page: Page) -> Page:
    saved = page.get_by_role("status").filter(has_text="Saved")
    await expect(saved).to_be_visible(timeout=SLOW_MS)
    return page


async def take(page: Page, file: Path) -> None:
    """Photograph a page, once its letters are there."""
    await page.evaluate("() => document.fonts.ready.then(() => undefined)")
    await page.screenshot(path=file)


async def work_together(ada: Page, mara: Page, jonas: Page, album: Path) -> None:
    """Mara writes in the prompt that Ada reads, and Jonas drags a step."""
    await step(mara, "write_tests").click()
    await mara.keyboard.press("c")
    await write(mara, "Comment on write_tests", "Should this also cover the migrations?")
    await mara.get_by_role("button", name="Close the comments").click()
    await step(mara, "review_file").click()
    prompt = mara.get_by_role("region", name="Prompt").locator(".cm-content").first
    await prompt.click()
    await mara.keyboard.press("Control+End")

    await ada.get_by_role("tab", name="Problems").click()
    await expect(ada.get_by_role("button", name="Show security_audit")).to_be_visible()
    await step(ada, "review_file").click()
    await expect(
        ada.get_by_role("region", name="Prompt").locator(".cm-content").first
    ).to_be_visible()
    await ada.mouse.move(700, 400)
    await ada.mouse.wheel(await ada.evaluate(ON_CANVAS), 0)
    await ada.mouse.move(700, 30)

    box = await step(jonas, "scan_codebase").bounding_box()
    assert box is not None
    await jonas.mouse.move(box["x"] + 40, box["y"] + 8)
    await jonas.mouse.down()
    await jonas.mouse.move(box["x"] + 78, box["y"] + 30, steps=4)
    for scheme in ("light", "dark"):
        await ada.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        await jonas.mouse.move(box["x"] + 84, box["y"] + 30, steps=2)
        await mara.keyboard.type(" Be kind." if scheme == "light" else " Be brief.")
        await expect(ada.get_by_text("Mara Vogel is typing")).to_be_visible()
        await expect(ada.get_by_text("Jonas is moving")).to_be_visible()
        await take(ada, album / f"canvas-{scheme}.png")
    await jonas.mouse.up()


async def look_back(ada: Page, jonas: Page, album: Path) -> None:
    """What Jonas removes and adds is seen beside the version from before."""
    await ada.emulate_media(color_scheme="light", reduced_motion="reduce")
    # Before there is room where a step was: what is added would stand upon what is removed.
    await jonas.get_by_label("Steps").get_by_role("button", name="Claude, smart").click()
    await expect(step(jonas, "claude_smart")).to_be_visible()
    await step(jonas, "rank_findings").click()
    await jonas.keyboard.press("Delete")
    await expect(step(jonas, "rank_findings")).to_have_count(0)
    await ada.get_by_role("button", name="History", exact=True).click()
    await ada.get_by_role("button", name="Before the audit rewrite").click()
    await expect(ada.get_by_text("1 removed")).to_be_visible()
    await step(ada, "review_file").click()
    await expect(ada.get_by_role("button", name="Restore this step")).to_be_visible()
    await ada.mouse.move(700, 30)
    await take(ada, album / "history.png")


async def test_the_pictures_can_be_made(
    stage: tuple[Installation, Server], open_as: OpenAs, album: Path
) -> None:
    path = f"/pipelines/{await furnish(*stage)}"
    ada = await opened(await open_as(OWNER, path, **WIDE))
    mara = await opened(await open_as(MARA, path, **WIDE))
    jonas = await opened(await open_as(JONAS, path, **WIDE))
    await work_together(ada, mara, jonas, album)
    await look_back(ada, jonas, album)

    narrow = await open_as(OWNER, path, **TALL)
    await expect(narrow.get_by_role("img", name="Mara Vogel").first).to_be_visible(timeout=SLOW_MS)
    await take(narrow, album / "narrow.png")
    await ada.goto(ada.url.partition("/pipelines/")[0] + "/home")
    await expect(ada.get_by_role("row")).to_have_count(len(OTHERS) + 2)
    await expect(ada.get_by_role("img", name="Mara Vogel")).to_be_visible(timeout=SLOW_MS)
    await take(ada, album / "home.png")

    pictures = {name: (album / name).read_bytes() for name in SIZES}
    assert {name: size_of(picture) for name, picture in pictures.items()} == SIZES
    assert {name: len(each) for name, each in pictures.items() if len(each) > MOST_BYTES} == {}


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height of a picture, by its header (PNG, third edition, 11.2.1)."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")
