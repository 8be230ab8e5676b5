"""Signing in: which user a checked token is, where an issuer's subjects are no ids of ours.

A `sub` that is a `users.id` is that user. Any other belongs to an identity, the pair of issuer and
subject (OpenID Connect Core 1.0 §5.7), which is looked up, and linked or created as the settings
say. What was found is kept for a while, so that a request waits for PostgreSQL at the first token
of somebody alone.
"""

import asyncio
from asyncio import Task
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

import structlog

from app.clock import Clock
from app.group_roles import GroupRole, groups_in, roles_of
from app.settings import Settings
from crdt.errors import Unauthenticated
from persistence.errors import Conflict
from persistence.ports.directory import Role
from persistence.ports.identities import Identities, Identity, Provisioning, SignInPolicy

from .checked_tokens import SignedToken
from .tokens import Checker, Claims, Verifier, as_user_id

MAX_KEPT: Final = 10_000
"""Tokens whose user is remembered; the one used longest ago makes room."""

KEPT_SECONDS: Final = 60.0
UNKNOWN_SECONDS: Final = 5.0
"""For so long it is remembered that a token has no user: whoever asks again and again finds it."""

MAX_SUBJECT: Final = 1_000
MAX_EMAIL: Final = 320
MAX_NAME: Final = 200

_Roles: TypeAlias = tuple[tuple[str, Role], ...] | None
_Key: TypeAlias = tuple[Identity, _Roles]

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignInRules:
    """Who gets in, and what the groups in the claim `groups_claim` stand for."""

    provisioning: Provisioning = "off"
    groups_claim: str | None = None
    group_roles: tuple[GroupRole, ...] = ()

    def roles(self, claims: Mapping[str, Any]) -> _Roles:
        """The roles that a token gives, None if groups say nothing here."""
        if self.groups_claim is None:
            return None
        found = roles_of(groups_in(claims, self.groups_claim), self.group_roles)
        return tuple(sorted(found.items()))


class SignIn:
    """A `Verifier` that knows who the subjects of one issuer are."""

    def __init__(
        self, tokens: Checker, identities: Identities, rules: SignInRules, clock: Clock
    ) -> None:
        self._tokens, self._identities = tokens, identities
        self._rules, self._clock = rules, clock
        self._kept: OrderedDict[_Key, tuple[UUID | None, float]] = OrderedDict()
        self._asking: dict[_Key, Task[UUID | None]] = {}

    async def verify(self, token: str) -> Claims:
        """See `Verifier.verify`; raises StoreError, too."""
        signed = await self._tokens.check(token)
        key = (identity_of(signed), self._rules.roles(signed.claims))
        user_id = await self._user(key)
        if user_id is None:
            raise Unauthenticated(
                "nobody here is known by this token: ask whoever runs this server to let you in"
            )
        return Claims(user_id, signed.expires_at, signed.renewable_until)

    async def keep_fresh(self) -> None:
        """See `Verifier.keep_fresh`."""
        await self._tokens.keep_fresh()

    async def _user(self, key: _Key) -> UUID | None:
        kept = self._kept.get(key)
        if kept is not None and self._clock.monotonic() < kept[1]:
            self._kept.move_to_end(key)
            return kept[0]
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._ask(key), name="sign in")
            self._asking[key] = asking
        # Shielded: others may wait for the same answer as a client that gives up.
        return await asyncio.shield(asking)

    async def _ask(self, key: _Key) -> UUID | None:
        try:
            user_id = await self._found(*key)
        finally:
            del self._asking[key]
        if user_id is None:
            _logger.warning("identity.refused", subject=key[0].subject, reason=self._reason(key[0]))
        lasts = UNKNOWN_SECONDS if user_id is None else KEPT_SECONDS
        self._kept[key] = user_id, self._clock.monotonic() + lasts
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return user_id

    async def _found(self, identity: Identity, roles: _Roles) -> UUID | None:
        same = as_user_id(identity.subject)
        if same is not None and await self._identities.is_user(same):
            return same
        policy = SignInPolicy(self._rules.provisioning, None if roles is None else dict(roles))
        try:
            found = await self._identities.sign_in(identity, policy)
        except Conflict:
            # Somebody else took the address meanwhile: now that shows.
            found = await self._identities.sign_in(identity, policy)
        # As ever: such a token is good, and its user is in no team.
        return same if found is None and policy.provisioning == "off" else found

    def _reason(self, identity: Identity) -> str:
        if self._rules.provisioning == "off":
            return "PIPELOOM_PROVISION is off"
        if identity.email is None:
            return "the token has no verified address"
        return "no user who may be linked has this address"


def identity_of(signed: SignedToken) -> Identity:
    """What a token says about whoever has it. Raises Unauthenticated for what cannot be stored."""
    subject, claims = signed.subject, signed.claims
    if not subject or len(subject) > MAX_SUBJECT or "\x00" in subject:
        raise Unauthenticated("token invalid: expected a subject of 1 to 1000 characters")
    return Identity(
        issuer=signed.issuer,
        subject=subject,
        issued_at=_time(claims.get("iat")),
        email=_verified_email(claims),
        name=_text(claims.get("name"), MAX_NAME),
    )


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """The address, if the issuer says that it is verified; only `true` says so."""
    email = _text(claims.get("email"), MAX_EMAIL)
    is_address = email is not None and email.count("@") == 1 and not any(map(str.isspace, email))
    return email if is_address and claims.get("email_verified") is True else None


def _text(value: Any, longest: int) -> str | None:
    if not isinstance(value, str) or "\x00" in value or len(value) > longest:
        return None
    return value.strip() or None


def _time(value: Any) -> datetime:
    """When a token was issued; the beginning of time for one that does not say so."""
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (TypeError, OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def signing_in(
    settings: Settings, tokens: Checker, identities: Identities, clock: Clock
) -> Verifier:
    """Who tokens are, by the settings: without an issuer they name users by their ids alone."""
    if settings.jwt_issuer is None:
        return tokens
    rules = SignInRules(settings.provision, settings.groups_claim, settings.group_roles_given)
    return SignIn(tokens, identities, rules, clock)
