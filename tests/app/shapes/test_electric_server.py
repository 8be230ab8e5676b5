"""A server with Electric behind it, from outside: the same address, the same answers."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import asyncpg  # type: ignore[import-untyped]
import httpx
import pytest

from tests.app.shapes.copies import Copy, http
from tests.app.shapes.mock_electric import SECRET, MockElectric, Planned, a_mock, rows_of, until
from tests.server import OWNER, VIEWER, Installation, Server, eventually

LEAVE = "DELETE FROM team_members WHERE user_id = (SELECT id FROM users WHERE email = $1)"


@pytest.fixture
async def mock(shared_installation: Installation) -> AsyncIterator[MockElectric]:
    async with (
        asyncpg.create_pool(shared_installation.database_url, min_size=1) as sql,
        a_mock(lambda asked: rows_of(sql, asked)) as made,
    ):
        yield made


@pytest.fixture
async def server(shared_installation: Installation, mock: MockElectric) -> AsyncIterator[Server]:
    behind = {"ELECTRIC_URL": mock.address, "ELECTRIC_SECRET": SECRET}
    environment = {**shared_installation.environment, **behind}
    async with replace(shared_installation, environment=environment).serve() as made:
        yield made
        assert SECRET not in made.program.log
        assert "level=error" not in made.program.log


async def test_copies_follow_the_tables_until_their_user_leaves(
    server: Server, shared_installation: Installation, mock: MockElectric
) -> None:
    async with (
        shared_installation.sql() as sql,
        http(server, await shared_installation.token(OWNER)) as owner,
        http(server, await shared_installation.token(VIEWER)) as viewer,
    ):
        copies = [
            Copy(client, "steps", {"columns": "id,pipeline_id,name"}) for client in (owner, viewer)
        ]
        for copy in copies:
            await copy.catch_up()
        assert copies[0].rows == copies[1].rows != {}
        # They share a shape of Electric, and no handle.
        assert len({copy.handle for copy in copies}) == 2
        waiting = [asyncio.create_task(copy.live()) for copy in copies]
        await until(lambda: mock.waiting == 2)
        await sql.execute("UPDATE steps SET name = name || '!'")
        await asyncio.gather(*waiting)
        assert all(name.endswith("!") for copy in copies for name in copy.values("name"))

        left = asyncio.create_task(copies[1].live())
        await until(lambda: mock.waiting == 1)
        await sql.execute(LEAVE, VIEWER)
        await left
        assert copies[1].refetches == 1
        await copies[1].catch_up()
        assert copies[1].rows == {}


async def test_a_server_says_of_electric_what_there_is_to_say(
    server: Server, mock: MockElectric, shared_installation: Installation
) -> None:
    async def status() -> bool:
        return (await client.get("/v1/health")).status_code == 200

    async with http(server, await shared_installation.token()) as client:
        await eventually("Electric that is ready", status)
        ready = (await client.get("/readyz")).json()
        assert (ready["status"], ready["checks"]["electric"]) == ("ok", "ok")
        refused = await client.delete("/v1/shape?table=steps")
        assert refused.status_code == 404
        mock.planned = [Planned(401, {}, (SECRET.encode(),)), Planned(503, {"retry-after": "9"})]
        for retry in ("5", "9"):
            answer = await client.get("/v1/shape?table=steps&offset=-1")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, retry)
            assert SECRET not in f"{answer.headers}{answer.text}"
    expect_error(server, "event=electric.refused status=401")


def expect_error(server: Server, text: str) -> None:
    """The log has this error, and the test shows that it is right."""
    file = server.program._log_file
    assert file.read_text().count(f"level=error {text}") == 1
    file.write_text(file.read_text().replace(f"level=error {text}", text))


BAD: Final = (
    "table=users&table=steps&offset=-1",
    "table=steps&offset=-1&where=1=1)%20OR%20(1=1",
    "table=audit_log&offset=-1",
    "table=users&columns=id,preferences&offset=-1",
    "table=steps&offset=-1&experimental_compaction=true",
    "table=steps&offset=-1&subset__where=id%20IN%20(SELECT%20id%20FROM%20users)",
)


async def test_bad_requests_are_answered_as_without_electric(
    server: Server, shared_server: Server, shared_installation: Installation
) -> None:
    token = await shared_installation.token()
    async with http(server, token) as behind, http(shared_server, token) as native:
        for query in BAD:
            answers = [await client.get(f"/v1/shape?{query}") for client in (behind, native)]
            assert [answer.status_code for answer in answers] == [400, 400], query
            assert answers[0].json() == answers[1].json(), query


OTHERS: Final = (
    *("/v1/shape/", "/v1/shape/x", "/v1/shape%2f..%2fhealth", "/v1//shape"),
    *("/v1/shape/../x", "/v1"),
)


async def test_no_other_path_leads_to_electric(
    server: Server, mock: MockElectric, shared_installation: Installation
) -> None:
    token = await shared_installation.token()
    for path in OTHERS:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = f"GET {path}?table=steps&offset=-1 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        signed = f"Connection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(f"{head}{signed}".encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 307")), (path, answer[:200])
        assert mock.received == [], path


async def test_a_stranger_gets_nothing_and_electric_is_not_asked(
    server: Server, mock: MockElectric
) -> None:
    async with http(server, None) as client:
        answer = await client.get("/v1/shape?table=steps&offset=-1")
    assert answer.status_code == 401
    assert mock.received == []


async def test_an_answer_that_breaks_off_breaks_the_connection(
    server: Server, mock: MockElectric, shared_installation: Installation
) -> None:
    mock.planned = [Planned(200, {"electric-handle": "1-1"}, (b"[", b"{"), is_cut=True)]
    async with http(server, await shared_installation.token()) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("/v1/shape?table=steps&offset=-1")
        answer = await client.get("/v1/shape?table=steps&offset=-1")
        assert answer.status_code == 200
    # uvicorn's, which breaks the connection.
    expect_error(server, "event=library.logged logger=uvicorn.error")
