"""An update cuts beside the neighbours of structs, at the ends of deletions, and within structs."""

from crdt.protocol.lib0 import var_string
from crdt.updates.format import Id, read_update
from crdt.updates.surrogates.cuts import cuts
from tests.crdt.raw_updates import (
    Y_MAP,
    after,
    before,
    deletions,
    in_root,
    in_type,
    update,
)

X = var_string("x")


def found(source: bytes, **here: int) -> list[Id]:
    state = {int(client[1:]): clock for client, clock in here.items()}
    return list(cuts(source, *read_update(source), state))


def test_a_struct_cuts_beside_its_neighbours() -> None:
    assert found(update(after(4, X, (7, 3)))) == [(7, 4)]
    assert found(update(before(4, X, (7, 3)))) == [(7, 3)]
    between = bytes((0xC4,)) + b"\x07\x03\x08\x05" + X
    assert found(update(between)) == [(7, 4), (8, 5)]


def test_a_struct_without_neighbours_cuts_nothing() -> None:
    assert found(update(in_root(4, X), in_type(7, Y_MAP, (7, 3)), b"\x00\x05")) == []


def test_a_deletion_cuts_at_both_ends() -> None:
    assert found(b"\x00" + deletions(7, (3, 2), (9, 1))) == [(7, 3), (7, 5), (7, 9), (7, 10)]


def test_a_struct_that_is_half_here_is_cut_there() -> None:
    source = update(in_root(4, var_string("ab")), after(4, var_string("cd"), (2, 0)))
    assert found(source, c1=1) == [(1, 1), (2, 1)]
    assert found(source, c1=3) == [(1, 3), (2, 1)]
    assert found(source, c1=2) == found(source, c1=4) == found(source) == [(2, 1)]
