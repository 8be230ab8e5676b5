"""A client that goes from node to node is seen at all of them, whatever they hear in which order.

A node tells the others clocks that may be ahead of the client's own.
"""

import json
from uuid import UUID

import pytest

from crdt.awareness import Awareness
from crdt.encoding import var_string, var_uint
from crdt.news import Roster
from crdt.person import Person

ALICE = Person(UUID(int=1), "Alice")
HERE = json.dumps({"user": ALICE.card})
CLIENT, TAB = 70, 1


def entry(clock: int, state: str = HERE) -> bytes:
    """An awareness update about the client."""
    return b"\x01" + var_uint(CLIENT) + var_uint(clock) + var_string(state)


def told(clock: int, state: str = HERE, node: str = "old") -> Roster:
    """What a node tells when something has changed there."""
    return Roster(node, entry(clock, state), is_complete=False)


@pytest.fixture
def room() -> Awareness:
    """The client is at another node, which is one clock ahead of it."""
    awareness = Awareness()
    assert awareness.hear(told(9), 0) == entry(9)
    return awareness


def test_a_client_is_seen_that_comes_before_its_old_connection_ends(room: Awareness) -> None:
    assert room.apply(entry(8), TAB, ALICE, 1) == entry(10)
    assert room.hear(told(9, "null"), 2) is None
    assert room.roster() == entry(10)


def test_a_client_is_seen_that_comes_after_its_old_connection_ended(room: Awareness) -> None:
    assert room.hear(told(9, "null"), 1) == entry(9, "null")
    assert room.apply(entry(8), TAB, ALICE, 2) == entry(10)


def test_a_client_that_two_nodes_tell_of_with_one_clock_is_seen(room: Awareness) -> None:
    """The new one did not know yet how far the old one was."""
    assert room.hear(told(9, node="new"), 1) is None
    assert room.hear(told(9, "null"), 2) == entry(9, "null")
    assert room.hear(told(9, node="new"), 3) == entry(10)
    assert room.hear(told(9, "null"), 4) is None


def test_a_node_insists_on_a_client_that_another_takes_for_gone() -> None:
    room = Awareness()
    room.apply(entry(8), TAB, ALICE, 0)
    assert room.hear(told(9, "null"), 1) == entry(10)
    assert room.roster() == entry(10)
    assert room.apply(entry(10), TAB, ALICE, 2) is None
    assert room.hear(told(9, "null"), 3) is None


def test_a_client_that_left_does_not_return_by_what_is_older(room: Awareness) -> None:
    room.hear(told(9, "null"), 1)
    assert room.hear(told(8, node="new"), 2) is None
    assert len(room) == 0
