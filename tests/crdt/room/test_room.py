"""The invariants of a room, by their numbers, and what viewers and harmful clients get."""

import json
from collections.abc import Callable

import pytest
from pycrdt import Map, Text

import crdt.room.room
from crdt.document.document import Document
from crdt.editing.editor import Editor
from crdt.editing.verbs import delete_step, patch_settings, patch_step, put_step
from crdt.errors import (
    DocumentPoisoned,
    EditConflict,
    MalformedUpdate,
    MessageTooBig,
    PipelineTooLarge,
    ProtocolError,
    StorageFull,
    UnknownEntry,
)
from crdt.pipeline.model import Json
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import (
    Accepted,
    AwarenessUpdate,
    ClientMessage,
    Message,
    Stateless,
    SyncStep1,
    SyncStep2,
    Update,
)
from crdt.room.document_size import DocumentSize
from crdt.room.effects import (
    Append,
    Broadcast,
    CloseSession,
    Effect,
    Publish,
    Send,
    SendWhenDurable,
    WhenDurable,
)
from crdt.room.peer_messages import Committed
from crdt.room.room import MAX_STATELESS, READ_ONLY, STORAGE_FULL, TOO_LARGE, Room, stateless_from
from crdt.room.session import Session, UserProfile
from crdt.updates.inspection import inspect_update
from crdt.updates.limits import ACCEPTED
from crdt.updates.surrogates.pairs import pairs_in
from tests.crdt.entries import key
from tests.crdt.histories import content
from tests.crdt.raw_updates import OF_V2, Y_MAP, chain, deletions, in_root, in_type, update
from tests.crdt.room.scene import (
    ADA,
    ANN,
    BEN,
    BOB,
    EVE,
    NOTHING,
    VIEWER,
    Client,
    only,
    presence,
    published,
    seen,
)


def forbid_inspection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let documents inspect nothing themselves from now on."""
    inspect = "crdt.document.document.inspect_update"
    monkeypatch.setattr(inspect, lambda *_: pytest.fail("inspected again"))


def answer(room: Room, state_vector: bytes) -> bytes:
    """The SyncStep2 a client would send to the room's SyncStep1."""
    return room.document.diff(state_vector)


def ann_types(ann: Client) -> list[bytes]:
    """Three edits, each after the one before."""
    return [ann.put(key, number) for number, key in enumerate("abc", 1)]


