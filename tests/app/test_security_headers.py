"""Headers that every answer has, unless it has its own."""

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.http import healthz
from app.security_headers import DEFAULTS, SecurityHeaders

OWN = {"Content-Security-Policy": "default-src 'self'"}


async def page(_: object) -> PlainTextResponse:
    return PlainTextResponse("a page", headers=OWN)


async def asked(path: str) -> httpx.Headers:
    routes = [Route("/healthz", healthz), Route("/page", page)]
    app = Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get(path)).headers


async def test_an_answer_without_any_has_all() -> None:
    headers = await asked("/healthz")
    assert {name: headers[name] for name in DEFAULTS} == DEFAULTS


async def test_an_error_has_them_too() -> None:
    assert (await asked("/none"))["x-content-type-options"] == "nosniff"


async def test_what_a_page_says_of_itself_stays() -> None:
    headers = await asked("/page")
    assert {name: headers[name] for name in DEFAULTS} == {**DEFAULTS, **OWN}
