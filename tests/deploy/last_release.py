"""The program of the last release, or of the commit that stands for it, run with what is installed.

A clone that has no history lacks it, and fetches the one commit.
"""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

from tests.clients.javascript import ROOT
from tests.server import Installation

FETCH_SECONDS: Final = 120.0

UNTIL_THERE_IS_ONE: Final = "15dab0718f27cc1be94e471169cc5291f911e479"
"""Before migration 0019: until there is a release, servers of this commit are exchanged."""


def last_release() -> str:
    """The tag of the last release, or a commit."""
    tags = _git("tag", "--list", "v*", "--sort=-version:refname", "--merged", "HEAD").split()
    return next(iter(tags), UNTIL_THERE_IS_ONE)


def unpacked(commit: str, to: Path) -> Path:
    """Unpack the program of a commit, with the page of this one, which nobody looks at."""
    require(commit)
    folders = "app", "crdt", "persistence", "sql"
    packed = subprocess.check_output(["git", "archive", commit, *folders], cwd=ROOT)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(to, filter="data")
    shutil.copytree(ROOT / "app" / "web_assets", to / "app" / "web_assets")
    # It asks for the version of the package, which had another name.
    information = to / "pipeloom-0.0.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: pipeloom\nVersion: 0.0.0\n")
    return to


def require(commit: str, root: Path = ROOT) -> None:
    """Have a commit in a clone, which may have no history; else say what to do."""
    ask = "git", "cat-file", "-e", f"{commit}^{{commit}}"
    if subprocess.run(ask, cwd=root, check=False, capture_output=True).returncode == 0:
        return
    fetch = "git", "fetch", "--quiet", "--depth=1", "origin", commit
    fetched = subprocess.run(
        fetch, cwd=root, check=False, capture_output=True, text=True, timeout=FETCH_SECONDS
    )
    said = " ".join(fetched.stderr.split())
    remedy = f"expected the commit {commit} to be fetched, got: {said}. Run {' '.join(fetch)}"
    assert fetched.returncode == 0, f"{remedy}, or clone with the whole history"


def older(installation: Installation, folder: Path) -> Installation:
    """The same installation, whose programs are those in a folder."""
    return Installation(
        installation.database_url,
        installation.data_dir,
        installation.environment,
        starts_anew=True,
        folder=folder,
    )


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True)
