"""How the command line is called on this machine, for the commands that it tells people to type."""

import shlex
import shutil
import sys
from pathlib import Path

NAME = "pipeloom"

UVX = "uvx --from pipeloom-server pipeloom"
"""Under uvx the program is in a folder of its cache, which has another name tomorrow."""


def invocation(started_as: str, python: str, here: Path) -> str:
    """What to type for this program, which was started as the first of its arguments.

    Its name where the shell finds it, else its path; `python -m app` if that is how it was started.
    """
    program = Path(started_as)
    if program.name == "__main__.py":
        return f"{_typed(Path(python), here)} -m {program.parent.name}"
    if {"uv", "archive-v0"} <= set(program.parts):
        return UVX
    found = shutil.which(NAME)
    if len(program.parts) == 1 or (found and Path(found).resolve() == program.resolve()):
        return NAME
    return _typed(program, here)


def own_invocation() -> str:
    """What to type for the program that runs."""
    return invocation(sys.argv[0], sys.executable, Path.cwd())


def _typed(program: Path, here: Path) -> str:
    """A path as the shell takes it, relative where it is below the current folder."""
    path = here / program
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
