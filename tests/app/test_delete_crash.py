"""`kill -9` while teams are deleted, restored and purged: each is whole there or whole gone.

The moments differ from run to run; PIPELOOM_TEST_SEED repeats those of one (tests/rounds.py).
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Final
from uuid import UUID, uuid4

import httpx
from websockets.exceptions import WebSocketException

from crdt.document.document import Document
from crdt.document.schema import seed
from persistence.ports.directory import NewPipeline
from persistence.ports.update_log import NewUpdate
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.pool import Pool, open_pool
from persistence.postgres.update_log import PostgresUpdateLog
from tests.app.test_crash import Ledger, markers_in, markers_in_tables, prepared
from tests.conftest import Tell
from tests.contracts.stores import NOON, a_pipeline
from tests.convergence.edits import Author, first_draft
from tests.directory import WritableDirectory
from tests.editor import joined
from tests.rounds import SEED, rounds
from tests.server import PATIENCE, Installation, Server, eventually

WORKER_KILLS, SERVER_KILLS = rounds(20, few=2), rounds(30, few=2)
TEAMS, PIPELINES, UPDATES = 6, 6, 6
"""How many become due before each kill of a worker, and what is in each."""

PURGED: Final = "SELECT count(*) FROM audit_log WHERE action IN ('pipeline.purged', 'team.purged')"
DUE: Final = "SELECT count(*) FROM teams WHERE deleted_at < now() - interval '30 days'"
ENTRIES: Final = "SELECT action, subject_id FROM audit_log WHERE team_id = $1"


@asynccontextmanager
async def a_pool(installation: Installation) -> AsyncIterator[Pool]:
    pool = await open_pool(installation.database_url, max_size=4)
    try:
        yield pool
    finally:
        await pool.close()


def updates_of(rng: random.Random) -> list[bytes]:
    """A document's seed, and some edits of it."""
    document = Document()
    made, author = [seed(document, first_draft())], Author(rng)
    while len(made) < UPDATES:
        with document.transact() as updates:
            author.edit(document.doc)
        made += updates
    return made


class Teams:
    """Teams that were deleted long ago, and which of them somebody has restored since."""

    def __init__(self, pool: Pool, rng: random.Random) -> None:
        self._pool, self._rng = pool, rng
        self._directory, self._log = WritableDirectory(pool), PostgresUpdateLog(pool)
        self._deletions = PostgresDeletions(pool)
        self._numbers = count(1)
        self.pipelines: dict[UUID, dict[UUID, list[bytes]]] = {}
        self.restored: set[UUID] = set()

    async def add(self) -> None:
        """Make one more, with pipelines; the first of these was deleted by itself yesterday."""
        name = f"crash-{next(self._numbers)}"
        organization = await self._directory.create_organization(name, name)
        team = await self._directory.create_team(organization, name, name)
        self.pipelines[team] = {}
        for _ in range(PIPELINES):
            await self._add_pipeline(team)
        first = min(self.pipelines[team])
        await self._pool._driver.execute(
            "UPDATE pipelines SET deleted_at = now() - interval '1 day' WHERE id = $1", first
        )
        await self._pool._driver.execute(
            "UPDATE teams SET deleted_at = now() - interval '31 days' WHERE id = $1", team
        )

    async def _add_pipeline(self, team: UUID) -> None:
        pipeline, updates = uuid4(), updates_of(self._rng)
        row = a_pipeline()
        await self._directory.create_pipeline(
            NewPipeline(pipeline, team, None, row, updates[0], NOON)
        )
        await self._log.append([NewUpdate(pipeline, None, one, NOON) for one in updates[1:]])
        self.pipelines[team][pipeline] = updates

    async def restore_some(self) -> None:
        """Restore teams, one after the other, until cancelled: some come too late."""
        while True:
            team = self._rng.choice(list(self.pipelines))
            # Not cancelled in between, or nobody would know whether it was restored.
            await asyncio.shield(asyncio.create_task(self._restore(team)))
            await asyncio.sleep(self._rng.random() / 4)

    async def _restore(self, team: UUID) -> None:
        if await self._deletions.restore("team", team):
            self.restored.add(team)

    async def check(self) -> None:
        """Each that was restored has all it had, and of the others nothing is left."""
        for team, pipelines in self.pipelines.items():
            is_there = team in self.restored
            expected = pipelines if is_there else {one: [] for one in pipelines}
            held = {one: await self._payloads(one) for one in pipelines}
            if is_there:
                # The worker mends what is restored, where the edits of its authors need that.
                held = {one: held[one][: len(pipelines[one])] for one in pipelines}
            assert held == expected
            for table, column in (("teams", "id"), ("pipelines", "team_id")):
                query = f"SELECT count(*) FROM {table} WHERE {column} = $1"
                assert bool(await self._pool._driver.fetchval(query, team)) is is_there
            await self._check_audit_log(team, is_there=is_there)

    async def _payloads(self, pipeline: UUID) -> list[bytes]:
        return [update.payload for update in await self._log.since(pipeline, 0)]

    async def _check_audit_log(self, team: UUID, *, is_there: bool) -> None:
        entries = await self._pool._driver.fetch(ENTRIES, team)
        gone = [row["subject_id"] for row in entries if row["action"].endswith(".purged")]
        assert sorted(gone) == ([] if is_there else sorted([team, *self.pipelines[team]]))
        assert ("team.restored" in {row["action"] for row in entries}) is is_there


