"""An issuer of tokens: it has keys, publishes them over real HTTP, and signs."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, ClassVar, Final, TypeAlias

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import get_default_algorithms

from tests.contracts.stores import an_id

ADA: Final = an_id(5)
HOUR: Final = timedelta(hours=1)

FAMILIES: Final[Mapping[str, Callable[[], Any]]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
STRANGE: Final[Mapping[str, Callable[[], Any]]] = {
    "RS256 too short": lambda: rsa.generate_private_key(65537, 1024),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA 448": ed448.Ed448PrivateKey.generate,
}

Jwk: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Signer:
    """A private key with its name."""

    algorithm: str
    private: Any
    kid: str | None

    def public(self, **members: Any) -> Jwk:
        """The key as it is published; `members` are added, None takes one away."""
        jwk = {**_jwk(self.algorithm, self.private.public_key()), "use": "sig", "kid": self.kid}
        return {name: value for name, value in (jwk | members).items() if value is not None}

    def private_jwk(self) -> Jwk:
        """The key as nobody should publish it."""
        return {**_jwk(self.algorithm, self.private), "kid": self.kid, "key_ops": ["verify"]}

    def sign(self, algorithm: str | None = None, **claims: Any) -> str:
        """A token for Ada; None among the claims leaves a usual one out."""
        usual = {"sub": str(ADA), "exp": datetime.now(UTC) + HOUR}
        said = {name: value for name, value in (usual | claims).items() if value is not None}
        headers = {} if self.kid is None else {"kid": self.kid}
        return jwt.encode(said, self.private, algorithm or self.algorithm, headers=headers)


def _jwk(algorithm: str, key: Any) -> Jwk:
    jwk: Jwk = json.loads(get_default_algorithms()[algorithm].to_jwk(key))
    return jwk


def signer(algorithm: str, kid: str | None = "first") -> Signer:
    """A signer of one of the families; keys of the same family and name are the same key."""
    return Signer(algorithm, _private(algorithm, kid), kid)


@cache
def _private(algorithm: str, _kid: str | None) -> Any:
    return FAMILIES[algorithm]()


def published(*keys: Jwk) -> bytes:
    """A key set."""
    return json.dumps({"keys": keys}).encode()


@dataclass
class Publisher:
    """Answers with `document` at `url`, counts, and does worse when told to."""

    document: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0
    fetches: int = 0
    url: str = ""
    answering: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.answering.set()


@contextmanager
def publishing(document: bytes = b"") -> Iterator[Publisher]:
    """Serve a key set on loopback."""
    publisher = Publisher(document)

    class Handler(BaseHTTPRequestHandler):
        publisher: ClassVar[Publisher]

        def do_GET(self) -> None:
            publisher.fetches += 1
            publisher.answering.wait()
            try:
                self._answer()
            except OSError:
                return

        def _answer(self) -> None:
            self.send_response(publisher.status)
            for name, value in publisher.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if not publisher.drip_seconds:
                self.wfile.write(publisher.document)
            while publisher.drip_seconds:
                self.wfile.write(b" ")
                time.sleep(publisher.drip_seconds)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    publisher.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield publisher
    finally:
        publisher.answering.set()
        publisher.drip_seconds = 0.0
        server.shutdown()
        thread.join()
        server.server_close()
