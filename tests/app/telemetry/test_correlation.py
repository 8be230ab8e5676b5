import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from structlog.contextvars import bind_contextvars, get_contextvars

from app.telemetry.correlation import Correlation


async def known(_: Request) -> JSONResponse:
    answer = JSONResponse(get_contextvars())
    bind_contextvars(user_id="somebody")
    return answer


async def asked(**headers: str) -> httpx.Response:
    application = Starlette(routes=[Route("/", known)], middleware=[Middleware(Correlation)])
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(
            "/", headers={name.replace("_", "-"): v for name, v in headers.items()}
        )


async def test_the_name_given_by_a_proxy_is_kept() -> None:
    answer = await asked(X_Request_ID="abc-123")
    assert (answer.json(), answer.headers["x-request-id"]) == ({"request_id": "abc-123"}, "abc-123")


@pytest.mark.parametrize("given", ["", "with space", "line=1 level=error", "x" * 65])
async def test_other_requests_get_a_name_of_their_own(given: str) -> None:
    first, second = await asked(X_Request_ID=given), await asked(X_Request_ID=given)
    names = {answer.headers["x-request-id"] for answer in (first, second)}
    assert len(names) == 2
    assert given not in names


async def test_nothing_is_left_of_an_earlier_request() -> None:
    await asked()
    assert set((await asked()).json()) == {"request_id"}
