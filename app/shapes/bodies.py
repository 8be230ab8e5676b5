"""Bodies of answers in parts, which are made when the one before was sent.

So a client that does not read keeps one part in memory, and not a whole body for each request.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Final, Protocol

PART_BYTES: Final = 64 * 1024
"""About how long a part is. Making one takes a millisecond or two."""


SENDING: Final = 1.0
"""What sending a part takes of the loop, as a multiple of making it."""


def joined(
    start: bytes, items: Iterable[bytes], end: bytes, between: bytes = b","
) -> Iterator[bytes]:
    """Return items between a start and an end, in parts of about PART_BYTES."""
    part, size, comma = [start], 0, b""
    for item in items:
        part += comma, item
        comma, size = between, size + len(item)
        if size >= PART_BYTES:
            yield b"".join(part)
            part, size = [], 0
    yield b"".join([*part, end])


def event(message: bytes) -> bytes:
    """A message as a server-sent event (HTML Living Standard, 9.2); JSON has no line feeds."""
    return b"data: " + message + b"\n\n"


def events(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Several messages as events, in parts."""
    return joined(b"", map(event, messages), b"", between=b"")


def listed(messages: list[bytes]) -> bytes | AsyncGenerator[bytes, None]:
    """A list of messages; in parts if it is long."""
    parts = joined(b"[", messages, b"]")
    return as_parts(parts) if sum(map(len, messages)) > PART_BYTES else b"".join(parts)


async def as_parts(parts: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Parts that are made one by one, with a turn for others between."""
    for place, part in enumerate(parts):
        if place:
            await asyncio.sleep(0)
        yield part


class Allowance(Protocol):
    """What the loop may do for one user."""

    async def rest(self) -> None:
        """Wait until something may be done."""
        ...

    def spend(self, seconds: float) -> None:
        """Note that something was done, and how long it took."""
        ...


async def begun(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Parts whose first, which is empty, was taken.

    So closing them ends what they have begun: a generator that was never asked for anything does
    nothing when it is closed.
    """
    await anext(parts)
    return parts


async def in_turn(
    parts: Iterator[bytes],
    turn: asyncio.Semaphore,
    cpu_seconds: Callable[[], float],
    allowance: Allowance,
) -> AsyncGenerator[bytes, None]:
    """Parts of which the loop makes one at a time, however many bodies have the same turn.

    It then rests from that for as long as making it took, by what `cpu_seconds` returns: those who
    ask for all rows again and again take half of the loop at most, and each of them what the
    allowance says. The turn is not held while a part is sent, or while a user rests: whoever does
    not read, or asks for too much, holds up nobody else.
    """
    while True:
        await allowance.rest()
        async with turn:
            began = cpu_seconds()
            part = next(parts, None)
            took = max(0.0, cpu_seconds() - began)
            allowance.spend(took * (1 + SENDING))
            await asyncio.sleep(took)
        if part is None:
            return
        yield part
