"""Runs PostgreSQL's own client programs, which dump and restore a database.

A program reads servers of its own major version and older ones, and the dump of a newer program may
have statements that an older server does not know. So the oldest that is new enough is taken.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

from persistence.errors import StoreError

from .pool import COMMAND

DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu keep the programs of each version."""

_OPTIONS: Final = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}
"""What the query of a DSN may say, and the variables that say the same (libpq documentation)."""


@dataclass(frozen=True, slots=True, order=True)
class ClientPrograms:
    """The programs of one folder, by their major version."""

    major: int
    folder: Path

    @classmethod
    def for_server(cls, major: int, folders: Iterable[Path]) -> list[Self]:
        """Those that can dump and restore a server of this version, the best first.

        Raises StoreError if none can.
        """
        found = sorted(made for folder in folders if (made := cls._in(folder)) is not None)
        if suitable := [one for one in found if one.major >= major]:
            return suitable
        versions = ", ".join(str(one.major) for one in found) or "none"
        raise StoreError(
            f"expected pg_dump and pg_restore of PostgreSQL {major} or newer, as the server is, "
            f"found {versions}: install the client programs (postgresql-client-{major})"
        )

    @classmethod
    def _in(cls, folder: Path) -> Self | None:
        try:
            said = subprocess.run(  # noqa: S603 - a program of PostgreSQL, without a shell
                [folder / "pg_dump", "--version"], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        found = re.search(r"(\d+)(?:\.|beta|rc|devel|\s|$)", said.stdout.partition(")")[2])
        has_restore = (folder / "pg_restore").exists()
        return cls(int(found[1]), folder) if found and has_restore else None

    def run(
        self,
        program: str,
        *args: str,
        dsn: str | None = None,
        stdin: IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
    ) -> bytes:
        """Run a program on a database; return what it printed unless it goes to `stdout`.

        Raises StoreError with the last of what it said, which has no password in it.
        """
        ended = subprocess.run(  # noqa: S603 - see above
            [self.folder / program, *args],
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE if stdout is None else stdout,
            stderr=subprocess.PIPE,
            check=False,
            env={**os.environ, **({} if dsn is None else environment(dsn))},
        )
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip().splitlines()
            raise StoreError(f"{program} failed: {' | '.join(said[:3]) or ended.returncode}")
        return ended.stdout or b""


def folders(*others: Path) -> list[Path]:
    """Where the programs may be: on the search path, where Debian has them, and `others`."""
    on_path = [Path(name) for name in os.environ.get("PATH", "").split(os.pathsep) if name]
    return [*on_path, *DEBIAN.glob("*/bin"), *others]


def environment(dsn: str) -> Mapping[str, str]:
    """The variables that say what a DSN says: others could read a password among arguments."""
    parts = urlsplit(dsn)
    login, _, places = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    hosts, ports = zip(*map(_host_and_port, places.split(",")), strict=True)
    said = {
        "PGUSER": unquote(user),
        "PGPASSWORD": unquote(password),
        "PGHOST": ",".join(hosts),
        "PGPORT": ",".join(ports) if any(ports) else "",
        "PGDATABASE": unquote(parts.path.removeprefix("/")),
        "PGAPPNAME": COMMAND,
    }
    # What is left is for the driver alone, such as settings of the session.
    for name, values in parse_qs(parts.query).items():
        if name in _OPTIONS:
            said[_OPTIONS[name]] = values[-1]
    return {name: value for name, value in said.items() if value}


def _host_and_port(place: str) -> tuple[str, str]:
    found = re.fullmatch(r"\[(.*)\](?::(\d+))?|([^:]*)(?::(\d+))?", place)
    if found is None:
        return place, ""
    return unquote(found[1] or found[3] or ""), found[2] or found[4] or ""
