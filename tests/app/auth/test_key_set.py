import json
from typing import Any

import pytest

from app.auth.key_set import MAX_KEYS, KeySetError, parse
from tests.app.issuer import FAMILIES, STRANGE, Jwk, Signer, published, signer

GOOD = signer("ES256", "good").public()


@pytest.mark.parametrize("algorithm", FAMILIES)
@pytest.mark.parametrize("named", [True, False])
def test_the_type_of_a_key_decides_what_it_checks(algorithm: str, named: bool) -> None:
    key = signer(algorithm).public(alg=algorithm if named else None)
    assert {kid: key.algorithm for kid, key in parse(published(key)).items()} == {
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


@pytest.mark.parametrize("kind", strange())
def test_what_is_not_for_us_is_passed_over(kind: str) -> None:
    odd = strange()[kind]
    assert set(parse(published(odd, GOOD))) == {"good"}
    with pytest.raises(KeySetError, match="got none"):
        parse(published(odd))


def test_of_two_keys_with_one_name_the_first_counts() -> None:
    keys = parse(published(GOOD, signer("EdDSA", "good").public()))
    assert keys["good"].algorithm == "ES256"


def test_a_key_may_have_no_name() -> None:
    assert set(parse(published(signer("EdDSA", None).public()))) == {None}


@pytest.mark.parametrize(
    "document",
    [b"", b"<html>", b"\xff", b"[]", b"7", b'{"keys": {}}', b'{"keys": []}', b"{}",
     b'{"keys": ' + b"[" * 100_000],
    ids=lambda document: document[:12].decode(errors="replace"),
)  # fmt: skip
def test_what_is_no_key_set_is_said_so(document: bytes) -> None:
    with pytest.raises(KeySetError, match="expected"):
        parse(document)


def test_no_more_keys_are_read_than_anybody_needs() -> None:
    many: list[Jwk] = [GOOD | {"kid": str(number)} for number in range(MAX_KEYS + 1)]
    assert len(parse(json.dumps({"keys": many}).encode())) == MAX_KEYS
