"""Who has no token, and a link by which people join a team: two requests, one of them with a body.

The secret of the link stands where others send a token, so that nothing is read of anybody who has
none that is good. Before it is looked up, the request is counted by the address it comes from.
"""

import re
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from starlette.datastructures import Headers
from starlette.types import Scope

from app.auth.tokens import FOREVER, Claims
from app.clock import Clock
from crdt.errors import Unauthenticated
from persistence.ports.identities import Identities, LinkOffer

from .rate_limit import RateLimit

JOIN: Final = "/invitation-links/join"
"""The path for those who have no account yet."""

OFFER: Final = "/invitation-links/offer"
"""The path to what a link offers, for those with an account, too."""

OF_GUESTS: Final = frozenset({("POST", JOIN), ("GET", OFFER)})
"""The requests that carry the secret of a link in place of a token."""

A_SECOND: Final = 0.2
AT_ONCE: Final = 30
"""Requests to each path from one address: a class may join at once, and a flood may not."""

_SECRET: Final = re.compile("[A-Za-z0-9_-]{43}")


class Guests:
    """Lets requests in that have the secret of a link: to join, of one that is good."""

    def __init__(self, identities: Identities, clock: Clock) -> None:
        self._identities = identities
        self._rates = {path: RateLimit(A_SECOND, AT_ONCE, clock) for _, path in OF_GUESTS}

    async def claims(self, scope: Scope, path: str) -> Claims:
        """Stand-in claims, of nobody; raises Unauthenticated, TooManyRequests, StoreError."""
        address = _key_of(scope)
        self._rates[path].take(address)
        digest = link_digest(secret_in(Headers(scope=scope)))
        offer = None if digest is None else await self._identities.offer(digest)
        if offer is None or (path == JOIN and not offer.is_good):
            raise Unauthenticated(why_ended(offer))
        return Claims(address, FOREVER)


def why_ended(offer: LinkOffer | None) -> str:
    """Why a link lets nobody in, and what to do; of one that is not known no more than that."""
    if offer is None:
        happened = "this invitation is not known here: its link is not whole, or it ended long ago"
    elif offer.is_revoked:
        happened = "this invitation was revoked"
    elif offer.is_expired:
        happened = "this invitation has expired"
    else:
        happened = "as many people have joined by this invitation as it was for"
    return f"{happened}. Ask whoever sent it to you for a new one"


def secret_in(headers: Headers) -> str:
    """What stands in place of a token; empty for nothing."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def link_digest(secret: str) -> bytes | None:
    """The hash under which a link is stored; None for what is no secret of one."""
    return sha256(secret.encode()).digest() if _SECRET.fullmatch(secret) else None


def _key_of(scope: Scope) -> UUID:
    """A name for where a request comes from: an address, or the network of an IPv6 address."""
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host)
    except ValueError:
        return uuid5(NAMESPACE_URL, "unknown")
    if isinstance(address, IPv6Address):
        return uuid5(NAMESPACE_URL, str(int(address) >> 64))
    return uuid5(NAMESPACE_URL, str(address))
