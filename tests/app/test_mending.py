"""Two servers with a worker each and no Redis: a document is mended once, and everybody sees it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from pycrdt import Doc, Map
from websockets.asyncio.client import connect

from crdt.protocol.messages import Stateless
from persistence.ports.directory import SYSTEM
from tests.crdt import entries
from tests.crdt.entries import key, wire
from tests.editor import Editor, joined
from tests.hocuspocus import Authenticate, client_frame, read
from tests.server import Installation, Server, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 20.0


def step(name: str, **fields: Any) -> dict[str, Any]:
    """A step of a type that needs no fields, so that it gives rise to no diagnostics."""
    return entries.step(name, **{"type": "test_echo", **fields})


class Pair:
    """Two servers over one database, and the owner of the demo pipeline."""

    def __init__(self, installation: Installation, servers: list[Server], token: str) -> None:
        self.installation, self.servers, self.token = installation, servers, token
        self.pipeline_id = ""

    def room(self, number: int) -> str:
        return self.servers[number].room(self.pipeline_id, self.token)

    async def read(self, path: str, number: int = 0) -> Any:
        """Read what REST has of the pipeline."""
        url = self.servers[number].http(f"/api/pipelines/{self.pipeline_id}{path}")
        headers = {"Authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(headers=headers, timeout=PATIENCE) as client:
            answer = await client.get(url)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def repairs(self) -> int:
        async with self.installation.sql() as sql:
            query = "SELECT count(*) FROM pipeline_updates WHERE pipeline_id = $1 AND user_id = $2"
            found: int = await sql.fetchval(query, self.pipeline_id, SYSTEM.id)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(shared_installation: Installation) -> AsyncIterator[Pair]:
    environment = {**shared_installation.environment, "REDIS_URL": "redis://127.0.0.1:1/0"}
    alone = replace(shared_installation, environment=environment)
    async with alone.serve() as here, alone.serve() as there:
        yield Pair(alone, [here, there], await shared_installation.token())


@pytest_asyncio.fixture(loop_scope="module")
async def pair(servers: Pair) -> Pair:
    """The servers, with a new pipeline."""
    async with servers.installation.sql() as sql:
        team = await sql.fetchval("SELECT id FROM teams ORDER BY created_at LIMIT 1")
    headers = {"Authorization": f"Bearer {servers.token}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE) as client:
        made = await client.post(
            servers.servers[0].http("/api/pipelines"), json={"team_id": str(team), "name": "P"}
        )
    assert made.status_code == 201, made.text
    servers.pipeline_id = made.json()["id"]
    return servers


def put(**entries: Any) -> Any:
    """A change that writes steps: those that are mappings as a Y.Map, others as they are."""

    def change(doc: "Doc[Any]") -> None:
        for each, value in entries.items():
            root = doc.get("steps", type=Map)
            root[key(int(each[1:]))] = Map(value) if isinstance(value, dict) else value

    return change


def names(editor: Editor) -> set[str]:
    return {each["name"] for each in editor.steps.values() if isinstance(each, Map)}


async def test_both_servers_show_one_repair_by_the_user_system(pair: Pair) -> None:
    async with joined(pair.room(0)) as ada, joined(pair.room(1)) as ben:
        await asyncio.gather(
            ada.edit(put(s1=step("dup"), s3="no step")), ben.edit(put(s2=step("dup")))
        )
        for editor in (ada, ben):
            await editor.until("the repair", lambda: names(editor) == {"dup", "dup (2)"})  # noqa: B023
            await editor.until("the string gone", lambda: len(editor.steps) == 2)  # noqa: B023

        async def settled() -> bool:
            return (await pair.read("/diagnostics"))["items"] == []

        await eventually("no diagnostics", settled)
        assert await pair.repairs() == 1
        groups = (await pair.read("/history"))["items"]
        assert [each["user"]["name"] for each in groups if each["user_id"] == str(SYSTEM.id)] == [
            "system"
        ]


@pytest.mark.timed
async def test_a_page_sees_the_repair_within_a_second_of_quiet(pair: Pair) -> None:
    async with joined(pair.room(0)) as ada, joined(pair.room(1)) as ben:
        await ada.edit(put(s1=step("dup"), s2=step("dup")))
        began = time.monotonic()
        await ada.until("the repair", lambda: "dup (2)" in names(ada))
        here = time.monotonic() - began
        await ben.until("the repair", lambda: "dup (2)" in names(ben))
        assert (here < 1.0, time.monotonic() - began < 1.2) == (True, True), here


async def test_diagnostics_are_the_same_in_the_document_over_rest_and_in_the_event(
    pair: Pair,
) -> None:
    async with provider(pair, 1) as events, joined(pair.room(0)) as ada:
        await ada.edit(put(s1=step("a", type="quantum")))
        held = ada.doc.get("diagnostics", type=Map)
        await ada.until("the diagnostics", lambda: len(held) == 1)
        event = await asyncio.wait_for(events.get(), PATIENCE)
        assert event["event"] == "diagnostics.changed"
        listed = (await pair.read("/diagnostics", 1))["items"]
        assert [json.loads(str(held))[each] for each in held.keys()] == listed  # noqa: SIM118
        assert event["data"] == {"pipeline_id": pair.pipeline_id, "diagnostics": listed}
        await ada.edit(lambda _: held.update({"mine": "all is well"}))
        await ada.until("the client's own to be gone", lambda: [*held.keys()] != ["mine"])
        await ada.until("the client's own to be gone", lambda: "mine" not in held)


async def test_a_step_that_loses_a_connection_for_a_moment_gets_it_back(pair: Pair) -> None:
    async with joined(pair.room(0)) as ada:
        await ada.edit(put(s1=step("a"), s2=step("b", order="a1")))
        wires = ada.doc.get("connections", type=Map)
        await ada.edit(lambda _: wires.update({key(9): Map(wire(key(1), key(2)))}))
        await ada.edit(lambda _: ada.steps.pop(key(2)))
        held = ada.doc.get("diagnostics", type=Map)
        await ada.until("the diagnostic", lambda: len(held) == 1)
        assert (await pair.read("/connections"))["items"] == []
        assert key(9) in wires
        await ada.edit(put(s2=step("b", order="a1")))
        await ada.until("the diagnostic gone", lambda: len(held) == 0)
        assert [each["id"] for each in (await pair.read("/connections"))["items"]] == [key(9)]


async def test_a_named_version_holds_what_the_tables_show(pair: Pair) -> None:
    async with joined(pair.room(0)) as ada:
        await ada.edit(put(s1=step("dup"), s2=step("dup")))
        await ada.until_echoed()
        headers = {"Authorization": f"Bearer {pair.token}"}
        async with httpx.AsyncClient(headers=headers, timeout=PATIENCE) as client:
            url = pair.servers[0].http(f"/api/pipelines/{pair.pipeline_id}/versions")
            made = await client.post(url, json={"name": "v"})
        assert made.status_code == 201, made.text
        await ada.until("the repair", lambda: "dup (2)" in names(ada))
        assert await pair.repairs() == 1


@asynccontextmanager
async def provider(pair: Pair, number: int) -> AsyncIterator["asyncio.Queue[Any]"]:
    """The events that a Hocuspocus client receives."""
    events: asyncio.Queue[Any] = asyncio.Queue()
    async with connect(pair.servers[number].collab, max_size=None) as socket:
        await socket.send(client_frame(pair.pipeline_id, Authenticate(pair.token)))
        # The first answer says that the client is in the room: events before that pass it by.
        await asyncio.wait_for(socket.recv(), PATIENCE)
        receiving = asyncio.create_task(_receive(socket, events))
        try:
            yield events
        finally:
            receiving.cancel()


async def _receive(socket: Any, events: "asyncio.Queue[Any]") -> None:
    async for frame in socket:
        _, message = read(frame)
        if isinstance(message, Stateless):
            events.put_nowait(json.loads(message.payload))
