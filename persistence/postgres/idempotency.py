"""Keys of requests in the table idempotency_keys."""

from typing import Final
from uuid import UUID

from persistence.errors import StoreUnavailable
from persistence.ports.idempotency import (
    CLAIM_SECONDS,
    KEPT_SECONDS,
    MOST_KEYS,
    Earlier,
    KeptAnswer,
)
from persistence.ports.user_rows import Record

from .pool import Pool

_TRIES: Final = 3


class PostgresIdempotencyKeys:
    """`IdempotencyKeys` by PostgreSQL's clock."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(
        self, user_id: UUID, digest: bytes, fingerprint: bytes, claim: UUID
    ) -> Earlier | None:
        """See `IdempotencyKeys.claim`."""
        limits = (CLAIM_SECONDS, KEPT_SECONDS)
        for _ in range(_TRIES):
            if await self._pool.fetchval("claim_key", user_id, digest, fingerprint, claim, *limits):
                await self._pool.execute("forget_old_keys", user_id, MOST_KEYS)
                return None
            if row := await self._pool.fetchrow("earlier_key", user_id, digest):
                return _earlier(row)
            # It was released between the two.
        raise StoreUnavailable("a key is claimed and released again and again")

    async def keep(self, user_id: UUID, claim: UUID, answer: KeptAnswer) -> None:
        """See `IdempotencyKeys.keep`."""
        headers = dict(answer.headers)
        await self._pool.execute("keep_answer", user_id, claim, answer.status, headers, answer.body)

    async def release(self, user_id: UUID, claim: UUID) -> None:
        """See `IdempotencyKeys.release`."""
        await self._pool.execute("release_key", user_id, claim)


def _earlier(row: Record) -> Earlier:
    answer = None
    if row["status"] is not None:
        answer = KeptAnswer(row["status"], row["headers"], row["body"])
    return Earlier(row["fingerprint"], row["is_running"], row["subject_id"], answer)
