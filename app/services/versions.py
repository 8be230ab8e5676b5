"""Saving versions of a pipeline and restoring them.

A version is made from the log, so it never contains an edit that may still be lost. Restoring one
is an edit like any other: everybody in the room sees it, and it can be undone by restoring the
version that is saved before it.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from app.rooms.hub import Hub
from app.rooms.large_edits import Turn
from crdt.document.schema import PipelineReader
from crdt.editing.differences import Difference, difference
from crdt.editing.editor import Editor
from crdt.editing.put_back import put_back
from crdt.editing.replace import make_equal
from crdt.editing.snapshots import pipeline_of
from crdt.errors import UnknownEntry
from crdt.validation.reading import read_pipeline
from crdt.yaml.codec import write
from persistence.decision_rounds import EditResult
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.ports.versions import Version, VersionInfo, Versions
from persistence.worker.mended_load import load_mended
from persistence.worker.replay import Compute, compute, load, replay
from persistence.worker.version_snapshot import VersionMetadata, unsaved_version, version_of

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved version, None if the newest one held that state already.

    `seq` is the last update in the state, and `is_mended` whether the document was mended before.
    """

    version: VersionInfo | None
    seq: int
    is_mended: bool


async def _permitted() -> None:
    """Let everybody do it: for whoever has asked for the role elsewhere."""


class Versioning:
    """Saves, compares and restores versions, over their store, the log and the live documents."""

    def __init__(
        self, log: UpdateLog, versions: Versions, hub: Hub, compute: Compute = compute
    ) -> None:
        self._log, self._versions, self._hub, self._compute = log, versions, hub, compute

    async def save(
        self,
        pipeline_id: UUID,
        user_id: UUID | None,
        now: datetime,
        *,
        name: str | None = None,
        change_summary: str | None = None,
        version_id: UUID | None = None,
    ) -> tuple[VersionInfo, bool]:
        """Mend a pipeline and save its state; return the version, and whether it is a new one.

        What the newest version holds already is saved once more under another name only: a version
        is a whole copy. What was saved as `version_id` before is returned as it is.
        Raises PipelineNotFound, StoreUnavailable.
        """
        metadata = VersionMetadata(name, change_summary, user_id, now, version_id)
        newest = await self._versions.newest(pipeline_id, 1)
        if newest and name in (None, newest[0].name):
            saved = await self.save_unless_saved(pipeline_id, metadata)
            return (newest[0], False) if saved.version is None else (saved.version, True)
        made = partial(version_of, pipeline_id, metadata=metadata)
        version, _ = await load_mended(self._log, pipeline_id, now, made, compute=self._compute)
        return await self._versions.save(version), True

    async def load(self, pipeline_id: UUID, number: int) -> Version:
        """Read a version. Raises UnknownEntry."""
        version = await self._versions.load(pipeline_id, number)
        if version is None:
            raise _unknown(number)
        return version

    async def text(self, pipeline_id: UUID, number: int) -> str:
        """Write a version as YAML. Raises UnknownEntry."""
        return await self._compute(_text, await self._state(pipeline_id, number))

    async def difference(
        self,
        pipeline_id: UUID,
        one: int,
        other: int | None,
        show: Callable[[Difference], T],
    ) -> T:
        """Show what changed from one version to another; None is what the pipeline is now.

        `show` runs where the two are compared, since it may take as long; it must be picklable.
        Raises UnknownEntry, PipelineNotFound.
        """
        before = await self._state(pipeline_id, one)
        if other is None:
            found = partial(_difference_from, before, show)
            return await load(self._log, pipeline_id, found, compute=self._compute)
        after = await self._state(pipeline_id, other)
        return await self._compute(_difference, before, after, show)

    async def restore(
        self,
        pipeline_id: UUID,
        number: int,
        user_id: UUID | None,
        now: datetime,
        steps: Collection[str] | None = None,
        *,
        require_editor: Callable[[], Awaitable[None]] = _permitted,
        turn: Turn = nullcontext,
        fulfilled: Fulfilled | None = None,
    ) -> Restored:
        """Make the pipeline equal to a version, and save the state that this replaces.

        With `steps`, only these are put back (`crdt/editing/put_back.py`). `turn` is held while
        something is computed; what `require_editor` raises after that ends it. `fulfilled` is as of
        `Hub.edit`.

        Raises UnknownEntry, EditConflict, and as `Hub.edit_aside`; no version is saved when the
        document is too large to be edited.
        """
        change = partial(_restore, await self._state(pipeline_id, number), steps)
        metadata = VersionMetadata(None, f"Before returning to version {number}", user_id, now)
        replaced = _ReplacedState(self, self._hub, pipeline_id, metadata)
        save = partial(replaced.save, require_editor)
        edit = await self._hub.edit_aside(
            pipeline_id, user_id, change, before_merge=save, turn=turn, fulfilled=fulfilled
        )
        await replaced.complete(edit)
        return Restored(edit, replaced.versions)

    async def _state(self, pipeline_id: UUID, number: int) -> bytes:
        state = await self._versions.state(pipeline_id, number)
        if state is None:
            raise _unknown(number)
        return state

    async def save_unless_saved(
        self,
        pipeline_id: UUID,
        metadata: VersionMetadata,
        *,
        until: int | None = None,
        reservation: UUID | None = None,
    ) -> Saved:
        """Save the state up to update `until`, now by default, unless the newest version holds it.

        `reservation` is the edit for which the document is reserved, if it is.
        Raises PipelineNotFound, StoreUnavailable.
        """
        (version, seq), is_mended = await unsaved_version(
            self._log,
            self._versions,
            pipeline_id,
            metadata,
            until=until,
            reservation=reservation,
            compute=self._compute,
        )
        info = None if version is None else await self._versions.save(version)
        return Saved(info, seq, is_mended)


