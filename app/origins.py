"""Which web pages may use this server: one rule for WebSockets (RFC 6455 §10.2) and REST (CORS).

Browsers name the page's origin. Other clients name none and are let in: the token decides about
them, and about pages too. The rule is there so that a foreign page cannot even begin.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from app.settings import Settings, is_loopback


@dataclass(frozen=True, slots=True)
class _Place:
    """The host of an origin or of a header `Host`, without and with its port; "" if unreadable."""

    name: str
    with_port: str


class Origins:
    """The allowed ones: those listed, "*" for any, and always the server's own pages.

    Without a list, pages of this very host may come from any of its ports; and if nobody but this
    machine can reach the server (`is_local`), so may all pages of this machine. A request must be
    addressed to this machine by name for that: a foreign name may have been made to lead here (DNS
    rebinding).
    """

    def __init__(self, allowed: Collection[str], *, is_local: bool = False) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)
        self._is_local = is_local

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rule that the settings ask for."""
        return cls(settings.allowed_origins, is_local=is_loopback(settings.host))

    def allow(self, origin: str | None, host: str) -> bool:
        """Whether a request with these headers `Origin` and `Host` may go on."""
        if origin is None or "*" in self._allowed or origin.lower() in self._allowed:
            return True
        page, here = _place(origin), _place(f"//{host}")
        if not page.name:
            return False
        return page == here or (not self._allowed and self._is_near(page.name, here.name))

    def _is_near(self, page: str, here: str) -> bool:
        if is_loopback(page):
            return self._is_local and is_loopback(here)
        return page == here


def host_name(host: str) -> str:
    """Return the name in a header `Host`, without its port and in lower case; "" if unreadable."""
    return _place(f"//{host}").name


def _place(url: str) -> _Place:
    try:
        parts = urlsplit(url)
        return _Place(parts.hostname or "", parts.netloc.lower())
    except ValueError:
        return _Place("", "")
