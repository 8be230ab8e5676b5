"""Purges what was deleted long enough ago, one at a time, and old entries of the audit log."""

import asyncio
from typing import Final

import structlog

from persistence.errors import StoreUnavailable
from persistence.ports.deletions import Deletions, Kept

POLL_SECONDS: Final = 60.0
"""How long to wait before looking again after there was none, or after a failure."""

_logger = structlog.get_logger(__name__)


class Purge:
    """Deletes for good what is not `kept` any longer. Several may run at once."""

    def __init__(self, deletions: Deletions, kept: Kept) -> None:
        self._deletions, self._kept = deletions, kept

    async def run(self) -> None:
        """Purge until cancelled; one that is interrupted is due again."""
        while True:
            found = await self.purge_one() or await self.expire_audit_log()
            if not (await self.expire_keys() or found):
                await asyncio.sleep(POLL_SECONDS)

    async def purge_one(self) -> bool:
        """Purge one thing; return False if there was none. Never raises: a failure is logged."""
        try:
            purged = await self._deletions.purge_one(self._kept.deleted)
        except Exception as error:
            _log_failure("pipeline.not_purged", error)
            return False
        if purged is not None:
            _logger.info(f"{purged.kind}.purged", **{f"{purged.kind}_id": str(purged.id)})
        return purged is not None

    async def expire_audit_log(self) -> bool:
        """Delete some old entries; return False if there were none. Never raises, as above."""
        if self._kept.audit is None:
            return False
        try:
            expired = await self._deletions.expire_audit_log(self._kept.audit)
        except Exception as error:
            _log_failure("audit.not_expired", error)
            return False
        if expired:
            _logger.info("audit.expired", entries=expired)
        return expired > 0

    async def expire_keys(self) -> bool:
        """Delete some old keys of requests; return False if there were none. Never raises."""
        try:
            return await self._deletions.expire_keys() > 0
        except Exception as error:
            _log_failure("keys.not_expired", error)
            return False


def _log_failure(event: str, error: Exception) -> None:
    reason = None if isinstance(error, StoreUnavailable) else error
    _logger.warning(event, error=str(error), exc_info=reason)
