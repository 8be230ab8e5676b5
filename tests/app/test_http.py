import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app import http
from app.api.core.not_found import NotFound
from app.auth.jwks import KeySetTokens
from app.auth.key_set import KeySetError
from app.auth.tokens import Tokens
from app.http import PROBLEM, Readiness, healthz, problem
from persistence.errors import StoreUnavailable
from persistence.ports.directory import User
from tests.app.issuer import signer
from tests.contracts.stores import an_id

TOKENS = Tokens("a secret that is long enough for HS256")
TOKEN = TOKENS.issue(
    User(an_id(5), "ada@example.org", "Ada"), timedelta(hours=1), datetime(2100, 1, 1, tzinfo=UTC)
)


async def works() -> None:
    """A part that works."""


async def hangs() -> None:
    await asyncio.Event().wait()


async def fails() -> None:
    raise StoreUnavailable("PostgreSQL is away: start it")


def a_client(app: Starlette) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


async def readiness(
    draining: bool = False, **checks: Callable[[], Awaitable[object]]
) -> httpx.Response:
    helpful = {name: checks.pop(name) for name in ["bus"] if name in checks}
    answering = Readiness(checks, helpful)
    answering.draining = draining
    async with a_client(Starlette(routes=[Route("/readyz", answering.answer)])) as client:
        return await client.get("/readyz")


async def somewhere(path: str, authorization: str | None = None) -> httpx.Response:
    headers = {} if authorization is None else {"authorization": authorization}
    routes = [Route("/healthz", healthz), Route("/{path:path}", NotFound(TOKENS).answer)]
    async with a_client(Starlette(routes=routes)) as client:
        return await client.get(path, headers=headers)


async def test_a_server_whose_parts_work_is_ready() -> None:
    answer = await readiness(postgresql=works, bus=works)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "checks": {"server": "ok", "postgresql": "ok", "bus": "ok"},
    }


async def test_a_part_that_hangs_is_waited_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CHECK_SECONDS", 0)
    answer = await readiness(postgresql=hangs)
    assert answer.status_code == 503
    assert answer.json()["checks"]["postgresql"] == "has not answered within 0 s"


async def test_a_server_without_its_bus_is_ready_and_says_so() -> None:
    answer = await readiness(postgresql=works, bus=fails)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "degraded",
        "checks": {"server": "ok", "postgresql": "ok", "bus": "PostgreSQL is away: start it"},
    }


async def test_the_part_that_fails_is_named() -> None:
    answer = await readiness(postgresql=fails, bus=works)
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "checks": {"server": "ok", "postgresql": "PostgreSQL is away: start it", "bus": "ok"},
    }


async def test_a_draining_server_is_not_ready() -> None:
    answer = await readiness(draining=True, postgresql=works)
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"server": "draining", "postgresql": "ok"}


async def test_a_check_with_a_bug_is_not_taken_for_an_answer() -> None:
    async def broken() -> None:
        raise LookupError("a bug")

    with pytest.raises(LookupError):
        await readiness(postgresql=broken)


async def test_a_live_process_says_so_to_anybody() -> None:
    answer = await somewhere("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer nonsense", f"Basic {TOKEN}", TOKEN]
)
async def test_callers_without_a_token_learn_nothing_about_a_path(
    authorization: str | None,
) -> None:
    answer = await somewhere("/api/pipelines", authorization)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json() == {
        "type": "about:blank",
        "title": "Unauthorized",
        "status": 401,
        "code": "unauthenticated",
        "detail": "send a token: Authorization: Bearer …",
    }


async def test_who_cannot_be_checked_now_may_try_again() -> None:
    async def away() -> bytes:
        raise KeySetError("the issuer is away")

    routes = [Route("/{path:path}", NotFound(KeySetTokens(away)).answer)]
    async with a_client(Starlette(routes=routes)) as client:
        token = signer("ES256").sign()
        answer = await client.get("/api", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.headers["content-type"]) == (503, PROBLEM)
    assert "try again" in answer.json()["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
@pytest.mark.parametrize("path", ["/", "/api/pipelines", "/healthz/"])
async def test_callers_with_a_token_learn_that_nothing_is_there(path: str, scheme: str) -> None:
    answer = await somewhere(path, f"{scheme} {TOKEN}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["detail"] == f"there is nothing at {path}"


FOR_PEOPLE = "text/html,application/xhtml+xml,*/*;q=0.8"


@pytest.mark.parametrize(
    ("method", "accept", "authorization", "status", "media_type"),
    [
        ("GET", FOR_PEOPLE, None, 404, "text/html; charset=utf-8"),
        ("HEAD", FOR_PEOPLE, None, 404, "text/html; charset=utf-8"),
        ("POST", FOR_PEOPLE, None, 401, PROBLEM),
        ("GET", FOR_PEOPLE, "Bearer nonsense", 401, PROBLEM),
        ("GET", FOR_PEOPLE, f"Bearer {TOKEN}", 404, PROBLEM),
        ("GET", "*/*", None, 401, PROBLEM),
        ("GET", "application/json", None, 401, PROBLEM),
    ],
)
async def test_a_browser_that_opens_a_wrong_address_gets_a_page_and_nobody_else(
    method: str, accept: str, authorization: str | None, status: int, media_type: str
) -> None:
    routes = [Route("/{path:path}", NotFound(TOKENS).answer, methods=["GET", "POST"])]
    headers = {"accept": accept} | ({"authorization": authorization} if authorization else {})
    async with a_client(Starlette(routes=routes)) as client:
        answer = await client.request(method, "/settings", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, media_type)


def test_a_problem_document_repeats_its_status() -> None:
    answer = problem(418, "I'm a teapot", "brew tea instead")
    assert (answer.status_code, answer.media_type) == (418, "application/problem+json")
    assert b'"status":418' in bytes(answer.body)
