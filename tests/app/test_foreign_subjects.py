"""Whoever an issuer calls `auth0|abc` gets through every door, and stays who they are."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx
import pytest
from websockets.asyncio.client import connect

from crdt.protocol.hocuspocus import Authenticate
from crdt.protocol.messages import Authenticated
from tests.app.issuer import Publisher, Signer, published, publishing, signer
from tests.editor import joined
from tests.hocuspocus import client_frame, read
from tests.server import Installation, Server

KEY: Final[Signer] = signer("RS256")
ISSUER: Final = "https://acme.example/"


@pytest.fixture
async def server(installation: Installation) -> AsyncIterator[Server]:
    """A server that lets everybody of one issuer in, with a team for a group."""
    with publishing(published(KEY.public())) as publisher:
        async with with_issuer(installation, publisher).serve() as made:
            yield made


def with_issuer(installation: Installation, publisher: Publisher) -> Installation:
    return replace(
        installation,
        environment={
            "PIPELOOM_JWKS_URL": publisher.url,
            "PIPELOOM_JWT_ISSUER": ISSUER,
            "PIPELOOM_PROVISION": "all",
            "PIPELOOM_GROUPS_CLAIM": "https://acme.example/groups",
            "PIPELOOM_GROUP_ROLES": "devs=demo/demo:member,guests=demo/demo:viewer",
        },
    )


def a_token(subject: str = "auth0|abc", *groups: str, at: int = 0, **claims: Any) -> str:
    issued = datetime.now(UTC) - timedelta(minutes=5) + timedelta(seconds=at)
    usual = {"iss": ISSUER, "sub": subject, "iat": issued, "email_verified": True}
    return KEY.sign(**{**usual, "https://acme.example/groups": list(groups), **claims})


async def ask(server: Server, method: str, path: str, token: str, **options: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient() as client:
        return await client.request(method, server.http(path), headers=headers, **options)


async def me(server: Server, token: str) -> dict[str, Any]:
    answer = await ask(server, "GET", "/api/me", token)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_door_lets_them_in(server: Server, installation: Installation) -> None:
    token = a_token("auth0|abc", "devs", email="ada@example.org", name="Ada")
    pipeline_id = await installation.demo_pipeline()
    assert (await me(server, token))["name"] == "Ada"
    async with joined(server.room(pipeline_id, token)) as editor:
        assert len(editor.steps) > 0
    async with connect(server.collab) as socket:
        await socket.send(client_frame(pipeline_id, Authenticate(token)))
        frame = await socket.recv()
        assert isinstance(frame, bytes)
        assert read(frame) == (pipeline_id, Authenticated("read-write"))
    asked = await ask(server, "POST", f"/api/pipelines/{pipeline_id}/events/ticket", token)
    stream = server.http(f"/api/pipelines/{pipeline_id}/events?ticket={asked.json()['ticket']}")
    async with httpx.AsyncClient() as client, client.stream("GET", stream) as events:
        assert events.status_code == 200
    renewed = await ask(server, "POST", "/api/session", token)
    assert (renewed.status_code, "issuer" in renewed.text) == (403, True)


async def test_they_stay_who_they_are(server: Server, installation: Installation) -> None:
    first = await me(server, a_token(email="ada@example.org"))
    second = await me(server, a_token(at=1, email="lovelace@example.org"))
    assert second["id"] == first["id"]
    assert second["email"] == "lovelace@example.org"
    eve = await me(server, a_token("auth0|eve", email="lovelace@example.org"))
    unverified = await me(
        server, a_token("auth0|mallory", email="owner@demo.pipeloom", email_verified=False)
    )
    owner = (await installation.result("user", "list")).split("  owner@demo.pipeloom")[0]
    assert len({first["id"], eve["id"], unverified["id"], owner.splitlines()[-1]}) == 4
    elsewhere = a_token(iss="https://elsewhere.example/", email="lovelace@example.org")
    assert (await ask(server, "GET", "/api/me", elsewhere)).status_code == 401


async def test_a_group_that_is_taken_away_closes_the_room(
    server: Server, installation: Installation
) -> None:
    pipeline_id = await installation.demo_pipeline()
    token = a_token("auth0|abc", "devs")
    async with joined(server.room(pipeline_id, token)) as editor:
        await me(server, a_token("auth0|abc", at=1))
        assert (await editor.close_code())[0] == 4403
    # The older token brings nothing back.
    answer = await ask(server, "GET", f"/api/pipelines/{pipeline_id}", token)
    assert answer.status_code == 404
