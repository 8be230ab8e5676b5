"""`import`, `export`, `list`, `search`, `delete` and `validate`: of a database, or of a server."""

import json
import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from crdt.errors import PipeloomError

from .common import print_message, reason
from .pipeline_files import Import, called, read_piped, read_reported
from .sites import Site, on_a_site

TeamName = Annotated[
    str | None,
    typer.Option(
        help="organization/team, or the team's slug if no other has it. (default: all teams)"
    ),
]
IntoTeam = Annotated[
    str | None,
    typer.Option(
        help="organization/team, or the team's slug if no other has it. (default: the only one of "
        "the token's user; demo/demo on a database)"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print lines of JSON.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many. (default: all)")]
FoundLimit = Annotated[int, typer.Option(min=1, help="At most so many.")]
PipelineId = Annotated[UUID, typer.Argument(help="Which pipeline.")]
Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE…", help="Pipeline YAML files; - is the standard input."),
]

FOUND: Final = 50
"""How many pipelines a search prints if nobody says."""


def register(cli: typer.Typer) -> None:
    """Add the commands to a command line."""
    cli.command("import")(import_)
    cli.command("list")(list_)
    for command in (export, search, delete, validate):
        cli.command()(command)


@on_a_site
def import_(
    site: Site,
    files: Files,
    *,
    team: IntoTeam = None,
    as_: Annotated[
        str | None,
        typer.Option("--as", metavar="EMAIL", help="Who imports, on a database. (default: nobody)"),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Put a file in the place of the pipeline that has its name in the team, or whose "
            "id the file is called by; create those that are not there.",
        ),
    ] = False,
    id_: Annotated[
        UUID | None, typer.Option("--id", help="The pipeline to update, by one file. (no default)")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create or update a pipeline from each file; prints one pipeline id a line."""
    if id_ is not None and len(files) > 1:
        raise typer.BadParameter("--id takes one file")
    piped = read_piped(files)
    wanted = Import(files, piped, team, as_, update=update, to=id_, as_json=as_json)
    if site.import_files(wanted):
        raise typer.Exit(1)


@on_a_site
def export(site: Site, pipeline_id: PipelineId) -> None:
    """Print a pipeline as YAML."""
    sys.stdout.write(site.export(pipeline_id))


@on_a_site
def list_(site: Site, *, team: TeamName = None, limit: Limit = None, as_json: Json = False) -> None:
    """Print pipelines, the newest first: id, team, status, last edit and name, between tabs."""
    _print_rows(site.found(team, None, limit), as_json=as_json)


@on_a_site
def search(
    site: Site,
    words: Annotated[
        list[str], typer.Argument(metavar="WORD…", help="All of these; the last may be begun only.")
    ],
    *,
    team: TeamName = None,
    limit: FoundLimit = FOUND,
    as_json: Json = False,
) -> None:
    """Print the pipelines that have all these words, the best first, as `list` does."""
    sought = " ".join(words).encode(errors="replace").decode()
    _print_rows(site.found(team, sought, limit), as_json=as_json)


@on_a_site
def delete(
    site: Site, pipeline_ids: Annotated[list[UUID], typer.Argument(metavar="PIPELINE_ID…")]
) -> None:
    """Delete pipelines; `pipeloom undelete` can bring them back for a while."""
    failed = 0
    for pipeline_id in pipeline_ids:
        try:
            site.delete(pipeline_id)
        except PipeloomError as error:
            print_message(f"{pipeline_id}: {reason(error)}")
            failed += 1
    if failed:
        raise typer.Exit(1)


def validate(files: Files, *, as_json: Json = False) -> None:
    """Check files, without a server: prints file, line, column, severity, message and code."""
    failed, piped = 0, read_piped(files)
    for file in files:
        try:
            _, imported = read_reported(file, piped)
        except (PipeloomError, OSError) as error:
            print_message(f"{called(file)}: {reason(error)}")
            failed += 1
            continue
        counts = {"steps": len(imported.pipeline.steps), "findings": len(imported.diagnostics)}
        words = f"{called(file)}: {counts['steps']} steps, {counts['findings']} findings"
        typer.echo(json.dumps({"file": str(file), **counts}) if as_json else words)
    if failed:
        raise typer.Exit(1)


def _print_rows(rows: Iterable[Mapping[str, Any]], *, as_json: bool) -> None:
    for row in rows:
        shown = {
            "id": str(row["id"]),
            "team": row["team"],
            "status": row["status"],
            "updated_at": to_the_second(row["updated_at"]),
            "name": row["name"],
        }
        print_row(shown, as_json=as_json)


def to_the_second(time: object) -> str:
    """A time of a row, or of JSON, as it is printed."""
    return datetime.fromisoformat(str(time)).isoformat(timespec="seconds")


def print_row(row: Mapping[str, Any], *, as_json: bool) -> None:
    """Print a row as JSON, or its values between tabs."""
    # A name may have tabs and line feeds in it.
    texts = ("" if value is None else " ".join(str(value).split()) for value in row.values())
    typer.echo(json.dumps(row, ensure_ascii=False) if as_json else "\t".join(texts))
