"""How fast one connection may send.

The server reads edits that come faster later: the connection's reader pauses, and so, in the end,
does the client. Of presence that comes faster, only the latest of each client is kept, since
nothing else of it matters; so a drag never lags behind itself.

What a message costs the server depends on the document, so the time that it took counts, too: what
passed on the clock, which takes a tenth of asking for the CPU time of the thread. On a machine that
is too busy that is more than the message cost, and everybody is slowed down a little.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.clock import Clock
from app.telemetry.metrics import counters
from app.token_bucket import TokenBucket
from crdt.errors import ProtocolError
from crdt.protocol.lib0 import Reader
from crdt.protocol.messages import AwarenessUpdate, ClientMessage, Stateless, SyncStep2, Update
from crdt.updates.inspection import Inspection

BURST_SECONDS: Final = 5.0
"""How many seconds' worth may come at once after a pause."""

UPDATE_BYTES: Final = 16 * 1024
"""What one update may have; a larger one counts as several."""

SHARE: Final = 0.25
"""How much of the server's time one kind of message of one connection may take in the long run."""

LONG_SECONDS: Final = 0.005
"""A client whose message took the server at least so long pauses for as long as it took."""

MAX_HELD: Final = 100
"""Clients whose latest presence may wait."""

Handler: TypeAlias = Callable[[ClientMessage, Inspection | None], None]
"""What handles a message, and the inspection of its update if a thread made one."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one connection may send a second."""

    updates: float
    awareness: float
    stateless: float


class RateLimiter:
    """Lets one connection send at its rates. `close` it in the end."""

    def __init__(self, rates: Rates, clock: Clock) -> None:
        self._clock = clock
        self._updates = self._new_bucket(rates.updates)
        self._stateless = self._new_bucket(rates.stateless)
        self._own = self._new_bucket(rates.awareness)
        # Stock clients send back what they receive of others: that must not hold up their own.
        self._relayed = self._new_bucket(rates.awareness)
        self._own_clients: dict[Hashable, int] = {}
        self._held: dict[tuple[Hashable, int], tuple[AwarenessUpdate, Handler]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def _new_bucket(self, rate: float) -> TokenBucket:
        return TokenBucket(rate, rate * BURST_SECONDS, self._clock.monotonic())

    def take(
        self,
        place: Hashable,
        message: ClientMessage,
        handle: Handler,
        inspection: Inspection | None = None,
    ) -> float:
        """Act on a message, at once or later; return for how long to read nothing more.

        `place` tells apart what the connection sends to one room from what it sends to others.
        """
        if type(message) is Update:
            return self._handle(self._updates, message, handle, inspection)
        if isinstance(message, AwarenessUpdate):
            return self._take_presence(place, message, handle)
        if isinstance(message, Stateless):
            return self._handle(self._stateless, message, handle)
        return self._handle(self._updates, message, handle, inspection)

    def _handle(
        self,
        bucket: TokenBucket,
        message: ClientMessage,
        handle: Handler,
        inspection: Inspection | None = None,
    ) -> float:
        monotonic = self._clock.monotonic
        before = monotonic()
        handle(message, inspection)
        now = monotonic()
        took = now - before
        tokens = _weight(message) + int(took * bucket.rate / SHARE)
        wait = bucket.take(now, tokens)
        return max(wait, took) if took >= LONG_SECONDS else wait

    def close(self) -> None:
        """Drop the presence that waits."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _take_presence(self, place: Hashable, message: AwarenessUpdate, handle: Handler) -> float:
        client = _only_client(message.payload)
        if client is None:
            return self._handle(self._relayed, message, handle)
        bucket = self._bucket(place, client)
        if (place, client) not in self._held and not bucket.wait(self._clock.monotonic()):
            return self._handle(bucket, message, handle)
        return self._hold((place, client), message, handle)

    def _bucket(self, place: Hashable, client: int) -> TokenBucket:
        # The first client id that a connection names in a room is its own.
        own = self._own_clients.setdefault(place, client)
        return self._own if own == client else self._relayed

    def _hold(self, key: tuple[Hashable, int], message: AwarenessUpdate, handle: Handler) -> float:
        if key in self._held:
            counters.awareness_superseded += 1
        elif len(self._held) >= MAX_HELD:
            return self._handle(self._relayed, message, handle)
        self._held[key] = message, handle
        self._set_timer()
        return 0.0

    def _set_timer(self) -> None:
        if self._timer is None and self._held:
            waits = {self._bucket(*key).wait(self._clock.monotonic()) for key in self._held}
            self._timer = asyncio.get_running_loop().call_later(min(waits), self._release)

    def _release(self) -> None:
        self._timer = None
        for key, (message, handle) in list(self._held.items()):
            bucket = self._bucket(*key)
            if not bucket.wait(self._clock.monotonic()):
                del self._held[key]
                self._handle(bucket, message, handle)
        self._set_timer()


def _weight(message: ClientMessage) -> int:
    """As how many updates a message counts: what it costs depends on its size."""
    if isinstance(message, (Update, SyncStep2)):
        return 1 + len(message.update) // UPDATE_BYTES
    return 1


def _only_client(payload: bytes) -> int | None:
    """The client that an awareness update is about; None if it is about several, or none."""
    if payload[:1] != b"\x01":
        return None
    try:
        return Reader(payload[1:]).var_uint()
    except ProtocolError:
        return None
