"""The limits of a running server, and its answers to who goes beyond them."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.websocket.read_away import READ_AWAY
from crdt.protocol.hocuspocus import Authenticate
from crdt.protocol.messages import Stateless, SyncStep1
from tests.app.fakes import presence
from tests.editor import Editor, joined, notes_of, visiting
from tests.hocuspocus import client_frame
from tests.server import PATIENCE, VIEWER, Installation, Server, eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST = 4
LIMITS = {
    "PIPELOOM_MAX_CONNECTIONS_PER_USER": str(MOST),
    "PIPELOOM_MAX_CONNECTIONS_PER_ADDRESS": str(MOST + 1),
    "PIPELOOM_MAX_CONNECTIONS": str(MOST + 3),
    "PIPELOOM_MAX_MESSAGE_BYTES": "150000",
    "PIPELOOM_MAX_STATELESS_CHARACTERS": "100",
    "PIPELOOM_UPDATES_PER_SECOND": "40",
    "PIPELOOM_AWARENESS_PER_SECOND": "20",
    "PIPELOOM_DOCUMENT_BYTES": "200000",
    "PIPELOOM_ORIGINS": "https://app.example",
    "PIPELOOM_METRICS_TOKEN": "open sesame",
}
SESSIONS = 'pipeloom_sessions{process="1",protocol="y-websocket"}'
FORWARDED = {"X-Forwarded-For": "203.0.113.7"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(shared_installation: Installation) -> AsyncIterator[Server]:
    """A server of narrow limits."""
    narrow = Installation(
        shared_installation.database_url,
        shared_installation.data_dir,
        {**shared_installation.environment, **LIMITS},
    )
    async with narrow.serve() as server:
        yield server


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:5173", "null"])
async def test_a_page_of_another_origin_is_refused_before_anything(room: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(room, origin=origin)
    assert refused.value.response.status_code == 403


async def test_a_page_of_the_list_may_connect(room: str) -> None:
    async with connect(room, origin="https://app.example") as socket:
        assert await socket.recv()


async def test_a_user_may_have_so_many_connections(room: str) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST):
            await stack.enter_async_context(joined(room))
        async with visiting(room) as late:
            assert await late.close_code() == (
                1013,
                "too many connections of this user: close some, then reconnect",
            )
    async with joined(room):
        pass


async def test_an_address_may_have_so_many_connections_also_behind_a_proxy(
    room: str, shared_server: Server, shared_installation: Installation, pipeline_id: str
) -> None:
    viewer = shared_server.room(pipeline_id, await shared_installation.token(VIEWER))
    async with AsyncExitStack() as stack:
        for url in [room] * MOST + [viewer]:
            socket = await stack.enter_async_context(connect(url, additional_headers=FORWARDED))
            await socket.recv()
        late = await stack.enter_async_context(connect(viewer, additional_headers=FORWARDED))
        with pytest.raises(ConnectionClosed):
            await late.recv()
        assert (late.close_code, late.close_reason) == (
            1013,
            "too many connections from this address: close some, then reconnect",
        )
        async with joined(viewer):
            pass


async def test_a_server_may_have_so_many_connections(
    room: str, shared_server: Server, shared_installation: Installation, pipeline_id: str
) -> None:
    viewer = shared_server.room(pipeline_id, await shared_installation.token(VIEWER))
    async with AsyncExitStack() as stack:
        for url in [room] * MOST:
            await stack.enter_async_context(joined(url))
        for url in [viewer] * 3:
            socket = await stack.enter_async_context(connect(url, additional_headers=FORWARDED))
            await socket.recv()
        async with connect(viewer, additional_headers=FORWARDED) as late:
            with pytest.raises(ConnectionClosed):
                await late.recv()
    assert (late.close_code, late.close_reason) == (
        1013,
        "too many connections: close some, then reconnect",
    )
    assert (await metrics(shared_server))[
        'pipeloom_rejects_total{process="1",reason="too_many_connections"}'
    ] >= 1


async def test_a_proxy_that_is_not_trusted_names_nobody_else(
    installation: Installation,
) -> None:
    limits = {"PIPELOOM_MAX_CONNECTIONS_PER_ADDRESS": "1", "FORWARDED_ALLOW_IPS": "192.0.2.7"}
    strict = Installation(installation.database_url, installation.data_dir, limits)
    async with strict.serve() as server:
        url = server.room(await strict.demo_pipeline(), await strict.token())
        async with (
            connect(url, additional_headers=FORWARDED) as first,
            connect(url, additional_headers={"X-Forwarded-For": "203.0.113.8"}) as second,
        ):
            await first.recv()
            with pytest.raises(ConnectionClosed):
                await second.recv()
    assert second.close_code == 1013


async def test_a_message_may_be_so_long(room: str) -> None:
    async with joined(room) as editor:
        await editor.send_frame(bytes(150_001))
        code, reason = await editor.close_code()
    assert code == 4413
    assert reason


async def test_whoever_sends_still_more_receives_a_close_frame_all_the_same(room: str) -> None:
    async with joined(room) as editor:
        await editor.send_frame(bytes(150_000 * READ_AWAY + 1_000_000))
        assert (await editor.close_code())[0] == 1009


async def test_a_stateless_message_may_be_so_long(
    shared_server: Server, pipeline_id: str, owner_token: str
) -> None:
    async with connect(shared_server.collab) as socket:
        for message in (Authenticate(owner_token), SyncStep1(b"\x00"), Stateless("x" * 101)):
            await socket.send(client_frame(pipeline_id, message))
        async with asyncio.timeout(PATIENCE):
            await socket.wait_closed()
    assert (socket.close_code, socket.close_reason) == (
        4400,
        "expected a stateless message up to 100, got 101",
    )


@pytest.mark.timed
async def test_edits_too_fast_are_taken_slower_and_all_of_them(room: str) -> None:
    async with joined(room) as fast, joined(room) as other:
        begun = time.monotonic()
        for number in range(240):
            await fast.edit(lambda doc, number=number: notes_of(doc).update({"fast": number}))
        await other.edit(lambda doc: notes_of(doc).update({"other": 1}))
        await other.until_echoed()
        assert fast.unechoed, "nobody waits for the fast one"
        await fast.until_echoed()
        # A burst of 200, then 40 a second.
        assert time.monotonic() - begun > 0.9


@pytest.mark.timed
async def test_presence_too_fast_is_thinned_and_ends_with_the_latest(room: str) -> None:
    async with joined(room) as fast, joined(room) as other:
        await show_too_fast(fast, other)
        assert len(other.presence) < 200


async def show_too_fast(fast: Editor, other: Editor) -> None:
    """Change a presence five hundred times at once; wait until the other has seen the last."""
    for clock in range(1, 501):
        await fast.send(presence(7, clock, f'{{"at": {clock}}}'))
    await other.until("the latest", lambda: any(b'"at": 500' in one for one in other.presence))


async def test_metrics_tell_what_happened(room: str, shared_server: Server) -> None:
    for _ in range(3):
        with pytest.raises(InvalidStatus):
            await connect(room, origin="https://evil.example")
    async with joined(room) as fast, joined(room) as other:
        await show_too_fast(fast, other)
    await eventually("nobody there", lambda: is_empty(shared_server))
    async with joined(room) as editor:
        await editor.send(SyncStep1(b"\x00"))
        await editor.edit(lambda doc: notes_of(doc).update({"one": 1}))
        await editor.until_echoed()
        lines = await metrics(shared_server)
    assert lines[SESSIONS] == 1
    assert lines['pipeloom_ack_seconds_count{process="1"}'] > 0
    assert lines['pipeloom_commit_seconds_count{process="1"}'] > 0
    assert lines['pipeloom_rejects_total{process="1",reason="origin"}'] >= 3
    assert lines['pipeloom_awareness_superseded_total{process="1"}'] > 100


async def test_a_pipeline_may_grow_so_far_and_shrink_again(
    room: str, shared_server: Server
) -> None:
    async with joined(room) as editor, joined(room) as other:
        for number in range(3):
            await editor.edit(
                lambda doc, number=number: notes_of(doc).update({f"big-{number}": "x" * 100_000})
            )
        await editor.until("a refusal", lambda: bool(editor.refusals))
        assert editor.refusals == [
            "the pipeline is too large: delete something before you add more"
        ]
        await other.until("what was taken", lambda: "big-1" in other.notes)
        await other.edit(lambda doc: [notes_of(doc).pop(f"big-{number}") for number in (0, 1)])
        await other.until_echoed()
        assert "big-2" not in other.notes
    assert (await metrics(shared_server))[
        'pipeloom_rejects_total{process="1",reason="too_large"}'
    ] >= 1


async def test_the_log_names_connections_and_no_tokens(
    room: str, shared_installation: Installation, owner_token: str
) -> None:
    with pytest.raises(InvalidStatus):
        await connect(room, origin="https://evil.example")
    log = shared_installation.log_file.read_text()
    assert re.search(
        r"connection.origin_refused origin=https://evil.example connection=\d+$", log, re.MULTILINE
    )
    assert "ASGI" not in log
    assert owner_token not in log
    assert owner_token.split(".")[2] not in log


async def is_empty(server: Server) -> bool:
    """Whether the server has noticed that everybody left."""
    return (await metrics(server)).get(SESSIONS, 0) == 0


async def metrics(server: Server) -> dict[str, float]:
    """What `/metrics` says, without the help."""
    async with httpx.AsyncClient() as client:
        page = (await client.get(server.http("/metrics"))).text
    lines = [line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}
