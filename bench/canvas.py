"""How the page feels at a thousand steps, in Chromium: opening, dragging, others' cursors, memory.

A pipeline as people draw one, forty containers in it, opens with all of it in view; it is dragged
so and at 100 %. Interactive is when the steps have been painted and the main thread is idle again.
Times between frames are those of animation frames; CPU is the main thread's, since there is no GPU.

    python -m bench.canvas [--steps 1000] [--rounds 5] [--only opening dragging ...]
"""

import argparse
import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from playwright.async_api import Browser

from app.worker_main import project_now
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import AwarenessUpdate, Update
from persistence.postgres.pool import open_pool
from tests.web.built import build_page

from .browser import Cost, Tab, chromium, window
from .clients import Room, joined, send_evenly
from .figures import Spread, table
from .installation import Installation, installed, store
from .machine import describe
from .pipelines import Author, drawn

OTHERS, MOVES_PER_SECOND = 20, 20
EDITS, EDITS_PER_SECOND = 1_800, 60
KEYS = 200

NOTE_OPENING: Final = """
(() => {
    window.benchOpening = {};
    const note = () => {
        if (!document.querySelector(".react-flow__node")) return requestAnimationFrame(note);
        window.benchOpening.drawn = performance.now();
        const end = () => (window.benchOpening.interactive = performance.now());
        requestAnimationFrame(() => requestAnimationFrame(() => requestIdleCallback(end)));
    };
    requestAnimationFrame(note);
})()
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pipeline is open."""

    server: Installation
    pipeline_id: UUID
    browser: Browser

    @property
    def address(self) -> str:
        """Its link, with a token."""
        path = f"http://{self.server.address}/pipelines/{self.pipeline_id}"
        return f"{path}#token={self.server.token}"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Tab]:
        """The pipeline in a window of its own, once it is interactive."""
        async with window(self.browser) as tab:
            await opening(tab, self.address)
            yield tab


async def opening(tab: Tab, address: str) -> dict[str, float]:
    """Open an address; return the milliseconds until steps were drawn and one could work."""
    await tab.page.goto("about:blank")
    await tab.page.add_init_script(NOTE_OPENING)
    before = await tab.counts()
    await tab.page.goto(address, wait_until="commit")
    await tab.page.wait_for_function("() => window.benchOpening?.interactive !== undefined")
    after = await tab.counts()
    noted: dict[str, float] = await tab.page.evaluate("() => window.benchOpening")
    cpu = 1000 * (after["TaskDuration"] - before.get("TaskDuration", 0))
    return {**noted, "cpu": cpu}


async def measure_opening(place: Place, rounds: int) -> str:
    """Open the pipeline, each time as somebody new and then once more from the browser's copy."""
    found: dict[str, list[dict[str, float]]] = {"first visit": [], "again": []}
    for _ in range(rounds):
        async with window(place.browser) as tab:
            for visits in found.values():
                visits.append(await opening(tab, place.address))
                await asyncio.sleep(1.5)
    header = ("opening", "steps drawn ms", "interactive ms", "worst", "CPU ms")
    return table(header, [_opening_row(name, visits) for name, visits in found.items()])


