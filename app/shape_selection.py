"""Chooses what answers requests for shapes, and gives it its limits."""

import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Protocol
from uuid import UUID, uuid4

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from app.api.core.cors import Cors
from app.api.core.problems import TooManyRequests
from app.api.core.rate_limit import RateLimit
from app.auth.tokens import Verifier
from app.clock import Clock
from app.http import Checks
from app.origins import Origins
from app.settings import Settings, SettingsError
from app.shapes.answers import Engine, TooManyShapes
from app.shapes.conditions import ConditionLimits
from app.shapes.electric_query import Handles
from app.shapes.endpoint import ShapeEndpoint, ShapeHealth
from app.shapes.engine import NativeEngine
from app.shapes.handover import Handover, loaded_client
from app.shapes.handover_listener import CannotListen, address_of, answering, listen
from app.shapes.lease import Lease
from app.shapes.leased import HeldEngine, LeasedEngine
from app.shapes.messages import HEADERS
from app.shapes.parameters import RequestLimits
from app.shapes.shape import ShapeLimits
from app.shapes.shape_log import LogLimits
from app.shapes.syntax import SyntaxLimits
from persistence.ports.shape_lease import Holder, ShapeLease
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
class ShapeStores:
    """What shapes are made of, and who has them."""

    reader: ShapeReader
    changes: ShapeChanges
    leases: ShapeLease


@dataclass(frozen=True, slots=True)
class Sharing:
    """What processes share that have shapes of their own: the lease, and a way to each other."""

    held: HeldEngine
    listening: socket.socket
    answers: ASGIApp


@dataclass(frozen=True, slots=True)
class ShapeService:
    """What answers `/v1`: the engine, the routes to it, and what `/readyz` says of it.

    `sharing` is None with Electric, which every process asks for itself.
    """

    engine: RunningEngine
    routes: list[BaseRoute]
    checks: Checks = field(default_factory=dict)
    sharing: Sharing | None = None

    @asynccontextmanager
    async def answering_others(self) -> AsyncIterator[None]:
        """Answer what other processes hand over, while the block runs."""
        if self.sharing is None:
            yield
            return
        async with answering(self.sharing.listening, self.sharing.answers):
            yield

    async def release(self) -> None:
        """Let another process have the shapes."""
        if self.sharing is not None:
            await self.sharing.held.give_back()


def shapes_for(
    settings: Settings, stores: ShapeStores, tokens: Verifier, clock: Clock
) -> ShapeService:
    """Build the engine that the settings ask for, and its routes. Raises SettingsError."""
    if settings.electric_url is not None and settings.electric_secret is not None:
        proxy, checks = _proxy(
            settings.electric_url,
            settings.electric_secret.get_secret_value(),
            settings,
            stores,
            clock,
        )
        return ShapeService(proxy, _routes(proxy, settings, tokens, clock), checks)
    native = _native(settings, stores, clock)
    listening = _listening(settings)
    lease = Lease(stores.leases, Holder(uuid4(), address_of(listening)))
    held = HeldEngine(native, lease)
    lease.on_lost = (held.lose, native.forget)
    engine = LeasedEngine(native, held, lease, Handover(loaded_client, lease.look))
    for_others = ShapeEndpoint(held, tokens, _request_limits(settings))
    sharing = Sharing(held, listening, for_others)
    return ShapeService(engine, _routes(engine, settings, tokens, clock), sharing=sharing)


def _routes(engine: Engine, settings: Settings, tokens: Verifier, clock: Clock) -> list[BaseRoute]:
    origins = Origins.of(settings)
    admit = _admission(settings, clock)
    endpoint = ShapeEndpoint(engine, tokens, _request_limits(settings), admit)
    shape = Cors(endpoint, origins, HEADERS)
    health = Cors(ShapeHealth(engine), origins, ())
    return [Route("/v1/shape", shape), Route("/v1/health", health)]


def _admission(settings: Settings, clock: Clock) -> Callable[[UUID], None]:
    """Count requests by user, apart from those to the API: each change answers a live one."""
    rate = RateLimit(settings.shape_rate, settings.shape_burst, clock)

    def admit(user_id: UUID) -> None:
        try:
            rate.count(user_id)
        except TooManyRequests as error:
            raise TooManyShapes(str(error), is_own=True) from error

    return admit


def _listening(settings: Settings) -> socket.socket:
    try:
        return listen(settings.shapes_host, settings.shapes_port)
    except CannotListen as error:
        raise SettingsError(
            f"cannot listen for other servers at {error}: set PIPELOOM_SHAPES_HOST to an address "
            "of this machine that they reach"
        ) from error


def _proxy(
    address: str, secret: str, settings: Settings, stores: ShapeStores, clock: Clock
) -> tuple[RunningEngine, Checks]:
    """Electric, and what `/readyz` is to say of it."""
    # Servers without Electric need no client for HTTP, which takes a while to load.
    from app.shapes.electric_client import ElectricClient, electric_connections  # noqa: PLC0415
    from app.shapes.electric_proxy import ElectricProxy  # noqa: PLC0415

    proxy = ElectricProxy(
        ElectricClient(address, secret, electric_connections()),
        stores.reader,
        stores.changes,
        clock,
        Handles(secret),
        nonce=lambda: secrets.token_hex(6),
        most_live=settings.shape_live_per_user,
    )
    return proxy, {"electric": proxy.check}


def _native(settings: Settings, stores: ShapeStores, clock: Clock) -> NativeEngine:
    return NativeEngine(
        stores.reader,
        stores.changes,
        clock,
        SystemRandom(),
        shape_limits(settings),
        # One connection is for what has changed, and one for who may see what.
        readers=max(1, settings.pool_shapes - 2),
        may_delete=settings.shape_deletion,
    )


def shape_limits(settings: Settings) -> ShapeLimits:
    """How much shapes may take."""
    return ShapeLimits(
        rows=settings.shape_rows,
        shapes=settings.shapes,
        per_user=settings.shapes_per_user,
        live=settings.shape_live_per_user,
        idle_seconds=settings.shape_idle_seconds,
        bytes=settings.shape_bytes,
        log=LogLimits(settings.shape_log_operations, settings.shape_log_bytes),
    )


def _request_limits(settings: Settings) -> RequestLimits:
    syntax = SyntaxLimits(length=settings.shape_where_characters, depth=settings.shape_where_depth)
    condition = ConditionLimits(syntax)
    return RequestLimits(rows=settings.shape_rows, condition=condition)
