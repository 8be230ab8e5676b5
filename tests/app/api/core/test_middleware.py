import asyncio
from collections.abc import Callable

import pytest
from starlette.types import Message, Receive, Scope, Send

from app.api.core.callers import Callers
from app.api.core.context import Caller
from app.api.core.guests import Guests
from app.api.core.middleware import ApiMiddleware
from app.api.core.rate_limit import RateLimit
from app.api.core.unread_answers import MOST_BYTES
from app.compute_queue import ComputeQueue
from persistence.memory.tickets import MemoryTickets
from tests.app.api.conftest import MAX_BODY
from tests.app.api.house import TOKENS, ApiUser, House, Team, ask, the_problem
from tests.app.fakes import HeldClock

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", ["/me", "/pipelines", "/nothing-here", "/me/", "/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "TRACE"])
async def test_callers_without_a_token_learn_nothing_about_a_path(
    house: House, path: str, method: str
) -> None:
    answer = await ask(house.app, method, path)
    the_problem(answer, 401)
    assert answer.headers["www-authenticate"] == 'Bearer realm="pipeloom"'


@pytest.mark.parametrize("token", ["", "nonsense", "a.b.c", "x" * 20_000])
async def test_a_token_that_is_none_is_refused(house: House, token: str) -> None:
    the_problem(await ask(house.app, "GET", "/me", token), 401)


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
async def test_the_documentation_holds_no_data_and_needs_no_token(house: House, path: str) -> None:
    assert (await ask(house.app, "GET", path)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_what_strangers_send_to_an_open_path_is_not_read(house: House, method: str) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("a body was read that nobody needs")

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": method,
        "path": "/api/openapi.json",
        "raw_path": b"/api/openapi.json",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"2000000")],
    }
    await house.app(scope, receive, send)
    assert sent[0]["status"] == 405
    assert (b"allow", b"GET, HEAD") in sent[0]["headers"]


@pytest.mark.parametrize("path", ["/%0A", "/pipelines/a%0Ab"])
async def test_a_path_with_a_line_feed_is_a_path_like_others(
    house: House, team: Team, path: str
) -> None:
    the_problem(await ask(house.app, "GET", path), 401)
    the_problem(await team.owner.get(path), 404)


@pytest.mark.parametrize("path", ["/nothing-here", "/me/", "/pipelines/x/y/z", "/"])
async def test_callers_with_a_token_learn_that_nothing_is_there(team: Team, path: str) -> None:
    document = the_problem(await team.viewer.get(path), 404)
    assert document["detail"] == f"there is nothing at /api{path}"


