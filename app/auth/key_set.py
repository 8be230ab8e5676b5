"""JSON Web Key Sets (RFC 7517): the public keys of those who sign tokens.

A key checks one algorithm only, which follows from its type and never from the token: a token that
could choose would choose to be checked with the public key as a shared secret (RFC 8725 §3.1).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from crdt.errors import PipeloomError

ALGORITHMS: Final[Mapping[tuple[str, str | None], str]] = {
    ("RSA", None): "RS256",
    ("EC", "P-256"): "ES256",
    ("OKP", "Ed25519"): "EdDSA",
}
"""The algorithm of each type of key and curve (RFC 7518 §3.1, RFC 8037 §3.1)."""

MIN_RSA_BITS: Final = 2048
"""RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used"."""

MAX_KEYS: Final = 100


class KeySetError(PipeloomError):
    """The keys cannot be had: the address does not answer, or not with a key set."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm it checks."""

    algorithm: str
    key: Any


KeySet: TypeAlias = Mapping[str | None, VerificationKey]
"""Keys by `kid`; None for one without."""


def parse(document: bytes) -> KeySet:
    """Read a key set. What is not for us in it is left out. Raises KeySetError if nothing is left.

    Left out are keys of other types, for encryption, too short ones, and those whose private part
    is published.
    """
    keys: dict[str | None, VerificationKey] = {}
    for jwk in _members(document)[:MAX_KEYS]:
        if key := _usable(jwk):
            keys.setdefault(jwk.get("kid"), key)
    if not keys:
        raise KeySetError("expected an RSA, P-256 or Ed25519 key in the key set, got none")
    return keys


def _members(document: bytes) -> list[dict[str, Any]]:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise KeySetError("expected a JSON key set, got something else") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise KeySetError('expected a JSON object with a list "keys", got something else')
    return [jwk for jwk in keys if isinstance(jwk, dict)]


def _usable(jwk: dict[str, Any]) -> VerificationKey | None:
    algorithm = _algorithm(jwk)
    if algorithm is None or not isinstance(jwk.get("kid", ""), str) or not _is_for_checking(jwk):
        return None
    try:
        key = jwt.PyJWK(jwk, algorithm).key
    except Exception:  # whatever an odd key makes the libraries say, the others are still good
        return None
    is_short = isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS
    return None if is_short else VerificationKey(algorithm, key)


def _algorithm(jwk: dict[str, Any]) -> str | None:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        return None
    algorithm = ALGORITHMS.get((kind, curve))
    return algorithm if jwk.get("alg", algorithm) == algorithm else None


def _is_for_checking(jwk: dict[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    return (
        jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in jwk
    )
