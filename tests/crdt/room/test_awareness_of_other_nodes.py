"""A client that moves from node to node is seen on all of them, in whatever order messages arrive.

The clocks that a node publishes may be ahead of the client's own.
"""

import json
from uuid import UUID

import pytest

from crdt.protocol.awareness_update import (
    MAX_NUMBER,
    Entry,
    join_entries,
    read_entries,
    write_entry,
)
from crdt.protocol.lib0 import var_string, var_uint
from crdt.room.awareness import Awareness
from crdt.room.peer_messages import NodePresence
from crdt.room.session import UserProfile

ALICE, EVE = UserProfile(UUID(int=1), "Alice"), UserProfile(UUID(int=2), "Eve")
HERE = json.dumps({"user": ALICE.card})
CLIENT, TAB = 70, 1


def entry(clock: int, state: str = HERE) -> bytes:
    """An awareness update about the client."""
    return b"\x01" + var_uint(CLIENT) + var_uint(clock) + var_string(state)


def published(clock: int, state: str = HERE, node: str = "old") -> NodePresence:
    """What a node publishes when something changed there."""
    return NodePresence(node, entry(clock, state), is_complete=False)


@pytest.fixture
def room() -> Awareness:
    """The client is at another node, which is one clock ahead of it."""
    awareness = Awareness()
    assert awareness.apply_remote(published(9), 0) == entry(9)
    return awareness


def test_a_client_is_seen_that_comes_before_its_old_connection_ends(room: Awareness) -> None:
    assert room.apply(entry(8), TAB, ALICE, 1) == entry(10)
    assert room.apply_remote(published(9, "null"), 2) is None
    assert room.encode_local() == entry(10)


def test_a_client_is_seen_that_comes_after_its_old_connection_ended(room: Awareness) -> None:
    assert room.apply_remote(published(9, "null"), 1) == entry(9, "null")
    assert room.apply(entry(8), TAB, ALICE, 2) == entry(10)


def test_a_client_that_two_nodes_publish_with_one_clock_is_seen(room: Awareness) -> None:
    """The new one did not know yet how far the old one was."""
    assert room.apply_remote(published(9, node="new"), 1) is None
    assert room.apply_remote(published(9, "null"), 2) == entry(9, "null")
    assert room.apply_remote(published(9, node="new"), 3) == entry(10)
    assert room.apply_remote(published(9, "null"), 4) is None


def test_a_node_sends_a_client_again_that_another_node_removed() -> None:
    room = Awareness()
    room.apply(entry(8), TAB, ALICE, 0)
    assert room.apply_remote(published(9, "null"), 1) == entry(10)
    assert room.encode_local() == entry(10)
    assert room.apply(entry(10), TAB, ALICE, 2) is None
    assert room.apply_remote(published(9, "null"), 3) is None


def test_a_client_that_left_does_not_return_by_what_is_older(room: Awareness) -> None:
    room.apply_remote(published(9, "null"), 1)
    assert room.apply_remote(published(8, node="new"), 2) is None
    assert len(room) == 0


@pytest.mark.parametrize(
    "odd",
    [
        Entry(CLIENT, 2**53, HERE),
        Entry(CLIENT, 10, "{"),
        Entry(CLIENT, 10, "[]"),
        Entry(CLIENT, 10, '{"user":{"id":1}}'),
        Entry(CLIENT, 10, '{"x":' + "[" * 100_000 + "]" * 100_000 + "}"),
    ],
    ids=["clock", "no JSON", "list", "nobody's", "deep"],
)
def test_an_entry_that_cannot_be_used_is_ignored_and_no_other(room: Awareness, odd: Entry) -> None:
    fine = [Entry(80, 1, HERE), Entry(2**53 - 1, 2**53 - 1, HERE)]
    node_presence = join_entries([write_entry(each) for each in (fine[0], odd, fine[1])])
    relayed = room.apply_remote(NodePresence("old", node_presence, is_complete=True), 1)
    assert relayed == join_entries([write_entry(each) for each in fine])
    assert len(room) == 3


def test_a_node_publishes_very_many_clients(room: Awareness) -> None:
    clients = [write_entry(Entry(client, 1, HERE)) for client in range(100, 2_100)]
    room.apply_remote(NodePresence("old", join_entries(clients), is_complete=True), 1)
    assert len(room) == len(clients)


def test_a_client_with_the_largest_clock_harms_nobody_else() -> None:
    here, there = Awareness(), Awareness()
    here.apply(entry(8), TAB, ALICE, 0)
    last = write_entry(Entry(666, MAX_NUMBER, "{}"))
    for session in range(10, 14):
        here.apply(join_entries([last]), session, EVE, 0)
        there.apply_remote(NodePresence("here", here.encode_local(), is_complete=True), 0)
        assert {each.client for each in read_entries(there.encode())} == {CLIENT, 666}
        here.leave(session)
        there.apply_remote(NodePresence("here", here.encode_local(), is_complete=True), 0)
        assert {each.client for each in read_entries(there.encode())} == {CLIENT}
