"""Bodies in parts: the same bytes, made as they are sent."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from app.shapes.bodies import PART_BYTES, events, in_turn, joined, listed


def test_parts_are_the_whole_together() -> None:
    for count in (0, 1, 2, 1_000):
        items = [json.dumps({"n": number, "text": "x" * 200}).encode() for number in range(count)]
        parts = [*joined(b"[", items, b"]")]
        assert json.loads(b"".join(parts)) == [json.loads(item) for item in items]
        assert max(map(len, parts)) < PART_BYTES + 1_000


def test_a_part_is_made_when_it_is_asked_for() -> None:
    made: list[int] = []

    def items() -> Iterator[bytes]:
        for number in range(10):
            made.append(number)
            yield b"x" * PART_BYTES

    parts = joined(b"[", items(), b"]")
    assert made == []
    next(parts)
    assert made == [0]


def test_each_message_is_an_event() -> None:
    assert b"".join(events([b'{"a":1}', b'{"b":2}'])) == b'data: {"a":1}\n\ndata: {"b":2}\n\n'


async def test_a_long_list_comes_in_parts() -> None:
    assert listed([b"1", b"2"]) == b"[1,2]"
    long = listed([b'"' + b"x" * 1_000 + b'"'] * 100)
    assert not isinstance(long, bytes)
    assert len(json.loads(b"".join([part async for part in long]))) == 100


async def test_bodies_take_turns_and_who_does_not_read_holds_up_nobody() -> None:
    turn = asyncio.Semaphore(1)
    unread = in_turn(iter([b"a", b"b"]), turn, lambda: 0.0)
    assert await anext(unread) == b"a"
    async with asyncio.timeout(5):
        others = in_turn(iter([b"c", b"d"]), turn, lambda: 0.0)
        assert [part async for part in others] == [b"c", b"d"]
        assert [part async for part in unread] == [b"b"]


async def test_the_loop_rests_for_as_long_as_a_part_took(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr("app.shapes.bodies.asyncio.sleep", sleep)
    times = iter([0.0, 0.25, 1.0, 1.5, 2.0, 2.0])
    parts = in_turn(iter([b"a", b"b"]), asyncio.Semaphore(1), lambda: next(times))
    assert [part async for part in parts] == [b"a", b"b"]
    assert rests == [0.25, 0.5, 0.0]
