"""Presence follows y-protocols, and nobody can speak for somebody else."""

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Awareness as StockAwareness
from pycrdt import Doc

from crdt.errors import ProtocolError
from crdt.protocol.awareness_update import (
    MAX_CLIENTS_PER_UPDATE,
    MAX_NUMBER,
    MAX_STATE_BYTES,
    MAX_STATE_DEPTH,
    read_entries,
)
from crdt.protocol.lib0 import Reader, var_string, var_uint
from crdt.protocol.messages import KEEP_ALIVE
from crdt.room.awareness import (
    EXPIRY,
    MAX_AWARENESS_BYTES,
    MAX_CLIENTS_PER_SESSION,
    MAX_NODE_PRESENCE_BYTES,
    RENEWAL_SECONDS,
    Awareness,
)
from crdt.room.session import UserProfile

ADA, BOB = UserProfile(UUID(int=1), "Ada"), UserProfile(UUID(int=2), "Bob")
HERE, THERE, GONE = '{"cursor":1}', '{"cursor":2}', "null"
ANN_1, ANN_2, BEN = 1, 2, 3

Entry = tuple[int, int, str]


def payload(*entries: Entry) -> bytes:
    return var_uint(len(entries)) + b"".join(
        var_uint(client) + var_uint(clock) + var_string(state) for client, clock, state in entries
    )


def entries(relayed: bytes | None) -> list[Entry]:
    assert relayed is not None
    reader = Reader(relayed)
    count = reader.var_uint()
    found = [
        (reader.var_uint(), reader.var_uint(), without_user(reader.var_string()))
        for _ in range(count)
    ]
    reader.finish()
    return found


def without_user(text: str) -> str:
    """A state as its client sent it, without the user that the server put in."""
    state = json.loads(text)
    if state is not None:
        del state["user"]
    return json.dumps(state, separators=(",", ":"))


@pytest.fixture
def room() -> Awareness:
    """Client 7 of Ada is here, at clock 5, by her first session."""
    awareness = Awareness()
    awareness.apply(payload((7, 5, HERE)), ANN_1, ADA, 0.0)
    return awareness


def test_a_new_client_is_relayed(room: Awareness) -> None:
    assert entries(room.apply(payload((8, 0, HERE)), BEN, BOB, 0.0)) == [(8, 0, HERE)]
    assert len(room) == 2
    assert sorted(entries(room.encode())) == [(7, 5, HERE), (8, 0, HERE)]


@pytest.mark.parametrize(
    ("clock", "state", "counts"),
    [
        (4, THERE, False),
        (5, THERE, False),
        (6, THERE, True),
        (4, GONE, False),
        (5, GONE, True),
        (6, GONE, True),
    ],
)
def test_a_newer_clock_counts_or_an_equal_one_with_null(
    room: Awareness, clock: int, state: str, counts: bool
) -> None:
    relayed = room.apply(payload((7, clock, state)), ANN_1, ADA, 0.0)
    assert (relayed is not None) is counts
    assert entries(room.encode_with_removed()) == [(7, clock, state) if counts else (7, 5, HERE)]


def test_a_removal_is_relayed_with_its_clock_and_the_client_is_gone(room: Awareness) -> None:
    assert entries(room.apply(payload((7, 6, GONE)), ANN_1, ADA, 0.0)) == [(7, 6, GONE)]
    assert len(room) == 0
    assert room.encode() == b"\x00"


def test_a_removal_of_nobody_is_not_relayed(room: Awareness) -> None:
    assert room.apply(payload((9, 1, GONE)), ANN_1, ADA, 0.0) is None
    room.apply(payload((7, 5, GONE)), ANN_1, ADA, 0.0)
    assert room.apply(payload((7, 5, GONE)), ANN_1, ADA, 0.0) is None


def test_only_what_counts_is_relayed(room: Awareness) -> None:
    update = payload((7, 5, THERE), (8, 1, HERE), (9, 1, GONE), (10, 1, THERE))
    assert entries(room.apply(update, ANN_1, ADA, 0.0)) == [(8, 1, HERE), (10, 1, THERE)]


def test_the_keep_alive_changes_nothing(room: Awareness) -> None:
    assert room.apply(KEEP_ALIVE.payload, ANN_1, ADA, 0.0) is None


def test_any_spelling_of_null_is_null(room: Awareness) -> None:
    assert entries(room.apply(payload((7, 5, " null ")), ANN_1, ADA, 0.0)) == [(7, 5, GONE)]


