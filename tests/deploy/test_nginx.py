"""Two servers behind nginx, with the file of `deploy/`: what a browser does, and two restarts."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from crdt.protocol.hocuspocus import Authenticate
from crdt.protocol.messages import SyncStep1, SyncStep2
from tests.app.test_crash import Ledger, prepared
from tests.conftest import Tell
from tests.deploy import nginx as module
from tests.deploy.in_front import Proxy, in_front_of
from tests.deploy.nginx import REMEDY, VARIABLE, nginx
from tests.deploy.rolling import a_fleet, come, lost, writing
from tests.hocuspocus import client_frame, read
from tests.server import PATIENCE, Installation

NAME = "pipeloom.example.com"
SETTINGS = {"PIPELOOM_DRAIN_DELAY": "0.2", "PIPELOOM_ALLOWED_HOSTS": NAME}
FORGED = "203.0.113.7"


@asynccontextmanager
async def asking(proxy: Proxy, token: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": FORGED}
    async with httpx.AsyncClient(
        base_url=proxy.http("/api"), headers=headers, verify=proxy.trusting, timeout=PATIENCE
    ) as client:
        yield client


def large_file() -> bytes:
    """A pipeline file of 1.7 MB: more than nginx takes by itself, less than the server."""
    prompt = [{"type": "static", "content": "x" * 170_000}]
    steps = [{"name": f"s{n}", "type": "claude", "prompt": prompt} for n in range(10)]
    return json.dumps({"workflow": {"name": "Large", "steps": steps}}).encode()


async def test_what_a_browser_does_works_behind_it_and_a_restart_loses_nothing(
    installation: Installation,
    redis_url: str,
    tmp_path: Path,
    tell: Tell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = replace(installation, environment={**SETTINGS, "REDIS_URL": redis_url})
    ledger = Ledger(random.Random(1))
    async with a_fleet() as fleet:
        await fleet.start(house)
        await fleet.start(house, "--no-worker")
        token = await house.token()
        pipeline_id = await prepared(fleet.servers[0], house, token)
        async with in_front_of(fleet.ports, tmp_path / "nginx") as proxy:
            monkeypatch.setenv("SSL_CERT_FILE", str(proxy.certificate))
            await read_over_collab(proxy, pipeline_id, token)
            async with asking(proxy, token) as client:
                await hear_of_a_comment(client, pipeline_id)
                await put_a_large_file(client)
            await go_by_its_names(proxy)
            await let_its_own_pages_in(proxy, proxy.room(pipeline_id, token))
            async with writing(proxy.room(pipeline_id, token), ledger, writers=3):
                for number, options in enumerate([(), ("--no-worker",)]):
                    await come(ledger)
                    await fleet.replace(number, house, *options)
                await come(ledger)
            missing = await lost(ledger, proxy, house, pipeline_id, token)
            told = proxy.log.read_text()
    tell(f"nginx: {ledger.sent} updates sent, {len(ledger.echoed)} echoed, 2 restarts")
    assert not missing
    assert len(ledger.echoed) > 30
    assert token not in told
    assert f"/ws/{pipeline_id}" in told
    async with house.sql() as sql:
        addresses = await sql.fetch("SELECT DISTINCT address FROM audit_log")
    known = {row["address"] for row in addresses}
    assert "127.0.0.1" in known
    assert FORGED not in known


async def read_over_collab(proxy: Proxy, pipeline_id: str, token: str) -> None:
    async with connect(proxy.collab, max_size=None) as socket, asyncio.timeout(PATIENCE):
        for message in (Authenticate(token), SyncStep1(b"\x00")):
            await socket.send(client_frame(pipeline_id, message))
        async for frame in socket:
            assert isinstance(frame, bytes)
            if isinstance(read(frame)[1], SyncStep2):
                return


async def hear_of_a_comment(client: httpx.AsyncClient, pipeline_id: str) -> None:
    """Nothing holds an event back, which is much shorter than a buffer."""
    comments = f"/pipelines/{pipeline_id}/comments"
    async with client.stream("GET", f"/pipelines/{pipeline_id}/events") as stream:
        lines = stream.aiter_lines()
        written = await client.post(comments, json={"content": "Who wrote this?"})
        assert written.status_code == 201, written.text
        async with asyncio.timeout(PATIENCE):
            async for line in lines:
                if line == "event: comment.created":
                    return
    raise AssertionError("expected an event, got the end of the stream")


async def put_a_large_file(client: httpx.AsyncClient) -> None:
    teams = (await client.get("/teams")).json()
    made = await client.post("/pipelines", json={"name": "Large", "team_id": first_id(teams)})
    assert made.status_code == 201, made.text
    path, kind = f"/pipelines/{made.json()['id']}/yaml", {"Content-Type": "application/yaml"}
    put = await client.put(path, content=large_file(), headers=kind)
    assert put.status_code == 200, put.text
    refused = await client.put(path, content=b"#" * 3 * 1024 * 1024, headers=kind)
    assert (refused.status_code, refused.json()["code"]) == (413, "too_big")


def first_id(listed: Any) -> str:
    rows = listed["items"] if isinstance(listed, dict) else listed
    return str(rows[0]["id"])


async def go_by_its_names(proxy: Proxy) -> None:
    """By http people are led to https; a name that is none of the server's gets 421."""
    async with httpx.AsyncClient(verify=proxy.trusting) as client:
        led = await client.get(f"http://127.0.0.1:{proxy.plain_port}/home?view=all")
        assert led.headers["Location"] == "https://127.0.0.1/home?view=all"
        for name, status in ((NAME, 200), ("evil.example", 421)):
            answer = await client.get(proxy.http("/home"), headers={"Host": name})
            assert answer.status_code == status, name


async def let_its_own_pages_in(proxy: Proxy, room: str) -> None:
    """The server knows its own pages by the header `Host`, which nginx passes on."""
    async with connect(room, origin=Origin(f"https://127.0.0.1:{proxy.port}")):
        pass
    with pytest.raises(InvalidStatus) as refused:
        await connect(room, origin=Origin("https://evil.example"))
    assert refused.value.response.status_code == 403


def test_without_nginx_it_fails_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "/nowhere/nginx")
    with pytest.raises(AssertionError) as failed:
        nginx()
    assert REMEDY in str(failed.value)


def test_it_is_unpacked_in_the_first_way_that_leads_to_a_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[tuple[str, ...]] = []
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(module, "UNPACKED", tmp_path)
    monkeypatch.setattr(module, "_candidates", lambda: iter([str(tmp_path / "nginx")]))
    monkeypatch.setattr(module, "is_root", lambda: True)

    def succeeds(command: tuple[str, ...], folder: Path | None = None) -> bool:
        tried.append(command)
        return command[-1] == "update"

    monkeypatch.setattr(module, "succeeds", succeeds)
    assert module.main() == REMEDY
    assert [command[-1] for command in tried] == ["nginx", "update", "nginx"]
