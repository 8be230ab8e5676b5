"""Tokens: which user a client is. What the user may do is looked up in the team's members.

JSON Web Tokens (RFC 7519) through PyJWT: `sub` is `users.id`, or what `sign_in.py` makes of it, and
`exp` is required. They are signed with a secret of this server (HS256, in this module), or by an
issuer that publishes its keys (`jwks.py`).
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

import jwt

from app.clock import SYSTEM_CLOCK, Clock
from crdt.errors import PipeloomError, Unauthenticated
from crdt.protocol.messages import Scope
from persistence.ports.directory import Role, User

from .checked_tokens import CheckedTokens, SignedToken

ALGORITHM: Final = "HS256"
SECRET_FILE: Final = "jwt-secret"  # noqa: S105 - the name of the file, not what is in it

LEEWAY: Final = timedelta(seconds=5)
"""How far the clocks of the signer and of this server may differ (RFC 7519 §4.1.4)."""

MAX_TOKEN_LENGTH: Final = 16 * 1024

FOREVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a token: its user, and when this server stops accepting it, leeway included.

    `renewable_until` is when its session ends at the latest, None if it cannot be renewed.
    """

    user_id: UUID
    expires_at: datetime
    renewable_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """The issuer and audience that tokens must name; None accepts any."""

    issuer: str | None = None
    audience: str | None = None


ANYTHING: Final = Expected()

SESSION: Final = timedelta(hours=12)
"""How long a token of a session is valid: a page renews it long before, also after a night."""

RENEWABLE: Final = "renewable_until"
"""The claim of a token of a session: seconds since 1970, as in `exp`, when the session ends."""


class NotRenewable(PipeloomError):
    """The token is good, and no other one is given for it."""


class Renewer(Protocol):
    """Begins sessions, and gives a token for an earlier one of the same session."""

    def begin_session(self, user: User, length: timedelta, now: datetime) -> "Issued":
        """Issue the first token of a session of at least SESSION; longer ones by renewal."""
        ...

    def renew(self, user: User, claims: Claims, now: datetime) -> "Issued":
        """Issue the next token of the session. Raises NotRenewable."""
        ...


@dataclass(frozen=True, slots=True)
class Issued:
    """A token of a session, when it expires, and when the session ends."""

    token: str
    expires_at: datetime
    renewable_until: datetime


class Verifier(Protocol):
    """Checks tokens."""

    async def verify(self, token: str) -> Claims:
        """Return the claims of a token.

        Raises Unauthenticated, whose message names the fault, and Overloaded while tokens cannot be
        checked.
        """
        ...

    async def keep_fresh(self) -> None:
        """Renew, until cancelled, the keys that tokens are checked with."""
        ...


class Checker(Verifier, Protocol):
    """Checks tokens, and says all that they claim; by itself it takes subjects for `users.id`."""

    async def check(self, token: str) -> SignedToken:
        """Check everything but who the subject is. Raises as `Verifier.verify`."""
        ...


