import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app.api.app import api
from app.settings import Settings
from tests.app.api.house import TOKENS, House, Team

pytestmark = pytest.mark.asyncio(loop_scope="module")

PREFLIGHT = {
    "origin": "https://app.example",
    "access-control-request-method": "PATCH",
    "access-control-request-headers": "authorization, if-match",
}


async def asked(house: House, origins: str, method: str, **headers: str) -> httpx.Response:
    made = api(house.made.context, TOKENS, Settings(origins=origins))
    transport = httpx.ASGITransport(Starlette(routes=[Mount("/api", made)]))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.request(method, "/api/me", headers=named)


async def test_scripts_of_other_origins_are_let_in_only_where_named(house: House) -> None:
    named = await asked(house, "https://app.example, https://b.example", "OPTIONS", **PREFLIGHT)
    assert (named.status_code, named.headers["access-control-allow-origin"]) == (
        200,
        "https://app.example",
    )
    other = await asked(house, "https://b.example", "OPTIONS", **PREFLIGHT)
    assert "access-control-allow-origin" not in other.headers
    off = await asked(house, "", "OPTIONS", **PREFLIGHT)
    assert (off.status_code, "access-control-allow-origin" in off.headers) == (401, False)


async def test_pages_of_this_machine_need_no_setting(house: House) -> None:
    near = {**PREFLIGHT, "origin": "http://localhost:5173", "host": "127.0.0.1:8000"}
    answer = await asked(house, "", "OPTIONS", **near)
    assert answer.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "Origin" in answer.headers["vary"]
    rebound = await asked(house, "", "OPTIONS", **{**near, "host": "evil.example:8000"})
    assert "access-control-allow-origin" not in rebound.headers


async def test_no_cached_answer_is_given_to_another_origin(house: House, team: Team) -> None:
    answer = await asked(house, "", "GET", authorization=f"Bearer {team.viewer.token}")
    assert (answer.status_code, answer.headers["vary"]) == (200, "Origin")


async def test_such_scripts_may_read_the_headers_that_matter(house: House, team: Team) -> None:
    answer = await asked(
        house,
        "*",
        "GET",
        origin="https://app.example",
        authorization=f"Bearer {team.viewer.token}",
    )
    exposed = answer.headers["access-control-expose-headers"]
    assert answer.status_code == 200
    assert {"ETag", "Location", "Retry-After"} <= set(exposed.split(", "))
