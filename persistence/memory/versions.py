"""Versions in memory: the twin of `persistence/postgres/versions.py`, beside a `MemoryStore`."""

import json
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

from crdt.errors import PipelineNotFound
from persistence.ports.versions import NewVersion, Retention, Version, VersionInfo

from .stores import MemoryStore


class MemoryVersions:
    """`Versions` of the pipelines in a store, deleted together with their pipeline."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._held: set[UUID] = set()

    async def save(self, version: NewVersion) -> VersionInfo:
        """See `Versions.save`."""
        versions = self._store.versions_of(version.pipeline_id)
        if saved := [each.info for each in versions if each.info.id == version.id]:
            return saved[0]
        number = versions[-1].info.number + 1 if versions else 1
        info = VersionInfo(
            id=version.id or uuid5(version.pipeline_id, str(number)),
            number=number,
            seq=version.seq,
            name=version.name,
            change_summary=version.change_summary,
            created_by=self._store.known_user(version.created_by),
            created_at=version.created_at,
        )
        rows = map(json.loads, (version.pipeline, version.steps, version.connections))
        versions.append(Version(info, version.state, *rows))
        await self.mark_saved(version.pipeline_id, version.seq)
        return info

    async def newest(
        self, pipeline_id: UUID, limit: int, before: int | None = None
    ) -> list[VersionInfo]:
        """See `Versions.newest`."""
        found = [each.info for each in self._versions(pipeline_id)]
        return [info for info in reversed(found) if before is None or info.number < before][:limit]

    async def load(self, pipeline_id: UUID, number: int) -> Version | None:
        """See `Versions.load`."""
        for version in self._versions(pipeline_id):
            if version.info.number == number:
                return version
        return None

    async def state(self, pipeline_id: UUID, number: int) -> bytes | None:
        """See `Versions.state`."""
        version = await self.load(pipeline_id, number)
        return None if version is None else version.state

    @asynccontextmanager
    async def claim_unsaved(
        self,
        first_before: datetime | None,
        last_before: datetime | None,
        *,
        excluding: Collection[UUID] = (),
    ) -> AsyncIterator[UUID | None]:
        """See `Versions.claim_unsaved`."""
        found = self._store.claim_unsaved(first_before, last_before, {*excluding, *self._held})
        held = set() if found is None else {found}
        self._held |= held
        try:
            yield found
        finally:
            self._held -= held

    async def mark_saved(self, pipeline_id: UUID, seq: int) -> None:
        """See `Versions.mark_saved`."""
        self._store.mark_saved(pipeline_id, seq)

    async def prune(self, pipeline_id: UUID, now: datetime, retention: Retention) -> None:
        """See `Versions.prune`."""
        versions = self._versions(pipeline_id)
        newest_first = [each.info for each in reversed(versions)]
        kept = {info.number for info in worth_keeping(newest_first, now, retention)}
        versions[:] = [each for each in versions if each.info.number in kept]

    def _versions(self, pipeline_id: UUID) -> list[Version]:
        try:
            return self._store.versions_of(pipeline_id)
        except PipelineNotFound:
            return []


def worth_keeping(
    newest_first: Sequence[VersionInfo], now: datetime, retention: Retention
) -> Iterator[VersionInfo]:
    """Yield the versions that `Versions.prune` keeps: see there for the rules."""
    # The versions of a day are met newest first, so the first one is the last of its day. Named
    # versions do not count, since they are kept in any case.
    days: set[date] = set()
    for place, info in enumerate(newest_first):
        age, day = now - info.created_at, info.created_at.astimezone(UTC).date()
        is_last_of_day = day not in days and age <= retention.daily_for
        if place == 0 or info.name is not None or age <= retention.all_for or is_last_of_day:
            yield info
        if info.name is None:
            days.add(day)
