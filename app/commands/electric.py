"""What `pipeloom electric` does: make a database ready for Electric, and take that back."""

import asyncio

import typer

from persistence.postgres import electric
from persistence.postgres.groups import role_of
from persistence.postgres.migrations import require_current
from persistence.postgres.pool import COMMAND, Pool, open_pool

from .common import DatabaseUrl, DataDir, database, print_message, settings_for
from .roles import Role

app = typer.Typer(help="Let Electric follow the tables that are shapes.", no_args_is_help=True)


@app.command("setup")
def setup(role: Role, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Publish the tables, and let the role of Electric read them; it may be run again."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(_set_up(dsn, role))


@app.command("remove")
def remove(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Take back what `setup` did, and drop Electric's replication slot; stop Electric first."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(_remove(dsn))


async def _set_up(dsn: str, role: str) -> None:
    pool = await _pool(dsn)
    try:
        await require_current(pool)
        facts = await electric.set_up(pool, role)
    finally:
        await pool.close()
    print_message(f"{role} is in {role_of('electric')}, and the tables of shapes are published")
    for sentence in facts.advice:
        print_message(sentence)


async def _remove(dsn: str) -> None:
    pool = await _pool(dsn)
    try:
        await electric.remove(pool)
    finally:
        await pool.close()
    print_message("nothing is published any more")


async def _pool(dsn: str) -> Pool:
    return await open_pool(dsn, max_size=1, application_name=COMMAND)
