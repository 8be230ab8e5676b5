"""Saving versions of a pipeline and restoring them.

A version is made from the log, so it never contains an edit that may still be lost. Restoring one
is an edit like any other: everybody in the room sees it, and it can be undone by restoring the
version that is saved before it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from app.rooms.hub import Hub
from crdt.document.document import Document
from crdt.editing.differences import Difference, difference
from crdt.editing.editor import Editor
from crdt.editing.put_back import put_back
from crdt.editing.replace import make_equal
from crdt.editing.snapshots import pipeline_of
from crdt.errors import UnknownEntry
from crdt.pipeline.model import Pipeline
from persistence.decision_rounds import EditResult
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.ports.versions import NewVersion, Version, VersionInfo, Versions
from persistence.worker.mended_load import load_mended
from persistence.worker.replay import compute, load, replay
from persistence.worker.version_snapshot import VersionMetadata, unsaved_version, version_of


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored version; `versions` were saved on the way, the state right before the edit last.

    Empty if an earlier version already held that state, or if restoring changed nothing.
    """

    edit: EditResult[None]
    versions: Sequence[VersionInfo]

    @property
    def saved(self) -> VersionInfo | None:
        """The version of the state that was replaced, if a new one."""
        return self.versions[-1] if self.versions else None


class Versioning:
    """Saves, compares and restores versions, over their store, the log and the live documents."""

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
        """Mend a pipeline and save its state. Raises PipelineNotFound, StoreUnavailable."""
        metadata = VersionMetadata(name, change_summary, user_id, now)

        def made(document: Document, seq: int) -> NewVersion:
            return version_of(pipeline_id, document, seq, metadata)

        return await self._versions.save(await load_mended(self._log, pipeline_id, now, made))

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
        self,
        pipeline_id: UUID,
        number: int,
        user_id: UUID | None,
        now: datetime,
        steps: Collection[str] | None = None,
    ) -> Restored:
        """Make the pipeline equal to a version, and save the state that this replaces.

        With `steps`, only these are put back (`crdt/editing/put_back.py`).

        The replaced state is saved before the edit, so that it is safe whatever happens then, and
        only once the edit is known to be taken. Others may edit between the save and the edit. The
        log tells: their updates stand in it after those of the saved version and before that of
        the edit. If there are any, the state right before the edit is saved as well, and `saved` is
        that version.

        Confessed: if the server dies after the edit and before this second version, what the
        others edited in those milliseconds is in the log and its history, but in no version.

        Raises UnknownEntry, EditConflict, and as `Hub.edit_aside`; no version is saved when the
        document is too large to be edited.
        """
        target = await self._pipeline(pipeline_id, number)
        metadata = VersionMetadata(None, f"Before returning to version {number}", user_id, now)
        replaced = _ReplacedState(self, pipeline_id, metadata)

        async def save_replaced() -> None:
            # A version is made from the log, so what the room has appended must be there first.
            await self._hub.committed(pipeline_id)
            await replaced.save()

        edit = await self._hub.edit_aside(
            pipeline_id,
            user_id,
            partial(_restore, target, steps),
            before_merge=save_replaced,
        )
        if edit.has_changed:
            await replaced.complete(edit.seq - 1)
        return Restored(edit, replaced.versions)

    async def _pipeline(self, pipeline_id: UUID, number: int | None) -> Pipeline:
        if number is None:
            return await load(self._log, pipeline_id, _present)
        return await compute(pipeline_of, (await self.load(pipeline_id, number)).state)

    async def save_unless_saved(
        self, pipeline_id: UUID, metadata: VersionMetadata, until: int | None = None
    ) -> tuple[VersionInfo | None, int]:
        """Save the state up to update `until`, now by default, unless the newest version holds it.

        Return the new version, None if there is no need of one, and the number of the last update
        in that state. Raises PipelineNotFound, StoreUnavailable.
        """
        version, seq = await unsaved_version(
            self._log, self._versions, pipeline_id, metadata, until=until
        )
        return (None if version is None else await self._versions.save(version)), seq


def _restore(target: Pipeline, steps: Collection[str] | None, editor: Editor) -> None:
    if steps is None:
        make_equal(editor, target)
    else:
        put_back(editor, target, steps)


class _ReplacedState:
    """The state that a restoring edit replaces, with the `versions` that were saved of it."""

    def __init__(
        self, versioning: Versioning, pipeline_id: UUID, metadata: VersionMetadata
    ) -> None:
        self._versioning, self._pipeline_id, self._metadata = versioning, pipeline_id, metadata
        self.versions: list[VersionInfo] = []
        self._saved_until = 0

    async def save(self) -> None:
        """Save what the log holds now."""
        await self._save(None)

    async def complete(self, until: int) -> None:
        """Save what the log holds up to an update, if others appended something since `save`."""
        if until > self._saved_until:
            await self._save(until)

    async def _save(self, until: int | None) -> None:
        version, self._saved_until = await self._versioning.save_unless_saved(
            self._pipeline_id, self._metadata, until
        )
        if version is not None:
            self.versions.append(version)


def _present(stored: StoredDocument) -> Pipeline:
    document, _ = replay(stored)
    return pipeline_of(document.encode())
