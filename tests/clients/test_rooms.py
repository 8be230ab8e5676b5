"""What a page learns of its connection, and what becomes of its edits."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from app.auth.tokens import Tokens, secret_in
from persistence.ports.directory import User
from tests.clients.javascript import compiled, run
from tests.clients.rooms import Page, a_page
from tests.interop.stock import node
from tests.server import OWNER, VIEWER, Installation, Server, eventually

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
    async with httpx.AsyncClient(base_url=server.http("/api"), headers=headers) as api:
        team = (await api.get("/teams")).json()["items"][0]["id"]
        made = await api.post("/pipelines", json={"team_id": team, "name": "Loom"})
    return str(made.json()["id"])


@pytest_asyncio.fixture(loop_scope="module")
async def page(installation: Installation, server: Server, pipeline: str) -> AsyncIterator[Page]:
    async with a_page(server, pipeline, await installation.token()) as page:
        await page.until(state="saved", isLoaded=True)
        yield page


async def token_for(installation: Installation, seconds: float) -> str:
    secret = secret_in(installation.data_dir)
    async with installation.sql() as sql:
        user = await sql.fetchrow("SELECT id, email, name FROM users WHERE email = $1", OWNER)
    return Tokens(secret).issue(User(**user), timedelta(seconds=seconds), datetime.now(UTC))


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
    assert seen["states"] == ["saving", "saved", "saving", "saved"]


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
    token = await installation.token()
    async with a_page(server, pipeline, token, over_ws=True) as plain:
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
    for refused in (None, "nonsense", await token_for(installation, -60)):
        async with a_page(server, pipeline, refused) as page:
            seen = await page.until(state="signed out")
            assert seen["reason"]
            assert (await page("add", "kept"))["ok"]
            await page("token", await installation.token())
            await page("reconnect")
            await page.until(state="saved", unsaved=0)
            await page("undo")
            await page.until(state="saved", unsaved=0)


async def test_a_token_is_renewed_before_it_expires(
    installation: Installation, server: Server, pipeline: str
) -> None:
    async with a_page(server, pipeline, await token_for(installation, 16)) as page:
        await page.until(state="saved")
        await page("token", await installation.token())
        await page.until(tokensAsked=2)
        await page("add", "later")
        states = (await page.until(state="saved", unsaved=0))["states"]
        assert states == ["saving", "saved", "saving", "saved"]


async def test_a_pipeline_that_is_deleted_is_gone(
    installation: Installation, server: Server, page: Page, pipeline: str
) -> None:
    headers = {"Authorization": f"Bearer {await installation.token()}"}
    async with httpx.AsyncClient(base_url=server.http("/api"), headers=headers) as api:
        await api.post(f"/pipelines/{pipeline}/comments", json={"content": "Why?"})
        await page.until(events=["comment.created"])
        await api.delete(f"/pipelines/{pipeline}")
    await page.until(state="gone")
    async with a_page(server, pipeline, await installation.token()) as late:
        await late.until(state="gone")


async def test_a_page_goes_on_beside_a_vandal(
    installation: Installation, server: Server, page: Page, pipeline: str
) -> None:
    await page("add", "mine")
    async with a_page(server, pipeline, await installation.token()) as vandal:
        await vandal.until(names=["mine"])
        await vandal("vandalise")
        await page.until(names=["unnamed", "mine"], others=[["Demo Owner", 0]])
        added = await page("add", "more", {"config": {"prompt": "p"}})
        assert added["ok"]
        assert (await page("remove", ["00000000-0000-0000-0000-000000000001"]))["ok"]
        await page.until(state="saved")
        await vandal.until(names=["unnamed", "mine", "more"])


async def test_edits_survive_the_server_and_wait_for_it(database_url: str, tmp_path: Path) -> None:
    installation = Installation(database_url, tmp_path / "data")
    async with installation.serve() as server:
        pipeline, port = await installation.demo_pipeline(), str(server.port)
        async with a_page(server, pipeline, await installation.token()) as page:
            names = (await page.until(state="saved"))["names"]
            await page("add", "before")
            await server.program.kill_all()
            await page.until(state="offline")
            await page("add", "while away")
            assert (await page("look"))["unsaved"] >= 1
            async with (
                installation.serve("--port", port) as again,
                a_page(again, pipeline, await installation.token()) as other,
            ):
                await page.until(state="saved", unsaved=0)
                await other.until(names=[*names, "before", "while away"])
