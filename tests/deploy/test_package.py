"""The Python package: made as for a release, checked, and run by itself in an empty environment."""

import asyncio
import fcntl
import html
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from packaging.requirements import Requirement

from app.version import VERSION
from tests.app.test_cli import add_step
from tests.clients.javascript import ROOT
from tests.editor import joined
from tests.server import OWNER, PATIENCE, Installation, eventually
from tests.web.built import build_page

PROJECT: Final[Mapping[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DISTRIBUTION: Final = f"pipeloom_server-{VERSION}"
PACKAGES: Final = frozenset({"app", "crdt", "persistence", "sql"})


def run(*command: str | Path, at: Path) -> str:
    """Run a program of this Python, to which the folder where it runs and the PATH mean nothing."""
    done = subprocess.run(
        [str(part) for part in command], cwd=at, capture_output=True, check=False, text=True,
        env={"PATH": "", "PYTHONSAFEPATH": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True)
class Made:
    """What `python -m build` makes: an archive of the source, and of that a wheel."""

    archive: Path
    wheel: Path

    @property
    def in_archive(self) -> set[str]:
        """The names of all files in the archive, without its folder."""
        with tarfile.open(self.archive) as archive:
            return {name.partition("/")[2] for name in archive.getnames()}

    @property
    def in_wheel(self) -> set[str]:
        """The names of all files in the wheel."""
        with zipfile.ZipFile(self.wheel) as wheel:
            return set(wheel.namelist())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The package. The wheel is made from the archive, so it needs no Node.js and no sources."""
    build_page()
    folder = tmp_path_factory.mktemp("package")
    # The tools are those of requirements-test.txt, by their hashes: nothing is fetched here. One
    # process at a time: setuptools puts the archive together in the folder of the source.
    with (ROOT / ".venv" / "package.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, at=folder)
    assert len(list(folder.iterdir())) == 2
    return Made(folder / f"{DISTRIBUTION}.tar.gz", folder / f"{DISTRIBUTION}-py3-none-any.whl")


@pytest.fixture(scope="module")
def alone(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment in which only the wheel is installed.

    What the wheel requires is that of this environment, as folders from which to import and no
    more: an editable installation there is none here.
    """
    above = tmp_path_factory.mktemp("alone")
    folder = above / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", folder, at=above)
    python = folder / "bin" / "python"
    pip = sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index"
    run(*pip, "--no-deps", "--no-compile", made.wheel, at=above)
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", at=above)
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    Path(site.strip(), "required.pth").write_text("\n".join(sorted(places)))
    return python.parent


def test_twine_finds_nothing_wrong(made: Made) -> None:
    run(sys.executable, "-m", "twine", "check", "--strict", made.archive, made.wheel, at=ROOT)


def test_the_wheel_has_the_page_and_nothing_else_than_the_program(made: Made) -> None:
    page = build_page()
    assets = {f"app/web_assets/assets/{file.name}" for file in (page / "assets").iterdir()}
    assert len(assets) > 5
    pages = {"app/web_assets/index.html", "app/web_assets/api-docs.html"}
    queries = {str(file.relative_to(ROOT)) for file in (ROOT / "sql").rglob("*.sql")}
    assert assets | pages | queries | {"app/demo.yaml"} <= made.in_wheel
    tops = {name.partition("/")[0] for name in made.in_wheel}
    assert tops == PACKAGES | {f"{DISTRIBUTION}.dist-info"}


def test_the_archive_has_what_the_wheel_is_made_of_and_no_test(made: Made) -> None:
    needed = {"LICENSE", "README.md", "CHANGELOG.md", "web/backend.py", "app/web_assets/index.html"}
    assert needed <= made.in_archive
    assert not {name for name in made.in_archive if name.startswith("tests/")}


async def test_the_wheel_alone_serves_the_canvas_the_editors_and_sql(
    alone: Path, empty_database_url: str, tmp_path: Path
) -> None:
    installed = Installation(
        empty_database_url,
        tmp_path / "data",
        starts_anew=True,
        program=(str(alone / "pipeloom"),),
        folder=tmp_path,
    )
    async with installed.serve() as server, httpx.AsyncClient(timeout=PATIENCE) as client:
        pipeline_id, token = await installed.demo_pipeline(), await installed.token()
        page = await client.get(server.http(f"/pipelines/{pipeline_id}"))
        assert page.status_code == 200
        script = page.text.partition('src="/assets/')[2].partition('"')[0]
        assert (await client.get(server.http(f"/assets/{script}"))).status_code == 200
        document = await client.get(server.http("/api/openapi.json"))
        assert document.json()["info"]["version"] == VERSION
        async with joined(server.room(pipeline_id, token)) as editor:
            name = str(uuid4())
            await add_step(editor, name)
            await editor.until_echoed()
        async with installed.sql() as sql:
            query = "SELECT EXISTS (SELECT FROM steps WHERE name = $1)"
            await eventually("a row of the step", lambda: sql.fetchval(query, name))
        assert await server.program.end() == 0


async def test_commands_for_a_token_work_in_whatever_folder_they_are_read(
    alone: Path, empty_database_url: str
) -> None:
    """That of the terminal and that of the page, with a data directory that is named relatively."""
    above = alone.parent.parent
    (above / "else where").mkdir()
    installed = Installation(
        empty_database_url,
        Path("my data"),
        starts_anew=True,
        program=("environment/bin/pipeloom",),
        folder=above,
    )
    async with installed.serve() as server, httpx.AsyncClient(timeout=PATIENCE) as client:
        page = (await client.get(server.http("/"))).text
        meta = html.unescape(page.partition('name="token-command" content="')[2].partition('"')[0])
        printed = next(line for line in server.program.lines if "get a token" in line)
        typed = printed.partition("get a token")[2].rpartition("   (with the same")[0]
        for command in (typed, meta.replace("EMAIL", OWNER)):
            environment = {"PATH": "/usr/bin:/bin", "DATABASE_URL": empty_database_url}
            shell = await asyncio.create_subprocess_shell(
                command, cwd=above / "else where", env=environment, stdout=subprocess.PIPE
            )
            token, _ = await shell.communicate()
            assert shell.returncode == 0, command
            signed = {"Authorization": f"Bearer {token.decode().strip()}"}
            assert (await client.get(server.http("/api/me"), headers=signed)).status_code == 200


@pytest.mark.parametrize("requirement", [*map(Requirement, PROJECT["dependencies"])], ids=str)
def test_each_requirement_has_a_lower_bound_and_takes_what_is_tested(
    requirement: Requirement,
) -> None:
    assert {one.operator for one in requirement.specifier} <= {">=", "<"}
    assert any(one.operator == ">=" for one in requirement.specifier)
    locked = dict(
        line.split()[0].split("==")
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if "==" in line
    )
    version = locked[requirement.name.lower().replace(".", "-")]
    assert version in requirement.specifier


def test_the_package_does_not_have_the_name_of_another_project() -> None:
    assert PROJECT["name"] == "pipeloom-server"
    assert PROJECT["scripts"] == {"pipeloom": "app.__main__:main"}