class TestInvariants:
    def test_1_an_update_is_applied_before_anything_else_happens(
        self, room: Room, ann: Client
    ) -> None:
        effects = room.handle(ANN, Update(ann.put("a", 1)), 0.0)
        assert content(room.document.doc) == {"first": 0, "a": 1}
        assert effects

    @pytest.mark.parametrize("kind", [Update, SyncStep2])
    @pytest.mark.parametrize("junk", [b"", b"junk", b"\x01\x01\x01\x00\x28", b"\0\0\1", OF_V2])
    def test_1_what_cannot_be_decoded_goes_nowhere(
        self, room: Room, kind: Callable[[bytes], ClientMessage], junk: bytes
    ) -> None:
        before = room.document.encode()
        [effect] = room.handle(ANN, kind(junk), 0.0)
        assert isinstance(effect, CloseSession)
        assert (effect.session, type(effect.error)) == (ANN, MalformedUpdate)
        assert room.document.encode() == before

    @pytest.mark.parametrize("kind", [Update, SyncStep2])
    def test_2_news_is_appended_and_broadcast_as_received(
        self, room: Room, ann: Client, kind: Callable[[bytes], ClientMessage]
    ) -> None:
        edit = ann.put("a", {"x": 1, "y": 2})
        # The number of clients in two bytes: whoever encoded it again would write it in one.
        received = bytes((edit[0] | 0x80, 0)) + edit[1:]
        effects = room.handle(ANN, kind(received), 0.0)
        sent = Broadcast(Update(received), exclude=ANN)
        assert only(Append, effects) == [Append(received, ADA)]
        assert sent in effects or WhenDurable(sent) in effects

    @pytest.mark.parametrize("kind", [Update, SyncStep2])
    def test_2_what_was_inspected_before_is_not_inspected_again(
        self,
        room: Room,
        ann: Client,
        kind: Callable[[bytes], ClientMessage],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        received = ann.put("a", 1)
        found = inspect_update(received, ACCEPTED)
        forbid_inspection(monkeypatch)
        effects = room.handle(ANN, kind(received), 0.0, found)
        assert only(Append, effects) == [Append(received, ADA)]
        assert content(room.document.doc) == {"first": 0, "a": 1}

    def test_2_nor_is_what_was_committed_elsewhere(
        self, room: Room, ann: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        received = ann.put("a", 1)
        found = inspect_update(received)
        forbid_inspection(monkeypatch)
        effects = room.receive_peer(Committed(2, received), 0.0, found)
        assert effects == [Broadcast(Update(received))]
        assert content(room.document.doc) == {"first": 0, "a": 1}

    def test_2_a_pending_update_is_news(self, room: Room) -> None:
        """It would be lost if it were taken for known: nobody sends it again."""
        child = update(in_type(7, Y_MAP, (50, 0)), client=51)
        parent = update(in_root(7, Y_MAP), client=50)
        assert only(Append, room.handle(ANN, Update(child), 0.0)) == [Append(child, ADA)]
        assert only(Append, room.handle(BEN, Update(parent), 0.0)) == [Append(parent, BOB)]

    def test_3_others_get_it_at_once_and_its_sender_when_it_is_durable(
        self, room: Room, ann: Client
    ) -> None:
        received = ann.put("a", 1)
        assert room.handle(ANN, Update(received), 0.0) == [
            Broadcast(Update(received), exclude=ANN),
            Append(received, ADA),
            SendWhenDurable(ANN, Accepted(received)),
        ]

    def test_3_others_get_an_answer_when_it_is_durable(self, room: Room, ann: Client) -> None:
        """It may bring back their own edits: y-websocket 4 takes that for an acknowledgement."""
        received = ann.put("a", 1)
        assert room.handle(ANN, SyncStep2(received), 0.0) == [
            Append(received, ADA),
            WhenDurable(Broadcast(Update(received), exclude=ANN)),
            SendWhenDurable(ANN, Accepted(received)),
        ]

    def test_4_what_a_joining_client_is_sent_is_durable_too(self, room: Room) -> None:
        [effect] = room.handle(BEN, SyncStep1(NOTHING), 0.0)
        assert effect == SendWhenDurable(BEN, SyncStep2(room.document.encode()))

    @pytest.mark.parametrize("kind", [Update, SyncStep2])
    def test_5_a_known_update_causes_nothing_but_its_echo(
        self, room: Room, ann: Client, kind: Callable[[bytes], ClientMessage]
    ) -> None:
        received = ann.put("a", 1)
        room.handle(ANN, Update(received), 0.0)
        echo = [SendWhenDurable(ANN, Accepted(received))]
        assert room.handle(ANN, kind(received), 0.0) == echo

    def test_5_an_update_known_from_another_node_is_echoed(self, room: Room, ann: Client) -> None:
        received = ann.put("a", 1)
        room.receive_peer(Committed(2, received), 0.0)
        echo = [SendWhenDurable(ANN, Accepted(received))]
        assert room.handle(ANN, Update(received), 0.0) == echo

    def test_6_a_sync_step_2_goes_to_nobody_but_the_one_who_asked(
        self, room: Room, ann: Client
    ) -> None:
        room.handle(ANN, Update(ann.put("a", 1)), 0.0)
        sent = [
            *room.handle(BEN, SyncStep1(NOTHING), 0.0),
            *room.handle(ANN, SyncStep1(ann.document.state_vector()), 0.0),
            *room.handle(ANN, SyncStep2(ann.put("b", 2)), 0.0),
        ]
        later = [effect.effect if isinstance(effect, WhenDurable) else effect for effect in sent]
        sent = {
            effect.session if isinstance(effect, SendWhenDurable | Send) else None
            for effect in later
            if isinstance(effect, SendWhenDurable | Send | Broadcast)
            and isinstance(effect.message, SyncStep2)
        }
        assert sent == {ANN, BEN}

    def test_6_a_diff_is_made_for_the_state_vector_it_answers(
        self, room: Room, ann: Client
    ) -> None:
        known = ann.document.state_vector()
        other = Client(2)
        other.document.apply(room.document.encode())
        room.handle(BEN, Update(other.put("b", 2)), 0.0)
        [effect] = only(SendWhenDurable, room.handle(ANN, SyncStep1(known), 0.0))
        assert isinstance(effect.message, SyncStep2)
        assert len(effect.message.update) < len(room.document.encode())
        ann.document.apply(effect.message.update)
        assert content(ann.document.doc) == content(room.document.doc)


def no_news(session: int) -> list[Effect]:
    """What answers an answer that brings nothing."""
    return [SendWhenDurable(session, Accepted(b""))]


class TestJoining:
    def test_a_client_is_asked_what_it_has(self, room: Room) -> None:
        effects = room.join(Session(9, UserProfile(ADA), "read-write"))
        assert effects == [Send(9, SyncStep1(room.document.state_vector()))]

    def test_a_joining_client_is_sent_who_is_here(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        assert room.join(Session(9, UserProfile(ADA), "read-write"))[1:] == [Send(9, seen(7, 1))]

    def test_a_joining_client_is_sent_pending_updates(self, room: Room) -> None:
        first, second, third = ann_types(Client(1))
        assert only(Broadcast, room.handle(ANN, Update(third), 0.0)) == [
            Broadcast(Update(third), exclude=ANN)
        ]
        effects = room.handle(BEN, SyncStep1(NOTHING), 0.0)
        assert effects == [
            SendWhenDurable(BEN, SyncStep2(room.document.encode())),
            SendWhenDurable(BEN, Update(third)),
        ]
        room.handle(ANN, Update(first), 0.0)
        room.handle(ANN, Update(second), 0.0)
        assert len(room.handle(BEN, SyncStep1(NOTHING), 0.0)) == 1
        assert content(room.document.doc) == {"first": 0, "a": 1, "b": 2, "c": 3}

    @pytest.mark.parametrize("session", [ANN, VIEWER])
    def test_the_answer_of_a_client_that_has_nothing_is_silent(
        self, room: Room, session: int
    ) -> None:
        assert room.handle(session, SyncStep2(b"\x00\x00"), 0.0) == [
            SendWhenDurable(session, Accepted(b""))
        ]

    @pytest.mark.parametrize("session", [ANN, VIEWER])
    def test_the_answer_of_a_client_that_knows_our_deletions_is_silent(
        self, room: Room, ann: Client, session: int
    ) -> None:
        repeated = ann.document.diff(room.document.state_vector())
        assert repeated != b"\x00\x00"
        assert room.handle(session, SyncStep2(repeated), 0.0) == [
            SendWhenDurable(session, Accepted(b""))
        ]

    def test_an_answer_with_a_new_deletion_is_news(self, room: Room, ann: Client) -> None:
        ann.edit(lambda steps: steps.pop("first"))
        answer = ann.document.diff(room.document.state_vector())
        assert only(Append, room.handle(ANN, SyncStep2(answer), 0.0)) == [Append(answer, ADA)]
        assert content(room.document.doc) == {}

    def test_an_answer_with_offline_edits_is_news(self, room: Room, ann: Client) -> None:
        ann.put("offline", 1)
        answer = ann.document.diff(room.document.state_vector())
        assert only(Append, room.handle(ANN, SyncStep2(answer), 0.0)) == [Append(answer, ADA)]

    def test_two_clients_that_sync_with_the_room_have_the_same(self, room: Room) -> None:
        ann, ben = Client(1), Client(2)
        ann.put("a", 1)
        ben.put("b", 2)
        for session, client in ((ANN, ann), (BEN, ben), (ANN, ann)):
            lacking = client.document.diff(room.document.state_vector())
            room.handle(session, SyncStep2(lacking), 0.0)
            client.document.apply(answer(room, client.document.state_vector()))
        assert content(ann.document.doc) == content(room.document.doc)
        assert set(content(room.document.doc)) == {"first", "a", "b"}


class TestViewers:
    @pytest.mark.parametrize("kind", [Update, SyncStep2])
    def test_an_edit_of_a_viewer_is_refused_and_not_relayed(
        self, room: Room, ann: Client, kind: Callable[[bytes], ClientMessage]
    ) -> None:
        before = room.document.encode()
        effects = room.handle(VIEWER, kind(ann.put("a", 1)), 0.0)
        assert effects == [Send(VIEWER, READ_ONLY)]
        assert room.document.encode() == before

    def test_a_deletion_of_a_viewer_is_refused(self, room: Room, ann: Client) -> None:
        deletion = ann.edit(lambda steps: steps.pop("first"))
        assert room.handle(VIEWER, Update(deletion), 0.0) == [Send(VIEWER, READ_ONLY)]
        assert room.handle(VIEWER, SyncStep2(deletion), 0.0) == [Send(VIEWER, READ_ONLY)]
        assert "first" in content(room.document.doc)

    def test_a_viewer_may_read_and_be_seen(self, room: Room) -> None:
        assert only(SendWhenDurable, room.handle(VIEWER, SyncStep1(NOTHING), 0.0))
        shown = room.handle(VIEWER, AwarenessUpdate(presence(9, 1)), 0.0)
        assert shown == [Broadcast(seen(9, 1, EVE)), published(seen(9, 1, EVE))]

    def test_the_refusal_says_what_to_do(self) -> None:
        assert "ask for the member role" in READ_ONLY.reason

    def test_garbage_of_a_viewer_in_an_answer_ends_its_session(self, room: Room) -> None:
        [effect] = room.handle(VIEWER, SyncStep2(b"\x00\x05"), 0.0)
        assert isinstance(effect, CloseSession)


class TestHarmfulMessages:
    @pytest.mark.parametrize(
        "message",
        [
            Update(b"junk"),
            SyncStep2(b"junk"),
            SyncStep1(b"\x05"),
            AwarenessUpdate(b"\x01"),
        ],
    )
    def test_garbage_ends_only_its_session(self, room: Room, message: Message) -> None:
        [effect] = room.handle(ANN, message, 0.0)
        assert isinstance(effect, CloseSession)
        assert effect.session == ANN
        assert isinstance(effect.error, ProtocolError)
        assert only(SendWhenDurable, room.handle(BEN, SyncStep1(NOTHING), 0.0))

    def test_too_many_nested_shared_types_end_their_session(self, room: Room) -> None:
        [effect] = room.handle(ANN, Update(update(*chain(ACCEPTED.depth + 1))), 0.0)
        assert isinstance(effect, CloseSession)
        assert "nested at most 400 deep" in effect.error.reason

    @pytest.mark.parametrize("kind", [Update, SyncStep2])
    def test_an_update_of_too_many_parts_ends_its_session(
        self, room: Room, kind: Callable[[bytes], ClientMessage]
    ) -> None:
        nulls = var_uint(ACCEPTED.parts) + b"\x7e" * ACCEPTED.parts
        before = room.document.encode()
        [effect] = room.handle(ANN, kind(update(in_root(8, nulls), client=9)), 0.0)
        assert isinstance(effect, CloseSession)
        assert isinstance(effect.error, MessageTooBig)
        assert room.document.encode() == before

    def test_too_many_first_values_of_one_key_end_their_session(self, room: Room) -> None:
        """The library compares each with all others."""
        same = [in_root(7, Y_MAP)] * (ACCEPTED.map_conflicts + 2)
        [effect] = room.handle(ANN, Update(update(*same, client=9)), 0.0)
        assert isinstance(effect, CloseSession)
        assert isinstance(effect.error, MessageTooBig)
        others = [in_root(7, Y_MAP, key=f"k{n}") for n in range(900)] + same[:200]
        assert only(Append, room.handle(ANN, Update(update(*others, client=9)), 0.0))

    @pytest.mark.parametrize("session", [ANN, VIEWER])
    def test_an_answer_of_too_many_deletions_ends_its_session(
        self, room: Room, session: int
    ) -> None:
        deleted = b"\x00" + deletions(1, *[(0, 1)] * ACCEPTED.parts)
        [effect] = room.handle(session, SyncStep2(deleted), 0.0)
        assert isinstance(effect, CloseSession)
        assert isinstance(effect.error, MessageTooBig)

    def test_a_deletion_of_what_nobody_has_is_kept(self, room: Room) -> None:
        early = b"\x00" + deletions(50, (0, 1))
        assert only(Append, room.handle(ANN, SyncStep2(early), 0.0)) == [Append(early, ADA)]

    def test_a_panic_is_raised_to_the_caller(self, room: Room) -> None:
        subscription = room.document.doc.get("steps", type=Map).observe(lambda _: None)
        bad = update(in_root(6, b"\x01b\x04true"))
        with pytest.raises(DocumentPoisoned):
            room.handle(ANN, Update(bad), 0.0)
        assert subscription is not None


class TestOtherNodes:
    def test_a_remote_update_is_broadcast_and_no_more(self, room: Room, ann: Client) -> None:
        received = ann.put("a", 1)
        assert room.receive_peer(Committed(2, received), 0.0) == [Broadcast(Update(received))]
        assert room.receive_peer(Committed(2, received), 0.0) == []
        assert content(room.document.doc) == {"first": 0, "a": 1}

    def test_our_own_update_that_comes_back_is_nothing(self, room: Room, ann: Client) -> None:
        received = ann.put("a", 1)
        room.handle(ANN, Update(received), 0.0)
        assert room.receive_peer(Committed(2, received), 0.0) == []


def named(name: str) -> dict[str, Json]:
    return {"name": name, "type": "claude"}


class TestEditsOfTheServer:
    def test_an_edit_has_the_effects_of_an_update(self, room: Room) -> None:
        def change(editor: Editor) -> str:
            editor.steps["a"] = 1
            editor.steps["b"] = 2
            return "done"

        value, (append, broadcast) = room.apply_edit(ADA, change, 0.0)
        assert value == "done"
        assert isinstance(append, Append)
        assert append.user_id == ADA
        assert broadcast == WhenDurable(Broadcast(Update(append.update)))
        assert content(room.document.doc) == {"first": 0, "a": 1, "b": 2}

    def test_an_edit_that_changes_nothing_causes_nothing(self, room: Room) -> None:
        assert room.apply_edit(None, lambda _: None, 0.0) == (None, [])

    def test_an_edit_that_is_refused_leaves_no_trace(self, room: Room) -> None:
        before = room.document.encode()
        with pytest.raises(UnknownEntry):
            room.apply_edit(ADA, lambda editor: delete_step(editor, "nowhere"), 0.0)
        assert room.document.encode() == before

    def test_an_edit_that_breaks_halfway_spoils_the_document(self, room: Room) -> None:
        def change(editor: Editor) -> None:
            editor.steps["a"] = 1
            raise LookupError("oops")

        with pytest.raises(DocumentPoisoned, match="halfway: oops"):
            room.apply_edit(ADA, change, 0.0)

    def test_an_edit_made_on_a_copy_merges_with_what_came_meanwhile(
        self, room: Room, ann: Client
    ) -> None:
        copy = Document()
        copy.load(room.document.encode())
        with copy.transact() as updates:
            Editor(copy).steps["a"] = 1
        room.handle(ANN, Update(ann.put("b", 2)), 0.0)
        (update,) = updates
        assert room.apply_merge(ADA, inspect_update(update), 0.0) == [
            Append(update, ADA),
            WhenDurable(Broadcast(Update(update))),
        ]
        assert content(room.document.doc) == {"first": 0, "a": 1, "b": 2}
        assert room.apply_merge(ADA, inspect_update(update), 0.0) == []

    def test_the_next_edit_sees_one_of_many_parts_that_was_merged(
        self, room: Room, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(crdt.room.room, "MANY_PARTS", 2)
        room.apply_edit(ADA, lambda editor: put_step(editor, key(1), named("a")), 0.0)
        former = room.editor
        copy = Document()
        copy.load(room.document.encode())
        with copy.transact() as updates:
            patch_step(Editor(copy), key(1), {"name": "b"})
            patch_step(Editor(copy), key(1), {"position": {"x": 1, "y": 2}})
            put_step(Editor(copy), key(2), named("a"))
        room.apply_merge(ADA, inspect_update(*updates).of_own_edit(), 0.0)
        assert room.editor is not former
        place, _ = room.apply_edit(ADA, lambda editor: editor.place(key(1)).name, 0.0)
        assert place == "b"
        with pytest.raises(EditConflict):
            room.apply_edit(ADA, lambda editor: put_step(editor, key(3), named("a")), 0.0)


class TestHocuspocusClients:
    """In the Hocuspocus protocol the server sends a SyncStep1 after each one of the client."""

    @pytest.fixture
    def hocuspocus(self, room: Room) -> int:
        assert room.join(Session(9, UserProfile(ADA), "read-write", is_hocuspocus=True)) == []
        return 9

    def test_the_sync_step_1_comes_before_the_answer(self, room: Room, hocuspocus: int) -> None:
        assert room.handle(hocuspocus, SyncStep1(NOTHING), 0.0) == [
            Send(hocuspocus, SyncStep1(room.document.state_vector())),
            SendWhenDurable(hocuspocus, SyncStep2(room.document.encode())),
        ]

    def test_presence_needs_no_sync_step_1(self, room: Room) -> None:
        room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0.0)
        joined = room.join(Session(9, UserProfile(ADA), "read-write", is_hocuspocus=True))
        assert joined == [Send(9, seen(7, 1))]


class TestStateless:
    def test_it_goes_to_everybody_and_other_nodes_with_its_sender(self, room: Room) -> None:
        sent = Stateless(stateless_from(UserProfile(ADA), "hello"))
        assert room.handle(ANN, Stateless("hello"), 0.0) == [Broadcast(sent), Publish(sent)]
        assert json.loads(sent.payload) == {"from": UserProfile(ADA).card, "payload": "hello"}

    def test_from_another_node_it_is_broadcast_as_it_comes(self, room: Room) -> None:
        sent = Stateless(stateless_from(UserProfile(ADA), "hello"))
        assert room.receive_peer(sent, 0.0) == [Broadcast(sent)]

    def test_a_long_one_ends_its_session(self, room: Room) -> None:
        assert room.handle(ANN, Stateless("x" * MAX_STATELESS), 0.0) != []
        [effect] = room.handle(ANN, Stateless("x" * (MAX_STATELESS + 1)), 0.0)
        assert isinstance(effect, CloseSession)
        assert effect.session == ANN

    def test_how_long_it_may_be_can_be_set(self) -> None:
        room = Room(Document(), max_stateless=5)
        room.join(Session(ANN, UserProfile(ADA), "read-write"))
        assert room.handle(ANN, Stateless("hello"), 0.0)[0] == Broadcast(
            Stateless(stateless_from(UserProfile(ADA), "hello"))
        )
        [closed] = room.handle(ANN, Stateless("hello!"), 0.0)
        assert isinstance(closed, CloseSession)
        assert str(closed.error) == "expected a stateless message up to 5, got 6"

    def test_it_leaves_no_trace(self, room: Room) -> None:
        before = room.document.encode()
        room.handle(ANN, Stateless("{}"), 0.0)
        assert room.document.encode() == before


def missed(room: Room, session: int, limit: int | None = 1000) -> bytes:
    """What a client that was too slow is sent of the document."""
    (diff,) = only(SendWhenDurable, room.catch_up(session, limit))
    assert diff.session == session
    assert isinstance(diff.message, SyncStep2)
    return diff.message.update


def test_a_slow_client_is_sent_what_it_misses_since_its_last_state_vector(
    room: Room, ann: Client
) -> None:
    slow = Client(2)
    room.handle(BEN, SyncStep1(slow.document.state_vector()), 0)
    everything = missed(room, BEN)
    slow.document.apply(everything)
    room.handle(BEN, SyncStep1(slow.document.state_vector()), 0)
    room.handle(ANN, Update(ann.put("second", 1)), 0)
    lacking = missed(room, BEN)
    slow.document.apply(lacking)
    assert content(slow.document.doc) == content(room.document.doc)
    assert len(lacking) < len(everything)


def test_a_slow_client_that_sent_no_state_vector_is_sent_everything(room: Room) -> None:
    slow = Client(2)
    slow.document.apply(missed(room, BEN))
    assert content(slow.document.doc) == content(room.document.doc)


def test_a_state_vector_too_long_to_keep_counts_as_none(room: Room) -> None:
    clients = 20_000
    vector = var_uint(clients) + b"".join(
        var_uint(client) + var_uint(1) for client in range(2**20, 2**20 + clients)
    )
    room.handle(BEN, SyncStep1(vector), 0)
    assert room.sessions[BEN].state_vector == NOTHING


def test_a_state_vector_that_cannot_be_read_is_not_kept(room: Room) -> None:
    (closed,) = room.handle(BEN, SyncStep1(b"\xff"), 0)
    assert isinstance(closed, CloseSession)
    assert room.sessions[BEN].state_vector == NOTHING


def test_a_slow_client_is_sent_who_is_here_and_who_left(room: Room) -> None:
    room.handle(ANN, AwarenessUpdate(presence(7, 1)), 0)
    room.handle(BEN, AwarenessUpdate(presence(8, 1)), 0)
    room.leave(BEN)
    (sent,) = only(Send, room.catch_up(ANN, 1000))
    gone = var_uint(8) + var_uint(1) + var_string("null")
    here = seen(7, 1).payload[1:]
    assert sent.message == AwarenessUpdate(var_uint(2) + here + gone)


def test_a_slow_client_is_sent_pending_updates(room: Room, ann: Client) -> None:
    ann.put("second", 1)
    late = ann.put("second", 2)
    room.handle(ANN, Update(late), 0)
    sent = [effect.message for effect in only(SendWhenDurable, room.catch_up(BEN, 1000))]
    assert sent[1:] == [Update(each) for each in room.document.waiting()] != []


def test_a_slow_client_that_misses_too_much_is_closed(room: Room) -> None:
    (closed,) = room.catch_up(BEN, 10)
    assert isinstance(closed, CloseSession)
    assert (closed.session, closed.error.close_code) == (BEN, 1013)
    assert missed(room, BEN, None)


def test_a_document_too_large_takes_nothing_but_deletions(room: Room, ann: Client) -> None:
    small = Room(room.document, size=DocumentSize(10, 1000))
    small.join(Session(ANN, UserProfile(ADA), "read-write"))
    before = content(small.document.doc)
    assert small.handle(ANN, Update(ann.put("second", 1)), 0) == [Send(ANN, TOO_LARGE)]
    assert small.handle(ANN, SyncStep2(ann.document.encode()), 0) == [Send(ANN, TOO_LARGE)]
    assert content(small.document.doc) == before
    other = Client(2)
    other.document.apply(room.document.encode())
    deletion = other.edit(lambda steps: steps.pop("first"))
    assert only(Append, small.handle(ANN, Update(deletion), 0))
    assert "first" not in str(content(small.document.doc))


def test_a_document_too_large_takes_no_edit_by_the_server_but_deletions(room: Room) -> None:
    small = Room(room.document, size=DocumentSize(10, 1000))
    before = content(small.document.doc)
    with pytest.raises(PipelineTooLarge, match="delete something before you add more"):
        small.apply_edit(ADA, lambda editor: patch_settings(editor, {"name": "Weft"}), 0.0)
    addition, deletion = Client(2), Client(3)
    for other in (addition, deletion):
        other.document.apply(room.document.encode())
    with pytest.raises(PipelineTooLarge):
        small.apply_merge(ADA, inspect_update(addition.put("second", 1)), 0.0)
    assert content(small.document.doc) == before
    effects = small.apply_merge(
        ADA, inspect_update(deletion.edit(lambda steps: steps.pop("first"))), 0.0
    )
    assert only(Append, effects)
    assert small.apply_edit(ADA, lambda _: "gone", 0.0, is_deletion=True) == ("gone", [])


def test_a_full_team_adds_nothing_to_its_documents_but_deletes(room: Room, ann: Client) -> None:
    room.is_storage_full = True
    before = content(room.document.doc)
    assert room.handle(ANN, Update(ann.put("second", 1)), 0) == [Send(ANN, STORAGE_FULL)]
    with pytest.raises(StorageFull, match="PIPELOOM_MAX_BYTES_PER_TEAM"):
        room.apply_edit(ADA, lambda editor: patch_settings(editor, {"name": "Weft"}), 0.0)
    assert content(room.document.doc) == before
    other = Client(2)
    other.document.apply(room.document.encode())
    assert only(Append, room.handle(ANN, Update(other.edit(lambda steps: steps.pop("first"))), 0))
    room.is_storage_full = False
    assert only(Append, room.handle(ANN, Update(other.put("third", 1)), 0))


def test_every_edit_counts_to_the_size_of_a_document(room: Room, ann: Client) -> None:
    small = Room(room.document, size=DocumentSize(2000, 0))
    small.join(Session(ANN, UserProfile(ADA), "read-write"))
    first = ann.put("large", "x" * 1500)
    assert only(Append, small.handle(ANN, Update(first), 0))
    assert only(Append, small.handle(ANN, Update(ann.put("more", "x" * 1500)), 0))
    assert small.handle(ANN, Update(ann.put("less", "x")), 0) == [Send(ANN, TOO_LARGE)]


def test_a_cut_character_is_relayed_as_received_and_the_server_goes_on_editing(
    room: Room, ann: Client
) -> None:
    room.handle(ANN, Update(ann.put("s", Map({"prompt": Text("a😀b")}))), 0.0)
    room.apply_edit(ADA, lambda editor: editor.steps.update({"x": 1}), 0.0)
    [low] = pairs_in(room.document.encode())[1]
    cut = b"\x00" + deletions(1, (low, 1))
    assert room.handle(ANN, Update(cut), 0.0) == [
        Broadcast(Update(cut), exclude=ANN),
        Append(cut, ADA),
        SendWhenDurable(ANN, Accepted(cut)),
    ]
    room.apply_edit(ADA, lambda editor: editor.steps.update({"x": 2}), 0.0)
    shown = content(room.document.doc)
    assert (str(shown["s"]["prompt"]), shown["x"]) == ("a\ufffdb", 2)
