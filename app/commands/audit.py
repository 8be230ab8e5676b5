"""What `pipeloom audit` does: the entries of the audit log on stdout, oldest first."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final
from uuid import UUID

import typer

from persistence.ports.user_rows import Record
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.pool import COMMAND, Pool, open_pool

PAGE: Final = 500
"""Entries that are read at once."""


async def audit(dsn: str, team: str | None, since: datetime | None, *, as_json: bool) -> None:
    """Print one entry a line, of one team (its path or id) or of all. Raises UnknownSubject."""
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        team_id = None if team is None else await _team(pool, team)
        async for entry in _entries(pool, since, team_id):
            typer.echo(_json(entry) if as_json else _line(entry))
    finally:
        await pool.close()


async def _team(pool: Pool, team: str) -> UUID:
    """A team that is no more has an id, and no path."""
    try:
        return UUID(team)
    except ValueError:
        return await PostgresDirectory(pool).team_by_slug(team)


async def _entries(
    pool: Pool, since: datetime | None, team_id: UUID | None
) -> AsyncIterator[Record]:
    after = 0
    while page := await pool.fetch("audit_entries", after, since, team_id, PAGE):
        for entry in page:
            yield entry
        after = page[-1]["id"]


def _json(entry: Record) -> str:
    return json.dumps(dict(entry), default=str, ensure_ascii=False)


def _line(entry: Record) -> str:
    time = entry["at"].isoformat(timespec="seconds")
    who = entry["actor"] or entry["actor_id"] or "-"
    where = entry["path"] or entry["team_id"] or entry["organization_id"]
    # A name may have line feeds in it.
    name = " ".join((entry["after"] or entry["before"] or {}).get("name", "").split())
    fields = (time, entry["address"], who, entry["action"], where, entry["subject_id"], name)
    return " ".join(map(str, fields)).rstrip()
