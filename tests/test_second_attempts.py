"""What is attempted again, what is not, and that both are said at the end."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CONFTEST = """
import pytest
from tests import second_attempts

def pytest_collection_modifyitems(items):
    second_attempts.allow(items)

@pytest.fixture
def postgres_server():
    return "a server"

@pytest.fixture
def database_url(postgres_server):
    return postgres_server
"""
MODULE = """
from itertools import count
import pytest

calls = {name: count(1) for name in ("pure", "program", "timed")}

def test_of_the_core(): assert next(calls["pure"]) > 1
def test_of_a_program(database_url): assert next(calls["program"]) > 1

@pytest.mark.timed
def test_of_a_promise(): assert next(calls["timed"]) > 2

def test_broken(database_url): assert False

@pytest.mark.timed
def test_broken_promise(): assert False
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The end of a run of tests that fail at first, and of some that fail always."""
    folder = tmp_path_factory.mktemp("attempts")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_them.py").write_text(MODULE)
    return subprocess.run(
        [
            sys.executable, "-m", "pytest", "-rfER", "--rootdir", str(folder),
            "-p", "pytest_rerunfailures", "-p", "no:cacheprovider",
            "-o", f"pythonpath={ROOT}", "-o", "markers=timed: alone",
        ],
        cwd=folder, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, timeout=60,
        capture_output=True, check=False, text=True,
    ).stdout  # fmt: skip


def names(outcome: str, run: str) -> list[str]:
    """The tests of one outcome in the summary, in order, as often as they stand there."""
    return re.findall(rf"^{outcome} test_them.py::(\w+)", run, re.MULTILINE)


def test_what_is_broken_fails_however_often_it_is_attempted(run: str) -> None:
    broken = {"test_of_the_core", "test_broken", "test_broken_promise"}
    assert set(names("FAILED", run)) == broken


def test_programs_have_a_second_attempt_and_promises_a_third(run: str) -> None:
    again = ["test_of_a_program", *["test_of_a_promise"] * 2]
    broken = ["test_broken", *["test_broken_promise"] * 2]
    assert sorted(names("RERUN", run)) == sorted(again + broken)
