"""Temporary files of a run are kept in memory, where there is room.

A test of PostgreSQL is a new database, which is hundreds of files; on a disk these may cost more
than all its queries. A run has one folder for all its processes and for what these start. It goes
with the run, or with the next one if a test failed. TMPDIR says where another folder is to be.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

MEMORY: Final = Path("/dev/shm")
"""Where Linux has a file system in memory (shm_overview(7))."""

ENOUGH_BYTES: Final = 2 * 2**30
"""Many times what a run has there at once. In a container there often is next to nothing."""

PREFIX: Final = "pipeloom-tests-"
"""What the names of the folders begin with; the id of the process that made one follows."""


@contextmanager
def open_directory() -> Iterator[Path]:
    """Make a directory, through which others may pass, until the end of the block.

    pytest closes the folder above its `tmp_path` to all accounts but its own, and the embedded
    PostgreSQL of root runs as another one.
    """
    with tempfile.TemporaryDirectory(prefix="pipeloom-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)


class Folder:
    """The folder of a run, as a plugin of the process that made it."""

    def __init__(self, path: Path) -> None:
        self._path, self._has_failed = path, False

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Note how the run ends."""
        self._has_failed = exitstatus == pytest.ExitCode.TESTS_FAILED

    def pytest_unconfigure(self) -> None:
        """Remove the folder, unless somebody wants to look into it."""
        if not self._has_failed:
            shutil.rmtree(self._path, ignore_errors=True)


def keep_in_memory(config: pytest.Config) -> None:
    """Have this process, and all that it starts, keep temporary files there if that will do."""
    if "TMPDIR" in os.environ or not _will_do():
        return
    _remove_left_folders()
    folder = MEMORY / f"{PREFIX}{os.getpid()}"
    # As for a data directory: root's PostgreSQL runs as another account, which passes through.
    folder.mkdir(mode=0o711)
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    config.pluginmanager.register(Folder(folder))


def _will_do() -> bool:
    """Whether there is room, for programs, too, which some tests write."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return False
    found = os.statvfs(MEMORY)
    is_enough = found.f_bavail * found.f_frsize >= ENOUGH_BYTES
    return is_enough and not found.f_flag & os.ST_NOEXEC


def _remove_left_folders() -> None:
    """Remove the folders of runs that have ended."""
    for folder in MEMORY.glob(f"{PREFIX}*"):
        pid = re.sub(r"\D", "", folder.name)
        if not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)