def test_a_session_that_ends_takes_its_clients_along(room: Awareness) -> None:
    room.apply(payload((8, 1, HERE)), BEN, BOB, 0.0)
    assert entries(room.leave(ANN_1)) == [(7, 5, GONE)]
    assert room.leave(ANN_1) is None
    assert len(room) == 1


def test_presence_belongs_to_the_session_that_came_back(room: Awareness) -> None:
    """y-websocket reconnects with the same id and clock before the old connection has ended."""
    assert room.apply(payload((7, 5, HERE)), ANN_2, ADA, 1.0) is None
    assert room.leave(ANN_1) is None
    assert len(room) == 1
    assert entries(room.leave(ANN_2)) == [(7, 5, GONE)]


def test_news_of_a_client_make_its_presence_the_sessions(room: Awareness) -> None:
    room.apply(payload((8, 1, HERE)), ANN_2, ADA, 1.0)
    room.apply(payload((7, 6, THERE)), ANN_2, ADA, 1.0)
    assert room.leave(ANN_1) is None
    assert sorted(entries(room.leave(ANN_2))) == [(7, 6, GONE), (8, 1, GONE)]


def test_sending_back_what_was_received_does_not_move_a_state(room: Awareness) -> None:
    """y-websocket clients send back every awareness update they receive."""
    room.apply(payload((8, 1, HERE)), ANN_2, ADA, 1.0)
    assert room.apply(payload((7, 5, HERE)), ANN_2, ADA, 1.0) is None
    assert entries(room.leave(ANN_1)) == [(7, 5, GONE)]


def test_a_first_update_of_several_clients_is_no_announcement(room: Awareness) -> None:
    room.apply(payload((8, 1, HERE)), BEN, ADA, 1.0)
    room.apply(payload((7, 5, HERE), (8, 1, HERE)), ANN_2, ADA, 1.0)
    assert entries(room.leave(ANN_1)) == [(7, 5, GONE)]


@pytest.mark.parametrize("state", [THERE, GONE])
def test_a_client_of_another_user_cannot_be_touched(room: Awareness, state: str) -> None:
    assert room.apply(payload((7, 6, state)), BEN, BOB, 0.0) is None
    assert entries(room.encode()) == [(7, 5, HERE)]
    assert room.leave(BEN) is None
    assert entries(room.leave(ANN_1)) == [(7, 5, GONE)]


def test_what_is_next_to_a_foreign_client_is_taken(room: Awareness) -> None:
    update = payload((7, 6, THERE), (8, 1, HERE))
    assert entries(room.apply(update, BEN, BOB, 0.0)) == [(8, 1, HERE)]


def test_a_client_id_that_was_left_is_free(room: Awareness) -> None:
    room.leave(ANN_1)
    assert entries(room.apply(payload((7, 6, HERE)), BEN, BOB, 0.0)) == [(7, 6, HERE)]
    assert room.apply(payload((7, 7, THERE)), ANN_2, ADA, 0.0) is None


def test_a_state_removed_and_sent_again_with_the_same_clock_is_relayed_with_a_newer_one(
    room: Awareness,
) -> None:
    """The others received null at clock 5 and would ignore a state at clock 5."""
    assert entries(room.leave(ANN_1)) == [(7, 5, GONE)]
    assert entries(room.apply(payload((7, 5, HERE)), ANN_2, ADA, 1.0)) == [(7, 6, HERE)]
    assert entries(room.apply(payload((7, 7, THERE)), ANN_2, ADA, 1.0)) == [(7, 7, THERE)]


def test_a_client_that_removed_itself_does_not_return_by_an_old_clock(room: Awareness) -> None:
    room.apply(payload((7, 6, GONE)), ANN_1, ADA, 0.0)
    assert room.apply(payload((7, 6, HERE)), ANN_2, ADA, 0.0) is None
    assert len(room) == 0


def test_others_see_the_client_that_returned() -> None:
    """Through a stock client: what we relay makes it appear, disappear and appear again."""
    ours, theirs = Awareness(), StockAwareness(Doc(client_id=99))
    sequence = [
        ours.apply(payload((7, 5, HERE)), ANN_1, ADA, 0.0),
        ours.leave(ANN_1),
        ours.apply(payload((7, 5, HERE)), ANN_2, ADA, 1.0),
    ]
    seen = []
    for each in sequence:
        assert each is not None
        theirs.apply_awareness_update(each, "test")
        seen.append(7 in theirs.states)
    assert seen == [True, False, True]


