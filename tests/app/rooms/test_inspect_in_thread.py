"""Large updates are read in a thread, in turn, while everything else goes on."""

import asyncio
import threading

import pytest

from app.rooms import inspect_in_thread
from app.rooms.inspect_in_thread import LARGE_BYTES, ThreadInspector, is_unread, read_committed
from crdt.errors import MalformedUpdate
from crdt.protocol.lib0 import var_string
from crdt.protocol.messages import ClientMessage, SyncStep1, SyncStep2, Update
from crdt.room.inspected_messages import (
    InspectedCommitted,
    InspectedSyncStep2,
    InspectedUpdate,
    inspected,
)
from crdt.room.peer_messages import Committed
from crdt.updates.inspection import Inspection, inspect_update
from persistence.ports.update_log import LoggedUpdate
from tests.contracts.stores import NOON, an_id
from tests.crdt.raw_updates import in_root, update

ADA, BOB = an_id(1), an_id(2)


def large(client: int = 1) -> bytes:
    """An update of one long text."""
    return update(in_root(4, var_string("x" * LARGE_BYTES)), client=client)


def logged(payload: bytes) -> LoggedUpdate:
    return LoggedUpdate(7, None, payload, NOON)


async def test_a_large_message_comes_back_read() -> None:
    reading = ThreadInspector()
    assert isinstance(await reading.read(ADA, Update(large())), InspectedUpdate)
    assert isinstance(await reading.read(ADA, SyncStep2(large())), InspectedSyncStep2)


@pytest.mark.parametrize("message", [Update(b"\x00\x00"), SyncStep1(large())])
async def test_any_other_is_left_to_the_room(message: ClientMessage) -> None:
    assert await ThreadInspector().read(ADA, message) is message


async def test_what_was_read_is_not_read_again() -> None:
    message = inspected(Update(large()))
    assert not is_unread(message)
    assert await ThreadInspector().read(ADA, message) is message


async def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(MalformedUpdate):
        await ThreadInspector().read(ADA, Update(b"\x07" * LARGE_BYTES))


async def test_others_go_on_while_one_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, done = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def slowly(message: ClientMessage) -> ClientMessage:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(10)
        return inspected(message)

    monkeypatch.setattr(inspect_in_thread, "inspected", slowly)
    reading = ThreadInspector()

    async def read(user: str, message: ClientMessage) -> None:
        await reading.read({"ada": ADA, "bob": BOB}[user], message)
        done.append((user, len(message.update) if isinstance(message, Update) else 0))

    tasks = [asyncio.create_task(read(user, Update(large()))) for user in ("ada", "ada", "bob")]
    await asyncio.wait_for(begun.wait(), 10)
    await read("bob", Update(b"\x00\x00"))
    assert done == [("bob", 2)]
    go_on.set()
    await asyncio.gather(*tasks)
    # Bob's turn comes before Ada's second one.
    assert [user for user, _ in done] == ["bob", "ada", "bob", "ada"]


async def test_of_the_log_large_ones_are_read_and_broken_ones_are_left_to_the_room() -> None:
    read = await read_committed(logged(large()))
    assert read == InspectedCommitted(7, large(), inspect_update(large()))
    assert isinstance(read, InspectedCommitted)
    assert isinstance(read.inspection, Inspection)
    assert type(await read_committed(logged(b"\x00\x00"))) is Committed
    assert type(await read_committed(logged(b"\x07" * LARGE_BYTES))) is Committed
