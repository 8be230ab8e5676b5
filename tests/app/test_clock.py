from datetime import UTC

from app.clock import SystemClock


def test_the_clock_tells_both_kinds_of_time() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
