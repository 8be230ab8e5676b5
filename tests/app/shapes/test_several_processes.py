"""Shapes on several servers: clients that come to any of them, and holders that die or stall."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any, Final

import httpx
import pytest

from app.shapes.handover import MARK
from tests.app.shapes.copies import Copy, http
from tests.database_gate import DatabaseGate, gated
from tests.server import PATIENCE, Installation, Server, eventually

COLUMNS = {"columns": "id,name"}


class Turns(httpx.AsyncBaseTransport):
    """A load balancer without any memory: each request goes to the next server."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._ports = cycle([server.port for server in servers])
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=next(self._ports))
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


ARE_ROWS_WRITTEN: Final = """
    SELECT bool_and(u.seq <= coalesce(c.seq, 0))
    FROM pipeline_updates AS u
    LEFT JOIN projection_cursors AS c USING (pipeline_id)
"""


@dataclass
class Site:
    """Servers on one database, and somebody with a token."""

    installation: Installation
    stack: AsyncExitStack
    servers: list[Server] = field(default_factory=list)
    token: str = ""

    async def start(self, *options: str, by: Installation | None = None) -> Server:
        server = await self.stack.enter_async_context((by or self.installation).serve(*options))
        self.servers.append(server)
        self.token = self.token or await self.installation.token()
        return server

    async def client(self, *servers: Server) -> httpx.AsyncClient:
        """A client whose requests go to these servers in turn."""
        return await self.stack.enter_async_context(
            httpx.AsyncClient(
                transport=Turns(servers or self.servers),
                base_url="http://127.0.0.1",
                headers={"Authorization": f"Bearer {self.token}"},
                timeout=PATIENCE,
            )
        )

    async def copy(self, *servers: Server) -> Copy:
        """A copy of the pipelines by requests to these servers in turn."""
        return Copy(await self.client(*servers), "pipelines", COLUMNS)

    async def rename(self, name: str) -> None:
        async with self.installation.sql() as sql:
            # A worker that writes the rows for the first time gives them the document's name.
            await eventually("the first rows", lambda: sql.fetchval(ARE_ROWS_WRITTEN))
            await sql.execute("UPDATE pipelines SET name = $1", name)

    async def holder(self) -> Any:
        async with self.installation.sql() as sql:
            return await sql.fetchrow(
                "SELECT holder, address FROM shape_lease WHERE expires_at > clock_timestamp()"
            )

    async def copied(self, copy: Copy) -> Copy:
        """Catch up as clients do: after a 409 from the beginning, after 503 again."""

        async def caught_up() -> bool:
            answer = await copy.client.get(copy.address)
            if answer.status_code == 503:
                assert answer.headers["retry-after"] == "1"
                return False
            copy.take(answer, is_live=False)
            return "electric-up-to-date" in answer.headers

        await eventually("everything", caught_up)
        return copy


@asynccontextmanager
async def a_site(installation: Installation) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        yield Site(installation, stack)


@pytest.fixture
async def site(installation: Installation) -> AsyncIterator[Site]:
    async with a_site(installation) as made:
        yield made


async def streaming(client: httpx.AsyncClient, copy: Copy) -> httpx.Response:
    """Open a stream of what comes next; return it when it has begun."""
    request = client.build_request("GET", f"{copy.address}&live=true&live_sse=true&cursor=")
    answer = await client.send(request, stream=True)
    assert answer.status_code == 200
    return answer


async def test_a_client_may_come_to_any_server(site: Site) -> None:
    servers = [await site.start() for _ in range(2)]
    copy = await (await site.copy()).catch_up()
    for number in range(6):
        waiting = asyncio.create_task(copy.live())
        await asyncio.sleep(0)
        await site.rename(f"name {number}")
        await waiting
        assert copy.values("name") == [f"name {number}"]
    assert copy.refetches == 0
    others = [await (await site.copy(server)).catch_up() for server in servers]
    assert [one.rows for one in others] == [copy.rows] * 2
    # Both were given the same handle, by the one process that has the shapes.
    assert {one.handle for one in others} == {copy.handle}


