"""Programs from packages of the system, where there are none; `make test` tries that once."""

import os
import platform
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

INSTALL_SECONDS: Final = 600

# A machine without a network is not to wait for long.
APT: Final = "apt-get", "-q", "-o", "Acquire::Retries=0", "-o", "Acquire::http::Timeout=15"


def is_root() -> bool:
    """Whether this process may install packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def is_debian() -> bool:
    """Whether this system is Debian itself, whose packages are what their names say."""
    with suppress(OSError):
        return platform.freedesktop_os_release().get("ID") == "debian"
    return False


def succeeds(command: tuple[str, ...], folder: Path | None = None) -> bool:
    """Run it without questions; print the end of what it says if it fails."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=True, timeout=INSTALL_SECONDS, cwd=folder,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "output", None) or ""
        print(f"{error}\n{said[-1000:]}", file=sys.stderr)
        return False
    return True
