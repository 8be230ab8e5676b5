"""`kill -9` of workers that fold and purge: every prefix, version and history stays what it was.

The moments differ from run to run; PIPELOOM_TEST_SEED repeats those of one (tests/rounds.py).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID, uuid4

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, seed
from crdt.protocol.messages import SyncStep1
from crdt.updates.state_vector import read_state_vector
from crdt.validation.reading import read_pipeline
from persistence.ports.directory import DEMO_TEAM, NewPipeline
from persistence.ports.update_log import LoggedUpdate, NewUpdate, StoredDocument
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.pool import WORKER, Pool, open_pool
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.postgres.versions import PostgresVersions
from persistence.worker.edit_history import edited_entries, group_edits
from persistence.worker.log_check import faults_of
from persistence.worker.replay import replay
from persistence.worker.version_snapshot import VersionMetadata, version_of
from tests.app.test_crash import Ledger, markers_in, prepared
from tests.conftest import Tell
from tests.contracts.stores import a_pipeline
from tests.convergence.edits import Author, first_draft
from tests.editor import joined, visiting
from tests.rounds import SEED, rounds
from tests.server import Installation, eventually

KILLS = rounds(20, few=2)
PIPELINES = 4
EDITS = 80
LONG_AGO = timedelta(days=40)

LEFT = """
SELECT count(*) FROM projection_cursors AS c
WHERE c.pipeline_id = ANY ($1) AND c.folded_seq < (
    SELECT max(u.seq) FROM pipeline_updates AS u
    WHERE u.pipeline_id = c.pipeline_id AND u.received_at < now() - interval '30 days'
)
"""
BEHIND = """
SELECT count(*) FROM projection_cursors AS c JOIN pipeline_documents AS d USING (pipeline_id)
WHERE c.seq < d.head_seq
"""
ROWS = "SELECT count(*) FROM pipeline_updates WHERE pipeline_id = ANY ($1)"


@dataclass
class Kept:
    """A pipeline of long ago, and what its log makes up to each number."""

    id: UUID
    updates: list[LoggedUpdate] = field(default_factory=list)
    versions: dict[int, object] = field(default_factory=dict)
    history: object = None


def content(document: Document) -> object:
    return read_pipeline(PipelineReader(document))


def prefixes_of(updates: list[LoggedUpdate]) -> dict[int, object]:
    """What each row of a log makes together with all before it, by its number."""
    found: dict[int, object] = {}
    document, _ = replay(StoredDocument(None, 0, ()))
    for update in updates:
        if update.seq == 1:
            document.load(update.payload)
        else:
            document.apply(update.payload)
        found[update.seq] = content(document)
    return found


async def history_of(log: PostgresUpdateLog, pipeline: UUID) -> object:
    groups = group_edits(await log.newest_updates(pipeline, 10**6))
    updates = await log.since(pipeline, 0)
    entries = [
        edited_entries(
            StoredDocument(None, 0, [u for u in updates if u.seq < group.first_seq]),
            [u for u in updates if group.first_seq <= u.seq <= group.last_seq],
            group.user_id,
        )
        for group in groups
    ]
    return groups, entries


@asynccontextmanager
async def a_pool(installation: Installation) -> AsyncIterator[Pool]:
    pool = await open_pool(installation.database_url, max_size=2)
    try:
        yield pool
    finally:
        await pool.close()


async def made(pool: Pool, rng: Random) -> Kept:
    """Make a pipeline that two people edited long ago, with versions at some of its numbers."""
    directory, log = PostgresDirectory(pool), PostgresUpdateLog(pool)
    people = [
        (await directory.user_by_email(f"{who}@demo.pipeloom")).id for who in ("owner", "viewer")
    ]
    team, document, moment = await directory.team_by_slug(DEMO_TEAM), Document(), _long_ago()
    first = seed(document, first_draft())
    kept = Kept(uuid4())
    row = a_pipeline()
    await directory.create_pipeline(NewPipeline(kept.id, team, None, row, first, moment))
    author, edits, who = Author(rng), list[NewUpdate](), people[0]
    while len(edits) < EDITS:
        who = rng.choice(people) if rng.random() < 0.1 else who
        moment += timedelta(seconds=rng.expovariate(1 / 2))
        with document.transact() as updates:
            author.edit(document.doc)
        edits += [NewUpdate(kept.id, who, update, moment) for update in updates]
    await log.append(edits)
    kept.updates = await log.since(kept.id, 0)
    return kept


def _long_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - LONG_AGO


async def save_versions(pool: Pool, kept: Kept, rng: Random) -> None:
    versions = PostgresVersions(pool)
    for seq in sorted(rng.sample(range(2, len(kept.updates)), 3)):
        document, _ = replay(StoredDocument(None, 0, kept.updates[:seq]))
        metadata = VersionMetadata(f"of {seq}", None, None, _long_ago())
        await versions.save(version_of(kept.id, document, seq, metadata))
        kept.versions[seq] = content(document)


async def test_killed_folders_change_nothing_that_anybody_can_ask(
    installation: Installation, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = Random(SEED)
    folding = replace(installation, environment={"PIPELOOM_FOLD_AFTER_DAYS": "30"})
    async with installation.serve("--no-worker") as server, a_pool(installation) as pool:
        token = await installation.token()
        demo = await prepared(server, installation, token)
        log = PostgresUpdateLog(pool)
        logs = [await made(pool, rng) for _ in range(PIPELINES)]
        await project(installation, pool)
        for kept in logs:
            await save_versions(pool, kept, rng)
            kept.history = await history_of(log, kept.id)
        before = {kept.id: prefixes_of(kept.updates) for kept in logs}
        ids = [kept.id for kept in logs]
        ledger = Ledger(rng)
        async with joined(server.room(demo, token)) as editor:
            writing = asyncio.create_task(ledger.write(editor, pause=0.01))
            for number in range(KILLS):
                await one_folder(folding, pool, ids, rng)
                kept = logs[number % len(logs)]
                await come_back(server.room(str(kept.id), token), kept)
            async with folding.background("worker"):
                await eventually("folded logs", lambda: are_folded(pool, ids))
            await come_back(server.room(str(ids[-1]), token), logs[-1])
            writing.cancel()
            await asyncio.wait([writing])
            await editor.until_echoed()
            assert ledger.echoed <= markers_in(editor.doc)
        rows = await pool._driver.fetchval(ROWS, ids)
        for kept in logs:
            await assert_same(log, PostgresVersions(pool), kept, before[kept.id])

    tell(
        f"folding: seed {SEED}, {KILLS} kills, {sum(len(k.updates) for k in logs)} → {rows} rows, "
        f"{len(ledger.echoed)} edits beside it, none lost"
    )
    assert rows < sum(len(kept.updates) for kept in logs) / 2


async def project(installation: Installation, pool: Pool) -> None:
    """Let a worker that folds nothing bring the rows up to date: only what they show is folded."""

    async def is_shown() -> bool:
        return not await pool._driver.fetchval(BEHIND)

    async with installation.background("worker") as worker:
        await eventually("rows up to date", is_shown)
        await worker.end()


async def come_back(url: str, kept: Kept) -> None:
    """Come back with half of a log, up to within a folded row perhaps, and miss nothing."""
    async with visiting(url) as editor:
        for update in kept.updates[: len(kept.updates) // 2]:
            editor.doc.apply_update(update.payload)
        await editor.send(SyncStep1(editor.doc.get_state()))
        await editor.until_synced()
        state = read_state_vector(editor.doc.get_state())
        for update in kept.updates:
            editor.doc.apply_update(update.payload)
        assert read_state_vector(editor.doc.get_state()) == state


async def are_folded(pool: Pool, ids: list[UUID]) -> bool:
    return not await pool._driver.fetchval(LEFT, ids)


async def one_folder(installation: Installation, pool: Pool, ids: list[UUID], rng: Random) -> None:
    """Let a worker begin to fold, and kill it at some moment after that."""
    before = await pool._driver.fetchval(ROWS, ids)

    async def has_folded() -> bool:
        rows = await pool._driver.fetchval(ROWS, ids)
        return bool(rows < before) or await are_folded(pool, ids)

    async with installation.background("worker") as worker:
        await eventually("a worker that folds", has_folded)
        # The moment is what the test is about; it waits for nothing here.
        await asyncio.sleep(rng.random() / 10)
        await worker.kill()
    await until_gone(pool)


async def until_gone(pool: Pool) -> None:
    """Wait until PostgreSQL has noticed that a worker was killed.

    Its backend may still hold what is due: the next worker would find nothing, and look again after
    a minute.
    """

    async def nobody_works() -> bool:
        # Other tests have workers in other databases of this PostgreSQL.
        query = """SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = $1"""
        return not await pool._driver.fetchval(query, WORKER)

    await eventually("no backend of a killed worker left", nobody_works)


async def assert_same(
    log: PostgresUpdateLog, versions: PostgresVersions, kept: Kept, before: Mapping[int, object]
) -> None:
    updates = await log.since(kept.id, 0)
    there = [update for update in updates if update.seq <= len(kept.updates)]
    after = prefixes_of(there)
    for seq, made_of in after.items():
        assert made_of == before[seq]
    assert set(kept.versions) <= {update.seq for update in there}
    # The worker saves some of its own, also with steps that were edited while they were deleted.
    saved = {f"of {seq}" for seq in kept.versions}
    for info in [one for one in await versions.newest(kept.id, 100) if one.name in saved]:
        state = await versions.state(kept.id, info.number)
        assert state is not None
        document = Document()
        document.load(state)
        assert content(document) == kept.versions[info.seq] == after[info.seq]
    assert await faults_of(log, kept.id) == []
    if len(updates) == len(there):
        assert await history_of(log, kept.id) == kept.history


COUNTED = """
SELECT p.id, (SELECT count(*) FROM pipeline_updates AS u WHERE u.pipeline_id = p.id) AS updates,
    (SELECT count(*) FROM pipeline_versions AS v WHERE v.pipeline_id = p.id) AS versions
