"""The start as the README tells it: one command, one link, two windows on one pipeline."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.clients.javascript import ROOT
from tests.server import PATIENCE
from tests.temporary import open_directory
from tests.web.built import build_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINK: Final = re.compile(r"http://127\.0\.0\.1:\d+/pipelines/[\w-]+#token=\S+")

INSTALLED: Final = ("-o", ".venv/installed", "-o", ".venv/page", f"BIN={Path(sys.prefix) / 'bin'}")
"""The tests run where everything is installed and built: make takes these files as they are."""


@asynccontextmanager
async def running(command: str, data_dir: Path) -> AsyncIterator[Process]:
    """Run a target of the Makefile, with data of its own and on a free port."""
    settings = {"PIPELOOM_DATA_DIR": str(data_dir), "PIPELOOM_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *command.split(),
        *INSTALLED,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        # As Ctrl+C in a terminal: make and the server both receive it.
        os.killpg(process.pid, signal.SIGINT)
        await asyncio.wait_for(process.communicate(), PATIENCE)


async def link_of(process: Process) -> str:
    assert process.stdout is not None
    printed = ""
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            printed += line.decode()
            if found := LINK.search(printed):
                return found[0]
    raise AssertionError(f"expected a link, got:\n{printed}")


async def test_make_run_leads_to_two_windows_on_one_pipeline(
    chromium: Browser,
) -> None:
    build_page()
    readme = (ROOT / "README.md").read_text()
    command = re.search(r"^(make run) +# .* prints one link$", readme, re.MULTILINE)
    assert command is not None
    with open_directory() as folder:
        await lead_to_two_windows(chromium, command[1], folder / "data")


async def lead_to_two_windows(chromium: Browser, command: str, data_dir: Path) -> None:
    async with running(command, data_dir) as process:
        link = await link_of(process)
        context = await chromium.new_context(viewport={"width": 1440, "height": 900})
        one, other = await context.new_page(), await context.new_page()
        await one.goto(link)
        await expect(saved(one)).to_be_visible()
        # The second window is given the address, not the link.
        assert "token" not in one.url
        await other.goto(one.url)
        await expect(saved(other)).to_be_visible()
        await one.get_by_label("Steps").get_by_role("button", name="Gemini Asks Gemini").click()
        added = other.locator(".react-flow__node", has=other.get_by_title("gemini", exact=True))
        await expect(added).to_be_attached()
        mine = one.locator(".react-flow__node", has=one.get_by_title("gemini", exact=True))
        await expect(mine).to_be_in_viewport(ratio=0.99)
        await one.locator(".react-flow__pane").hover(position={"x": 300, "y": 300})
        await expect(other.locator("[class*=cursor]")).to_have_count(1)
        await context.close()


def saved(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text="Saved")
