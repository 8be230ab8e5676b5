"""Messages come out of their parts whole, in any order."""

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bus.fragments import MAX_UNFINISHED, Reassembler, split

PART = 40


@given(st.lists(st.binary(max_size=300), max_size=8), st.randoms(use_true_random=False))
def test_messages_come_out_whole(messages: list[bytes], rng: random.Random) -> None:
    parts = [part for message in messages for part in split(message, PART)]
    assert all(len(part) <= PART for part in parts)
    rng.shuffle(parts)
    reassembler = Reassembler()
    whole = [message for part in parts if (message := reassembler.add(part)) is not None]
    assert sorted(whole) == sorted(messages)


def test_a_part_that_comes_twice_changes_nothing() -> None:
    first, second = split(bytes(50), PART)
    reassembler = Reassembler()
    assert [reassembler.add(part) for part in (first, first, second)] == [None, None, bytes(50)]


@given(st.binary(max_size=60))
def test_any_bytes_are_a_part_or_refused(part: bytes) -> None:
    with suppress(ValueError):
        Reassembler().add(part)


def test_messages_that_stay_unfinished_are_given_up() -> None:
    reassembler = Reassembler()
    first, second = split(bytes(50), PART)
    reassembler.add(first)
    for _ in range(MAX_UNFINISHED):
        reassembler.add(split(bytes(50), PART)[0])
    assert reassembler.add(second) is None


@pytest.mark.parametrize("part", [b"", bytes(11), bytes(12), bytes(8) + b"\0\2\0\2"])
def test_what_is_no_part_is_refused(part: bytes) -> None:
    with pytest.raises(ValueError, match="expected a part"):
        Reassembler().add(part)
