"""What the API refuses with, as problem documents (RFC 9457).

NotModified (a PipeloomError)  304  the caller has this state already
Problem (a PipeloomError)
├── BadCursor             400  a cursor that this list did not give out
├── UnknownParameter      400  a query parameter that the operation does not have
├── RoleNeeded            403  the caller's role is too weak; `roles` has the needed ones
├── NotFound              404  there is no such thing, or the caller may not know of it
├── BodyTooSlow           408
├── AlreadyMember         409  whoever is to be invited or added is in the team
├── KeyInUse              409  the request with this key still runs
├── KeyDone               409  the request with this key has created something; its id
├── NotEmpty              409  what is to be deleted for good holds other things; their number
├── Stale                 412  If-Match names another state; carries the current one
├── BodyTooBig            413
├── UnsupportedBody       415
│   └── CompressedBody
├── Invalid               422  well-formed, but not what is expected; `errors` has the places
├── KeyReused             422  another request had this key
└── TooManyRequests       429
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final
from uuid import UUID

from app.http import ProblemCode
from crdt.errors import PipeloomError


class NotModified(PipeloomError):
    """The caller has this state already (RFC 9110 §13.1.2)."""

    def __init__(self, etag: str) -> None:
        super().__init__("not modified")
        self.etag = etag


class Problem(PipeloomError):
    """A refusal with its status; `members` are added to the document, `headers` to the answer."""

    status: ClassVar[int] = 400
    code: ClassVar[ProblemCode] = "bad_cursor"
    members: Mapping[str, object] = {}
    headers: Mapping[str, str] = {}


class BadCursor(Problem):
    """The cursor was not given out by this list."""

    def __init__(self) -> None:
        super().__init__("expected the next_cursor of an earlier page of this list")


MAX_NAME: Final = 100
"""Characters of a client's own word that a refusal repeats."""


class UnknownParameter(Problem):
    """The query has a parameter that the operation does not have; `nearest` may be meant."""

    code = "unknown_parameter"

    def __init__(self, name: str, known: Sequence[str], nearest: str | None) -> None:
        name = name[:MAX_NAME]
        if nearest is not None:
            hint = f"did you mean `{nearest}`?"
        else:
            hint = f"expected one of {', '.join(known)}" if known else "this takes none"
        super().__init__(f"there is no query parameter `{name}` here: {hint}")
        self.members = {"errors": [{"path": f"query.{name}", "detail": hint}]}


class RoleNeeded(Problem):
    """The caller is known here but may not do this."""

    status = 403
    code = "role_needed"

    def __init__(self, deed: str, *roles: str) -> None:
        who = " or ".join(roles)
        super().__init__(f"{deed} needs the role {who}: ask an owner of the team")
        self.members = {"roles": list(roles)}


class NotFound(Problem):
    """There is no such thing, as far as the caller may know."""

    status = 404
    code = "not_found"


class BodyTooSlow(Problem):
    """The request's body did not arrive in time; `limit` is in seconds."""

    status = 408
    code = "body_too_slow"

    def __init__(self, limit: float) -> None:
        super().__init__(f"expected the whole body within {limit:g} s")


COUNTED_UNTIL_PURGED: Final = frozenset(
    {"organizations_per_user", "teams_per_organization", "pipelines_per_team", "bytes_per_team"}
)
"""Quotas under which nothing can be added at once after something was deleted."""


class QuotaReached(Problem):
    """There are as many of something as there may be; `quota` is the name of the limit."""

    status = 403
    code = "quota_reached"

    def __init__(self, quota: str, limit: int) -> None:
        kept = ", which count until they are purged" if quota in COUNTED_UNTIL_PURGED else ""
        super().__init__(
            f"there are {limit} {quota.replace('_', ' ')} already, as many as may be: delete some"
            f"{kept}, or ask whoever runs this server to raise PIPELOOM_MAX_{quota.upper()}"
        )
        self.members = {"quota": quota, "limit": limit}


class AlreadyMember(Problem):
    """Who is to be invited or added is in the team, as its list of members shows."""

    status = 409
    code = "conflict"

    def __init__(self) -> None:
        super().__init__("they are in this team already: change their role in the list of members")


class NotEmpty(Problem):
    """What is to be deleted holds things that would be deleted with it."""

    status = 409
    code = "not_empty"

    def __init__(self, what: str, pipelines: int) -> None:
        super().__init__(
            f"{what} has {pipelines} pipelines, which would be deleted with it, and purged after a "
            "while: export what you need, then repeat this with ?force=true"
        )
        self.members = {"pipelines": pipelines}


class KeyInUse(Problem):
    """The request that has this Idempotency-Key still runs."""

    status = 409
    code = "key_in_use"
    headers: Mapping[str, str] = {"Retry-After": "1"}

    def __init__(self) -> None:
        super().__init__("the request with this Idempotency-Key still runs: repeat it in a moment")


class KeyDone(Problem):
    """The request that has this Idempotency-Key was carried out, but its answer was not kept."""

    status = 409
    code = "key_done"

    def __init__(self, subject: UUID | str) -> None:
        super().__init__(
            f"the request with this Idempotency-Key has created {subject or 'something'} already"
        )
        self.members = {"created": str(subject)} if subject else {}


class KeyReused(Problem):
    """Another request had this Idempotency-Key."""

    status = 422
    code = "key_reused"

    def __init__(self) -> None:
        super().__init__("another request had this Idempotency-Key: take a new one for this")


class Stale(Problem):
    """Somebody changed it since; `current` is what it is and `etag` names that state."""

    status = 412
    code = "stale"

    def __init__(self, current: object, etag: str) -> None:
        super().__init__("it has changed since: look at `current`, then try again with its ETag")
        self.members, self.headers = {"current": current}, {"ETag": etag}


class BodyTooBig(Problem):
    """The request's body is larger than the server takes."""

    status = 413
    code = "too_big"

    def __init__(self, limit: int) -> None:
        super().__init__(f"expected a body of at most {limit} bytes")


class UnsupportedBody(Problem):
    """The request's body is not of the media type this resource takes."""

    status = 415
    code = "unsupported_body"


class CompressedBody(UnsupportedBody):
    """The request's body is compressed; the answer says what is taken instead (RFC 7694 §3)."""

    def __init__(self, coding: str) -> None:
        super().__init__(f"expected a body without Content-Encoding, got {coding}")
        self.headers = {"Accept-Encoding": "identity"}


class Invalid(Problem):
    """The request is well-formed, but its content cannot be; `errors` are (path, what) pairs."""

    status = 422
    code = "invalid"

    def __init__(self, *errors: tuple[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {what}" if path else what for path, what in errors))
        self.members = {"errors": [{"path": path, "detail": what} for path, what in errors]}


class TooManyRequests(Problem):
    """The caller asks faster than it may; `wait` is in seconds."""

    status = 429
    code = "too_many_requests"

    def __init__(self, wait: int, what: str = "too many requests") -> None:
        super().__init__(f"{what}: try again in {wait} s")
        self.headers = {"Retry-After": str(wait)}
