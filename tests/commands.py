"""Commands of the program that run in forks of one process that has imported it.

A command does in a moment what it has imported a second for. So one process per run of pytest
imports the command line and no more, and forks for each command: Python calls that a fork server.
The command is a process of its own as ever, with its own environment, output and exit code.
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

FORKING: Final = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(["app.cli"])


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


async def run_in_fork(
    args: Sequence[str], folder: Path, environment: Mapping[str, str], patience: float
) -> Outcome:
    """Run a command to its end; raises TimeoutError if that takes longer than `patience` (s)."""
    with TemporaryDirectory(prefix="pipeloom-") as printed:
        out, err = Path(printed, "out"), Path(printed, "err")
        process = FORKING.Process(
            target=_become, args=([*args], folder, {**environment}, out, err), daemon=True
        )
        return await asyncio.to_thread(_outcome, process, patience, out, err)


def _outcome(process: BaseProcess, patience: float, out: Path, err: Path) -> Outcome:
    process.start()
    process.join(patience)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise TimeoutError
    return Outcome(process.exitcode, out.read_text(), err.read_text())


def _become(
    args: Sequence[str], folder: Path, environment: Mapping[str, str], out: Path, err: Path
) -> None:
    """Be the program: in the new process, which ends with this function."""
    from app.__main__ import main  # noqa: PLC0415 - the tests themselves do not need it

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["pipeloom", *args]
    main()
