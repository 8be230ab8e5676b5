"""How fast each user may ask: a token bucket per user, for a bounded number of users."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from .problems import TooManyRequests

MAX_USERS: Final = 10_000
"""Buckets kept. The one used longest ago makes room: by then it is as good as full."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class RateLimit:
    """Lets each user ask `rate` times a second, and `burst` times at once after a pause."""

    def __init__(self, rate: float, burst: int, monotonic: Callable[[], float]) -> None:
        self._rate, self._burst, self._monotonic = rate, burst, monotonic
        self._buckets: OrderedDict[UUID, _Bucket] = OrderedDict()

    def take(self, user_id: UUID) -> Mapping[str, str]:
        """Count one request; return the headers that say what is left. Raises TooManyRequests."""
        bucket = self._filled(user_id)
        if bucket.tokens < 1:
            refusal = TooManyRequests(math.ceil((1 - bucket.tokens) / self._rate))
            refusal.headers = {**refusal.headers, **self._headers(bucket)}
            raise refusal
        bucket.tokens -= 1
        return self._headers(bucket)

    def _filled(self, user_id: UUID) -> _Bucket:
        now = self._monotonic()
        bucket = self._buckets.setdefault(user_id, _Bucket(self._burst, now))
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.filled_at) * self._rate)
        bucket.filled_at = now
        self._buckets.move_to_end(user_id)
        if len(self._buckets) > MAX_USERS:
            self._buckets.popitem(last=False)
        return bucket

    def _headers(self, bucket: _Bucket) -> Mapping[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers: quota and window, left and reset."""
        window = math.ceil(self._burst / self._rate)
        reset = math.ceil((self._burst - bucket.tokens) / self._rate)
        return {
            "RateLimit-Policy": f'"user";q={self._burst};w={window}',
            "RateLimit": f'"user";r={int(bucket.tokens)};t={reset}',
        }