async def test_processes_of_one_port_share_the_shapes(site: Site) -> None:
    server = await site.start("--workers", "2")
    handles = set()
    for number in range(10):
        # A connection of its own each time, which either process may accept.
        async with http(server, site.token) as client:
            copy = await Copy(client, "pipelines", COLUMNS).catch_up()
            handles.add(copy.handle)
            await site.rename(f"name {number}")
            async with http(server, site.token) as other:
                copy.client = other
                await copy.live()
        assert (copy.values("name"), copy.refetches) == ([f"name {number}"], 0)
    assert len(handles) == 1


async def test_a_restart_is_a_refetch_and_no_loop(site: Site) -> None:
    one, two = [await site.start() for _ in range(2)]
    copy = await (await site.copy(one)).catch_up()
    address = (await site.holder())["address"]
    await one.program.end()
    assert await site.holder() is None
    copy.client = await site.client(two)
    await site.rename("later")
    await site.copied(copy)
    assert (copy.refetches, copy.values("name")) == (1, ["later"])
    assert (await site.holder())["address"] != address


async def test_the_holder_is_killed(site: Site) -> None:
    one, two = [await site.start() for _ in range(2)]
    await (await site.copy(one)).catch_up()
    copy = await (await site.copy(two)).catch_up()
    waiting = asyncio.create_task(copy.client.get(f"{copy.address}&live=true&cursor="))
    await site.rename("before")
    copy.take(await waiting, is_live=True)
    await one.program.kill()
    await site.rename("after")
    await site.copied(copy)
    assert (copy.refetches, copy.values("name")) == (1, ["after"])


async def test_a_holder_that_was_frozen_answers_nothing_that_is_old(site: Site) -> None:
    one, two = [await site.start() for _ in range(2)]
    frozen = await (await site.copy(one)).catch_up()
    copy = await (await site.copy(two)).catch_up()
    polling = asyncio.create_task(one_poll(frozen))
    stream = await streaming(frozen.client, frozen)
    parts = stream.aiter_raw()
    assert await anext(parts) == b": keep-alive\n\n"
    handed_over = asyncio.create_task(one_poll(copy))
    await eventually("three live requests", lambda: live_requests(one, 3))
    one.program.send_signal(signal.SIGSTOP)
    try:
        await site.rename("while it was frozen")
        # It is asked already when it comes to, before it has heard of anything.
        asked = [asyncio.create_task(frozen.client.get(frozen.address)) for _ in range(20)]
        assert (await handed_over).status_code in {409, 503}
        await site.copied(copy)
        assert copy.values("name") == ["while it was frozen"]
    finally:
        one.program.send_signal(signal.SIGCONT)
    for answer in await asyncio.gather(*asked, polling):
        assert answer.status_code in {409, 503}, answer.text
    assert b"data:" not in b"".join([part async for part in parts])
    await site.copied(frozen)
    assert frozen.rows == copy.rows
    refetches = frozen.refetches
    await frozen.get()
    assert frozen.refetches == refetches


async def one_poll(copy: Copy) -> httpx.Response:
    return await copy.client.get(f"{copy.address}&live=true&cursor={copy.cursor}")


async def live_requests(server: Server, expected: int) -> bool:
    async with http(server, None) as client:
        page = (await client.get("/metrics")).text
    lines = [line for line in page.splitlines() if line.startswith("pipeloom_shape_clients")]
    return sum(float(line.rpartition(" ")[2]) for line in lines) == expected


