"""What `pipeloom readers` and `pipeloom servers` do: roles with fewer rights than the owner's."""

import asyncio
from typing import Annotated, Final

import typer

from persistence.postgres import groups
from persistence.postgres.groups import Group
from persistence.postgres.migrations import require_current
from persistence.postgres.pool import COMMAND, Pool, open_pool

from .common import DatabaseUrl, DataDir, database, print_message, settings_for

Role = Annotated[str, typer.Argument(help="A role of PostgreSQL that exists.")]

_HELP: Final = {
    "reader": "Who may read all teams' tables by SQL, and change nothing.",
    "server": "Who may serve and work without owning the tables.",
}


def group_commands(group: Group) -> typer.Typer:
    """The commands of one group role: grant, revoke, list."""
    made = typer.Typer(help=_HELP[group], no_args_is_help=True)
    made.command("grant")(_grant_reader if group == "reader" else _grant_server)

    @made.command("revoke")
    def revoke(role: Role, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
        """Take a role out of the group."""
        with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
            asyncio.run(_revoke(dsn, group, role))

    @made.command("list")
    def list_(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
        """Print the roles of the group, one a line."""
        with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
            asyncio.run(_list(dsn, group))

    return made


def _grant_reader(
    role: Role,
    *,
    emails: Annotated[
        bool, typer.Option("--emails", help="Let it read the addresses of users, too.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Let a role read the tables; without this it sees no rows, whatever it was granted."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(_grant(dsn, "reader", role, emails=emails))


def _grant_server(role: Role, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Let a role serve and work; the schema stays with the owner, who migrates."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(_grant(dsn, "server", role))


async def _grant(dsn: str, group: Group, role: str, *, emails: bool = False) -> None:
    pool = await _pool(dsn)
    try:
        await require_current(pool)
        await groups.grant(pool, group, role, emails=emails)
    finally:
        await pool.close()
    print_message(f"{role} is in {groups.role_of(group)}")


async def _revoke(dsn: str, group: Group, role: str) -> None:
    pool = await _pool(dsn)
    try:
        await groups.revoke(pool, group, role)
    finally:
        await pool.close()
    print_message(f"{role} is no longer in {groups.role_of(group)}")


async def _list(dsn: str, group: Group) -> None:
    pool = await _pool(dsn)
    try:
        for member in await groups.members(pool, group):
            typer.echo(f"{member['name']} emails" if member["emails"] else member["name"])
    finally:
        await pool.close()


async def _pool(dsn: str) -> Pool:
    return await open_pool(dsn, max_size=1, application_name=COMMAND)
