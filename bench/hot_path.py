"""What an edit costs on its way in, to everybody, and into the tables, beside other servers.

Each load is rooms x clients x edits a second of each client. Every server gets the same documents,
clients and edits. The subjects take turns, pair after pair, and the medians are compared, so that a
busy moment of the machine does not meet one of them alone. CPU is counted for the server process,
the worker and PostgreSQL apart: the others keep documents in memory and acknowledge that, Pipeloom
commits every edit and keeps the tables up to date meanwhile.

At the end of each load a newcomer asks every room for its document, which must hold what was sent.

The quiet pair, of which the latency counts: --loads 1x2x0.5 --cursors --pairs 2 --seconds 20

    python -m bench.hot_path [--loads 1x100x5 20x5x5 …] [--cursors 1x100x10] [--pairs 3]
        [--steps 100] [--seconds 8] [--without-peers] [--no-worker]
"""

import argparse
import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final, Self, TypeAlias

from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import AwarenessUpdate, Message, Update

from . import light_clients
from .clients import Room, joined
from .figures import Spread, table
from .installation import Installation, installed, program
from .light_clients import LightClient
from .machine import cpu_seconds, describe, family
from .peers import PEERS, PeersMissing, installed_peers, peer_room
from .pipelines import Author, mark, pipeline

LOADS: Final = ("1x100x5", "1x300x2", "50x4x10", "20x5x5")
CURSORS: Final = ("1x100x10",)
PATIENCE, SETTLE_SECONDS, BETWEEN_LOOKS = 20.0, 1.0, 0.05
OWN: Final = "Pipeloom"


@dataclass(frozen=True, slots=True)
class Load:
    """`rooms` with `clients` each, of which each sends `rate` messages a second."""

    rooms: int
    clients: int
    rate: float
    is_cursors: bool = False

    @classmethod
    def of(cls, text: str, *, is_cursors: bool = False) -> Self:
        """Read `rooms x clients x rate`. Raises ValueError."""
        rooms, clients, rate = text.split("x")
        return cls(int(rooms), int(clients), float(rate), is_cursors)

    def __str__(self) -> str:
        kind = "cursors " if self.is_cursors else ""
        return f"{kind}{self.rooms} x {self.clients} x {self.rate:g}/s"

    @property
    def per_second(self) -> float:
        """Messages a second of all clients together."""
        return self.rooms * self.clients * self.rate


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds: of the server's process, of its worker's, of PostgreSQL's."""

    server: float
    worker: float = 0.0
    database: float = 0.0

    @property
    def whole(self) -> float:
        """All of them."""
        return self.server + self.worker + self.database

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(
            self.server - other.server,
            self.worker - other.worker,
            self.database - other.database,
        )

    def per(self, count: int) -> "Cpu":
        """Return it for each of `count`, in microseconds."""
        share = 1e6 / max(count, 1)
        return Cpu(self.server * share, self.worker * share, self.database * share)


@dataclass(frozen=True, slots=True)
class Subject:
    """A server: its rooms, and its CPU so far."""

    rooms: Sequence[Room]
    cpu: Callable[[], Cpu]
    needs_seed: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One play of a load. `acknowledged` is until an edit came back to its author."""

    cpu: Cpu
    deliveries: int
    edits: int
    delivered: Spread
    acknowledged: Spread | None
    client_share: float


Started: TypeAlias = AsyncIterator[Subject]


@asynccontextmanager
async def pipeloom(rooms: int, steps: int, *options: str) -> Started:
    """This server with its worker and embedded PostgreSQL."""
    sizes = [steps] * rooms
    async with installed(*sizes, options=options) as (server, ids):
        yield Subject([Room(server.room(each)) for each in ids], lambda: server_cpu(server), False)


def server_cpu(server: Installation) -> Cpu:
    """CPU seconds so far of the server's process, of its worker and of PostgreSQL."""
    main, *others = [cpu_seconds(each) for each in family(server.process_id)]
    return Cpu(main, sum(others), server.postgres_cpu())


@asynccontextmanager
async def peer(name: str, directory: Path, rooms: int) -> Started:
    """One of the others."""
    async with program("node", PEERS[name], cwd=directory) as (process, address):
        made = [peer_room(name, address, f"bench-{at}") for at in range(rooms)]
        yield Subject(made, lambda: Cpu(cpu_seconds(process.pid)), True)


