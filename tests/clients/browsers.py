"""Browsers whose windows have the page of the tests open (`clients/js/test/page.tsx`)."""

import shutil
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin

from tests.clients.browser import LEAN, PLAYWRIGHT, browser
from tests.clients.javascript import LIBRARY, ROOT, compiled, run
from tests.clients.rooms import Page
from tests.interop.stock import StockClient, driven

MODULES = LIBRARY / "node_modules"
HTML = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<link rel="stylesheet" href="style.css"><div id="root"></div><script src="page.js"></script>"""


@dataclass(frozen=True, slots=True)
class Browsers:
    """Browsers, each with a profile of its own, and where they find the page."""

    driver: StockClient
    folder: Path
    address: str

    async def start(self, name: str) -> None:
        """Start a browser; one of that name that was killed comes back with its profile."""
        await self.driver.start(name, str(self.folder / f"profile of {name}"))

    async def kill(self, name: str) -> None:
        """End a browser without a warning (SIGKILL)."""
        await self.driver.kill(name)

    async def open(
        self, window: str, name: str, *, is_other: bool = False, **given: str | None
    ) -> Page:
        """Open the page in a browser: with its profile, or as somebody else (`is_other`)."""
        query = urlencode({key: value for key, value in given.items() if value is not None})
        await self.driver.open(window, name, f"{self.address}#{query}", is_other)

        async def send(command: str, *arguments: Any) -> Any:
            return await self.driver.drive(window, command, arguments)

        return Page(send)

    async def visit(self, window: str, name: str, html: str, files: Mapping[str, str]) -> None:
        """Open a page of this text, which is given files where it asks for these URLs."""
        page = f"{window}.html"
        (self.folder / "site" / page).write_text(html)
        await self.driver.visit(window, name, urljoin(self.address, page), dict(files))

    async def errors(self) -> Any:
        """Everything that any page has thrown or written to its console as an error."""
        return await self.driver.errors()


@asynccontextmanager
async def browsers(folder: Path) -> AsyncIterator[Browsers]:
    """No browser yet; those that are started end with the block."""
    site = folder / "site"
    bundle(site)
    script = str(ROOT / "tests" / "clients" / "windows.mjs")
    playwright = (PLAYWRIGHT / "index.js").as_uri()
    with serving(site) as address:
        async with driven(script, browser(), playwright, LEAN) as driver:
            try:
                yield Browsers(driver, folder, f"{address}/index.html")
            finally:
                await driver.leave()


def bundle(site: Path) -> None:
    """Write the page of the tests into a folder."""
    site.mkdir()
    script = str(compiled() / "test" / "page.js")
    esbuild = str(MODULES / ".bin" / "esbuild")
    run(esbuild, script, "--bundle", "--log-level=error", f"--outfile={site / 'page.js'}")
    shutil.copy(MODULES / "@xyflow" / "react" / "dist" / "style.css", site)
    (site / "index.html").write_text(HTML)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a port of its own; yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""
