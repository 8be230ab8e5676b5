"""Tasks that end together."""

import asyncio
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias

Job: TypeAlias = Coroutine[Any, Any, object]
Task: TypeAlias = "asyncio.Task[object]"

RETRY_SECONDS: Final = 0.2
"""Between two cancellations of a task: database and Redis drivers now and then take a cancellation
for a timeout of their own, and go on."""


@asynccontextmanager
async def in_background(*jobs: Job) -> AsyncIterator[list[Task]]:
    """Run coroutines as tasks beside the block, which is given them, and end them with it.

    What they raise stays in them: ask them, or call `raise_failure`.
    """
    tasks: list[Task] = [asyncio.create_task(job) for job in jobs]
    try:
        yield tasks
    finally:
        await end(tasks)


async def run_until_first_ends(*jobs: Job) -> None:
    """Run coroutines until one of them ends, and end the others. Raises what that one raised."""
    async with in_background(*jobs) as tasks:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    raise_failure(done)


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all have ended, whatever they raise."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


def raise_failure(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Raise what one of these tasks failed with, if any did; they must have ended."""
    for task in tasks:
        if not task.cancelled():
            task.result()
