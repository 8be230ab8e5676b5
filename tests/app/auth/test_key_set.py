import json
from typing import Any

import pytest

from app.auth.key_set import MAX_KEYS, KeySetError, UnusableKey, parse
from tests.app.issuer import FAMILIES, STRANGE, Jwk, Signer, published, signer

GOOD = signer("ES256", "good").public()


@pytest.mark.parametrize("algorithm", FAMILIES)
@pytest.mark.parametrize("named", [True, False])
def test_the_type_of_a_key_decides_what_it_checks(algorithm: str, named: bool) -> None:
    key = signer(algorithm).public(alg=algorithm if named else None)
    assert {kid: key.algorithm for kid, key in parse(published(key)).usable.items()} == {
        "first": algorithm
    }


def strange() -> dict[str, Any]:
    """Members of a key set that are not for us."""
    rsa, okp = signer("RS256").public(), signer("EdDSA").public()
    short, p384, ed448 = (
        Signer(name.split()[0], make(), "odd").public() for name, make in STRANGE.items()
    )
    return {
        "a shared secret": {"kty": "oct", "k": "c2VjcmV0", "kid": "odd", "alg": "HS256"},
        "another algorithm": rsa | {"alg": "RS512"},
        "padding of another kind": rsa | {"alg": "PS256"},
        "no algorithm at all": rsa | {"alg": "none"},
        "an algorithm that is no text": rsa | {"alg": 256},
        "a private key": signer("RS256").private_jwk(),
        "for encryption": rsa | {"use": "enc"},
        "for signing alone": rsa | {"key_ops": ["sign"]},
        "for no list of operations": rsa | {"key_ops": "verify"},
        "too short": short,
        "a longer curve": p384,
        "another Edwards curve": ed448,
        "an unknown curve": okp | {"crv": ["Ed25519"]},
        "an unknown type": okp | {"kty": "XYZ"},
        "no type": okp | {"kty": None},
        "a type that is no text": okp | {"kty": {}},
        "a name that is no text": okp | {"kid": 7},
        "not on its curve": GOOD | {"kid": "odd", "x": GOOD["y"]},
        "without its number": {"kty": "RSA", "kid": "odd", "e": "AQAB"},
        "numbers that are none": rsa | {"n": 5, "e": []},
        "not even an object": "key",
    }


REASONS = {
    "a shared secret": "kty is 'oct'",
    "another algorithm": "alg is not RS256",
    "padding of another kind": "alg is not RS256",
    "no algorithm at all": "alg is not RS256",
    "an algorithm that is no text": "alg is not RS256",
    "a private key": "private part is published",
    "for encryption": "use is not sig",
    "for signing alone": "key_ops do not include verify",
    "for no list of operations": "key_ops do not include verify",
    "too short": "1024 bits, fewer than 2048",
    "a longer curve": "kty is 'EC' with crv 'P-384'",
    "another Edwards curve": "kty is 'OKP' with crv 'Ed448'",
    "an unknown curve": "kty or crv is not a text",
    "an unknown type": "kty is 'XYZ' with crv 'Ed25519'",
    "no type": "kty or crv is not a text",
    "a type that is no text": "kty or crv is not a text",
    "a name that is no text": "kid is not a text",
    "not on its curve": "the library cannot read it",
    "without its number": "the library cannot read it",
    "numbers that are none": "the library cannot read it",
    "not even an object": "not a JSON object",
}


@pytest.mark.parametrize("kind", strange())
def test_what_is_not_for_us_is_left_out_with_the_reason(kind: str) -> None:
    odd = strange()[kind]
    found = parse(published(odd, GOOD))
    assert set(found.usable) == {"good"}
    (unusable,) = found.unusable
    assert REASONS[kind] in unusable.reason
    assert unusable.kid == json.dumps(odd.get("kid") if isinstance(odd, dict) else None)
    with pytest.raises(KeySetError, match=f"got none .*{REASONS[kind]}"):
        parse(published(odd))


def test_of_two_keys_with_one_name_the_first_counts() -> None:
    found = parse(published(GOOD, signer("EdDSA", "good").public()))
    assert found.usable["good"].algorithm == "ES256"
    assert found.unusable == [UnusableKey('"good"', "a key before it has the same kid")]


def test_a_key_set_without_keys_is_called_empty() -> None:
    with pytest.raises(KeySetError, match="the list is empty"):
        parse(published())


def test_however_odd_the_keys_are_the_error_stays_short() -> None:
    odd: list[Jwk] = [{"kty": "\ud800" * 10_000, "kid": "k" * 10_000} for _ in range(MAX_KEYS)]
    with pytest.raises(KeySetError) as refusal:
        parse(published(*odd))
    assert len(str(refusal.value).encode()) < 3_000


def test_a_key_may_have_no_name() -> None:
    assert set(parse(published(signer("EdDSA", None).public())).usable) == {None}


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"\xff", b"[]", b"7", b'{"keys": {}}', b'{"keys": []}', b"{}",
     b'{"keys": ' + b"[" * 100_000],
    ids=lambda document: document[:12].decode(errors="replace"),
)  # fmt: skip
def test_what_is_no_key_set_is_refused_with_the_reason(document: bytes) -> None:
    with pytest.raises(KeySetError, match="expected"):
        parse(document)


def test_no_more_keys_are_read_than_anybody_needs() -> None:
    many: list[Jwk] = [GOOD | {"kid": str(number)} for number in range(MAX_KEYS + 1)]
    found = parse(json.dumps({"keys": many}).encode())
    assert len(found.usable) == MAX_KEYS
    assert found.unusable == [UnusableKey("the rest", f"only {MAX_KEYS} keys are read")]
