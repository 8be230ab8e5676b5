"""The suite's own order: whatever promises a time runs alone, after everything else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

CONFTEST = """
import pytest
from tests import timed

pytest_configure = timed.register

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    with open("diary", "a") as diary:
        print("begin", item.name, file=diary, flush=True)
        try:
            return (yield)
        finally:
            print("end", item.name, file=diary, flush=True)
"""
# The first ones are long: the processes come to their ends at different moments.
MODULE = """
import os, time, pytest

@pytest.mark.parametrize("number", range(ORDINARY))
def test_ordinary(number):
    time.sleep(0.2 if number < 3 else 0)
    assert number != KILLER, os._exit(1)

@pytest.mark.timed
@pytest.mark.parametrize("number", range(TIMED))
def test_timed(number):
    pass

def test_last():
    pass
"""


def diary_of(
    folder: Path, processes: int, ordinary: int, timed: int, killer: int = -1
) -> list[list[str]]:
    """Run a suite of so many tests in so many processes; return what began and ended."""
    (folder / "conftest.py").write_text(CONFTEST)
    sizes = f"ORDINARY, TIMED, KILLER = {ordinary}, {timed}, {killer}\n"
    (folder / "test_them.py").write_text(sizes + MODULE)
    subprocess.run(
        [
            sys.executable, "-m", "pytest", "-q", "-n", str(processes), "--rootdir", str(folder),
            "-p", "xdist", "-p", "no:cacheprovider",
            "-o", f"pythonpath={ROOT}", "-o", "markers=timed: alone",
        ],
        cwd=folder, env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}, timeout=120,
        capture_output=True, check=False,
    )  # fmt: skip
    return [line.split(" ", 1) for line in (folder / "diary").read_text().splitlines()]


@pytest.mark.parametrize(("processes", "ordinary", "timed"), [(1, 5, 1), (2, 20, 5), (3, 1, 3)])
def test_timed_tests_run_alone_after_all_others(
    tmp_path: Path, processes: int, ordinary: int, timed: int
) -> None:
    diary = diary_of(tmp_path, processes, ordinary, timed)
    ran = [name for verb, name in diary if verb == "end"]
    assert sorted(ran) == sorted(
        [f"test_ordinary[{number}]" for number in range(ordinary)]
        + [f"test_timed[{number}]" for number in range(timed)]
        + ["test_last"]
    )
    alone = [[verb, f"test_timed[{n}]"] for n in range(timed) for verb in ("begin", "end")]
    assert diary[-len(alone) :] == alone


def test_timed_tests_run_although_a_process_died(tmp_path: Path) -> None:
    # Whether they run alone then is left open: what dies fails the run in any case.
    diary = diary_of(tmp_path, 2, ordinary=20, timed=3, killer=1)
    ended = {name for verb, name in diary if verb == "end"}
    assert {f"test_timed[{number}]" for number in range(3)} <= ended