async def test_a_method_that_a_path_has_not_is_answered_with_those_it_has(team: Team) -> None:
    answer = await team.viewer.delete("/me")
    the_problem(answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, PATCH"


async def test_head_answers_as_get_does_without_content(team: Team) -> None:
    got = await team.viewer.get("/me")
    head = await team.viewer.ask("HEAD", "/me")
    assert (head.status_code, head.content) == (200, b"")
    assert {name: head.headers[name] for name in ("etag", "content-length", "content-type")} == {
        name: got.headers[name] for name in ("etag", "content-length", "content-type")
    }


async def test_a_body_beyond_the_limit_is_refused_by_its_declared_length(team: Team) -> None:
    answer = await team.owner.patch("/me", {"name": "x" * MAX_BODY})
    assert the_problem(answer, 413)["detail"] == f"expected a body of at most {MAX_BODY} bytes"


def deep(levels: int) -> str:
    return '{"preferences": ' + '{"a":' * levels + "1" + "}" * (levels + 1)


BAD_BODIES = {
    "no json": "{",
    "nothing": "",
    "nul": '{"name": "a\\u0000b"}',
    "nul in a key": '{"preferences": {"a\\u0000": 1}}',
    "half a surrogate pair": '{"name": "\\ud83d"}',
    "not a number": '{"preferences": {"a": NaN}}',
    "infinity": '{"preferences": {"a": -Infinity}}',
    "a float beyond doubles": '{"preferences": {"a": 1e999}}',
    "an integer beyond JavaScript": '{"preferences": {"a": 9007199254740992}}',
    "an endless integer": '{"preferences": {"a": ' + "9" * 5000 + "}}",
    "deep": deep(64),
    "very deep": deep(9000),
    "no object": "[]",
    "an unknown field": '{"nome": "Ada"}',
    "a text for an object": '{"preferences": "dark"}',
    "null for a name": '{"name": null}',
    "an empty name": '{"name": "  "}',
    "a long name": '{"name": "' + "x" * 201 + '"}',
    "not utf-8": b'{"name": "\xff"}',
    "many values": '{"preferences": {"a": [' + "0," * 30_000 + "0]}}",
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_what_cannot_be_is_refused_with_the_place_where_it_stands(
    team: Team, body: str | bytes
) -> None:
    headers = {"content-type": "application/json"}
    answer = await team.owner.ask("PATCH", "/me", content=body, headers=headers)
    document = the_problem(answer, 422)
    assert document["errors"]
    assert all(error["path"].startswith("body") for error in document["errors"])
    assert (await team.owner.read("/me"))["name"] == "Owner"


async def test_a_text_may_have_any_number_of_commas(team: Team) -> None:
    preferences = {"a": "[{," * 10_000}
    answer = await team.owner.patch("/me", {"preferences": preferences})
    assert answer.json()["preferences"] == preferences


async def test_sixty_four_levels_of_nesting_are_taken(team: Team) -> None:
    headers = {"content-type": "application/json"}
    answer = await team.owner.ask("PATCH", "/me", content=deep(63), headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?limit=x", "?status=%00", "?team=1"])
async def test_a_query_that_cannot_be_is_refused(team: Team, query: str) -> None:
    the_problem(await team.owner.get(f"/pipelines{query}"), 422)


async def test_a_bug_shows_nothing_of_itself(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Caller) -> None:
        raise LookupError("nobody should see this")

    monkeypatch.setattr(Caller, "rows", broken)
    answer = await team.owner.get("/me")
    assert "nobody should see" not in the_problem(answer, 500)["detail"]


def a_gate(
    app: Callable[..., object], max_body: int = 10, burst: int = 3
) -> tuple[ApiMiddleware, HeldClock]:
    clock = HeldClock()
    callers = Callers(TOKENS, MemoryTickets(clock.monotonic))
    rate = RateLimit(1.0, burst, clock)
    guests = Guests(callers, clock)  # type: ignore[arg-type]
    return ApiMiddleware(app, callers, rate, max_body, ComputeQueue(), guests=guests), clock  # type: ignore[arg-type]


async def passes(
    middleware: ApiMiddleware, caller: ApiUser, *chunks: bytes
) -> tuple[int, dict[str, str]]:
    """Send a body in chunks; return the status and the headers of the answer."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b"", "more_body": False})
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"",
        "headers": [(b"authorization", f"Bearer {caller.token}".encode())],
    }
    await middleware(scope, receive, send)
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


async def taking(_: Scope, receive: Receive, send: Send) -> None:
    """An application that takes the body and says nothing."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_body_beyond_the_limit_is_refused_while_it_arrives(team: Team) -> None:
    middleware, _ = a_gate(taking)
    assert (await passes(middleware, team.owner, b"12345", b"67890"))[0] == 200
    assert (await passes(middleware, team.owner, b"12345", b"67890", b"1"))[0] == 413


async def test_who_asks_too_fast_learns_when_to_come_back(team: Team) -> None:
    middleware, clock = a_gate(taking, burst=2)
    assert [(await passes(middleware, team.owner))[0] for _ in range(3)] == [200, 200, 429]
    _, headers = await passes(middleware, team.owner)
    assert headers["retry-after"] == "1"
    assert headers["ratelimit"] == '"user";r=0;t=2'
    assert headers["ratelimit-policy"] == '"user";q=2;w=2'
    assert (await passes(middleware, team.viewer))[0] == 200, "others are not slowed down"
    clock.seconds += 1
    assert [(await passes(middleware, team.owner))[0] for _ in range(2)] == [200, 429]


async def test_what_is_left_is_in_every_answer(team: Team) -> None:
    answer = await team.owner.get("/me")
    assert answer.headers["ratelimit"].startswith('"user";r=')


async def test_large_answers_that_a_caller_does_not_read_are_bounded(team: Team) -> None:
    async def large(_scope: Scope, _receive: Receive, send: Send) -> None:
        length = (b"content-length", str(MOST_BYTES).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": b"", "more_body": True})
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def status(caller: ApiUser) -> int:
        """The status of an answer of which the rest is never read."""
        sent: asyncio.Queue[Message] = asyncio.Queue()
        header = (b"authorization", f"Bearer {caller.token}".encode())
        scope = {"type": "http", "method": "GET", "path": "/x", "query_string": b""}
        asked = gate({**scope, "headers": [header]}, receive, sent.put)
        unread.append(asyncio.ensure_future(asked))
        return int((await sent.get())["status"])

    unread: list[asyncio.Future[None]] = []
    gate, _ = a_gate(large)
    callers = (team.owner, team.owner, team.viewer)
    assert [await status(caller) for caller in callers] == [200, 429, 200]
    for request in unread:
        request.cancel()
    await asyncio.gather(*unread, return_exceptions=True)
