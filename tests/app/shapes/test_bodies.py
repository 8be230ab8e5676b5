"""Bodies in parts: the same bytes, made as they are sent."""

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator

import pytest

from app.shapes.bodies import (
    PART_BYTES,
    SENDING,
    as_parts,
    begun,
    events,
    in_turn,
    joined,
    listed,
)


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


async def test_others_have_a_turn_between_parts_and_one_part_costs_none() -> None:
    """A client that reads as fast as it is sent to would otherwise have the loop to itself."""
    said: list[bytes] = []

    async def send(*parts: bytes) -> None:
        made = as_parts(iter(parts))
        while (part := await anext(made, None)) is not None:
            said.append(part)

    await asyncio.gather(send(b"a", b"b", b"c"), send(b"A"), send(b"1", b"2"))
    assert b"".join(said) == b"aA1b2c"


class Allowed:
    """What the loop may do for a user who rests until told otherwise; what it did is in `spent`."""

    def __init__(self, *, may_go_on: bool = True) -> None:
        self.may_go_on = asyncio.Event()
        self.spent: list[float] = []
        if may_go_on:
            self.may_go_on.set()

    async def rest(self) -> None:
        await self.may_go_on.wait()

    def spend(self, seconds: float) -> None:
        self.spent.append(seconds)


def body(
    parts: list[bytes], turn: asyncio.Semaphore, allowed: Allowed | None = None
) -> AsyncGenerator[bytes, None]:
    return in_turn(iter(parts), turn, lambda: 0.0, allowed or Allowed())


async def test_bodies_take_turns_and_who_does_not_read_holds_up_nobody() -> None:
    turn = asyncio.Semaphore(1)
    unread = body([b"a", b"b"], turn)
    assert await anext(unread) == b"a"
    async with asyncio.timeout(5):
        assert [part async for part in body([b"c", b"d"], turn)] == [b"c", b"d"]
        assert [part async for part in unread] == [b"b"]


async def test_who_rests_holds_up_nobody_else() -> None:
    turn, resting = asyncio.Semaphore(1), Allowed(may_go_on=False)
    waiting = asyncio.ensure_future(anext(body([b"a"], turn, resting)))
    async with asyncio.timeout(5):
        assert [part async for part in body([b"c", b"d"], turn)] == [b"c", b"d"]
        assert not waiting.done()
        resting.may_go_on.set()
        assert await waiting == b"a"


async def test_the_loop_rests_for_as_long_as_a_part_took(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr("app.shapes.bodies.asyncio.sleep", sleep)
    times = iter([0.0, 0.25, 1.0, 1.5, 2.0, 2.0])
    allowed = Allowed()
    parts = in_turn(iter([b"a", b"b"]), asyncio.Semaphore(1), lambda: next(times), allowed)
    assert [part async for part in parts] == [b"a", b"b"]
    assert rests == [0.25, 0.5, 0.0]
    # What sending it takes counts for the user as well.
    assert allowed.spent == [rest * (1 + SENDING) for rest in rests]


async def test_what_has_begun_ends_when_it_is_closed_unread() -> None:
    done = list[str]()

    async def parts() -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            yield b"part"
        finally:
            done.append("ended")

    assert [part async for part in await begun(parts())] == [b"part"]
    unread = await begun(parts())
    await unread.aclose()
    assert done == ["ended", "ended"]
