"""Chooses what answers requests for shapes, and gives it its limits."""

from dataclasses import dataclass
from random import SystemRandom

from starlette.routing import BaseRoute, Route

from app.api.core.cors import Cors
from app.auth.tokens import Verifier
from app.clock import Clock
from app.origins import Origins
from app.settings import Settings
from app.shapes.conditions import ConditionLimits
from app.shapes.endpoint import ShapeEndpoint, ShapeHealth
from app.shapes.engine import NativeEngine
from app.shapes.messages import HEADERS
from app.shapes.parameters import RequestLimits
from app.shapes.shape import ShapeLimits
from app.shapes.shape_log import LogLimits
from app.shapes.syntax import SyntaxLimits
from persistence.ports.shapes import ShapeChanges, ShapeReader


@dataclass(frozen=True, slots=True)
class ShapeService:
    """What answers `/v1`: the engine, and the routes to it."""

    engine: NativeEngine
    routes: list[BaseRoute]


def shapes_for(
    settings: Settings, reader: ShapeReader, changes: ShapeChanges, tokens: Verifier, clock: Clock
) -> ShapeService:
    """Build the engine that the settings ask for, and its routes."""
    engine = NativeEngine(
        reader,
        changes,
        clock,
        SystemRandom(),
        _shape_limits(settings),
        may_delete=settings.shape_deletion,
    )
    origins = Origins.of(settings)
    shape = Cors(ShapeEndpoint(engine, tokens, _request_limits(settings)), origins, HEADERS)
    health = Cors(ShapeHealth(engine), origins, ())
    return ShapeService(engine, [Route("/v1/shape", shape), Route("/v1/health", health)])


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
