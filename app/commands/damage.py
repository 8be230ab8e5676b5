"""What `pipeloom check` and `pipeloom repair` do: results on stdout, progress on stderr."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias
from uuid import UUID

import typer

from crdt.errors import PipelineNotFound
from persistence.ports.log_repair import LogRepair
from persistence.ports.update_log import UpdateLog
from persistence.postgres.log_repair import PostgresLogRepair
from persistence.postgres.migrations import require_not_newer
from persistence.postgres.pool import COMMAND, open_pool
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.worker.log_check import Fault, faults_of
from persistence.worker.log_repair import accept_loss, drop_state, take_back

Decision: TypeAlias = Literal["drop_state", "accept_loss", "rows_restored"]

DECISIONS: Final[
    Mapping[Decision, tuple[Callable[[UpdateLog, LogRepair, UUID, datetime], Awaitable[None]], str]]
] = {
    "drop_state": (drop_state, "the stored state is forgotten: the log makes the document"),
    "rows_restored": (take_back, "the log is whole again: servers and workers read it anew"),
    "accept_loss": (accept_loss, "the document is taken as it is: the tables follow it again"),
}
"""What can be decided about a damaged document, and what is said when it is done."""

PROGRESS_EVERY: Final = 100
"""Documents between two messages on how far a check has come."""


@asynccontextmanager
async def _stores(dsn: str) -> AsyncIterator[tuple[UpdateLog, LogRepair]]:
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        await require_not_newer(pool)
        yield PostgresUpdateLog(pool), PostgresLogRepair(pool)
    finally:
        await pool.close()


async def check(dsn: str) -> int:
    """Check all documents, print a line for each fault, and return how many there are."""
    checked = faults = 0
    async with _stores(dsn) as (log, listed):
        async for pipeline_id in _document_ids(listed):
            found = await _faults_of(log, pipeline_id)
            for fault in found:
                typer.echo(f"{pipeline_id}: {_line(fault)}")
            checked, faults = checked + 1, faults + len(found)
            if checked % PROGRESS_EVERY == 0:
                typer.echo(f"{checked} documents checked", err=True)
    typer.echo(f"{checked} documents checked, {faults} faults found", err=True)
    return faults


async def repair(dsn: str, pipeline_id: UUID, decision: Decision | None) -> None:
    """Print the faults of one document, and carry out what was decided about it, if anything."""
    async with _stores(dsn) as (log, decided):
        faults = await faults_of(log, pipeline_id)
        for fault in faults:
            typer.echo(_line(fault))
        if decision is not None:
            execute, done = DECISIONS[decision]
            await execute(log, decided, pipeline_id, datetime.now(UTC))
            typer.echo(done, err=True)
        elif not faults:
            typer.echo("no damage found", err=True)


async def _document_ids(listed: LogRepair) -> AsyncIterator[UUID]:
    after: UUID | None = None
    while found := await listed.document_ids(after, PROGRESS_EVERY):
        for pipeline_id in found:
            yield pipeline_id
        after = found[-1]


async def _faults_of(log: UpdateLog, pipeline_id: UUID) -> list[Fault]:
    # Deleted since it was listed: then there is nothing to check.
    with suppress(PipelineNotFound):
        return await faults_of(log, pipeline_id)
    return []


def _line(fault: Fault) -> str:
    return f"{fault.damage}: {fault.detail}; {fault.remedy}"
