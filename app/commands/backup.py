"""What `pipeloom backup` and `pipeloom restore` do: the whole database to a file, and back."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, Annotated, Final

import typer

from persistence.embedded.binaries import installed_programs
from persistence.errors import NotAllowed, StoreError
from persistence.postgres.client_programs import ClientPrograms, folders
from persistence.postgres.facts import database_facts
from persistence.postgres.migrations import missing_migrations
from persistence.postgres.pool import DatabaseConnection, connection, place_of

from .common import DatabaseUrl, DataDir, database, print_message, settings_for

DUMP: Final = ("--format=custom", "--no-owner", "--no-password")
RESTORE: Final = (
    "--no-owner",
    # They are no part of the schema that `--force` drops, so one would be there already.
    "--no-publications",
)
EMPTY: Final = "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"

_ROLES: Final = re.compile(r"\b(pipeloom_(?:api|reader|server|electric))\b")


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; must not exist.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write the whole database into a file, beside running servers: as it is at one moment."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        programs = _programs(asyncio.run(_major(dsn)))[0]
        with _new_file(file) as written:
            programs.run("pg_dump", *DUMP, dsn=dsn, stdout=written)
    print_message(f"{file}: {file.stat().st_size} bytes, of {place_of(dsn)}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `pipeloom backup` wrote.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Drop what the database has: all of its schema public.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring a backup into an empty database; stop servers and workers first."""
    settings = settings_for(data_dir=data_dir, database_url=database_url)
    if not file.is_file():
        raise FileNotFoundError(f"there is no file {file}")
    with database(settings, creates=True) as dsn:
        programs = _reading(file, _programs(asyncio.run(_major(dsn))))
        roles = sorted(set(_ROLES.findall(_schema_in(file, programs))))
        has_tables = asyncio.run(_prepare(dsn, roles, force=force))
        programs.restore(file, *RESTORE, dsn=dsn, first=EMPTY if has_tables else "")
        missing = asyncio.run(missing_migrations(dsn))
    print_message(f"{file} is restored to {place_of(dsn)}")
    if missing:
        print_message(f"the next start, or `pipeloom migrate`, will apply {', '.join(missing)}")


async def _major(dsn: str) -> int:
    async with connection(dsn) as opened:
        return (await database_facts(opened)).major


def _programs(major: int) -> list[ClientPrograms]:
    ours = installed_programs()
    return ClientPrograms.for_server(major, folders(*([] if ours is None else [ours / "bin"])))


def _reading(file: Path, programs: list[ClientPrograms]) -> ClientPrograms:
    """The first programs that can read a file: one that newer programs wrote, older ones cannot."""
    reasons: list[str] = []
    for one in programs:
        try:
            one.run("pg_restore", "--list", str(file))
        except StoreError as error:
            reasons.append(str(error))
        else:
            return one
    hint = ": a newer PostgreSQL wrote it; install the client programs of that version"
    raise StoreError(
        f"{file} cannot be restored: {reasons[-1]}{hint if 'version' in reasons[-1] else ''}"
    )


def _schema_in(file: Path, programs: ClientPrograms) -> str:
    return programs.run("pg_restore", "--schema-only", "--file=-", str(file)).decode()


async def _prepare(dsn: str, roles: list[str], *, force: bool) -> bool:
    """Make the roles that the backup names; return whether there is something to drop.

    Raises StoreError.
    """
    async with connection(dsn) as opened:
        if busy := await opened.fetchval("sessions_of_servers"):
            raise StoreError(
                f"{busy} connections of servers and workers are open: stop these programs first"
            )
        tables = await opened.fetchval("count_relations")
        if tables and not force:
            raise StoreError(
                f"the database {place_of(dsn)} is not empty ({tables} tables and views): restore "
                "into a new one, or pass --force to drop what it has"
            )
        async with opened.transaction():
            await _make_roles(opened, roles)
    return bool(tables)


async def _make_roles(opened: DatabaseConnection, roles: list[str]) -> None:
    for role in roles:
        if await opened.fetchval("role_exists", role):
            continue
        try:
            await opened.run_script(f"CREATE ROLE {role} NOLOGIN")
        except NotAllowed as error:
            raise NotAllowed(
                f"the backup needs the role {role}, which this user may not make: let an "
                f"administrator run CREATE ROLE {role} NOLOGIN first"
            ) from error
    if "pipeloom_api" in roles:
        await opened.execute("join_api_role")


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone, which is there when it is whole. Raises OSError."""
    if path.exists():
        raise FileExistsError(f"{path} is there already: choose another name")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent}: make it first")
    unfinished = path.with_name(f"{path.name}.{token_hex(8)}.unfinished")
    # Made anew: in a folder that others write to, a file of theirs would keep their rights to it.
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as written:
            yield written
            written.flush()
            os.fsync(written.fileno())
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
