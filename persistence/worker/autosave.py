"""Saves versions automatically: when editing has paused, or has gone on for long.

Such a version is made from the log, like any other, and only if the pipeline differs from its
newest version. It has no name and no author.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from crdt.errors import PipelineNotFound
from persistence.errors import StoreError, StoreUnavailable
from persistence.ports.storage import TeamStorage
from persistence.ports.update_log import UpdateLog
from persistence.ports.versions import Retention, Versions

from .retries import Backoff, FailingDocuments
from .version_snapshot import VersionMetadata, unsaved_version

AFTER_FAILURE: Final = Backoff(first=60.0, longest=3600.0)

SUMMARY: Final = "Saved automatically"

POLL_SECONDS: Final = 10.0
"""How long to wait before looking again for a pipeline that is due, after there was none."""

_logger = structlog.get_logger(__name__)


class Clock(Protocol):
    """The time of day, and seconds that never go back."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Pauses:
    """When to save, in seconds: `after` the last edit, and `every` so often while edits go on.

    0 is never.
    """

    after: float = 300.0
    every: float = 1800.0


@dataclass(frozen=True, slots=True)
class Space:
    """How many bytes a team may store, and what knows how many it does."""

    storage: TeamStorage
    most_bytes: int

    async def require(self, pipeline_id: UUID) -> None:
        """Raise NoSpace if the team of a pipeline stores as much as it may."""
        if await self.storage.full_pipelines([pipeline_id], self.most_bytes):
            raise NoSpace(f"the team stores {self.most_bytes} bytes already, as many as may be")


class NoSpace(StoreError):
    """A team stores as much as it may: there is no version without anybody asking for it."""


class Autosave:
    """Saves versions, one at a time, while there is space. Several may share the tables."""

    def __init__(
        self,
        log: UpdateLog,
        versions: Versions,
        pauses: Pauses,
        clock: Clock,
        *,
        space: Space | None = None,
    ) -> None:
        self._log, self._versions, self._pauses, self._clock = log, versions, pauses, clock
        self._retention, self._space = Retention(), space
        self._failing = FailingDocuments(AFTER_FAILURE, clock.monotonic)

    async def run(self) -> None:
        """Save the versions that are due until cancelled; one that is interrupted is due again."""
        while True:
            if not await self.save_one():
                await asyncio.sleep(POLL_SECONDS)

    async def save_one(self) -> bool:
        """Save a version of one pipeline for which it is due; return False if there is none.

        Never raises: a failure is logged, and the pipeline is not tried again for a while.
        """
        claimed: UUID | None = None
        try:
            async with self._claim_due() as claimed:
                if claimed is not None:
                    await self._save(claimed)
        except Exception as error:
            self._postpone(claimed, error)
        return claimed is not None

    def _claim_due(self) -> AbstractAsyncContextManager[UUID | None]:
        now = self._clock.now()
        first, last = _before(now, self._pauses.every), _before(now, self._pauses.after)
        return self._versions.claim_unsaved(first, last, excluding=self._failing.postponed())

    async def _save(self, pipeline_id: UUID) -> None:
        """Save a version, unless the newest one has the same content: then only mark that."""
        now = self._clock.now()
        if self._space is not None:
            # Those that need not be kept make space for the next attempt.
            await self._versions.prune(pipeline_id, now, self._retention)
            await self._space.require(pipeline_id)
        metadata = VersionMetadata(None, SUMMARY, None, now)
        found, _ = await unsaved_version(self._log, self._versions, pipeline_id, metadata)
        version, seq = found
        if version is None:
            await self._versions.mark_saved(pipeline_id, seq)
        else:
            await self._versions.save(version)
            await self._versions.prune(pipeline_id, now, self._retention)
        self._failing.succeeded(pipeline_id)

    def _postpone(self, pipeline_id: UUID | None, error: Exception) -> None:
        expected = isinstance(error, StoreUnavailable | PipelineNotFound | NoSpace)
        fields = {} if pipeline_id is None else {"pipeline_id": str(pipeline_id)}
        if pipeline_id is not None:
            fields["retry_in"] = str(self._failing.failed(pipeline_id))
        _logger.warning(
            "version.not_saved", error=str(error), exc_info=None if expected else error, **fields
        )


def _before(now: datetime, seconds: float) -> datetime | None:
    return now - timedelta(seconds=seconds) if seconds > 0 else None
