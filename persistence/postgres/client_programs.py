"""Runs PostgreSQL's own client programs, which dump and restore a database.

A program reads servers of its own major version and older ones, and the dump of a newer program may
have statements that an older server does not know. So the oldest that is new enough is taken.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, Self, cast
from urllib.parse import parse_qs, unquote, urlsplit

from persistence.errors import StoreError

from .pool import COMMAND

DEBIAN: Final = Path("/usr/lib/postgresql")
"""Where Debian and Ubuntu keep the programs of each version."""

BEGIN: Final = "BEGIN; SET LOCAL client_min_messages = warning;\n"
TOO_NEW: Final = b"SET transaction_timeout = 0;\n"
"""What `pg_restore` writes first that PostgreSQL knows since version 17; it is 0 by default."""

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
        is_whole = all((folder / name).exists() for name in ("pg_restore", "psql"))
        return cls(int(found[1]), folder) if found and is_whole else None

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
            raise StoreError(_failure(program, ended.stderr, ended.returncode))
        return ended.stdout or b""

    def restore(self, file: Path, *options: str, dsn: str, first: str) -> None:
        """Bring an archive into a database in one transaction, which runs a script `first`.

        `pg_restore` cannot: connected to a server that is older than itself, it fails at a setting
        which that does not know. So `psql` runs what it writes, without that.
        Raises StoreError; the database is as it was then.
        """
        with TemporaryFile() as unread, TemporaryFile() as refused:
            with self._reading(file, options, unread) as reading, self._psql(dsn, refused) as psql:
                ends = cast("IO[bytes]", psql.stdin), cast("IO[bytes]", reading.stdout)
                # A program that has failed takes nothing more; why is asked below.
                with suppress(BrokenPipeError):
                    _feed(*ends, f"{BEGIN}{first}\n", lambda: reading.wait() == 0)
            _require_success("psql", psql.returncode, refused)
            _require_success("pg_restore", reading.returncode, unread)

    def _reading(
        self, file: Path, options: Iterable[str], errors: IO[bytes]
    ) -> "subprocess.Popen[bytes]":
        """Begin to write an archive as SQL."""
        return subprocess.Popen(  # noqa: S603 - see above
            [self.folder / "pg_restore", "--file=-", *options, file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        )

    def _psql(self, dsn: str, errors: IO[bytes]) -> "subprocess.Popen[bytes]":
        """Begin a session that ends at the first error. It connects as the variables say."""
        name = environment(dsn).get("PGDATABASE", "postgres")
        options = ("--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1")
        return subprocess.Popen(  # noqa: S603 - see above
            [self.folder / "psql", *options, f"--dbname={name}", "--file=-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env={**os.environ, **environment(dsn)},
        )


def _feed(given: IO[bytes], written: IO[bytes], first: str, is_whole: Callable[[], bool]) -> None:
    """Give a session a script and what another program writes; commit if that has written all."""
    with written, given:
        given.write(first.encode())
        for line in written:
            if line != TOO_NEW:
                given.write(line)
            if line.startswith(b"COPY "):
                break
        shutil.copyfileobj(written, given)
        if is_whole():
            given.write(b"COMMIT;\n")


def _require_success(program: str, code: int, errors: IO[bytes]) -> None:
    """Raise StoreError, with what the program said, unless it has ended well."""
    if code:
        errors.seek(0)
        raise StoreError(_failure(program, errors.read(), code))


def _failure(program: str, said: bytes, code: int) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return f"{program} failed: {' | '.join(lines[:3]) or code}"


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
