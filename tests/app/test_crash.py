"""`kill -9` at random moments: what was acknowledged is kept, and nothing is there twice.

The moments differ from run to run; PIPELOOM_TEST_SEED repeats those of one (tests/rounds.py).
"""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack
from itertools import count
from typing import Any
from uuid import UUID

from pycrdt import Doc, Map, Text

from tests.conftest import Tell
from tests.editor import Editor, joined
from tests.rounds import SEED, rounds
from tests.server import Installation, Program, Server, eventually

SERVER_KILLS, WORKER_KILLS = rounds(50, few=3), rounds(15, few=2)
WRITERS = 3
IN_FLIGHT = 8
"""Edits that a writer sends ahead of their acknowledgement."""

LONGEST_LIFE = 60
"""Edits after which a server is killed at the latest: more than may be unacknowledged."""

CAUGHT_UP = """
SELECT d.head_seq = c.seq FROM pipeline_documents d JOIN projection_cursors c USING (pipeline_id)
WHERE pipeline_id = $1
"""


class Ledger:
    """Every edit has a marker: which were sent, and which of these acknowledged."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._numbers = count(1)
        self.sent = 0
        self.echoed: set[str] = set()

    async def write(self, editor: Editor, *, pause: float = 0) -> None:
        """Edit until the connection ends or the task is cancelled."""
        markers: dict[bytes, str] = {}
        try:
            while editor.is_open:
                await self._write_one(editor, markers)
                await asyncio.sleep(pause)
        finally:
            unechoed = set(editor.unechoed)
            self.echoed |= {marker for update, marker in markers.items() if update not in unechoed}

    async def write_one(self, editor: Editor) -> str:
        """Make one edit; return its marker once it is acknowledged."""
        markers: dict[bytes, str] = {}
        await self._write_one(editor, markers)
        await editor.until_echoed()
        (marker,) = markers.values()
        self.echoed.add(marker)
        return marker

    async def _write_one(self, editor: Editor, markers: dict[bytes, str]) -> None:
        marker = f"m{next(self._numbers)}"
        step_id = str(UUID(int=self._rng.getrandbits(128), version=4))
        update = await editor.edit(lambda doc: mark(doc, marker, step_id))
        markers[update] = marker
        self.sent += 1
        await editor.until(
            "acknowledgements", lambda: len(editor.unechoed) < IN_FLIGHT or not editor.is_open
        )


def mark(doc: "Doc[Any]", marker: str, step_id: str) -> None:
    """Leave a marker at two places: a step of its name, and a word in a text shared by all."""
    steps: Map[Any] = doc.get("steps", type=Map)
    steps[step_id] = Map(
        {
            "name": marker,
            "type": "claude",
            "enabled": True,
            "parent_step_id": None,
            "slot": "steps",
            "order": f"b{int(marker[1:]):06}",
            "position": {"x": 0, "y": 0},
            "size": {"width": 200, "height": 100},
            "config": Map({}),
        }
    )
    text_of(doc).insert(0, f"{marker} ")


def text_of(doc: "Doc[Any]") -> Text:
    settings: Map[Any] = doc.get("pipeline", type=Map)
    text = settings["description"]
    assert isinstance(text, Text)
    return text


def prepare(doc: "Doc[Any]") -> None:
    """Begin an empty text for the markers, in a demo without steps."""
    settings: Map[Any] = doc.get("pipeline", type=Map)
    settings["description"] = Text()
    for root in ("steps", "connections"):
        entries: Map[Any] = doc.get(root, type=Map)
        for key in list(entries.keys()):
            del entries[key]


def markers_in(doc: "Doc[Any]") -> set[str]:
    """The markers of a document, having checked that both places agree and none is doubled."""
    steps: Map[Any] = doc.get("steps", type=Map)
    names = [step["name"] for step in steps.values()]
    assert Counter(str(text_of(doc)).split()) == Counter(set(names)) == Counter(names)
    return set(names)


async def markers_in_tables(installation: Installation, pipeline_id: str) -> set[str]:
    """The markers in the tables once these have caught up, checked in the same way."""
    async with installation.sql() as sql:

        async def caught_up() -> bool:
            return bool(await sql.fetchval(CAUGHT_UP, pipeline_id))

        await eventually("tables as new as the log", caught_up)
        rows = await sql.fetch("SELECT name FROM steps WHERE pipeline_id = $1", pipeline_id)
        text = await sql.fetchval("SELECT description FROM pipelines WHERE id = $1", pipeline_id)
    names = [row["name"] for row in rows]
    assert Counter(text.split()) == Counter(set(names)) == Counter(names)
    return set(names)


async def prepared(server: Server, installation: Installation, token: str) -> str:
    """Prepare the demo pipeline; return its id."""
    pipeline_id = await installation.demo_pipeline()
    async with joined(server.room(pipeline_id, token)) as editor:
        await editor.edit(prepare)
        await editor.until_echoed()
    return pipeline_id


async def test_killed_servers_keep_every_acknowledged_edit(
    installation: Installation, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    ledger = Ledger(rng)
    async with installation.serve() as server:
        token = await installation.token()
        pipeline_id = await prepared(server, installation, token)
    for number in range(SERVER_KILLS):
        # The first life is long enough for acknowledgements, whatever the seed.
        edits = rng.randrange(LONGEST_LIFE) if number else LONGEST_LIFE
        async with installation.serve() as server:
            await one_life(server, server.room(pipeline_id, token), ledger, edits)
    async with installation.serve() as server:
        async with joined(server.room(pipeline_id, token)) as auditor:
            kept = markers_in(auditor.doc)
        assert await markers_in_tables(installation, pipeline_id) == kept
    lost = ledger.echoed - kept
    tell(
        f"server: seed {SEED}, {SERVER_KILLS} kills, {ledger.sent} updates sent, "
        f"{len(ledger.echoed)} echoed, {len(lost)} lost"
    )
    assert not lost
    assert len(ledger.echoed) >= SERVER_KILLS


async def one_life(server: Server, room: str, ledger: Ledger, edits: int) -> None:
    """Write to a server until it is killed, after so many edits.

    What its predecessors acknowledged is there.
    """
    async with AsyncExitStack() as stack:
        editors = [await stack.enter_async_context(joined(room)) for _ in range(WRITERS)]
        assert ledger.echoed <= markers_in(editors[0].doc)
        async with asyncio.TaskGroup() as writers:
            for editor in editors:
                writers.create_task(ledger.write(editor))
            writers.create_task(kill_after(server.program, ledger, ledger.sent + edits))


async def kill_after(program: Program, ledger: Ledger, edits: int) -> None:
    async def written() -> bool:
        return ledger.sent >= edits

    await eventually(f"{edits} edits", written)
    await program.kill()


async def test_killed_workers_leave_tables_that_catch_up(
    installation: Installation, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    ledger = Ledger(rng)
    async with installation.serve("--no-worker") as server:
        token = await installation.token()
        pipeline_id = await prepared(server, installation, token)
        async with joined(server.room(pipeline_id, token)) as editor:
            writing = asyncio.create_task(ledger.write(editor, pause=0.01))
            for _ in range(WORKER_KILLS):
                await one_worker(installation, pipeline_id, rng)
            writing.cancel()
            await asyncio.wait([writing])
            await editor.until_echoed()
            kept = markers_in(editor.doc)
        async with installation.background("worker"):
            projected = await markers_in_tables(installation, pipeline_id)
    tell(
        f"worker: seed {SEED}, {WORKER_KILLS} kills, {ledger.sent} updates, "
        f"{len(kept - projected)} lost"
    )
    assert projected == kept
    assert len(kept) == ledger.sent >= WORKER_KILLS


async def one_worker(installation: Installation, pipeline_id: str, rng: random.Random) -> None:
    """Let a worker begin to project, and kill it at some moment after that."""
    async with installation.sql() as sql:

        async def cursor() -> int:
            query = "SELECT seq FROM projection_cursors WHERE pipeline_id = $1"
            return int(await sql.fetchval(query, pipeline_id))

        before = await cursor()

        async def has_projected() -> bool:
            return await cursor() > before

        async with installation.background("worker") as worker:
            await eventually("a worker that projects", has_projected)
            # The moment is what the test is about; it waits for nothing here.
            await asyncio.sleep(rng.random() / 10)
            await worker.kill()
