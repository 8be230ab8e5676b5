"""From the log of a pipeline to a version of it, made only if it is not saved yet."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.editing.snapshots import pipeline_of, snapshot
from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.pipeline.json_values import JsonText
from crdt.pipeline.model import Pipeline
from crdt.validation.reading import read_pipeline
from persistence.ports.update_log import StoredDocument, UpdateLog
from persistence.ports.versions import NewVersion, Versions

from .log_check import warning_of
from .mended_load import Make, load_mended
from .replay import Compute, compute, load, replay


class Unsaved(NamedTuple):
    """A version that no other holds, None if the newest one does, and its last update."""

    version: NewVersion | None
    seq: int


@dataclass(frozen=True, slots=True)
class VersionMetadata:
    """What describes a version beside its content; see `NewVersion`."""

    name: str | None
    change_summary: str | None
    created_by: UUID | None
    created_at: datetime
    id: UUID | None = None


def version_of(
    pipeline_id: UUID,
    document: Document,
    seq: int,
    metadata: VersionMetadata,
    *,
    warning: str = "",
) -> NewVersion:
    """Make a version of what a document holds; takes about a second for 10,000 steps.

    A `warning` that it lacks something stands in the version, for as long as there is that.
    """
    rows = snapshot(document)
    return NewVersion(
        pipeline_id,
        seq,
        document.encode(),
        JsonText.of(rows.pipeline),
        JsonText.of(rows.steps),
        JsonText.of(rows.connections),
        metadata.name,
        _with_warning(metadata.change_summary, warning),
        metadata.created_by,
        metadata.created_at,
        metadata.id,
    )


def _with_warning(summary: str | None, warning: str) -> str | None:
    return " - ".join(part for part in (summary, warning) if part) if warning else summary


async def unsaved_version(
    log: UpdateLog,
    versions: Versions,
    pipeline_id: UUID,
    metadata: VersionMetadata,
    *,
    until: int | None = None,
    reservation: UUID | None = None,
    compute: Compute = compute,
) -> tuple[Unsaved, bool]:
    """Make a version of the log's updates up to `until`, unless the newest version holds them.

    Without `until` it is of all updates, and of the document mended; whether it had to be mended
    is returned as well. `reservation` is the edit for which the document is reserved, if it is.

    A newest version that cannot be read holds nothing: a new one is made. Raises PipelineNotFound,
    StoreUnavailable.
    """
    saved = await _newest_state(versions, pipeline_id)
    make = partial(_unless_saved, pipeline_id, saved, metadata)
    if until is None:
        now = metadata.created_at
        return await load_mended(log, pipeline_id, now, make, reservation, compute=compute)
    made = await load(log, pipeline_id, partial(_replayed, make), until=until, compute=compute)
    return made, False


async def _newest_state(versions: Versions, pipeline_id: UUID) -> bytes | None:
    newest = await versions.newest(pipeline_id, 1)
    return await versions.state(pipeline_id, newest[0].number) if newest else None


def _unless_saved(
    pipeline_id: UUID,
    saved: bytes | None,
    metadata: VersionMetadata,
    document: Document,
    seq: int,
    *,
    warning: str = "",
) -> Unsaved:
    if saved is not None and read_pipeline(PipelineReader(document)) == _content(saved):
        return Unsaved(None, seq)
    version = version_of(pipeline_id, document, seq, metadata, warning=warning)
    return Unsaved(version, seq)


def _content(state: bytes) -> Pipeline | None:
    with suppress(MalformedUpdate, DocumentPoisoned):
        return pipeline_of(state)
    return None


def _replayed(make: Make[Unsaved], stored: StoredDocument) -> Unsaved:
    document, left_out = replay(stored)
    return make(document, stored.seq, warning=warning_of(left_out))
