"""How fast each user may send requests: a token bucket per user, for a bounded number of users."""

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from app.clock import Clock
from app.token_bucket import TokenBucket

from .problems import TooManyRequests

MAX_USERS: Final = 10_000
"""Buckets kept. The one used longest ago makes room: by then it is as good as full."""


class RateLimit:
    """Lets each user send `rate` requests a second, and `burst` requests at once after a pause."""

    def __init__(self, rate: float, burst: int, clock: Clock) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: OrderedDict[UUID, TokenBucket] = OrderedDict()

    def take(self, user_id: UUID) -> Mapping[str, str]:
        """Count one request; return the headers with what is left. Raises TooManyRequests."""
        self.count(user_id)
        return self._headers(self._buckets[user_id].fill(self._clock.monotonic()))

    def count(self, user_id: UUID) -> None:
        """Count one request, for whoever has no use for the headers. Raises TooManyRequests."""
        now = self._clock.monotonic()
        bucket = self._bucket(user_id, now)
        if wait := bucket.wait(now):
            refusal = TooManyRequests(math.ceil(wait))
            refusal.headers = {**refusal.headers, **self._headers(bucket.fill(now))}
            raise refusal
        bucket.take(now)

    def _bucket(self, user_id: UUID, now: float) -> TokenBucket:
        bucket = self._buckets.get(user_id)
        if bucket is None:
            bucket = self._buckets[user_id] = TokenBucket(self._rate, self._burst, now)
        self._buckets.move_to_end(user_id)
        if len(self._buckets) > MAX_USERS:
            self._buckets.popitem(last=False)
        return bucket

    def _headers(self, tokens: float) -> Mapping[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers: quota and window, left and reset."""
        window = math.ceil(self._burst / self._rate)
        reset = math.ceil((self._burst - tokens) / self._rate)
        return {
            "RateLimit-Policy": f'"user";q={self._burst};w={window}',
            "RateLimit": f'"user";r={int(tokens)};t={reset}',
        }
