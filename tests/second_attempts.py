"""Which tests are attempted again when they fail, and how often.

A test of the pure core fails once and for all. A test that drives programs, sockets or a browser
shares the machine with whatever else runs there: a pause of a second, which Pipeloom cannot help,
must not reject a change. It is attempted once more, from new fixtures and the same seed, and a test
that promises a time twice more: the promise is what Pipeloom can do, not what a disk did meanwhile.
What is broken fails each time. The end of the run names all that needed another attempt: one that
comes back there has a race, in the test or in Pipeloom, and is mended.
"""

from collections.abc import Iterable
from typing import Final

import pytest

from tests.timed import MARKER

OF_A_PROMISE: Final = 2
OF_PROGRAMS: Final = 1
PROGRAMS: Final = frozenset({"postgres_server", "redis_url"})
"""The fixtures of what runs outside the process: whoever tests a server has one of them."""


def allow(items: Iterable[pytest.Item]) -> None:
    """Mark each test with its further attempts, for pytest-rerunfailures."""
    for item in items:
        if attempts := further_attempts(item):
            item.add_marker(pytest.mark.flaky(reruns=attempts))


def further_attempts(item: pytest.Item) -> int:
    """How often a test may be attempted after it failed."""
    if item.get_closest_marker(MARKER):
        return OF_A_PROMISE
    return OF_PROGRAMS * (not PROGRAMS.isdisjoint(getattr(item, "fixturenames", ())))
