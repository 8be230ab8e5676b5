"""The API as one ASGI application, to be mounted at `/api`."""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from app.api.core import error_responses
from app.api.core.callers import Callers
from app.api.core.context import Context
from app.api.core.cors import Cors
from app.api.core.middleware import ApiMiddleware
from app.api.core.openapi_page import OpenApiPage
from app.api.core.rate_limit import RateLimit
from app.api.resources import (
    audit_log,
    comments,
    connections,
    deleted_pipelines,
    deleted_teams,
    diagnostics,
    events,
    history,
    invitations,
    me,
    members,
    my_invitations,
    organizations,
    pipeline_creation,
    pipelines,
    presence,
    session,
    step_types,
    steps,
    teams,
    templates,
    validation,
    versions,
    yaml,
)
from app.api.schemas import common
from app.auth.tokens import Verifier
from app.http import WARNING
from app.origins import Origins
from app.settings import Settings
from app.version import VERSION
from crdt.errors import PipeloomError

RESOURCES: Final[tuple[APIRouter, ...]] = (
    me.router,
    my_invitations.router,
    session.router,
    organizations.router,
    teams.router,
    members.router,
    deleted_teams.router,
    audit_log.router,
    invitations.router,
    pipelines.router,
    deleted_pipelines.router,
    pipeline_creation.router,
    steps.router,
    connections.router,
    diagnostics.router,
    comments.router,
    events.router,
    presence.router,
    yaml.router,
    versions.router,
    history.router,
    templates.router,
    validation.router,
    step_types.router,
)

DESCRIPTION: Final = """\
Pipelines, teams and what belongs to them. Edits of a pipeline become edits of its live document:
connected editors see them at once, and a read after a write sees the write.

Errors are problem documents (RFC 9457), lists come in pages (`limit`, `cursor`), and what can be
edited twice has an `ETag` for `If-Match`.
"""

EXPOSED: Final = (
    "ETag",
    "Location",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    WARNING,
)
"""Headers of responses that scripts of other origins may read (CORS)."""


def api(context: Context, tokens: Verifier, settings: Settings) -> ASGIApp:
    """Build the API."""
    rate = RateLimit(settings.api_rate, settings.api_burst, context.clock)
    callers = Callers(tokens, context.tickets)
    guarded = ApiMiddleware(
        _application(context), callers, rate, settings.max_body_bytes, context.compute_queue
    )
    return Cors(guarded, Origins.of(settings), EXPOSED)


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document that `/api/openapi.json` answers with."""
    return _application(None).openapi()


def _application(context: Context | None) -> FastAPI:
    application = FastAPI(
        title="Pipeloom",
        version=VERSION,
        description=DESCRIPTION,
        # `app/web_page.py` serves it: FastAPI's own page loads its scripts from elsewhere.
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        responses=common.EVERYWHERE,
        generate_unique_id_function=_operation_id,
        exception_handlers={
            PipeloomError: error_responses.on_pipeloom_error,
            HTTPException: error_responses.on_http_error,
            RequestValidationError: error_responses.on_invalid_request,
            Exception: error_responses.on_unexpected_error,
        },
    )
    application.state.context = context
    for router in RESOURCES:
        application.include_router(router)
    _document_problems(application)
    page = Route("/openapi.json", OpenApiPage(application.openapi).answer)
    application.router.routes.append(page)
    application.state.routes = [page, *(one for router in RESOURCES for one in router.routes)]
    return application


def _operation_id(route: APIRoute) -> str:
    return route.name


def _document_problems(application: FastAPI) -> None:
    """Add the schema of problem documents, which no endpoint returns as its result."""
    generate = application.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        if "Problem" not in schemas:
            schema = common.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= schema.pop("$defs", {})
            schemas["Problem"] = schema
        return document

    application.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own recipe
