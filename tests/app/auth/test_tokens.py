import base64
import hmac
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import jwt
import pytest

from app.auth.tokens import (
    FOREVER,
    LEEWAY,
    MAX_TOKEN_LENGTH,
    SECRET_FILE,
    SESSION,
    Claims,
    Expected,
    NotRenewable,
    Tokens,
    scope_of,
    secret_in,
)
from crdt.errors import Unauthenticated
from persistence.ports.directory import User
from tests.app.fakes import HeldClock
from tests.contracts.stores import NOON, an_id

SECRET = "a secret that is long enough for HS256"
ADA = User(an_id(5), "ada@example.org", "Ada")
LONG_AGO, FAR_AHEAD = datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET)


def signed(**claims: object) -> str:
    """A token with these claims instead of good ones; None leaves one out."""
    given = {"sub": str(ADA.id), "exp": FAR_AHEAD, **claims}
    return jwt.encode({name: c for name, c in given.items() if c is not None}, SECRET, "HS256")


def forged(algorithm: str) -> str:
    """A token that names another algorithm, signed with our secret nevertheless."""
    parts = {"alg": algorithm, "typ": "JWT"}, {"sub": str(ADA.id), "exp": 4_102_444_800}
    body = b".".join(_base64(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(SECRET.encode(), body, "sha256")
    return (body + b"." + _base64(signature)).decode()


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


async def test_a_token_names_its_user_and_its_end(tokens: Tokens) -> None:
    token = tokens.issue(ADA, HOUR, FAR_AHEAD)
    assert await tokens.verify(token) == Claims(ADA.id, FAR_AHEAD + HOUR + LEEWAY)
    claims: dict[str, Any] = jwt.decode(token, SECRET, ["HS256"])
    assert claims == {
        "sub": str(ADA.id),
        "email": "ada@example.org",
        "name": "Ada",
        "exp": int((FAR_AHEAD + HOUR).timestamp()),
    }


async def test_the_forger_of_these_tests_can_forge(tokens: Tokens) -> None:
    assert (await tokens.verify(forged("HS256"))).user_id == ADA.id


async def test_a_token_expires(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="expired"):
        await tokens.verify(tokens.issue(ADA, HOUR, LONG_AGO))


async def test_clocks_may_be_a_little_apart(tokens: Tokens) -> None:
    now = datetime.now(UTC)
    just_over = tokens.issue(ADA, -LEEWAY / 2, now)
    assert (await tokens.verify(just_over)).expires_at > now
    assert await tokens.verify(signed(nbf=now + LEEWAY / 2))


async def test_a_token_may_outlive_the_calendar(tokens: Tokens) -> None:
    assert (await tokens.verify(signed(exp=99_999_999_999_999))).expires_at == FOREVER
    assert (await tokens.verify(signed(exp=FOREVER))).expires_at == FOREVER


async def test_a_missing_token_is_called_missing(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="missing"):
        await tokens.verify("")


async def test_a_token_beyond_all_bounds_is_not_even_read(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="too long"):
        await tokens.verify("x" * (MAX_TOKEN_LENGTH + 1))


@pytest.mark.parametrize(
    "claims",
    [{}, {"iss": "loom", "aud": "weavers"}, {"iss": "mill", "aud": "spinners"}, {"iss": "loom"},
     {"aud": "spinners"}],
    ids=str,
)  # fmt: skip
async def test_a_token_of_or_for_somebody_else_is_refused(claims: dict[str, str]) -> None:
    """Issuer and audience are wrong or missing, one by one and together."""
    choosy = Tokens(SECRET, Expected("loom", "spinners"))
    with pytest.raises(Unauthenticated, match=r"get (a new )?one"):
        await choosy.verify(signed(**claims))


async def test_a_token_for_another_audience_is_refused_by_those_who_expect_none(
    tokens: Tokens,
) -> None:
    """RFC 7519 §4.1.3: who does not identify itself with a value in "aud" must reject it."""
    with pytest.raises(Unauthenticated, match="another service"):
        await tokens.verify(signed(aud="somebody else"))


async def test_who_expects_an_issuer_and_an_audience_issues_accordingly() -> None:
    choosy = Tokens(SECRET, Expected("loom", "spinners"))
    assert (await choosy.verify(choosy.issue(ADA, HOUR, FAR_AHEAD))).user_id == ADA.id
    assert await choosy.verify(signed(iss="loom", aud=["others", "spinners"]))


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(
            Tokens("another secret that is just as long").issue(ADA, HOUR, FAR_AHEAD), id="key"
        ),
        pytest.param(jwt.encode({"sub": str(ADA.id), "exp": FAR_AHEAD}, None, "none"), id="none"),
        pytest.param(forged("RS256"), id="RS256"),
        pytest.param(forged("HS512"), id="HS512"),
        pytest.param(signed(exp=None), id="no exp"),
        pytest.param(signed(sub=None), id="no sub"),
        pytest.param(signed(sub="ada@example.org"), id="sub is no UUID"),
        pytest.param(signed(sub=""), id="sub is empty"),
        pytest.param(signed(nbf=FAR_AHEAD), id="not yet valid"),
        pytest.param(signed()[:-4], id="cut"),
        pytest.param("not a token", id="nonsense"),
        pytest.param("\ud800.é.☃", id="not even ASCII"),
        pytest.param(_base64(b'{"alg":"HS256","x":' + b"[" * 5_000).decode() + ".e30.x", id="deep"),
    ],
)
async def test_anything_else_is_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unauthenticated, match="token invalid") as refused:
        await tokens.verify(token)
    assert refused.value.close_code == 4401


