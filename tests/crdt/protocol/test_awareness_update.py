"""Awareness updates merged and cut: the last word on each client, and nothing lost."""

import json

from crdt.protocol.awareness_update import merge_awareness, read_entries, split_awareness
from crdt.protocol.lib0 import var_string, var_uint
from crdt.room.awareness import Awareness
from crdt.room.session import UserProfile
from tests.contracts.stores import an_id

ADA = UserProfile(an_id(1), "Ada")


def entry(client: int, clock: int, state: str = "{}") -> bytes:
    return var_uint(client) + var_uint(clock) + var_string(state)


def update(*entries: bytes) -> bytes:
    return var_uint(len(entries)) + b"".join(entries)


def test_of_several_updates_the_last_word_on_each_client_stays() -> None:
    first = update(entry(300, 1), entry(7, 1, '{"x":"é"}'))
    second = update(entry(300, 2, '{"x":1}'))
    third = update(entry(7, 1, "null"))
    assert merge_awareness([first, second, third]) == update(
        entry(300, 2, '{"x":1}'), entry(7, 1, "null")
    )
    assert merge_awareness([first]) == first
    assert merge_awareness([]) == b"\x00"


def test_what_is_merged_reads_as_the_last_of_it() -> None:
    there, here = Awareness(), Awareness()
    told = []
    for clock in range(1, 5):
        state = json.dumps({"cursor": clock})
        told.append(there.apply(update(entry(clock % 2, clock, state)), 1, ADA, 0.0) or b"")
    here.apply(merge_awareness(told), 1, ADA, 0.0)
    states = [sorted(one.state for one in each.local_states()) for each in (here, there)]
    assert states[0] == states[1] != []


def test_a_long_update_is_cut_between_its_entries() -> None:
    entries = [entry(client, 1, '{"x":"' + "y" * client + '"}') for client in (1, 300, 5, 90, 7)]
    whole = update(*entries)
    assert split_awareness(whole, len(whole)) == [whole]
    pieces = split_awareness(whole, 130)
    assert pieces == [
        update(entries[0]),
        update(entries[1]),
        update(*entries[2:4]),
        update(entries[4]),
    ]
    assert [one for piece in pieces for one in read_entries(piece)] == read_entries(whole)
