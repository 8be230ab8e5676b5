"""A client that stops reading: nobody waits for it, and it misses nothing when it resumes."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from crdt.protocol.messages import AwarenessUpdate, SyncStep2, Update
from tests.app.fakes import presence
from tests.app.stalled import Stalled, stalled
from tests.editor import Change, Editor, joined, notes_of
from tests.server import Installation, Server

pytestmark = pytest.mark.asyncio(loop_scope="module")

OUTBOX = 300_000
EDITS, EDIT_SIZE = 200, 10_000
"""Together many times what outbox and sockets hold."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_server(shared_installation: Installation) -> AsyncIterator[Server]:
    """A server that lets little wait for a client."""
    environment = {**shared_installation.environment, "PIPELOOM_OUTBOX_BYTES": str(OUTBOX)}
    narrow = Installation(
        shared_installation.database_url, shared_installation.data_dir, environment
    )
    async with narrow.serve() as server:
        yield server


async def write(editor: Editor, count: int = EDITS, size: int = EDIT_SIZE) -> None:
    """Overwrite one note again and again, so that the document stays small; wait for commits."""
    for number in range(count):
        content = f"{number:08}" + "x" * size
        await editor.edit(lambda doc, content=content: notes_of(doc).update({"busy": content}))
    await editor.until_echoed()


async def test_who_resumes_has_everything_and_its_acknowledgements_are_exact(
    room: str, shared_server: Server
) -> None:
    async with stalled(room, shared_server.port) as slow, joined(room) as editor:
        await slow.join()
        first = [await slow.edit(a_note()) for _ in range(5)]
        await write(editor)
        second = [await slow.edit(a_note()) for _ in range(5)]
        await editor.until("the slow client's edits", lambda: has_all(editor, slow))
        await slow.read_until(lambda message: isinstance(message, SyncStep2))
        await settled(slow)
        assert [slow.count(update) for update in first + second] == [1] * 10
        await editor.until("the same notes", lambda: has_all(editor, slow))
        assert notes_of(slow.doc).to_py() == editor.notes.to_py()
        others = [
            message
            for message in slow.received
            if isinstance(message, Update) and len(message.update) > EDIT_SIZE
        ]
        assert len(others) < EDITS / 2


async def test_who_resumes_goes_on_as_before(room: str, shared_server: Server) -> None:
    async with stalled(room, shared_server.port) as slow, joined(room) as editor:
        await slow.join()
        await write(editor)
        await slow.read_until(lambda message: isinstance(message, SyncStep2))
        await settled(slow)
        update = await editor.edit(a_note())
        await slow.read_until(lambda message: message == Update(update))


async def test_presence_missed_is_made_up_for(room: str, shared_server: Server) -> None:
    async with stalled(room, shared_server.port) as slow, joined(room) as editor:
        await slow.join()
        await write(editor)
        await editor.send(presence(77, 1, '{"cursor": 1}'))
        await editor.until("its own presence", lambda: bool(editor.presence))
        await slow.read_until(
            lambda message: isinstance(message, AwarenessUpdate) and b"cursor" in message.payload
        )


async def test_who_lacks_more_than_may_wait_is_sent_away(room: str, shared_server: Server) -> None:
    async with stalled(room, shared_server.port) as slow, joined(room) as editor:
        await slow.join()
        await write(editor, 20, OUTBOX // 10)
        keys = [f"big-{number}" for number in range(3)]
        await editor.edit(lambda doc: notes_of(doc).update(dict.fromkeys(keys, "x" * OUTBOX)))
        await editor.until_echoed()
        assert await slow.closed() == (1013, "this client reads too slowly: reconnect")
        await editor.edit(lambda doc: [notes_of(doc).pop(key) for key in keys])
        await editor.until_echoed()


async def test_who_does_not_even_read_its_acknowledgements_is_not_read_either(
    room: str, shared_server: Server
) -> None:
    async with stalled(room, shared_server.port) as slow, joined(room) as editor:
        await slow.join()
        writing = asyncio.create_task(write_blindly(slow))
        await editor.until("an edit", lambda: "mine" in editor.notes)
        await editor.edit(a_note())
        await editor.until_echoed()
        assert not writing.done(), "the server takes no more from it"
        await slow.read_until(lambda _: writing.done())
        updates = writing.result()
        await slow.read_until(lambda _: slow.count(updates[-1]) == 1)
        assert [slow.count(update) for update in updates] == [1] * len(updates)


async def write_blindly(slow: Stalled) -> list[bytes]:
    """Send many times what outbox and sockets hold, without reading."""
    return [
        await slow.edit(
            lambda doc, number=number: notes_of(doc).update(
                {"mine": f"{number:08}" + "y" * (OUTBOX // 4)}
            )
        )
        for number in range(200)
    ]


def a_note() -> Change:
    key = str(uuid4())
    return lambda doc: notes_of(doc).update({key: key})


def has_all(editor: Editor, slow: Stalled) -> bool:
    return set(notes_of(slow.doc).keys()) <= set(editor.notes.keys())


async def settled(slow: Stalled) -> None:
    """Read until the answer to one more edit: everything before it has come by then."""
    update = await slow.edit(a_note())
    await slow.read_until(lambda message: message == Update(update))
