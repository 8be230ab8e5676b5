"""Who a subject of an issuer is, in PostgreSQL; and how accounts are not taken over."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import pytest

from persistence.errors import Conflict, UnknownSubject
from persistence.ports.directory import Role
from persistence.ports.identities import Identity, SignInPolicy
from persistence.postgres.directory import PostgresDirectory
from persistence.postgres.identities import PostgresIdentities
from persistence.postgres.people import NewPerson, PostgresPeople
from persistence.postgres.pool import Pool

NOON: Final = datetime(2026, 11, 30, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
ADA: Final = Identity("https://issuer", "auth0|ada", NOON, "ada@example.org", "Ada")
OFF, KNOWN, ALL = SignInPolicy("off"), SignInPolicy("known"), SignInPolicy("all")


@pytest.fixture
def database_url(emptied_database_url: str) -> str:
    """No test here changes the schema."""
    return emptied_database_url


@pytest.fixture
def identities(pool: Pool) -> PostgresIdentities:
    return PostgresIdentities(pool)


async def row(pool: Pool, user_id: UUID | None) -> Mapping[str, object]:
    found: Mapping[str, object] = await pool._driver.fetchrow(
        "SELECT email, name, email_unproven FROM users WHERE id = $1", user_id
    )
    return found


async def a_user(pool: Pool, email: str) -> UUID:
    return await PostgresPeople(pool).add(NewPerson(email, "Somebody"), None)


async def signed(identities: PostgresIdentities, identity: Identity, policy: SignInPolicy) -> UUID:
    found = await identities.sign_in(identity, policy)
    assert found is not None
    return found


async def test_who_gets_in_at_first_sight(identities: PostgresIdentities, pool: Pool) -> None:
    assert await identities.sign_in(ADA, OFF) is None
    assert await identities.sign_in(ADA, KNOWN) is None
    ada = await a_user(pool, "ADA@example.org")
    assert await identities.sign_in(ADA, OFF) is None
    assert await identities.sign_in(ADA, KNOWN) == ada
    assert await identities.sign_in(ADA, OFF) == ada


async def test_somebody_new_is_created_once(identities: PostgresIdentities, pool: Pool) -> None:
    found = await asyncio.gather(*(identities.sign_in(ADA, ALL) for _ in range(8)))
    assert len(set(found)) == 1
    made = dict(await row(pool, found[0]))
    assert made == {"email": "ada@example.org", "name": "Ada", "email_unproven": False}


async def test_a_changed_address_stays_the_same_person(
    identities: PostgresIdentities, pool: Pool
) -> None:
    ada = await signed(identities, ADA, ALL)
    married = replace(ADA, email="lovelace@example.org", issued_at=NOON + MINUTE)
    assert await identities.sign_in(married, ALL) == ada
    assert (await row(pool, ada))["email"] == "lovelace@example.org"
    # A token from before says nothing new.
    assert await identities.sign_in(ADA, ALL) == ada
    assert (await row(pool, ada))["email"] == "lovelace@example.org"


async def test_an_address_of_somebody_else_is_not_taken(
    identities: PostgresIdentities, pool: Pool
) -> None:
    bob = await a_user(pool, "bob@example.org")
    ada = await signed(identities, ADA, ALL)
    as_bob = replace(ADA, email="bob@example.org", issued_at=NOON + MINUTE)
    assert await identities.sign_in(as_bob, ALL) == ada
    assert (await row(pool, ada))["email"] == "ada@example.org"
    assert (await row(pool, bob))["email"] == "bob@example.org"


@pytest.mark.parametrize(
    "other",
    [
        replace(ADA, subject="auth0|eve"),
        replace(ADA, issuer="https://elsewhere"),
        replace(ADA, issuer="https://issuer\n", subject="auth0|ada"),
    ],
)
async def test_a_second_identity_with_the_address_gets_into_no_account(
    identities: PostgresIdentities, pool: Pool, other: Identity
) -> None:
    ada = await signed(identities, ADA, ALL)
    assert await identities.sign_in(other, KNOWN) is None
    eve = await signed(identities, other, ALL)
    assert eve != ada
    assert str((await row(pool, eve))["email"]).endswith("@identity.invalid")
    assert (await row(pool, ada))["email"] == "ada@example.org"


async def test_an_address_that_nobody_verified_opens_nothing(
    identities: PostgresIdentities, pool: Pool
) -> None:
    ada = await a_user(pool, "ada@example.org")
    unverified = replace(ADA, email=None)
    assert await identities.sign_in(unverified, KNOWN) is None
    assert await identities.sign_in(unverified, ALL) not in (None, ada)


async def a_link(pool: Pool, digest: bytes, uses: int = 1, role: Role = "member") -> UUID:
    people = PostgresPeople(pool)
    team_id = await people.new_team("acme/core")
    boss = await people.add(NewPerson("boss@example.org", "Boss"), (team_id, "owner"))
    await pool._driver.execute(
        "INSERT INTO invitation_links (team_id, digest, role, invited_by, expires_at, max_uses) "
        "VALUES ($1, $2, $3, $4, now() + interval '1 day', $5)",
        team_id, digest, role, boss, uses,
    )  # fmt: skip
    return team_id


async def test_a_typed_address_is_given_up_to_whoever_has_it(
    identities: PostgresIdentities, pool: Pool
) -> None:
    digest = sha256(b"link").digest()
    await a_link(pool, digest)
    eve = (await identities.join(digest, "ada@example.org", "Eve", "127.0.0.1")).user
    assert (await row(pool, eve.id))["email_unproven"] is True
    assert await identities.sign_in(ADA, KNOWN) is None
    ada = await signed(identities, ADA, ALL)
    assert ada != eve.id
    assert (await row(pool, ada))["email"] == "ada@example.org"
    assert (await row(pool, eve.id))["email"] == f"{eve.id}@identity.invalid"


async def test_the_last_use_of_a_link_is_for_one(
    identities: PostgresIdentities, pool: Pool
) -> None:
    digest = sha256(b"link").digest()
    team_id = await a_link(pool, digest)
    offer = await identities.offer(digest)
    assert offer is not None
    assert (offer.team_id, offer.uses_left, offer.inviter.name) == (team_id, 1, "Boss")
    assert offer.is_good
    joined = await asyncio.gather(
        *(identities.join(digest, f"{n}@example.org", "X", "127.0.0.1") for n in range(5)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, UnknownSubject) for one in joined) == 4
    used_up = await identities.offer(digest)
    assert used_up is not None
    assert not used_up.is_good
    assert await identities.offer(sha256(b"none").digest()) is None
    # Those who came too late have left nothing behind.
    assert await pool._driver.fetchval("SELECT count(*) FROM users WHERE name = 'X'") == 1
    assert await pool._driver.fetchval(
        "SELECT count(*) FROM team_members WHERE team_id = $1", team_id
    ) == 2  # fmt: skip


async def test_an_account_that_is_there_is_not_joined_by_a_link(
    identities: PostgresIdentities, pool: Pool
) -> None:
    digest = sha256(b"link").digest()
    await a_link(pool, digest)
    with pytest.raises(Conflict) as refused:
        await identities.join(digest, "BOSS@example.org", "Eve", "127.0.0.1")
    assert refused.value.constraint == "users_email_key"


async def roles_of(pool: Pool, user_id: UUID) -> dict[str, str]:
    people = await PostgresPeople(pool).listed()
    (teams,) = [one["teams"] for one in people if one["id"] == user_id]
    return {one["team"]: one["role"] for one in teams}


def by_groups(**roles: Role) -> SignInPolicy:
    return SignInPolicy("all", {f"acme/{team}": role for team, role in roles.items()})


async def test_memberships_come_and_go_with_groups(
    identities: PostgresIdentities, pool: Pool
) -> None:
    for team in ("core", "web", "ops"):
        await PostgresPeople(pool).new_team(f"acme/{team}")
    ada = await signed(identities, ADA, by_groups(core="member", web="viewer", none="owner"))
    assert await roles_of(pool, ada) == {"acme/core": "member", "acme/web": "viewer"}
    later = replace(ADA, issued_at=NOON + MINUTE)
    await identities.sign_in(later, by_groups(core="admin", ops="member"))
    assert await roles_of(pool, ada) == {"acme/core": "admin", "acme/ops": "member"}
    # An older token brings nothing back, and one without groups in the settings leaves all alone.
    await identities.sign_in(ADA, by_groups(web="owner"))
    await identities.sign_in(later, ALL)
    assert await roles_of(pool, ada) == {"acme/core": "admin", "acme/ops": "member"}
    await identities.sign_in(later, by_groups())
    assert await roles_of(pool, ada) == {}


async def test_what_was_given_by_hand_stays(identities: PostgresIdentities, pool: Pool) -> None:
    people = PostgresPeople(pool)
    core, web = [await people.new_team(f"acme/{team}") for team in ("core", "web")]
    ada = await people.add(NewPerson("ada@example.org", "Ada"), (core, "viewer"))
    await identities.sign_in(ADA, by_groups(core="owner", web="viewer"))
    assert await roles_of(pool, ada) == {"acme/core": "viewer", "acme/web": "viewer"}
    user = await PostgresDirectory(pool).user_by_email("ada@example.org")
    await people.set_role(user, web, "admin")
    await identities.sign_in(ADA, by_groups())
    assert await roles_of(pool, ada) == {"acme/core": "viewer", "acme/web": "admin"}


async def test_the_last_owner_of_a_team_stays_without_the_group(
    identities: PostgresIdentities, pool: Pool
) -> None:
    core = await PostgresPeople(pool).new_team("acme/core")
    ada = await signed(identities, ADA, by_groups(core="owner"))
    await identities.sign_in(ADA, by_groups(core="viewer"))
    await identities.sign_in(ADA, by_groups())
    assert await roles_of(pool, ada) == {"acme/core": "owner"}
    await PostgresPeople(pool).add(NewPerson("bob@example.org", "Bob"), (core, "owner"))
    await identities.sign_in(ADA, by_groups())
    assert await roles_of(pool, ada) == {}
