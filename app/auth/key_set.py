"""JSON Web Key Sets (RFC 7517): the public keys of those who sign tokens.

A key checks one algorithm only, which follows from its type and never from the token: a token that
could choose would choose to be checked with the public key as a shared secret (RFC 8725 §3.1).
"""

import json
from collections.abc import Mapping, Sequence
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

MAX_SHOWN: Final = 5
"""Unusable keys that an error message names."""

MAX_KID, MAX_REASON = 100, 300
"""Characters that are shown of what an issuer wrote."""


class KeySetError(PipeloomError):
    """The keys cannot be had: the address does not answer, or not with a key set."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key and the one algorithm it checks."""

    algorithm: str
    key: Any


KeySet: TypeAlias = Mapping[str | None, VerificationKey]
"""Keys by `kid`; None for one without."""


@dataclass(frozen=True, slots=True)
class UnusableKey:
    """A member of a key set that checks no tokens here; `kid` as it is written in JSON."""

    kid: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kid}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PublishedKeys:
    """A key set: what of it can be used, and why the rest cannot."""

    usable: KeySet
    unusable: Sequence[UnusableKey]


class _Unusable(Exception):
    """Says why a key cannot be used."""


def parse(document: bytes) -> PublishedKeys:
    """Read a key set. Raises KeySetError if no key in it can be used, saying why.

    A key is left out if it is of another type, for encryption or too short, if its private part is
    published, or if a key before it has the same `kid`; and so are the keys beyond MAX_KEYS.
    """
    members = _members(document)
    keys: dict[str | None, VerificationKey] = {}
    unusable: list[UnusableKey] = []
    for jwk in members[:MAX_KEYS]:
        try:
            _add(keys, jwk)
        except _Unusable as refusal:
            unusable.append(UnusableKey(_kid_of(jwk), str(refusal)))
    if len(members) > MAX_KEYS:
        unusable.append(UnusableKey("the rest", f"only {MAX_KEYS} keys are read"))
    if not keys:
        raise KeySetError(_none_usable(unusable))
    return PublishedKeys(keys, unusable)


def _none_usable(unusable: Sequence[UnusableKey]) -> str:
    found = "; ".join(map(str, unusable[:MAX_SHOWN])) or "the list is empty"
    return f"expected an RSA, P-256 or Ed25519 key in the key set, got none ({found})"


def _kid_of(jwk: Any) -> str:
    """The name of a key for people, whatever stands in its place."""
    return json.dumps(jwk.get("kid") if isinstance(jwk, dict) else None)[:MAX_KID]


def _members(document: bytes) -> list[Any]:
    try:
        found = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise KeySetError("expected a JSON key set, got something else") from error
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list):
        raise KeySetError('expected a JSON object with a list "keys", got something else')
    return keys


def _add(keys: dict[str | None, VerificationKey], jwk: Any) -> None:
    """Add a key to those that can be used. Raises _Unusable."""
    if not isinstance(jwk, dict):
        raise _Unusable("it is not a JSON object")
    kid = jwk.get("kid")
    if not isinstance(jwk.get("kid", ""), str):
        raise _Unusable("its kid is not a text")
    key = _usable(jwk)
    if kid in keys:
        raise _Unusable("a key before it has the same kid")
    keys[kid] = key


def _usable(jwk: dict[str, Any]) -> VerificationKey:
    algorithm = _algorithm(jwk)
    _require_for_verifying(jwk)
    try:
        key = jwt.PyJWK(jwk, algorithm).key
    except Exception as error:  # whatever an odd key makes the libraries raise
        raise _Unusable(f"the library cannot read it: {error!a}"[:MAX_REASON]) from error
    if isinstance(key, RSAPublicKey) and key.key_size < MIN_RSA_BITS:
        raise _Unusable(f"it has {key.key_size} bits, fewer than {MIN_RSA_BITS}")
    return VerificationKey(algorithm, key)


def _algorithm(jwk: dict[str, Any]) -> str:
    kind, curve = jwk.get("kty"), jwk.get("crv")
    if not isinstance(kind, str) or not isinstance(curve, str | None):
        raise _Unusable("its kty or crv is not a text")
    algorithm = ALGORITHMS.get((kind, curve))
    if algorithm is None:
        of_curve = "" if curve is None else f" with crv {curve!a}"
        raise _Unusable(f"its kty is {kind!a}{of_curve}"[:MAX_REASON])
    if jwk.get("alg", algorithm) != algorithm:
        raise _Unusable(f"its alg is not {algorithm}")
    return algorithm


def _require_for_verifying(jwk: dict[str, Any]) -> None:
    """Raise _Unusable for a key that is not meant for verifying signatures (RFC 7517 §4.2, 4.3)."""
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig":
        raise _Unusable("its use is not sig")
    if not isinstance(operations, list) or "verify" not in operations:
        raise _Unusable("its key_ops do not include verify")
    if "d" in jwk:
        raise _Unusable("its private part is published, so anybody could sign with it")
