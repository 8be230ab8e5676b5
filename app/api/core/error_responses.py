"""Errors of every kind as problem documents (RFC 9457): the one place that knows statuses."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.auth.tokens import NotRenewable
from app.http import CHALLENGE, problem
from crdt.errors import (
    DocumentPoisoned,
    Draining,
    EditConflict,
    EditRefused,
    Forbidden,
    MessageTooBig,
    Overloaded,
    PipelineFileError,
    PipelineNotFound,
    PipeloomError,
    SyncError,
    Unauthenticated,
    UnknownEntry,
)
from persistence import errors as store

from .problems import Invalid, NotModified, Problem

RETRY_SECONDS: Final = 1
"""The value of Retry-After while the server cannot handle a request (RFC 9110 §10.2.3)."""

_logger = structlog.get_logger(__name__)

_STATUS: Final[Sequence[tuple[type[PipeloomError], int]]] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotRenewable, 403),
    (PipelineNotFound, 404),
    (store.UnknownSubject, 404),
    (store.NotAllowed, 403),
    (store.Conflict, 409),
    (store.InvalidValue, 422),
    (MessageTooBig, 413),
    (PipelineFileError, 422),
    (Draining, 503),
    (Overloaded, 503),
    (store.StoreUnavailable, 503),
    (DocumentPoisoned, 503),
    (SyncError, 422),
)


def problem_response(error: PipeloomError) -> Response:
    """Make a problem document of an error of the family; one that has no status is a bug."""
    match error:
        case NotModified():
            return Response(status_code=304, headers={"ETag": error.etag})
        case Problem():
            return _document(error.status, str(error), error.members, error.headers)
        case EditRefused():
            return _refused(error)
        case PipelineFileError():
            place = {"path": "yaml", "line": error.line, "column": error.column}
            return _document(422, str(error), {"errors": [{**place, "detail": error.problem}]})
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    if status == 500:
        _logger.error("api.failed", error=str(error), kind=type(error).__name__)
        return _document(500, _BUG)
    return _document(status, _detail(error), headers=_headers(status))


def _refused(error: EditRefused) -> Response:
    """An edit that the document cannot take: 404 for its subject, 409 or 422 for a field of it."""
    if isinstance(error, UnknownEntry) and error.field is None:
        return _document(404, str(error))
    path = "body" if error.field is None else f"body.{error.field}"
    errors = [{"path": path, "detail": error.problem}]
    return _document(
        409 if isinstance(error, EditConflict) else 422, str(error), {"errors": errors}
    )


def _detail(error: PipeloomError) -> str:
    if isinstance(error, store.Conflict):
        return _CONFLICTS.get(error.constraint, "it collides with what is there")
    if isinstance(error, store.NotStoredYet):
        return str(error)
    return next((detail for kind, detail in _DETAILS if isinstance(error, kind)), str(error))


_DETAILS: Final[Sequence[tuple[type[PipeloomError], str]]] = (
    (store.StoreUnavailable, "the database is away: try again later"),
    (store.UnknownSubject, "something that the request names is not there: check the ids"),
    (store.NotAllowed, "your role does not allow this: ask an owner of the team"),
    (store.InvalidValue, "no row can hold this value: it is too big, or of another kind"),
)
"""The detail of an error whose own text is for operators."""

_CONFLICTS: Final[Mapping[str, str]] = {
    "organizations_slug_key": "this slug is taken: choose another `slug`",
    "teams_organization_id_slug_key": "the organization has a team of this slug: choose another",
    "team_members_pkey": "this user is in the team already: change the role instead",
    "team_keeps_an_owner": "a team keeps an owner: make somebody else its owner first",
}
"""The detail of a conflict by the constraint of `sql/schema.sql` that was violated."""

_BUG: Final = "something went wrong here: it is in the server's log"


def _headers(status: int) -> Mapping[str, str]:
    match status:
        case 401:
            return CHALLENGE
        case 503:
            return {"Retry-After": str(RETRY_SECONDS)}
    return {}


def _document(
    status: int,
    detail: str,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return problem(status, HTTPStatus(status).phrase, detail, members, headers)


async def on_pipeloom_error(_: Request, error: PipeloomError) -> Response:
    """Answer an error of the family."""
    return problem_response(error)


async def on_http_error(request: Request, error: HTTPException) -> Response:
    """Answer what routing itself refuses: unknown paths and methods, and broken bodies."""
    detail = {
        404: f"there is nothing at {request.url.path}",
        405: f"{request.method} is not among the methods of {request.url.path}",
    }.get(error.status_code, error.detail)
    headers = {"Allow": _methods(request)} if error.status_code == 405 else error.headers
    return _document(error.status_code, detail, headers=headers)


def _methods(request: Request) -> str:
    """Every method of a path (RFC 9110 §15.5.6); routing knows those of one route at a time."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    paths: Mapping[str, Mapping[str, object]] = request.app.openapi()["paths"]
    methods = {
        method.upper()
        for template, operations in paths.items()
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path)
        for method in operations
    }
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


async def on_invalid_request(_: Request, error: RequestValidationError) -> Response:
    """Answer a request that does not fit its models."""
    return problem_response(Invalid(*((_path(one["loc"]), one["msg"]) for one in error.errors())))


async def on_unexpected_error(_: Request, __: Exception) -> Response:
    """Answer any other exception; the middleware logs it."""
    return _document(500, _BUG)


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location)
