"""Large updates are inspected in a thread, in turn, while everything else goes on."""

import asyncio
import threading

import pytest

from app.rooms import inspect_in_thread
from app.rooms.inspect_in_thread import LARGE_BYTES, ThreadInspector, inspect_commit, large_update
from crdt.errors import MalformedUpdate
from crdt.protocol.lib0 import var_string
from crdt.protocol.messages import ClientMessage, SyncStep1, SyncStep2, Update
from crdt.room.peer_messages import Committed
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED, Limits
from persistence.ports.update_log import LoggedUpdate
from tests.contracts.stores import NOON, an_id
from tests.crdt.raw_updates import in_root, update

ADA, BOB = an_id(1), an_id(2)
SMALL, GARBAGE = b"\x00\x00", b"\x07" * LARGE_BYTES


def large(client: int = 1) -> bytes:
    """An update of one long text."""
    return update(in_root(4, var_string("x" * LARGE_BYTES)), client=client)


def logged(payload: bytes) -> LoggedUpdate:
    return LoggedUpdate(7, None, payload, NOON)


@pytest.mark.parametrize("kind", [Update, SyncStep2])
async def test_a_large_update_is_inspected(kind: type[Update | SyncStep2]) -> None:
    found = await ThreadInspector().inspect(ADA, kind(large()))
    assert found == inspect_update(large(), ACCEPTED)


@pytest.mark.parametrize("message", [Update(SMALL), SyncStep2(SMALL), SyncStep1(large())])
async def test_any_other_message_is_left_to_the_room(message: ClientMessage) -> None:
    assert large_update(message) is None
    assert await ThreadInspector().inspect(ADA, message) is None


async def test_what_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(MalformedUpdate):
        await ThreadInspector().inspect(ADA, Update(GARBAGE))


async def test_others_go_on_while_one_is_inspected(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, done = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def slowly(update: bytes, limits: Limits) -> Inspection:
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(10)
        return inspect_update(update, limits)

    monkeypatch.setattr(inspect_in_thread, "inspect_update", slowly)
    inspector = ThreadInspector()

    async def inspect(user: str, message: Update) -> None:
        await inspector.inspect({"ada": ADA, "bob": BOB}[user], message)
        done.append((user, len(message.update)))

    tasks = [asyncio.create_task(inspect(user, Update(large()))) for user in ("ada", "ada", "bob")]
    await asyncio.wait_for(begun.wait(), 10)
    await inspect("bob", Update(SMALL))
    assert done == [("bob", len(SMALL))]
    go_on.set()
    await asyncio.gather(*tasks)
    # Bob's turn comes before Ada's second one.
    assert [user for user, _ in done] == ["bob", "ada", "bob", "ada"]


async def test_large_updates_of_the_log_are_inspected() -> None:
    commit = await inspect_commit(logged(large()))
    assert commit == (Committed(7, large()), inspect_update(large()))


@pytest.mark.parametrize("payload", [SMALL, GARBAGE])
async def test_small_and_broken_updates_of_the_log_are_left_to_the_room(payload: bytes) -> None:
    assert await inspect_commit(logged(payload)) == (Committed(7, payload), None)
