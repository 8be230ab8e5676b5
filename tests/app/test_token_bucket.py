"""What a bucket holds, and how long one waits for a token."""

from app.token_bucket import TokenBucket


def test_a_bucket_gives_a_burst_then_its_rate_then_credit() -> None:
    bucket = TokenBucket(rate=2, burst=10, now=0)
    assert [bucket.take(0) for _ in range(12)] == [0] * 10 + [0.5, 1.0]
    assert bucket.fill(0) == -2


def test_a_pause_fills_a_bucket_and_no_more() -> None:
    bucket = TokenBucket(rate=2, burst=10, now=0)
    bucket.take(0, 10)
    assert (bucket.fill(1), bucket.fill(100), bucket.wait(100)) == (2, 10, 0)
