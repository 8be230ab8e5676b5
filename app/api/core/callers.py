"""Who makes a request: by the token of its header, or, for a stream of events, by a ticket.

An `EventSource` cannot send headers (HTML Living Standard, 9.2.2), and a token in an address could
end up in logs. A ticket is good for one stream of one pipeline, once, within half a minute.
"""

import re
import secrets
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import Scope

from app.auth.tokens import Claims, Verifier
from crdt.errors import Unauthenticated
from persistence.ports.tickets import Ticket, Tickets

_STREAM: Final = re.compile("/pipelines/([0-9A-Fa-f-]{36})/events")

_BYTES: Final = 32
"""Random bytes of a ticket, as many as of the key of a strong cipher."""

_TEXT: Final = re.compile("[A-Za-z0-9_-]{43}")


class Callers:
    """Finds out on whose behalf a request is made."""

    def __init__(self, tokens: Verifier, tickets: Tickets) -> None:
        self._tokens, self._tickets = tokens, tickets

    async def claims(self, scope: Scope) -> Claims:
        """Return the claims of the caller. Raises Unauthenticated, Overloaded, StoreError."""
        headers = Headers(scope=scope)
        pipeline_id, text = _stream_of(scope), _ticket_in(scope)
        if pipeline_id is None or text is None or "authorization" in headers:
            return await self._tokens.verify(_bearer_token(headers))
        ticket = await self._tickets.redeem(digest_of(text), pipeline_id) if text else None
        if ticket is None:
            raise Unauthenticated("this ticket is used or has expired: get a new one")
        return Claims(ticket.user_id, ticket.expires_at)


async def issue_ticket(tickets: Tickets, ticket: Ticket) -> str:
    """Make a ticket and return its text. Raises StoreError."""
    text = secrets.token_urlsafe(_BYTES)
    await tickets.issue(digest_of(text), ticket)
    return text


def digest_of(text: str) -> bytes:
    """The hash under which a ticket is stored: who reads the table can redeem none."""
    return sha256(text.encode()).digest()


def _stream_of(scope: Scope) -> UUID | None:
    """The pipeline whose events a request asks for; None for all other requests."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    match = _STREAM.fullmatch(path) if scope["method"] == "GET" else None
    try:
        return match and UUID(match[1])
    except ValueError:
        return None


def _ticket_in(scope: Scope) -> str | None:
    """The ticket of the query; "" for what cannot be one, None if there is none."""
    given = parse_qs(scope["query_string"].decode("latin-1")).get("ticket")
    if given is None:
        return None
    return given[0] if _TEXT.fullmatch(given[0]) else ""


def _bearer_token(headers: Headers) -> str:
    """The token of `Authorization: Bearer …` (RFC 6750 §2.1)."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("send a token: Authorization: Bearer …")
    return token.strip()
