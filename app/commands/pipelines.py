"""`import`, `export`, `list`, `search`, `delete` and `validate`: of a database, or of a server."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from crdt.errors import PipeloomError

from . import local_pipelines, remote_pipelines
from .common import DatabaseUrl, DataDir, database, print_message, reason, settings_for
from .pipeline_files import read_reported
from .remote import Remote

Url = Annotated[
    str | None,
    typer.Option(help="Work on this server, over HTTP; PIPELOOM_URL.", show_default=False),
]
Token = Annotated[
    str | None,
    typer.Option(help="The token for --url; PIPELOOM_TOKEN.", show_default=False),
]
UrlBefore = Annotated[
    str | None, typer.Option("--url", envvar="PIPELOOM_URL", help="Work on this server, over HTTP.")
]
TokenBefore = Annotated[
    str | None, typer.Option("--token", envvar="PIPELOOM_TOKEN", help="The token for --url.")
]
TeamName = Annotated[
    str | None, typer.Option(help="organization/team, or the team's slug if no other has it.")
]
Json = Annotated[bool, typer.Option("--json", help="Print lines of JSON.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many.")]
PipelineId = Annotated[UUID, typer.Argument(help="Which pipeline.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Pipeline YAML files.")]

REMOTE: Final = frozenset({"import", "export", "list", "search", "delete"})
"""The commands that work on a server, too."""

FOUND: Final = 50
"""How many pipelines a search prints if nobody says."""


def note_options(context: typer.Context, url: str | None, token: str | None) -> None:
    """Note the options that stand before the command. Raises typer.BadParameter."""
    given = context.get_parameter_source("url")
    is_given = given is not None and given.name == "COMMANDLINE"
    if is_given and context.invoked_subcommand not in REMOTE:
        named = ", ".join(sorted(REMOTE))
        raise typer.BadParameter(f"only these commands work over HTTP: {named}")
    context.obj = {"url": url, "token": token, "is_given": is_given}


def register(cli: typer.Typer) -> None:
    """Add the commands to a command line."""
    cli.command("import")(import_)
    cli.command("list")(list_)
    for command in (export, search, delete, validate):
        cli.command()(command)


def remote_of(
    context: typer.Context,
    url: str | None,
    token: str | None,
    data_dir: Path | None,
    database_url: str | None,
) -> Remote | None:
    """The server to work on; None for the database. Raises typer.BadParameter."""
    before: Mapping[str, Any] = context.obj or {}
    is_local = data_dir is not None or database_url is not None
    is_given = url is not None or before.get("is_given", False)
    if is_local and is_given:
        raise typer.BadParameter("--url works over HTTP: leave out --database-url and --data-dir")
    url, token = url or before.get("url"), token or before.get("token")
    if is_local or not url:
        return None
    if not token:
        raise typer.BadParameter("--url needs --token, or PIPELOOM_TOKEN")
    return Remote(url, token.strip())


def import_(
    context: typer.Context,
    files: Files,
    *,
    team: TeamName = None,
    as_: Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="Who imports.")] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="With --url: put a file in the place of the pipeline that has its name in the "
            "team, or whose id the file is called by; create those that are not there.",
        ),
    ] = False,
    id_: Annotated[
        UUID | None, typer.Option("--id", help="With --url: the pipeline to update, by one file.")
    ] = None,
    as_json: Json = False,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create a pipeline from each file; prints one pipeline id a line."""
    remote = remote_of(context, url, token, data_dir, database_url)
    if id_ is not None and len(files) > 1:
        raise typer.BadParameter("--id takes one file")
    if remote is not None:
        if as_ is not None:
            raise typer.BadParameter("--as is for a database: over HTTP the token says who imports")
        importing = remote_pipelines.import_files(
            remote, files, team, update=update, to=id_, as_json=as_json
        )
        failed = asyncio.run(importing)
    elif update or id_ is not None:
        raise typer.BadParameter("--update and --id need --url: a server makes the edits")
    else:
        failed = _import_locally(files, team, as_, data_dir, database_url, as_json=as_json)
    if failed:
        raise typer.Exit(1)


