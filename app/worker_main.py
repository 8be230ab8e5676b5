"""Builds a worker. Its process imports this module, and thereby nothing of the server."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from app.telemetry.timed_stores import CountedVersions, TimedLog, TimedProjections
from app.telemetry.worker_health import HEALTH
from persistence.ports.deletions import Kept
from persistence.ports.update_log import UpdateLog
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.folding import PostgresLogFolding
from persistence.postgres.listener import Listener
from persistence.postgres.migrations import require_current
from persistence.postgres.pool import WORKER, WORKER_LISTENER, Pool, open_pool
from persistence.postgres.projections import PostgresProjections
from persistence.postgres.storage import PostgresTeamStorage
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.postgres.versions import PostgresVersions
from persistence.worker.autosave import Autosave, Pauses, Space
from persistence.worker.folding import Folder
from persistence.worker.purge import Purge
from persistence.worker.worker import Worker

from .clock import SYSTEM_CLOCK
from .tasks import in_background

if TYPE_CHECKING:
    from .settings import Settings


KEPT: Final = Kept()


def pauses(settings: "Settings") -> Pauses:
    """When the worker saves versions."""
    return Pauses(settings.version_after, settings.version_every)


def kept(settings: "Settings") -> Kept:
    """For how long the worker keeps what was deleted, and the audit log."""
    return Kept(settings.deleted_kept_for, settings.audit_kept_for)


async def work(
    dsn: str,
    stop: asyncio.Event,
    versions: Pauses,
    kept: Kept = KEPT,
    fold_after: timedelta | None = None,
    *,
    most_bytes: int | None = None,
    connections: int = 4,
) -> None:
    """Project documents until `stop`, save `versions` of them, and purge what is not `kept`.

    What of the log is older than `fold_after` is folded, unless that is None. Of a team that stores
    `most_bytes` no versions are saved. The pool has so many `connections` at most.

    Raises StoreUnavailable, SchemaOutdated at the start.
    """
    async with _connected(dsn, connections) as (pool, listener):
        log = TimedLog(PostgresUpdateLog(pool))
        saved = CountedVersions(PostgresVersions(pool))
        projections = TimedProjections(PostgresProjections(pool))
        space = None if most_bytes is None else Space(PostgresTeamStorage(pool), most_bytes)
        autosave = Autosave(log, saved, versions, SYSTEM_CLOCK, space=space)
        worker = Worker(log, projections, listener, versions=saved)
        # Concurrently: saving a large version takes seconds, and rows must not wait for it.
        async with in_background(autosave.run(), *_cleaning(pool, log, kept, fold_after)):
            with HEALTH.watching(lambda: pool.fetchval("ping")):
                await worker.run(stop)


@asynccontextmanager
async def _connected(dsn: str, connections: int) -> AsyncIterator[tuple[Pool, Listener]]:
    pool = await open_pool(
        dsn, min_size=2, max_size=connections, reset=False, application_name=WORKER
    )
    listener = Listener(dsn, application_name=WORKER_LISTENER)
    try:
        await require_current(pool)
        yield pool, listener
    finally:
        await listener.close()
        await pool.close()


def _cleaning(
    pool: Pool, log: UpdateLog, kept: Kept, fold_after: timedelta | None
) -> Iterator[Coroutine[Any, Any, None]]:
    """Yield what takes out of the database what is not kept any more."""
    yield Purge(PostgresDeletions(pool), kept).run()
    if fold_after is not None:
        yield Folder(log, PostgresLogFolding(pool), fold_after, SYSTEM_CLOCK).run()


async def project_now(pool: Pool, pipeline_id: UUID) -> None:
    """Project one pipeline at once, unless a worker is projecting it already."""
    listener = Listener("")
    worker = Worker(PostgresUpdateLog(pool), PostgresProjections(pool), listener)
    await worker.project_one([pipeline_id])
