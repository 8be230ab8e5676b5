"""How the command line is called on this machine, for the commands that it shows people to type."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

from app.settings import Settings

NAME: Final = "pipeloom"

UVX: Final = "uvx --from pipeloom-server pipeloom"
"""Under uvx the program is in a folder of its cache, which has another name tomorrow."""


def invocation(started_as: str, python: str, here: Path) -> str:
    """What to type for this program, which was started as the first of its arguments.

    Its name where the shell finds it, else its path, which is good in every folder; with the folder
    where it was started as `python -m app`, since Python finds `app` there.
    """
    program = here / started_as
    if program.name == "__main__.py":
        called = f"{shlex.quote(str(here / python))} -m {program.parent.name}"
        return f"cd {shlex.quote(str(program.parent.parent))} && {called}"
    if {"uv", "archive-v0"} <= set(program.parts):
        return UVX
    found = shutil.which(NAME)
    if started_as == NAME or (found and Path(found).resolve() == program.resolve()):
        return NAME
    return shlex.quote(str(program))


def token_command(settings: Settings) -> str:
    """What to type, in whatever folder, for a token of this installation; an address follows."""
    options = ""
    if settings.database_url is None or settings.jwt_secret is None:
        options = f" --data-dir {shlex.quote(str(Path.cwd() / settings.data_dir))}"
    return f"{invocation(sys.argv[0], sys.executable, Path.cwd())} token{options} --email"
