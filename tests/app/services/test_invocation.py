"""The commands that people are told to type work where they read them."""

from pathlib import Path

import pytest

from app.services.invocation import UVX, invocation

HERE = Path("/srv/loom")
PYTHON = "/srv/loom/.venv/bin/python"


@pytest.mark.parametrize(
    ("started_as", "typed"),
    [
        ("pipeloom", "pipeloom"),
        ("/srv/loom/.venv/bin/pipeloom", ".venv/bin/pipeloom"),
        (".venv/bin/pipeloom", ".venv/bin/pipeloom"),
        ("/opt/my tools/bin/pipeloom", "'/opt/my tools/bin/pipeloom'"),
        ("/srv/loom/app/__main__.py", ".venv/bin/python -m app"),
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
    assert invocation("/srv/loom/bin/pipeloom", PYTHON, HERE) == "bin/pipeloom"