class Tokens:
    """Issues and checks tokens with one secret; those of the `previous` one are still good."""

    def __init__(
        self,
        secret: str,
        expected: Expected = ANYTHING,
        previous: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._secret, self._expected = secret, expected
        self._accepted = [secret] if previous is None else [secret, previous]
        self._checked = CheckedTokens(clock)

    def begin_session(self, user: User, length: timedelta, now: datetime) -> Issued:
        """Issue the first token of a session of at least SESSION; longer ones by renewal."""
        return self._session_token(user, now + max(length, SESSION), now)

    def renew(self, user: User, claims: Claims, now: datetime) -> Issued:
        """See `Renewer.renew`."""
        if claims.renewable_until is None:
            raise NotRenewable("this token is not one of a session: get a new one where it is from")
        if claims.renewable_until <= now:
            raise NotRenewable("this session is over: open a new link")
        return self._session_token(user, claims.renewable_until, now)

    def _session_token(self, user: User, until: datetime, now: datetime) -> Issued:
        expires_at = min(now + SESSION, until)
        more = {RENEWABLE: int(until.timestamp())}
        return Issued(self.issue(user, expires_at - now, now, more), expires_at, until)

    def issue(
        self,
        user: User,
        ttl: timedelta,
        now: datetime,
        more: Mapping[str, object] = MappingProxyType({}),
    ) -> str:
        """Sign a token for a user that expires `ttl` after `now`, with `more` claims."""
        claims = {
            **more,
            "sub": str(user.id),
            "email": user.email,
            "name": user.name,
            "exp": now + ttl,
            "iss": self._expected.issuer,
            "aud": self._expected.audience,
        }
        given = {name: claim for name, claim in claims.items() if claim is not None}
        return jwt.encode(given, self._secret, algorithm=ALGORITHM)

    async def verify(self, token: str) -> Claims:
        """See `Verifier.verify`; never waits."""
        return named_user(await self.check(token))

    async def check(self, token: str) -> SignedToken:
        """See `Checker.check`; never waits."""
        check_form(token)
        if (known := self._checked.find(token)) is not None:
            return known
        signed = checked(token, self._accepted, ALGORITHM, self._expected)
        return self._checked.keep(token, signed)

    async def keep_fresh(self) -> None:
        """Do nothing: a secret does not expire."""


def check_form(token: str) -> None:
    """Raise Unauthenticated for what cannot be a token, before anything is decoded."""
    if not token:
        raise Unauthenticated("token missing: connect with ?token=")
    if len(token) > MAX_TOKEN_LENGTH:
        raise Unauthenticated("token too long: get a new one")


def checked(token: str, keys: Sequence[Any], algorithm: str, expected: Expected) -> SignedToken:
    """Check a token signed with one of the keys, and read it. Raises Unauthenticated."""
    try:
        claims = _decoded(token, keys, algorithm, expected)
        return SignedToken(
            claims["sub"],
            expected.issuer or "",
            _end_of(claims["exp"]),
            _renewable(claims),
            claims,
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthenticated("token expired: get a new one") from error
    except (jwt.InvalidAudienceError, jwt.InvalidIssuerError) as error:
        raise Unauthenticated(_FOR_ANOTHER) from error
    except (jwt.InvalidTokenError, ValueError) as error:
        if isinstance(error, jwt.MissingRequiredClaimError) and error.claim in ("aud", "iss"):
            raise Unauthenticated(_FOR_ANOTHER) from error
        raise Unauthenticated("token invalid: get a new one") from error


_FOR_ANOTHER: Final = "token made for or by another service: get one for this"


def _decoded(
    token: str, keys: Sequence[Any], algorithm: str, expected: Expected
) -> Mapping[str, Any]:
    """The claims by the first key that has signed it. Raises jwt.InvalidTokenError, ValueError."""
    *earlier, last = keys
    for key in earlier:
        with suppress(jwt.InvalidSignatureError):
            return _decoded(token, [key], algorithm, expected)
    claims: Mapping[str, Any] = jwt.decode(
        token,
        last,
        algorithms=[algorithm],
        options={"require": ["exp", "sub"]},
        issuer=expected.issuer,
        audience=expected.audience,
        leeway=LEEWAY,
    )
    return claims


def as_user_id(subject: str) -> UUID | None:
    """A subject as the id of a user, None if it cannot be one."""
    try:
        return UUID(subject)
    except ValueError:
        return None


def named_user(signed: SignedToken) -> Claims:
    """The user whose id the subject is. Raises Unauthenticated if it is no id."""
    user_id = as_user_id(signed.subject)
    if user_id is None:
        raise Unauthenticated(
            "token invalid: its subject is no id of a user, and PIPELOOM_JWT_ISSUER is not set"
        )
    return Claims(user_id, signed.expires_at, signed.renewable_until)


def _renewable(claims: Mapping[str, Any]) -> datetime | None:
    until = claims.get(RENEWABLE)
    if isinstance(until, bool) or not isinstance(until, int):
        return None
    with suppress(OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(until, UTC)
    return None


def _end_of(exp: Any) -> datetime:
    """When a token stops being accepted; the end of the calendar for an `exp` beyond it."""
    try:
        return datetime.fromtimestamp(int(exp), UTC) + LEEWAY
    except (OverflowError, ValueError, OSError):
        return FOREVER


def scope_of(role: Role) -> Scope:
    """What a role may do to a document: viewers read, everybody else writes."""
    return "readonly" if role == "viewer" else "read-write"


def secret_in(data_dir: Path) -> str:
    """Read the data directory's secret, generating it at first (mode 0600)."""
    path = data_dir / SECRET_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        _publish(path, secrets.token_urlsafe(48))
    return path.read_text()


def _publish(path: Path, secret: str) -> None:
    """Write the file under another name, then link it: no process ever reads half a secret."""
    if path.exists():
        return
    # A random name, not the process id: in containers that share the directory every process is 1.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
