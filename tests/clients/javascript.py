"""The library for browsers in `clients/js`: its packages, and its code compiled for Node.js."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.interop.stock import node

ROOT: Final = Path(__file__).parent.parent.parent
LIBRARY: Final = ROOT / "clients" / "js"


def compiled() -> Path:
    """Check the types of the library and its tests, and compile both, unless that is done."""
    folder = LIBRARY / "build"
    # Several processes of pytest may want it at once.
    with (LIBRARY / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = folder / "done"
        if not done.exists() or done.stat().st_mtime < _newest():
            shutil.rmtree(folder, ignore_errors=True)
            npm("run", "--silent", "check")
            done.touch()
    return folder


def _newest() -> float:
    files = [LIBRARY / name for name in ("package.json", "package-lock.json", "tsconfig.json")]
    files += [each for part in ("src", "test") for each in (LIBRARY / part).rglob("*.ts*")]
    return max(each.stat().st_mtime for each in files)


def npm(*arguments: str, cwd: Path = LIBRARY) -> str:
    """Run npm, in the library's folder by default; return what it prints."""
    program = shutil.which("npm", path=path_with_node())
    assert program is not None, "expected npm beside Node.js"
    return run(program, *arguments, cwd=cwd)


def path_with_node() -> str:
    """Return the PATH for npm and the programs of packages: scripts that look for Node.js there."""
    return os.pathsep.join((str(Path(node()).parent), os.environ["PATH"]))


def run(*command: str, cwd: Path = LIBRARY, stdin: str = "", **variables: str) -> str:
    """Run a program to its end; return what it prints. A failure shows all of that."""
    environment = {**os.environ, "PATH": path_with_node(), **variables}
    done = subprocess.run(
        command, cwd=cwd, env=environment, input=stdin, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command[:4])}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def compiled_tests(folder: Path) -> Sequence[Path]:
    """Return the compiled tests."""
    return sorted((folder / "test").glob("*.test.js"))
