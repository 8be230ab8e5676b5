"""The server is killed while people type, a browser is closed on edits that wait: all is kept."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Locator, Page, WebSocketRoute, expect

from crdt.document.document import Document
from tests.cases.cases import rows_of
from tests.server import Installation, eventually
from tests.web.conftest import EDITOR, NewPipeline, OpenPage, ReadSteps

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE: Final = """
workflow:
  name: Through thick and thin
  steps:
    - {name: write, type: claude, prompt: [{type: static, content: "Begin. "}]}
"""

SAVED: Final = re.compile("^Saved$")

WATCH: Final = """([state, prompt]) => {
    window.calledSaved = ""
    const look = () => {
        if (state.textContent === "Saved") window.calledSaved = prompt.textContent
    }
    const all = {subtree: true, childList: true, characterData: true}
    new MutationObserver(() => requestAnimationFrame(look)).observe(document, all)
    look()
}"""
"""Note with each change what the prompt was when the page last said that all is saved.

It is looked at as it is painted: a letter stands in the prompt before the page has counted it.
"""

KEPT: Final = """pipeline => new Promise((resolve, reject) => {
    const opening = indexedDB.open(`pipeloom:${location.origin}:${pipeline}`)
    opening.onsuccess = () => {
        const options = {durability: "strict"}
        const transaction = opening.result.transaction(["updates", "custom"], "readwrite", options)
        transaction.objectStore("custom").get("unsaved")
        transaction.oncomplete = () => resolve(opening.result.close())
        transaction.onabort = reject
    }
    opening.onerror = reject
})"""
"""Wait for what the browser is about to keep: a transaction waits for all those before it."""

SLOW_COMMITS: Final = """
    CREATE OR REPLACE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER "slow {0}" AFTER UPDATE OF head_seq ON pipeline_documents
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.pipeline_id = '{0}')
    EXECUTE FUNCTION take_time()
"""
"""Each commit takes so long that a page which calls an edit saved before it is caught."""


FULL_DISK: Final = """
    CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON pipeline_updates
    FOR EACH ROW WHEN (NEW.pipeline_id = '{0}') EXECUTE FUNCTION refuse_update()
