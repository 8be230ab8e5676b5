"""The API as one ASGI application, to be mounted at `/api`."""

from typing import Any, Final

from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from app.api.core import error_responses
from app.api.core.callers import Callers
from app.api.core.context import Context
from app.api.core.cors import Cors
from app.api.core.guests import Guests
from app.api.core.idempotency import REPLAYED, IdempotentPosts
from app.api.core.known_query import require_known_query
from app.api.core.middleware import ApiMiddleware
from app.api.core.openapi_page import OpenApiPage
from app.api.core.rate_limit import RateLimit
from app.api.core.transaction_ids import HEADER as TRANSACTION_ID
from app.api.core.transaction_ids import TransactionIds
from app.api.resources import (
    audit_log,
    comments,
    connections,
    deleted_pipelines,
    deleted_teams,
    diagnostics,
    events,
    history,
    invitation_links,
    invitations,
    joining,
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
from app.api.schemas.openapi_document import complete_document
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
    invitation_links.router,
    joining.router,
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

MOUNTED_AT: Final = "/api"
"""Below which the paths of the document are, relative to where it was fetched."""

TAGS: Final = {
    "me": "The user of the token, invitations and sessions.",
    "organizations": "Organizations, which have teams.",
    "teams": "Teams, and those that were deleted.",
    "members": "Who is in a team, and who is invited to it.",
    "audit log": "Who changed what that is in no document.",
    "pipelines": "Pipelines as wholes: list, search, create, fork, delete, restore.",
    "steps": "The steps of a pipeline.",
    "connections": "The connections between steps.",
    "diagnostics": "What is odd about a pipeline.",
    "comments": "Comments on pipelines and steps.",
    "events": "Comments, versions and the like as they happen.",
    "presence": "Who has a pipeline open.",
    "yaml": "Pipelines as files.",
    "versions": "Saved states of a pipeline.",
    "history": "Who edited what, and when.",
    "templates": "Pipelines with variables.",
    "step types": "What a step may be.",
}

EXPOSED: Final = (
    "ETag",
    "Location",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    REPLAYED,
    TRANSACTION_ID,
    WARNING,
)
"""Headers of responses that scripts of other origins may read (CORS)."""


def api(context: Context, tokens: Verifier, settings: Settings) -> ASGIApp:
    """Build the API."""
    rate = RateLimit(settings.api_rate, settings.api_burst, context.clock)
    callers = Callers(tokens, context.tickets)
    guarded = ApiMiddleware(
        IdempotentPosts(TransactionIds(_application(context)), context.idempotency_keys),
        callers,
        rate,
        settings.max_body_bytes,
        context.compute_queue,
        guests=Guests(context.identities, context.clock),
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
        servers=[{"url": MOUNTED_AT}],
        openapi_tags=[{"name": name, "description": what} for name, what in TAGS.items()],
        dependencies=[Depends(require_known_query)],
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
    _add_resources(application)
    return application


def _add_resources(application: FastAPI) -> None:
    for router in RESOURCES:
        application.include_router(router)
    complete_document(application)
    page = Route("/openapi.json", OpenApiPage(application.openapi).answer)
    application.router.routes.append(page)
    application.state.routes = [page, *(one for router in RESOURCES for one in router.routes)]


def _operation_id(route: APIRoute) -> str:
    return route.name
