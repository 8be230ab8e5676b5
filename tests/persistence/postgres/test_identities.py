"""What only PostgreSQL shows of identities: what is at once, and rows.

The rest is in `tests/contracts/test_identities.py`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import pytest

from persistence.errors import UnknownSubject
from persistence.ports.directory import Role
from persistence.ports.identities import Identity, SignInPolicy
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


async def test_somebody_new_is_created_once(identities: PostgresIdentities, pool: Pool) -> None:
    found = await asyncio.gather(*(identities.sign_in(ADA, ALL) for _ in range(8)))
    assert len(set(found)) == 1
    made = dict(await row(pool, found[0]))
    assert made == {"email": "ada@example.org", "name": "Ada", "email_unproven": False}


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
