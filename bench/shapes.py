"""What live copies of the tables cost: shapes, by the HTTP protocol of ElectricSQL.

    python -m bench.shapes [edits] [beside] [clients] [cost] [harm]
        [--steps 1000] [--seconds 5] [--turns 3]

`edits`: how long after an edit in the canvas its row is in a live shape, by long poll and by
server-sent events. The clock starts before the edit is sent, and stops when the row shows it, or a
later edit of the same step. That of "visible row" is stopped by a trigger, as in `edit_to_row`.

`beside`: whether editing is slowed. One room is edited as in `fan_out`, with no live shape, with
live shapes of another pipeline, with one shape of this pipeline that many follow, and with many
shapes of this pipeline; and without the triggers that announce changed rows. These take turns on
one server, each time in another order, and medians are compared.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from itertools import count
from statistics import median
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types

from crdt.protocol.messages import Update

from .clients import Client, Room, joined, send_evenly
from .edit_to_row import Journal, rows_watched
from .figures import SPREAD, Spread, table
from .hot_path import Cpu, Load, Play, Result, Subject, middle, server_cpu
from .hot_path import measure as measure_editing
from .installation import Installation, installed
from .machine import describe
from .pipelines import Author
from .shape_clients import GENEROUS, Crowd, Wanted, connected, crowd, wanted
from .shape_harm import measure_harm
from .shape_load import measure_clients, measure_cost

EDITORS: Final = 10
RATES: Final = (10.0, 100.0)
"""Edits a second of all editors together."""

PATIENCE, BETWEEN_LOOKS = 30.0, 0.05

MANY: Final = 200
"""Live shapes beside which a room is edited, or clients of one."""

ROOM: Final = Load(rooms=1, clients=50, rate=5.0)
OTHER_STEPS: Final = 100
NONE: Final = "no shape"
COLUMNS: Final = "id,pipeline_id,name,position_x,position_y,order_index"

Case: TypeAlias = Callable[[], AbstractAsyncContextManager[Crowd]]
"""What lives beside an edited room."""


async def measure_edits(steps: int, seconds: float) -> None:
    """Print how long an edit takes to be in a shape."""
    async with (
        installed(steps, settings=GENEROUS) as (server, [pipeline_id]),
        joined(Room(server.room(pipeline_id)), EDITORS) as editors,
    ):
        where = f"pipeline_id = '{pipeline_id}'"
        shapes = [wanted(server, "steps", where, is_stream=each) for each in (False, True)]
        author, sent = Author(await editors[0].document), dict[int, float]()
        journals = {each: Journal(sent) for each in ("visible row", "long poll", "events")}
        async with connected(shapes) as clients, rows_watched(server.dsn, journals["visible row"]):
            for client, name in zip(clients, ("long poll", "events"), strict=True):
                client.on_row = journals[name].on_row
            # A worker that has not seen the pipeline reads it first: `edit_to_row` measures that.
            await _send(editors, author, journals, 1.0, 1.0)
            for rate in RATES:
                print(f"\n{EDITORS} editors, {rate:g} edits/s, {steps} steps, {seconds:g} s")
                before = server_cpu(server)
                await _send(editors, author, journals, rate, seconds)
                cost = (server_cpu(server) - before).per(int(rate * seconds))
                print(_edits_report(journals, cost))
                assert not [each.failure for each in clients if each.failure]


async def _send(
    editors: Sequence[Client],
    author: Author,
    journals: Mapping[str, Journal],
    rate: float,
    seconds: float,
) -> None:
    """Send edits and wait until each of the journals has all of them."""
    step_ids = author.step_ids()
    [sent, *_] = [journal.sent for journal in journals.values()]

    def edit(number: int) -> Update:
        step_id = step_ids[number % len(step_ids)]
        for journal in journals.values():
            journal.unseen[step_id].append(number)
        return Update(author.move(step_id, number))

    for journal in journals.values():
        journal.forget()
    await send_evenly(editors, edit, rate=rate, seconds=seconds, sent=sent)
    async with asyncio.timeout(PATIENCE):
        while any(  # noqa: ASYNC110 - the load should wake no one
            len(each.visible) < int(rate * seconds) for each in journals.values()
        ):
            await asyncio.sleep(BETWEEN_LOOKS)


def _edits_report(journals: Mapping[str, Journal], cost: Cpu) -> str:
    rows = [(f"edit -> {name}", *Spread.of(each.visible).cells) for name, each in journals.items()]
    parts = f"server {cost.server:.0f}, worker {cost.worker:.0f}, PostgreSQL {cost.database:.0f}"
    return f"{table(('', *SPREAD), rows)}\nCPU per edit, us: {parts}"


async def measure_beside(steps: int, seconds: float, turns: int) -> None:
    """Print what editing costs with and without live shapes."""
    results: dict[str, list[Result]] = {}
    async with installed(steps, OTHER_STEPS, settings=GENEROUS) as (server, [edited, other]):
        subject = Subject([Room(server.room(edited))], lambda: server_cpu(server), False)
        cases = _cases(server, edited, other)
        numbers = count(1)
        for turn in range(turns):
            for name in [*cases][:: 1 if turn % 2 else -1]:
                async with cases[name]() as followers:
                    make = partial(_play, next(numbers))
                    result = await measure_editing(subject, ROOM, steps, seconds, make)
                    seen = await followers.take()
                results.setdefault(name, []).append(result)
                print(
                    f"{turn + 1} of {turns}: {name}; {seen.answers} answers, {seen.retries} 503",
                    flush=True,
                )
    print(_beside_report(results))


def _play(turn: int, load: Load, seconds: float) -> Play:
    play = Play(load, seconds)
    play.turn = turn
    return play


def _cases(server: Installation, edited: UUID, other: UUID) -> dict[str, Case]:
    shapes = {
        NONE: [],
        f"{MANY} shapes of another pipeline": _different(server, other),
        f"one shape of it, {MANY} clients": _different(server, edited)[:1] * MANY,
        f"{MANY} shapes of it": _different(server, edited),
    }
    return {
        "no triggers": partial(_without_triggers, server.dsn),
        **{name: partial(crowd, each) for name, each in shapes.items()},
    }


def _different(server: Installation, pipeline_id: UUID) -> list[Wanted]:
    """Many shapes, each of all steps of a pipeline."""
    where = f"pipeline_id = '{pipeline_id}' AND order_index > -"
    return [wanted(server, "steps", f"{where}{each}", columns=COLUMNS) for each in range(MANY)]


@asynccontextmanager
async def _without_triggers(dsn: str) -> AsyncIterator[Crowd]:
    """Have nothing of a pipeline's rows announced while the block runs."""
    connection = await asyncpg.connect(dsn)
    switch = "ALTER TABLE {} {} TRIGGER shapes_after_update"
    try:
        for name in ("steps", "pipelines"):
            await connection.execute(switch.format(name, "DISABLE"))
        yield Crowd()
        for name in ("steps", "pipelines"):
            await connection.execute(switch.format(name, "ENABLE"))
    finally:
        await connection.close()


