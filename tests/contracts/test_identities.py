"""Who a subject of an issuer is, in every store; and how accounts are not taken over."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import pytest

from persistence.errors import Conflict, UnknownSubject
from persistence.ports.directory import SYSTEM, Role
from persistence.ports.identities import Identity, SignInPolicy
from tests.contracts.stores import NOON, Stores, an_id

MINUTE: Final = timedelta(minutes=1)
EVE: Final = Identity("https://issuer", "auth0|eve", NOON, "eve@example.org", "Eve")
OFF, KNOWN, ALL = SignInPolicy("off"), SignInPolicy("known"), SignInPolicy("all")
DIGEST: Final = sha256(b"link").digest()


async def signed(stores: Stores, identity: Identity, policy: SignInPolicy) -> UUID:
    found = await stores.identities.sign_in(identity, policy)
    assert found is not None
    return found


async def a_link(stores: Stores, uses: int = 1, lasts: timedelta = timedelta(days=1)) -> None:
    inviter = stores.author.id
    await stores.directory.add_member(stores.team_id, inviter, "owner")
    await stores.directory.add_link(
        stores.team_id, DIGEST, "viewer", inviter, uses=uses, lasts=lasts
    )


async def test_who_is_a_user(stores: Stores) -> None:
    assert await stores.identities.is_user(stores.author.id)
    assert not await stores.identities.is_user(an_id(9))
    # Nobody signs in as the system.
    assert not await stores.identities.is_user(SYSTEM.id)


async def test_who_gets_in_at_first_sight(stores: Stores) -> None:
    for policy in (OFF, KNOWN):
        assert await stores.identities.sign_in(EVE, policy) is None
    eve = (await stores.directory.create_user("EVE@example.org", "Eve")).id
    assert await stores.identities.sign_in(EVE, OFF) is None
    assert await stores.identities.sign_in(EVE, KNOWN) == eve
    assert await stores.identities.sign_in(EVE, OFF) == eve


async def test_somebody_new_is_created_once(stores: Stores) -> None:
    found = await asyncio.gather(*(stores.identities.sign_in(EVE, ALL) for _ in range(5)))
    assert len(set(found)) == 1
    user = await stores.directory.user_by_email("eve@example.org")
    assert (user.id, user.name) == (found[0], "Eve")


async def test_a_changed_address_stays_the_same_person(stores: Stores) -> None:
    eve = await signed(stores, EVE, ALL)
    later = replace(EVE, email="eva@example.org", issued_at=NOON + MINUTE)
    # A token from before says nothing new.
    for identity in (later, EVE):
        assert await stores.identities.sign_in(identity, ALL) == eve
        assert await stores.directory.address_of(eve) == "eva@example.org"


async def test_an_address_of_somebody_else_is_not_taken(stores: Stores) -> None:
    eve = await signed(stores, EVE, ALL)
    as_ada = replace(EVE, email="ADA@example.org", issued_at=NOON + MINUTE)
    assert await stores.identities.sign_in(as_ada, ALL) == eve
    assert await stores.directory.address_of(eve) == "eve@example.org"
    assert await stores.directory.address_of(stores.author.id) == "ada@example.org"


@pytest.mark.parametrize("other", [{"subject": "auth0|mallory"}, {"issuer": "https://elsewhere"}])
async def test_a_second_identity_with_the_address_gets_into_no_account(
    stores: Stores, other: dict[str, str]
) -> None:
    eve, mallory = await signed(stores, EVE, ALL), replace(EVE, **other)  # type: ignore[arg-type]
    assert await stores.identities.sign_in(mallory, KNOWN) is None
    second = await signed(stores, mallory, ALL)
    assert second != eve
    assert (await stores.directory.address_of(second)).endswith("@identity.invalid")
    assert await stores.directory.address_of(eve) == "eve@example.org"


async def test_an_address_that_nobody_verified_opens_nothing(stores: Stores) -> None:
    unverified = replace(EVE, email=None)
    eve = (await stores.directory.create_user("eve@example.org", "Eve")).id
    assert await stores.identities.sign_in(unverified, KNOWN) is None
    assert await stores.identities.sign_in(unverified, ALL) not in (None, eve)


async def test_people_join_by_a_link_as_long_as_it_is_good(stores: Stores) -> None:
    await a_link(stores, uses=2)
    joined = await stores.identities.join(DIGEST, "eve@example.org", "Eve", "127.0.0.1")
    assert (joined.user.name, joined.team_id) == ("Eve", stores.team_id)
    assert await stores.directory.role_in(stores.team_id, joined.user.id) == "viewer"
    offer = await stores.identities.offer(DIGEST)
    assert offer is not None
    assert (offer.uses_left, offer.is_good, offer.inviter.id) == (1, True, stores.author.id)
    assert (offer.team_name, offer.organization_name, offer.role) == ("Weavers", "Looms", "viewer")
    await stores.directory.revoke_link(DIGEST)
    with pytest.raises(UnknownSubject, match="revoked"):
        await stores.identities.join(DIGEST, "late@example.org", "Late", "127.0.0.1")
    with pytest.raises(UnknownSubject):
        await stores.directory.user_by_email("late@example.org")
    assert await stores.identities.offer(sha256(b"none").digest()) is None


@pytest.mark.parametrize(("uses", "lasts"), [(0, MINUTE), (1, -MINUTE)])
async def test_nobody_joins_by_a_link_that_is_used_up_or_has_expired(
    stores: Stores, uses: int, lasts: timedelta
) -> None:
    await a_link(stores, uses or 1, lasts)
    if not uses:
        await stores.identities.join(DIGEST, "first@example.org", "First", "127.0.0.1")
    offer = await stores.identities.offer(DIGEST)
    assert offer is not None
    assert not offer.is_good
    with pytest.raises(UnknownSubject):
        await stores.identities.join(DIGEST, "eve@example.org", "Eve", "127.0.0.1")


async def test_an_account_that_is_there_is_not_joined_by_a_link(stores: Stores) -> None:
    await a_link(stores)
    with pytest.raises(Conflict) as refused:
        await stores.identities.join(DIGEST, "ADA@example.org", "Eve", "127.0.0.1")
    assert refused.value.constraint == "users_email_key"


async def test_a_typed_address_is_given_up_to_whoever_has_it(stores: Stores) -> None:
    await a_link(stores)
    typed = (await stores.identities.join(DIGEST, "eve@example.org", "Mallory", "::1")).user.id
    assert await stores.identities.sign_in(EVE, KNOWN) is None
    eve = await signed(stores, EVE, ALL)
    assert eve != typed
    assert await stores.directory.address_of(eve) == "eve@example.org"
    assert await stores.directory.address_of(typed) == f"{typed}@identity.invalid"


def by_groups(**roles: Role) -> SignInPolicy:
    return SignInPolicy("all", {f"acme/{team}": role for team, role in roles.items()})


async def acme(stores: Stores, *teams: str) -> list[UUID]:
    organization = await stores.directory.create_organization("Acme", "acme")
    return [await stores.directory.create_team(organization, each, each) for each in teams]


async def roles(stores: Stores, user_id: UUID, teams: list[UUID]) -> list[Role | None]:
    return [await stores.directory.role_in(team, user_id) for team in teams]


async def test_memberships_come_and_go_with_groups(stores: Stores) -> None:
    teams = await acme(stores, "core", "web", "ops")
    eve = await signed(stores, EVE, by_groups(core="member", web="viewer", none="owner"))
    assert await roles(stores, eve, teams) == ["member", "viewer", None]
    later = replace(EVE, issued_at=NOON + MINUTE)
    await stores.identities.sign_in(later, by_groups(core="admin", ops="member"))
    assert await roles(stores, eve, teams) == ["admin", None, "member"]
    # An older token brings nothing back, and one without groups in the settings leaves all alone.
    await stores.identities.sign_in(EVE, by_groups(web="owner"))
    await stores.identities.sign_in(later, ALL)
    assert await roles(stores, eve, teams) == ["admin", None, "member"]
    await stores.identities.sign_in(later, by_groups())
    assert await roles(stores, eve, teams) == [None, None, None]


async def test_what_was_given_by_hand_stays(stores: Stores) -> None:
    teams = await acme(stores, "core", "web")
    eve = (await stores.directory.create_user("eve@example.org", "Eve")).id
    await stores.directory.add_member(teams[0], eve, "viewer")
    await stores.identities.sign_in(EVE, by_groups(core="owner", web="viewer"))
    assert await roles(stores, eve, teams) == ["viewer", "viewer"]
    await stores.directory.add_member(teams[1], eve, "admin")
    await stores.identities.sign_in(EVE, by_groups())
    assert await roles(stores, eve, teams) == ["viewer", "admin"]


async def test_the_last_owner_of_a_team_stays_without_the_group(stores: Stores) -> None:
    teams = await acme(stores, "core")
    eve = await signed(stores, EVE, by_groups(core="owner"))
    for policy in (by_groups(core="viewer"), by_groups()):
        await stores.identities.sign_in(EVE, policy)
        assert await roles(stores, eve, teams) == ["owner"]
    await stores.directory.add_member(teams[0], stores.author.id, "owner")
    await stores.identities.sign_in(EVE, by_groups())
    assert await roles(stores, eve, teams) == [None]
