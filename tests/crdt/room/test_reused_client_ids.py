"""A client that begins anew under an id that it used before is refused; nobody else is."""

from random import Random

import pytest

from crdt.document.document import Document
from crdt.errors import ClientIdReused
from crdt.protocol.messages import Accepted, SyncStep1, SyncStep2, Update
from crdt.room.effects import CloseSession, Effect, Send, SendWhenDurable
from crdt.room.room import Room
from crdt.updates.state_vector import read_state_vector
from tests.crdt.histories import History, content
from tests.crdt.room.scene import ANN, VIEWER, Client, only

USED = 4242


def questions(effects: list[Effect]) -> list[bytes]:
    return [
        each.message.state_vector
        for each in only(Send, effects)
        if isinstance(each.message, SyncStep1)
    ]


def answers(room: Room, client: Client, session: int = ANN) -> list[Effect]:
    """Let a client begin its sync; return what comes of its answer to the room's question."""
    effects = room.handle(session, SyncStep1(client.document.state_vector()), 0.0)
    [question] = questions(effects)
    return room.handle(session, SyncStep2(client.document.diff(question)), 0.0)


def used(room: Room, *edits: tuple[str, object]) -> Client:
    """A client that the room has edits of."""
    client = Client(USED)
    for key, value in edits:
        room.handle(ANN, Update(client.put(key, value)), 0.0)
    return client


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([("one", "first")], [("two", "second")]),
        ([("one", "first")], [("two", "second"), ("three", "more")]),
        ([("one", "first"), ("two", True)], [("one", "first"), ("two", False)]),
        ([("one", None)], [("one", "None")]),
    ],
)
def test_a_client_that_began_anew_is_refused(
    room: Room, before: list[tuple[str, object]], after: list[tuple[str, object]]
) -> None:
    used(room, *before)
    anew = Client(USED)
    for key, value in after:
        anew.put(key, value)
    state = room.document.encode()
    [effect] = answers(room, anew)
    assert isinstance(effect, CloseSession)
    assert isinstance(effect.error, ClientIdReused)
    assert str(USED) in effect.error.reason
    assert room.document.encode() == state


def test_whoever_was_cut_off_at_the_first_sync_is_no_other(room: Room) -> None:
    client = used(room, ("one", "first"))
    client.put("two", "second")
    effects = answers(room, client)
    assert [each.message for each in only(SendWhenDurable, effects)] == [
        Accepted(client.document.encode())
    ]
    assert content(room.document.doc)["two"] == "second"
    # The doubt is over.
    assert not room._doubtful


@pytest.mark.parametrize("seed", range(20))
def test_whatever_an_honest_client_wrote_is_its_own(room: Room, seed: int) -> None:
    history, random = History(seed), Random(seed)
    alone = Document(USED)
    updates = []
    for number in range(20):
        with alone.transact() as edits:
            history._change(alone.doc.get("steps", type=type(Client(1).steps)), number)
        updates += edits
    for each in updates[: random.randrange(1, 20)]:
        room.handle(ANN, Update(each), 0.0)
    state = room.document.clock_of(USED)
    effects = room.handle(ANN, SyncStep1(alone.state_vector()), 0.0)
    if state:
        assert USED not in read_state_vector(questions(effects)[0])
    assert only(SendWhenDurable, room.handle(ANN, SyncStep2(alone.encode()), 0.0))


def test_a_client_that_knows_others_is_not_asked(room: Room) -> None:
    client = used(room, ("one", "first"))
    client.document.apply(room.document.encode())
    assert not questions(room.handle(ANN, SyncStep1(client.document.state_vector()), 0.0))


def test_nor_is_a_new_client_or_a_viewer(room: Room) -> None:
    new = Client(7)
    new.put("a", 1)
    assert not questions(room.handle(ANN, SyncStep1(new.document.state_vector()), 0.0))
    known = used(room, ("one", "first"))
    assert not questions(room.handle(VIEWER, SyncStep1(known.document.state_vector()), 0.0))


def test_a_doubt_ends_with_its_session(room: Room) -> None:
    client = used(room, ("one", "first"))
    room.handle(ANN, SyncStep1(client.document.state_vector()), 0.0)
    room.leave(ANN)
    assert not room._doubtful
