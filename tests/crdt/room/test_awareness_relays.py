"""y-websocket clients send back every state that they receive: that must not make it theirs."""

import json
from uuid import UUID

from crdt.protocol.awareness_update import MAX_STATE_BYTES, read_entries
from crdt.protocol.lib0 import var_string, var_uint
from crdt.room.awareness import Awareness
from crdt.room.session import UserProfile

ALICE, BOB = UserProfile(UUID(int=1), "Alice"), UserProfile(UUID(int=2), "Bob")
OLD_TAB, NEW_TAB, WATCHER, NEWEST_TAB = 1, 2, 3, 4
CLIENT, OTHER_CLIENT, LATE_CLIENT = 70, 80, 90


def entry(client: int, clock: int, state: str = "{}") -> bytes:
    """An awareness update about one client."""
    return b"\x01" + var_uint(client) + var_uint(clock) + var_string(state)


def watched() -> Awareness:
    """One client, and a watcher of the same user that has announced itself."""
    awareness = Awareness()
    awareness.apply(entry(CLIENT, 1), OLD_TAB, ALICE, 0)
    awareness.apply(entry(OTHER_CLIENT, 1), WATCHER, ALICE, 0)
    return awareness


def test_a_relayed_state_is_still_removed_with_its_client() -> None:
    awareness = watched()
    assert awareness.apply(entry(CLIENT, 1), WATCHER, ALICE, 1) is None
    assert awareness.leave(OLD_TAB) == entry(CLIENT, 1, "null")


def test_a_relayed_state_is_not_removed_with_its_relay() -> None:
    awareness = watched()
    awareness.apply(entry(CLIENT, 1), WATCHER, ALICE, 1)
    assert awareness.leave(WATCHER) == entry(OTHER_CLIENT, 1, "null")


def test_a_relay_that_comes_late_brings_nobody_back() -> None:
    awareness = watched()
    awareness.leave(OLD_TAB)
    assert awareness.apply(entry(CLIENT, 1), WATCHER, ALICE, 1) is None
    assert len(awareness) == 1


def test_a_relay_keeps_no_silent_client_alive() -> None:
    awareness = watched()
    awareness.apply(entry(CLIENT, 1), WATCHER, ALICE, 29)
    awareness.apply(entry(OTHER_CLIENT, 2), WATCHER, ALICE, 29)
    assert awareness.expire(31) == entry(CLIENT, 1, "null")


def test_a_client_on_a_new_connection_keeps_its_presence_when_the_old_one_ends() -> None:
    awareness = watched()
    assert awareness.apply(entry(CLIENT, 1), NEW_TAB, ALICE, 1) is None
    assert awareness.leave(OLD_TAB) is None
    assert len(awareness) == 2


def test_a_client_that_comes_back_with_its_old_state_is_seen_again() -> None:
    awareness = watched()
    awareness.leave(OLD_TAB)
    assert awareness.apply(entry(CLIENT, 1), NEW_TAB, ALICE, 1) == entry(
        CLIENT, 2, json.dumps({"user": ALICE.card})
    )


def test_a_client_that_adopts_the_clock_others_are_sent_counts_on_from_there() -> None:
    """It sends back what it receives of itself too: were that news, it would go round for ever."""
    awareness = watched()
    awareness.leave(OLD_TAB)
    sent = awareness.apply(entry(CLIENT, 1), NEW_TAB, ALICE, 1)
    assert sent is not None
    assert awareness.apply(sent, NEW_TAB, ALICE, 2) is None
    moved = awareness.apply(entry(CLIENT, 3, '{"x": 1}'), NEW_TAB, ALICE, 3)
    assert moved == entry(CLIENT, 3, json.dumps({"user": ALICE.card, "x": 1}))


def test_of_a_client_that_does_not_others_are_sent_one_clock_ahead() -> None:
    awareness = watched()
    awareness.leave(OLD_TAB)
    awareness.apply(entry(CLIENT, 1), NEW_TAB, ALICE, 1)
    moved = awareness.apply(entry(CLIENT, 2, '{"x": 1}'), NEW_TAB, ALICE, 3)
    assert moved == entry(CLIENT, 3, json.dumps({"user": ALICE.card, "x": 1}))