def test_viewers_read_and_everybody_else_writes() -> None:
    assert scope_of("viewer") == "readonly"
    assert {scope_of("owner"), scope_of("admin"), scope_of("member")} == {"read-write"}


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    data_dir = tmp_path / "not" / "there" / "yet"
    secret = secret_in(data_dir)
    assert len(secret) >= 32
    assert secret_in(data_dir) == secret
    assert [file.name for file in data_dir.iterdir()] == [SECRET_FILE]
    assert (data_dir / SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_no_two_installations_share_a_secret(tmp_path: Path) -> None:
    assert secret_in(tmp_path / "one") != secret_in(tmp_path / "two")


def test_all_who_start_at_once_get_one_secret(tmp_path: Path) -> None:
    start = Barrier(16)

    def read() -> str:
        start.wait()
        return secret_in(tmp_path)

    with ThreadPoolExecutor(16) as threads:
        found = {future.result() for future in [threads.submit(read) for _ in range(16)]}
    assert found == {(tmp_path / SECRET_FILE).read_text()}
    assert [file.name for file in tmp_path.iterdir()] == [SECRET_FILE]


def test_who_comes_second_takes_the_secret_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, firsts = os.link, []

    def overtaken(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        firsts.append(secret_in(tmp_path))
        link(source, target)

    monkeypatch.setattr(os, "link", overtaken)
    assert secret_in(tmp_path) == firsts[0]
    assert [file.name for file in tmp_path.iterdir()] == [SECRET_FILE]


async def test_a_session_is_renewed_until_it_ends(tokens: Tokens) -> None:
    first = tokens.begin_session(ADA, 3 * SESSION, FAR_AHEAD)
    claims = await tokens.verify(first.token)
    assert claims == Claims(ADA.id, FAR_AHEAD + SESSION + LEEWAY, FAR_AHEAD + 3 * SESSION)
    second = tokens.renew(ADA, claims, FAR_AHEAD + SESSION)
    assert (second.expires_at, second.renewable_until) == (
        FAR_AHEAD + 2 * SESSION,
        FAR_AHEAD + 3 * SESSION,
    )
    last = tokens.renew(ADA, await tokens.verify(second.token), FAR_AHEAD + 2.5 * SESSION)
    assert last.expires_at == FAR_AHEAD + 3 * SESSION
    with pytest.raises(NotRenewable, match="over"):
        tokens.renew(ADA, await tokens.verify(last.token), FAR_AHEAD + 3 * SESSION)


def test_a_session_lasts_as_long_as_one_token_at_least(tokens: Tokens) -> None:
    issued = tokens.begin_session(ADA, timedelta(0), FAR_AHEAD)
    assert issued.expires_at == issued.renewable_until == FAR_AHEAD + SESSION


@pytest.mark.parametrize("until", [None, True, "2100-01-01", 1e9, [], 10**30, -(10**30)])
async def test_a_token_with_another_end_of_its_session_cannot_be_renewed(
    tokens: Tokens, until: object
) -> None:
    claims = await tokens.verify(signed(renewable_until=until))
    assert claims.renewable_until is None
    with pytest.raises(NotRenewable, match="not one of a session"):
        tokens.renew(ADA, claims, FAR_AHEAD)


async def test_a_secret_is_exchanged_while_old_tokens_are_still_good() -> None:
    now = datetime.now(UTC)
    old, new = "the old secret, long enough for it", "the new secret, long enough for it"
    before, during, after = Tokens(old), Tokens(new, previous=old), Tokens(new)
    first, second = before.issue(ADA, HOUR, now), during.issue(ADA, HOUR, now)
    assert (await during.verify(first)).user_id == (await during.verify(second)).user_id == ADA.id
    assert (await after.verify(second)).user_id == ADA.id
    with pytest.raises(Unauthenticated, match="invalid"):
        await after.verify(first)
    with pytest.raises(Unauthenticated, match="expired"):
        await during.verify(before.issue(ADA, HOUR, now - 2 * HOUR))
    with pytest.raises(Unauthenticated, match="invalid"):
        await during.verify(Tokens("somebody else's, long enough for HS256").issue(ADA, HOUR, now))


async def test_a_subject_that_is_no_id_needs_an_issuer(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated, match="PIPELOOM_JWT_ISSUER"):
        await tokens.verify(signed(sub="auth0|abc"))


async def test_who_comes_again_is_known_until_the_token_expires(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = HeldClock()
    tokens = Tokens(SECRET, clock=clock)
    token = tokens.issue(ADA, timedelta(days=40_000), NOON)
    first = await tokens.verify(token)
    times = list[int]()
    decode = jwt.decode
    monkeypatch.setattr(jwt, "decode", lambda *a, **b: times.append(1) or decode(*a, **b))
    assert await tokens.verify(token) == first
    assert not times
    clock.seconds = timedelta(days=40_000).total_seconds() + LEEWAY.total_seconds()
    await tokens.verify(token)
    assert times


async def test_a_token_that_is_refused_is_refused_again(tokens: Tokens) -> None:
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="expired"):
            await tokens.verify(tokens.issue(ADA, HOUR, LONG_AGO))
