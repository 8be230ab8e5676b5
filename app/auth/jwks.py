"""Tokens of an issuer that publishes its keys (RFC 7517), checked with the keys fetched last.

Invariants:

1. A token whose key is known waits for nothing.
2. Keys are fetched again at intervals, so that a key withdrawn by the issuer is soon refused.
3. While they cannot be fetched, the known keys stay valid for a while.
4. An unknown key may be a new one, so it is a reason to fetch; but however many tokens name
   unknown keys, fetches stay few, and all tokens that wait do so for the same fetch.
5. A token that was checked is checked anew after each fetch: its key may have been withdrawn.
"""

import asyncio
from asyncio import Task
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

import jwt
import structlog

from app.clock import SYSTEM_CLOCK, Clock
from crdt.errors import Overloaded, Unauthenticated
from persistence.worker.retries import Backoff

from .checked_tokens import CheckedTokens, SignedToken
from .key_set import ALGORITHMS, KeySet, KeySetError, UnusableKey, VerificationKey, parse
from .tokens import ANYTHING, Claims, Expected, check_form, checked, named_user

RETRIES: Final = Backoff(first=5.0, longest=60.0)

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How often keys are fetched, in seconds.

    Every `lifetime`; after a failure by `retries`; for unknown keys at most every `cooldown`. Keys
    that could not be fetched again for `grace` are forgotten.
    """

    lifetime: float = 300.0
    grace: float = 3600.0
    cooldown: float = 10.0
    retries: Backoff = RETRIES


USUAL: Final = RefreshPolicy()


class KeySetTokens:
    """A `Verifier` over a published key set, which `fetch` gets."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[bytes]],
        expected: Expected = ANYTHING,
        policy: RefreshPolicy = USUAL,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._fetch, self._expected, self._policy, self._clock = fetch, expected, policy, clock
        self._keys: KeySet = {}
        self._checked = CheckedTokens(clock)
        self._unusable: frozenset[UnusableKey] = frozenset()
        self._fetched_at = self._tried_at = float("-inf")
        self._failure: KeySetError | None = None
        self._fetching: Task[None] | None = None

    async def verify(self, token: str) -> Claims:
        """See `Verifier.verify`; waits only if the token's key is not known."""
        return named_user(await self.check(token))

    async def check(self, token: str) -> SignedToken:
        """See `Checker.check`; waits only if the token's key is not known."""
        check_form(token)
        self._forget_old_keys()
        if (known := self._checked.find(token)) is not None:
            return known
        kid = _key_id(token)
        key = self._known_key(kid) or await self._fetched_key(kid)
        signed = checked(token, [key.key], key.algorithm, self._expected)
        return self._checked.keep(token, signed)

    async def keep_fresh(self) -> None:
        """See `Verifier.keep_fresh`."""
        failures = 0
        while True:
            await self._refresh()
            failures = 0 if self._failure is None else failures + 1
            policy = self._policy
            await asyncio.sleep(policy.retries.delay(failures) if failures else policy.lifetime)

    def _known_key(self, kid: str | None) -> VerificationKey | None:
        self._forget_old_keys()
        return self._keys.get(kid)

    def _forget_old_keys(self) -> None:
        # Keys that could not be renewed for so long may have been withdrawn by now.
        if self._clock.monotonic() - self._fetched_at > self._policy.lifetime + self._policy.grace:
            self._accept({})

    def _accept(self, keys: KeySet) -> None:
        self._keys = keys
        self._checked.forget()

    async def _fetched_key(self, kid: str | None) -> VerificationKey:
        """Fetch the keys, unless that was done a moment ago, and return the one of this name.

        Raises Unauthenticated if the issuer has no such key, Overloaded if the keys cannot be had.
        """
        if self._fetching or self._clock.monotonic() - self._tried_at >= self._policy.cooldown:
            await self._refresh()
        if key := self._known_key(kid):
            return key
        if self._failure is not None:
            raise Overloaded("the keys that sign tokens cannot be fetched: try again later")
        raise Unauthenticated("token invalid: signed with an unknown key")

    async def _refresh(self) -> None:
        """Fetch, or wait for the fetch that is under way."""
        if self._fetching is None:
            self._tried_at = self._clock.monotonic()
            self._fetching = asyncio.create_task(self._renew(), name="fetch keys")
        # Shielded: a client that gives up must not cancel the fetch that others wait for.
        await asyncio.shield(self._fetching)

    async def _renew(self) -> None:
        try:
            published = parse(await self._fetch())
            self._accept(published.usable)
            self._fetched_at, self._failure = self._clock.monotonic(), None
            self._log_unusable(published.unusable)
        except KeySetError as error:
            self._failure = error
            _logger.warning("keys.not_fetched", error=str(error))
        finally:
            self._fetching = None

    def _log_unusable(self, unusable: Collection[UnusableKey]) -> None:
        """Log the keys that cannot be used, each when it appears and not at every fetch."""
        for key in unusable:
            if key not in self._unusable:
                _logger.warning("keys.unusable", kid=key.kid, reason=key.reason)
        self._unusable = frozenset(unusable)


def _key_id(token: str) -> str | None:
    """The key that a token names. Raises Unauthenticated for one that no key of ours can check."""
    try:
        header = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError) as error:
        raise Unauthenticated("token invalid: get a new one") from error
    if header.get("alg") not in ALGORITHMS.values():
        raise Unauthenticated("token invalid: expected one signed with RS256, ES256 or EdDSA")
    kid: str | None = header.get("kid")
    return kid
