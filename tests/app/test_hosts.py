"""Names by which a server may be addressed: what DNS rebinding needs is refused."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import Message, Scope
from starlette.websockets import WebSocket

from app import hosts
from app.hosts import AllowedHosts, Hosts
from app.http import healthz
from app.settings import Settings, load_settings

EVIL = "rebound.evil.example:8000"


@pytest.mark.parametrize(
    ("allowed", "is_local", "host", "is_allowed"),
    [
        ((), True, "127.0.0.1:8000", True),
        ((), True, "127.8.9.1", True),
        ((), True, "localhost:8000", True),
        ((), True, "LOCALHOST", True),
        ((), True, "loom.localhost:8000", True),
        ((), True, "[::1]:8000", True),
        ((), True, None, True),
        ((), True, EVIL, False),
        ((), True, "localhost.evil.example", False),
        ((), True, "192.168.0.7", False),
        ((), True, "", False),
        ((), True, "[", False),
        ((), False, EVIL, True),
        (("loom.example",), True, "Loom.example:8443", True),
        (("loom.example",), False, "loom.example", True),
        (("loom.example",), False, EVIL, False),
        (("loom.example",), False, "127.0.0.1", True),
        (("*",), True, EVIL, True),
    ],
)
def test_names_of_this_machine_and_those_of_the_list_may(
    allowed: tuple[str, ...], is_local: bool, host: str | None, is_allowed: bool
) -> None:
    assert Hosts(allowed, is_local=is_local).allow(host) is is_allowed


def test_a_header_that_was_allowed_is_so_again_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = list[str]()
    host_name = hosts.host_name
    monkeypatch.setattr(hosts, "host_name", lambda host: read.append(host) or host_name(host))
    rule = Hosts((), is_local=True)
    for _ in range(2):
        assert rule.allow("localhost:8000")
        assert not rule.allow(EVIL)
    assert read == ["localhost:8000", EVIL, EVIL]
    for port in range(hosts.MOST_MET + 10):
        assert rule.allow(f"localhost:{port}")
    assert rule.allow("localhost:" + "0" * hosts.LONGEST_MET)
    assert len(rule._met) == hosts.MOST_MET


def test_the_settings_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not Hosts.of(load_settings()).allow(EVIL)
    assert Hosts.of(Settings(host="0.0.0.0")).allow(EVIL)
    monkeypatch.setenv("PIPELOOM_ALLOWED_HOSTS", "a.example, b.example")
    assert Hosts.of(load_settings()).allow("b.example:8000")
    assert not Hosts.of(load_settings()).allow(EVIL)


def guarded() -> Starlette:
    hosts = Hosts((), is_local=True)
    routes = [Route("/healthz", healthz), Route("/metrics", healthz)]
    return Starlette(routes=routes, middleware=[Middleware(AllowedHosts, hosts=hosts)])


async def asked(path: str, host: str) -> httpx.Response:
    transport = httpx.ASGITransport(guarded())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path, headers={"host": host})


async def test_another_name_is_refused_with_what_to_do() -> None:
    answer = await asked("/metrics", EVIL)
    assert (answer.status_code, answer.json()["code"]) == (421, "wrong_host")
    assert "PIPELOOM_ALLOWED_HOSTS" in answer.json()["detail"]
    assert (await asked("/metrics", "localhost")).status_code == 200


async def test_probes_go_by_any_name() -> None:
    assert (await asked("/healthz", "10.0.0.7:8000")).status_code == 200


async def test_a_websocket_by_another_name_is_not_accepted() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: object, send: object) -> None:
        await WebSocket(scope, receive, send).accept()  # type: ignore[arg-type]

    scope: Scope = {"type": "websocket", "path": "/ws/x", "headers": [(b"host", EVIL.encode())]}
    await AllowedHosts(app, Hosts((), is_local=True))(scope, None, send)  # type: ignore[arg-type]
    assert sent == [{"type": "websocket.close"}]
