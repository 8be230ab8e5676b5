"""What is passed on to the process that has the shapes, what comes back, and what ends when."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from errno import ECONNREFUSED

import httpx
import pytest
from structlog.testing import capture_logs

import app.shapes.handover
from app.shapes.answers import Answer, Interrupted, Sent
from app.shapes.handover import MARK, Broken, Handover, HandoverClient, HolderGone, loaded_client
from app.shapes.handover_client import IDLE_SECONDS, HttpClient
from app.shapes.handover_listener import KEEP_ALIVE_SECONDS
from app.telemetry import metrics
from persistence.errors import StoreUnavailable
from persistence.ports.shape_lease import Holder
from tests.app.fakes import turns
from tests.contracts.stores import an_id

ONE, OTHER = Holder(an_id(1), "192.0.2.1:4001"), Holder(an_id(2), "[2001:db8::1]:4002")
SENT = Sent("GET", b"table=steps&offset=-1&where=name%3D'%C3%A9+%26'", b"", {"authorization": "x"})


class Stream(httpx.AsyncByteStream):
    """A body whose parts come when a test says so; an exception breaks it off."""

    def __init__(self) -> None:
        self.parts: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := await self.parts.get()) is not None:
            if isinstance(part, Exception):
                raise part
            yield part

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class Far:
    """The other process."""

    requests: list[httpx.Request] = field(default_factory=list)
    stream: Stream = field(default_factory=Stream)
    headers: list[tuple[str, str]] = field(default_factory=list)
    status: int = 200
    failure: Exception | None = None
    is_silent: bool = False

    async def answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.failure is not None:
            raise self.failure
        if self.is_silent:
            await asyncio.Event().wait()
        return httpx.Response(self.status, headers=self.headers, stream=self.stream)


@dataclass
class Scene:
    """A handover to somebody who has the shapes until a test says otherwise."""

    far: Far = field(default_factory=Far)
    holder: Holder | None = ONE
    looks: int = 0
    is_away: bool = False

    def __post_init__(self) -> None:
        self.handover = Handover(self.connect, self.look)

    async def connect(self) -> HandoverClient:
        return HttpClient(httpx.MockTransport(self.far.answer))

    async def look(self) -> Holder | None:
        self.looks += 1
        if self.is_away:
            raise StoreUnavailable("away")
        return self.holder

    async def answer(self, sent: Sent = SENT, holder: Holder = ONE) -> Answer:
        return await self.handover.answer(holder, sent)

    async def parts(self, answer: Answer) -> list[bytes]:
        assert not isinstance(answer.body, bytes)
        async with aclosing(answer.body) as parts:
            return [part async for part in parts]

    def holds_nothing(self) -> bool:
        return not self.handover._outstanding and self.far.stream.is_closed


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def stream(scene: Scene) -> Stream:
    return scene.far.stream


async def test_a_request_is_passed_on_as_it_came(scene: Scene) -> None:
    headers = {
        "authorization": "Bearer of the caller",
        "cookie": "session=1",
        "content-type": "application/json",
        "if-none-match": '"x"',
        "host": "pipeloom.example",
        "connection": "close, x-secret",
        "x-secret": "of this connection",
        "x-forwarded-for": "198.51.100.7",
        "transfer-encoding": "chunked",
        "content-length": "2",
        MARK: "9",
        "origin": "http://evil.example",
    }
    scene.far.stream.parts.put_nowait(None)
    await scene.parts(await scene.answer(Sent("POST", SENT.query, b"{}", headers)))
    (request,) = scene.far.requests
    assert (request.method, await request.aread()) == ("POST", b"{}")
    assert str(request.url) == f"http://192.0.2.1:4001/v1/shape?{SENT.query.decode()}"
    assert request.url.query == SENT.query
    assert {
        name: value
        for name, value in request.headers.items()
        if name not in {"accept", "accept-encoding", "user-agent", "content-length"}
    } == {
        "host": "192.0.2.1:4001",
        "authorization": "Bearer of the caller",
        "cookie": "session=1",
        "content-type": "application/json",
        "connection": "keep-alive",
        MARK: "1",
    }


async def test_an_address_of_version_6_is_one_too(scene: Scene) -> None:
    await scene.answer(holder=OTHER)
    assert scene.far.requests[0].url.netloc == b"[2001:db8::1]:4002"


async def test_an_answer_comes_back_without_what_is_of_the_connection(
    scene: Scene, stream: Stream
) -> None:
    scene.far.status = 409
    scene.far.headers = [
        ("Electric-Handle", "1-2"),
        ("Cache-Control", "private, no-store"),
        ("Vary", "Authorization"),
        ("Connection", "keep-alive, X-Hop"),
        ("Keep-Alive", "timeout=5"),
        ("X-Hop", "1"),
        ("Transfer-Encoding", "chunked"),
        ("Date", "Mon, 30 Nov 2026 10:00:00 GMT"),
        ("Server", "x"),
        ("Retry-After", "1"),
    ]
    answer = await scene.answer()
    assert (answer.status, answer.headers) == (
        409,
        {
            "electric-handle": "1-2",
            "cache-control": "private, no-store",
            "vary": "Authorization",
            "retry-after": "1",
        },
    )
    for part in (b"[", b"]", None):
        stream.parts.put_nowait(part)
    assert await scene.parts(answer) == [b"[", b"]"]
    assert scene.holds_nothing()


async def test_each_part_is_sent_on_when_it_comes(scene: Scene, stream: Stream) -> None:
    answer = await scene.answer()
    assert not isinstance(answer.body, bytes)
    for part in (b"one", b"two"):
        waiting = asyncio.ensure_future(anext(answer.body))
        await turns()
        assert not waiting.done()
        stream.parts.put_nowait(part)
        assert await waiting == part
    await answer.body.aclose()
    await answer.body.aclose()
    assert scene.holds_nothing()


async def test_a_body_that_nobody_reads_is_closed(scene: Scene) -> None:
    answer = await scene.answer()
    assert not isinstance(answer.body, bytes)
    await answer.body.aclose()
    assert scene.holds_nothing()


def refused() -> httpx.ConnectError:
    """A refusal as httpx raises it: what the system said stands behind it alone."""
    error = httpx.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("All connection attempts failed")
    error.__cause__.__cause__ = ConnectionRefusedError(ECONNREFUSED, "Connect call failed")
    return error


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (refused(), "connection refused"),
        (httpx.ConnectError("x"), "no connection could be made"),
        (httpx.ConnectTimeout("x"), "no connection within 2 s"),
        (httpx.ReadTimeout("x"), "it was silent for 75 s"),
        (httpx.ReadError("x"), "the connection broke while it was answering"),
        (httpx.RemoteProtocolError("x"), "the connection broke while it was answering"),
    ],
)
async def test_who_cannot_be_reached_is_gone(scene: Scene, failure: Exception, reason: str) -> None:
    scene.far.failure = failure
    with capture_logs() as logs, pytest.raises(HolderGone):
        await scene.answer()
    (entry,) = logs
    assert (entry["event"], entry["address"]) == ("shapes.handover_failed", ONE.address)
    assert entry["error"] == (
        f"{reason}: clients ask again, and another server takes the shapes 5 s after this one "
        "has gone"
    )
    assert not scene.handover._outstanding


async def test_nobody_behind_an_address_is_a_refusal() -> None:
    client = await loaded_client()
    with pytest.raises(Broken, match=r"^connection refused$"):
        await client.ask("127.0.0.1:1", SENT, {})
    await client.aclose()


async def fail(scene: Scene, holder: Holder = ONE, times: int = 1) -> list[tuple[str, int]]:
    """Ask somebody who is not there; return whom the warnings are about, and their counts."""
    scene.far.failure = httpx.ConnectError("x")
    with capture_logs() as logs:
        for _ in range(times):
            with pytest.raises(HolderGone):
                await scene.answer(holder=holder)
    assert {entry["event"] for entry in logs} <= {"shapes.handover_failed"}
    return [(entry["address"], entry["so_far"]) for entry in logs]


async def test_who_cannot_be_reached_is_warned_of_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = metrics.SHAPE_HANDOVERS.labels("failed")._value
    before = failed.get()
    assert await fail(scene, times=3) == [(ONE.address, 1)]
    assert failed.get() == before + 3
    assert await fail(scene, OTHER, times=3) == [(OTHER.address, 1)]
    monkeypatch.setattr(app.shapes.handover, "WARN_SECONDS", 0.0)
    assert await fail(scene, OTHER) == [(OTHER.address, 4)]


@pytest.mark.parametrize("now", [OTHER, None], ids=["another", "nobody"])
async def test_what_waits_for_a_head_ends_when_another_has_the_shapes(
    scene: Scene, now: Holder | None
) -> None:
    scene.far.is_silent = True
    waiting = asyncio.create_task(scene.answer())
    await turns()
    await scene.handover.watch()
    await turns()
    assert not waiting.done()
    scene.holder = now
    await scene.handover.watch()
    with pytest.raises(HolderGone):
        await waiting
    assert not scene.handover._outstanding


async def test_while_the_store_is_away_nothing_ends(scene: Scene) -> None:
    scene.far.is_silent = True
    waiting = asyncio.create_task(scene.answer())
    await turns()
    scene.is_away, scene.holder = True, OTHER
    await scene.handover.watch()
    await turns()
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not scene.handover._outstanding


Break = Callable[[Scene], None]


def break_off(scene: Scene) -> None:
    scene.far.stream.parts.put_nowait(httpx.RemoteProtocolError("incomplete chunked read"))


def lose(scene: Scene) -> None:
    scene.handover.close()


@pytest.mark.parametrize("how", [break_off, lose])
async def test_a_stream_that_breaks_off_ends(scene: Scene, stream: Stream, how: Break) -> None:
    scene.far.headers = [("Content-Type", "text/event-stream; charset=utf-8")]
    answer = await scene.answer()
    stream.parts.put_nowait(b"data: 1\n\n")
    reading = asyncio.create_task(scene.parts(answer))
    await turns()
    how(scene)
    assert await reading == [b"data: 1\n\n"]
    assert scene.holds_nothing()


@pytest.mark.parametrize("how", [break_off, lose])
async def test_what_is_not_whole_is_not_ended_as_if_it_were(
    scene: Scene, stream: Stream, how: Break
) -> None:
    scene.far.headers = [("Content-Type", "application/json")]
    answer = await scene.answer()
    stream.parts.put_nowait(b"[{}")
    reading = asyncio.create_task(scene.parts(answer))
    await turns()
    with capture_logs() as logs:
        how(scene)
        with pytest.raises(Interrupted):
            await reading
    (entry,) = logs
    assert (entry["event"], entry["address"]) == ("shapes.handover_broken", ONE.address)
    assert entry["error"].endswith(": the connection to the client was ended, and it asks again")
    assert scene.holds_nothing()


async def test_answers_that_break_off_are_warned_of_once(scene: Scene) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            answer = await scene.answer()
            break_off(scene)
            with pytest.raises(Interrupted):
                await scene.parts(answer)
    assert [(entry["event"], entry["so_far"]) for entry in logs] == [("shapes.handover_broken", 1)]


async def test_nobody_is_asked_while_nothing_waits(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.shapes.handover, "LOOK_SECONDS", 0.0)
    running = asyncio.create_task(scene.handover.run())
    await turns()
    assert scene.looks == 0
    answer = await scene.answer()
    await turns()
    assert scene.looks > 0
    assert not isinstance(answer.body, bytes)
    await answer.body.aclose()
    await turns()
    looks = scene.looks
    await turns()
    assert scene.looks == looks
    running.cancel()


async def test_a_cookie_of_one_answer_goes_along_with_no_request(
    scene: Scene, stream: Stream
) -> None:
    scene.far.headers = [("Set-Cookie", "session=of another; Path=/")]
    for _ in range(2):
        stream.parts.put_nowait(None)
        await scene.parts(await scene.answer())
    assert all("cookie" not in request.headers for request in scene.far.requests)


async def test_a_kept_connection_ends_here_first() -> None:
    client = await loaded_client()
    assert isinstance(client, HttpClient)
    await client.aclose()
    assert IDLE_SECONDS < KEEP_ALIVE_SECONDS
