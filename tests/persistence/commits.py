"""Group commit as the tests wait for it: by futures, where a room is called back."""

import asyncio
from functools import partial

from persistence.group_commit import GroupCommit, Outcome
from persistence.ports.update_log import NewUpdate


def submit(commits: GroupCommit, update: NewUpdate) -> asyncio.Future[int]:
    """Queue an update; the future becomes its outcome. Raises as `GroupCommit.enqueue`."""
    committed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    commits.enqueue(update, partial(settle, committed))
    return committed


def settle(committed: asyncio.Future[int], outcome: Outcome) -> None:
    """Let a future become an outcome, unless nobody waits for it any more."""
    if committed.done():
        return
    if isinstance(outcome, int):
        committed.set_result(outcome)
    else:
        committed.set_exception(outcome)
