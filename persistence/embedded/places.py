"""Where the embedded PostgreSQL of root may be: root's other account must be able to get there.

PostgreSQL refuses to run as root, so another account runs it (`binaries.ROOT_RUNS_AS`). Folders
such as /root are closed to that. They are the user's, and are never opened for it: data and
programs are kept in another place, or the start is refused.
"""

import os
import stat
from pathlib import Path
from typing import Final

ROOT_DIR: Final = Path("/var/lib/pipeloom")
"""Where root keeps what it may not keep in a closed folder (Filesystem Hierarchy Standard, 5.8)."""

ROOT_DATA_DIR: Final = ROOT_DIR / "data"

OTHERS_ENTER, OTHERS_READ = 0o001, 0o005
"""Permission bits: to pass through a directory, and to read or run what is in it."""


def closed_folder(path: Path, uid: int, gid: int) -> Path | None:
    """Return the uppermost folder above a path through which an account may not pass, if any.

    Folders that do not exist yet count as open. Confessed: access lists (ACL) are not looked at.
    """
    for parent in reversed(path.absolute().parents):
        if parent.exists() and not _may_pass(parent.stat(), uid, gid):
            return parent
    return None


def _may_pass(found: os.stat_result, uid: int, gid: int) -> bool:
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def default_data_dir(usual: Path, uid: int, gid: int) -> Path:
    """Return where the data of an account's PostgreSQL is kept if nobody has said where.

    In the usual place if it is there, or if the account can get there; else where root keeps it.
    """
    if (usual / "postgres").exists() or closed_folder(usual, uid, gid) is None:
        return usual
    return ROOT_DATA_DIR
