"""A process that does not drain in time ends, says what was still open, and fails."""

import os
import signal
import threading
import time
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from app.processes.drain_deadline import DrainDeadline
from tests.app.test_drain import HOLD_UP_MIGRATIONS, IS_HELD_UP
from tests.processes import children
from tests.server import Installation, eventually

SOON = 0.001
PATIENCE = 10.0


def test_a_drain_that_overruns_is_reported_and_fails() -> None:
    statuses: list[int] = []
    deadline = DrainDeadline(9.5, statuses.append)
    deadline.watch(lambda: ["3 WebSockets"], lambda: statuses.append(-9))
    with capture_logs() as logs:
        deadline.end()
    assert statuses == [-9, 1], "first ends what would outlive it"
    assert logs == [
        {
            "event": "server.drain_overrun",
            "after": 9.5,
            "still_open": ["3 WebSockets"],
            "log_level": "error",
        }
    ]


def test_what_may_be_cut_off_after_the_drain_is_no_failure() -> None:
    statuses: list[int] = []
    deadline = DrainDeadline(9.5, statuses.append)
    deadline.watch(list)
    with capture_logs() as logs:
        deadline.end()
    assert (statuses, [log["event"] for log in logs]) == ([0], ["server.ended_early"])


def test_a_process_ends_even_if_nobody_can_say_what_is_open() -> None:
    statuses: list[int] = []
    deadline = DrainDeadline(9.5, statuses.append)

    def fail() -> list[str]:
        raise RuntimeError("dictionary changed size during iteration")

    deadline.watch(fail)
    with pytest.raises(RuntimeError):
        deadline.end()
    assert statuses == [1]


def test_only_the_first_signal_begins_to_count() -> None:
    statuses: list[int] = []
    ended = threading.Event()

    def leave(status: int) -> None:
        statuses.append(status)
        ended.set()

    deadline = DrainDeadline(SOON, leave)
    assert not deadline.has_begun
    before = threading.active_count()
    deadline.begin()
    deadline.begin()
    assert deadline.has_begun
    assert threading.active_count() <= before + 1
    assert ended.wait(PATIENCE)
    assert statuses == [1]


async def test_a_server_that_cannot_stop_in_time_fails(installation: Installation) -> None:
    hurried = Installation(
        installation.database_url,
        installation.data_dir,
        {"PIPELOOM_DRAIN_TIMEOUT": "0.6", "PIPELOOM_DRAIN_DELAY": "0"},
    )
    async with installation.sql() as sql:
        await sql.execute(HOLD_UP_MIGRATIONS)
        async with hurried.background("serve", "--port", "0") as program:

            async def waits() -> bool:
                return bool(await sql.fetchval(IS_HELD_UP))

            await eventually("a server that is starting", waits)
            program.send_signal(signal.SIGTERM)
            assert await program.ended() == 1
            assert "server.drain_overrun" in program.log
            assert "the start of the server" in program.log


async def test_a_process_of_several_that_does_not_drain_fails_all(
    installation: Installation,
) -> None:
    hurried = Installation(
        installation.database_url,
        installation.data_dir,
        {"PIPELOOM_DRAIN_TIMEOUT": "0.6", "PIPELOOM_DRAIN_DELAY": "0"},
    )
    async with hurried.serve("--workers", "2", "--no-worker") as server:
        stopped, _ = children(server.program.pid)
        os.kill(stopped, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert await server.program.end(signal.SIGTERM) == 1
            assert time.monotonic() - began < 10
        finally:
            with suppress(ProcessLookupError):
                os.kill(stopped, signal.SIGKILL)
        assert f"server {stopped}" in server.program.log
