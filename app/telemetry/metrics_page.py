"""The page `/metrics`, and the samples that are taken in the background for it."""

import asyncio
import hmac
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import structlog
from prometheus_client import generate_latest, make_wsgi_app, start_http_server
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from app.http import CHALLENGE, problem
from app.settings import SettingsError, is_loopback
from persistence.errors import StoreError
from persistence.ports.projections import ProjectionLagReader

from . import metrics
from .multiprocess_metrics import MultiprocessMetrics
from .worker_health import HEALTH

LAG_EVERY: Final = 15.0
"""Seconds between two samples of how far the tables are behind."""

LOOP_EVERY: Final = 0.5
"""Seconds between two samples of how late the event loop is."""

FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that a proxy adds: the request began elsewhere, whatever the address of its socket."""

_logger = structlog.get_logger(__name__)


class Observed(Protocol):
    """What is read at the moment when the page is asked for; see `app.main.Services`."""

    @property
    def connections(self) -> int: ...

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

    @property
    def commits_failing_for(self) -> float:
        """For how many seconds no edit could be stored."""
        ...

    def sample_shapes(self) -> None:
        """Set the metrics of shapes."""
        ...


class MetricsPage:
    """Answers `/metrics` to this machine, and to requests with the configured token.

    With `multiprocess_metrics` the page has the metrics of all processes.
    """

    def __init__(
        self,
        observed: Observed,
        token: str | None,
        multiprocess_metrics: MultiprocessMetrics | None = None,
    ) -> None:
        self._observed, self._token = observed, token
        self._multiprocess_metrics = multiprocess_metrics

    async def answer(self, request: Request) -> Response:
        """See the class."""
        if not (_is_local(request) or self._has_token(request)):
            detail = "send the token of PIPELOOM_METRICS_TOKEN: Authorization: Bearer …"
            return problem(401, "unauthenticated", detail, headers=CHALLENGE)
        page = (
            self.own()
            if self._multiprocess_metrics is None
            else await self._multiprocess_metrics.page()
        )
        return Response(page, media_type=CONTENT_TYPE_LATEST)

    def own(self) -> bytes:
        """Return the page of this process alone."""
        self._sample()
        return generate_latest(metrics.REGISTRY)

    def _has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return (
            self._token is not None
            and scheme.lower() == "bearer"
            and hmac.compare_digest(token.strip().encode(), self._token.encode())
        )

    def _sample(self) -> None:
        depths = self._observed.depths
        metrics.CONNECTIONS.set(self._observed.connections)
        metrics.OUTBOX_BYTES.set(sum(depths))
        metrics.OUTBOX_MAX_BYTES.set(max(depths, default=0))
        metrics.ROOMS.set(self._observed.rooms)
        metrics.PENDING_BYTES.set(self._observed.pending_bytes)
        metrics.COMMITS_FAILING_SECONDS.set(self._observed.commits_failing_for)
        self._observed.sample_shapes()
        for protocol, count in self._observed.sessions.items():
            metrics.SESSIONS.labels(protocol).set(count)


@contextmanager
def worker_page(port: int | None) -> Iterator[int | None]:
    """Serve the metrics of a worker, and whether it is well, on 127.0.0.1 while the block runs.

    Yields the port. `/healthz` and `/readyz` answer as `worker_health.py` says.

    Raises SettingsError when the port is taken.
    """
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, "127.0.0.1", metrics.WORKER_REGISTRY)
    except OSError as error:
        reason = f"cannot show metrics on 127.0.0.1 port {port}: {error.strerror}"
        raise SettingsError(f"{reason}; choose another --metrics-port") from error
    server.set_app(HEALTH.beside(make_wsgi_app(metrics.WORKER_REGISTRY)))
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _is_local(request: Request) -> bool:
    """Whether a program of this machine asks; a page by another name is none (`app/hosts.py`)."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    return is_loopback(request.client.host) and is_loopback(request.url.hostname or "")


async def watch_projections(projections: ProjectionLagReader) -> None:
    """Sample every LAG_EVERY seconds how far the tables are behind, until cancelled."""
    while True:
        try:
            lag = await projections.lag()
            metrics.PROJECTION_LAG_UPDATES.set(lag.updates)
            metrics.PROJECTION_LAG_SECONDS.set(lag.seconds)
        except StoreError as error:
            _logger.warning("metrics.lag_unknown", error=str(error))
        await asyncio.sleep(LAG_EVERY)


async def watch_loop() -> None:
    """Sample every LOOP_EVERY seconds how late the event loop is, until cancelled."""
    while True:
        started = time.perf_counter()
        await asyncio.sleep(LOOP_EVERY)
        metrics.LOOP_LAG_SECONDS.observe(max(0.0, time.perf_counter() - started - LOOP_EVERY))
