"""Clients that ask and do not read."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from starlette.types import Message

from app.auth.tokens import Claims
from app.shapes import endpoint
from app.shapes.answers import Answer, Caller
from app.shapes.endpoint import ANSWERS_AT_ONCE, ShapeEndpoint
from app.shapes.parameters import Definition, RequestLimits, ShapeRequest
from tests.app.fakes import turns
from tests.server import PATIENCE, eventually

USER = UUID(int=1)


class Everybody:
    """`Verifier` that takes any token for that of one user."""

    async def verify(self, token: str) -> Claims:
        del token
        return Claims(USER, datetime(2100, 1, 1, tzinfo=UTC))


class Endless:
    """`Engine` whose answers have no end; how many there are, and were closed."""

    is_ready = True

    def __init__(self) -> None:
        self.begun = self.closed = 0

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        del request, who
        self.begun += 1
        return Answer(200, {}, self._parts())

    async def _parts(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"part"
        finally:
            self.closed += 1

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        raise AssertionError


class Client:
    """Asks, and reads nothing but the beginning."""

    def __init__(self, query: str) -> None:
        authorization = (b"authorization", b"Bearer token")
        self.scope = {
            "type": "http",
            "method": "GET",
            "query_string": query.encode(),
            "headers": [authorization],
        }

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()


def asking(shapes: ShapeEndpoint, query: str, times: int) -> list[asyncio.Task[None]]:
    clients = [Client(query) for _ in range(times)]
    return [
        asyncio.create_task(shapes(client.scope, client.receive, client.send)) for client in clients
    ]


async def test_answers_that_are_not_read_are_few_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Endless()
    shapes = ShapeEndpoint(engine, Everybody(), RequestLimits())
    tasks = asking(shapes, "table=teams&offset=-1", ANSWERS_AT_ONCE + 3)
    await eventually("as many as may be", lambda: asyncio.sleep(0, engine.begun == ANSWERS_AT_ONCE))
    # Live requests wait in no line.
    live = asking(shapes, "table=teams&offset=1_0&handle=h&live=true", 1)
    await eventually("a live one", lambda: asyncio.sleep(0, engine.begun == ANSWERS_AT_ONCE + 1))
    # What begins now has no time at all, and makes way for the next.
    monkeypatch.setattr(endpoint, "SEND_SECONDS", 0)
    for task in tasks[:ANSWERS_AT_ONCE] + live:
        task.cancel()
    await asyncio.gather(*tasks, *live, return_exceptions=True)
    assert engine.begun == engine.closed == ANSWERS_AT_ONCE + 4
    assert [task.exception() for task in tasks[ANSWERS_AT_ONCE:]] == [None] * 3


class Stubborn(Endless):
    """`Engine` whose answer takes a cancellation for something else at first, as drivers do."""

    def __init__(self) -> None:
        super().__init__()
        self.waits, self.cancellations = asyncio.Event(), 0

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        for _ in range(2):
            try:
                self.waits.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancellations += 1
        raise asyncio.CancelledError


class Leaving(Client):
    """Asks, and goes away when it is to."""

    def __init__(self, query: str) -> None:
        super().__init__(query)
        self.leaves = asyncio.Event()

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}


async def test_an_answer_ends_when_its_client_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "RETRY_SECONDS", 0)
    engine, client = Stubborn(), Leaving("table=teams&offset=1_0&handle=h&live=true")
    shapes = ShapeEndpoint(engine, Everybody(), RequestLimits())
    asked = asyncio.create_task(shapes(client.scope, client.receive, client.send))
    async with asyncio.timeout(PATIENCE):
        await engine.waits.wait()
        client.leaves.set()
        await asyncio.wait([asked])
    assert asked.exception() is None
    assert engine.cancellations == 2


async def test_who_cancels_a_request_sees_that_it_is_cancelled() -> None:
    engine, client = Stubborn(), Leaving("table=teams&offset=1_0&handle=h&live=true")
    shapes = ShapeEndpoint(engine, Everybody(), RequestLimits())
    asked = asyncio.create_task(shapes(client.scope, client.receive, client.send))
    async with asyncio.timeout(PATIENCE):
        await engine.waits.wait()
        for _ in range(2):
            asked.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await asked
    await turns()
    # Nobody watches the client any more.
    assert asyncio.all_tasks() == {asyncio.current_task()}
