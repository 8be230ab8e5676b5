"""Edits of one pipeline, beside a member of the team who asks for shapes of another all the time.

Within the limits by default. Whoever asks takes CPU of this machine, too, and PostgreSQL, the
server and the editors are on the same cores. So each attack has a control: a process that
takes as much CPU as that one did, and asks nothing. What the server can mend is the difference.

Run by `python -m bench.shapes harm`.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from .figures import Spread, table
from .hot_path import server_cpu
from .installation import Installation, installed
from .machine import cpu_seconds
from .shape_load import RATE, SETTLE_SECONDS, Editors, editors

LARGE, SMALL = 1_000, 20
"""Steps of the pipeline whose shapes are asked for, and of the one that is edited."""

AT_ONCE, READERS = 16, 320
"""Requests at once, and those that are not read."""

SLICE_SECONDS: Final = 0.01
"""In each of these a control computes for its share, and sleeps for the rest."""

_spawn = multiprocessing.get_context("spawn")

Attack = Callable[[int, str], str]
"""The condition of the request of this number, for the shape of a pipeline."""


def _new(number: int, pipeline: str) -> str:
    return f"{pipeline} AND order_index > -{number}"


def _same(_number: int, pipeline: str) -> str:
    return pipeline


def _slow(number: int, pipeline: str) -> str:
    terms = " OR ".join(f"config::text LIKE '%{'a%' * 30}{number}{each}%'" for each in range(20))
    return f"{pipeline} AND ({terms})"


UNREAD: Final = "readers that do not read"
ATTACKS: Final[dict[str, Attack]] = {
    "new conditions": _new,
    "the first answer again and again": _same,
    "slow conditions": _slow,
    UNREAD: _same,
}
HEADER: Final = (
    *("beside", "p50 ms", "p95 ms", "p99 ms", "ratio"),
    *("CPU of it", "server", "worker", "PostgreSQL", "answers/s", "refused/s"),
)
"""CPU in percent of a core; the ratio is that of the p50 to its control's."""


@dataclass(slots=True)
class Company:
    """Somebody beside the editors: a process, and how many answers it has had."""

    process: BaseProcess | None = None
    answers: Any = field(default_factory=lambda: [0, 0])

    @property
    def cpu(self) -> float:
        """CPU seconds so far."""
        pid = None if self.process is None else self.process.pid
        return 0.0 if pid is None else cpu_seconds(pid)


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds until acknowledgements, and what everybody took meanwhile, as shares of a core."""

    acknowledged: Spread
    company: float
    others: Sequence[float]
    answers: Sequence[float]

    def cells(self, control: "Measured | None") -> list[str]:
        """The cells under HEADER, but for the first."""
        times = self.acknowledged
        ratio = "-" if control is None else f"{times.p50 / control.acknowledged.p50:.2f}"
        return [
            *(f"{each:.1f}" for each in (times.p50, times.p95, times.p99)),
            ratio,
            *(f"{100 * each:.0f} %" for each in (self.company, *self.others)),
            *(f"{each:.0f}" for each in self.answers),
        ]


async def measure_harm(seconds: float) -> None:
    """Print how long edits take beside each attack, and beside its control."""
    rows: list[Sequence[str]] = []

    def note(name: str, found: Measured, control: Measured | None = None) -> None:
        rows.append((name, *found.cells(control)))
        print(" | ".join(rows[-1]), flush=True)

    async with AsyncExitStack() as stack:
        server, [large, edited] = await stack.enter_async_context(installed(LARGE, SMALL))
        people = await stack.enter_async_context(editors(server, [edited]))
        note("nobody", await _measured(server, people, Company(), seconds))
        for name in ATTACKS:
            with _attacking(name, server, large) as company:
                found = await _measured(server, people, company, seconds)
            with _computing(found.company) as company:
                control = await _measured(server, people, company, seconds)
            note(name, found, control)
            note("… its control", control)
        note("nobody, again", await _measured(server, people, Company(), seconds))
    print(table(HEADER, rows))


async def _measured(
    server: Installation, people: Editors, company: Company, seconds: float
) -> Measured:
    await asyncio.sleep(SETTLE_SECONDS)
    people.acknowledged.clear()
    began, own, cost, answers = _now(server, company)
    await people.edit(RATE, seconds)
    ended, own_then, cost_then, answers_then = _now(server, company)
    took = ended - began
    spent = cost_then - cost
    return Measured(
        Spread.of(people.acknowledged),
        (own_then - own) / took,
        [each / took for each in (spent.server, spent.worker, spent.database)],
        [(then - now) / took for now, then in zip(answers, answers_then, strict=True)],
    )


def _now(server: Installation, company: Company) -> tuple[float, float, Any, list[int]]:
    return time.perf_counter(), company.cpu, server_cpu(server), [*company.answers]


@contextmanager
def _running(target: Callable[..., None], *args: object, answers: Any = None) -> Iterator[Company]:
    process = _spawn.Process(target=target, args=args)
    process.start()
    try:
        yield Company(process, [0, 0] if answers is None else answers)
    finally:
        process.terminate()
        process.join()


@contextmanager
def _attacking(name: str, server: Installation, pipeline_id: UUID) -> Iterator[Company]:
    answers = _spawn.Array("i", 2)
    asked = (name, server.address, server.token, str(pipeline_id), answers)
    with _running(attack, *asked, answers=answers) as company:
        yield company


@contextmanager
def _computing(share: float) -> Iterator[Company]:
    with _running(compute, share) as company:
        yield company


def compute(share: float) -> None:
    """Take a share of a core."""
    while True:
        began = time.process_time()
        while time.process_time() - began < share * SLICE_SECONDS:
            pass
        time.sleep((1 - min(share, 1.0)) * SLICE_SECONDS)


def attack(name: str, address: str, token: str, pipeline_id: str, answers: Any) -> None:
    """Ask again and again, with many requests at once; count the answers, and the refusals."""

    async def forever() -> None:
        ask = _never_reading if name == UNREAD else _asking
        number = READERS if name == UNREAD else AT_ONCE
        pipeline = f"pipeline_id = '{pipeline_id}'"

        def request(count: int) -> bytes:
            asked = {"table": "steps", "offset": "-1", "where": ATTACKS[name](count, pipeline)}
            return (
                f"GET /v1/shape?{urlencode(asked)} HTTP/1.1\r\nHost: {address}\r\n"
                f"Authorization: Bearer {token}\r\n\r\n"
            ).encode()

        await asyncio.gather(*(ask(address, request, each, answers) for each in range(number)))

    asyncio.run(forever())


async def _never_reading(
    address: str, request: Callable[[int], bytes], count: int, _answers: Any
) -> None:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, port, limit=1)
    writer.write(request(count))
    await asyncio.Event().wait()
    del reader


async def _asking(address: str, request: Callable[[int], bytes], count: int, answers: Any) -> None:
    """Ask over one connection; a client that parses nothing takes little CPU."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, port)
    while True:
        count += AT_ONCE
        writer.write(request(count))
        head = await reader.readuntil(b"\r\n\r\n")
        answers[0 if head.startswith(b"HTTP/1.1 200 ") else 1] += 1
        await _skip_body(reader, head.lower())


async def _skip_body(reader: asyncio.StreamReader, head: bytes) -> None:
    _, _, length = head.partition(b"content-length: ")
    if length:
        await reader.readexactly(int(length.partition(b"\r\n")[0]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()
