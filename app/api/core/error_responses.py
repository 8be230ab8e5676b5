"""Errors of every kind as problem documents (RFC 9457): the one place that knows statuses."""

from collections.abc import Mapping, Sequence
from typing import Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.auth.tokens import NotRenewable
from app.http import CHALLENGE, ProblemCode, problem
from app.setting_values import expectation
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
    PipelineTooLarge,
    PipeloomError,
    StorageFull,
    SyncError,
    Unauthenticated,
    UnknownEntry,
)
from persistence import errors as store

from .problems import Invalid, NotModified, Problem, TooManyRequests

RETRY_SECONDS: Final = 1
"""The value of Retry-After while the server cannot handle a request (RFC 9110 §10.2.3)."""

_logger = structlog.get_logger(__name__)

_KINDS: Final[Sequence[tuple[type[PipeloomError], int, ProblemCode]]] = (
    (Unauthenticated, 401, "unauthenticated"),
    (Forbidden, 403, "forbidden"),
    (NotRenewable, 403, "not_renewable"),
    (PipelineNotFound, 404, "not_found"),
    (store.UnknownSubject, 404, "not_found"),
    (store.NotAllowed, 403, "forbidden"),
    (store.Conflict, 409, "conflict"),
    (store.InvalidValue, 422, "invalid"),
    (MessageTooBig, 413, "too_big"),
    (Draining, 503, "draining"),
    (Overloaded, 503, "overloaded"),
    (store.NotStoredYet, 503, "not_stored_yet"),
    (store.StoreUnavailable, 503, "store_unavailable"),
    (DocumentPoisoned, 503, "overloaded"),
    (UnknownEntry, 422, "unknown_entry"),
    (EditConflict, 409, "edit_conflict"),
    (StorageFull, 403, "quota_reached"),
    (PipelineTooLarge, 422, "pipeline_too_large"),
    (EditRefused, 422, "invalid_edit"),
    (SyncError, 422, "invalid"),
)
"""The status and code of each kind of error, the more special kinds first."""

_FAILED: Final[tuple[int, ProblemCode]] = 500, "failed"


def _status_and_code(error: PipeloomError) -> tuple[int, ProblemCode]:
    found = ((status, code) for kind, status, code in _KINDS if isinstance(error, kind))
    return next(found, _FAILED)


def problem_response(error: PipeloomError) -> Response:
    """Make a problem document of an error of the family; one that has no status is a bug."""
    if isinstance(error, store.TooManyChanges):
        error = TooManyRequests(error.wait, _TOO_MANY_CHANGES)
    match error:
        case NotModified():
            return Response(status_code=304, headers={"ETag": error.etag})
        case Problem():
            return problem(error.status, error.code, str(error), error.members, error.headers)
        case EditRefused():
            return _refused(error)
        case PipelineFileError():
            place = {"path": "yaml", "line": error.line, "column": error.column}
            errors = [{**place, "detail": error.problem}]
            return problem(422, "invalid_file", str(error), {"errors": errors})
    status, code = _status_and_code(error)
    if status == 500:
        _logger.error("api.failed", error=str(error), kind=type(error).__name__)
        return problem(500, code, _BUG)
    return problem(status, code, _detail(error), headers=_headers(status))


def _refused(error: EditRefused) -> Response:
    """An edit that the document cannot take: 404 for its subject, 409 or 422 for a field of it."""
    status, code = _status_and_code(error)
    if isinstance(error, StorageFull):
        return problem(status, code, str(error), {"quota": "bytes_per_team"})
    if isinstance(error, UnknownEntry) and error.field is None:
        return problem(404, code, str(error))
    path = "body" if error.field is None else f"body.{error.field}"
    errors = [{"path": path, "detail": error.problem}]
    return problem(status, code, str(error), {"errors": errors})


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

_TOO_MANY_CHANGES: Final = (
    "you have made as many changes to teams, members and the like within an hour as may be "
    "(PIPELOOM_MAX_CHANGES_PER_HOUR)"
)

_CONFLICTS: Final[Mapping[str, str]] = {
    "organizations_slug_key": "this slug is taken: choose another `slug`",
    "teams_organization_id_slug_key": (
        "the organization has a team of this slug: choose another, or give that one another first"
    ),
    "users_email_key": "somebody here has this address: sign in, then open the link again",
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
    code = _HTTP_CODES.get(error.status_code, "invalid")
    return problem(error.status_code, code, detail, headers=headers)


_HTTP_CODES: Final[Mapping[int, ProblemCode]] = {404: "not_found", 405: "method_not_allowed"}
"""Of what routing refuses; whatever else it does is about a body that is none."""


def _methods(request: Request) -> str:
    """Every method of a path (RFC 9110 §15.5.6); routing knows those of one route at a time."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    routes: Sequence[Route] = request.app.state.routes
    methods = {
        method
        for route in routes
        if route.path_regex.fullmatch(path)
        for method in route.methods or ()
    }
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


async def on_invalid_request(_: Request, error: RequestValidationError) -> Response:
    """Answer a request that does not fit its models."""
    return problem_response(
        Invalid(*((_path(one["loc"]), expectation(one)) for one in error.errors()))
    )


async def on_unexpected_error(_: Request, __: Exception) -> Response:
    """Answer any other exception; the middleware logs it."""
    return problem(*_FAILED, _BUG)


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location)
