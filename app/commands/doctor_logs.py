"""What `pipeloom doctor` reads of the logs: some documents, for so long at most."""

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from crdt.errors import PipelineNotFound
from persistence.ports.user_rows import Record
from persistence.postgres.pool import COMMAND, Pool, open_pool
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.worker.log_check import faults_of

from .report import Report, size

BIGGEST: Final = 5
MOST_RECENT: Final = 20
LARGEST_BYTES: Final = 16 * 1024**2
"""A log that is checked has so many bytes at most: applying all of it takes some seconds."""

SECONDS: Final = 10.0
"""After so long no other log is begun with."""


@dataclass(slots=True)
class Checked:
    """How many logs were checked, and why the others were not."""

    whole: int = 0
    too_large: int = 0
    too_late: int = 0

    def __str__(self) -> str:
        left = {
            "larger than " + size(LARGEST_BYTES): self.too_large,
            "for lack of time": self.too_late,
        }
        named = [f"{count} not, {why}" for why, count in left.items() if count]
        return ", ".join([f"{self.whole} documents", *named])


async def add_logs(report: Report, dsn: str, seconds: float = SECONDS) -> None:
    """Check the logs of the biggest documents and of those that were edited last."""
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        rows = await pool.fetch("documents_to_check", BIGGEST, MOST_RECENT)
        began, checked = time.monotonic(), Checked()
        for row in rows:
            if row["log_bytes"] > LARGEST_BYTES:
                checked.too_large += 1
            elif time.monotonic() - began > seconds:
                checked.too_late += 1
            else:
                await _add_faults(report, pool, row)
                checked.whole += 1
    finally:
        await pool.close()
    took = time.monotonic() - began
    report.add("logs", "looked at", f"{checked}; {took:.1f} s; `pipeloom check` looks at all")


async def _add_faults(report: Report, pool: Pool, row: Record) -> None:
    # Deleted since it was listed: then there is nothing to check.
    with suppress(PipelineNotFound):
        for fault in await faults_of(PostgresUpdateLog(pool), row["pipeline_id"]):
            name = f"{fault.damage} {fault.pipeline_id}"
            report.add("logs", name, fault.detail, fault.remedy)
