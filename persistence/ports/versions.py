"""Saved versions of pipelines."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from crdt.pipeline.json_values import JsonText
from crdt.pipeline.model import JsonMap


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version about to be saved: the document's state, and the rows made of it, written as JSON.

    `seq` is the last update of the log that is in `state`; `name` is None for one saved
    automatically. `id` is for whoever may save the same version again: it is saved once.
    """

    pipeline_id: UUID
    seq: int
    state: bytes
    pipeline: JsonText
    steps: JsonText
    connections: JsonText
    name: str | None
    change_summary: str | None
    created_by: UUID | None
    created_at: datetime
    id: UUID | None = None


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A version without its content. `number` counts from 1 per pipeline, and is given once.

    `transaction_id` is that of the transaction that has saved it, as `UserDatabase.rows` has it;
    None where it is read.
    """

    id: UUID
    number: int
    seq: int
    name: str | None
    change_summary: str | None
    created_by: UUID | None
    created_at: datetime
    transaction_id: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Version:
    """A version with its content; see `NewVersion`."""

    info: VersionInfo
    state: bytes
    pipeline: JsonMap
    steps: Sequence[JsonMap]
    connections: Sequence[JsonMap]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long versions without a name are kept: all of them, then the last of each day (UTC)."""

    all_for: timedelta = timedelta(days=1)
    daily_for: timedelta = timedelta(days=90)


class Versions(Protocol):
    """The versions of all pipelines: once saved, never changed."""

    async def save(self, version: NewVersion) -> VersionInfo:
        """Save a version under the next number; without its author if that user is deleted.

        One whose id is saved already is left as it is, and returned.
        Raises PipelineNotFound.
        """
        ...

    async def newest(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[VersionInfo]:
        """Read the versions with numbers below `before`, newest first; empty for no pipeline."""
        ...

    async def load(self, pipeline_id: UUID, number: int) -> Version | None:
        """Read one version with its content, None if there is none of this number."""
        ...

    async def state(self, pipeline_id: UUID, number: int) -> bytes | None:
        """Read the document's state in a version, None if there is none of this number."""
        ...

    def claim_unsaved(
        self,
        first_before: datetime | None,
        last_before: datetime | None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AbstractAsyncContextManager[UUID | None]:
        """Claim one pipeline whose rows show edits that no version holds; None if none is due.

        A pipeline is due if the first of those edits was received before `first_before`, or the
        last one before `last_before`; None means never. Nobody else can claim it meanwhile, but it
        can be edited and projected. Raises StoreUnavailable.
        """
        ...

    async def mark_saved(self, pipeline_id: UUID, seq: int) -> None:
        """Record that the newest version holds all updates up to `seq`; `save` does so as well."""
        ...

    async def prune(self, pipeline_id: UUID, now: datetime, retention: Retention) -> None:
        """Delete versions without a name that `retention` does not keep.

        The newest version stays whatever its age.
        """
        ...
