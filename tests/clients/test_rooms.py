"""What a page learns of its connection, and what becomes of its edits."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.clients.browsers import MODULES, Browsers, browsers
from tests.clients.javascript import ROOT, compiled, run
from tests.clients.rooms import Page, a_page, a_process, names, over_ws
from tests.interop.stock import node
from tests.rounds import some
from tests.server import PATIENCE, VIEWER, Installation, Server, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def installation(
    shared_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Installation:
    return Installation(shared_database, tmp_path_factory.mktemp("rooms") / "data")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(installation: Installation) -> AsyncIterator[Server]:
    async with installation.serve() as server:
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def pipeline(installation: Installation, server: Server) -> str:
    """A new pipeline of the demo team."""
    headers = {"Authorization": f"Bearer {await installation.token()}"}
    async with httpx.AsyncClient(
        base_url=server.http("/api"), headers=headers, timeout=PATIENCE
    ) as api:
        team = (await api.get("/teams")).json()["items"][0]["id"]
        made = await api.post("/pipelines", json={"team_id": team, "name": "Loom"})
    return str(made.json()["id"])


@pytest_asyncio.fixture(loop_scope="module")
async def page(installation: Installation, server: Server, pipeline: str) -> AsyncIterator[Page]:
    async with a_page(server, pipeline, await installation.token()) as page:
        await page.until(state="saved", isLoaded=True)
        yield page


async def test_saved_is_said_when_it_is_committed_and_not_before(
    installation: Installation, page: Page, pipeline: str
) -> None:
    row = "SELECT 1 FROM pipeline_documents WHERE pipeline_id = $1 FOR UPDATE"
    async with installation.sql() as sql, sql.transaction():
        await sql.fetch(row, pipeline)
        await page("add", "held")
        await page("add", "held too")
        seen = await page("look")
        assert (seen["state"], seen["unsaved"]) == ("saving", 2)
        rooms = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        await eventually("a commit that waits", lambda: sql.fetchval(rooms))
        assert (await page("look"))["state"] == "saving"
    seen = await page.until(state="saved", unsaved=0)
    assert seen["states"] == ["offline", "saving", "saved", "saving", "saved"]


async def test_two_pages_share_edits_presence_and_undo_their_own(
    installation: Installation, server: Server, page: Page, pipeline: str
) -> None:
    async with a_page(server, pipeline, await installation.token()) as other:
        await other.until(state="saved")
        loop = (await page("add", "loop", {"type": "for_loop"}))["id"]
        inner = {"parent_step_id": loop, "config": {"prompt": "a"}}
        step = (await page("add", "inner", inner))["id"]
        await other.until(names=["loop", "inner"])
        await page("type", step, "bcd")
        await other("type", step, "efg")

        async def both_show_all() -> bool:
            one, two = [(await each("look"))["texts"][1] for each in (page, other)]
            return bool(one == two) and set("abcdefg") <= set(one)

        await eventually("the letters of both, in one order", both_show_all)
        mine = (await other("add", "mine"))["id"]
        assert (await other("connect", mine, loop))["ok"]
        assert (await other("duplicate", [loop]))["ok"]
        await page.until(names=["loop", "inner", "loop_2", "inner", "mine"], connections=1)
        await other("undo")
        await page.until(names=["loop", "inner", "mine"])
        await page("select", [mine])
        await other.until(others=[["Demo Owner", 1]])


async def test_the_typed_document_needs_no_room(
    installation: Installation, server: Server, page: Page, pipeline: str
) -> None:
    async with a_process() as process:
        await process("token", await installation.token())
        await process("joinPlain", server.rooms, pipeline)
        plain = over_ws(process)
        await plain.until(state="saved")
        added = (await plain("add", "one"))["id"]
        await page.until(names=["one"])
        assert (await page("connect", (await page("add", "two"))["id"], added))["ok"]
        await plain.until(names=["one", "two"], connections=1)
        await plain("undo")
        await page.until(names=["two"], connections=0)


@pytest.mark.parametrize("tour", ["restTour", "hooksTour"])
async def test_a_page_does_everything_there_is(
    installation: Installation, server: Server, pipeline: str, tour: str
) -> None:
    token = await installation.token()
    given = json.dumps({"url": server.http(""), "token": token, "pipeline": pipeline})
    script = str(compiled() / "test" / f"{tour}.js")
    assert await asyncio.to_thread(run, node(), script, stdin=given) == "done\n"


async def test_a_viewer_reads_only(
    installation: Installation, server: Server, page: Page, pipeline: str
) -> None:
    async with a_page(server, pipeline, await installation.token(VIEWER)) as viewer:
        await viewer.until(state="read only", isLoaded=True)
        assert (await viewer("add", "mine"))["refused"]["code"] == "read_only"
        await page("add", "seen")
        await viewer.until(names=["seen"], unsaved=0)


async def test_who_is_signed_out_may_sign_in(
    installation: Installation, server: Server, pipeline: str
) -> None:
    for refused in (None, "nonsense", await installation.token(seconds=-60)):
        async with a_page(server, pipeline, refused) as page:
            seen = await page.until(state="signed out")
            assert seen["reason"]
            assert (await page("add", "kept"))["ok"]
            await page("token", await installation.token())
            await page("reconnect")
            await page.until(state="saved", unsaved=0)
            await page("undo")
            await page.until(state="saved", unsaved=0)


async def test_a_pipeline_that_is_deleted_is_gone(
    installation: Installation, server: Server, page: Page, pipeline: str
) -> None:
    headers = {"Authorization": f"Bearer {await installation.token()}"}
    async with httpx.AsyncClient(
        base_url=server.http("/api"), headers=headers, timeout=PATIENCE
    ) as api:
        await api.post(f"/pipelines/{pipeline}/comments", json={"content": "Why?"})
        await page.until(events=["comment.created"])
        await api.delete(f"/pipelines/{pipeline}")
    await page.until(state="gone")
    async with a_page(server, pipeline, await installation.token()) as late:
        await late.until(state="gone")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browsers]:
    """One browser, for all tests that need no more."""
    async with browsers(tmp_path_factory.mktemp("browser")) as browser:
        await browser.start("browser")
        yield browser


async def test_the_page_of_the_readme_works_as_written(
    installation: Installation, server: Server, page: Page, pipeline: str, browser: Browsers
) -> None:
    step = (await page("add", "seen"))["id"]
    given = {
        "PIPELINE_ID": pipeline,
        "TOKEN": await installation.token(),
        "127.0.0.1:8000": f"127.0.0.1:{server.port}",
    }
    html = (ROOT / "README.md").read_text().split("```html\n")[1].split("```")[0]
    for placeholder, value in given.items():
        assert placeholder in html
        html = html.replace(placeholder, value)
    await browser.visit("readme", "browser", html, modules(html, browser.folder))
    looks = "JSON.parse(log.value || '{}')"

    async def shows(wanted: dict[str, int] | None) -> bool:
        shown = await browser.driver.evaluate("readme", looks)
        return step in shown and wanted in (None, shown[step]["position"])

    await eventually("a page that shows the step", lambda: shows(None))
    await browser.driver.evaluate("readme", f"move('{step}', 5, 6)")
    await eventually("a page that shows where the step is", lambda: shows({"x": 5, "y": 6}))
    assert (await page("rows"))["steps"][step]["position"] == {"x": 5, "y": 6}
    assert await browser.errors() == []


def modules(html: str, folder: Path) -> dict[str, str]:
    """Make what the page imports from elsewhere, by URL: each package with its dependencies."""
    imported = {
        match[1].rsplit("@", 1)[0]: match[0]
        for match in re.finditer(r"https://[^/]+/([^?\"]+)[^\"]*", html)
    }
    assert set(imported) == {"yjs", "y-websocket"}
    for package in imported:
        options = ["--bundle", "--format=esm", f"--outfile={folder / package}.js"]
        if package != "yjs":
            options += [f"--alias:yjs={imported['yjs']}", f"--external:{imported['yjs']}"]
        program = f'export * from "{package}"'
        run(str(MODULES / ".bin" / "esbuild"), *options, "--log-level=error", stdin=program)
    return {url: str(folder / f"{package}.js") for package, url in imported.items()}


async def test_pages_in_a_browser_go_on_beside_a_vandal(
    installation: Installation, server: Server, pipeline: str, browser: Browsers
) -> None:
    given = {"url": server.http(""), "pipeline": pipeline}
    token, read_only = await installation.token(), await installation.token(VIEWER)
    async with a_page(server, pipeline, token) as vandal:
        writes = await browser.open("writes", "browser", **given, token=token)
        reads = await browser.open("reads", "browser", is_other=True, **given, token=read_only)
        await writes.until(shown="saved", isLoaded=True)
        *all_shapes, refused = range(await vandal("shapes"))
        shapes = some(all_shapes, few=16)
        for few in (shapes[at : at + 8] for at in range(0, len(shapes), 8)):
            await vandal("vandalise", few)
            await shows(few[-1], writes, reads)
            for shape in few:
                await vandal("disturb", shape)
        await vandal("misuseRoots")
        for page in (writes, reads):
            assert await page("everything") == []
        added = await writes("add", "after all", {"config": {"prompt": "p"}})
        late = await browser.open("late", "browser", is_other=True, **given, token=token)
        await names(writes, reads, vandal, late, includes={"after all"})
        await vandal("vandalise", [refused])
        seen = await vandal.until(state="read only")
        assert "cannot be decoded" in seen["reason"]
        await writes.until(shown="saved", unsaved=0)
        await reads.until(shown="read only")
        assert set((await writes("look"))["events"]) == {"diagnostics.changed"}
        assert await browser.errors() == []
        assert await browser.driver.count("reads", f"[data-id='{added['id']}']") == 1


async def shows(shape: int, *pages: Page) -> None:
    """Wait until these pages have received the vandalism of a shape, or a later one."""
    for page in pages:

        async def has(page: Page = page) -> bool:
            return bool((await page("notes")).get("shape", -1) >= shape)

        await eventually(f"a page with the vandalism of shape {shape}", has)