def _unknown(number: int) -> UnknownEntry:
    return UnknownEntry(f"no version {number} of this pipeline: list its versions")


def _text(state: bytes) -> str:
    return write(pipeline_of(state))


def _restore(state: bytes, steps: Collection[str] | None, editor: Editor) -> None:
    target = pipeline_of(state)
    if steps is None:
        make_equal(editor, target)
    else:
        put_back(editor, target, steps)


class _ReplacedState:
    """The state that a restoring edit replaces, with the `versions` that were saved of it.

    It is saved before the edit, so that it is safe whatever happens then, and only once the edit is
    known to be taken. Others may edit between the save and the edit. By the log their updates
    come after those of the saved version and before that of the edit. If there are any, the
    state right before the edit is saved as well, and is the last of the versions.

    Confessed: if the server dies after the edit and before this second version, what the others
    edited in those milliseconds is in the log and its history, but in no version.
    """

    def __init__(
        self, versioning: Versioning, hub: Hub, pipeline_id: UUID, metadata: VersionMetadata
    ) -> None:
        self._versioning, self._hub = versioning, hub
        self._pipeline_id, self._metadata = pipeline_id, metadata
        self.versions: list[VersionInfo] = []
        self._saved_until = 0

    async def save(self, require_editor: Callable[[], Awaitable[None]], reservation: UUID) -> bool:
        """Save what is there before the edit; return whether it had to be mended before."""
        await require_editor()
        # A version is made from the log, so what the room has appended must be there first.
        await self._hub.committed(self._pipeline_id)
        return await self._save(reservation=reservation)

    async def complete(self, edit: EditResult[None]) -> None:
        """Save what the log holds up to the edit, if others appended something since `save`."""
        until = edit.seq - 1
        if edit.has_changed and until > self._saved_until:
            await self._save(until=until)

    async def _save(self, *, until: int | None = None, reservation: UUID | None = None) -> bool:
        saved = await self._versioning.save_unless_saved(
            self._pipeline_id, self._metadata, until=until, reservation=reservation
        )
        self._saved_until = saved.seq
        if saved.version is not None:
            self.versions.append(saved.version)
        return saved.is_mended


def _difference_from(state: bytes, show: Callable[[Difference], T], stored: StoredDocument) -> T:
    document, _ = replay(stored)
    return show(difference(pipeline_of(state), read_pipeline(PipelineReader(document))))


def _difference(one: bytes, other: bytes, show: Callable[[Difference], T]) -> T:
    return show(difference(pipeline_of(one), pipeline_of(other)))
