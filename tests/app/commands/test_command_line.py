"""Every command by table: its help says defaults and variables, its errors what to do."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import UUID

import click
import pytest
import typer
from typer.testing import CliRunner

from app.cli import cli
from app.settings import Settings, variable
from app.version import VERSION
from tests.server import run

NOWHERE = "postgresql://me:hush-hush@127.0.0.1:1/none"
ID = str(UUID(int=1))

ARGUMENTS: dict[str, Sequence[str]] = {
    "serve": ["--port", "0"],
    "worker": [],
    "migrate": [],
    "migrate --check": [],
    "token": ["--email", "a@b"],
    "import": ["{file}"],
    "export": [ID],
    "list": [],
    "search": ["word"],
    "delete": [ID],
    "versions list": [ID],
    "versions export": [ID, "1"],
    "versions save": [ID, "name"],
    "versions restore": [ID, "1"],
    "check": [],
    "repair": [ID],
    "audit": [],
    "fold": [],
    "undelete": [],
    "backup": ["{folder}/new"],
    "restore": ["{file}"],
    "user add": ["a@b"],
    "user list": [],
    "user set-role": ["a@b", "a/b", "member"],
    "user remove": ["a@b"],
    "readers grant": ["somebody"],
    "readers revoke": ["somebody"],
    "readers list": [],
    "servers grant": ["somebody"],
    "servers revoke": ["somebody"],
    "servers list": [],
    "electric setup": ["somebody"],
    "electric remove": [],
}
"""What each command that asks the database is called with."""

WITHOUT_DATABASE = {"validate", "settings", "database-url", "doctor"}
"""They ask none, print its address, or report on it as on everything else."""


def commands(
    group: click.Command | None = None, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    """Every command by its name, those within others too."""
    made = typer.main.get_command(cli) if group is None else group
    for name, command in getattr(made, "commands", {}).items():
        if getattr(command, "commands", None):
            yield from commands(command, (*above, name))
        else:
            yield " ".join((*above, name)), command


COMMANDS = dict(commands())


def test_the_table_has_every_command() -> None:
    named = {name.partition(" --")[0] for name in ARGUMENTS}
    assert named | WITHOUT_DATABASE == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_command_does_and_takes(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip().endswith((".", "!"))
    for parameter in command.params:
        assert getattr(parameter, "help", None) or parameter.param_type_name == "argument", name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_the_variable_and_the_default_of_a_setting(name: str) -> None:
    for parameter in COMMANDS[name].params:
        text = getattr(parameter, "help", None) or ""
        if parameter.name not in Settings.model_fields or parameter.param_type_name == "argument":
            continue
        assert variable(parameter.name) in text, parameter.name
        assert re.search(r"default|PIPELOOM_\w+, or \d", text), parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_the_default_of_every_option(name: str) -> None:
    for parameter in COMMANDS[name].params:
        is_flag = getattr(parameter, "is_flag", False)
        if parameter.param_type_name == "argument" or parameter.required or is_flag:
            continue
        # Typer prints a default itself, if there is one.
        text = getattr(parameter, "help", None) or ""
        assert parameter.default is not None or "default" in text, (name, parameter.name)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_is_printed_and_succeeds(name: str) -> None:
    outcome = CliRunner().invoke(cli, [*name.split(), "--help"])
    assert (outcome.exit_code, outcome.stderr) == (0, "")
    assert "Usage:" in outcome.stdout
    assert "PIPELOOM" in outcome.stdout or name in ("validate", "settings")


async def test_the_version_is_printed() -> None:
    outcome = await run("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"pipeloom {VERSION}\n", "")


def filled(arguments: Sequence[str], folder: Path) -> list[str]:
    file = folder / "a.yaml"
    file.write_text("workflow:\n  name: a\n  steps: []\n")
    return [each.format(file=file, folder=folder) for each in arguments]


ADDRESSES = {
    NOWHERE: "cannot connect to PostgreSQL at postgresql://127.0.0.1:1/none",
    "mysql://me:hush-hush@host/db": "postgresql://user:password@host",
    "postgresql://me:hush-hush/x@127.0.0.1:1/db": "the database URL",
}


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_a_database_that_is_not_there_is_one_line_without_the_password(
    name: str, tmp_path: Path
) -> None:
    arguments = filled(ARGUMENTS[name], tmp_path)
    places = ["--database-url", NOWHERE, "--data-dir", str(tmp_path)]
    outcome = await run(*name.split(), *arguments, *places)
    assert (outcome.code, outcome.out) == (1, "")
    assert ADDRESSES[NOWHERE] in outcome.err
    assert len(outcome.err.splitlines()) == 1, outcome.err
    assert "hush" not in outcome.err


@pytest.mark.parametrize("address", ADDRESSES)
async def test_an_address_that_is_wrong_is_explained_without_the_password(
    address: str, tmp_path: Path
) -> None:
    for given in ([], ["--database-url", address]):
        environment = {} if given else {"DATABASE_URL": address}
        outcome = await run("migrate", "--data-dir", str(tmp_path), *given, environment=environment)
        assert outcome.code == 1
        assert ADDRESSES[address] in outcome.err
        assert len(outcome.err.splitlines()) == 1, outcome.err
        assert "hush" not in outcome.err
        assert "Traceback" not in outcome.err


@pytest.mark.parametrize("name", COMMANDS)
def test_an_option_that_is_none_is_wrong_usage(name: str) -> None:
    outcome = CliRunner().invoke(cli, [*name.split(), "--no-such-option"])
    assert (outcome.exit_code, outcome.stdout) == (2, "")
    assert "--no-such-option" in outcome.stderr


@pytest.mark.parametrize(
    ("variable_", "nearest"),
    [
        ("PIPELOOM_MAX_CONECTIONS", "PIPELOOM_MAX_CONNECTIONS"),
        ("PIPELOOM_JWT_SECRETS", "PIPELOOM_JWT_SECRET"),
        ("PIPELOOM_LOGLEVEL", "PIPELOOM_LOG_LEVEL"),
    ],
)
async def test_a_misspelt_variable_is_named_with_the_nearest(
    variable_: str, nearest: str, tmp_path: Path
) -> None:
    outcome = await run("migrate", "--data-dir", str(tmp_path), environment={variable_: "hush"})
    first = outcome.err.splitlines()[0]
    assert first == f"pipeloom: {variable_} is no setting, and ignored: is it {nearest}?"


@pytest.mark.parametrize(
    ("variable_", "value"),
    [
        ("PIPELOOM_LOG_FORMAT", "xml"),
        ("PIPELOOM_LOG_LEVEL", "loud"),
        ("PIPELOOM_POOL_LOG", "2"),
        ("PIPELOOM_PORT", "tcp://10.0.0.1:8000"),
    ],
)
async def test_a_value_that_is_none_is_named(variable_: str, value: str, tmp_path: Path) -> None:
    outcome = await run("migrate", "--data-dir", str(tmp_path), environment={variable_: value})
    assert outcome.code == 1
    assert f"setting {variable_}: expected" in outcome.err
    assert value in outcome.err
    assert "Kubernetes" in outcome.err or variable_ != "PIPELOOM_PORT"
