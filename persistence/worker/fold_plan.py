"""Which updates of a log may be merged into one. Nothing here reads or writes anything."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from persistence.ports.update_log import LoggedUpdate

from .replay import SEED

MOST_UPDATES: Final = 1000
"""Updates in one folded row: a follower notes each of their numbers."""

MOST_BYTES: Final = 64 * 1024
"""Payloads merged into one row: the library takes longer over one large update than over parts."""


def group_updates(
    updates: Iterable[LoggedUpdate], ends: Collection[int] = (), alone: Collection[int] = ()
) -> list[list[LoggedUpdate]]:
    """Divide updates, in their order, into groups of which each may become one row.

    In a group are updates that follow each other without a gap, of one user within one minute
    (UTC). A group ends at each number in `ends`, so that the log up to there can still be loaded.
    The updates in `alone` and the first one of a document stay by themselves.
    """
    stops = frozenset(ends)
    apart = frozenset((*alone, SEED))
    groups: list[_Group] = []
    for update in updates:
        if not groups or not groups[-1].takes(update, stops, apart):
            groups.append(_Group())
        groups[-1].add(update)
    return [group.updates for group in groups]


@dataclass(slots=True)
class _Group:
    updates: list[LoggedUpdate] = field(default_factory=list)
    bytes: int = 0

    def add(self, update: LoggedUpdate) -> None:
        self.updates.append(update)
        self.bytes += len(update.payload)

    def takes(self, update: LoggedUpdate, stops: Collection[int], apart: Collection[int]) -> bool:
        """Whether an update may become one row with those in here."""
        last = self.updates[-1]
        if last.seq in stops or last.seq in apart or update.seq in apart:
            return False
        follows = update.first_seq == last.seq + 1 and update.user_id == last.user_id
        return follows and self._is_same_minute(update) and self._has_room(update)

    def _is_same_minute(self, update: LoggedUpdate) -> bool:
        began = _minute(self.updates[0].first_received_at)
        return began == _minute(update.first_received_at) == _minute(update.received_at)

    def _has_room(self, update: LoggedUpdate) -> bool:
        numbers = update.seq - self.updates[0].first_seq + 1
        return numbers <= MOST_UPDATES and self.bytes + len(update.payload) <= MOST_BYTES


def _minute(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(second=0, microsecond=0)
