"""The history of a pipeline: who edited it, when, and which steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from crdt.errors import InvalidEdit
from persistence.ports.update_log import StoredDocument, UpdateHistory, UpdateLog
from persistence.worker.edit_history import EditedEntries, EditGroup, edited_entries, group_edits
from persistence.worker.replay import compute

PAGE_UPDATES: Final = 2_000
"""Updates of the log that one page of history covers."""

MAX_REPLAYED: Final = 20_000
"""Updates that are replayed to find out what a group changed: a second or two, in a thread."""


@dataclass(frozen=True, slots=True)
class Page:
    """Groups, newest first, and where the next page goes on: None at the end.

    Confessed: a group that began before the page's first update goes on in the next page.
    """

    groups: Sequence[EditGroup]
    next_before: int | None


class History:
    """Reads the history from the log."""

    def __init__(self, log: UpdateLog, update_history: UpdateHistory) -> None:
        self._log, self._update_history = log, update_history

    async def page(self, pipeline_id: UUID, before: int | None = None) -> Page:
        """Read the edits before update `before`; an unknown pipeline has an empty history."""
        found = await self._update_history.newest_updates(pipeline_id, PAGE_UPDATES, before)
        oldest = found[-1].first_seq if found else 1
        return Page(group_edits(found), oldest if oldest > 1 else None)

    async def edited_entries(self, pipeline_id: UUID, group: EditGroup) -> EditedEntries:
        """Find what a group changed, by replaying the log.

        Raises InvalidEdit if that is too much, PipelineNotFound, DocumentPoisoned.
        """
        stored = await self._log.load(pipeline_id)
        head = stored.seq
        if stored.state_seq >= group.first_seq:
            stored = StoredDocument(None, 0, ())
        # Numbers have no gap, so they bound how many updates there are; folded ones have several.
        most = min(group.last_seq - stored.state_seq, MAX_REPLAYED + 1)
        updates = await self._log.since(pipeline_id, stored.state_seq, most)
        updates = [each for each in updates if each.first_seq <= group.last_seq]
        furthest = max(head, stored.state_seq + MAX_REPLAYED)
        if len(updates) > MAX_REPLAYED or group.last_seq > furthest:
            raise InvalidEdit(f"expected at most {MAX_REPLAYED} updates to replay, got more")
        ahead = sum(each.seq < group.first_seq for each in updates)
        before = replace(stored, tail=updates[:ahead])
        return await compute(edited_entries, before, updates[ahead:], group.user_id)
