"""The access log has every request, and nothing that lets anybody in."""

from uuid import uuid4

import pytest
from starlette.types import Message, Receive, Scope, Send
from structlog.testing import capture_logs

from app.telemetry.access_log import AccessLog, safe_path

SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.hush"


async def _answer(scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer a request; open a WebSocket if its path says so."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": b"hel", "more_body": True})
        await send({"type": "http.response.body", "body": b"lo"})
        return
    if "open" in scope["path"]:
        await send({"type": "websocket.accept"})
    await send({"type": "websocket.close"})


async def _ask(path: str, query: str = "", kind: str = "http") -> None:
    async def receive() -> Message:
        raise AssertionError

    async def send(_message: Message) -> None:
        pass

    scope = {
        "type": kind,
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "client": ("192.0.2.1", 5),
        "headers": [(b"authorization", f"Bearer {SECRET}".encode()), (b"cookie", SECRET.encode())],
    }
    await AccessLog(_answer)(scope, receive, send)


async def test_a_request_is_logged_without_its_secrets() -> None:
    pipeline_id = uuid4()
    with capture_logs() as logs:
        await _ask(f"/api/pipelines/{pipeline_id}/{SECRET}", f"token={SECRET}&ticket=42")
    (entry,) = logs
    assert (entry["event"], entry["method"], entry["status"]) == ("request.answered", "GET", 202)
    assert (entry["path"], entry["bytes"]) == (f"/api/pipelines/{pipeline_id}/…", 5)
    assert entry["client"] == "192.0.2.1"
    for secret in (SECRET, "token", "ticket", "Bearer"):
        assert secret not in str(logs)


async def test_a_websocket_is_logged_when_it_opens() -> None:
    with capture_logs() as logs:
        for path in ("/ws/open", "/ws/no"):
            await _ask(path, f"token={SECRET}", "websocket")
    assert [(one["method"], one["path"], one["status"]) for one in logs] == [
        ("WEBSOCKET", "/ws/open", 101),
        ("WEBSOCKET", "/ws/no", 403),
    ]
    assert SECRET not in str(logs)


async def test_probes_are_left_out() -> None:
    with capture_logs() as logs:
        await _ask("/healthz")
    assert logs == []


@pytest.mark.parametrize(
    ("path", "logged"),
    [
        ("/", "/"),
        ("/api/teams/slug-of-a-team", "/api/teams/slug-of-a-team"),
        (f"/api/invitations/{'a' * 32}", "/api/invitations/…"),
        ("/a b/c\nd", "/…/…"),
    ],
)
def test_what_may_be_a_secret_or_forge_a_line_is_left_out(path: str, logged: str) -> None:
    assert safe_path(path) == logged
