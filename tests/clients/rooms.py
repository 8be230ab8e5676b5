"""Pages that have a pipeline open: in processes of Node.js, and in windows of browsers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from tests.clients.javascript import compiled
from tests.interop.stock import driven
from tests.server import Address, eventually


@dataclass(frozen=True, slots=True)
class Page:
    """Something that has a pipeline open, and obeys."""

    send: Callable[..., Awaitable[Any]]

    async def __call__(self, command: str, *given: Any) -> Any:
        """Give a command (`clients/js/test/driven.ts`); return what came of it."""
        return await self.send(command, *given)

    async def until(self, **wanted: Any) -> Any:
        """Wait until what the page shows has these values; return all of it."""

        async def has() -> Any:
            seen = await self("look")
            return seen if wanted.items() <= seen.items() else None

        return await eventually(f"a page that shows {wanted}", has)


async def names(*pages: Page, includes: set[str]) -> None:
    """Wait until each of these pages shows steps of these names."""
    for page in pages:

        async def has(page: Page = page) -> bool:
            return includes <= set((await page("look"))["names"])

        await eventually(f"a page with {includes}", has)


def over_ws(page: Page) -> Page:
    """Return what the same process has open over /ws (`joinPlain`)."""

    async def send(command: str, *given: Any) -> Any:
        return await page("plain", command, *given)

    return Page(send)


@asynccontextmanager
async def a_process() -> AsyncIterator[Page]:
    """A process that has nothing open yet."""
    async with driven(str(compiled() / "test" / "process.js")) as process:

        async def send(command: str, *given: Any) -> Any:
            return await getattr(process, command)(*given)

        yield Page(send)


@asynccontextmanager
async def a_page(server: Address, pipeline: str, token: str | None) -> AsyncIterator[Page]:
    """Open a pipeline in a process."""
    async with a_process() as page:
        await page("token", token)
        await page("join", server.http(""), pipeline)
        yield page
