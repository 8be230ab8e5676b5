"""Reports steps that were edited while they were deleted, and saves a version that has them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from crdt.pipeline.rows import Diagnostic
from crdt.validation.diagnostics import Code, shown, step_subject
from persistence.ports.projections import Projections
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.ports.versions import NewVersion, Versions

from .edited_deletions import EditedDeletion, without_deletions
from .replay import compute
from .version_snapshot import VersionMetadata, version_of

MAX_REPLAYED: Final = 20_000
"""Updates that are replayed for a report; of a longer log there is none."""


class DeletionReports:
    """Makes the diagnostics about edited deletions."""

    def __init__(self, log: UpdateLog, projections: Projections, versions: Versions) -> None:
        self._log, self._projections, self._versions = log, projections, versions

    async def report(
        self, pipeline_id: UUID, suspected: Sequence[EditedDeletion], now: datetime
    ) -> list[Diagnostic]:
        """Save a version with the steps that were edited while they were deleted; report them.

        Raises StoreUnavailable, PipelineNotFound.
        """
        updates = await self._log.since(pipeline_id, 0, MAX_REPLAYED)
        if not updates or updates[-1].seq < max(each.seq for each in suspected):
            return []
        stored = StoredDocument(None, 0, updates)
        found, version = await compute(_look, pipeline_id, stored, suspected, now)
        if version is None:
            return []
        saved = await self._versions.save(version)
        authors = {user for each in found for user in each.authors if user is not None}
        names = await self._projections.user_names(authors)
        return [_diagnostic(each, names, saved.number) for each in found]


def _look(
    pipeline_id: UUID,
    stored: StoredDocument,
    suspected: Sequence[EditedDeletion],
    now: datetime,
) -> tuple[list[EditedDeletion], NewVersion | None]:
    document, found = without_deletions(stored, suspected)
    if not found:
        return [], None
    names = ", ".join(sorted({shown(each.name) for each in found}))
    metadata = VersionMetadata(None, f"With {names[:200]}, edited while deleted", None, now)
    # It says to hold only what came before the deletions: with all that came since it would count
    # as the newest state, and none would be saved without the steps.
    seq = min(each.deletion.seq for each in found) - 1
    version = version_of(pipeline_id, document, seq, metadata)
    return found, replace(version, id=_version_id(pipeline_id, found))


def _version_id(pipeline_id: UUID, found: Sequence[EditedDeletion]) -> UUID:
    """Make the id of a version from what it is for, so that it is saved once, whoever does it."""
    seqs = ",".join(f"{each.deletion.seq}-{each.edit.seq}" for each in found)
    return uuid5(pipeline_id, f"edited while deleted: {seqs}")


def _diagnostic(found: EditedDeletion, names: Mapping[UUID, str], version: int) -> Diagnostic:
    deleter, editor = (_name(user, names) for user in found.authors)
    return Code.DELETED_WHILE_EDITED.about(
        step_subject(found.key),
        f"{shown(found.name)} was deleted by {deleter} while {editor} edited it.",
        suggestion=f"Restore version {version} to have the step back.",
    )


def _name(user: UUID | None, names: Mapping[UUID, str]) -> str:
    return shown(names[user]) if user is not None and user in names else "somebody"
