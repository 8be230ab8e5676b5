"""Signing in without a database: what is asked, how often, and what tokens say."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import jwt
import pytest

from app.auth.sign_in import KEPT_SECONDS, UNKNOWN_SECONDS, SignIn, SignInRules
from app.auth.tokens import Expected, Tokens
from app.group_roles import parse
from crdt.errors import Unauthenticated
from persistence.errors import Conflict
from persistence.ports.identities import Identity, LinkOffer, Newcomer, SignInPolicy
from tests.app.fakes import HeldClock

SECRET: Final = "a secret of the tests, long enough for HS256"
ISSUER: Final = "https://issuer.example/"
USER: Final = UUID(int=7)
EVERYBODY: Final = SignInRules("all")


class FakeIdentities:
    """Knows one user by id and answers with another; counts and keeps what it is asked."""

    def __init__(self, user_id: UUID | None = USER) -> None:
        self.user_id, self.known = user_id, UUID(int=1)
        self.asked: list[tuple[Identity, SignInPolicy]] = []
        self.conflicts = 0

    async def is_user(self, user_id: UUID) -> bool:
        return user_id == self.known

    async def sign_in(self, identity: Identity, policy: SignInPolicy) -> UUID | None:
        self.asked.append((identity, policy))
        await asyncio.sleep(0)
        if self.conflicts:
            self.conflicts -= 1
            raise Conflict("taken")
        return self.user_id

    async def join(self, digest: bytes, email: str, name: str, address: str) -> Newcomer:
        raise NotImplementedError

    async def offer(self, digest: bytes) -> LinkOffer | None:
        raise NotImplementedError


def a_token(**claims: Any) -> str:
    usual = {"iss": ISSUER, "sub": "auth0|abc", "exp": datetime.now(UTC) + timedelta(hours=1)}
    return jwt.encode(usual | claims, SECRET, algorithm="HS256")


def signing_in(
    identities: FakeIdentities, rules: SignInRules = EVERYBODY, clock: Any = None
) -> SignIn:
    tokens = Tokens(SECRET, Expected(issuer=ISSUER))
    return SignIn(tokens, identities, rules, clock or HeldClock())


async def test_a_user_is_asked_for_once_and_again_after_a_while() -> None:
    identities, clock = FakeIdentities(), HeldClock()
    sign_in, token = signing_in(identities, clock=clock), a_token()
    found = await asyncio.gather(*(sign_in.verify(token) for _ in range(20)))
    assert {one.user_id for one in found} == {USER}
    assert len(identities.asked) == 1
    clock.seconds += KEPT_SECONDS + 1
    await sign_in.verify(token)
    assert len(identities.asked) == 2


async def test_who_is_not_known_is_refused_and_not_asked_for_at_once() -> None:
    identities, clock = FakeIdentities(None), HeldClock()
    sign_in, token = signing_in(identities, clock=clock), a_token()
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="nobody here"):
            await sign_in.verify(token)
    assert len(identities.asked) == 1
    identities.user_id = USER
    clock.seconds += UNKNOWN_SECONDS + 1
    assert (await sign_in.verify(token)).user_id == USER


async def test_an_id_of_a_user_is_that_user() -> None:
    identities = FakeIdentities()
    sign_in = signing_in(identities)
    assert (await sign_in.verify(a_token(sub=str(UUID(int=1))))).user_id == UUID(int=1)
    assert identities.asked == []
    # Keycloak's subjects are UUIDs, too.
    assert (await sign_in.verify(a_token(sub=str(uuid4())))).user_id == USER


async def test_an_id_of_nobody_is_good_as_ever_while_nobody_is_let_in() -> None:
    sign_in, stranger = signing_in(FakeIdentities(None), SignInRules()), uuid4()
    assert (await sign_in.verify(a_token(sub=str(stranger)))).user_id == stranger


@pytest.mark.parametrize("issuer", ["https://issuer.example", "https://elsewhere/", None])
async def test_no_other_issuer_says_who_somebody_is(issuer: str | None) -> None:
    identities = FakeIdentities()
    claims = {"sub": "auth0|abc", "iss": issuer, "exp": datetime.now(UTC) + timedelta(hours=1)}
    said = {name: claim for name, claim in claims.items() if claim is not None}
    with pytest.raises(Unauthenticated):
        await signing_in(identities).verify(jwt.encode(said, SECRET, algorithm="HS256"))
    assert identities.asked == []


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@b.c", "email_verified": True}, "a@b.c"),
        ({"email": "a@b.c"}, None),
        ({"email": "a@b.c", "email_verified": False}, None),
        ({"email": "a@b.c", "email_verified": "true"}, None),
        ({"email": "a@b.c", "email_verified": 1}, None),
        ({"email": "a@b@c", "email_verified": True}, None),
        ({"email": "a\x00@b.c", "email_verified": True}, None),
        ({"email": ["a@b.c"], "email_verified": True}, None),
        ({"email": "a" * 400 + "@b.c", "email_verified": True}, None),
    ],
)
async def test_only_a_verified_address_counts(claims: dict[str, Any], email: str | None) -> None:
    identities = FakeIdentities()
    await signing_in(identities).verify(a_token(**claims))
    assert [one.email for one, _ in identities.asked] == [email]


@pytest.mark.parametrize("subject", ["", "x" * 1001, "a\x00b"])
async def test_a_subject_that_cannot_be_one_is_refused(subject: str) -> None:
    with pytest.raises(Unauthenticated):
        await signing_in(FakeIdentities()).verify(a_token(sub=subject))


async def test_an_address_that_was_taken_at_the_same_moment_is_looked_at_again() -> None:
    identities = FakeIdentities()
    identities.conflicts = 1
    assert (await signing_in(identities).verify(a_token())).user_id == USER


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("groups", {"groups": ["devs", "staff"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["devs"]}}),
        ("https://acme.example/groups", {"https://acme.example/groups": ["devs"]}),
        ("groups", {"groups": "devs"}),
    ],
)
async def test_groups_are_found_where_issuers_put_them(name: str, claims: dict[str, Any]) -> None:
    identities = FakeIdentities()
    rules = SignInRules(
        "all", name, parse("devs=acme/core:viewer, devs=acme/core:admin, x=a/b:owner")
    )
    await signing_in(identities, rules).verify(a_token(**claims))
    assert identities.asked[0][1].roles == {"acme/core": "admin"}


@pytest.mark.parametrize("claims", [{}, {"groups": {"devs": 1}}, {"groups": [1]}, {"groups": None}])
async def test_a_token_without_groups_says_that_there_are_none(claims: dict[str, Any]) -> None:
    identities = FakeIdentities()
    await signing_in(
        identities, SignInRules("all", "groups", parse("devs=acme/core:member"))
    ).verify(a_token(**claims))
    assert identities.asked[0][1].roles == {}
