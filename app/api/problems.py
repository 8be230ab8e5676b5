"""What the API refuses, and how it says so: problem documents (RFC 9457).

NotModified (a PipeloomError)  304  the caller has this state already
Problem (a PipeloomError)
├── BadCursor             400  a cursor that this list did not give out
├── RoleNeeded            403  the caller's role is too weak; says which one is needed
├── NotFound              404  there is no such thing, or the caller may not know of it
├── Conflict              409  what is asked for contradicts what is there
├── Stale                 412  If-Match names another state; carries the current one
├── BodyTooBig            413
├── UnsupportedBody       415
├── Invalid               422  well-formed, but not what is expected; `errors` says where
└── TooManyRequests       429
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar, Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

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

from ..http import CHALLENGE, problem

RETRY_SECONDS: Final = 1
"""What Retry-After says when the server cannot serve just now."""

_logger = structlog.get_logger(__name__)


class NotModified(PipeloomError):
    """The caller has this state already (RFC 9110 §13.1.2)."""

    def __init__(self, etag: str) -> None:
        super().__init__("not modified")
        self.etag = etag


class Problem(PipeloomError):
    """A refusal with its status; `members` are added to the document, `headers` to the answer."""

    status: ClassVar[int] = 400
    members: Mapping[str, object] = {}
    headers: Mapping[str, str] = {}


class BadCursor(Problem):
    """The cursor was not given out by this list."""

    def __init__(self) -> None:
        super().__init__("expected the next_cursor of an earlier page of this list")


class RoleNeeded(Problem):
    """The caller is known here but may not do this."""

    status = 403

    def __init__(self, deed: str, *roles: str) -> None:
        who = " or ".join(roles)
        super().__init__(f"{deed} needs the role {who}: ask an owner of the team")
        self.members = {"roles": list(roles)}


class NotFound(Problem):
    """There is no such thing, as far as the caller may know."""

    status = 404


class Conflict(Problem):
    """What is asked for contradicts what is there."""

    status = 409


class Stale(Problem):
    """Somebody changed it since; `current` is what it is and `etag` names that state."""

    status = 412

    def __init__(self, current: object, etag: str) -> None:
        super().__init__("it has changed since: look at `current`, then try again with its ETag")
        self.members, self.headers = {"current": current}, {"ETag": etag}


class BodyTooBig(Problem):
    """The request's body is larger than the server takes."""

    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected a body of at most {limit} bytes")


class UnsupportedBody(Problem):
    """The request's body is not of the media type this resource takes."""

    status = 415


class Invalid(Problem):
    """The request is well-formed, but its content cannot be; `errors` are (path, what) pairs."""

    status = 422

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {what}" if path else what for path, what in errors))
        self.members = {"errors": [{"path": path, "detail": what} for path, what in errors]}


class TooManyRequests(Problem):
    """The caller asks faster than it may; `wait` is in seconds."""

    status = 429

    def __init__(self, wait: int, what: str = "too many requests") -> None:
        super().__init__(f"{what}: try again in {wait} s")
        self.headers = {"Retry-After": str(wait)}


_STATUS: Final[Sequence[tuple[type[PipeloomError], int]]] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
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


def answer(error: PipeloomError) -> Response:
    """Write an error of the family as a problem document; what has no status is a bug."""
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
    """An edit that the document cannot take: of the thing itself, or of what the body names."""
    if isinstance(error, UnknownEntry) and error.field is None:
        return _document(404, str(error))
    path = "body" if error.field is None else f"body.{error.field}"
    errors = [{"path": path, "detail": error.problem}]
    return _document(
        409 if isinstance(error, EditConflict) else 422, str(error), {"errors": errors}
    )


def _detail(error: PipeloomError) -> str:
    match error:
        case store.StoreUnavailable():
            return "the database is away: try again later"
        case store.Conflict():
            return _CONFLICTS.get(error.constraint, "it collides with what is there")
        case store.UnknownSubject():
            return "something that the request names is not there: check the ids"
        case store.NotAllowed():
            return "your role does not allow this: ask an owner of the team"
        case store.InvalidValue():
            return "no row can hold this value: it is too big, or of another kind"
    return str(error)


_CONFLICTS: Final[Mapping[str, str]] = {
    "organizations_slug_key": "this slug is taken: choose another `slug`",
    "teams_organization_id_slug_key": "the organization has a team of this slug: choose another",
    "team_members_pkey": "this user is in the team already: change the role instead",
    "team_keeps_an_owner": "a team keeps an owner: make somebody else its owner first",
}
"""What to say of a constraint of `sql/schema.sql`."""

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


async def on_family(_: Request, error: PipeloomError) -> Response:
    """Answer an error of the family."""
    return answer(error)


async def on_http(request: Request, error: HTTPException) -> Response:
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


async def on_invalid(_: Request, error: RequestValidationError) -> Response:
    """Answer a request that does not fit its models."""
    return answer(Invalid(*((_path(one["loc"]), one["msg"]) for one in error.errors())))


async def on_bug(_: Request, __: Exception) -> Response:
    """Answer anything nobody thought of; the gate logs it."""
    return _document(500, _BUG)


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location)
