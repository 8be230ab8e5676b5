"""Chooses what answers requests for shapes, and gives it its limits."""

import secrets
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Protocol

from starlette.routing import BaseRoute, Route

from app.api.core.cors import Cors
from app.auth.tokens import Verifier
from app.clock import Clock
from app.http import Checks
from app.origins import Origins
from app.settings import Settings
from app.shapes.answers import Engine
from app.shapes.conditions import ConditionLimits
from app.shapes.electric_query import Handles
from app.shapes.endpoint import ShapeEndpoint, ShapeHealth
from app.shapes.engine import NativeEngine
from app.shapes.messages import HEADERS
from app.shapes.parameters import RequestLimits
from app.shapes.shape import ShapeLimits
from app.shapes.shape_log import LogLimits
from app.shapes.syntax import SyntaxLimits
from persistence.ports.shapes import ShapeChanges, ShapeReader


class RunningEngine(Engine, Protocol):
    """An engine that a server has: it runs beside the requests, and ends with the server."""

    async def run(self) -> None:
        """Do what is to be done all the time, until cancelled."""
        ...

    def close(self) -> None:
        """End live requests now, and refuse further ones."""
        ...

    def sample(self) -> None:
        """Set the metrics that are read when the page is asked for."""
        ...


@dataclass(frozen=True, slots=True)
class ShapeService:
    """What answers `/v1`: the engine, the routes to it, and what `/readyz` says of it."""

    engine: RunningEngine
    routes: list[BaseRoute]
    checks: Checks = field(default_factory=dict)


def shapes_for(
    settings: Settings, reader: ShapeReader, changes: ShapeChanges, tokens: Verifier, clock: Clock
) -> ShapeService:
    """Build the engine that the settings ask for, and its routes."""
    engine, checks = _engine(settings, reader, changes, clock)
    origins = Origins.of(settings)
    shape = Cors(ShapeEndpoint(engine, tokens, _request_limits(settings)), origins, HEADERS)
    health = Cors(ShapeHealth(engine), origins, ())
    return ShapeService(engine, [Route("/v1/shape", shape), Route("/v1/health", health)], checks)


def _engine(
    settings: Settings, reader: ShapeReader, changes: ShapeChanges, clock: Clock
) -> tuple[RunningEngine, Checks]:
    """Electric if there is one, else our own, and what `/readyz` is to say of it."""
    if settings.electric_url is None or settings.electric_secret is None:
        return _native(settings, reader, changes, clock), {}
    # Servers without Electric need no client for HTTP, which takes a while to load.
    from app.shapes.electric_client import ElectricClient, electric_connections  # noqa: PLC0415
    from app.shapes.electric_proxy import ElectricProxy  # noqa: PLC0415

    secret = settings.electric_secret.get_secret_value()
    proxy = ElectricProxy(
        ElectricClient(settings.electric_url, secret, electric_connections()),
        reader,
        changes,
        clock,
        Handles(secret),
        nonce=lambda: secrets.token_hex(6),
        most_live=settings.shape_live_per_user,
    )
    return proxy, {"electric": proxy.check}


def _native(
    settings: Settings, reader: ShapeReader, changes: ShapeChanges, clock: Clock
) -> NativeEngine:
    return NativeEngine(
        reader,
        changes,
        clock,
        SystemRandom(),
        _shape_limits(settings),
        # One connection is for what has changed, and one for who may see what.
        readers=max(1, settings.pool_shapes - 2),
        may_delete=settings.shape_deletion,
    )


def _shape_limits(settings: Settings) -> ShapeLimits:
    return ShapeLimits(
        rows=settings.shape_rows,
        shapes=settings.shapes,
        per_user=settings.shapes_per_user,
        live=settings.shape_live_per_user,
        bytes=settings.shape_bytes,
        log=LogLimits(settings.shape_log_operations, settings.shape_log_bytes),
    )


def _request_limits(settings: Settings) -> RequestLimits:
    syntax = SyntaxLimits(length=settings.shape_where_characters, depth=settings.shape_where_depth)
    condition = ConditionLimits(syntax)
    return RequestLimits(rows=settings.shape_rows, condition=condition)
