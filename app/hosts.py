"""By which names this server may be addressed (RFC 9110 §7.2), against DNS rebinding.

A page of any origin can have its own name lead to 127.0.0.1. To the browser it then asks itself, so
no rule on origins applies; only the header `Host` still says which name the browser went by. A
server that only this machine can reach therefore answers to names of this machine alone.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Final, Self

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.http import problem
from app.origins import host_name
from app.setting_values import listed
from app.settings import Settings, is_loopback
from app.telemetry.metrics import reject

PROBES: Final = frozenset({"/healthz", "/readyz"})
"""Paths for those who go by an address, and learn nothing that a stranger may not know."""

MOST_MET: Final = 100
"""Headers that are remembered as allowed: clients send few, and each request has one."""

LONGEST_MET: Final = 300
"""Characters of one that is remembered: names have 253 at most (RFC 1035 §2.3.4)."""

_logger = structlog.get_logger(__name__)


class Hosts:
    """The allowed names: those listed, "*" for any, and always those of this machine.

    Without a list any name will do, unless nobody but this machine can reach the server.
    """

    def __init__(self, allowed: Collection[str], *, is_local: bool = False) -> None:
        self._allowed = frozenset(name.lower() for name in allowed)
        self._allows_any = "*" in self._allowed or not (self._allowed or is_local)
        self._met: set[str] = set()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rule that the settings ask for."""
        return cls(listed(settings.allowed_hosts), is_local=is_loopback(settings.host))

    def allow(self, host: str | None) -> bool:
        """Whether a request with this header `Host` may go on; browsers always send one."""
        if host is None or self._allows_any or host in self._met:
            return True
        name = host_name(host)
        if name in self._allowed or is_loopback(name) or name.endswith(".localhost"):
            if len(self._met) < MOST_MET and len(host) <= LONGEST_MET:
                self._met.add(host)
            return True
        return False


class AllowedHosts:
    """ASGI middleware that answers to allowed names only: 421, and 403 to a WebSocket."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        host = Headers(scope=scope).get("host")
        if scope["path"] in PROBES or self._hosts.allow(host):
            await self._app(scope, receive, send)
            return
        _logger.warning("connection.host_refused", host=host)
        reject("host")
        if scope["type"] == "websocket":
            # Before it is accepted, a close is a 403 (ASGI, "Close - send event").
            await send({"type": "websocket.close"})
        else:
            await _misdirected(host)(scope, receive, send)


def _misdirected(host: str | None) -> ASGIApp:
    detail = (
        f"expected a name of this machine, got {host!r}: "
        "add it to PIPELOOM_ALLOWED_HOSTS if it leads here"
    )
    return problem(HTTPStatus.MISDIRECTED_REQUEST, "wrong_host", detail)
