"""A worker on a real database."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from app.main import ensure_demo
from app.settings import Settings
from app.worker_main import kept, pauses, project_now, work
from persistence.errors import SchemaOutdated
from persistence.ports.deletions import Kept
from persistence.ports.update_log import NewUpdate
from persistence.postgres.pool import Pool
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.postgres.versions import PostgresVersions
from persistence.worker.autosave import Pauses
from tests.app.fakes import Replica
from tests.contracts.stores import NOON
from tests.server import eventually


@pytest.fixture
async def demo(database_url: str) -> UUID:
    pipeline_id = await ensure_demo(database_url)
    assert pipeline_id is not None
    return pipeline_id


@pytest.mark.parametrize("by", ["worker", "hand"])
async def test_edits_in_the_log_reach_the_tables(
    database_url: str, pool: Pool, demo: UUID, by: str
) -> None:
    log, replica = PostgresUpdateLog(pool), Replica(client_id=1)
    replica.apply((await log.load(demo)).tail[0].payload)
    edit = replica.set("description", "edited")
    await log.append([NewUpdate(demo, None, edit, NOON)])
    if by == "hand":
        await project_now(pool, demo)
    else:
        stop = asyncio.Event()
        stop.set()
        await work(database_url, stop, Pauses())
    row = await pool.fetchrow("stored_pipeline", demo)
    assert row is not None
    assert row["description"] == "edited"


async def test_the_worker_saves_versions(database_url: str, pool: Pool, demo: UUID) -> None:
    stop, versions = asyncio.Event(), PostgresVersions(pool)
    working = asyncio.create_task(work(database_url, stop, Pauses(after=0.001)))
    saved = await eventually("a version", lambda: versions.newest(demo, 1))
    assert [info.change_summary for info in saved] == ["Saved automatically"]
    stop.set()
    await working


async def test_the_worker_purges_what_was_deleted_long_enough_ago(
    database_url: str, pool: Pool, demo: UUID
) -> None:
    await pool.run_script("UPDATE pipelines SET deleted_at = now() - interval '1 minute'")
    stop = asyncio.Event()
    minute = Kept(deleted=timedelta(seconds=59))
    working = asyncio.create_task(work(database_url, stop, Pauses(), minute))

    async def is_gone() -> bool:
        return await pool.fetchrow("stored_pipeline", demo) is None

    await eventually("the end of the pipeline", is_gone)
    stop.set()
    await working


async def test_the_worker_lets_the_audit_log_expire(
    database_url: str, pool: Pool, demo: UUID
) -> None:
    stop = asyncio.Event()
    entries = "SELECT count(*) FROM audit_log"
    assert await pool._driver.fetchval(entries) > 0
    nothing = Kept(audit=timedelta())
    working = asyncio.create_task(work(database_url, stop, Pauses(), nothing))

    async def is_empty() -> bool:
        return await pool._driver.fetchval(entries) == 0

    await eventually("the end of the audit log", is_empty)
    stop.set()
    await working


@pytest.mark.parametrize(
    ("days", "kept_for"), [(0, None), (1, timedelta(days=1)), (365, timedelta(days=365))]
)
def test_how_long_the_worker_keeps_what_is_a_setting(days: int, kept_for: timedelta | None) -> None:
    settings = Settings(audit_days=days, keep_deleted_days=2)
    assert kept(settings) == Kept(timedelta(days=2), kept_for)


async def test_it_does_not_work_on_a_database_that_was_not_migrated(
    empty_database_url: str,
) -> None:
    with pytest.raises(SchemaOutdated):
        await work(empty_database_url, asyncio.Event(), Pauses())


def test_when_versions_are_saved_is_a_setting() -> None:
    assert pauses(Settings(version_after=1, version_every=2)) == Pauses(after=1, every=2)
