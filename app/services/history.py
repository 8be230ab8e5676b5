"""The history of a pipeline: who edited it, when, and which steps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from crdt.errors import InvalidEdit
from persistence.ports.update_log import Authorship, StoredDocument, UpdateLog
from persistence.worker.edit_history import Edited, Stretch, edited, stretches
from persistence.worker.replay import compute

PAGE_UPDATES: Final = 2_000
"""Updates of the log that one page of history covers."""

MAX_REPLAYED: Final = 20_000
"""Updates that are replayed to find out what a stretch changed: a second or two, in a thread."""


@dataclass(frozen=True, slots=True)
class Page:
    """Stretches, newest first, and where the next page goes on: None at the end.

    Confessed: a stretch that began before the page's first update goes on in the next page.
    """

    stretches: Sequence[Stretch]
    next_before: int | None


class History:
    """Reads the history from the log."""

    def __init__(self, log: UpdateLog, authorship: Authorship) -> None:
        self._log, self._authorship = log, authorship

    async def page(self, pipeline_id: UUID, before: int | None = None) -> Page:
        """Read the edits before update `before`; an unknown pipeline has an empty history."""
        found = await self._authorship.authored(pipeline_id, PAGE_UPDATES, before)
        oldest = found[-1].seq if found else 1
        return Page(stretches(found), oldest if oldest > 1 else None)

    async def edited(self, pipeline_id: UUID, stretch: Stretch) -> Edited:
        """Find what a stretch changed, by replaying the log.

        Raises InvalidEdit if that is too much, PipelineNotFound, DocumentPoisoned.
        """
        stored = await self._log.load(pipeline_id)
        if stored.state_seq >= stretch.first_seq:
            stored = StoredDocument(None, 0, ())
        count = stretch.last_seq - stored.state_seq
        if count > MAX_REPLAYED:
            raise InvalidEdit(f"expected at most {MAX_REPLAYED} updates to replay, got {count}")
        updates = await self._log.since(pipeline_id, stored.state_seq, count)
        ahead = max(stretch.first_seq - stored.state_seq - 1, 0)
        before = replace(stored, tail=updates[:ahead])
        return await compute(edited, before, updates[ahead:], stretch.user_id)
