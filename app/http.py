"""The HTTP responses outside the API: health, readiness, and problem documents for all else."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse

from crdt.errors import PipeloomError

Checks: TypeAlias = Mapping[str, Callable[[], Awaitable[object]]]

PROBLEM = "application/problem+json"

ProblemCode: TypeAlias = Literal[
    "bad_cursor",
    "unknown_parameter",
    "unauthenticated",
    "forbidden",
    "wrong_host",
    "role_needed",
    "quota_reached",
    "not_renewable",
    "not_found",
    "method_not_allowed",
    "body_too_slow",
    "conflict",
    "not_empty",
    "key_in_use",
    "key_done",
    "key_reused",
    "edit_conflict",
    "stale",
    "too_big",
    "unsupported_body",
    "invalid",
    "invalid_edit",
    "invalid_file",
    "unknown_entry",
    "pipeline_too_large",
    "too_many_requests",
    "failed",
    "overloaded",
    "draining",
    "store_unavailable",
    "not_stored_yet",
]
"""What went wrong, for programs: the words of a problem may change, these do not (docs/api.md)."""

WARNING = "Pipeloom-Warning"
"""The header of an answer that was made of a damaged document: it says what that lacks."""

CHECK_SECONDS: Final = 5.0
"""How long a part of the server may take to say that it works."""

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="pipeloom"'}
"""RFC 9110 §11.6.1: a 401 must contain the scheme by which to authenticate."""


def problem(
    status: int,
    code: ProblemCode,
    detail: str,
    members: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document (RFC 9457); `members` are added to it."""
    title = HTTPStatus(status).phrase
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    body["detail"] = detail
    return JSONResponse({**body, **(members or {})}, status, headers, media_type=PROBLEM)


async def healthz(_: Request) -> JSONResponse:
    """The process is alive."""
    return JSONResponse({"status": "ok"})


class Readiness:
    """Answers `/readyz`: whether this server should receive clients, and if not, what is missing.

    A check returns when its part works and raises a PipeloomError when it does not. Without what is
    only `helpful` the server works, if less well, so it stays ready while such a check fails.
    """

    def __init__(self, needed: Checks, helpful: Checks) -> None:
        self._needed, self._helpful = needed, helpful
        self.draining = False

    async def answer(self, _: Request) -> JSONResponse:
        """See the class."""
        found = {"server": "draining" if self.draining else "ok"}
        found |= {name: await _outcome(check) for name, check in self._needed.items()}
        ready = set(found.values()) == {"ok"}
        found |= {name: await _outcome(check) for name, check in self._helpful.items()}
        status = "ok" if set(found.values()) == {"ok"} else "degraded" if ready else "unavailable"
        return JSONResponse({"status": status, "checks": found}, 200 if ready else 503)


async def _outcome(check: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except PipeloomError as error:
        return str(error)
    except TimeoutError:
        return f"has not answered within {CHECK_SECONDS:g} s"
    return "ok"
