import asyncio

import pytest
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message

from app.api.core import request_body
from app.api.core.problems import BodyTooBig, BodyTooSlow, CompressedBody, TooManyRequests
from app.api.core.request_body import MAX_BODIES_AT_ONCE, BodyReader
from tests.app.fakes import turns
from tests.contracts.stores import an_id

ADA, BOB = an_id(1), an_id(2)
NONE = Headers()


class Body:
    """A body that arrives when the test says so."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Message] = asyncio.Queue()

    def send(self, chunk: bytes, *, more: bool = True) -> None:
        self.messages.put_nowait({"type": "http.request", "body": chunk, "more_body": more})

    async def receive(self) -> Message:
        return await self.messages.get()


def whole(chunk: bytes) -> Body:
    body = Body()
    body.send(chunk, more=False)
    return body


async def begun(taking: BodyReader, chunk: bytes) -> tuple[Body, "asyncio.Task[bytes]"]:
    """Let a body of Ada's begin."""
    body = Body()
    body.send(chunk)
    task = asyncio.create_task(taking.body(ADA, NONE, body.receive))
    await turns()
    return body, task


async def test_chunks_become_a_body() -> None:
    body, task = await begun(BodyReader(10), b"ab")
    body.send(b"c", more=False)
    assert await task == b"abc"


async def test_a_body_is_refused_as_soon_as_it_is_too_big() -> None:
    taking = BodyReader(10)
    with pytest.raises(BodyTooBig):
        await taking.body(ADA, Headers({"content-length": "11"}), Body().receive)
    body = Body()
    body.send(b"x" * 11)
    with pytest.raises(BodyTooBig):
        await taking.body(ADA, NONE, body.receive)


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "Identity2"])
async def test_a_packed_body_is_refused_before_it_is_read(coding: str) -> None:
    with pytest.raises(CompressedBody, match="without Content-Encoding") as refused:
        await BodyReader(10).body(ADA, Headers({"content-encoding": coding}), Body().receive)
    assert refused.value.headers == {"Accept-Encoding": "identity"}


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
async def test_a_body_as_it_is_may_say_so(coding: str) -> None:
    headers = Headers({"content-encoding": coding})
    assert await BodyReader(10).body(ADA, headers, whole(b"x").receive) == b"x"


async def test_bodies_that_never_end_are_bounded_for_each_caller() -> None:
    taking = BodyReader(10)
    unfinished = [await begun(taking, b"x" * 10) for _ in range(MAX_BODIES_AT_ONCE)]
    with pytest.raises(TooManyRequests):
        await taking.body(ADA, NONE, whole(b"x").receive)
    assert await taking.body(BOB, NONE, whole(b"x").receive) == b"x"
    for body, task in unfinished:
        body.send(b"", more=False)
        await task
    assert await taking.body(ADA, NONE, whole(b"x").receive) == b"x"


async def test_what_is_refused_or_breaks_off_counts_no_more() -> None:
    taking = BodyReader(10)
    for _ in range(MAX_BODIES_AT_ONCE + 1):
        with pytest.raises(BodyTooBig):
            await taking.body(ADA, NONE, whole(b"x" * 11).receive)
        body, task = await begun(taking, b"x" * 10)
        body.messages.put_nowait({"type": "http.disconnect"})
        with pytest.raises(ClientDisconnect):
            await task
    assert await taking.body(ADA, NONE, whole(b"x").receive) == b"x"


async def test_a_body_that_does_not_arrive_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "BODY_SECONDS", 0.0)
    with pytest.raises(BodyTooSlow):
        await BodyReader(10).body(ADA, NONE, Body().receive)
