"""PostgreSQL away: editing goes on, nothing is acknowledged, memory is bounded, nothing is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import httpx
import pytest
from pycrdt import Map

from crdt.protocol.messages import SyncStep1
from tests.database_gate import DatabaseGate, gated
from tests.editor import Editor, joined, visiting
from tests.server import Installation, Server, eventually

EDITS = 20
LITTLE = {"PIPELOOM_PENDING_BYTES": "20000"}


@dataclass
class Scene:
    """A server whose way to PostgreSQL leads through a gate, and two pipelines."""

    installation: Installation
    server: Server
    gate: DatabaseGate
    room: str
    other_room: str

    async def stored_steps(self) -> set[str]:
        """The names of the steps that a newcomer is given."""
        async with joined(self.room) as newcomer:
            return names_in(newcomer)

    async def readiness(self) -> tuple[int, str]:
        async with httpx.AsyncClient() as client:
            answer = await client.get(self.server.http("/readyz"))
        return answer.status_code, answer.json()["checks"]["postgresql"]

    async def is_ready(self) -> bool:
        return (await self.readiness())[0] == 200

    async def checks(self) -> dict[str, str]:
        """What each part of the server says of itself."""
        async with httpx.AsyncClient() as client:
            answer = await client.get(self.server.http("/readyz"))
        return dict(answer.json()["checks"])


@asynccontextmanager
async def a_scene(
    installation: Installation, environment: dict[str, str] | None = None
) -> AsyncIterator[Scene]:
    async with gated(installation.database_url) as gate:
        behind = replace(installation, database_url=gate.dsn, environment=environment or {})
        async with behind.serve() as server:
            token, pipeline_id = await installation.token(), await installation.demo_pipeline()
            async with httpx.AsyncClient(headers={"Authorization": f"Bearer {token}"}) as client:
                forked = await client.post(server.http(f"/api/pipelines/{pipeline_id}/fork"))
            rooms = [server.room(each, token) for each in (pipeline_id, forked.json()["id"])]
            yield Scene(installation, server, gate, *rooms)


async def add_step(editor: Editor, name: str) -> None:
    """Add a step that a row can hold."""
    step = {"name": name, "type": "claude", "enabled": True, "slot": "steps", "order": "a0"}
    await editor.edit(lambda _: editor.steps.update({str(uuid4()): Map(step)}))


def names_in(editor: Editor) -> set[str]:
    return {step["name"] for step in editor.steps.values()}


def away(gate: DatabaseGate) -> None:
    gate.shut()


def hanging(gate: DatabaseGate) -> None:
    gate.hold()


@pytest.mark.parametrize("go", [away, hanging])
async def test_edits_are_shared_at_once_and_acknowledged_when_it_is_back(
    installation: Installation, go: Callable[[DatabaseGate], None]
) -> None:
    names = {f"during {number}" for number in range(EDITS)}
    async with (
        a_scene(installation) as scene,
        joined(scene.room) as alice,
        joined(scene.room) as bob,
    ):
        await add_step(alice, "before")
        await alice.until_echoed()
        go(scene.gate)
        for name in sorted(names):
            await add_step(alice, name)
        await bob.until("the edits of Alice", lambda: names <= names_in(bob))
        assert len(alice.unechoed) == EDITS
        scene.gate.open()
        await alice.until_echoed()
        assert names <= await scene.stored_steps()
        await eventually("the steps in the tables", lambda: are_in_tables(installation, names))


FILL_THE_DISK = """
    CREATE FUNCTION refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE disk_full USING MESSAGE = 'could not extend file: No space left on device';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON pipeline_updates
        EXECUTE FUNCTION refuse_update();
"""
CLEAR_THE_DISK = "DROP TRIGGER full_disk ON pipeline_updates; DROP FUNCTION refuse_update()"


async def test_a_full_disk_is_said_at_once_and_ends_readiness_though_postgresql_answers(
    installation: Installation,
) -> None:
    async with a_scene(installation) as scene, joined(scene.room) as alice:
        async with installation.sql() as sql:
            await sql.execute(FILL_THE_DISK)
            await add_step(alice, "waits")

            async def is_logged() -> bool:
                return "log.not_written" in scene.server.program.log

            async def is_unready() -> bool:
                return not await scene.is_ready()

            await eventually("a line in the log", is_logged)
            await eventually("a server that is not ready", is_unready)
            assert "No space left on device" in (await scene.checks())["commits"]
            assert (await scene.readiness()) == (503, "ok")
            assert alice.is_open
            assert alice.unechoed
            await sql.execute(CLEAR_THE_DISK)
        await alice.until_echoed()
        await eventually("a server that is ready again", scene.is_ready)
        assert "log.written_again" in scene.server.program.log


async def are_in_tables(installation: Installation, names: set[str]) -> bool:
    async with installation.sql() as sql:
        return names <= {row["name"] for row in await sql.fetch("SELECT name FROM steps")}


async def test_whoever_comes_meanwhile_is_asked_to_come_again(installation: Installation) -> None:
    async with a_scene(installation) as scene, joined(scene.room) as alice:
        scene.gate.shut()
        async with visiting(scene.other_room) as visitor:
            code, reason = await visitor.close_code()
        assert (code, reason) == (1013, "the database is away: try again later")
        status, said = await scene.readiness()
        assert status == 503
        assert said != "ok"
        assert alice.is_open
        scene.gate.open()

        async def is_ready() -> bool:
            return await scene.readiness() == (200, "ok")

        await eventually("a server that is ready again", is_ready)
        async with joined(scene.other_room) as visitor:
            assert visitor.steps


async def test_what_waits_is_bounded_and_what_was_let_go_comes_back(
    installation: Installation,
) -> None:
    async with a_scene(installation, LITTLE) as scene:
        async with joined(scene.room) as alice:
            await add_step(alice, "before")
            await alice.until_echoed()
            scene.gate.shut()
            await write_until_closed(alice)
            code, _ = await alice.close_code()
            assert code == 1013
        scene.gate.open()
        assert "before" in await eventually("a room that opens", lambda: stored_if_open(scene))
        async with visiting(scene.room) as again:
            again.doc = alice.doc
            await again.send(SyncStep1(alice.doc.get_state()))
            await again.until_synced()
            written = names_in(alice)
            assert len(written) > 2

            async def all_are_stored() -> bool:
                return await are_in_tables(installation, written)

            await eventually("what was not acknowledged, too", all_are_stored)


async def stored_if_open(scene: Scene) -> set[str]:
    try:
        return await scene.stored_steps()
    except AssertionError:
        return set()


async def write_until_closed(editor: Editor) -> None:
    """Write many times what may wait, or less if the close comes before all of it is sent."""
    for number in range(1_000):
        if not editor.is_open:
            return
        await add_step(editor, f"{number} {'x' * 100}")
        await asyncio.sleep(0)
