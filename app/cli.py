"""The command line: results on stdout, messages on stderr, exit 0, 1 (explained) or 2 (usage).

Typer builds it from plain functions with type hints.
"""

import asyncio
import gc
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from typing import Annotated
from uuid import UUID

import jwt.warnings
import typer

from app.auth.verifiers import issuing_for, verifier_for
from app.telemetry import log
from app.telemetry.exporter import tracing
from app.telemetry.metrics_page import worker_page
from crdt.errors import PipeloomError
from persistence.errors import PrivilegeMissing
from persistence.ports.directory import User
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.migrations import migrate as migrate_database
from persistence.postgres.pool import COMMAND, WORKER, open_pool

from .commands import audit as audit_command
from .commands import backup as backup_commands
from .commands import damage as damage_commands
from .commands import doctor as doctor_command
from .commands import electric as electric_commands
from .commands import fold as fold_command
from .commands import migrate as migrate_command
from .commands import pipelines as pipeline_commands
from .commands import settings as settings_command
from .commands import undelete as undelete_command
from .commands import user as user_command
from .commands import versions as version_commands
from .commands.common import (
    DatabaseUrl,
    DataDir,
    RedisUrl,
    database,
    one_line,
    option,
    print_message,
    settings_for,
)
from .commands.damage import Decision
from .commands.roles import group_commands
from .commands.sites import TokenBefore, UrlBefore, note_options
from .processes.started import Circumstances, log_worker_stopped
from .settings import Settings, deprecations
from .version import VERSION
from .worker_main import kept, pauses, work


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"pipeloom {VERSION}")
        raise typer.Exit


cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
pipeline_commands.register(cli)


