"""Which web pages may open WebSockets here. Browsers name the page's origin (RFC 6455 §10.2).

Other clients name none and are let in: the token decides about them, and about pages too. The list
is there so that a foreign page cannot even begin.
"""

from collections.abc import Collection
from urllib.parse import urlsplit

from app.settings import is_loopback


class Origins:
    """The allowed ones: those listed, "*" for any; by default pages of this very host."""

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allow(self, origin: str | None, host: str) -> bool:
        """Whether a request with these headers `Origin` and `Host` may go on."""
        if origin is None or "*" in self._allowed:
            return True
        if self._allowed:
            return origin.lower() in self._allowed
        return _is_same(_hostname(origin), _hostname(f"//{host}"))


def _is_same(one: str, other: str) -> bool:
    return bool(one) and (one == other or (is_loopback(one) and is_loopback(other)))


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
