"""Two processes and two browsers edit one pipeline, whatever happens to it meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crdt.document.document import Document
from tests.cases.cases import rows_of
from tests.clients.browsers import Browsers, browsers
from tests.clients.rooms import Page, a_page, names, over_ws
from tests.server import BETWEEN_LOOKS, PATIENCE, VIEWER, Installation, Server, eventually

# Every commit takes so long that a page which calls an edit saved before it is caught.
SLOW_COMMITS = """
    CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_sleep(0.05); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER slow AFTER UPDATE OF head_seq ON pipeline_documents
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_time()
"""
WAITING = """
    FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
"""
PROMPT = {"prompt": [{"type": "static", "content": ""}]}
CONTENT = ["prompt", 0, "content"]


@dataclass(frozen=True, slots=True)
class Log:
    """What is committed of a pipeline, by SQL."""

    installation: Installation
    pipeline: str

    async def read(self) -> Document:
        document = Document(1)
        query = "SELECT payload FROM pipeline_updates WHERE pipeline_id = $1 ORDER BY seq"
        async with self.installation.sql() as sql:
            for row in await sql.fetch(query, self.pipeline):
                document.apply(row["payload"])
        return document

    async def has_what_they_call_saved(self, pages: Sequence[Page]) -> None:
        seen = await asyncio.gather(*(page("look") for page in pages))
        committed = await self.read()
        for page in seen:
            for client, clock in page["committed"].items():
                assert committed.clock_of(int(client)) >= clock, page

    @asynccontextmanager
    async def watched(self, pages: Sequence[Page]) -> AsyncIterator[None]:
        """Compare again and again what these pages call saved with what is committed."""

        over = asyncio.Event()

        async def watch() -> None:
            while not over.is_set():
                await self.has_what_they_call_saved(pages)
                await asyncio.sleep(BETWEEN_LOOKS)

        async with asyncio.TaskGroup() as group:
            group.create_task(watch())
            try:
                yield
            finally:
                over.set()


async def alike(log: Log, pages: Sequence[Page]) -> Any:
    """Wait until these pages show the same, saved, and see that it is committed; return it."""

    async def all_show() -> Any:
        states = [(await page("look"))["state"] for page in pages]
        one, *others = [await rows_in(page) for page in pages]
        is_alike = set(states) <= {"saved", "read only"} and all(each == one for each in others)
        return one if is_alike else None

    rows = await eventually("pages that show the same", all_show)
    assert of_a_document(rows_of(await log.read())) == rows
    return rows


async def rows_in(page: Page) -> Any:
    return of_a_document(await page("rows"))


def of_a_document(rows: dict[str, Any]) -> dict[str, Any]:
    """Leave out the diagnostics, of which the server writes some into the document later."""
    return {name: found for name, found in rows.items() if name != "diagnostics"}


async def edit_at_once(log: Log, one: Page, two: Page, left: Page, right: Page) -> None:
    """Nested steps, prompts letter by letter, connections, undo and paste, all at the same time."""
    plain, pages = over_ws(two), [one, two, left, right]
    loop = (await one("add", "loop", {"type": "for_loop"}))["id"]
    await names(*pages, plain, includes={"loop"})
    inner, last, beside, outer = [
        made["id"]
        for made in await asyncio.gather(
            left("add", "inner", {"parent_step_id": loop, "config": PROMPT}),
            right("add", "last", {"parent_step_id": loop, "config": PROMPT}),
            plain("add", "beside", {"config": PROMPT}),
            two("add", "outer"),
        )
    ]
    await names(*pages, plain, includes={"loop", "inner", "last", "beside", "outer"})
    typed = {"one": "abcdefghij", "two": "klmnopqrst", "left": "ABCDEFGHIJ", "right": "KLMNOPQRST"}
    await asyncio.gather(
        one("type", inner, typed["one"], CONTENT),
        plain("type", inner, typed["two"], CONTENT),
        left("type", inner, typed["left"], CONTENT),
        right("type", inner, typed["right"], CONTENT),
        one("connect", loop, outer),
        left("connect", inner, last),
        right("connect", loop, beside),
    )
    await right("undo")
    rows = await alike(log, [*pages, plain])
    content = rows["steps"][inner]["config"]["prompt"][0]["content"]
    for letters in typed.values():
        assert "".join(each for each in content if each in letters) == letters
    assert len(content) == sum(map(len, typed.values()))
    assert {wire["to_step_id"] for wire in rows["connections"].values()} == {outer, last}
    await paste(log, [*pages, plain], loop, inner, last)


async def paste(log: Log, pages: Sequence[Page], loop: str, inner: str, last: str) -> None:
    """What one browser has copied, the other pastes: under fresh ids, its connection with it."""
    clip = await pages[3]("copy", [loop])
    copies = (await pages[2]("paste", clip))["steps"]
    rows = await alike(log, pages)
    assert set(copies) == {loop, inner, last}
    assert rows["steps"][copies[loop]]["name"] == "loop_2"
    assert rows["steps"][copies[inner]]["parent_step_id"] == copies[loop]
    ends = [(wire["from_step_id"], wire["to_step_id"]) for wire in rows["connections"].values()]
    assert (copies[inner], copies[last]) in ends


async def kill_while_they_wait(log: Log, server: Server, pages: Sequence[Page]) -> None:
    """Kill the server when it has edits that are not committed, and never will be by it."""
    async with log.installation.sql() as sql, sql.transaction():
        row = "SELECT 1 FROM pipeline_documents WHERE pipeline_id = $1 FOR UPDATE"
        await sql.fetch(row, log.pipeline)
        for at, page in enumerate(pages):
            await page("add", f"held {at}")
        await eventually("a commit", lambda: sql.fetchval(f"SELECT count(*) {WAITING}"))
        for page in pages:
            seen = await page("look")
            assert (seen["state"], seen["unsaved"]) == ("saving", 1)
            assert seen.get("shown", "saving (1)") == "saving (1)"
        await server.program.kill_all()
        await sql.fetch(f"SELECT pg_terminate_backend(pid) {WAITING}")
        gone = f"SELECT NOT EXISTS (SELECT 1 {WAITING})"
        await eventually("the end of that commit", lambda: sql.fetchval(gone))
    for page in pages:
        await page.until(state="offline", unsaved=1)
    await log.has_what_they_call_saved(pages)
    committed = rows_of(await log.read())["steps"].values()
    assert not [step["name"] for step in committed if "held" in step["name"]]


async def test_two_processes_and_two_browsers_edit_one_pipeline(
    database_url: str, tmp_path: Path
) -> None:
    installation = Installation(database_url, tmp_path / "data")
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(installation.serve())
        both = await stack.enter_async_context(browsers(tmp_path))
        log = Log(installation, await a_pipeline(installation, server))
        given = {
            "url": server.http(""),
            "pipeline": log.pipeline,
            "token": await installation.token(),
        }
        await asyncio.gather(both.start("left"), both.start("right"))
        one, two, left, right = pages = [
            await stack.enter_async_context(a_page(server, log.pipeline, given["token"])),
            await stack.enter_async_context(a_page(server, log.pipeline, given["token"])),
            await both.open("left", "left", **given, offline="yes"),
            await both.open("right", "right", **given),
        ]
        await two("joinPlain", server.rooms, log.pipeline)
        async with installation.sql() as sql:
            await sql.execute(SLOW_COMMITS)
        for page in pages:
            await page.until(state="saved", isLoaded=True)
        async with log.watched(pages):
            await edit_at_once(log, one, two, left, right)
        await kill_while_they_wait(log, server, pages)
        left = pages[2] = await restart_offline(both, left, **given)
        await right("token", await installation.token(seconds=-60))
        again = installation.serve("--port", str(server.port))
        server = await stack.enter_async_context(again)
        async with log.watched(pages):
            await sign_in_again(right, given["token"])
            rows = await alike(log, [*pages, over_ws(two)])
            found = {step["name"] for step in rows["steps"].values()}
            assert found >= {"held 0", "held 1", "held 2", "held 3", "away", "after the restart"}
        others = await who_else(log, both, **given)
        await delete(log, server, [*pages, *others])
        assert await both.errors() == []


async def a_pipeline(installation: Installation, server: Server) -> str:
    async with rest(installation, server) as api:
        team = (await api.get("/teams")).json()["items"][0]["id"]
        made = await api.post("/pipelines", json={"team_id": team, "name": "Loom"})
    return str(made.json()["id"])


@asynccontextmanager
async def rest(installation: Installation, server: Server) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await installation.token()}"}
    async with httpx.AsyncClient(
        base_url=server.http("/api"), headers=headers, timeout=PATIENCE
    ) as api:
        yield api


async def restart_offline(both: Browsers, left: Page, **given: str) -> Page:
    """Edit without a server, kill the browser, and go on where it was."""
    await left("add", "away")
    assert (await left("look"))["shown"] == "offline (2)"
    await left("kept")
    await both.kill("left")
    await both.start("left")
    left = await both.open("left again", "left", **given, offline="yes")
    await left.until(shown="offline (2)", isLoaded=True)
    await names(left, includes={"held 2", "away"})
    await left("add", "after the restart")
    await left.until(shown="offline (3)")
    return left


async def who_else(log: Log, both: Browsers, **given: str) -> list[Page]:
    """A viewer, somebody whose token expires, and somebody whose token is refused."""
    token = log.installation.token
    windows = {"viewer": await token(VIEWER), "expiring": await token(seconds=16), "refused": "x"}
    viewer, expiring, refused = [
        await both.open(name, "right", is_other=True, **{**given, "token": theirs}, offline="yes")
        for name, theirs in windows.items()
    ]
    await expiring("token", given["token"])
    await viewer.until(shown="read only", isLoaded=True)
    assert (await viewer("add", "mine"))["refused"]["code"] == "read_only"
    await refused.until(shown="signed out", isLoaded=False)
    await refused("token", given["token"])
    await refused("reconnect")
    await refused.until(shown="saved", isLoaded=True)
    await renewed(expiring)
    await expiring("add", "with a new token")
    await expiring.until(shown="saved", unsaved=0)
    states = (await expiring("look"))["states"]
    assert states == ["offline", "saving", "saved", "saving", "saved"]
    await names(viewer, refused, includes={"with a new token"})
    return [viewer, expiring, refused]


async def renewed(page: Page) -> None:
    """Wait until the page is asked for another token, which comes before the first one expires."""
    await page.until(shown="saved", isLoaded=True)

    async def again() -> bool:
        # Once to connect. On a busy machine the second time may have come before anybody looks.
        return bool((await page("look"))["tokensAsked"] > 1)

    await eventually("a page that is asked for a token again", again)


async def sign_in_again(page: Page, token: str) -> None:
    """The token has expired meanwhile; what was edited waits until there is another one."""
    assert (await page.until(shown="signed out (1)"))["reason"]
    await page("token", token)
    await page("reconnect")


async def delete(log: Log, server: Server, pages: Sequence[Page]) -> None:
    """Delete the pipeline under all of them, and bring it back."""
    async with rest(log.installation, server) as api:
        before = await alike(log, pages)
        await api.delete(f"/pipelines/{log.pipeline}")
        for page in pages:
            assert (await page.until(state="gone")).get("shown", "gone") == "gone"
        await api.post(f"/deleted-pipelines/{log.pipeline}/restore")
    for page in pages:
        await page("reconnect")
    assert await alike(log, pages) == before
