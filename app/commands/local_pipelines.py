"""What commands on pipelines do with the database itself: `sites.Site` without a server."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from app.rooms.hub import Hub
from app.services import pipeline_files
from app.services.versions import Versioning
from app.settings import Settings
from app.worker_main import project_now
from crdt.editing.editor import Editor
from crdt.editing.replace import put_pipeline
from crdt.errors import PipelineNotFound
from crdt.pipeline.model import Pipeline
from crdt.yaml.codec import Imported
from persistence.ports.directory import DEMO_TEAM
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.migrations import migrate, require_current
from persistence.postgres.pool import COMMAND, Pool, open_pool
from persistence.postgres.storage import PostgresTeamStorage
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.postgres.versions import PostgresVersions

from .common import database, print_message
from .local_rooms import rooms
from .pipeline_files import Import, StopImport, Stored, Targets, import_all

_FULL: Final = (
    "the team stores {} bytes already, as many as may be: nothing more is imported; delete some of "
    "its pipelines or versions, or raise PIPELOOM_MAX_BYTES_PER_TEAM"
)

CONNECTIONS: Final = 4
"""Of a command that edits: a decision holds one, and what it waits for needs others."""

ALL: Final = 2**31 - 1
"""As many versions as there may be."""


class LocalSite:
    """`Site` over the database of the settings, which `held` keeps from its first use on."""

    def __init__(self, settings: Settings, held: ExitStack) -> None:
        self._settings, self._held = settings, held

    @cached_property
    def _dsn(self) -> str:
        return self._held.enter_context(database(self._settings))

    def import_files(self, wanted: Import) -> int:
        """See `Site.import_files`. Raises UnknownSubject."""
        return asyncio.run(self._import(wanted))

    def export(self, pipeline_id: UUID) -> str:
        """See `Site.export`. Raises PipelineNotFound."""
        return asyncio.run(self._export(pipeline_id))

    def found(
        self, team: str | None, words: str | None, limit: int | None
    ) -> Sequence[Mapping[str, Any]]:
        """See `Site.found`."""
        return asyncio.run(self._found(team, words, limit))

    def delete(self, pipeline_id: UUID) -> None:
        """See `Site.delete`. Raises PipelineNotFound."""
        asyncio.run(self._delete(pipeline_id))

    def versions(self, pipeline_id: UUID, limit: int | None) -> Sequence[Mapping[str, Any]]:
        """See `Site.versions`. Raises PipelineNotFound."""
        return asyncio.run(self._versions(pipeline_id, limit))

    def version(self, pipeline_id: UUID, number: int) -> str:
        """See `Site.version`. Raises UnknownEntry."""
        return asyncio.run(self._version(pipeline_id, number))

    def save_version(self, pipeline_id: UUID, name: str, summary: str | None) -> int:
        """See `Site.save_version`. Raises PipelineNotFound."""
        return asyncio.run(self._save(pipeline_id, name, summary))

    def restore_version(
        self, pipeline_id: UUID, number: int, steps: list[UUID] | None
    ) -> int | None:
        """See `Site.restore_version`. Raises PipelineNotFound, UnknownEntry, EditConflict."""
        return asyncio.run(self._restore(pipeline_id, number, steps))

    async def _import(self, wanted: Import) -> int:
        await migrate(self._dsn)
        async with _pool(self._dsn, CONNECTIONS) as pool:
            directory = PostgresDirectory(pool)
            team_id = await directory.team_by_slug(wanted.team or DEMO_TEAM)
            author = (await directory.user_by_email(wanted.email)).id if wanted.email else None
            async with rooms(pool, self._settings, self._dsn) as hub:
                into = Into(team_id, author, self._settings.max_bytes_per_team)
                importer = Importer(pool, hub, wanted, into)
                return await import_all(wanted, importer.store)

    async def _export(self, pipeline_id: UUID) -> str:
        async with _pool(self._dsn) as pool:
            written = await pipeline_files.export(PostgresUpdateLog(pool), pipeline_id)
        if written.warning:
            print_message(written.warning)
        return written.text

    async def _found(
        self, team: str | None, words: str | None, limit: int | None
    ) -> Sequence[Mapping[str, Any]]:
        async with _pool(self._dsn) as pool:
            team_id = await PostgresDirectory(pool).team_by_slug(team) if team else None
            return await pool.fetch("pipelines_for_operator", team_id, words, limit)

    async def _delete(self, pipeline_id: UUID) -> None:
        async with _pool(self._dsn) as pool:
            if not await PostgresDeletions(pool).delete_pipeline(pipeline_id):
                raise PipelineNotFound

    async def _versions(self, pipeline_id: UUID, limit: int | None) -> list[Mapping[str, Any]]:
        async with _pool(self._dsn) as pool:
            await _require_pipeline(pool, pipeline_id)
            found = await PostgresVersions(pool).newest(pipeline_id, limit or ALL)
        return [
            {
                "version_number": one.number,
                "created_at": one.created_at,
                "name": one.name,
                "change_summary": one.change_summary,
            }
            for one in found
        ]

    async def _version(self, pipeline_id: UUID, number: int) -> str:
        async with self._versioning() as (versioning, pool):
            await _require_pipeline(pool, pipeline_id)
            return await versioning.text(pipeline_id, number)

    async def _save(self, pipeline_id: UUID, name: str, summary: str | None) -> int:
        now = datetime.now(UTC)
        async with self._versioning() as (versioning, _):
            saved, _ = await versioning.save(
                pipeline_id, None, now, name=name, change_summary=summary
            )
        return saved.number

    async def _restore(
        self, pipeline_id: UUID, number: int, steps: list[UUID] | None
    ) -> int | None:
        named = None if steps is None else [str(each) for each in steps]
        async with self._versioning() as (versioning, pool):
            done = await versioning.restore(pipeline_id, number, None, datetime.now(UTC), named)
            await project_now(pool, pipeline_id)
        return None if done.saved is None else done.saved.number

    @asynccontextmanager
    async def _versioning(self) -> AsyncIterator[tuple[Versioning, Pool]]:
        async with _pool(self._dsn, CONNECTIONS) as pool:
            await require_current(pool)
            async with rooms(pool, self._settings, self._dsn) as hub:
                yield Versioning(PostgresUpdateLog(pool), PostgresVersions(pool), hub), pool


@dataclass(frozen=True, slots=True)
class Into:
    """The team that files are put into, by whom, and how many bytes it may store."""

    team_id: UUID
    author: UUID | None
    most_bytes: int


class Importer:
    """Puts files into a team; those whose pipeline is there take its place, if that is `wanted`."""

    def __init__(self, pool: Pool, hub: Hub, wanted: Import, into: Into) -> None:
        self._pool, self._hub, self._into = pool, hub, into
        self._storage = PostgresTeamStorage(pool)
        self._targets = Targets(wanted, self._names)

    async def store(self, file: Path, _: bytes, imported: Imported) -> Stored:
        """Create or update the pipeline of a file. Raises StopImport, UnknownSubject."""
        name = imported.pipeline.settings.name
        target = await self._targets.of(file, name)
        if target is not None:
            return await self._put(UUID(target), imported.pipeline)
        if await self._storage.stored_bytes(self._into.team_id) >= self._into.most_bytes:
            raise StopImport(_FULL.format(self._into.most_bytes))
        stored = await self._create(imported.pipeline)
        self._targets.note(name, stored.id)
        return stored

    async def _create(self, pipeline: Pipeline) -> Stored:
        pipeline_id, _ = await pipeline_files.create(
            PostgresDirectory(self._pool),
            pipeline,
            team_id=self._into.team_id,
            created_by=self._into.author,
            now=datetime.now(UTC),
        )
        await project_now(self._pool, pipeline_id)
        return Stored(str(pipeline_id))

    async def _put(self, pipeline_id: UUID, pipeline: Pipeline) -> Stored:
        await self._hub.open(pipeline_id)
        # A team that stores as much as it may still takes a file that only deletes.
        await self._hub.look_at_storage(self._storage, self._into.most_bytes)
        await self._hub.edit_aside(pipeline_id, self._into.author, partial(_put, pipeline))
        await project_now(self._pool, pipeline_id)
        return Stored(str(pipeline_id), "updated")

    async def _names(self) -> Sequence[tuple[str, str]]:
        rows = await self._pool.fetch("pipelines_for_operator", self._into.team_id, None, None)
        return [(row["name"], str(row["id"])) for row in rows]


def _put(pipeline: Pipeline, editor: Editor) -> None:
    put_pipeline(editor, pipeline)


async def _require_pipeline(pool: Pool, pipeline_id: UUID) -> None:
    if not await PostgresUpdateLog(pool).heads([pipeline_id]):
        raise PipelineNotFound(f"no pipeline {pipeline_id}: check the id")


@asynccontextmanager
async def _pool(dsn: str, size: int = 1) -> AsyncIterator[Pool]:
    pool = await open_pool(dsn, max_size=size, application_name=COMMAND)
    try:
        yield pool
    finally:
        await pool.close()