@pytest.mark.parametrize("accident", [DatabaseGate.shut, DatabaseGate.hold], ids=["cut", "held"])
async def test_a_holder_cut_off_from_postgresql_answers_nothing_that_is_old(
    site: Site, accident: Callable[[DatabaseGate], None]
) -> None:
    async with gated(site.installation.database_url) as gate:
        two = await site.start()
        far = replace(site.installation, database_url=gate.dsn)
        one = await site.start("--no-worker", by=far)
        cut_off = await (await site.copy(one)).catch_up()
        polling = asyncio.create_task(one_poll(cut_off))
        stream = await streaming(cut_off.client, cut_off)
        parts = stream.aiter_raw()
        await anext(parts)
        copy = await (await site.copy(two)).catch_up()
        accident(gate)
        await site.rename("elsewhere")
        await site.copied(copy)
        assert copy.values("name") == ["elsewhere"]
        assert (await polling).status_code in {409, 503}
        assert b"data:" not in b"".join([part async for part in parts])
        assert (await cut_off.client.get(cut_off.address)).status_code == 503
        gate.open()
        await site.copied(cut_off)
        assert cut_off.rows == copy.rows


async def test_a_stream_is_handed_over_as_it_comes_and_ends_on_both_sides(site: Site) -> None:
    one, two = [await site.start() for _ in range(2)]
    await (await site.copy(one)).catch_up()
    copy = await (await site.copy(two)).catch_up()
    for end in ("client", "holder"):
        client = await site.client(two)
        stream = await streaming(client, copy)
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "transfer-encoding" not in str(stream.headers.get("connection", ""))
        parts = stream.aiter_raw()
        assert await anext(parts) == b": keep-alive\n\n"
        for number in range(3):
            await site.rename(f"{end} {number}")
            event = json.loads((await anext(parts)).splitlines()[0].removeprefix(b"data: "))
            assert event["value"]["name"] == f"{end} {number}"
        await eventually("a live request", lambda: live_requests(one, 1))
        if end == "client":
            await stream.aclose()
            await eventually("no live request", lambda: live_requests(one, 0))
            await copy.catch_up()
        else:
            await one.program.end()
            assert [part async for part in parts if b"data" in part] == []
    await site.copied(copy)
    assert (copy.refetches, copy.values("name")) == (1, ["holder 2"])


async def test_a_server_that_hands_over_and_dies_leaves_nothing_behind(site: Site) -> None:
    one, two = [await site.start() for _ in range(2)]
    await (await site.copy(one)).catch_up()
    copy = await (await site.copy(two)).catch_up()
    stream = await streaming(copy.client, copy)
    await eventually("a live request", lambda: live_requests(one, 1))
    await two.program.kill()
    await eventually("no live request", lambda: live_requests(one, 0))
    await stream.aclose()


async def test_who_hands_over_needs_the_credentials_of_a_client(site: Site) -> None:
    server = await site.start()
    copy = await (await site.copy()).catch_up()
    address = f"http://{(await site.holder())['address']}"
    bearer = {"Authorization": f"Bearer {site.token}"}
    async with httpx.AsyncClient(base_url=address, timeout=PATIENCE) as client:

        async def asked(path: str, **headers: str) -> int:
            return (await client.get(path, headers=headers)).status_code

        assert await asked(copy.address, **{MARK: "1"}, **bearer) == 200
        assert await asked(copy.address, **{MARK: "1"}) == 401
        assert await asked(copy.address, **{MARK: "1", "Authorization": "Bearer x"}) == 401
        # It is no other door to anything.
        assert await asked(copy.address, **bearer) == 404
        for path in ("/", "/api/me", "/v1/health", "/metrics", "/healthz", "/readyz", "/api"):
            assert await asked(path, **{MARK: "1"}, **bearer) == 404
        preflight = await client.options(copy.address, headers={"origin": "http://127.0.0.1"})
        assert (preflight.status_code, "access-control-allow-origin" in preflight.headers) == (
            404,
            False,
        )
    assert server.port != int(address.rpartition(":")[2])


async def test_an_address_of_others_is_refused_at_the_start(installation: Installation) -> None:
    for host, problem in {"0.0.0.0": "other servers", "192.0.2.1": "PIPELOOM_SHAPES_HOST"}.items():
        environment = {"PIPELOOM_SHAPES_HOST": host}
        outcome = await replace(installation, environment=environment).run("serve", "--port", "0")
        assert outcome.code != 0
        assert problem in outcome.err