FROM pipelines AS p WHERE p.id = ANY ($1)
"""


async def test_killed_purges_leave_pipelines_whole_or_gone(
    installation: Installation, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = Random(SEED)
    async with installation.serve("--no-worker"), a_pool(installation) as pool:
        logs = [await made(pool, rng) for _ in range(2 * PIPELINES)]
        for kept in logs:
            await save_versions(pool, kept, rng)
        deleted = [kept.id for kept in logs[::2]]
        await pool._driver.execute(
            "UPDATE pipelines SET deleted_at = now() - interval '40 days' WHERE id = ANY ($1)",
            deleted,
        )
        left = len(deleted)

        async def are_fewer() -> bool:
            query = "SELECT count(*) FROM pipelines WHERE id = ANY ($1)"
            return int(await pool._driver.fetchval(query, deleted)) < max(left, 1)

        for _ in range(KILLS):
            async with installation.background("worker") as worker:
                await eventually("a worker that purges", are_fewer)
                await asyncio.sleep(rng.random() / 50)
                await worker.kill()
            await until_gone(pool)
            left = await assert_whole_or_gone(pool, logs)
        left = 1
        async with installation.background("worker"):
            await eventually("purged pipelines", are_fewer)
        await assert_whole_or_gone(pool, logs)
    tell(f"purging: seed {SEED}, {KILLS} kills, {len(deleted)} of {len(logs)} pipelines purged")


async def assert_whole_or_gone(pool: Pool, logs: list[Kept]) -> int:
    """Check that; return how many of those that were deleted are still there."""
    rows = await pool._driver.fetch(COUNTED, [kept.id for kept in logs])
    there = {row["id"]: (row["updates"], row["versions"]) for row in rows}
    for kept in logs:
        if kept.id in there:
            updates, versions = there[kept.id]
            assert updates >= len(kept.updates)
            assert versions >= len(kept.versions)
    assert {kept.id for kept in logs[1::2]} <= set(there)
    return len(there) - len(logs[1::2])
