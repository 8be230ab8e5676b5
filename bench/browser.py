"""A page in Chromium: what it costs by the browser's own counts, and a mouse that never waits.

Chromium runs without a GPU here, so frames take longer than on anybody's desk; what the main thread
and the whole process of the page take of a core depends less on that.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from tests.clients.browser import browser as browser_program

SIZE: Final = {"width": 1440, "height": 900}
SLOW_MS: Final = 60_000
FRAME_SECONDS: Final = 1 / 60

WATCH_FRAMES: Final = """
() => {
    const frames = (window.benchFrames = []);
    const note = (at) => {
        if (window.benchFrames !== frames) return;
        frames.push(at);
        requestAnimationFrame(note);
    };
    requestAnimationFrame(note);
}
"""
TAKE_FRAMES: Final = """
() => {
    const frames = window.benchFrames;
    window.benchFrames = null;
    return frames ?? null;
}
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page took while something happened, in seconds."""

    seconds: float
    main_thread: float
    script: float
    process: float
    frames: list[float]
    """Between one frame and the next."""


class Tab:
    """A page, with the browser's counts of it."""

    def __init__(self, page: Page, session: CDPSession, whole: CDPSession) -> None:
        self.page = page
        self._session, self._whole = session, whole

    @classmethod
    async def open(cls, context: BrowserContext) -> "Tab":
        """A tab in which nothing is opened yet."""
        page = await context.new_page()
        session = await context.new_cdp_session(page)
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        browser = context.browser
        assert browser is not None
        return cls(page, session, await browser.new_browser_cdp_session())

    async def counts(self) -> dict[str, float]:
        """The browser's metrics of the page: times are CPU seconds of its main thread."""
        answer = await self._session.send("Performance.getMetrics")
        return {each["name"]: float(each["value"]) for each in answer["metrics"]}

    async def heap(self) -> float:
        """Bytes of JavaScript objects that are in use, after everything else was collected."""
        for _ in range(3):
            await self._session.send("HeapProfiler.collectGarbage")
            await asyncio.sleep(0.2)
        counts = await self.counts()
        return counts["JSHeapUsedSize"]

    async def process_cpu(self) -> float:
        """CPU seconds of all pages' processes; there should be this one only."""
        answer = await self._whole.send("SystemInfo.getProcessInfo")
        renderers = (each for each in answer["processInfo"] if each["type"] == "renderer")
        return sum(float(each["cpuTime"]) for each in renderers)

    async def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send an event of the mouse, with its first button pressed unless another is named."""
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        await self._session.send("Input.dispatchMouseEvent", {**event, **more})

    async def drag(self, x: float, y: float, *, seconds: float, radius: float = 60) -> Cost:
        """Press at a point, move around sixty times a second and let go; cost of the moving."""
        await self.mouse("mouseMoved", x, y, button="none", buttons=0)
        await self.mouse("mousePressed", x, y)
        for step in range(6):
            await self.mouse("mouseMoved", x + 3 * step, y)
        cost = await self.during(self._circle(x, y, seconds, radius))
        await self.mouse("mouseReleased", x, y, buttons=0)
        return cost

    async def _circle(self, x: float, y: float, seconds: float, radius: float) -> None:
        start, moves = time.perf_counter(), []
        for number in range(int(seconds / FRAME_SECONDS)):
            await asyncio.sleep(start + number * FRAME_SECONDS - time.perf_counter())
            angle = number / 20
            to = x + radius * math.sin(angle), y + radius * (1 - math.cos(angle))
            # A page that is busy answers late; a hand does not wait for it.
            moves.append(asyncio.create_task(self.mouse("mouseMoved", *to)))
        await asyncio.gather(*moves)

    async def during(self, work: Awaitable[None], *, frames: bool = True) -> Cost:
        """Do something, and return what the page took meanwhile.

        To watch `frames` makes the page draw each, which is 2 % of a core where nothing happens.
        """
        if frames:
            await self.page.evaluate(WATCH_FRAMES)
        before, process, start = await self.counts(), await self.process_cpu(), time.perf_counter()
        await work
        seconds = time.perf_counter() - start
        after, process = await self.counts(), await self.process_cpu() - process
        times: list[float] = await self.page.evaluate(TAKE_FRAMES) or []
        apart = [(b - a) / 1000 for a, b in pairwise(times)]
        main, script = (after[each] - before[each] for each in ("TaskDuration", "ScriptDuration"))
        return Cost(seconds, main, script, process, apart)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The browser of this machine."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=browser_program())
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def window(browser: Browser) -> AsyncIterator[Tab]:
    """A tab of somebody who has never been here."""
    context = await browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    context.set_default_timeout(SLOW_MS)
    try:
        yield await Tab.open(context)
    finally:
        await context.close()
