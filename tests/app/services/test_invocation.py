"""The commands that people are told to type work where they read them."""

from pathlib import Path

import pytest

from app.services.invocation import UVX, invocation, token_command
from app.settings import load_settings

HERE = Path("/srv/loom")
PYTHON = "/srv/loom/.venv/bin/python"


@pytest.mark.parametrize(
    ("started_as", "typed"),
    [
        ("pipeloom", "pipeloom"),
        ("/srv/loom/.venv/bin/pipeloom", "/srv/loom/.venv/bin/pipeloom"),
        (".venv/bin/pipeloom", "/srv/loom/.venv/bin/pipeloom"),
        ("/opt/my tools/bin/pipeloom", "'/opt/my tools/bin/pipeloom'"),
        ("/srv/loom/app/__main__.py", "cd /srv/loom && /srv/loom/.venv/bin/python -m app"),
        ("/var/cache/uv/archive-v0/x1/bin/pipeloom", UVX),
    ],
)
def test_what_is_typed_starts_the_program_that_was_started(
    started_as: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    assert invocation(started_as, PYTHON, HERE) == typed


def test_what_the_shell_finds_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pipeloom"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert invocation(str(program), PYTHON, HERE) == "pipeloom"
    assert invocation("/srv/loom/bin/pipeloom", PYTHON, HERE) == "/srv/loom/bin/pipeloom"


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"data_dir": "data"}, f" --data-dir {Path.cwd() / 'data'}"),
        ({"data_dir": "/srv/my data"}, " --data-dir '/srv/my data'"),
        ({"database_url": "postgresql://db/x"}, f" --data-dir {Path.cwd() / '.pipeloom'}"),
        ({"database_url": "postgresql://db/x", "jwt_secret": "x" * 32}, ""),
    ],
)
def test_a_token_is_of_this_installation_in_whatever_folder_it_is_asked_for(
    given: dict[str, str], options: str
) -> None:
    assert token_command(load_settings(**given)).endswith(f" token{options} --email")