def _opening_row(name: str, visits: list[dict[str, float]]) -> tuple[str, ...]:
    def middle(key: str) -> float:
        return sorted(each[key] for each in visits)[len(visits) // 2]

    worst = max(each["interactive"] for each in visits)
    times = (middle("drawn"), middle("interactive"), worst, middle("cpu"))
    return name, *(f"{each:.0f}" for each in times)


async def measure_dragging(place: Place, rounds: int) -> str:
    """Drag one step, and a hundred that are selected; with everything in view, and at 100 %."""
    lines = []
    async with place.opened() as tab:
        await asyncio.sleep(3)
        for zoom, zoomed in (("all in view", fit), ("at 100 %", zoom_in)):
            for what, choose in (("one", choose_one), ("a hundred", choose_hundred)):
                await fit(tab)
                await choose(tab)
                await zoomed(tab)
                x, y = await handle(tab)
                cost = await tab.drag(x, y, seconds=2.0 * rounds / 5 + 1)
                mounted = await tab.page.locator(".react-flow__node").count()
                lines.append(_frame_row(f"{what}, {zoom}", cost, mounted))
                await tab.page.keyboard.press("Escape")
    header = ("dragging", "nodes mounted", "p50 ms", "p95 ms", "max ms", "CPU a frame ms", "script")
    return table(header, lines)


def _frame_row(name: str, cost: Cost, mounted: int) -> tuple[str, ...]:
    spread = Spread.of(cost.frames)
    each = [1000 * spent / len(cost.frames) for spent in (cost.main_thread, cost.script)]
    times = (spread.p50, spread.p95, spread.longest, *each)
    return name, str(mounted), *(f"{time:.1f}" for time in times)


async def fit(tab: Tab) -> None:
    """Bring everything into view."""
    await tab.page.keyboard.press("Escape")
    await tab.page.get_by_role("button", name="Fit everything").click()
    await asyncio.sleep(0.8)


MIDDLE: Final = """
(index) => {
    const nodes = [...document.querySelectorAll(".react-flow__node-step")];
    const isNamed = (node) => node.querySelector("[data-name]").textContent === `step_${index}`;
    const { left, top, width, height } = nodes.find(isNamed).getBoundingClientRect();
    return [left + width / 2, top + height / 2];
}
"""
GRABBED: Final = 24 * 5 + 5
"""The step in the middle of the hundred that are selected: the first ten rows and columns."""


async def middle(tab: Tab, index: int) -> tuple[float, float]:
    """Where a step is in the window."""
    x, y = await tab.page.evaluate(MIDDLE, index)
    return x, y


async def choose_one(tab: Tab) -> None:
    """Select the step that is dragged."""
    await tab.page.mouse.click(*await middle(tab, GRABBED))


async def choose_hundred(tab: Tab) -> None:
    """Select the first ten rows and columns by a box."""
    (left, top), (right, bottom) = await middle(tab, 0), await middle(tab, 24 * 9 + 9)
    await tab.page.mouse.move(left - 16, top - 8)
    await tab.page.mouse.down()
    await tab.page.mouse.move(right, bottom, steps=5)
    await tab.page.mouse.up()
    chosen = await tab.page.locator(".react-flow__node.selected").count()
    # The one that was dragged before may have left them.
    assert chosen >= 99, f"expected a hundred selected steps, got {chosen}"


async def zoom_in(tab: Tab) -> None:
    """Bring the step that is dragged into view at 100 %."""
    await tab.page.keyboard.down("Control")
    for _ in range(200):
        zoom = (await tab.page.get_by_label("Zoom", exact=True).text_content() or "").rstrip("%")
        if int(zoom) >= 98:
            break
        await tab.page.mouse.move(*await middle(tab, GRABBED))
        await tab.page.mouse.wheel(0, -40)
        await asyncio.sleep(0.03)
    await tab.page.keyboard.up("Control")
    await asyncio.sleep(0.5)


async def handle(tab: Tab) -> tuple[float, float]:
    """Where to take hold of the step that is dragged."""
    return await middle(tab, GRABBED)


async def measure_cursors(place: Place, rounds: int) -> str:
    """Twenty others who move their pointers, twenty times a second each, and nobody."""
    lines = []
    async with place.opened() as tab:
        await asyncio.sleep(3)
        lines.append(
            _share_row("nobody", await tab.during(asyncio.sleep(2.0 * rounds), frames=False))
        )
        await _with_others(place, tab, rounds, lines)
    header = ("pointers", "main thread % of a core", "script %", "process %")
    return table(header, lines)


async def _with_others(place: Place, tab: Tab, rounds: int, lines: list[tuple[str, ...]]) -> None:
    async with joined(Room(place.server.room(place.pipeline_id)), OTHERS) as others:
        sent: dict[int, float] = {}

        async def move(seconds: float) -> None:
            rate = OTHERS * MOVES_PER_SECOND
            await send_evenly(others, _pointer, rate=rate, seconds=seconds, sent=sent)

        await move(2)
        await tab.page.wait_for_function(
            f"() => document.querySelectorAll('[class*=cursor]').length >= {OTHERS}"
        )
        lines.append(
            _share_row(f"{OTHERS} moving", await tab.during(move(2.0 * rounds), frames=False))
        )


def _pointer(number: int) -> AwarenessUpdate:
    client, turn = number % OTHERS, number // OTHERS
    cursor = {"x": 300 * client + 7 * (turn % 40), "y": 400 + 90 * client + 5 * (turn % 31)}
    state = json.dumps({"cursor": cursor, "selection": [], "viewport": None})
    return AwarenessUpdate(
        var_uint(1) + var_uint(1000 + client) + var_uint(turn + 1) + var_string(state)
    )


def _share_row(name: str, cost: Cost) -> tuple[str, ...]:
    parts = (cost.main_thread, cost.script, cost.process)
    shares = (f"{100 * part / cost.seconds:.1f}" for part in parts)
    return name, *shares


async def measure_memory(place: Place, _rounds: int) -> str:
    """An hour of edits, played fast: another's, then one's own; beside a page opened afterwards."""
    lines = []
    async with place.opened() as tab:
        await asyncio.sleep(4)
        lines.append(await _memory_row("before", tab))
        await choose_one(tab)
        for number in range(KEYS):
            await tab.page.keyboard.press("ArrowRight" if number % 2 else "ArrowLeft")
        await tab.page.keyboard.press("Escape")
        await asyncio.sleep(3)
        lines.append(await _memory_row(f"{KEYS} own edits", tab))
        await _edit_elsewhere(place)
        await asyncio.sleep(3)
        lines.append(await _memory_row(f"{EDITS} edits of another", tab))
    async with place.opened() as tab:
        await asyncio.sleep(4)
        lines.append(await _memory_row("opened only now", tab))
    return table(("memory", "heap MB", "DOM nodes", "listeners"), lines)


async def _edit_elsewhere(place: Place) -> None:
    async with joined(Room(place.server.room(place.pipeline_id)), 1) as [client]:
        author = Author(await client.document)
        steps = author.step_ids()
        edits: tuple[Callable[[int], bytes], ...] = (
            lambda number: author.nudge(steps[number % len(steps)], number),
            lambda number: author.rename(steps[number % len(steps)], f"renamed_{number}"),
        )

        def edit(number: int) -> Update:
            return Update(edits[number % 2](number))

        seconds = EDITS / EDITS_PER_SECOND
        await send_evenly([client], edit, rate=EDITS_PER_SECOND, seconds=seconds, sent={})


async def _memory_row(name: str, tab: Tab) -> tuple[str, ...]:
    heap, counts = await tab.heap(), await tab.counts()
    return name, f"{heap / 1e6:.1f}", f"{counts['Nodes']:.0f}", f"{counts['JSEventListeners']:.0f}"


async def measure_size(_place: Place, _rounds: int) -> str:
    """What the page is made of, compressed: what an open pipeline loads first, and what later."""
    page = build_page()
    manifest = json.loads((page / "manifest.json").read_text())
    first = {*_chunks(manifest, "index.html"), *_chunks(manifest, "src/editor/Editor.tsx")}
    files = {
        each["file"]: name in first
        for name, each in manifest.items()
        if each["file"].endswith(".js")
    }
    sizes = {file: _size(page / file) for file in files}
    ranked = sorted(files, key=lambda file: (not files[file], -sizes[file]))
    rows = [
        (file, "first" if files[file] else "later", f"{sizes[file] / 1000:.1f}") for file in ranked
    ]
    total = sum(sizes[file] for file in files if files[file])
    rows.insert(0, ("all of the first load", "first", f"{total / 1000:.1f}"))
    return table(("script", "loaded", "gzip KB"), rows)


def _chunks(manifest: dict[str, Any], name: str) -> Iterator[str]:
    yield name
    for imported in manifest[name].get("imports", ()):
        yield from _chunks(manifest, imported)


def _size(file: Path) -> int:
    return len(gzip.compress(file.read_bytes(), 9))


PARTS: Final[dict[str, Callable[[Place, int], Awaitable[str]]]] = {
    "size": measure_size,
    "opening": measure_opening,
    "dragging": measure_dragging,
    "cursors": measure_cursors,
    "memory": measure_memory,
}


async def measure(steps: int, rounds: int, parts: list[str]) -> None:
    """Measure and print part by part."""
    build_page()
    async with installed() as (server, _), chromium() as browser:
        print(f"Chromium {browser.version}\n", flush=True)
        for part in parts:
            place = Place(server, await _furnish(server, steps), browser)
            print(await PARTS[part](place, rounds), end="\n\n", flush=True)


async def _furnish(server: Installation, steps: int) -> UUID:
    pool = await open_pool(server.dsn, max_size=2)
    try:
        pipeline_id = await store(pool, drawn(steps))
        await project_now(pool, pipeline_id)
        return pipeline_id
    finally:
        await pool.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=[*PARTS])
    chosen = parser.parse_args()
    print(describe())
    asyncio.run(measure(chosen.steps, chosen.rounds, chosen.only))


if __name__ == "__main__":
    main()
