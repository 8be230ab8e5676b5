from uuid import UUID

import pytest

from app.api.core import rate_limit
from app.api.core.problems import TooManyRequests
from app.api.core.rate_limit import RateLimit
from tests.app.fakes import HeldClock


def test_users_are_forgotten_longest_unused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MAX_USERS", 2)
    limit = RateLimit(1.0, 1, HeldClock())
    for number in (1, 2):
        limit.take(UUID(int=number))
    with pytest.raises(TooManyRequests):
        limit.take(UUID(int=1))
    limit.take(UUID(int=3))
    limit.take(UUID(int=2))
    assert len(limit._buckets) == 2


def test_a_pause_fills_the_bucket_and_no_more() -> None:
    clock = HeldClock()
    limit = RateLimit(2.0, 4, clock)
    for _ in range(4):
        limit.take(UUID(int=1))
    clock.seconds = 1000.0
    for _ in range(4):
        headers = limit.take(UUID(int=1))
    assert headers == {"RateLimit-Policy": '"user";q=4;w=2', "RateLimit": '"user";r=0;t=2'}
    with pytest.raises(TooManyRequests):
        limit.take(UUID(int=1))