def _import_locally(
    files: list[Path],
    team: str | None,
    email: str | None,
    data_dir: Path | None,
    database_url: str | None,
    *,
    as_json: bool,
) -> int:
    settings = settings_for(data_dir=data_dir, database_url=database_url)
    most = settings.max_bytes_per_team
    with database(settings) as dsn:
        importing = local_pipelines.import_files(dsn, files, team, email, most, as_json=as_json)
        return asyncio.run(importing)


def export(
    context: typer.Context,
    pipeline_id: PipelineId,
    *,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a pipeline as YAML."""
    remote = remote_of(context, url, token, data_dir, database_url)
    if remote is not None:
        sys.stdout.write(remote_pipelines.export(remote, pipeline_id))
        return
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        sys.stdout.write(asyncio.run(local_pipelines.export(dsn, pipeline_id)))


def list_(
    context: typer.Context,
    *,
    team: TeamName = None,
    limit: Limit = None,
    as_json: Json = False,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print pipelines, the newest first: id, team, status, last edit and name, between tabs."""
    remote = remote_of(context, url, token, data_dir, database_url)
    _print_found(
        remote, team, None, limit, data_dir=data_dir, database_url=database_url, as_json=as_json
    )


def search(
    context: typer.Context,
    words: Annotated[
        list[str], typer.Argument(metavar="WORD…", help="All of these; the last may be begun only.")
    ],
    *,
    team: TeamName = None,
    limit: Limit = FOUND,
    as_json: Json = False,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the pipelines that have all these words, the best first, as `list` does."""
    remote = remote_of(context, url, token, data_dir, database_url)
    sought = " ".join(words).encode(errors="replace").decode()
    _print_found(
        remote, team, sought, limit, data_dir=data_dir, database_url=database_url, as_json=as_json
    )


def delete(
    context: typer.Context,
    pipeline_ids: Annotated[list[UUID], typer.Argument(metavar="PIPELINE_ID…")],
    *,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Delete pipelines; `pipeloom undelete` can bring them back for a while."""
    remote = remote_of(context, url, token, data_dir, database_url)
    if remote is not None:
        failed = sum(not _is_deleted_remotely(remote, one) for one in pipeline_ids)
    else:
        with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
            failed = sum(not _is_deleted(dsn, one) for one in pipeline_ids)
    if failed:
        raise typer.Exit(1)


def _is_deleted(dsn: str, pipeline_id: UUID) -> bool:
    try:
        asyncio.run(local_pipelines.delete(dsn, pipeline_id))
    except PipeloomError as error:
        print_message(f"{pipeline_id}: {reason(error)}")
        return False
    return True


def _is_deleted_remotely(remote: Remote, pipeline_id: UUID) -> bool:
    try:
        remote_pipelines.delete(remote, pipeline_id)
    except PipeloomError as error:
        print_message(f"{pipeline_id}: {reason(error)}")
        return False
    return True


def validate(files: Files, *, as_json: Json = False) -> None:
    """Check files, without a server: prints file, line, column, severity, message and code."""
    failed = 0
    for file in files:
        try:
            _, imported = read_reported(file)
        except (PipeloomError, OSError) as error:
            print_message(f"{file}: {reason(error)}")
            failed += 1
            continue
        counts = {"steps": len(imported.pipeline.steps), "findings": len(imported.diagnostics)}
        words = f"{file}: {counts['steps']} steps, {counts['findings']} findings"
        typer.echo(json.dumps({"file": str(file), **counts}) if as_json else words)
    if failed:
        raise typer.Exit(1)


def _print_found(
    remote: Remote | None,
    team: str | None,
    words: str | None,
    limit: int | None,
    *,
    data_dir: Path | None,
    database_url: str | None,
    as_json: bool,
) -> None:
    if remote is not None:
        _print_rows(remote_pipelines.found(remote, team, words, limit), as_json=as_json)
        return
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        rows = asyncio.run(local_pipelines.found(dsn, team, words, limit))
    _print_rows(rows, as_json=as_json)


def _print_rows(rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        time = datetime.fromisoformat(str(row["updated_at"])).isoformat(timespec="seconds")
        shown = {
            "id": str(row["id"]),
            "team": row["team"],
            "status": row["status"],
            "updated_at": time,
            # A name may have tabs and line feeds in it.
            "name": row["name"] if as_json else " ".join(row["name"].split()),
        }
        line = json.dumps(shown, ensure_ascii=False) if as_json else "\t".join(shown.values())
        typer.echo(line)