"""
FREE_DISK: Final = "DROP TRIGGER full_disk ON pipeline_updates; DROP FUNCTION refuse_update()"


def state(page: Page, words: str | re.Pattern[str]) -> Locator:
    return page.get_by_role("banner").get_by_role("status").filter(has_text=words)


def prompt(page: Page) -> Locator:
    return page.get_by_label("Properties", exact=True).get_by_role("textbox", name="Text").first


async def at_the_end_of_the_prompt(page: Page) -> None:
    await page.locator(".react-flow__node", has_text="write").click(position={"x": 60, "y": 20})
    await expect(prompt(page)).to_contain_text("Begin.")
    await prompt(page).click()
    await page.keyboard.press("Control+End")


async def committed(installation: Installation, pipeline: str) -> str:
    """The prompt as the log has it."""
    document = Document(1)
    query = "SELECT payload FROM pipeline_updates WHERE pipeline_id = $1 ORDER BY seq"
    async with installation.sql() as sql:
        for row in await sql.fetch(query, pipeline):
            document.apply(row["payload"])
    (step,) = rows_of(document)["steps"].values()
    return str(step["config"]["prompt"][0]["content"])


def is_within(letters: str, text: str) -> bool:
    """Whether a text has these letters, in this order, whatever stands between them."""
    rest = iter(text)
    return all(letter in rest for letter in letters)


async def until_alike(pages: Sequence[Page]) -> str:
    """Wait until these pages show one text, saved; return it."""

    async def alike() -> str | None:
        one, *others = [await prompt(page).text_content() for page in pages]
        return one if all(each == one for each in others) else None

    for page in pages:
        await expect(state(page, SAVED)).to_be_visible()
    return await eventually("pages that show one text", alike) or ""


async def watched(page: Page) -> None:
    found = [await each.element_handle() for each in (state(page, "Saved"), prompt(page))]
    await page.evaluate(WATCH, found)


async def type_at_once(pages: Sequence[Page], texts: Sequence[str]) -> None:
    typing = (page.keyboard.type(text, delay=25) for page, text in zip(pages, texts, strict=True))
    await asyncio.gather(*typing)


async def test_the_server_is_killed_while_both_type(
    open_page: OpenPage,
    new_pipeline: NewPipeline,
    read_steps: ReadSteps,
    web_installation: Installation,
) -> None:
    pipeline = await new_pipeline(FILE)
    path = f"/pipelines/{pipeline}"

    async def in_the_tables() -> str:
        (part,) = (await read_steps(pipeline))["write"]["config"]["prompt"]
        return str(part["content"])

    async with web_installation.sql() as sql:
        await sql.execute(SLOW_COMMITS.format(pipeline))
    async with web_installation.serve() as server:
        pages = [
            await open_page(path, server=server),
            await open_page(path, EDITOR, server=server),
        ]
        for page in pages:
            await at_the_end_of_the_prompt(page)
            await watched(page)
        await type_at_once(pages, ["abcd", "ABCD"])
        await until_alike(pages)
        typing = asyncio.create_task(type_at_once(pages, ["efghijklmnopqrst", "EFGHIJKLMNOPQRST"]))
        await expect(prompt(pages[0])).to_contain_text("H")
        await server.program.kill_all()
        await typing
    for page in pages:
        await expect(state(page, re.compile(r"Offline, \d+ edits? waits?"))).to_be_visible()
    kept = await committed(web_installation, pipeline)
    for page, own in zip(pages, (str.islower, str.isupper), strict=True):
        called_saved = (await page.evaluate("calledSaved")).removeprefix("Begin. ")
        # A page answers for its own letters: those of others come before they are committed.
        letters = "".join(filter(own, called_saved))
        assert letters.lower().startswith("abcd")
        assert is_within(letters, kept)
    assert await in_the_tables() == kept
    async with web_installation.serve("--port", str(server.port)):
        text = await until_alike(pages)
        assert is_within("abcdefghijklmnopqrst", text)
        assert is_within("ABCDEFGHIJKLMNOPQRST", text)
        assert len(text) == len("Begin. ") + 2 * 20
        assert await in_the_tables() == await committed(web_installation, pipeline) == text


@dataclass
class Gate:
    """Stands between a page and its room; the page itself comes through."""

    is_open: bool
    _shut: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def take(self, socket: WebSocketRoute) -> None:
        if self.is_open:
            self._shut += [socket.close, socket.connect_to_server().close]
        else:
            await socket.close()

    async def shut(self) -> None:
        self.is_open = False
        for shut in self._shut:
            await shut()


async def open_gated(open_page: OpenPage, gate: Gate, path: str, profile: Path) -> Page:
    page = await open_page("/home", profile=profile)
    await page.route_web_socket("**/collab", gate.take)
    await page.goto(page.url.replace("/home", path))
    return page


async def test_edits_of_a_browser_that_is_closed_offline_wait_for_its_return(
    open_page: OpenPage, new_pipeline: NewPipeline, read_steps: ReadSteps, tmp_path: Path
) -> None:
    pipeline = await new_pipeline(FILE)
    path = f"/pipelines/{pipeline}"
    gate = Gate(is_open=True)
    page = await open_gated(open_page, gate, path, tmp_path)
    await at_the_end_of_the_prompt(page)
    await gate.shut()
    await expect(state(page, "Offline")).to_be_visible()
    await page.keyboard.type("away")
    await expect(state(page, "Offline, 4 edits wait")).to_be_visible()
    await page.evaluate(KEPT, pipeline)
    await page.context.close()
    other = await open_page(path, EDITOR)
    await at_the_end_of_the_prompt(other)
    await other.keyboard.type("here")
    await expect(state(other, SAVED)).to_be_visible()

    page = await open_gated(open_page, gate, path, tmp_path)
    await expect(state(page, "Offline, 4 edits wait")).to_be_visible()
    await page.locator(".react-flow__node", has_text="write").click()
    await expect(prompt(page)).to_have_text("Begin. away")
    gate.is_open = True
    text = await until_alike([page, other])
    assert {text.removeprefix("Begin. ")[:4], text[-4:]} == {"away", "here"}
    (part,) = (await read_steps(pipeline))["write"]["config"]["prompt"]
    assert part["content"] == text


async def test_while_nothing_can_be_stored_the_page_says_why_and_goes_on_by_itself(
    open_page: OpenPage, new_pipeline: NewPipeline, web_installation: Installation
) -> None:
    pipeline = await new_pipeline(FILE)
    async with web_installation.sql() as sql, web_installation.serve() as server:
        page = await open_page(f"/pipelines/{pipeline}", server=server)
        await at_the_end_of_the_prompt(page)
        await sql.execute(FULL_DISK.format(pipeline))
        try:
            await page.keyboard.type("kept")
            behind = state(page, re.compile(r"Not saved yet, \d+ edits? waits?"))
            await expect(behind).to_be_visible(timeout=15_000)
            title = re.compile("cannot store edits at the moment: its disk is full.*kept in this")
            await expect(behind).to_have_attribute("title", title)
            await expect(page.get_by_text(title)).to_be_attached()
        finally:
            await sql.execute(FREE_DISK)
        await expect(state(page, SAVED)).to_be_visible(timeout=15_000)
        assert await committed(web_installation, pipeline) == "Begin. kept"
