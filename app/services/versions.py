"""Saving versions of a pipeline and coming back to them.

A version is made of what the log holds, so it never tells of an edit that may still be lost.
Coming back is an edit like any other: everybody in the room sees it, and it can be undone by coming
back to the version that is saved before it.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.rooms.hub import EditResult, Hub
from crdt.editing.differences import Difference, difference
from crdt.editing.replace import make_equal
from crdt.editing.snapshots import pipeline_of
from crdt.errors import UnknownEntry
from crdt.pipeline.model import Pipeline
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.ports.versions import NewVersion, Version, VersionInfo, Versions
from persistence.worker.replay import compute, load, replay
from persistence.worker.version_snapshot import Caption, version_of


@dataclass(frozen=True, slots=True)
class Restored:
    """A version that was come back to; `saved` is the version of what there was before, if new."""

    edit: EditResult[None]
    saved: VersionInfo | None


class Versioning:
    """What can be done with versions, over their store, the log and the live documents."""

    def __init__(self, log: UpdateLog, versions: Versions, hub: Hub) -> None:
        self._log, self._versions, self._hub = log, versions, hub

    async def save(
        self,
        pipeline_id: UUID,
        user_id: UUID | None,
        now: datetime,
        *,
        name: str | None = None,
        change_summary: str | None = None,
    ) -> VersionInfo:
        """Save what the pipeline is now. Raises PipelineNotFound, StoreUnavailable."""

        caption = Caption(name, change_summary, user_id, now)

        def made(stored: StoredDocument) -> NewVersion:
            document, _ = replay(stored)
            return version_of(pipeline_id, document, stored.seq, caption)

        return await self._versions.save(await load(self._log, pipeline_id, made))

    async def load(self, pipeline_id: UUID, number: int) -> Version:
        """Read a version. Raises UnknownEntry."""
        version = await self._versions.load(pipeline_id, number)
        if version is None:
            raise UnknownEntry(f"no version {number} of this pipeline: list its versions")
        return version

    async def difference(self, pipeline_id: UUID, one: int, other: int | None) -> Difference:
        """Return what changed from one version to another; None is what the pipeline is now.

        Raises UnknownEntry, PipelineNotFound.
        """
        before = await self._pipeline(pipeline_id, one)
        after = await self._pipeline(pipeline_id, other)
        return await compute(difference, before, after)

    async def restore(
        self, pipeline_id: UUID, number: int, user_id: UUID | None, now: datetime
    ) -> Restored:
        """Make the pipeline what it was, having saved what it is unless the last version is that.

        Raises UnknownEntry, and as `Hub.edit`.
        """
        target = await self._pipeline(pipeline_id, number)
        # What is about to be replaced must be in the log to be saved from there.
        await self._hub.edit(pipeline_id, user_id, lambda _: None, is_deletion=True)
        saved = None
        if not await self._is_saved(pipeline_id):
            summary = f"Before returning to version {number}"
            saved = await self.save(pipeline_id, user_id, now, change_summary=summary)
        edit = await self._hub.edit_aside(
            pipeline_id, user_id, lambda editor: make_equal(editor, target)
        )
        return Restored(edit, saved)

    async def _pipeline(self, pipeline_id: UUID, number: int | None) -> Pipeline:
        if number is None:
            return await load(self._log, pipeline_id, _present)
        return await compute(pipeline_of, (await self.load(pipeline_id, number)).state)

    async def _is_saved(self, pipeline_id: UUID) -> bool:
        """Whether the last version holds what the pipeline is now."""
        newest = await self._versions.newest(pipeline_id, 1)
        if not newest:
            return False
        last = await self._pipeline(pipeline_id, newest[0].number)
        return last == await self._pipeline(pipeline_id, None)


def _present(stored: StoredDocument) -> Pipeline:
    document, _ = replay(stored)
    return pipeline_of(document.encode())
