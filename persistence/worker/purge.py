"""Purges the pipelines that were deleted long enough ago, one at a time."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from persistence.errors import StoreUnavailable
from persistence.ports.deletions import Deletions

POLL_SECONDS: Final = 60.0
"""How long to wait before looking again after there was none, or after a failure."""

_logger = structlog.get_logger(__name__)


class Purge:
    """Deletes for good what was deleted longer ago than `kept_for`. Several may run at once."""

    def __init__(self, deletions: Deletions, kept_for: timedelta) -> None:
        self._deletions, self._kept_for = deletions, kept_for

    async def run(self) -> None:
        """Purge until cancelled; one that is interrupted is due again."""
        while True:
            if not await self.purge_one():
                await asyncio.sleep(POLL_SECONDS)

    async def purge_one(self) -> bool:
        """Purge one pipeline; return False if there was none. Never raises: a failure is logged."""
        try:
            purged = await self._deletions.purge_one(self._kept_for)
        except Exception as error:
            is_outage = isinstance(error, StoreUnavailable)
            reason = None if is_outage else error
            _logger.warning("pipeline.not_purged", error=str(error), exc_info=reason)
            return False
        if purged is not None:
            _logger.info("pipeline.purged", pipeline_id=str(purged))
        return purged is not None
