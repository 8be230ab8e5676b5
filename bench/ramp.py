"""Up to which rate edits arrive in time: the highest with a p99 of delivery under 100 ms.

The servers take turns, rate after rate: it doubles until edits come late, then the gap is halved.
Every trial has a server of its own, ends with a newcomer who must get what was written, and fails
if he does not. The edits are made before the clock runs, and a few clients of each room look for
them while the others only read, so that the load generator does not measure itself: a trial in
which it took most of its core says so.

    python -m bench.ramp [--shape 1x100] [--first 4] [--halvings 2] [--seconds 5] [--workers 2]
        [--without-peers]

With `--workers 2`, two servers behind one port take part beside the one. With one room all load may
fall on one of them: measure `--shape 50x4` too.
"""

import argparse
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from crdt.protocol.messages import Message

from .figures import table
from .hot_path import OWN, Load, Options, Play, measure, peers, pipeloom, starts
from .light_clients import LightClient
from .machine import describe

LATE_MS: Final = 100.0
LISTENERS: Final = 5
"""Clients of each room that look for edits; they stand for the others."""

MOST_SHARE: Final = 0.9
"""Of a core, that the load generator may take before its own delay counts."""

TRIAL_SECONDS: Final = 45.0
"""After which a trial has failed, whatever it waits for; from the moment that the server runs."""

HIGHEST: Final = 1024.0


class RampPlay(Play):
    """A load of which only some clients of each room are asked what arrived."""

    patience = 2.0

    @property
    def _listeners(self) -> int:
        return min(LISTENERS, self.load.clients)

    @property
    def expected(self) -> int:
        """How many deliveries there must be to those who listen, but for their own edits."""
        own = sum(self.seat(number)[1] < self._listeners for number in range(self.count))
        return self.count * self._listeners - own

    def enter(self, clients: Sequence[LightClient]) -> None:
        """Seat the clients."""
        super().enter(clients)
        for room in self.clients:
            for client in room[self._listeners :]:
                client.is_deaf = True

    def prepare(self, message: Callable[[int], Message]) -> Callable[[int], Message]:
        """Make all messages now."""
        return [message(number) for number in range(self.count)].__getitem__


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one rate. `rate` is edits a second of each client."""

    rate: float
    p99: float
    share: float
    is_late: bool

    def __str__(self) -> str:
        state = "late" if self.is_late else "in time"
        own = ", of which the load generator's core is full" if self.share > MOST_SHARE else ""
        return f"{self.rate:g}/s: p99 {self.p99:.0f} ms, {state}{own}"


async def attempt(start: Callable[[], Any], load: Load, steps: int, seconds: float) -> Trial:
    """Play one rate on a fresh server."""
    async with start() as subject:
        try:
            async with asyncio.timeout(TRIAL_SECONDS):
                result = await measure(subject, load, steps, seconds, RampPlay)
        except (TimeoutError, AssertionError, OSError) as error:
            print(f"  {type(error).__name__}: {error}")
            return Trial(load.rate, float("inf"), 0.0, True)
    missing = result.deliveries < RampPlay(load, seconds).expected
    p99 = result.delivered.p99
    return Trial(load.rate, p99, result.client_share, missing or p99 >= LATE_MS)


class Climb:
    """The search of one server for its highest rate."""

    def __init__(self, first: float, halvings: int) -> None:
        self.next: float | None = first
        self.best: Trial | None = None
        self.late: Trial | None = None
        self._halvings = halvings

    def note(self, trial: Trial) -> None:
        """Take note of a trial, and choose the next rate."""
        if trial.is_late:
            self.late = trial
        else:
            self.best = trial
        if self.late is None:
            self.next = trial.rate * 2 if trial.rate < HIGHEST else None
        elif self._halvings:
            self._halvings -= 1
            below = self.best.rate if self.best else self.late.rate / 3
            self.next = (below + self.late.rate) / 2
        else:
            self.next = None


async def climb(
    shape: tuple[int, int], first: float, halvings: int, seconds: float, options: Options
) -> None:
    """Let all servers climb in turn; print what each has reached."""
    rooms, clients = shape
    async with peers(options.with_peers) as directory:
        load = Load(rooms, clients, first)
        subjects = starts(load, options.steps, directory, Options(options.with_peers, ()))
        subjects = {name: each for name, each in subjects.items() if "y-websocket" not in name}
        if options.serve:
            more = partial(pipeloom, rooms, options.steps, *options.serve)
            subjects[f"{OWN} {' '.join(options.serve)}"] = more
        climbs = {name: Climb(first, halvings) for name in subjects}
        while any(each.next for each in climbs.values()):
            for name, each in climbs.items():
                if each.next is not None:
                    trial = await attempt(
                        subjects[name], Load(rooms, clients, each.next), options.steps, seconds
                    )
                    print(f"{name}, {trial}", flush=True)
                    each.note(trial)
    print(
        f"\n{rooms} x {clients}, p99 of delivery under {LATE_MS:.0f} ms\n{_report(climbs, shape)}"
    )


def _report(climbs: dict[str, Climb], shape: tuple[int, int]) -> str:
    rooms, clients = shape
    header = ("server", "per client", "edits/s", "deliveries/s", "p99 ms", "late at", "load's core")
    rows = []
    for name, each in climbs.items():
        if (best := each.best) is None:
            rows.append((name, *["-"] * 4, f"{each.late.rate:g}" if each.late else "-", "-"))
            continue
        edits = best.rate * rooms * clients
        rows.append(
            (
                name,
                f"{best.rate:g}",
                f"{edits:.0f}",
                f"{edits * (clients - 1):.0f}",
                f"{best.p99:.0f}",
                f"{each.late.rate:g}" if each.late else "-",
                f"{100 * best.share:.0f} %",
            )
        )
    return table(header, rows)


def main() -> None:
    """Climb."""
    parser = argparse.ArgumentParser(prog="bench.ramp")
    parser.add_argument("--shape", default="1x100")
    parser.add_argument("--first", type=float, default=4.0)
    parser.add_argument("--halvings", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--without-peers", action="store_true")
    given = parser.parse_args()
    print(describe())
    rooms, clients = map(int, given.shape.split("x"))
    serve = ("--workers", str(given.workers)) if given.workers else ()
    options = Options(not given.without_peers, serve, given.steps)
    asyncio.run(climb((rooms, clients), given.first, given.halvings, given.seconds, options))


if __name__ == "__main__":
    main()