def _beside_report(results: Mapping[str, Sequence[Result]]) -> str:
    costs = {name: middle(results[name]) for name in results}
    header = ("beside", "server", "worker", "PostgreSQL", "us/delivery", "ratio", *LATENCIES)
    rows = []
    for name, plays in results.items():
        cost = costs[name]
        shares = (cost.server, cost.worker, cost.database, cost.whole)
        ratio = cost.whole / costs[NONE].whole
        cells = (*(f"{each:.1f}" for each in shares), f"{ratio:.2f}", *_latencies(plays))
        rows.append((name, *cells))
    return table(header, rows)


LATENCIES: Final = ("p50 ms", "p99 ms", "ack p50", "ack p99")


def _latencies(plays: Sequence[Result]) -> list[str]:
    acknowledged = [each.acknowledged for each in plays if each.acknowledged]
    of = [
        [each.delivered.p50 for each in plays],
        [each.delivered.p99 for each in plays],
        [each.p50 for each in acknowledged],
        [each.p99 for each in acknowledged],
    ]
    return [f"{median(each):.1f}" for each in of]


PARTS: Final = ("edits", "beside", "clients", "cost", "harm")


def main() -> None:
    """Measure the parts that are named."""
    parser = argparse.ArgumentParser(prog="bench.shapes")
    parser.add_argument("parts", nargs="*", default=PARTS)
    parser.add_argument("--steps", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    print(describe())
    if "edits" in given.parts:
        asyncio.run(measure_edits(given.steps, given.seconds))
    if "beside" in given.parts:
        asyncio.run(measure_beside(given.steps, given.seconds, given.turns))
    others = {"clients": measure_clients, "cost": measure_cost, "harm": measure_harm}
    for name, measure in others.items():
        if name in given.parts:
            asyncio.run(measure(given.seconds))


if __name__ == "__main__":
    main()
