"""Looks for damage in the logs and stored states of documents, and for what can be done about it.

Sources of damage are outside Pipeloom: a disk that rots, a backup restored in part, rows deleted by
hand. A log is whole if it has every number from 1 to its head and each update can be applied. A
stored state is sound if it holds what the updates up to it make.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.validation.reading import read_pipeline
from persistence.ports.update_log import StoredDocument, UpdateLog

from .replay import Compute, compute, replay

Damage: TypeAlias = Literal["updates_lost", "updates_covered", "state_unusable", "state_differs"]

SHOWN = 5
"""Numbers of updates in one description."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Damage of one kind at one pipeline, and in `remedy` what to do about it."""

    pipeline_id: UUID
    damage: Damage
    detail: str
    remedy: str


async def faults_of(log: UpdateLog, pipeline_id: UUID, compute: Compute = compute) -> list[Fault]:
    """Check the log and the state of a pipeline. Raises PipelineNotFound, StoreUnavailable."""
    stored = await log.load(pipeline_id)
    updates = [each for each in await log.since(pipeline_id, 0) if each.seq <= stored.seq]
    whole = StoredDocument(None, 0, updates, head=stored.seq)
    return await compute(_faults, pipeline_id, stored, whole)


def _faults(pipeline_id: UUID, stored: StoredDocument, whole: StoredDocument) -> list[Fault]:
    made, left_out = replay(whole)
    lost = [seq for seq in left_out if seq > stored.state_seq]
    covered = [seq for seq in left_out if seq <= stored.state_seq]
    faults = []
    if stored.state is not None and (found := _state_fault(pipeline_id, stored, made, covered)):
        # Such a state covers nothing.
        faults.append(found)
        lost, covered = left_out, []
    if covered:
        faults.append(_covered(pipeline_id, covered, stored.state_seq))
    if lost:
        faults.append(_lost(pipeline_id, lost))
    return faults


def _state_fault(
    pipeline_id: UUID, stored: StoredDocument, made: Document, covered: Sequence[int]
) -> Fault | None:
    remedy = f"`pipeloom repair {pipeline_id} --drop-state` makes the document from its log alone"
    try:
        resumed, _ = replay(stored)
    except (MalformedUpdate, DocumentPoisoned) as error:
        detail = f"the state of update {stored.state_seq} cannot be loaded: {error}"
        return Fault(pipeline_id, "state_unusable", detail, remedy)
    if covered or _content(resumed) == _content(made):
        return None
    detail = f"the state of update {stored.state_seq} is not what the log makes"
    return Fault(pipeline_id, "state_differs", detail, remedy)


def _content(document: Document) -> object:
    return read_pipeline(PipelineReader(document))


def _covered(pipeline_id: UUID, seqs: Sequence[int], state_seq: int) -> Fault:
    detail = (
        f"{_named(seqs)} missing or unreadable; the state of update {state_seq} has the content"
    )
    remedy = "nothing is lost: bring these rows back from a backup for the history's sake"
    return Fault(pipeline_id, "updates_covered", detail, remedy)


def _lost(pipeline_id: UUID, seqs: Sequence[int]) -> Fault:
    remedy = (
        f"bring these rows back from a backup, then `pipeloom repair {pipeline_id} "
        "--rows-restored`; or restore a version, then "
        f"`pipeloom repair {pipeline_id} --accept-loss`"
    )
    return Fault(pipeline_id, "updates_lost", f"{_named(seqs)} missing or unreadable", remedy)


def warning_of(left_out: Sequence[int]) -> str:
    """Say which updates a document was made without; empty if it has all of them."""
    if not left_out:
        return ""
    return f"{_named(left_out)} of the log missing or unreadable: made without what they had"


def _named(seqs: Sequence[int]) -> str:
    shown = ", ".join(map(str, seqs[:SHOWN]))
    more = f" and {len(seqs) - SHOWN} more" if len(seqs) > SHOWN else ""
    return f"update{'s' if len(seqs) > 1 else ''} {shown}{more}"
