"""nginx for the tests: found where it is, and taken from Debian's package where it is not.

`python -m tests.deploy.nginx` looks for it, and fails with what to do if there is none in the end;
`make test` runs that once and goes on in any case. The package is unpacked and not installed: it
would start a server on port 80, and unpacking needs no root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tests.apt import APT, is_root, succeeds
from tests.clients.javascript import ROOT

VARIABLE: Final = "PIPELOOM_TEST_NGINX"
UNPACKED: Final = ROOT / ".venv" / "nginx-package"
PLACES: Final = "/usr/sbin/nginx", "/usr/local/sbin/nginx", str(UNPACKED / "usr/sbin/nginx")
REMEDY: Final = (
    "expected nginx, found none: install the package nginx, or run "
    "`.venv/bin/python -m tests.deploy.nginx`, which says why it cannot get it, "
    f"or name the program in {VARIABLE}"
)


def found() -> str | None:
    """The program, if it starts. One that the environment names is the only choice."""
    named = os.environ.get(VARIABLE)
    return next(filter(_starts, [named] if named else _candidates()), None)


def nginx() -> str:
    """The program; without it, an AssertionError says what to do."""
    program = found()
    assert program is not None, REMEDY
    return program


def unpack() -> None:
    """Unpack the package of the system, in the first way that leads to a program that starts."""
    ways: list[list[tuple[str, ...]]] = [[]]
    if is_root():
        ways.append([(*APT, "update")])
    UNPACKED.mkdir(parents=True, exist_ok=True)
    for way in ways:
        if all(map(succeeds, way)) and _download() and found():
            return


def _candidates() -> Iterator[str]:
    yield from filter(None, [shutil.which("nginx")])
    yield from PLACES


def _starts(program: str) -> bool:
    with suppress(OSError, subprocess.SubprocessError):
        subprocess.run([program, "-v"], capture_output=True, check=True, timeout=30)
        return True
    return False


def _download() -> bool:
    if not succeeds((*APT, "download", "nginx"), UNPACKED):
        return False
    (package, *_) = UNPACKED.glob("nginx_*.deb")
    return succeeds(("dpkg", "-x", str(package), "."), UNPACKED)


def main() -> str | None:
    """Return what to do if there is no nginx in the end, for `sys.exit`."""
    if not found() and not os.environ.get(VARIABLE):
        print("getting nginx for the tests", flush=True)
        unpack()
    return None if found() else REMEDY


if __name__ == "__main__":
    sys.exit(main())
