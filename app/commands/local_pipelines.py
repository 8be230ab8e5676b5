"""What `import`, `export`, `list`, `search` and `delete` do with the database itself."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from app.services import pipeline_files
from app.worker_main import project_now
from crdt.errors import PipelineNotFound
from crdt.yaml.codec import Imported
from persistence.ports.directory import DEMO_TEAM
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.migrations import migrate
from persistence.postgres.pool import COMMAND, Pool, open_pool
from persistence.postgres.storage import PostgresTeamStorage
from persistence.postgres.update_log import PostgresUpdateLog

from .common import print_message
from .pipeline_files import StopImport, Stored, import_all

_FULL: Final = (
    "the team stores {} bytes already, as many as may be: nothing more is imported; delete some of "
    "its pipelines or versions, or raise PIPELOOM_MAX_BYTES_PER_TEAM"
)


@asynccontextmanager
async def _pool(dsn: str, size: int = 1) -> AsyncIterator[Pool]:
    pool = await open_pool(dsn, max_size=size, application_name=COMMAND)
    try:
        yield pool
    finally:
        await pool.close()


async def import_files(
    dsn: str,
    files: Sequence[Path],
    team: str | None,
    email: str | None,
    most_bytes: int,
    *,
    as_json: bool,
) -> int:
    """Create a pipeline from each file; return how many failed. Raises UnknownSubject."""
    await migrate(dsn)
    async with _pool(dsn, 3) as pool:
        directory = PostgresDirectory(pool)
        team_id = await directory.team_by_slug(team or DEMO_TEAM)
        author = (await directory.user_by_email(email)).id if email else None

        async def store(_: Path, __: bytes, imported: Imported) -> Stored:
            if await PostgresTeamStorage(pool).stored_bytes(team_id) >= most_bytes:
                raise StopImport(_FULL.format(most_bytes))
            return await _create(pool, imported, team_id, author)

        return await import_all(files, store, as_json=as_json)


async def _create(pool: Pool, imported: Imported, team_id: UUID, author: UUID | None) -> Stored:
    pipeline_id, _ = await pipeline_files.create(
        PostgresDirectory(pool),
        imported.pipeline,
        team_id=team_id,
        created_by=author,
        now=datetime.now(UTC),
    )
    await project_now(pool, pipeline_id)
    return Stored(str(pipeline_id))


async def export(dsn: str, pipeline_id: UUID) -> str:
    """Return a pipeline as YAML. Raises PipelineNotFound."""
    async with _pool(dsn) as pool:
        written = await pipeline_files.export(PostgresUpdateLog(pool), pipeline_id)
    if written.warning:
        print_message(written.warning)
    return written.text


async def found(
    dsn: str, team: str | None, words: str | None, limit: int | None
) -> Sequence[Mapping[str, Any]]:
    """The pipelines of a team or of all, the newest first; those with these words best first."""
    async with _pool(dsn) as pool:
        team_id = await PostgresDirectory(pool).team_by_slug(team) if team else None
        return await pool.fetch("pipelines_for_operator", team_id, words, limit)


async def delete(dsn: str, pipeline_id: UUID) -> None:
    """Delete a pipeline, which `pipeloom undelete` can bring back. Raises PipelineNotFound."""
    async with _pool(dsn) as pool:
        if not await PostgresDeletions(pool).delete_pipeline(pipeline_id):
            raise PipelineNotFound
