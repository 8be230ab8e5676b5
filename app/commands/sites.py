"""Where a command works: on the database itself, or on a server at a URL, over HTTP.

A command says only what is its own. The options that say where are added to it here, and it is
called with the site that they name.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec, Protocol
from uuid import UUID

import typer

from .common import DatabaseUrl, DataDir, settings_for
from .local_pipelines import LocalSite
from .pipeline_files import Import
from .remote import Remote
from .remote_pipelines import RemoteSite

P = ParamSpec("P")

Url = Annotated[
    str | None,
    typer.Option(
        help="Work on this server, over HTTP. (PIPELOOM_URL; default: on the database)",
        show_default=False,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(help="The token for --url. (PIPELOOM_TOKEN; no default)", show_default=False),
]
UrlBefore = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="PIPELOOM_URL", help="Work on this server, over HTTP. (no default)"
    ),
]
TokenBefore = Annotated[
    str | None,
    typer.Option("--token", envvar="PIPELOOM_TOKEN", help="The token for --url. (no default)"),
]

REMOTE: Final = frozenset({"import", "export", "list", "search", "delete", "versions"})
"""The commands that work on a server, too."""


class Site(Protocol):
    """Where pipelines are. Every method raises PipeloomError; what is said of people is printed."""

    def import_files(self, wanted: Import) -> int:
        """Import each file, print what became of it, and return how many failed."""
        ...

    def export(self, pipeline_id: UUID) -> str:
        """A pipeline as YAML."""
        ...

    def found(
        self, team: str | None, words: str | None, limit: int | None
    ) -> Iterable[Mapping[str, Any]]:
        """The pipelines of a team or of all, the newest first; those with these words best first.

        Each has `id`, `team`, `status`, `updated_at` and `name`.
        """
        ...

    def delete(self, pipeline_id: UUID) -> None:
        """Delete a pipeline, which can be brought back for a while."""
        ...

    def versions(self, pipeline_id: UUID, limit: int | None) -> Iterable[Mapping[str, Any]]:
        """The versions of a pipeline, the newest first.

        Each has `version_number`, `created_at`, `name` and `change_summary`.
        """
        ...

    def version(self, pipeline_id: UUID, number: int) -> str:
        """A version as YAML."""
        ...

    def save_version(self, pipeline_id: UUID, name: str, summary: str | None) -> int:
        """Save the present state; return the number of the version that has it."""
        ...

    def restore_version(
        self, pipeline_id: UUID, number: int, steps: list[UUID] | None
    ) -> int | None:
        """Restore a version, or some steps of it; return the number under which the rest is kept.

        None if an earlier version holds it already.
        """
        ...


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say."""

    url: str | None
    token: str | None
    data_dir: Path | None
    database_url: str | None

    @property
    def is_local(self) -> bool:
        """Whether they name a database."""
        return self.data_dir is not None or self.database_url is not None


def note_options(context: typer.Context, url: str | None, token: str | None) -> None:
    """Note the options that stand before the command. Raises typer.BadParameter."""
    given = context.get_parameter_source("url")
    is_given = given is not None and given.name == "COMMANDLINE"
    if is_given and context.invoked_subcommand not in REMOTE:
        named = ", ".join(sorted(REMOTE))
        raise typer.BadParameter(f"only these commands work over HTTP: {named}")
    context.obj = {"url": url, "token": token, "is_given": is_given}


def on_a_site(command: Callable[Concatenate[Site, P], None]) -> Callable[..., None]:
    """Make a command of a function of a site: the options that say where come after its own."""

    @wraps(command)
    def run(
        context: typer.Context,
        *,
        url: str | None,
        token: str | None,
        data_dir: Path | None,
        database_url: str | None,
        **own: Any,
    ) -> None:
        with _site(context, Where(url, token, data_dir, database_url)) as site:
            command(site, **own)  # type: ignore[call-arg]  # Typer passes what `command` takes

    context, *common = inspect.signature(_options).parameters.values()
    _, *own = inspect.signature(command).parameters.values()
    _declare(run, [context, *own, *common])
    return run


def _options(
    context: typer.Context,
    *,
    url: Url = None,
    token: Token = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """What `on_a_site` adds to a command."""


def _declare(function: Callable[..., None], parameters: list[inspect.Parameter]) -> None:
    """Say what parameters a function has: Typer reads them."""
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = {each.name: each.annotation for each in parameters}


@contextmanager
def _site(context: typer.Context, where: Where) -> Iterator[Site]:
    """The site that is meant. Raises typer.BadParameter."""
    if (remote := _remote(context.obj or {}, where)) is not None:
        yield RemoteSite(remote)
        return
    settings = settings_for(data_dir=where.data_dir, database_url=where.database_url)
    with ExitStack() as held:
        yield LocalSite(settings, held)


def _remote(before: Mapping[str, Any], where: Where) -> Remote | None:
    if where.is_local and (where.url is not None or before.get("is_given", False)):
        raise typer.BadParameter("--url works over HTTP: leave out --database-url and --data-dir")
    url, token = where.url or before.get("url"), where.token or before.get("token")
    if where.is_local or not url:
        return None
    if not token:
        raise typer.BadParameter("--url needs --token, or PIPELOOM_TOKEN")
    return Remote(url, token.strip())
