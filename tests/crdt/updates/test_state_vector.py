"""State vectors are written as the library writes them, and read."""

import pytest
from pycrdt import Doc, Map

from crdt.errors import ProtocolError
from crdt.updates.state_vector import EMPTY_STATE_VECTOR, read_state_vector, write_state_vector


def test_a_state_vector_is_that_of_the_library() -> None:
    doc = Doc[object](client_id=300)
    doc.get("root", type=Map)["key"] = 1
    assert write_state_vector({300: 1}) == doc.get_state()
    assert read_state_vector(doc.get_state()) == {300: 1}


def test_a_peer_that_has_nothing_has_the_empty_one() -> None:
    assert Doc().get_state() == EMPTY_STATE_VECTOR == write_state_vector({})


def test_what_is_written_is_read() -> None:
    state = {1: 7, 2**53 - 1: 2**31, 200: 128}
    assert read_state_vector(write_state_vector(state)) == state


@pytest.mark.parametrize("junk", [b"", b"\x01", b"\x01\x07", b"\xff"])
def test_a_state_vector_that_ends_early_is_refused(junk: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_state_vector(junk)
