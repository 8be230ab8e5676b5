"""What `pipeloom migrate` does: it brings the database to the schema of this program."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from persistence.postgres.migrations import migrate as migrate_database
from persistence.postgres.migrations import missing_migrations, stop_reason

from .common import DatabaseUrl, DataDir, database, print_message, settings_for


def migrate(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only print what is missing; exits 1 if anything is.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring the database to the schema of this program; prints what was applied."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        missing = asyncio.run(missing_migrations(dsn))
        _print_reasons_to_stop(missing)
        names = missing if check else asyncio.run(migrate_database(dsn))
    for name in names:
        typer.echo(name)
    if not names:
        print_message("the database is up to date")
    if check and names:
        raise typer.Exit(1)


def _print_reasons_to_stop(missing: Sequence[str]) -> None:
    """Say which migrations are not safe beside older servers; a new database has none of these."""
    is_new = bool(missing) and missing[0].startswith("0001")
    for name in missing:
        if not is_new and (reason := stop_reason(name)) is not None:
            print_message(f"{name}: stop older servers first: {reason}")
