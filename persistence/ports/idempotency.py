"""The keys that clients give to requests, so that a repetition of one does nothing twice.

draft-ietf-httpapi-idempotency-key-header describes the header. A key is *claimed* by who runs the
request; what that creates is noted in the transaction that creates it, and its answer is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

KEPT_SECONDS: Final = 24 * 3600.0
"""How long an answer is given again."""

CLAIM_SECONDS: Final = 120.0
"""After how long a request that was not answered may be run anew: its server has crashed."""

MOST_KEYS: Final = 1000
"""How many keys of one user are kept, the latest."""

MOST_BYTES: Final = 16 * 1024
"""The longest body of an answer that is kept."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What was answered; without the body if that is too long to keep."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """A request with the same key: is it the same, does it run, what did it create and answer."""

    fingerprint: bytes
    is_running: bool
    subject_id: UUID | None
    answer: KeptAnswer | None


@dataclass(frozen=True, slots=True)
class Fulfilled:
    """The request with a key that an edit fulfils, by its user and claim, and what it creates."""

    user_id: UUID
    claim: UUID
    subject_id: UUID


class IdempotencyKeys(Protocol):
    """The keys of all users. Every method raises StoreError."""

    async def claim(
        self, user_id: UUID, digest: bytes, fingerprint: bytes, claim: UUID
    ) -> Earlier | None:
        """Claim a key for a request, by hashes of both; None if whoever asks is to run it."""
        ...

    async def keep(self, user_id: UUID, claim: UUID, answer: KeptAnswer) -> None:
        """Keep the answer to a request that was claimed so."""
        ...

    async def release(self, user_id: UUID, claim: UUID) -> None:
        """Forget a request that has created nothing."""
        ...
