"""What comes too fast: edits are read later, presence is let go but for the latest."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from app.clock import SystemClock
from app.websocket.rate_limits import (
    BURST_SECONDS,
    MAX_HELD,
    UPDATE_BYTES,
    RateLimiter,
    Rates,
)
from crdt.protocol.messages import (
    AwarenessUpdate,
    ClientMessage,
    Stateless,
    SyncStep1,
    SyncStep2,
    Update,
)
from crdt.updates.inspection import Inspection, inspect_update
from tests.app.fakes import HeldClock, presence

RATES = Rates(updates=10, awareness=20, stateless=1)
ME, OTHER = 7, 8


@dataclass
class Client:
    """One connection and what the room got of it; time stands still unless a test moves it."""

    clock: HeldClock = field(default_factory=HeldClock)
    acted: list[ClientMessage] = field(default_factory=list)
    inspections: list[Inspection | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rate_limiter = RateLimiter(RATES, self.clock)

    def say(self, message: ClientMessage, times: int = 1) -> float:
        return [self.rate_limiter.take("room", message, self.handle) for _ in range(times)][-1]

    def handle(self, message: ClientMessage, inspection: Inspection | None) -> None:
        self.acted.append(message)
        self.inspections.append(inspection)

    def burden(self, message: ClientMessage, seconds: float) -> float:
        """Say something that takes the server long."""

        def handle(_: ClientMessage, __: Inspection | None) -> None:
            self.clock.seconds += seconds

        return self.rate_limiter.take("room", message, handle)

    def point(self, clock: int, client: int = ME) -> AwarenessUpdate:
        message = presence(client, clock, "{}")
        self.say(message)
        return message

    def release(self, now: float) -> None:
        """Let the timer fire at a time."""
        self.clock.seconds = now
        self.rate_limiter._release()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client()
    yield made
    made.rate_limiter.close()


async def test_edits_are_all_taken_and_the_reader_pauses(client: Client) -> None:
    burst = int(RATES.updates * BURST_SECONDS)
    assert client.say(Update(b"edit"), burst) == 0
    assert client.say(SyncStep1(b"\x00")) == pytest.approx(0.1)
    assert len(client.acted) == burst + 1


async def test_an_inspection_is_handed_on_with_its_message(client: Client) -> None:
    edit, found = Update(b"\x00\x00"), inspect_update(b"\x00\x00")
    client.rate_limiter.take("room", edit, client.handle, found)
    client.say(edit)
    assert client.acted == [edit, edit]
    assert client.inspections == [found, None]


async def test_a_large_edit_counts_as_several(client: Client) -> None:
    burst = int(RATES.updates * BURST_SECONDS)
    assert client.say(Update(bytes((burst - 1) * UPDATE_BYTES))) == 0
    assert client.say(SyncStep2(bytes(UPDATE_BYTES))) == pytest.approx(0.1)
    assert client.say(Update(b"edit")) == pytest.approx(0.3)


async def test_what_takes_long_counts_for_the_time_it_took(client: Client) -> None:
    burst = int(RATES.updates * BURST_SECONDS)
    assert client.burden(SyncStep1(b"\x00"), 1 / 1024) == 0
    assert client.burden(SyncStep1(b"\x00"), 1) == 1
    assert client.say(Update(b"edit"), burst - 1 - 40) == 0
    assert client.say(Update(b"edit")) == pytest.approx(0.1)


@pytest.mark.parametrize("several", [AwarenessUpdate(b"\x02"), presence(ME, 1, "{}")])
async def test_presence_that_takes_long_counts_for_it_too(
    client: Client, several: AwarenessUpdate
) -> None:
    assert client.burden(several, 2) == 2
    bucket = (
        client.rate_limiter._relayed if several.payload[:1] == b"\x02" else client.rate_limiter._own
    )
    assert bucket.wait(client.clock.seconds) == pytest.approx((1 + 160 - 100 + 1) / 20)


async def test_events_have_a_pace_of_their_own(client: Client) -> None:
    assert client.say(Stateless("hello"), 6) == pytest.approx(1)
    assert client.say(Update(b"edit")) == 0


async def test_presence_too_fast_is_let_go_but_for_the_latest(client: Client) -> None:
    burst = int(RATES.awareness * BURST_SECONDS)
    said = [client.point(clock) for clock in range(burst + 50)]
    assert client.acted == said[:burst]
    client.release(0.06)
    assert client.acted == [*said[:burst], said[-1]]
    client.release(1)
    assert len(client.acted) == burst + 1


async def test_what_is_relayed_of_others_does_not_hold_up_its_own(client: Client) -> None:
    client.point(0)
    for clock in range(1000):
        client.point(clock, OTHER)
    mine = client.point(1)
    assert client.acted[-1] == mine


async def test_the_latest_of_each_client_is_kept(client: Client) -> None:
    client.point(0)
    for clock in range(1000):
        client.point(clock, OTHER)
        client.point(clock, OTHER + 1)
    client.acted.clear()
    client.release(10)
    assert client.acted == [presence(OTHER, 999, "{}"), presence(OTHER + 1, 999, "{}")]


async def test_presence_of_too_many_clients_slows_the_reader(client: Client) -> None:
    client.point(0)
    for other in range(1000):
        client.point(0, OTHER + other)
    burst = int(RATES.awareness * BURST_SECONDS)
    assert len(client.acted) == 1 + 1000 - MAX_HELD
    assert client.say(presence(1, 1, "{}")) > (1000 - MAX_HELD - burst) / RATES.awareness


async def test_presence_of_several_clients_at_once_is_taken(client: Client) -> None:
    both = AwarenessUpdate(b"\x02" + presence(1, 1, "{}").payload[1:] * 2)
    nobody, broken = AwarenessUpdate(b"\x00"), AwarenessUpdate(b"\x01")
    for message in (both, nobody, broken):
        client.say(message)
    assert client.acted == [both, nobody, broken]


async def test_the_timer_releases_by_itself() -> None:
    released = asyncio.Event()
    rates = Rates(updates=1, awareness=100, stateless=1)
    rate_limiter = RateLimiter(rates, SystemClock())
    for clock in range(501):
        rate_limiter.take("room", presence(ME, clock, "{}"), lambda *_: None)
    rate_limiter.take("room", presence(ME, 501, "{}"), lambda *_: released.set())
    async with asyncio.timeout(10):
        await released.wait()
    rate_limiter.close()


async def test_nothing_is_released_after_the_end(client: Client) -> None:
    for clock in range(200):
        client.point(clock)
    client.acted.clear()
    client.rate_limiter.close()
    client.release(10)
    assert client.acted == []
