"""The command line: results on stdout, messages on stderr, exit 0, 1 (explained) or 2 (usage).

Typer builds it from plain functions with type hints.
"""

import asyncio
import gc
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final
from uuid import UUID

import jwt.warnings
import typer

from app.auth.verifiers import tokens_for, verifier_for
from app.services import pipeline_files
from app.telemetry import log
from app.telemetry.exporter import tracing
from app.telemetry.metrics_page import worker_page
from crdt.errors import PipeloomError
from crdt.yaml.codec import Imported
from persistence.embedded.binaries import Account
from persistence.embedded.places import ROOT_DATA_DIR, default_data_dir
from persistence.embedded.server import EmbeddedPostgres
from persistence.ports.directory import DEMO_TEAM, User
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.migrations import migrate as migrate_database
from persistence.postgres.pool import COMMAND, Pool, open_pool
from persistence.postgres.storage import PostgresTeamStorage
from persistence.postgres.update_log import PostgresUpdateLog

from . import audit_command, damage_commands, fold_command, undelete_command
from .damage_commands import Decision
from .settings import Settings, SettingsError, deprecations, load_settings
from .worker_main import kept, pauses, project_now, work

cli = typer.Typer(
    help="Pipeloom: people edit AI pipelines together, live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

DataDir = Annotated[Path | None, typer.Option(help="Where embedded data is kept.")]
DatabaseUrl = Annotated[
    str | None, typer.Option(help="PostgreSQL ≥ 15; without it the embedded one is used.")
]
RedisUrl = Annotated[
    str | None, typer.Option(help="Redis ≥ 7 or Valkey, between the servers of an installation.")
]


TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"]

Host = Annotated[str | None, typer.Option(help="Address to listen on.")]
Port = Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")]
NoWorker = Annotated[
    bool | None, typer.Option("--no-worker", help="Leave the tables to `pipeloom worker`.")
]
Workers = Annotated[int | None, typer.Option(help="Server processes on this machine, on one port.")]


@cli.command()
def serve(
    *,
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    redis_url: RedisUrl = None,
    no_worker: NoWorker = None,
    workers: Workers = None,
) -> None:
    """Serve editors over WebSocket, with a worker beside the server."""
    settings = _settings(
        host=host,
        port=port,
        data_dir=data_dir,
        database_url=database_url,
        redis_url=redis_url,
        no_worker=no_worker,
        workers=workers,
    )
    settings.check_exposure()
    for message in deprecations(settings):
        _print_message(f"pipeloom: {message}")
    _serve(settings)


def _serve(settings: Settings) -> None:
    with _without_collecting():
        from app.processes.multi_server import serve_together  # noqa: PLC0415 - other commands start without it
        from app.processes.server import serve as serve_forever  # noqa: PLC0415 - other commands start without it

    with _database(settings, watched=True) as dsn:
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


@cli.command()
def worker(
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Port on 127.0.0.1 for /metrics; 0 takes a free one.")
    ] = None,
) -> None:
    """Keep the tables up to date with the documents, beside `serve --no-worker`."""
    settings = _settings(data_dir=data_dir, database_url=database_url, metrics_port=metrics_port)
    with (
        _database(settings, watched=True) as dsn,
        worker_page(settings.metrics_port) as port,
        tracing(),
    ):
        if port is not None:
            _print_message(f"metrics are at http://127.0.0.1:{port}/metrics")
        asyncio.run(_work_until_signal(dsn, settings))


