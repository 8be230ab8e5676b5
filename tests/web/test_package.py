"""The Python package contains the page: from its archive it is installed without Node.js."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.clients.javascript import ROOT
from tests.web.built import build_page

BUILD = "import sys; sys.path.insert(0, 'web'); import backend; backend.{}(sys.argv[1])"


def make(what: str, folder: Path, at: Path) -> Path:
    """Have the build backend make something, as pip would; return the file."""
    folder.mkdir()
    command = [sys.executable, "-c", BUILD.format(what), str(folder)]
    done = subprocess.run(
        command, cwd=at, capture_output=True, check=False, text=True, env={"PATH": ""}
    )
    assert done.returncode == 0, done.stderr
    (made,) = folder.iterdir()
    return made


def test_a_wheel_of_the_archive_has_the_page(tmp_path: Path) -> None:
    page = build_page()
    with tarfile.open(make("build_sdist", tmp_path / "archive", ROOT)) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.glob("pipeloom-*")
    wheel = zipfile.ZipFile(make("build_wheel", tmp_path / "wheel", source))
    names = set(wheel.namelist())
    assets = {f"app/web_assets/assets/{file.name}" for file in (page / "assets").iterdir()}
    assert len(assets) > 5
    assert assets | {"app/web_assets/index.html", "app/web_assets/api-docs.html"} <= names
    assert not {name for name in names if name.startswith(("web/", "tests/"))}
