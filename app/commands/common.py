"""What commands have in common: options, settings, the database they work on, and messages."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from typer.models import OptionInfo

from app.settings import Settings, SettingsError, load_settings, shown, variable
from persistence.embedded.binaries import Account
from persistence.embedded.places import ROOT_DATA_DIR, default_data_dir
from persistence.embedded.server import EmbeddedPostgres

from .variables import unknown_variables


def option(setting: str, text: str, *names: str) -> OptionInfo:
    """An option for a setting: its help has the environment variable and the default as well."""
    default = shown(setting, Settings.model_fields[setting].default)
    note = _DEFAULTS.get(setting, f"default {default}" if default != "-" else "no default")
    option_made: OptionInfo = typer.Option(*names, help=f"{text} ({variable(setting)}; {note})")
    return option_made


_DEFAULTS = {"database_url": "default: the embedded one", "redis_url": "default: none"}

DataDir = Annotated[Path | None, option("data_dir", "Where embedded data is kept.")]
DatabaseUrl = Annotated[str | None, option("database_url", "PostgreSQL ≥ 15.")]
RedisUrl = Annotated[
    str | None, option("redis_url", "Redis ≥ 7 or Valkey, between the servers of an installation.")
]


def settings_for(**given: object) -> Settings:
    """Load the settings; root's data is where the account that runs PostgreSQL can get to."""
    settings = load_settings(**given)
    for message in unknown_variables(os.environ):
        print_message(f"pipeloom: {message}")
    is_given = settings.database_url is not None or "data_dir" in settings.model_fields_set
    if is_given or os.geteuid() != 0:
        return settings
    account = Account.default()
    chosen = default_data_dir(settings.data_dir, account.uid, account.gid)
    if chosen != settings.data_dir:
        print_message(f"pipeloom: {Path.cwd()} is in a closed folder; data is kept in {chosen}")
    elif not settings.data_dir.exists() and (ROOT_DATA_DIR / "postgres").exists():
        print_message(f"pipeloom: other data is in {ROOT_DATA_DIR}; to use it, pass --data-dir")
    return settings.model_copy(update={"data_dir": chosen})


@contextmanager
def database(settings: Settings, *, watched: bool = False, creates: bool = False) -> Iterator[str]:
    """The DSN of the database; the embedded one runs meanwhile, again and again if `watched`.

    Raises SettingsError if there is no embedded one, unless this `creates` it or is watched.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    if not (watched or creates):
        _require_data(settings.data_dir)
    with EmbeddedPostgres(settings.data_dir) as postgres:
        if watched:
            postgres.keep_running()
        yield postgres.dsn


def _require_data(data_dir: Path) -> None:
    """Raise SettingsError if there is no installation.

    Only `serve`, `worker` and `restore` create one: any other command would otherwise make an empty
    database in the current folder, and report that nothing is in it.
    """
    if not data_dir.is_dir():
        raise SettingsError(
            f"no data directory at {data_dir}: start `pipeloom serve` first, "
            "or pass --data-dir or --database-url"
        )


def print_message(message: str) -> None:
    typer.echo(message, err=True)


def reason(error: Exception) -> str:
    """The message of an error; one of the operating system without the file's name in it."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or one_line(error)


def one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
