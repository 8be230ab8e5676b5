"""Ends tasks that run code of others."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

AGAIN_SECONDS: Final = 0.2
"""Drivers take a cancellation for their own timeout now and then, and go on."""


async def end(tasks: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until all have ended, whatever becomes of them."""
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
