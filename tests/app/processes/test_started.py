"""What the log says of a server from its start to its end, as whoever operates it reads it."""

import json
from typing import Any

import httpx

from app.version import VERSION
from tests.editor import joined
from tests.server import Installation

ENVIRONMENT = {
    "PIPELOOM_JWT_SECRET": "hush-hush-hush-hush-hush-hush-hush-hush",
    "PIPELOOM_LOG_FORMAT": "json",
    "PIPELOOM_ACCESS_LOG": "true",
    "PIPELOOM_OUTBOX_BYTES": "123456",
}


async def test_start_requests_and_stop_are_logged_without_secrets(
    installation: Installation,
) -> None:
    noted = Installation(installation.database_url, installation.data_dir, ENVIRONMENT)
    async with noted.serve() as server:
        pipeline_id, token = await noted.demo_pipeline(), await noted.token()
        async with httpx.AsyncClient() as client, joined(server.room(pipeline_id, token)):
            address = server.http(f"/api/pipelines/{pipeline_id}")
            await client.get(address, headers={"Authorization": f"Bearer {token}"})
            await client.get(address, params={"token": token})
            assert await server.program.end() == 0
    text = noted.log_file.read_text()
    events = [json.loads(line) for line in text.splitlines()]
    started, stopping, stopped = (
        _only(events, f"server.{name}") for name in ("started", "stopping", "stopped")
    )
    assert (started["version"], started["bus"]) == (VERSION, "none")
    assert "outbox_bytes=123456" in started["settings"]
    assert "jwt_secret=(set)" in started["settings"]
    assert (stopping["reason"], stopping["clients"]) == ("SIGTERM", 1)
    assert (stopped["clients_notified"], stopped["clients_left"]) == (1, 0)
    assert 0 < stopped["drained_in"] < 10
    asked = [(one["method"], one["path"]) for one in events if one["event"] == "request.answered"]
    assert asked.count(("GET", f"/api/pipelines/{pipeline_id}")) == 2
    assert ("WEBSOCKET", f"/ws/{pipeline_id}") in asked
    for secret in (token, ENVIRONMENT["PIPELOOM_JWT_SECRET"]):
        assert secret not in text


def _only(events: list[dict[str, Any]], name: str) -> dict[str, Any]:
    (found,) = [one for one in events if one["event"] == name]
    return found
