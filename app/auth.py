"""Tokens: who a client is. What it may do is looked up in the team (`Directory.role`).

JSON Web Tokens (RFC 7519) signed with HS256, through PyJWT: `sub` is `users.id`, `exp` is required.
"""

import os
import secrets
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import jwt

from crdt.errors import Unauthenticated
from crdt.session import Scope
from persistence.ports import Role, User

ALGORITHM = "HS256"
SECRET_FILE = "jwt-secret"  # noqa: S105 - the name of the file, not what is in it


class Tokens:
    """Issues and checks tokens with one secret."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, user: User, ttl: timedelta, now: datetime) -> str:
        """Sign a token for a user that expires `ttl` after `now`."""
        claims = {"sub": str(user.id), "email": user.email, "name": user.name, "exp": now + ttl}
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def verify(self, token: str) -> UUID:
        """Return the id of the token's user. Raises Unauthenticated, which says what is wrong."""
        if not token:
            raise Unauthenticated("token missing: connect with ?token=")
        try:
            claims = jwt.decode(
                token, self._secret, algorithms=[ALGORITHM], options={"require": ["exp", "sub"]}
            )
            return UUID(claims["sub"])
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("token expired: get a new one") from error
        except (jwt.InvalidTokenError, ValueError) as error:
            raise Unauthenticated("token invalid: get a new one") from error


def scope_of(role: Role) -> Scope:
    """What a role may do to a document: viewers read, everybody else writes."""
    return "readonly" if role == "viewer" else "read-write"


def secret_in(data_dir: Path) -> str:
    """Read the data directory's secret, generating it at first (mode 0600)."""
    path = data_dir / SECRET_FILE
    data_dir.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        _publish(path, secrets.token_urlsafe(48))
    return path.read_text()


def _publish(path: Path, secret: str) -> None:
    """Write the file under another name and link it: nobody ever reads half a secret."""
    if path.exists():
        return
    # Not named by process id: containers that share the directory are all process 1.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
