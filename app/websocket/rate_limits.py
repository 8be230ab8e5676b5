"""How fast one connection may speak.

Edits that come faster are read later: the connection's reader pauses, and so, in the end, does
the client. Presence that comes faster is let go but for the latest of each client, since nothing
else of it matters; so a drag never lags behind itself.

What a message costs the server depends on the document, so the time that it took counts, too.
"""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, TypeAlias

from app.telemetry.metrics import tally
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
"""Who has held up everybody for so long pauses for as long."""

MAX_HELD: Final = 100
"""Clients whose latest presence may wait."""

Act: TypeAlias = Callable[[ClientMessage, Inspection | None], None]
"""What handles a message, and the inspection of its update if a thread made one."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one connection may send a second."""

    updates: float
    awareness: float
    stateless: float


class Bucket:
    """A token bucket that gives credit. `rate` is in tokens a second."""

    def __init__(self, rate: float, now: float) -> None:
        self._rate, self._tokens, self._filled_at = rate, rate * BURST_SECONDS, now

    def wait(self, now: float) -> float:
        """Seconds until there is a token."""
        tokens = self._tokens + (now - self._filled_at) * self._rate
        self._tokens, self._filled_at = min(tokens, self._rate * BURST_SECONDS), now
        return max(0.0, (1 - self._tokens) / self._rate)

    def worth(self, seconds: float) -> int:
        """How many tokens so much of the server's time is worth."""
        return int(seconds * self._rate / SHARE)

    def take(self, now: float, tokens: int = 1) -> float:
        """Take tokens, on credit if need be; return the seconds until the first was due."""
        wait = self.wait(now)
        self._tokens -= tokens
        return wait


class RateLimiter:
    """The pace of one connection, by a clock in seconds. `close` it in the end.

    `computed` is how many seconds this thread has computed.
    """

    def __init__(
        self, rates: Rates, monotonic: Callable[[], float], computed: Callable[[], float]
    ) -> None:
        self._time, self._computed = monotonic, computed
        now = self._time()
        self._updates = Bucket(rates.updates, now)
        self._stateless = Bucket(rates.stateless, now)
        self._own = Bucket(rates.awareness, now)
        # Stock clients send back what they hear of others: that must not hold up their own.
        self._relayed = Bucket(rates.awareness, now)
        self._introduced: dict[Hashable, int] = {}
        self._held: dict[tuple[Hashable, int], tuple[AwarenessUpdate, Act]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def take(
        self,
        place: Hashable,
        message: ClientMessage,
        act: Act,
        inspection: Inspection | None = None,
    ) -> float:
        """Act on a message, at once or later; return for how long to read nothing more.

        `place` tells apart what the connection says in one room from what it says in others.
        """
        if isinstance(message, AwarenessUpdate):
            return self._take_presence(place, message, act)
        if isinstance(message, Stateless):
            return self._act(self._stateless, message, act)
        return self._act(self._updates, message, act, inspection)

    def _act(
        self,
        bucket: Bucket,
        message: ClientMessage,
        act: Act,
        inspection: Inspection | None = None,
    ) -> float:
        before = self._computed()
        act(message, inspection)
        took = self._computed() - before
        wait = bucket.take(self._time(), _weight(message) + bucket.worth(took))
        return max(wait, took) if took >= LONG_SECONDS else wait

    def close(self) -> None:
        """Let go what waits."""
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _take_presence(self, place: Hashable, message: AwarenessUpdate, act: Act) -> float:
        client = _only_client(message.payload)
        if client is None:
            return self._act(self._relayed, message, act)
        bucket = self._bucket(place, client)
        if (place, client) not in self._held and not bucket.wait(self._time()):
            return self._act(bucket, message, act)
        return self._hold((place, client), message, act)

    def _bucket(self, place: Hashable, client: int) -> Bucket:
        return self._own if self._introduced.setdefault(place, client) == client else self._relayed

    def _hold(self, key: tuple[Hashable, int], message: AwarenessUpdate, act: Act) -> float:
        if key in self._held:
            tally.awareness_superseded += 1
        elif len(self._held) >= MAX_HELD:
            return self._act(self._relayed, message, act)
        self._held[key] = message, act
        self._set_timer()
        return 0.0

    def _set_timer(self) -> None:
        if self._timer is None and self._held:
            waits = {self._bucket(*key).wait(self._time()) for key in self._held}
            self._timer = asyncio.get_running_loop().call_later(min(waits), self._release)

    def _release(self) -> None:
        self._timer = None
        for key, (message, act) in list(self._held.items()):
            bucket = self._bucket(*key)
            if not bucket.wait(self._time()):
                del self._held[key]
                self._act(bucket, message, act)
        self._set_timer()


def _weight(message: ClientMessage) -> int:
    """As how many updates a message counts: what it costs depends on its size."""
    if isinstance(message, Update | SyncStep2):
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
