"""Everybody is looked at once in each period, by one timer."""

import asyncio

import pytest

from app.websocket import sweep as module
from app.websocket.sweep import SLICES, Sweep


class Timers:
    """An event loop that a test turns by hand."""

    def __init__(self) -> None:
        self.due: list[tuple[float, asyncio.TimerHandle]] = []

    def call_later(self, seconds: float, call: object) -> object:
        self.due.append((seconds, call))  # type: ignore[arg-type]
        return call

    def turn(self) -> None:
        [(seconds, call)] = self.due
        assert seconds == 1.0
        self.due.clear()
        call()  # type: ignore[operator]


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    timers = Timers()
    monkeypatch.setattr(module.asyncio, "get_running_loop", lambda: timers)
    return timers


def test_each_member_is_looked_at_once_in_a_period(timers: Timers) -> None:
    seen: list[int] = []
    sweep: Sweep[int] = Sweep(float(SLICES), seen.append)
    for member in range(100):
        sweep.add(member)
    for _ in range(SLICES):
        before = len(seen)
        timers.turn()
        assert len(seen) - before <= 100 // SLICES + 1, "one look is at a few of them"
    assert sorted(seen) == list(range(100))


def test_nobody_is_looked_at_who_left_and_the_timer_ends(timers: Timers) -> None:
    seen: list[str] = []
    sweep: Sweep[str] = Sweep(float(SLICES), seen.append)
    sweep.add("here")
    sweep.discard("here")
    timers.turn()
    assert (seen, timers.due) == ([], [])
    sweep.add("back")
    for _ in range(SLICES):
        timers.turn()
    assert seen == ["back"]


def test_a_look_that_fails_does_not_end_the_sweep(timers: Timers) -> None:
    def look(_: str) -> None:
        raise LookupError

    sweep: Sweep[str] = Sweep(float(SLICES), look)
    sweep.add("one")
    with pytest.raises(LookupError):
        timers.turn()
    assert len(timers.due) == 1
