"""What `pipeloom fold` does: a line for each pipeline on stdout, progress and the sum on stderr."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import typer

from crdt.errors import PipelineNotFound
from persistence.ports.folding import FoldableLog, LogFolding
from persistence.ports.update_log import UpdateLog
from persistence.postgres.folding import PostgresLogFolding
from persistence.postgres.migrations import require_not_newer
from persistence.postgres.pool import COMMAND, open_pool
from persistence.postgres.update_log import PostgresUpdateLog
from persistence.worker.folding import Folded, NotFoldable, fold_log, minutes_before

DEFAULT_DAYS: Final = 30
"""How old updates are that the command folds, unless it or a setting says otherwise."""

PROGRESS_EVERY: Final = 10
"""Steps, of a thousand updates, between two messages on how far a log has come."""


async def fold(dsn: str, age: timedelta, only: UUID | None, *, is_trial: bool) -> int:
    """Fold what is older than `age`, or show what that would do; return how many logs failed."""
    pool = await open_pool(dsn, max_size=2, application_name=COMMAND)
    try:
        await require_not_newer(pool)
        log, folding = PostgresUpdateLog(pool), PostgresLogFolding(pool)
        if only is not None and only not in await log.heads([only]):
            raise PipelineNotFound(f"no pipeline {only}: check the id")
        total, pipelines, failed = Folded(), 0, 0
        async for found in _foldable(folding, age, only):
            done = await _fold_one(log, folding, found, is_trial=is_trial)
            failed += done is None
            if done is not None and done.rows_after < done.rows_before:
                typer.echo(f"{found.pipeline_id}: {_line(done)}")
                total, pipelines = total + done, pipelines + 1
        if not is_trial:
            await folding.give_back()
    finally:
        await pool.close()
    _print_sum(total, pipelines, failed, is_trial=is_trial)
    return failed


async def _foldable(
    folding: LogFolding, age: timedelta, only: UUID | None
) -> AsyncIterator[FoldableLog]:
    before, after = minutes_before(datetime.now(UTC), age), None
    while (found := await folding.next_foldable(before, after, only=only)) is not None:
        yield found
        after = found.pipeline_id


async def _fold_one(
    log: UpdateLog, folding: LogFolding, found: FoldableLog, *, is_trial: bool
) -> Folded | None:
    """Fold one log; return what was done, or None, having said why, if it cannot be folded."""
    done = Folded()
    try:
        steps = 0
        async for step in fold_log(log, folding, found, is_trial=is_trial):
            done, steps = done + step, steps + 1
            if steps % PROGRESS_EVERY == 0:
                _say(f"{found.pipeline_id}: {done.rows_before} updates read")
    except PipelineNotFound:
        # Purged since it was listed.
        return Folded()
    except NotFoldable as error:
        _say(f"{found.pipeline_id}: not folded: {error}; `pipeloom check` says more of damage")
        return None
    return done


def _print_sum(total: Folded, pipelines: int, failed: int, *, is_trial: bool) -> None:
    what = "would be folded" if is_trial else "folded"
    _say(f"{pipelines} pipelines {what}, {failed} cannot be: {_line(total)}")
    if is_trial and pipelines:
        _say("nothing was changed: --apply does it, and no command undoes it")


def _line(done: Folded) -> str:
    rows = f"{done.rows_before} → {done.rows_after} rows"
    return f"{rows}, {done.bytes_before} → {done.bytes_after} bytes"


def _say(message: str) -> None:
    typer.echo(message, err=True)
