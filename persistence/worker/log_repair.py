"""Decisions of an operator about a document whose log is damaged.

Each ends with an empty update by the system, at which the workers read the document anew.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from crdt.validation.diagnostics import Code
from persistence.errors import StoreError
from persistence.ports.directory import SYSTEM
from persistence.ports.log_repair import LogRepair
from persistence.ports.update_log import NewUpdate, StoredDocument, UpdateLog

from .log_check import Damage, faults_of
from .replay import load, replay

HARMFUL: Final[frozenset[Damage]] = frozenset({"updates_lost", "state_unusable", "state_differs"})
"""Damage at which the document is not what its log made."""

NOTHING: Final = b"\x00\x00"
"""An update without structs and deletions (Yjs, update format V1)."""


class StillDamaged(StoreError):
    """A document of which somebody said that it is whole again is not."""


async def drop_state(log: UpdateLog, repair: LogRepair, pipeline_id: UUID, now: datetime) -> None:
    """Make the document from its log alone. Raises PipelineNotFound, StoreUnavailable."""
    await repair.drop_state(pipeline_id)
    await _announce(log, pipeline_id, now)


async def accept_loss(log: UpdateLog, repair: LogRepair, pipeline_id: UUID, now: datetime) -> None:
    """Take the document without its lost updates for the whole one: the tables follow it again.

    Raises PipelineNotFound, StoreUnavailable.
    """
    state, waiting, seq = await load(log, pipeline_id, _encoded)
    await log.store_state(pipeline_id, seq, state, waiting)
    await repair.forget_damage(pipeline_id, Code.UNDECODABLE_UPDATE.value)
    await _announce(log, pipeline_id, now)


async def take_back(log: UpdateLog, repair: LogRepair, pipeline_id: UUID, now: datetime) -> None:
    """Have the document read anew everywhere, since its rows are back from a backup.

    Raises StillDamaged, PipelineNotFound, StoreUnavailable.
    """
    if lost := [each for each in await faults_of(log, pipeline_id) if each.damage in HARMFUL]:
        raise StillDamaged(f"nothing was done, there is still damage: {lost[0].detail}")
    await repair.forget_damage(pipeline_id, Code.UNDECODABLE_UPDATE.value)
    await _announce(log, pipeline_id, now)


async def _announce(log: UpdateLog, pipeline_id: UUID, now: datetime) -> None:
    await log.append([NewUpdate(pipeline_id, SYSTEM.id, NOTHING, now)])


def _encoded(stored: StoredDocument) -> tuple[bytes, list[bytes], int]:
    document, _ = replay(stored)
    return document.encode(), document.waiting(), stored.seq