def test_what_a_client_adopts_late_is_no_news_either() -> None:
    """Two of its echoes on the way would chase each other for ever."""
    awareness = watched()
    awareness.leave(OLD_TAB)
    first = awareness.apply(entry(CLIENT, 1), NEW_TAB, ALICE, 1)
    awareness.leave(NEW_TAB)
    second = awareness.apply(entry(CLIENT, 1), NEWEST_TAB, ALICE, 2)
    assert first is not None
    assert second == entry(CLIENT, 3, json.dumps({"user": ALICE.card}))
    assert awareness.apply(first, NEWEST_TAB, ALICE, 3) is None
    assert awareness.apply(second, NEWEST_TAB, ALICE, 3) is None
    assert awareness.renewals(100) is None
    awareness.apply(entry(CLIENT, 4), NEWEST_TAB, ALICE, 4)
    assert awareness.renewals(100) == entry(CLIENT, 4, json.dumps({"user": ALICE.card}))


def test_two_states_sent_ahead_do_not_chase_each_other() -> None:
    """A client adopts the state it was sent, although it has sent another one meanwhile."""
    awareness = watched()
    awareness.leave(OLD_TAB)
    awareness.apply(entry(CLIENT, 1), NEW_TAB, ALICE, 1)
    awareness.leave(NEW_TAB)
    sent = awareness.apply(entry(CLIENT, 1), NEWEST_TAB, ALICE, 1)
    moved = awareness.apply(entry(CLIENT, 2, '{"x": 1}'), NEWEST_TAB, ALICE, 2)
    assert sent == entry(CLIENT, 3, json.dumps({"user": ALICE.card}))
    assert moved == entry(CLIENT, 4, json.dumps({"user": ALICE.card, "x": 1}))
    assert awareness.apply(sent, NEWEST_TAB, ALICE, 3) is None
    assert awareness.apply(moved, NEWEST_TAB, ALICE, 3) is None


def test_a_client_that_reconnects_removes_nobody() -> None:
    """Hocuspocus providers report all others as gone, once they have reconnected themselves."""
    awareness = watched()
    assert awareness.apply(entry(CLIENT, 1, "null"), WATCHER, ALICE, 1) is None
    assert len(awareness) == 2


def test_a_client_reported_as_gone_before_it_came_is_seen_when_it_comes() -> None:
    awareness = watched()
    assert awareness.apply(entry(LATE_CLIENT, 1, "null"), WATCHER, ALICE, 1) is None
    assert awareness.apply(entry(LATE_CLIENT, 1), NEW_TAB, ALICE, 2) == entry(
        LATE_CLIENT, 2, json.dumps({"user": ALICE.card})
    )


def test_a_relay_of_what_another_client_sent_is_never_refused() -> None:
    """A stock client writes numbers at length, and sends back the user that the server put in."""
    awareness = watched()
    long = json.dumps({"x": "y" * (MAX_STATE_BYTES - 10)})
    sent = awareness.apply(entry(CLIENT, 2, long), OLD_TAB, ALICE, 1)
    assert sent is not None
    assert len(read_entries(sent)[0].state) > MAX_STATE_BYTES
    for user in (ALICE, BOB):
        awareness.apply(entry(LATE_CLIENT + len(user.name), 1), len(user.name), user, 1)
        assert awareness.apply(sent, len(user.name), user, 1) is None
    awareness.leave(OLD_TAB)
    assert awareness.apply(sent, len(BOB.name), BOB, 1) is None


def test_a_client_that_joins_may_relay_very_many() -> None:
    awareness = watched()
    for session in range(100, 120):
        for client in range(session * 100, session * 100 + 100):
            awareness.apply(entry(client, 1), session, ALICE, 1)
    awareness.apply(entry(LATE_CLIENT, 1), NEW_TAB, BOB, 1)
    assert awareness.apply(awareness.encode(), NEW_TAB, BOB, 1) is None
    assert awareness.leave(NEW_TAB) == entry(LATE_CLIENT, 1, "null")
