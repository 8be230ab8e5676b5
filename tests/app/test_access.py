"""Who gets in: tokens, memberships and rooms; and what is told to those without a token."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.app.bystander import undisturbed
from tests.app.conftest import SECRET
from tests.editor import joined, visiting
from tests.server import VIEWER, Installation, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
PATHS = ("/api", "/api/pipelines", "/api/me", "/ws", "/ws/room", "/healthz/", "/../etc/passwd",
         "/static/app.js", "/.git/config", "/%00", "/ü")  # fmt: skip
PROBLEM = "application/problem+json"


def signed(secret: str | None = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    """A token of the given claims; None among them leaves a usual one out."""
    usual = {"sub": str(uuid4()), "exp": datetime.now(UTC) + timedelta(hours=1)}
    present = {name: value for name, value in (usual | claims).items() if value is not None}
    return jwt.encode(present, secret or "", algorithm=algorithm)


def bad_tokens(owner_token: str) -> dict[str, str | None]:
    """Tokens that say nothing about who is there, though all but a few name the owner."""
    owner = jwt.decode(owner_token, options={"verify_signature": False})["sub"]
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    header, body, signature = owner_token.split(".")
    return {
        "missing": None,
        "empty": "",
        "not a token": "garbage",
        "cut": owner_token[:-5],
        "without its signature": f"{header}.{body}.",
        "with the payload of another": f"{header}.{signed().split('.')[1]}.{signature}",
        "expired": signed(sub=owner, exp=an_hour_ago),
        "never expiring": signed(sub=owner, exp=None),
        "of nobody": signed(sub=None),
        "of no user id": signed(sub="owner"),
        "forged": signed("another secret, as long as the one in use", sub=owner),
        "unsigned": signed(None, "none", sub=owner),
        "signed by another algorithm": signed(SECRET * 2, "HS512", sub=owner),
        "of odd characters": "é\x00\n",
        "long": "x" * 4_000,
    }


@pytest.mark.parametrize("kind", bad_tokens(signed()))
async def test_a_bad_token_is_refused_with_4401(
    shared_server: Server, room: str, pipeline_id: str, owner_token: str, kind: str
) -> None:
    token = bad_tokens(owner_token)[kind]
    async with undisturbed(room):
        assert await refusal(shared_server.room(pipeline_id, token)) == 4401


async def test_a_user_without_membership_is_refused_with_4403(
    shared_server: Server, shared_installation: Installation, room: str, pipeline_id: str
) -> None:
    async with shared_installation.sql() as sql:
        await sql.execute("INSERT INTO users (email, name) VALUES ('out@side', 'Outsider')")
    outsider = await shared_installation.token("out@side")
    async with undisturbed(room):
        for token in (outsider, signed()):
            assert await refusal(shared_server.room(pipeline_id, token)) == 4403


@pytest.mark.parametrize("name", [str(UUID(int=404)), "room", "a/b", "..%2f..", "%00", "x" * 300])
async def test_a_room_that_is_no_pipeline_is_refused_with_4404(
    shared_server: Server, room: str, owner_token: str, name: str
) -> None:
    async with undisturbed(room):
        assert await refusal(shared_server.room(name, owner_token)) == 4404


async def refusal(room: str) -> int | None:
    """The close code of a room that does not let anybody in; the reason must say something."""
    async with visiting(room) as visitor:
        code, reason = await visitor.close_code()
        assert reason
        assert not visitor.synced
        return code


async def test_a_viewer_reads_and_does_not_write(
    shared_server: Server, shared_installation: Installation, room: str, pipeline_id: str
) -> None:
    token = await shared_installation.token(VIEWER)
    async with (
        undisturbed(room) as owner,
        joined(shared_server.room(pipeline_id, token)) as viewer,
    ):
        await viewer.edit(lambda _: viewer.steps.update({"forbidden": {}}))
        await viewer.until("a refusal", lambda: bool(viewer.refusals))
        await viewer.until(
            "an edit of the owner", lambda: set(owner.steps.keys()) <= set(viewer.steps.keys())
        )
        assert viewer.is_open
        assert viewer.unechoed
        assert "read-only" in viewer.refusals[0]


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_is_told_without_a_token(shared_server: Server, path: str) -> None:
    async with httpx.AsyncClient() as http:
        for method in METHODS:
            assert_problem(await http.request(method, shared_server.http(path)), 401)


@pytest.mark.parametrize("credentials", ["Bearer garbage", "Bearer", "Basic b3duZXI6", "{token}"])
async def test_nothing_is_told_with_bad_credentials(
    shared_server: Server, owner_token: str, credentials: str
) -> None:
    headers = {"Authorization": credentials.format(token=owner_token)}
    async with httpx.AsyncClient(headers=headers) as http:
        assert_problem(await http.get(shared_server.http("/api/pipelines")), 401)


async def test_with_a_token_what_is_not_there_is_not_found(
    shared_server: Server, owner_token: str
) -> None:
    headers = {"Authorization": f"Bearer {owner_token}"}
    async with httpx.AsyncClient(headers=headers) as http:
        assert_problem(await http.get(shared_server.http("/no/such/page")), 404)


def assert_problem(response: httpx.Response, status: int) -> None:
    """Check for a problem document (RFC 9457) with an answer to "what now?"."""
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)
    if response.request.method != "HEAD":
        problem = response.json()
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]


async def test_health_and_readiness_need_no_token(shared_server: Server) -> None:
    async with httpx.AsyncClient() as http:
        alive = await http.get(shared_server.http("/healthz"))
        ready = await http.get(shared_server.http("/readyz"))
    assert (alive.status_code, ready.status_code) == (200, 200)
    assert ready.json()["checks"]["postgresql"] == "ok"


@pytest.mark.parametrize("path", ["/", "/ws", "/other", "/healthz"])
async def test_there_is_no_websocket_elsewhere(shared_server: Server, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://127.0.0.1:{shared_server.port}{path}"):
            pass
    assert refused.value.response.status_code in (401, 403, 404)


async def test_no_token_is_ever_logged(
    shared_server: Server, shared_installation: Installation, room: str, owner_token: str
) -> None:
    async with joined(room), httpx.AsyncClient() as http:
        await http.get(shared_server.http(f"/?token={owner_token}"))
    log = shared_installation.log_file.read_text()
    assert owner_token not in log
    assert SECRET not in log


async def test_the_address_in_a_browser_leads_to_the_page(shared_server: Server) -> None:
    async with httpx.AsyncClient() as http:
        page = await http.get(shared_server.http("/"))
    assert page.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(("offered", "chosen"), [(["y-sync", "other"], "y-sync"), (None, None)])
async def test_one_of_the_sub_protocols_that_are_offered_is_chosen(
    room: str, shared_server: Server, offered: list[str] | None, chosen: str | None
) -> None:
    for url in (room, shared_server.collab, f"{shared_server.collab}/"):
        async with connect(url, subprotocols=offered) as socket:
            assert socket.subprotocol == chosen