async def test_killed_workers_leave_teams_whole_or_gone(
    installation: Installation, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    async with installation.serve("--no-worker"), a_pool(installation) as pool:
        teams = Teams(pool, rng)
        for _ in range(WORKER_KILLS):
            for _ in range(TEAMS):
                await teams.add()
            await one_worker(installation, pool, teams, rng)

        async def nothing_due() -> bool:
            return not await pool._driver.fetchval(DUE)

        async with installation.background("worker"):
            await eventually("teams that are purged", nothing_due)
        await teams.check()
    tell(
        f"purging: seed {SEED}, {WORKER_KILLS} kills, {len(teams.pipelines)} teams, "
        f"{len(teams.restored)} of them restored meanwhile"
    )


async def one_worker(
    installation: Installation, pool: Pool, teams: Teams, rng: random.Random
) -> None:
    """Let a worker begin to purge while somebody restores, and kill it at some moment after."""
    before = await pool._driver.fetchval(PURGED)

    async def has_purged() -> bool:
        purged = await pool._driver.fetchval(PURGED)
        return bool(purged > before) or not await pool._driver.fetchval(DUE)

    async with installation.background("worker") as worker:
        restoring = asyncio.create_task(teams.restore_some())
        await eventually("a worker that purges", has_purged)
        # The moment is what the test is about; it waits for nothing here.
        await asyncio.sleep(rng.random() / 20)
        await worker.kill()
        restoring.cancel()
        await asyncio.wait([restoring])


@dataclass
class DemoTeam:
    """The demo team, whether it is deleted as far as was acknowledged, and what is on its way."""

    id: UUID
    pipeline: str
    token: str
    is_deleted: bool = False
    is_changing: bool = False
    changes: int = 0

    async def change(self, server: Server) -> None:
        """Delete and restore it in turns until the server is gone."""
        headers = {"authorization": f"Bearer {self.token}"}
        async with httpx.AsyncClient(headers=headers, timeout=PATIENCE) as http:
            with suppress(httpx.TransportError):
                while True:
                    self.is_changing = True
                    answer = await self._request(http, server)
                    assert answer.status_code in (200, 204), answer.text
                    self.is_deleted, self.is_changing = not self.is_deleted, False
                    self.changes += 1
                    await asyncio.sleep(0.1)

    async def _request(self, http: httpx.AsyncClient, server: Server) -> httpx.Response:
        if self.is_deleted:
            return await http.post(server.http(f"/api/deleted-teams/{self.id}/restore"))
        return await http.delete(server.http(f"/api/teams/{self.id}?force=true"))

    async def write(self, server: Server, ledger: Ledger) -> None:
        """Edit whenever it is there, until the server is gone."""
        while True:
            try:
                async with joined(server.room(self.pipeline, self.token)) as editor:
                    await ledger.write(editor)
            except (AssertionError, WebSocketException):
                await asyncio.sleep(0.01)  # it is deleted (4404), or the server goes just now
            except OSError:
                return


async def test_killed_servers_leave_a_team_deleted_or_there_with_every_edit(
    installation: Installation, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    ledger = Ledger(rng)
    async with installation.serve() as server:
        token = await installation.token()
        pipeline = await prepared(server, installation, token)
    async with installation.sql() as sql:
        team = DemoTeam(await sql.fetchval("SELECT id FROM teams"), pipeline, token)
        for _ in range(SERVER_KILLS):
            async with installation.serve() as server:
                await one_life(server, team, ledger, rng)
            is_deleted = await sql.fetchval("SELECT deleted_at IS NOT NULL FROM teams")
            assert is_deleted == team.is_deleted or team.is_changing
            team.is_deleted, team.is_changing = is_deleted, False
        await sql.execute("UPDATE teams SET deleted_at = NULL")
    async with installation.serve() as server:
        async with joined(server.room(pipeline, token)) as auditor:
            kept = markers_in(auditor.doc)
        assert await markers_in_tables(installation, pipeline) == kept
    tell(
        f"deleting: seed {SEED}, {SERVER_KILLS} kills, {team.changes} deletions and restorations, "
        f"{len(ledger.echoed)} edits echoed, {len(ledger.echoed - kept)} lost"
    )
    assert ledger.echoed <= kept
    assert team.changes > 0


async def one_life(server: Server, team: DemoTeam, ledger: Ledger, rng: random.Random) -> None:
    enough = team.changes + 1 + rng.randrange(6)

    async def changed() -> bool:
        return team.changes >= enough

    async with asyncio.TaskGroup() as people:
        people.create_task(team.change(server))
        people.create_task(team.write(server, ledger))
        await eventually(f"{enough} changes", changed)
        # The moment is what the test is about; it waits for nothing here.
        await asyncio.sleep(rng.random() / 10)
        await server.program.kill()
