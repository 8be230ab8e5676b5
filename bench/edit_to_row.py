"""How long until an edit is safe, with the others, and in the tables.

Clients in one room move steps together at a fixed rate. The clock of an edit starts before it is
sent. It stops at its echo, which Pipeloom sends once the edit is committed; at each other client;
and when the row shows it, or a later edit of the same step, to a reader of the tables: a trigger
of the bench notifies, and PostgreSQL delivers notifications after commit.

    python -m bench.edit_to_row [--steps 100 1000 10000] [--clients 10] [--rate 100] [--seconds 20]
"""

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # asyncpg ships no types

from crdt.protocol.messages import Update

from .clients import Client, Edit, Room, joined, send_evenly
from .figures import SPREAD, Spread, table
from .installation import Installation, installed
from .machine import describe
from .pipelines import Author

PATIENCE = 30.0
"""Seconds after the last edit in which everything must have arrived."""

BETWEEN_LOOKS = 0.05

DROP = "DROP FUNCTION IF EXISTS bench_row_written CASCADE;"
TRIGGER = """
CREATE FUNCTION bench_row_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('bench_rows', new.id || ' ' || -new.position_x);
    RETURN NULL;
END
$$;
CREATE TRIGGER bench_row_written AFTER UPDATE OF position_x ON steps
FOR EACH ROW EXECUTE FUNCTION bench_row_written();
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients do: how many they are, edits a second of all together, for how long."""

    clients: int = 10
    rate: float = 100.0
    seconds: float = 20.0

    @property
    def edits(self) -> int:
        """How many edits are sent in all."""
        return int(self.rate * self.seconds)


FIRST = Load(rate=1.0, seconds=1.0)
"""One edit."""


@dataclass(slots=True)
class Journal:
    """When edits were sent, and how many seconds later they were where."""

    sent: dict[int, float] = field(default_factory=dict)
    echoed: list[float] = field(default_factory=list)
    delivered: list[float] = field(default_factory=list)
    visible: list[float] = field(default_factory=list)
    unseen: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Edits by step that no row has shown yet, in the order of sending."""

    def is_complete(self, edits: int, deliveries: int) -> bool:
        """Whether every edit has arrived everywhere."""
        return len(self.echoed) == len(self.visible) == edits and len(self.delivered) == deliveries

    def forget(self) -> None:
        """Start anew."""
        for times in (self.echoed, self.delivered, self.visible):
            times.clear()

    def on_row(self, step_id: str, number: int) -> None:
        """Take note of a row that shows edit `number`."""
        now, waiting = time.perf_counter(), self.unseen[step_id]
        while waiting and waiting[0] <= number:
            self.visible.append(now - self.sent[waiting.pop(0)])


async def measure(steps: int, load: Load) -> None:
    """Print the figures for a pipeline of `steps` steps."""
    print(f"\n{steps} steps, {load.clients} clients, {load.rate:g} edits/s, {load.seconds:g} s")
    async with installed(steps) as (server, [pipeline_id]):
        room = Room(server.room(pipeline_id))
        async with joined(room, load.clients) as clients:
            await _measure(server, clients, Author(await clients[0].document), load)


async def _measure(server: Installation, clients: list[Client], author: Author, load: Load) -> None:
    step_ids, journal = author.step_ids(), Journal()
    _listen(clients, journal)

    def edit(number: int) -> Update:
        step_id = step_ids[number % len(step_ids)]
        journal.unseen[step_id].append(number)
        return Update(author.move(step_id, number))

    async with rows_watched(server.dsn, journal):
        await _send(clients, edit, FIRST, journal)
        [cold] = journal.visible
        journal.forget()
        server_cpu, postgres_cpu = server.cpu(), server.postgres_cpu()
        await _send(clients, edit, load, journal)
        server_cpu = server.cpu() - server_cpu
        postgres_cpu = server.postgres_cpu() - postgres_cpu
    print(_report(journal))
    print(
        f"first edit -> visible row, the worker starting cold: {1e3 * cold:.0f} ms\n"
        f"CPU per edit: server with worker {1e3 * server_cpu / load.edits:.2f} ms, "
        f"PostgreSQL {1e3 * postgres_cpu / load.edits:.2f} ms"
    )


async def _send(clients: list[Client], edit: Edit, load: Load, journal: Journal) -> None:
    """Send edits and wait until each has arrived everywhere."""
    await send_evenly(clients, edit, rate=load.rate, seconds=load.seconds, sent=journal.sent)
    expected = load.edits, load.edits * (len(clients) - 1)
    async with asyncio.timeout(PATIENCE):
        while not journal.is_complete(*expected):  # noqa: ASYNC110 - the load should wake no one
            await asyncio.sleep(BETWEEN_LOOKS)


def _listen(clients: list[Client], journal: Journal) -> None:
    def listener(index: int) -> Any:
        def on_edit(number: int) -> None:
            # `send_evenly` sends in turn, so the sender follows from the number.
            own = number % len(clients) == index
            times = journal.echoed if own else journal.delivered
            times.append(time.perf_counter() - journal.sent[number])

        return on_edit

    for index, client in enumerate(clients):
        client.on_edit = listener(index)


@asynccontextmanager
async def rows_watched(dsn: str, journal: Journal) -> AsyncIterator[None]:
    """Have a journal note which rows a second connection sees, by a trigger of the bench."""

    def on_notification(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
        step_id, x = payload.split()
        journal.on_row(step_id, int(float(x)))

    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(DROP + TRIGGER)
        await connection.add_listener("bench_rows", on_notification)
        yield
    finally:
        await connection.close()


def _report(journal: Journal) -> str:
    times = {
        "edit -> other client": journal.delivered,
        "edit -> echo (durable)": journal.echoed,
        "edit -> visible row": journal.visible,
    }
    return table(("", *SPREAD), [(name, *Spread.of(each).cells) for name, each in times.items()])


def main() -> None:
    """Measure at several sizes, or at the one given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    print(describe())
    for steps in given.steps:
        asyncio.run(measure(steps, Load(given.clients, given.rate, given.seconds)))


if __name__ == "__main__":
    main()
