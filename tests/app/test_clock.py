from datetime import UTC

from app.clock import SystemClock


def test_the_clock_has_three_kinds_of_time() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
    assert clock.thread_time() <= clock.thread_time()
