"""Appends an edit that was decided on a document only if nothing has come to its log since."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from uuid import UUID

from persistence.ports.update_log import LogTransaction, NewUpdate


async def compare_and_append(
    begin: Callable[[], AbstractAsyncContextManager[LogTransaction]],
    update: NewUpdate,
    expected_head: int,
    reservation: UUID | None = None,
) -> int | None:
    """Append an update behind the expected end of its log: see `UpdateLog.append_if_last`."""
    async with begin() as transaction:
        locked = await transaction.lock({update.pipeline_id: expected_head}, most_bytes=0)
        end = locked.get(update.pipeline_id)
        if end is None or end.head != expected_head:
            return None
        if end.reserved_by not in (None, reservation):
            return None
        [seq] = await transaction.append([update])
        return seq
