"""Pages without a browser: processes of Node.js in which the library has a pipeline open."""

import json
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.clients.javascript import compiled
from tests.interop.stock import node
from tests.server import Address, eventually


@dataclass(frozen=True, slots=True)
class Page:
    """A process that has a pipeline open, and obeys."""

    process: Process

    async def __call__(self, command: str, *given: Any) -> Any:
        """Give a command (`clients/js/test/driven.ts`); return what came of it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([command, *given]).encode() + b"\n")
        return json.loads(await self.process.stdout.readline())

    async def until(self, **wanted: Any) -> Any:
        """Wait until what the page shows has these values; return all of it."""

        async def has() -> Any:
            seen = await self("look")
            return seen if wanted.items() <= seen.items() else None

        return await eventually(f"a page that shows {wanted}", has)


@asynccontextmanager
async def a_page(
    server: Address, pipeline: str, token: str | None, *, over_ws: bool = False
) -> AsyncIterator[Page]:
    """Open a pipeline in a page; `over_ws` with the provider of y-websocket, else in a room."""
    script = str(compiled() / "test" / "driven.js")
    process = await create_subprocess_exec(node(), script, stdin=PIPE, stdout=PIPE, limit=2**24)
    page = Page(process)
    try:
        await page("token", token)
        opened = ("joinPlain", server.rooms) if over_ws else ("join", server.http(""))
        await page(*opened, pipeline)
        yield page
    finally:
        process.kill()
        await process.wait()
