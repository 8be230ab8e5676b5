"""`pipeloom versions`: the saved states of a pipeline, on a database or on a server."""

import json
import sys
from typing import Annotated
from uuid import UUID

import typer

from .common import print_message
from .pipelines import Json, Limit, PipelineId, print_row, to_the_second
from .sites import Site, on_a_site

app = typer.Typer(
    help="List, print, save and restore versions of a pipeline.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Number = Annotated[int, typer.Argument(min=1, help="Of which version, as `list` prints it.")]


@app.command("list")
@on_a_site
def list_(
    site: Site, pipeline_id: PipelineId, *, limit: Limit = None, as_json: Json = False
) -> None:
    """Print versions, the newest first: number, time, name and summary, between tabs."""
    for one in site.versions(pipeline_id, limit):
        row = {
            "number": one["version_number"],
            "created_at": to_the_second(one["created_at"]),
            "name": one["name"],
            "change_summary": one["change_summary"],
        }
        print_row(row, as_json=as_json)


@app.command()
@on_a_site
def export(site: Site, pipeline_id: PipelineId, number: Number) -> None:
    """Print a version as YAML."""
    sys.stdout.write(site.version(pipeline_id, number))


@app.command()
@on_a_site
def save(
    site: Site,
    pipeline_id: PipelineId,
    name: Annotated[str, typer.Argument(help="What the version is called.")],
    *,
    summary: Annotated[
        str | None, typer.Option(help="What has changed, in a sentence. (no default)")
    ] = None,
) -> None:
    """Save the present state under a name; prints the number of the version that has it."""
    typer.echo(site.save_version(pipeline_id, name, summary))


@app.command()
@on_a_site
def restore(
    site: Site,
    pipeline_id: PipelineId,
    number: Number,
    *,
    step: Annotated[
        list[UUID] | None,
        typer.Option(
            help="Put only this step back; may be given several times. (default: all of it)"
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Restore a version, which everybody sees; prints the version that keeps what it replaces."""
    kept = site.restore_version(pipeline_id, number, step or None)
    if as_json:
        typer.echo(json.dumps({"restored": number, "kept": kept}))
    elif kept is not None:
        typer.echo(kept)
    else:
        print_message("what it replaces is in an earlier version already")