@cli.callback()
def root(
    context: typer.Context,
    *,
    url: UrlBefore = None,
    token: TokenBefore = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Pipeloom: people edit AI pipelines together, live."""
    note_options(context, url, token)


cli.add_typer(user_command.app, name="user")
cli.add_typer(version_commands.app, name="versions")

OTHER_SETTINGS = "What no option sets, the environment does: `pipeloom settings` lists all of it."

TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]

Host = Annotated[str | None, option("host", "Address to listen on.")]
Port = Annotated[int | None, option("port", "Port to listen on; 0 takes a free one.")]
NoWorker = Annotated[
    bool | None, option("no_worker", "Leave the tables to `pipeloom worker`.", "--no-worker")
]
Workers = Annotated[int | None, option("workers", "Server processes on this machine, on one port.")]

Demo = Annotated[
    bool | None,
    option("demo", "Create the demo team, also where the database is not embedded.", "--demo"),
]


@cli.command(epilog=OTHER_SETTINGS)
def serve(
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    redis_url: RedisUrl = None,
    no_worker: NoWorker = None,
    workers: Workers = None,
    demo: Demo = None,
) -> None:
    """Serve editors over WebSocket, with a worker beside the server."""
    settings = settings_for(
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=database_url,
        redis_url=redis_url,
        no_worker=no_worker,
        workers=workers,
        demo=demo,
    )
    settings.check_exposure()
    for message in deprecations(settings):
        print_message(f"pipeloom: {message}")
    _serve(settings)


def _serve(settings: Settings) -> None:
    with _without_collecting():
        from app.processes.multi_server import serve_together  # noqa: PLC0415 - other commands start without it
        from app.processes.server import serve as serve_forever  # noqa: PLC0415 - other commands start without it

    with database(settings, watched=True) as dsn:
        if settings.workers > 1:
            serve_together(settings, dsn)
        else:
            serve_forever(settings, verifier_for(settings), dsn)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Import without looking for garbage: there is hardly any, and it takes an eighth longer."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@cli.command(epilog=OTHER_SETTINGS)
def worker(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    metrics_port: Annotated[
        int | None, option("metrics_port", "Port on 127.0.0.1 for /metrics; 0 takes a free one.")
    ] = None,
) -> None:
    """Keep the tables up to date with the documents, beside `serve --no-worker`."""
    settings = settings_for(data_dir=data_dir, database_url=database_url, metrics_port=metrics_port)
    with (
        database(settings, watched=True) as dsn,
        worker_page(settings.metrics_port) as port,
        tracing(),
    ):
        if port is not None:
            print_message(f"metrics are at http://127.0.0.1:{port}/metrics")
        asyncio.run(_work_until_signal(dsn, settings))


async def _work_until_signal(dsn: str, settings: Settings) -> None:
    stop, reasons = asyncio.Event(), list[int]()

    def end(number: int) -> None:
        reasons.append(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    await migrate_database(dsn)
    (await Circumstances.of(settings, dsn, WORKER)).log_worker()
    print_message("worker is ready")
    await work(
        dsn,
        stop,
        pauses(settings),
        kept(settings),
        settings.folded_after,
        most_bytes=settings.max_bytes_per_team,
        connections=settings.pool_worker,
    )
    log_worker_stopped(reasons[0] if reasons else None)


cli.command()(migrate_command.migrate)
cli.command()(doctor_command.doctor)
cli.command()(settings_command.settings)
cli.command()(backup_commands.backup)
cli.command()(backup_commands.restore)
cli.add_typer(group_commands("reader"), name="readers")
cli.add_typer(group_commands("server"), name="servers")
cli.add_typer(electric_commands.app, name="electric")


@cli.command()
def token(
    *,
    email: Annotated[str, typer.Option(help="Whose token.")],
    ttl: Annotated[int, typer.Option(help="Seconds until it expires.", min=1)] = 3600,
    renewable: Annotated[
        bool, typer.Option("--renewable", help="Begin a session instead, which a page renews.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a token for a user."""
    settings = settings_for(data_dir=data_dir, database_url=database_url)
    with database(settings) as dsn:
        user = asyncio.run(_user(dsn, email))
        tokens = issuing_for(settings)
    now = datetime.now(UTC)
    if renewable:
        typer.echo(tokens.begin_session(user, settings.session_length, now).token)
    else:
        typer.echo(tokens.issue(user, timedelta(seconds=ttl), now))


async def _user(dsn: str, email: str) -> User:
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        return await PostgresDirectory(pool).user_by_email(email)
    finally:
        await pool.close()


@cli.command()
def check(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Look for damage in all logs and stored states; prints one fault a line, exits 1 if any."""
    settings = settings_for(data_dir=data_dir, database_url=database_url)
    with database(settings) as dsn:
        if asyncio.run(damage_commands.check(dsn)):
            raise typer.Exit(1)


@cli.command()
def repair(
    pipeline_id: Annotated[UUID, typer.Argument(help="Which pipeline, as `check` names it.")],
    *,
    drop_state: Annotated[
        bool, typer.Option("--drop-state", help="Make the document from its log alone.")
    ] = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Let the tables follow the document as it is.")
    ] = False,
    rows_restored: Annotated[
        bool, typer.Option("--rows-restored", help="Read the log anew: its rows are back.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show the damage of one pipeline and what can be done; with an option, do it."""
    given: dict[Decision, bool] = {
        "drop_state": drop_state,
        "accept_loss": accept_loss,
        "rows_restored": rows_restored,
    }
    chosen = [decision for decision, is_chosen in given.items() if is_chosen]
    if len(chosen) > 1:
        raise typer.BadParameter("expected one decision at most, got several")
    decision = chosen[0] if chosen else None
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(damage_commands.repair(dsn, pipeline_id, decision))


@cli.command()
def audit(
    *,
    team: Annotated[
        str | None,
        typer.Option(help="Of this team only: organization/team, or its id. (default: all)"),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(help="Not older than this, in UTC. (default: all)", formats=TIMES),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Whole entries, as JSON.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the audit log, oldest first: who changed what that is in no document."""
    started = since and since.replace(tzinfo=UTC)
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(audit_command.audit(dsn, team, started, as_json=as_json))


@cli.command()
def fold(
    *,
    pipeline: Annotated[
        UUID | None, typer.Option(help="Only this pipeline. (default: all)")
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS",
            min=1,
            help="How old updates must be. (PIPELOOM_FOLD_AFTER_DAYS; default 30)",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without this, only show what it would do.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Merge old updates of the log, of each user and minute; shows first what that saves."""
    settings = settings_for(data_dir=data_dir, database_url=database_url)
    days = older_than or settings.fold_after_days or fold_command.DEFAULT_DAYS
    with database(settings) as dsn:
        failed = asyncio.run(
            fold_command.fold(dsn, timedelta(days=days), pipeline, is_trial=not apply)
        )
    if failed:
        raise typer.Exit(1)


@cli.command()
def undelete(
    what: Annotated[
        str | None,
        typer.Argument(help="organization/team, or an id; without it, what there is is listed."),
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Bring back a deleted team or pipeline that is kept; or list those that are."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        if what is None:
            asyncio.run(undelete_command.list_deleted(dsn))
        else:
            asyncio.run(undelete_command.undelete(dsn, what))


@cli.command("database-url")
def database_url_(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print the DSN in use; for the embedded PostgreSQL, its socket."""
    with database(settings_for(data_dir=data_dir, database_url=database_url)) as dsn:
        typer.echo(dsn)


def _print_results_in_utf8() -> None:
    """Print results in UTF-8 whatever the locale, as a pipeline file must be.

    A path is printed as the bytes that it has (PEP 383).
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _remedy(error: Exception) -> str:
    """What to do about an error whose text is PostgreSQL's alone."""
    if not isinstance(error, PrivilegeMissing):
        return ""
    return (
        ": the role of the database URL may not do this; use the one that owns the database and "
        "its tables, or let that one run `pipeloom servers grant ROLE` for a role that serves"
    )


def main() -> None:
    """Run the command line."""
    _print_results_in_utf8()
    # The operator chose the secret; each command would print the library's warning on its length.
    warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
    log.configure()
    try:
        cli()
    except (PipeloomError, OSError) as error:
        print_message(f"pipeloom: {one_line(error)}{_remedy(error)}")
        sys.exit(1)
