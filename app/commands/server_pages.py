"""Reads single pages of a running server, such as its readiness: no API, no redirections."""

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from app.settings import is_local
from crdt.errors import PipeloomError

SECONDS: Final = 10.0
"""How long an answer may take."""


class ServerAway(PipeloomError):
    """The server cannot be asked."""


def fetch(url: str, token: str | None = None) -> tuple[int, str]:
    """The status and the text of a page. Raises ServerAway.

    A token goes along only where nobody on the way can read it.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ServerAway(f"expected an address such as http://host:8000, got {url!r}")
    is_safe = parts.scheme == "https" or is_local(url)
    headers = {"Authorization": f"Bearer {token}"} if token and is_safe else {}
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    asked = kind(parts.netloc.rpartition("@")[2], timeout=SECONDS)
    try:
        asked.request("GET", parts.path or "/", headers=headers)
        answer = asked.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        raise ServerAway(f"cannot reach {parts.netloc.rpartition('@')[2]}: {error}") from error
    finally:
        asked.close()
