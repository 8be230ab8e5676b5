"""A token bucket: how much somebody may do, in the long run and at once after a pause."""


class TokenBucket:
    """Holds up to `burst` tokens, gets `rate` of them a second, and is full at first.

    The moments `now` are seconds of a clock that never goes back.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst = rate, burst
        self._tokens, self._filled_at = burst, now

    def fill(self, now: float) -> float:
        """Return how many tokens there are; fewer than none while some were taken on credit."""
        tokens = self._tokens + (now - self._filled_at) * self.rate
        self._tokens, self._filled_at = min(tokens, self.burst), now
        return self._tokens

    def wait(self, now: float) -> float:
        """Return the seconds until there is a token."""
        return max(0.0, (1 - self.fill(now)) / self.rate)

    def take(self, now: float, tokens: float = 1) -> float:
        """Take tokens, on credit if need be; return the seconds until the first of them was due."""
        left = min(self._tokens + (now - self._filled_at) * self.rate, self.burst)
        self._tokens, self._filled_at = left - tokens, now
        # Nearly always there is one.
        return 0.0 if left >= 1 else (1 - left) / self.rate
