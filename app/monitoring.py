"""What operators look at: `/metrics`, and the samples that are taken in the background for it."""

import asyncio
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import structlog
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from persistence.errors import StoreError
from persistence.pool import Pool

from . import metrics
from .http import CHALLENGE, problem
from .settings import is_loopback

LAG_EVERY: Final = 15.0
"""Seconds between two looks at how far the tables are behind."""

LOOP_EVERY: Final = 0.5
"""Seconds between two looks at how late the event loop is."""

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers of a request that did not begin on this machine, whatever its address says."""

_logger = structlog.get_logger(__name__)


class Observed(Protocol):
    """What there is to count at the moment somebody asks; see `app.main.Services`."""

    @property
    def rooms(self) -> int: ...

    @property
    def sessions(self) -> Mapping[str, int]:
        """Clients in rooms, by protocol."""
        ...

    @property
    def depths(self) -> Sequence[int]:
        """How many bytes wait for each connection."""
        ...

    @property
    def pending_bytes(self) -> int: ...


class MetricsPage:
    """Answers `/metrics`: to this machine, and to whoever shows the configured token."""

    def __init__(self, observed: Observed, token: str | None) -> None:
        self._observed, self._token = observed, token

    async def answer(self, request: Request) -> Response:
        """See the class."""
        if not (_is_from_here(request) or self._is_shown(request)):
            detail = "send the token of PIPELOOM_METRICS_TOKEN: Authorization: Bearer …"
            return problem(401, "Unauthorized", detail, headers=CHALLENGE)
        self._look()
        return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)

    def _is_shown(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return (
            self._token is not None
            and scheme.lower() == "bearer"
            and hmac.compare_digest(token.strip().encode(), self._token.encode())
        )

    def _look(self) -> None:
        depths = self._observed.depths
        metrics.CONNECTIONS.set(len(depths))
        metrics.OUTBOX_BYTES.set(sum(depths))
        metrics.OUTBOX_MAX_BYTES.set(max(depths, default=0))
        metrics.ROOMS.set(self._observed.rooms)
        metrics.PENDING_BYTES.set(self._observed.pending_bytes)
        for protocol, count in self._observed.sessions.items():
            metrics.SESSIONS.labels(protocol).set(count)


def _is_from_here(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    return is_loopback(request.client.host)


async def watch_projections(pool: Pool) -> None:
    """Note now and then how far the tables are behind, until cancelled."""
    while True:
        try:
            for row in await pool.fetch("projection_lag"):
                metrics.PROJECTION_LAG_UPDATES.set(row["updates"])
                metrics.PROJECTION_LAG_SECONDS.set(row["seconds"])
        except StoreError as error:
            _logger.warning("metrics.lag_unknown", error=str(error))
        await asyncio.sleep(LAG_EVERY)


async def watch_loop() -> None:
    """Note how late the event loop is, until cancelled."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(LOOP_EVERY)
        metrics.LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - asked - LOOP_EVERY))
