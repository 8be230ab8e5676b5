"""The keys of requests: their claims, their number and their end."""

import pytest

from persistence.ports.idempotency import KEPT_SECONDS, KeptAnswer
from persistence.postgres import idempotency
from persistence.postgres.deletions import PostgresDeletions
from persistence.postgres.idempotency import PostgresIdempotencyKeys
from persistence.postgres.pool import Pool
from tests.contracts.stores import Stores, an_id, stores_on

ANSWER = KeptAnswer(201, {"location": "/x"}, b"{}")


@pytest.fixture
async def stores(pool: Pool) -> Stores:
    prepared = stores_on(pool)
    await prepared.prepare()
    return prepared


async def test_a_claim_is_given_once_until_it_is_released(pool: Pool, stores: Stores) -> None:
    keys, user = PostgresIdempotencyKeys(pool), stores.author.id
    assert await keys.claim(user, b"k", b"f", an_id(1)) is None
    earlier = await keys.claim(user, b"k", b"g", an_id(2))
    assert earlier is not None
    assert (earlier.fingerprint, earlier.is_running, earlier.answer) == (b"f", True, None)
    await keys.release(user, an_id(1))
    assert await keys.claim(user, b"k", b"g", an_id(2)) is None
    await keys.keep(user, an_id(2), ANSWER)
    await keys.release(user, an_id(2))
    kept = await keys.claim(user, b"k", b"g", an_id(3))
    assert kept is not None
    assert (kept.is_running, kept.answer) == (False, ANSWER)


async def test_the_latest_keys_of_a_user_are_kept(
    pool: Pool, stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "MOST_KEYS", 2)
    keys, user = PostgresIdempotencyKeys(pool), stores.author.id
    for number in range(4):
        assert await keys.claim(user, b"%d" % number, b"f", an_id(number)) is None
        await keys.keep(user, an_id(number), ANSWER)
    assert await keys.claim(user, b"3", b"f", an_id(9)) is not None
    assert await keys.claim(user, b"0", b"f", an_id(10)) is None


async def test_keys_end_after_a_day(pool: Pool, stores: Stores) -> None:
    keys, user = PostgresIdempotencyKeys(pool), stores.author.id
    for number in range(2):
        await keys.claim(user, b"%d" % number, b"f", an_id(number))
        await keys.keep(user, an_id(number), ANSWER)
    assert await PostgresDeletions(pool).expire_keys() == 0
    await pool.run_script(
        f"UPDATE idempotency_keys SET created_at = now() - interval '{KEPT_SECONDS + 1} s'"
    )
    assert await keys.claim(user, b"0", b"f", an_id(5)) is None
    assert await PostgresDeletions(pool).expire_keys() == 1