def test_a_client_that_sends_nothing_is_removed(room: Awareness) -> None:
    assert room.expire(EXPIRY) is None
    assert entries(room.expire(EXPIRY + 0.1)) == [(7, 5, GONE)]
    assert room.expire(EXPIRY + 0.2) is None


def test_a_renewal_postpones_the_end(room: Awareness) -> None:
    room.apply(payload((7, 6, HERE)), ANN_1, ADA, 20.0)
    assert room.expire(20.0 + EXPIRY) is None
    assert entries(room.expire(20.1 + EXPIRY)) == [(7, 6, GONE)]


def test_a_client_that_sends_nothing_for_long_is_forgotten(room: Awareness) -> None:
    room.expire(EXPIRY + 1)
    room.expire(2 * EXPIRY + 1)
    assert entries(room.apply(payload((7, 0, HERE)), BEN, BOB, 100.0)) == [(7, 0, HERE)]


def test_a_client_is_removed_for_all_though_nobody_looked_for_long(room: Awareness) -> None:
    """As after a machine that was suspended."""
    assert entries(room.expire(2 * EXPIRY + 1)) == [(7, 5, GONE)]
    assert room.expire(2 * EXPIRY + 2) is None


def test_a_client_that_was_removed_and_sends_again_is_relayed(room: Awareness) -> None:
    room.expire(EXPIRY + 1)
    assert entries(room.apply(payload((7, 6, HERE)), ANN_1, ADA, 32.0)) == [(7, 6, HERE)]


def nested(levels: int) -> str:
    """A state of lists within lists, so many levels deep in all."""
    return '{"x":' + "[" * (levels - 1) + "1" + "]" * (levels - 1) + "}"


