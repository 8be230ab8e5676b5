"""Versions that nobody has asked for: saved when editing pauses, or has gone on for long.

A version is made of what the log holds, like any other, and only if the pipeline differs from its
last version. It has no name and no author.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

import structlog

from crdt.errors import PipelineNotFound
from persistence.errors import StoreUnavailable
from persistence.ports.update_log import UpdateLog
from persistence.ports.versions import Retention, Versions

from .retries import Backoff, FailingDocuments
from .version_snapshot import VersionMetadata, unsaved_version

AFTER_FAILURE: Final = Backoff(first=60.0, longest=3600.0)

SUMMARY: Final = "Saved automatically"

LOOK_SECONDS: Final = 10.0
"""Between two looks for pipelines of which a version is due, if the last one found none."""

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


class Autosave:
    """Saves versions, one at a time. Several may share the tables."""

    def __init__(
        self,
        log: UpdateLog,
        versions: Versions,
        pauses: Pauses,
        clock: Clock,
        retention: Retention | None = None,
    ) -> None:
        self._log, self._versions, self._pauses, self._clock = log, versions, pauses, clock
        self._retention = retention or Retention()
        self._failing = FailingDocuments(AFTER_FAILURE, clock.monotonic)

    async def run(self) -> None:
        """Save what is due until cancelled; what is cut short is due again."""
        while True:
            if not await self.save_one():
                await asyncio.sleep(LOOK_SECONDS)

    async def save_one(self) -> bool:
        """Save a version of one pipeline if that is due; False if there is nothing to do.

        Never raises: a pipeline that fails rests for a while, and an outage is waited out.
        """
        held: UUID | None = None
        try:
            async with self._due() as held:
                if held is not None:
                    await self._save(held)
        except Exception as error:
            self._note_failure(held, error)
        return held is not None

    def _due(self) -> AbstractAsyncContextManager[UUID | None]:
        now = self._clock.now()
        first, last = _before(now, self._pauses.every), _before(now, self._pauses.after)
        return self._versions.claim_unsaved(first, last, excluding=self._failing.resting())

    async def _save(self, pipeline_id: UUID) -> None:
        """Save a version, or note that the newest one holds everything."""
        now = self._clock.now()
        metadata = VersionMetadata(None, SUMMARY, None, now)
        version, seq = await unsaved_version(self._log, self._versions, pipeline_id, metadata)
        if version is None:
            await self._versions.mark_saved(pipeline_id, seq)
        else:
            await self._versions.save(version)
            await self._versions.prune(pipeline_id, now, self._retention)
        self._failing.succeeded(pipeline_id)

    def _note_failure(self, pipeline_id: UUID | None, error: Exception) -> None:
        foreseen = isinstance(error, StoreUnavailable | PipelineNotFound)
        about = {} if pipeline_id is None else {"pipeline_id": str(pipeline_id)}
        if pipeline_id is not None:
            about["retry_in"] = str(self._failing.failed(pipeline_id))
        _logger.warning(
            "version.not_saved", error=str(error), exc_info=None if foreseen else error, **about
        )


def _before(now: datetime, seconds: float) -> datetime | None:
    return now - timedelta(seconds=seconds) if seconds > 0 else None