async def _work_until_signal(dsn: str, settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await migrate_database(dsn)
    _print_message("worker is ready")
    await work(
        dsn,
        stop,
        pauses(settings),
        kept(settings),
        settings.folded_after,
        most_bytes=settings.max_bytes_per_team,
    )


@cli.command()
def migrate(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Bring the database to the schema of this program; prints what was applied."""
    with _database(_settings(data_dir=data_dir, database_url=database_url)) as dsn:
        applied = asyncio.run(migrate_database(dsn))
    for name in applied:
        typer.echo(name)
    if not applied:
        _print_message("the database is up to date")


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
    settings = _settings(data_dir=data_dir, database_url=database_url)
    with _database(settings) as dsn:
        tokens, user = tokens_for(settings), asyncio.run(_user(dsn, email))
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


@cli.command("import")
def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Pipeline YAML files.")],
    team: Annotated[
        str, typer.Option(help="organization/team, or the team's slug if no other has it.")
    ] = DEMO_TEAM,
    as_: Annotated[str | None, typer.Option("--as", metavar="EMAIL", help="Who imports.")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create a pipeline from each file; prints one pipeline id a line."""
    settings = _settings(data_dir=data_dir, database_url=database_url)
    with _database(settings) as dsn:
        failed = asyncio.run(_import(dsn, files, team, as_, settings.max_bytes_per_team))
    if failed:
        raise typer.Exit(1)


async def _import(
    dsn: str, files: list[Path], team: str, email: str | None, most_bytes: int
) -> int:
    """Import file by file; return how many could not be imported."""
    await migrate_database(dsn)
    pool = await open_pool(dsn, max_size=3, application_name=COMMAND)
    try:
        directory = PostgresDirectory(pool)
        team_id = await directory.team_by_slug(team)
        author = (await directory.user_by_email(email)).id if email else None
        failed = 0
        for number, file in enumerate(files, 1):
            if len(files) > 1:
                _print_message(f"[{number}/{len(files)}] {file}")
            if await PostgresTeamStorage(pool).stored_bytes(team_id) >= most_bytes:
                _print_message(f"{file}: {_FULL.format(most_bytes)}")
                return failed + len(files) - number + 1
            failed += not await _import_one(pool, file, team_id, author)
        return failed
    finally:
        await pool.close()


_FULL: Final = (
    "the team stores {} bytes already, as many as may be: nothing more is imported; delete some of "
    "its pipelines or versions, or raise PIPELOOM_MAX_BYTES_PER_TEAM"
)


def _read(file: Path) -> Imported:
    # The name as UTF-8, whatever the locale.
    name = os.fsencode(file.stem).decode(errors="replace")
    return pipeline_files.read_file(file.read_bytes(), name)


async def _import_one(pool: Pool, file: Path, team_id: UUID, author: UUID | None) -> bool:
    try:
        imported = _read(file)
    except (PipeloomError, OSError) as error:
        _print_message(f"{file}: {_reason(error)}")
        return False
    for one in imported.diagnostics:
        _print_message(
            f"{file}:{one.line}:{one.column}: {one.severity}: {one.message} [{one.code}]"
        )
    pipeline_id = await pipeline_files.create(
        PostgresDirectory(pool),
        imported.pipeline,
        team_id=team_id,
        created_by=author,
        now=datetime.now(UTC),
    )
    await project_now(pool, pipeline_id)
    typer.echo(str(pipeline_id))
    return True


@cli.command()
def export(
    pipeline_id: Annotated[UUID, typer.Argument(help="Which pipeline.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print a pipeline as YAML."""
    settings = _settings(data_dir=data_dir, database_url=database_url)
    with _database(settings) as dsn:
        sys.stdout.write(asyncio.run(_export(dsn, pipeline_id)))


async def _export(dsn: str, pipeline_id: UUID) -> str:
    pool = await open_pool(dsn, max_size=1, application_name=COMMAND)
    try:
        written = await pipeline_files.export(PostgresUpdateLog(pool), pipeline_id)
    finally:
        await pool.close()
    if written.warning:
        _print_message(written.warning)
    return written.text


@cli.command()
def check(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Look for damage in all logs and stored states; prints one fault a line, exits 1 if any."""
    settings = _settings(data_dir=data_dir, database_url=database_url)
    with _database(settings) as dsn:
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
    with _database(_settings(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(damage_commands.repair(dsn, pipeline_id, decision))


@cli.command()
def audit(
    *,
    team: Annotated[
        str | None, typer.Option(help="Of this team only: organization/team, or its id.")
    ] = None,
    since: Annotated[
        datetime | None, typer.Option(help="Not older than this, in UTC.", formats=TIMES)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Whole entries, as JSON.")] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Print the audit log, oldest first: who changed what that is in no document."""
    started = since and since.replace(tzinfo=UTC)
    with _database(_settings(data_dir=data_dir, database_url=database_url)) as dsn:
        asyncio.run(audit_command.audit(dsn, team, started, as_json=as_json))


@cli.command()
def fold(
    *,
    pipeline: Annotated[
        UUID | None, typer.Option(help="Only this pipeline; all of them by default.")
    ] = None,
    older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=1, help="How old updates must be; PIPELOOM_FOLD_AFTER_DAYS, or 30."
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Do it. Without this, only show what it would do.")
    ] = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Merge old updates of the log, of each user and minute; shows first what that saves."""
    settings = _settings(data_dir=data_dir, database_url=database_url)
    days = older_than or settings.fold_after_days or fold_command.DEFAULT_DAYS
    with _database(settings) as dsn:
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
    with _database(load_settings(data_dir=data_dir, database_url=database_url)) as dsn:
        if what is None:
            asyncio.run(undelete_command.list_deleted(dsn))
        else:
            asyncio.run(undelete_command.undelete(dsn, what))


@cli.command("database-url")
def database_url_(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print the DSN in use; for the embedded PostgreSQL, its socket."""
    with _database(_settings(data_dir=data_dir, database_url=database_url)) as dsn:
        typer.echo(dsn)


def _settings(**given: object) -> Settings:
    """Load the settings; root's data is where the account that runs PostgreSQL can get to."""
    settings = load_settings(**given)
    is_given = settings.database_url is not None or "data_dir" in settings.model_fields_set
    if is_given or os.geteuid() != 0:
        return settings
    account = Account.default()
    chosen = default_data_dir(settings.data_dir, account.uid, account.gid)
    if chosen != settings.data_dir:
        _print_message(f"pipeloom: {Path.cwd()} is in a closed folder; data is kept in {chosen}")
    elif not settings.data_dir.exists() and (ROOT_DATA_DIR / "postgres").exists():
        _print_message(f"pipeloom: other data is in {ROOT_DATA_DIR}; to use it, pass --data-dir")
    return settings.model_copy(update={"data_dir": chosen})


@contextmanager
def _database(settings: Settings, *, watched: bool = False) -> Iterator[str]:
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not watched:
        _require_data(settings.data_dir)
    with EmbeddedPostgres(settings.data_dir) as postgres:
        if watched:
            postgres.keep_running()
        yield postgres.dsn


def _require_data(data_dir: Path) -> None:
    """Raise SettingsError if there is no installation.

    Only `serve` and `worker` create one: any other command would otherwise make an empty database
    in the current folder, and report that nothing is in it.
    """
    if not data_dir.is_dir():
        raise SettingsError(
            f"no data directory at {data_dir}: start `pipeloom serve` first, "
            "or pass --data-dir or --database-url"
        )


def _print_message(message: str) -> None:
    typer.echo(message, err=True)


def _reason(error: Exception) -> str:
    """The message of an error; one of the operating system without the file's name in it."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or _one_line(error)


def _print_results_in_utf8() -> None:
    """Print results in UTF-8 whatever the locale, as a pipeline file must be.

    A path is printed as the bytes that it has (PEP 383).
    """
    if isinstance(sys.stdout, TextIOWrapper) and sys.stdout.encoding.lower() != "utf-8":
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def main() -> None:
    """Run the command line."""
    _print_results_in_utf8()
    # The operator chose the secret; each command would print the library's warning on its length.
    warnings.simplefilter("ignore", jwt.warnings.InsecureKeyLengthWarning)
    log.configure()
    try:
        cli()
    except (PipeloomError, OSError) as error:
        _print_message(f"pipeloom: {_one_line(error)}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