class Play:
    """One load on one server: who sends what, when, and when it arrived where."""

    patience = PATIENCE
    turn = 1
    """Which play of the same rooms it is: each has to move the steps to other places."""

    def __init__(self, load: Load, seconds: float) -> None:
        self.load, self.seconds = load, seconds
        self.count = int(load.per_second * seconds)
        self.sent = [0.0] * self.count
        self.delivered: list[float] = []
        self.acknowledged: list[float] = []
        self.clients: list[list[LightClient]] = []

    @property
    def expected(self) -> int:
        """How many deliveries to others there must be."""
        return self.count * (self.load.clients - 1)

    @property
    def is_over(self) -> bool:
        """Whether everything has arrived; of cursors only the latest of each need arrive."""
        return self.load.is_cursors or len(self.delivered) >= self.expected

    def seat(self, number: int) -> tuple[int, int]:
        """Return the room of a message and its author's place in it."""
        at, room = divmod(number, self.load.rooms)
        return room, at % self.load.clients

    def enter(self, clients: Sequence[LightClient]) -> None:
        """Seat the clients of all rooms, and listen."""
        size = self.load.clients
        for room in range(self.load.rooms):
            self.clients.append(list(clients[room * size : (room + 1) * size]))
            for place, client in enumerate(self.clients[-1]):
                client.on_edit = self._listener(place)

    def _listener(self, place: int) -> Callable[[int], None]:
        rooms, size = self.load.rooms, self.load.clients
        sent, now = self.sent, time.perf_counter
        delivered, acknowledged = self.delivered, self.acknowledged

        def on_edit(number: int) -> None:
            is_own = (number // rooms) % size == place
            (acknowledged if is_own else delivered).append(now() - sent[number])

        return on_edit

    def prepare(self, message: Callable[[int], Message]) -> Callable[[int], Message]:
        """Return what makes the messages while the load runs; to make them earlier, override it."""
        return message

    async def run(self, message: Callable[[int], Message]) -> None:
        """Send everything on time, and wait until it has arrived."""
        start, gap = time.perf_counter(), 1 / self.load.per_second
        for number in range(self.count):
            if (left := start + number * gap - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            room, place = self.seat(number)
            made = message(number)
            self.sent[number] = time.perf_counter()
            self.clients[room][place].send(made)
        async with asyncio.timeout(self.patience):
            while not self.is_over:  # noqa: ASYNC110 - the load should wake no one
                await asyncio.sleep(BETWEEN_LOOKS)


async def measure(
    subject: Subject,
    load: Load,
    steps: int,
    seconds: float,
    make: Callable[[Load, float], Play] = Play,
) -> Result:
    """Seed the rooms, let everybody in, play the load, and look at what the rooms hold."""
    authors = await _authors(subject, steps)
    places = [room for room in subject.rooms for _ in range(load.clients)]
    async with light_clients.connected(places) as clients:
        play = make(load, seconds)
        play.enter(clients)
        if subject.needs_seed:
            _seed(play, authors)
        await asyncio.sleep(SETTLE_SECONDS)
        message = play.prepare(_cursors(play) if load.is_cursors else _moves(play, authors))
        before, own = subject.cpu(), time.process_time()
        try:
            await play.run(message)
        except TimeoutError:
            print(f"  {len(play.delivered)} of {play.expected} arrived in time")
        cpu, own = subject.cpu() - before, time.process_time() - own
        if lost := sum(each.is_lost for each in clients):
            raise ConnectionError(f"{lost} clients were closed meanwhile")
        if not load.is_cursors:
            await _check(subject, authors)
    return _result(play, cpu, own)


def _seed(play: Play, authors: Sequence[Author]) -> None:
    """Send each room its content, by one who stays: a server may forget what nobody has open."""
    for [first, *_], author in zip(play.clients, authors, strict=True):
        first.send(Update(author.state))


def _result(play: Play, cpu: Cpu, own: float) -> Result:
    """What a play came to, with what the server and this process have computed for it."""
    deliveries = max(len(play.delivered), 1) if not play.load.is_cursors else play.expected
    acknowledged = Spread.of(play.acknowledged) if play.acknowledged else None
    delivered = Spread.of(play.delivered or [0.0])
    return Result(cpu, deliveries, play.count, delivered, acknowledged, own / play.seconds)


async def _authors(subject: Subject, steps: int) -> list[Author]:
    """The documents of all rooms, as their clients have them."""
    if subject.needs_seed:
        state = seed(Document(), pipeline(steps))
        return [Author(state) for _ in subject.rooms]
    return [Author(await _document(room)) for room in subject.rooms]


async def _document(room: Room) -> bytes:
    async with joined(room, 1) as [newcomer]:
        return await newcomer.document


def _moves(play: Play, authors: Sequence[Author]) -> Callable[[int], Message]:
    ids = [author.step_ids() for author in authors]

    def move(number: int) -> Message:
        room, _ = play.seat(number)
        return Update(authors[room].move(ids[room][number % len(ids[room])], number, play.turn))

    return move


def _cursors(play: Play) -> Callable[[int], Message]:
    def cursor(number: int) -> Message:
        room, place = play.seat(number)
        client = 1 + room * play.load.clients + place
        state = '{"cursor":{"x":%d,"y":%d},"mark":"%s"}'
        text = state % (number % 900, number % 700, mark(number).decode())
        body = var_uint(1) + var_uint(client) + var_uint(number + 1) + var_string(text)
        return AwarenessUpdate(body)

    return cursor


async def _check(subject: Subject, authors: Sequence[Author]) -> None:
    """Raise AssertionError unless each room gives a newcomer what was written in it."""
    for room, author in zip(subject.rooms, authors, strict=True):
        if _steps(await _document(room)) != _steps(author.state):
            raise AssertionError("a room does not hold what was sent to it")


def _steps(state: bytes) -> object:
    doc: Doc[object] = Doc()
    doc.apply_update(state)
    return doc.get("steps", type=Map).to_py()


async def measure_all(
    loads: Sequence[Load], pairs: int, steps: int, seconds: float, options: "Options"
) -> None:
    """Play all loads on all servers in turn, and print a table for each load."""
    async with peers(options.with_peers) as directory:
        for load in loads:
            results: dict[str, list[Result]] = {}
            for turn in range(pairs):
                for name, start in starts(load, steps, directory, options).items():
                    print(f"{load}: {name}, {turn + 1} of {pairs}", flush=True)
                    async with start() as subject:
                        result = await measure(subject, load, steps, seconds)
                    results.setdefault(name, []).append(result)
            print(f"\n{load}, {load.per_second:g} a second\n{_report(results)}\n", flush=True)


@dataclass(frozen=True, slots=True)
class Options:
    """Which servers take part, and how this one is started."""

    with_peers: bool
    serve: tuple[str, ...]
    steps: int = 100


@asynccontextmanager
async def peers(wanted: bool) -> AsyncIterator[Path | None]:
    if not wanted:
        yield None
        return
    try:
        async with installed_peers() as directory:
            yield directory
    except PeersMissing as error:
        print(f"other servers are left out: {error}")
        yield None


def starts(
    load: Load, steps: int, directory: Path | None, options: Options
) -> dict[str, Callable[[], "object"]]:
    made: dict[str, Callable[[], object]] = {
        OWN: lambda: pipeloom(load.rooms, steps, *options.serve)
    }
    if directory is not None:
        for name in PEERS:
            made[name] = lambda chosen=name: peer(chosen, directory, load.rooms)
    return made


def _report(results: dict[str, list[Result]]) -> str:
    header = (
        *("server", "us/delivery", "server", "worker", "PostgreSQL", "ratio", "server ratio"),
        *("us/edit", "p50 ms", "p50 ratio", "p99 ms", "ack p50", "ack p99", "load's core"),
    )
    name = next((n for n in results if n.startswith("Hocuspocus")), OWN)
    base, latency = middle(results[name]), _p50(results, name)
    return table(header, [_row(name, results, base, latency) for name in results])


def _p50(results: dict[str, list[Result]], name: str) -> float:
    return median(one.delivered.p50 for one in results[name])


def middle(results: Sequence[Result]) -> Cpu:
    """Medians of the microseconds that a delivery took, of each process by itself."""
    each = [one.cpu.per(one.deliveries) for one in results]
    return Cpu(
        median(one.server for one in each),
        median(one.worker for one in each),
        median(one.database for one in each),
    )


def _row(name: str, results: dict[str, list[Result]], base: Cpu, latency: float) -> list[str]:
    plays, cpu = results[name], middle(results[name])
    per_edit = median(one.cpu.per(one.edits).whole for one in plays)
    acks = [one.acknowledged for one in plays if one.acknowledged]
    return [
        name,
        *(f"{each:.1f}" for each in (cpu.whole, cpu.server, cpu.worker, cpu.database)),
        f"{cpu.whole / base.whole:.2f}",
        f"{cpu.server / base.whole:.2f}",
        f"{per_edit:.0f}",
        f"{_p50(results, name):.2f}",
        f"{_p50(results, name) / latency:.2f}" if latency else "-",
        f"{median(one.delivered.p99 for one in plays):.1f}",
        f"{median(one.p50 for one in acks):.1f}" if acks else "-",
        f"{median(one.p99 for one in acks):.1f}" if acks else "-",
        f"{100 * median(one.client_share for one in plays):.0f} %",
    ]


def main() -> None:
    """Measure the loads that are named."""
    parser = argparse.ArgumentParser(prog="bench.hot_path")
    parser.add_argument("--loads", nargs="*", default=LOADS)
    parser.add_argument("--cursors", nargs="*", default=CURSORS)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--without-peers", action="store_true")
    parser.add_argument("--no-worker", action="store_true")
    given = parser.parse_args()
    print(describe())
    loads = [Load.of(each) for each in given.loads]
    loads += [Load.of(each, is_cursors=True) for each in given.cursors]
    serve = ("--no-worker",) if given.no_worker else ()
    options = Options(not given.without_peers, serve)
    asyncio.run(measure_all(loads, given.pairs, given.steps, given.seconds, options))


if __name__ == "__main__":
    main()
