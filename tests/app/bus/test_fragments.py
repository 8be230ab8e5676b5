"""Messages come out of their fragments whole, in any order."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bus.fragments import MAX_INCOMPLETE, Reassembler, split

FRAGMENT = 40


@given(st.lists(st.binary(max_size=300), max_size=8), st.randoms(use_true_random=False))
def test_messages_come_out_whole(messages: list[bytes], rng: random.Random) -> None:
    fragments = [fragment for message in messages for fragment in split(message, FRAGMENT)]
    assert all(len(fragment) <= FRAGMENT for fragment in fragments)
    rng.shuffle(fragments)
    reassembler = Reassembler()
    whole = [
        message for fragment in fragments if (message := reassembler.add(fragment)) is not None
    ]
    assert sorted(whole) == sorted(messages)


def test_a_fragment_that_comes_twice_changes_nothing() -> None:
    first, second = split(bytes(50), FRAGMENT)
    reassembler = Reassembler()
    assert [reassembler.add(fragment) for fragment in (first, first, second)] == [
        None,
        None,
        bytes(50),
    ]


@given(st.binary(max_size=60))
def test_any_bytes_are_a_fragment_or_refused(fragment: bytes) -> None:
    with suppress(ValueError):
        Reassembler().add(fragment)


def test_messages_that_stay_incomplete_are_given_up() -> None:
    reassembler = Reassembler()
    first, second = split(bytes(50), FRAGMENT)
    reassembler.add(first)
    for _ in range(MAX_INCOMPLETE):
        reassembler.add(split(bytes(50), FRAGMENT)[0])
    assert reassembler.add(second) is None


@pytest.mark.parametrize("fragment", [b"", bytes(11), bytes(12), bytes(8) + b"\0\2\0\2"])
def test_what_is_no_fragment_is_refused(fragment: bytes) -> None:
    with pytest.raises(ValueError, match="expected a fragment"):
        Reassembler().add(fragment)