HOSTILE = {
    "nothing": b"",
    "truncated": payload((7, 9, HERE))[:-1],
    "more bytes": payload((7, 9, HERE)) + b"\x00",
    "no JSON": payload((7, 9, "{")),
    "a list": payload((7, 9, "[]")),
    "a text": payload((7, 9, '"x"')),
    "a number": payload((7, 9, "1")),
    "NaN": payload((7, 9, '{"x":NaN}')),
    "Infinity": payload((7, 9, '{"x":-Infinity}')),
    "a number beyond doubles": payload((7, 9, '{"x":1e999}')),
    "no UTF-8": b"\x01\x07\x09\x01\xff",
    "deep": payload((7, 9, '{"x":' + "[" * 100_000 + "]" * 100_000 + "}")),
    "too deep for some": payload((7, 9, nested(MAX_STATE_DEPTH + 1))),
    "too deep in objects": payload((7, 9, '{"x":' * 101 + "1" + "}" * 101)),
    "many digits": payload((7, 9, '{"x":' + "9" * 5_000 + "}")),
    "large": payload((7, 9, json.dumps({"x": "y" * (MAX_STATE_BYTES + 200)}))),
    "large in bytes": payload((7, 9, '{"x":"' + "é" * (MAX_STATE_BYTES // 2 + 100) + '"}')),
    "count": var_uint(2**60),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_payload_is_refused_and_nothing_of_it_taken(
    room: Awareness, hostile: bytes
) -> None:
    with pytest.raises(ProtocolError):
        room.apply(hostile, ANN_1, ADA, 0.0)
    assert entries(room.encode()) == [(7, 5, HERE)]


def test_a_session_brings_in_so_many_clients_and_no_more() -> None:
    room = Awareness()
    for client in range(MAX_CLIENTS_PER_SESSION):
        room.apply(payload((client, 1, HERE)), ANN_1, ADA, 0.0)
    room.apply(payload((0, 2, THERE)), ANN_1, ADA, 0.0)
    with pytest.raises(ProtocolError, match="at most 100 clients"):
        room.apply(payload((1000, 1, HERE)), ANN_1, ADA, 0.0)
    assert len(room) == MAX_CLIENTS_PER_SESSION
    assert room.apply(payload((1000, 1, HERE)), BEN, BOB, 0.0) is not None


def test_a_good_entry_before_a_bad_one_is_not_taken(room: Awareness) -> None:
    with pytest.raises(ProtocolError):
        room.apply(payload((7, 6, THERE), (8, 1, "[]")), ANN_1, ADA, 0.0)
    assert entries(room.encode()) == [(7, 5, HERE)]


def test_a_state_may_nest_as_deep_as_every_client_can_read(room: Awareness) -> None:
    assert room.apply(payload((7, 6, nested(MAX_STATE_DEPTH))), ANN_1, ADA, 0.0) is not None
    flat = '{"x":[' + ",".join(["[]"] * 200) + "]}"
    assert room.apply(payload((7, 7, flat)), ANN_1, ADA, 0.0) is not None


def test_a_client_may_send_back_the_largest_state_with_the_user_in_it() -> None:
    room = Awareness()
    largest = json.dumps({"x": "é" * (MAX_STATE_BYTES // 2 - 10)}, ensure_ascii=False)
    room.apply(payload((7, 5, largest)), ANN_1, ADA, 0.0)
    room.leave(ANN_1)
    relayed = room.apply(payload((7, 5, largest)), ANN_2, ADA, 0.0)
    assert relayed is not None
    ((client, clock, sent),) = read_entries(relayed)
    echo = json.dumps(json.loads(sent), ensure_ascii=False, separators=(",", ":"))
    assert len(echo.encode()) > MAX_STATE_BYTES
    assert room.apply(payload((client, clock, echo)), ANN_2, ADA, 0.0) is None


def test_nobody_is_sent_a_clock_that_clients_cannot_read(room: Awareness) -> None:
    for session in (ANN_1, ANN_2, 4, 5):
        relayed = room.apply(payload((70, MAX_NUMBER, HERE)), session, ADA, 0.0)
        assert entries(relayed) == [(70, 2**53 - 1, HERE)]
        assert entries(room.leave(session))[-1] == (70, 2**53 - 1, GONE)


@pytest.mark.parametrize("odd", [(7, MAX_NUMBER + 1, THERE), (2**53, 1, HERE)])
def test_what_clients_could_not_read_is_ignored(room: Awareness, odd: Entry) -> None:
    """A client whose clock others have pushed so far is not closed for that."""
    relayed = room.apply(payload(odd, (8, 1, THERE)), ANN_1, ADA, 0.0)
    assert entries(relayed) == [(8, 1, THERE)]
    assert sorted(entries(room.encode())) == [(7, 5, HERE), (8, 1, THERE)]


def test_of_very_many_entries_the_first_are_read(room: Awareness) -> None:
    many = [(7, 6 + number, json.dumps({"cursor": number})) for number in range(1_002)]
    room.apply(payload(*many), ANN_1, ADA, 0.0)
    assert entries(room.encode()) == [(7, 5 + MAX_CLIENTS_PER_UPDATE, '{"cursor":999}')]


def test_a_client_may_report_many_unknown_clients_as_gone() -> None:
    room = Awareness()
    gone = payload(*[(client, 1, GONE) for client in range(100, 700)])
    assert room.apply(gone, ANN_1, ADA, 0.0) is None
    assert room.apply(payload((7, 5, HERE)), ANN_1, ADA, 0.0) is not None
    assert len(read_entries(room.encode_with_removed())) == MAX_CLIENTS_PER_SESSION + 1


@pytest.mark.parametrize("sessions", [100, 30])
def test_the_user_with_the_most_presence_is_left_out_and_nobody_else(
    room: Awareness, sessions: int
) -> None:
    """Other nodes and those who join learn of everybody who leaves room for others."""
    size = 2_000 if sessions == 100 else MAX_STATE_BYTES - 10
    for session in range(100, 100 + sessions):
        clients = range(session * 100, session * 100 + MAX_CLIENTS_PER_SESSION)
        large = json.dumps({"x": "y" * size})
        room.apply(payload(*[(each, 1, large) for each in clients]), session, BOB, 0.0)
    room.apply(payload((8, 1, THERE)), ANN_2, ADA, 0.0)
    for encoded, limit in (
        (room.encode_local(), MAX_NODE_PRESENCE_BYTES),
        (room.encode(), MAX_AWARENESS_BYTES),
        (room.encode_with_removed(), MAX_AWARENESS_BYTES),
    ):
        assert {7, 8} < {each.client for each in read_entries(encoded)}
        assert limit / 2 < len(encoded) <= limit + 10


@given(st.binary(max_size=80))
def test_random_bytes_are_taken_or_refused(data: bytes) -> None:
    awareness = Awareness()
    try:
        awareness.apply(data, ANN_1, ADA, 0.0)
    except ProtocolError:
        assert len(awareness) == 0


def test_a_state_of_a_stock_client_is_relayed_but_for_its_user() -> None:
    theirs, others = StockAwareness(Doc(client_id=99)), StockAwareness(Doc(client_id=98))
    theirs.set_local_state({"cursor": {"x": 1}, "user": {"name": "Zoë 😀"}, "note": "é😀"})
    sent = theirs.encode_awareness_update([99])
    zoe = UserProfile(UUID(int=13), "Zoë 😀", "/zoe.png")
    relayed = Awareness().apply(sent, ANN_1, zoe, 0.0)
    assert relayed is not None
    others.apply_awareness_update(relayed, "server")
    card = {"id": str(zoe.id), "name": "Zoë 😀", "color": "#3cb44b", "avatar_url": "/zoe.png"}
    assert others.states[99] == {"user": card, "cursor": {"x": 1}, "note": "é😀"}


def test_half_a_surrogate_pair_is_relayed_as_it_was_escaped() -> None:
    relayed = Awareness().apply(payload((7, 1, '{"note":"\\ud83d"}')), ANN_1, ADA, 0.0)
    assert relayed is not None
    assert b'"note": "\\ud83d"}' in relayed


@pytest.mark.parametrize("claim", ['{"user":null}', '{"user":{"id":"x"},"user":1}', "{}"])
def test_whatever_a_state_claims_the_user_is_the_session_s(claim: str) -> None:
    relayed = Awareness().apply(payload((7, 1, claim)), ANN_1, ADA, 0.0)
    assert relayed is not None
    assert json.loads(relayed[4:]) == {"user": ADA.card}


class TestRenewals:
    """A state that comes again with a newer clock is relayed together with others."""

    def test_they_are_gathered(self, room: Awareness) -> None:
        room.apply(payload((8, 1, HERE)), BEN, BOB, 0.0)
        assert room.apply(payload((7, 6, HERE)), ANN_1, ADA, 15.0) is None
        assert room.apply(payload((8, 2, HERE)), BEN, BOB, 16.0) is None
        assert room.renewals(15.0 + RENEWAL_SECONDS - 0.1) is None
        assert sorted(entries(room.renewals(15.0 + RENEWAL_SECONDS))) == [
            (7, 6, HERE),
            (8, 2, HERE),
        ]
        assert room.renewals(100.0) is None

    def test_news_goes_at_once_and_takes_the_renewal_with_it(self, room: Awareness) -> None:
        room.apply(payload((7, 6, HERE)), ANN_1, ADA, 15.0)
        assert entries(room.apply(payload((7, 7, THERE)), ANN_1, ADA, 16.0)) == [(7, 7, THERE)]
        assert room.renewals(100.0) is None

    def test_who_leaves_meanwhile_is_gone_at_the_newest_clock(self, room: Awareness) -> None:
        room.apply(payload((7, 6, HERE)), ANN_1, ADA, 15.0)
        assert [each.state for each in read_entries(room.leave(ANN_1) or b"")] == [GONE]
        assert room.renewals(100.0) is None

    def test_a_new_connection_is_no_renewal(self, room: Awareness) -> None:
        assert entries(room.apply(payload((7, 6, HERE)), ANN_2, ADA, 15.0)) == [(7, 6, HERE)]

    def test_the_first_state_that_others_can_take_is_none(self, room: Awareness) -> None:
        """awareness.js takes no state with clock 0 of a client that it does not know."""
        assert entries(room.apply(payload((8, 0, HERE)), BEN, BOB, 0.0)) == [(8, 0, HERE)]
        assert entries(room.apply(payload((8, 1, HERE)), BEN, BOB, 15.0)) == [(8, 1, HERE)]
        assert room.apply(payload((8, 2, HERE)), BEN, BOB, 30.0) is None

    def test_they_reach_a_client_before_it_takes_the_others_for_gone(self) -> None:
        """Each renews 18 s after the last time, and a room is looked at every two seconds."""
        room, there = Awareness(), StockAwareness(Doc())
        there.apply_awareness_update(room.apply(payload((7, 1, HERE)), ANN_1, ADA, 0.0) or b"", "")
        received = [0.0]
        for now in range(2, 200, 2):
            if now % 18 == 0:
                room.apply(payload((7, 1 + now // 18, HERE)), ANN_1, ADA, float(now))
            if (renewed := room.renewals(float(now))) is not None:
                there.apply_awareness_update(renewed, "")
                received.append(float(now))
            assert now - received[-1] < EXPIRY
        assert there.meta[7]["clock"] == 1 + received[-1] // 18
