"""Tokens of an issuer whose keys come over real HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from app.auth.https_fetch import Source
from app.auth.jwks import KeySetTokens, RefreshPolicy
from app.auth.tokens import Expected
from crdt.errors import Overloaded, Unauthenticated
from persistence.worker.retries import Backoff
from tests.app.fakes import HeldClock
from tests.app.issuer import ADA, FAMILIES, Publisher, Signer, published, publishing, signer
from tests.server import eventually

POLICY = RefreshPolicy(lifetime=300.0, grace=3600.0, cooldown=10.0)
FIRST, SECOND = signer("ES256", "first"), signer("ES256", "second")


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing(published(FIRST.public())) as publisher:
        yield publisher


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def tokens(publisher: Publisher, clock: HeldClock) -> KeySetTokens:
    return KeySetTokens(Source(publisher.url).fetch, policy=POLICY, clock=clock)


async def refused(tokens: KeySetTokens, token: str, why: str = "token invalid") -> None:
    with pytest.raises(Unauthenticated, match=why):
        await tokens.verify(token)


@pytest.mark.parametrize("algorithm", FAMILIES)
@pytest.mark.parametrize("kid", ["first", None])
async def test_a_token_is_checked_with_the_published_key(
    tokens: KeySetTokens, publisher: Publisher, algorithm: str, kid: str | None
) -> None:
    key = signer(algorithm, kid)
    publisher.document = published(key.public())
    assert (await tokens.verify(key.sign())).user_id == ADA


@pytest.mark.parametrize("algorithm", FAMILIES)
async def test_a_token_signed_by_another_key_of_that_name_is_refused(
    tokens: KeySetTokens, publisher: Publisher, algorithm: str
) -> None:
    publisher.document = published(signer(algorithm, "first").public())
    forger = Signer(algorithm, signer(algorithm, "forger").private, "first")
    await refused(tokens, forger.sign())


@pytest.mark.parametrize("algorithm", FAMILIES)
async def test_a_token_does_not_choose_the_algorithm_of_its_key(
    tokens: KeySetTokens, publisher: Publisher, algorithm: str
) -> None:
    publisher.document = published(*(signer(one, one).public() for one in FAMILIES))
    for other in set(FAMILIES) - {algorithm}:
        await refused(tokens, Signer(algorithm, signer(algorithm).private, other).sign())


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
async def test_other_uses_of_an_rsa_key_are_refused(
    tokens: KeySetTokens, publisher: Publisher, algorithm: str
) -> None:
    key = signer("RS256")
    publisher.document = published(key.public())
    await refused(tokens, key.sign(algorithm))


async def test_a_public_key_is_no_shared_secret(
    tokens: KeySetTokens, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = signer("RS256")
    publisher.document = published(key.public())
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    # PyJWT does not sign with such a secret; a forger would.
    monkeypatch.setattr(jwt.algorithms, "is_pem_format", lambda _: False)
    claims: dict[str, Any] = jwt.decode(key.sign(), options={"verify_signature": False})
    await refused(tokens, jwt.encode(claims, pem, "HS256", headers={"kid": "first"}))
    assert (await tokens.verify(key.sign())).user_id == ADA


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(jwt.encode({"sub": str(ADA), "exp": 9e9}, None, "none"), id="unsigned"),
        pytest.param("garbage", id="garbage"),
        pytest.param("a.b.c", id="no header"),
        pytest.param("\ud800.é.☃", id="not even ASCII"),
        pytest.param(FIRST.sign()[:-4], id="cut"),
        pytest.param(FIRST.sign(exp=None), id="no end"),
        pytest.param(FIRST.sign(sub="ada@example.org"), id="no user id"),
    ],
)
async def test_anything_else_is_refused(tokens: KeySetTokens, token: str) -> None:
    await refused(tokens, token)


async def test_no_token_and_an_expired_one_are_called_so(tokens: KeySetTokens) -> None:
    await refused(tokens, "", "missing")
    await refused(tokens, FIRST.sign(exp=1_000_000_000), "expired")


async def test_issuer_and_audience_are_checked(publisher: Publisher) -> None:
    tokens = KeySetTokens(Source(publisher.url).fetch, Expected("https://issuer", "pipeloom"))
    assert await tokens.verify(FIRST.sign(iss="https://issuer", aud=["pipeloom", "others"]))
    await refused(tokens, FIRST.sign(iss="https://issuer", aud="others"), "another service")
    await refused(tokens, FIRST.sign(iss="https://mallory", aud="pipeloom"), "another service")
    await refused(tokens, FIRST.sign(iss="https://issuer"), "another service")


async def test_a_known_key_is_fetched_once(tokens: KeySetTokens, publisher: Publisher) -> None:
    for _ in range(100):
        await tokens.verify(FIRST.sign())
    assert publisher.fetches == 1


async def test_a_known_key_waits_for_nothing(tokens: KeySetTokens) -> None:
    await tokens.verify(FIRST.sign())
    with pytest.raises(StopIteration):
        tokens.verify(FIRST.sign()).send(None)


async def test_a_new_key_is_fetched_when_it_is_first_used(
    tokens: KeySetTokens, publisher: Publisher, clock: HeldClock
) -> None:
    await tokens.verify(FIRST.sign())
    publisher.document = published(SECOND.public())
    clock.seconds += POLICY.cooldown
    assert await tokens.verify(SECOND.sign())
    await refused(tokens, FIRST.sign(), "unknown key")


async def test_a_token_that_was_good_is_refused_when_its_key_is_withdrawn(
    tokens: KeySetTokens, publisher: Publisher, clock: HeldClock
) -> None:
    token = FIRST.sign()
    for _ in range(2):
        assert await tokens.verify(token)
    publisher.document = published(SECOND.public())
    clock.seconds += POLICY.cooldown
    assert await tokens.verify(SECOND.sign())
    await refused(tokens, token, "unknown key")


async def test_tokens_with_unknown_keys_do_not_make_a_storm(
    tokens: KeySetTokens, publisher: Publisher, clock: HeldClock
) -> None:
    await tokens.verify(FIRST.sign())
    hostile = [Signer("ES256", SECOND.private, f"random {n}").sign() for n in range(300)]
    for _ in range(3):
        clock.seconds += POLICY.cooldown
        results = await asyncio.gather(
            *map(tokens.verify, hostile), tokens.verify(FIRST.sign()), return_exceptions=True
        )
        assert {type(result) for result in results[:-1]} == {Unauthenticated}
        assert not isinstance(results[-1], BaseException)
    assert publisher.fetches == 1 + 3


async def test_who_waits_for_a_fetch_does_so_for_the_same_and_nobody_else_waits(
    tokens: KeySetTokens, publisher: Publisher, clock: HeldClock
) -> None:
    await tokens.verify(FIRST.sign())
    publisher.document = published(FIRST.public(), SECOND.public())
    publisher.answering.clear()
    clock.seconds += POLICY.cooldown
    waiting = [asyncio.create_task(tokens.verify(SECOND.sign())) for _ in range(20)]
    # Those tasks have not begun, so the fetch is still to come.
    await until_fetched(publisher, 1)
    assert (await tokens.verify(FIRST.sign())).user_id == ADA
    assert not any(task.done() for task in waiting)
    waiting.pop().cancel()
    publisher.answering.set()
    assert {claims.user_id for claims in await asyncio.gather(*waiting)} == {ADA}
    assert publisher.fetches == 2


@pytest.mark.parametrize(
    "breakdown",
    [{"status": 500}, {"document": b"<html>"}, {"document": published()},
     {"document": b"x" * 300_000}, {"status": 302, "headers": {"Location": "http://localhost/"}}],
    ids=str,
)  # fmt: skip
async def test_known_keys_outlive_an_outage_for_a_while(
    tokens: KeySetTokens, publisher: Publisher, clock: HeldClock, breakdown: dict[str, Any]
) -> None:
    good = FIRST.sign()
    await tokens.verify(good)
    healthy, publisher.document = publisher.document, b""
    for name, value in breakdown.items():
        setattr(publisher, name, value)
    clock.seconds = POLICY.lifetime + POLICY.grace
    assert await tokens.verify(good)
    with pytest.raises(Overloaded, match="try again"):
        await tokens.verify(SECOND.sign())
    assert await tokens.verify(good)
    clock.seconds += 1
    with pytest.raises(Overloaded):
        await tokens.verify(good)
    publisher.document, publisher.status = healthy, 200
    clock.seconds += POLICY.cooldown
    assert await tokens.verify(good)


async def test_an_address_that_is_away_is_not_asked_by_every_token(
    tokens: KeySetTokens, publisher: Publisher
) -> None:
    publisher.status = 503
    for _ in range(50):
        with pytest.raises(Overloaded):
            await tokens.verify(FIRST.sign())
    assert publisher.fetches == 1


async def test_keys_are_fetched_again_without_being_asked_for(publisher: Publisher) -> None:
    policy = RefreshPolicy(lifetime=0.01, cooldown=1000.0, retries=Backoff(0.01, 0.01))
    tokens = KeySetTokens(Source(publisher.url).fetch, policy=policy)
    async with kept_fresh(tokens):
        assert await tokens.verify(FIRST.sign())
        publisher.status = 500
        await until_fetched(publisher, 3)
        publisher.document, publisher.status = published(SECOND.public()), 200
        await until_fetched(publisher, 3)
        assert await tokens.verify(SECOND.sign())
        await refused(tokens, FIRST.sign(), "unknown key")


async def test_a_key_that_cannot_be_used_is_logged_when_it_appears(
    tokens: KeySetTokens, publisher: Publisher, clock: HeldClock
) -> None:
    odd, other = SECOND.public(use="enc"), signer("RS256", "third").public(alg="RS512")
    with capture_logs() as logs:
        for keys in ([odd], [odd], [odd, other], [other], [odd, other]):
            publisher.document = published(FIRST.public(), *keys)
            clock.seconds += POLICY.cooldown
            await refused(tokens, SECOND.sign(), "unknown key")
    enc, alg = "its use is not sig", "its alg is not RS256"
    assert [(entry["event"], entry["kid"], entry["reason"]) for entry in logs] == [
        ("keys.unusable", '"second"', enc),
        ("keys.unusable", '"third"', alg),
        ("keys.unusable", '"second"', enc),
    ]


async def test_a_key_set_without_a_usable_key_is_logged_with_the_reason(
    tokens: KeySetTokens, publisher: Publisher
) -> None:
    publisher.document = published(FIRST.public(use="enc"))
    with capture_logs() as logs, pytest.raises(Overloaded):
        await tokens.verify(FIRST.sign())
    assert [entry["event"] for entry in logs] == ["keys.not_fetched"]
    assert '"first": its use is not sig' in logs[0]["error"]


async def until_fetched(publisher: Publisher, times: int) -> None:
    """Wait for so many fetches more: the last but one of them has been read."""
    goal = publisher.fetches + times

    async def reached() -> bool:
        return publisher.fetches >= goal

    await eventually(f"{times} fetches", reached)


@asynccontextmanager
async def kept_fresh(tokens: KeySetTokens) -> AsyncIterator[None]:
    task = asyncio.create_task(tokens.keep_fresh())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
