"""The canvas in a frame of somebody else's page: with that page's token, and only where allowed."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache

import pytest
from playwright.async_api import Browser, Page, expect

from tests.clients.javascript import LIBRARY, run
from tests.server import Installation, Server
from tests.web.conftest import EDITOR, NewPipeline, OpenPage

pytestmark = pytest.mark.asyncio(loop_scope="session")

AROUND = """
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { PipelineFrame } from "./src/react/frame.js";
const { url, pipeline, token } = globalThis.given;
const style = { width: 1300, height: 700 };
const frame = createElement(PipelineFrame, { url, pipeline, token: () => token, style });
createRoot(document.body).render(frame);
"""


@cache
def bundled() -> str:
    """The page around: the library's own component and nothing else."""
    options = ("--bundle", "--format=iife", "--jsx=automatic", "--loader=tsx", "--log-level=error")
    command = (str(LIBRARY / "node_modules" / ".bin" / "esbuild"), *options)
    return run(*command, cwd=LIBRARY, stdin=AROUND)


@asynccontextmanager
async def page_around(
    chromium: Browser, host: str, script: str, **given: str
) -> AsyncIterator[Page]:
    """Open a page of another origin that shows a pipeline in a frame."""
    head = f"<!doctype html><meta charset=utf-8><body><script>given = {json.dumps(given)}</script>"
    body = f"{head}<script>{script}</script>".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Browsers connect in advance, and end such connections without a word.
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n")
            writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    context = await chromium.new_context(viewport={"width": 1400, "height": 800})
    page = await context.new_page()
    await page.goto(f"http://{host}:{server.sockets[0].getsockname()[1]}/")
    yield page
    await context.close()
    server.close()


async def test_a_listed_page_shows_the_canvas_with_its_token(
    chromium: Browser,
    open_page: OpenPage,
    new_pipeline: NewPipeline,
    web_server: Server,
    web_installation: Installation,
) -> None:
    pipeline = await new_pipeline(name="In a frame")
    beside = await open_page(f"/pipelines/{pipeline}")
    given = {"pipeline": pipeline, "token": await web_installation.token(EDITOR)}
    url = web_server.http("/")
    async with page_around(chromium, "localhost", bundled(), url=url, **given) as page:
        frame = page.frame_locator("iframe[title=Pipeline]")
        await expect(frame.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        await frame.get_by_label("Steps").get_by_role("button", name="Gemini Asks Gemini").click()
        await expect(beside.locator(".react-flow__node", has_text="gemini")).to_be_visible()
        await expect(beside.get_by_label("Erin Editor")).to_be_visible()
        await expect(frame.get_by_role("button", name="All pipelines")).to_have_count(0)


async def test_no_other_page_shows_it(
    chromium: Browser, new_pipeline: NewPipeline, web_server: Server
) -> None:
    given = {"url": web_server.http("/"), "pipeline": await new_pipeline(), "token": "none"}
    async with page_around(chromium, "127.0.0.1", bundled(), **given) as page:
        await page.wait_for_load_state("load")
        await expect(page.locator("iframe")).to_be_visible()
        async with asyncio.timeout(15):
            while not page.frames[1].url.startswith("chrome-error:"):
                await page.frames[1].wait_for_load_state("load")
