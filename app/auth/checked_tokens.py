"""Tokens that have been checked, so that whoever sends one again costs a look-up.

A page sends the same token with each request, and each answer to a live request of a shape is
followed by the next request. Checking a signature, and all that is around it, takes about a tenth
of a millisecond of the event loop.

What is kept is what a token says, and not whether its user may do anything: that is looked up as
ever. Tokens themselves are not kept, only their digests.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from app.clock import Clock

MOST_KEPT: Final = 2_000
"""Tokens of which it is remembered what they say; the one used longest ago makes room."""

LONGEST_KEPT: Final = 4 * 1024
"""Characters of a token that is kept: what it says is in memory for as long."""


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token whose signature, time, issuer and audience are right; `claims` has all it says.

    `issuer` is empty for one that names none.
    """

    subject: str
    issuer: str
    expires_at: datetime
    renewable_until: datetime | None
    claims: Mapping[str, Any]


class CheckedTokens:
    """Remembers what tokens say until they expire.

    Whoever accepts other keys from now on has to `forget` what those of before have signed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[bytes, SignedToken] = OrderedDict()

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._kept)

    def find(self, token: str) -> SignedToken | None:
        """Return what a token says that was checked before and has not expired, else None."""
        signed = self._kept.get(digest := _digest(token))
        if signed is None:
            return None
        if signed.expires_at <= self._clock.now():
            del self._kept[digest]
            return None
        self._kept.move_to_end(digest)
        return signed

    def keep(self, token: str, signed: SignedToken) -> SignedToken:
        """Remember what a token says that is good, and return it."""
        if len(token) <= LONGEST_KEPT:
            self._kept[_digest(token)] = signed
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return signed

    def forget(self) -> None:
        """Check all tokens anew."""
        self._kept.clear()


def _digest(token: str) -> bytes:
    # What came in JSON may have surrogates, which UTF-8 has not.
    return sha256(token.encode(errors="surrogatepass")).digest()
