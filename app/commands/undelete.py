"""What `pipeloom undelete` does: list what was deleted and is kept, or bring one of it back."""

from collections.abc import Sequence

import typer

from persistence.errors import Conflict, UnknownSubject
from persistence.ports.user_rows import Record
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.migrations import require_not_newer
from persistence.postgres.pool import COMMAND, open_pool


async def list_deleted(dsn: str) -> None:
    """Print what can be brought back, one thing a line, the last deleted first."""
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        await require_not_newer(pool)
        for one in await PostgresDeletions(pool).deleted():
            typer.echo(_line(one))
    finally:
        await pool.close()


async def undelete(dsn: str, what: str) -> None:
    """Bring a team (its path or id) or a pipeline (its id) back. Raises StoreError."""
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        await require_not_newer(pool)
        deletions = PostgresDeletions(pool)
        found = the_one(what, await deletions.deleted())
        if not await deletions.restore(found["kind"], found["id"]):
            raise UnknownSubject(
                f"{what} is not there any more: it was restored or purged just now"
            )
        typer.echo(f"{found['kind']} {found['path']} {found['id']} is back", err=True)
    except Conflict as error:
        raise Conflict(
            f"the slug of {what} was taken by another team of the organization: give that one "
            "another slug first",
            error.constraint,
        ) from error
    finally:
        await pool.close()


def the_one(what: str, deleted: Sequence[Record]) -> Record:
    """The only thing that is called so. Raises UnknownSubject for none and for several."""
    found = [one for one in deleted if what in _names(one)]
    match found:
        case [one]:
            return one
        case []:
            raise UnknownSubject(
                f"nothing that was deleted and is kept is called {what}: `pipeloom undelete` lists "
                "what there is"
            )
        case _:
            ids = ", ".join(str(one["id"]) for one in found)
            raise UnknownSubject(f"several deleted teams are called {what}: say one of {ids}")


def _names(one: Record) -> set[str]:
    return {str(one["id"])} | ({one["path"]} if one["kind"] == "team" else set())


def _line(one: Record) -> str:
    time, name = one["deleted_at"].isoformat(timespec="seconds"), " ".join(one["name"].split())
    return " ".join((time, one["kind"], str(one["id"]), one["path"], one["email"] or "-", name))
