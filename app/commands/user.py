"""`pipeloom user`: people come, get roles and go, without SQL."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final
from uuid import UUID

import typer

from app.group_roles import RANKS
from app.settings import Settings, SettingsError
from persistence.ports.directory import Role
from persistence.ports.user_rows import Record
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.people import NewPerson, PostgresPeople
from persistence.postgres.pool import COMMAND, Pool, open_pool

from .common import DatabaseUrl, DataDir, database, print_message, settings_for

app = typer.Typer(
    help="Add, list, change and remove people.", no_args_is_help=True, rich_markup_mode=None
)

ADDRESS: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?/[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?")

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="Whose address.")]
TeamPath = Annotated[str, typer.Argument(metavar="ORGANIZATION/TEAM", help="Which team.")]
RoleName = Annotated[str, typer.Option(help=f"In --team: {', '.join(RANKS)}.")]


def _role(text: str) -> Role:
    if text not in RANKS:
        raise typer.BadParameter(f"expected one of {', '.join(RANKS)}, got {text!r}")
    return text


@app.command(
    epilog="Examples: `pipeloom user add ada@example.org --name Ada --team acme/core --role owner "
    "--new-team` begins a team; `pipeloom user add ada@example.org --subject 'auth0|abc'` says who "
    "a subject of PIPELOOM_JWT_ISSUER is."
)
def add(
    email: Email,
    *,
    name: Annotated[str | None, typer.Option(help="Theirs. (default: from the address)")] = None,
    team: Annotated[
        str | None,
        typer.Option(metavar="ORGANIZATION/TEAM", help="The team that they join. (default: none)"),
    ] = None,
    role: RoleName = "member",
    new_team: Annotated[
        bool, typer.Option("--new-team", help="Create the team, unless there is one.")
    ] = False,
    subject: Annotated[
        str | None,
        typer.Option(help="The `sub` of their tokens, if that is no id of ours. (no default)"),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a person, or one who is here to a team; prints their id."""
    if not ADDRESS.fullmatch(email):
        raise typer.BadParameter(f"expected an address such as ada@example.org, got {email!r}")
    if new_team and (team is None or not SLUG.fullmatch(team)):
        raise typer.BadParameter("expected --team organization/team, in a-z, 0-9 and -")
    settings = settings_for(data_dir=data_dir, database_url=database_url)
    identity = None if subject is None else (_issuer(settings), subject)
    person, given = NewPerson(email, name or email.partition("@")[0], identity), _role(role)
    with database(settings) as dsn:
        typer.echo(asyncio.run(_add(dsn, person, team, given, is_new=new_team)))


def _issuer(settings: Settings) -> str:
    if settings.jwt_issuer is None:
        raise SettingsError("a subject belongs to an issuer: set PIPELOOM_JWT_ISSUER")
    return settings.jwt_issuer


async def _add(dsn: str, person: NewPerson, team: str | None, role: Role, *, is_new: bool) -> UUID:
    async with _pool(dsn) as pool:
        seat = None if team is None else (await _team(pool, team, is_new=is_new), role)
        return await PostgresPeople(pool).add(person, seat)


@app.command("list", epilog="Example: `pipeloom user list --json | jq -r .email`")
def list_(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One object a line.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print everybody, a line each: id, address, name, teams with roles."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(_list(dsn, as_json=as_json))


async def _list(dsn: str, *, as_json: bool) -> None:
    async with _pool(dsn) as pool:
        for person in await PostgresPeople(pool).listed():
            typer.echo(
                json.dumps(dict(person), default=str, ensure_ascii=False)
                if as_json
                else _line(person)
            )


def _line(person: Record) -> str:
    teams = ", ".join(f"{one['team']}:{one['role']}" for one in person["teams"]) or "no team"
    return f"{person['id']}  {person['email']}  {' '.join(person['name'].split())}  {teams}"


@app.command("set-role", epilog="Example: `pipeloom user set-role ada@example.org acme/core admin`")
def set_role(
    email: Email,
    team: TeamPath,
    role: Annotated[str, typer.Argument(metavar="ROLE", help=f"One of {', '.join(RANKS)}.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Change somebody's role in a team; groups of an identity provider do so no more."""
    given = _role(role)
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(_set_role(dsn, email, team, given))


async def _set_role(dsn: str, email: str, team: str, role: Role) -> None:
    async with _pool(dsn) as pool:
        team_id = await _team(pool, team)
        user = await PostgresDirectory(pool).user_by_email(email)
        await PostgresPeople(pool).set_role(user, team_id, role)


@app.command(
    epilog="Examples: `pipeloom user remove ada@example.org --team acme/core` takes her out of one "
    "team; without --team her account is deleted. A token of a provider that creates people "
    "(PIPELOOM_PROVISION=all) creates a new one: take her access there first."
)
def remove(
    email: Email,
    *,
    team: Annotated[
        str | None,
        typer.Option(metavar="ORGANIZATION/TEAM", help="Out of this team alone. (default: wholly)"),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Take somebody out of a team, or remove them wholly. What they made stays with its team."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        print_message(asyncio.run(_remove(dsn, email, team)))


async def _remove(dsn: str, email: str, team: str | None) -> str:
    async with _pool(dsn) as pool:
        people, user = PostgresPeople(pool), await PostgresDirectory(pool).user_by_email(email)
        if team is not None:
            await people.leave(user, await _team(pool, team))
            return f"{user.email} is not in {team} any more; what they made there stays"
        left = await people.remove(user)
    return (
        f"{user.email} is gone, out of {left.teams} teams. The {left.pipelines} pipelines that "
        "they made, and their edits, comments and versions stay with the teams, without their name"
    )


async def _team(pool: Pool, path: str, *, is_new: bool = False) -> UUID:
    if is_new:
        return await PostgresPeople(pool).new_team(path)
    return await PostgresDirectory(pool).team_by_slug(path)


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[Pool]:
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        yield pool
    finally:
        await pool.close()
