"""Who takes the place of whom, with processes that are none."""

import threading
from itertools import count
from typing import cast

import pytest
from structlog.testing import capture_logs

from app.processes import supervisor
from app.processes.supervisor import Child, SpawnProcess, end

PATIENCE = 30.0


class Process:
    """Ends when asked to, killed, or left by the test."""

    def __init__(self, pid: int) -> None:
        self.pid, self.exitcode = pid, 0
        self._over = threading.Event()

    def join(self) -> None:
        assert self._over.wait(PATIENCE)

    def leave(self, code: int = 0) -> None:
        self.exitcode = code
        self._over.set()

    def kill(self) -> None:
        self.leave(-9)


class House:
    """Starts processes, and notes them."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self.failures = 0
        self._started = threading.Semaphore(0)

    def start(self) -> SpawnProcess:
        if self.failures:
            self.failures -= 1
            raise OSError("no room for it")
        self.processes.append(Process(len(self.processes) + 1))
        self._started.release()
        return cast(SpawnProcess, self.processes[-1])

    def await_start(self) -> Process:
        assert self._started.acquire(timeout=PATIENCE)
        return self.processes[-1]


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(supervisor, "ASK_SECONDS", 0.001)


def polite(house: House) -> Child:
    return Child("helper", house.start, lambda process: cast(Process, process).leave())


def test_another_takes_the_place_of_one_that_ends_and_the_log_has_one_line(house: House) -> None:
    with capture_logs() as lines:
        child = polite(house)
        house.await_start().leave(code=3)
        house.await_start()
        end([child], PATIENCE)
    assert lines == [{"event": "helper.ended", "pid": 1, "code": 3, "log_level": "error"}]
    assert len(house.processes) == 2


def test_one_that_could_not_be_started_is_tried_again(house: House) -> None:
    house.failures = 2
    with capture_logs() as lines:
        child = polite(house)
        house.await_start()
        end([child], PATIENCE)
    assert [line["event"] for line in lines] == ["helper.not_started"] * 2
    assert lines[0]["error"] == "no room for it"


def test_whoever_ends_because_it_shall_is_not_told_of(house: House) -> None:
    with capture_logs() as lines:
        child = polite(house)
        process = house.await_start()
        end([child], PATIENCE)
    assert (lines, process.exitcode, len(house.processes)) == ([], 0, 1)
    assert child.has_ended()


def test_one_that_misses_it_is_asked_again(house: House) -> None:
    asked = count(1)

    def miss(process: SpawnProcess) -> None:
        if next(asked) == 3:
            cast(Process, process).leave()

    child = Child("helper", house.start, miss)
    process = house.await_start()
    end([child], PATIENCE)
    # Again for as long as it is there: on a busy machine also while it leaves.
    assert process.exitcode == 0
    assert next(asked) >= 4


def test_whoever_takes_too_long_is_killed_and_the_others_are_not(house: House) -> None:
    deaf = Child("helper", house.start, lambda _: None)
    killed = house.await_start()
    child = polite(house)
    left = house.await_start()
    end([deaf, child], within=0.05)
    assert (killed.exitcode, left.exitcode) == (-9, 0)


def test_who_gets_no_time_is_not_asked(house: House) -> None:
    child = polite(house)
    process = house.await_start()
    end([child], within=0)
    assert process.exitcode == -9
