"""Whatever happens, copies become what their users see, and nobody ever gets anything else.

While one connection changes the tables at random, users follow shapes of all kinds by long polls
and by streams, break off, resume and begin anew. Connections that listen are lost, the logs of
shapes are short, and the server is exchanged for another one. After each act it is noted what each
user sees under row-level security: everything that ever arrived must be among it. Every few acts
some copies catch up, and in the end all, and each must be what its user sees.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

import asyncpg
import httpx
import pytest

from app.shapes.messages import row_key
from app.shapes.tables import TABLES, Table
from tests.app.shapes.acts import Actor
from tests.app.shapes.copies import Copy, http
from tests.app.shapes.worlds import World, build, seen
from tests.rounds import rounds, some
from tests.server import BETWEEN_LOOKS, Installation

Item: TypeAlias = tuple[str, tuple[str, ...], str, str | None]
"""A table, the key of a row in it, a column and its text."""

SETTINGS = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, DMY",
    "IntervalStyle": "iso_8601",
    "extra_float_digits": "1",
}


@dataclass
class Watched(Copy):
    """A copy that notes what arrives."""

    received: set[Item] = field(default_factory=set)

    def apply(self, message: Mapping[str, Any]) -> None:
        super().apply(message)
        if "operation" in message["headers"]:
            value = message["value"]
            key = tuple(value[column] for column in TABLES[self.table].key)
            for item in (value, message.get("old_value", {})):
                self.received.update((self.table, key, name, text) for name, text in item.items())

    async def get(self, more: str = "") -> httpx.Response:
        """Ask for what is next, as often as the server is too busy to know what that is."""
        answer = await self.client.get(self.address + more)
        if answer.status_code in {429, 503}:
            assert answer.headers["retry-after"]
            await asyncio.sleep(BETWEEN_LOOKS)
            return await self.get(more)
        self.take(answer, is_live="live=" in more)
        return answer

    async def stream(self) -> None:
        """Follow by server-sent events until the stream ends; what is not up to date is dropped."""
        address = f"{self.address}&live=true&live_sse=true&cursor={self.cursor}"
        batch: list[dict[str, Any]] = []
        async with self.client.stream("GET", address) as answer:
            if answer.status_code == 409:
                await answer.aread()
                self.take(answer, is_live=True)
            if answer.status_code in {409, 429, 503}:
                return
            assert answer.status_code == 200
            self.cursor = answer.headers["electric-cursor"]
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    self._event(httpx.Response(200, text=line.removeprefix("data: ")).json(), batch)

    def _event(self, message: dict[str, Any], batch: list[dict[str, Any]]) -> None:
        batch.append(message)
        if message["headers"].get("control") == "up-to-date":
            for one in batch:
                self.apply(one)
            batch.clear()
            self.offset = f"{int(message['headers']['global_last_seen_lsn'])}_0"


@dataclass(frozen=True)
class Wanted:
    """A shape that somebody follows, and how."""

    user_id: UUID
    table: str
    columns: tuple[str, ...]
    where: str
    parameters: Mapping[int, str]
    options: Mapping[str, str]

    @property
    def query(self) -> dict[str, str]:
        asked = {f"params[{number}]": text for number, text in self.parameters.items()}
        asked.update(self.options)
        if self.where:
            asked["where"] = self.where
        if self.columns != TABLES[self.table].default:
            asked["columns"] = ",".join(f'"{column}"' for column in self.columns)
        return asked

    @property
    def select(self) -> str:
        """The same in SQL, for PostgreSQL to read the client's text as it is."""
        where = re.sub(r"\$([0-9]+)", lambda m: f"'{self.parameters[int(m[1])]}'", self.where)
        columns = ", ".join(f'"{column}"::text' for column in self.columns)
        return f"SELECT {columns} FROM {self.table} WHERE ({where or 'true'})"


def conditions(random: Random, world: World, table: Table) -> list[str]:
    """What a client may ask for of a table; `a_wish` has the parameters."""
    names = [column.name for column in table.columns]
    wheres = ["", "", "created_at > '2001-01-01'" if "created_at" in names else "true"]
    if "pipeline_id" in names:
        wheres += ["pipeline_id = $1", '"pipeline_id" = $1 OR false', "pipeline_id IN ($1, $2)"]
        wheres += [f"pipeline_id = '{random.choice(world.pipelines)}'"]
    if "team_id" in names:
        wheres += ["team_id = $3", "team_id = $3 AND true"]
        wheres += [f"team_id = '{random.choice(world.teams)}'"]
    if "name" in names:
        wheres += ["name LIKE '%e%'"]
    if table.name == "pipelines":
        wheres += ["id = $1", "status = 'active'", "name LIKE 'w%' AND NOT is_template"]
        wheres += ["'a' = ANY(tags)", "tags && '{\"a,b\"}'"]
    if table.name == "steps":
        wheres += ["enabled", "pipeline_id = $1 AND enabled", "order_index < 1 AND position_x < 1"]
    if table.name == "users":
        wheres += ["name LIKE 'w%'", "id <> $4"]
    return wheres


def a_wish(random: Random, world: World) -> Wanted:
    table = TABLES[random.choice([*TABLES])]
    names = [column.name for column in table.columns]
    columns = table.default
    if random.random() < 0.4:
        chosen = {*table.key, *random.sample(names, random.randint(0, len(names)))}
        columns = tuple(name for name in names if name in chosen)
    where = random.choice(conditions(random, world, table))
    values = {
        1: str(random.choice(world.pipelines)),
        2: str(random.choice(world.pipelines)),
        3: str(random.choice(world.teams)),
        4: str(random.choice(world.users)),
    }
    options = {"replica": random.choice(("default", "full"))}
    if random.random() < 0.25:
        options["log"] = "changes_only"
    parameters = {number: text for number, text in values.items() if f"${number}" in where}
    return Wanted(random.choice(world.users), table.name, columns, where, parameters, options)


VISIBLE = "\nUNION ALL\n".join(
    "SELECT '{0}', ARRAY[{1}]::text[], ARRAY[{2}]::text[] FROM {0}".format(
        table.name,
        ", ".join(f'"{name}"::text' for name in table.key),
        ", ".join(f'"{column.name}"::text' for column in table.columns),
    )
    for table in TABLES.values()
)


LOST: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE query LIKE 'LISTEN%' AND datname = current_database()
"""
"""Ends the connections of this database that listen."""


@dataclass
class Play:
    """The users, what they follow, and what they were ever allowed to see."""

    sql: Any
    random: Random
    world: World
    seed: int
    copies: list[tuple[Wanted, Watched]] = field(default_factory=list)
    visible: dict[UUID, set[Item]] = field(default_factory=dict)

    async def live(self, clients: Mapping[UUID, httpx.AsyncClient], count: int) -> None:
        """Play for the life of one server, with so many clients more than before."""
        for wanted, copy in self.copies:
            copy.client = clients[wanted.user_id]
        wishes = [a_wish(self.random, self.world) for _ in range(count)]
        begun = [(one, Watched(clients[one.user_id], one.table, one.query)) for one in wishes]
        self.copies += begun
        await self.begin(begun)
        for _ in range(rounds(6, 2)):
            await self.act(rounds(10, 6))
            for wanted, copy in self.copies:
                if self.random.random() < 0.7:
                    await self.check(wanted, copy)
        for wanted, copy in self.copies:
            await self.check(wanted, copy)
            await self.check_subset(wanted, copy)

    async def note(self) -> None:
        """Note what each user sees now."""
        for user_id in self.world.users:
            allowed = self.visible.setdefault(user_id, set())
            for table, key, values in await seen(self.sql, user_id, VISIBLE):
                names = [column.name for column in TABLES[table].columns]
                for name, text in zip(names, values, strict=True):
                    allowed.add((table, tuple(key), name, text))

    async def rows(self, wanted: Wanted) -> dict[str, dict[str, Any]]:
        """What a user sees of a shape now, by the keys of messages."""
        key = [wanted.columns.index(name) for name in TABLES[wanted.table].key]
        return {
            row_key(wanted.table, [row[place] for place in key]): dict(
                zip(wanted.columns, row, strict=True)
            )
            for row in await seen(self.sql, wanted.user_id, wanted.select)
        }

    async def begin(self, begun: Sequence[tuple[Wanted, Watched]]) -> None:
        """Have some clients begin, while nothing happens."""
        for wanted, copy in begun:
            if self.random.random() < 0.15:
                copy.offset = "now"
            if copy.offset == "now" or "log" in wanted.options:
                copy.rows = await self.rows(wanted)
            await copy.catch_up()
        await self.note()

    async def act(self, count: int) -> None:
        """Change the tables while most clients follow, and the others are away."""
        actor = Actor(self.sql, self.random, self.world)
        here = [one for one in self.copies if self.random.random() < 0.8]
        seeds = [self.random.random() for _ in here]
        following = [
            asyncio.create_task(follow(copy, Random(seed), wanted))
            for (wanted, copy), seed in zip(here, seeds, strict=True)
        ]
        try:
            for _ in range(count):
                if self.random.random() < 0.1:
                    await self.sql.execute(LOST)
                await actor.act()
                await self.note()
                await asyncio.sleep(0)
                for task in following:
                    if task.done():
                        task.result()
        finally:
            for task in following:
                task.cancel()
            for task in following:
                with suppress(asyncio.CancelledError):
                    await task

    async def check(self, wanted: Wanted, copy: Watched) -> None:
        """Have a copy catch up, and compare it with what its user sees, and ever saw."""
        await copy.catch_up()
        forbidden = copy.received - self.visible[wanted.user_id]
        where = f"seed {self.seed}: {wanted}"
        assert not forbidden, f"{where} got {sorted(forbidden, key=str)[:5]}"
        # Of changes alone nobody can make what was there before a refetch.
        if not (copy.refetches and "log" in wanted.options):
            assert copy.rows == await self.rows(wanted), where

    async def check_subset(self, wanted: Wanted, copy: Watched) -> None:
        """Ask for a page of a shape, in either way, and compare it with that of PostgreSQL."""
        key = TABLES[wanted.table].key
        column, direction = self.random.choice(wanted.columns), self.random.choice(("", " DESC"))
        narrowed = f'"{column}" IS NOT NULL' if self.random.random() < 0.5 else "true = true"
        page = {"limit": self.random.randint(0, 4), "offset": self.random.randint(0, 2)}
        asked = {"where": narrowed, "order_by": f'"{key[-1]}"{direction}', **page}
        if self.random.random() < 0.5:
            answer = await copy.client.post(copy.address, json=asked)
        else:
            more = urlencode({f"subset__{name}": value for name, value in asked.items()})
            answer = await copy.client.get(f"{copy.address}&{more}")
        order = ", ".join((asked["order_by"], *(f'"{name}"' for name in key)))
        limits = f"ORDER BY {order} LIMIT {page['limit']} OFFSET {page['offset']}"
        expected = await seen(self.sql, wanted.user_id, f"{wanted.select} AND {narrowed} {limits}")

        where = f"seed {self.seed}: {wanted}"
        assert answer.status_code == 200, (where, answer.text)
        assert answer.headers["electric-snapshot"] == "true"
        found = [
            tuple(row["value"][name] for name in wanted.columns) for row in answer.json()["data"]
        ]
        assert sorted(found, key=str) == expected, (where, asked)


async def follow(copy: Watched, random: Random, wanted: Wanted) -> None:
    """Follow a shape for ever, with accidents."""
    while True:
        if copy.offset == "-1" or random.random() < 0.1:
            await copy.catch_up()
        if random.random() < 0.01 and "log" not in wanted.options:
            copy.begin_anew()
            continue
        with suppress(TimeoutError):
            # Breaking off loses an answer that was on its way, at any place.
            async with asyncio.timeout(random.choice((0.02, 0.1, 1.0))):
                await (copy.stream() if random.random() < 0.5 else copy.live())


@pytest.fixture
async def sql(shared_installation: Installation) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(shared_installation.database_url, server_settings=SETTINGS)
    for emptied in ("pipelines", "organizations", "users"):
        others = "WHERE email LIKE '%@example.org'" if emptied == "users" else ""
        await connection.execute(f"DELETE FROM {emptied} {others}")
    yield connection
    await connection.close()


SHORT_LOGS: Final = {"PIPELOOM_SHAPE_LOG_OPERATIONS": "6"}


@asynccontextmanager
async def a_server(
    installation: Installation, users: Sequence[UUID]
) -> AsyncIterator[dict[UUID, httpx.AsyncClient]]:
    """A server whose shapes keep short logs, and a client of each user."""
    environment = {**installation.environment, **SHORT_LOGS}
    async with (
        replace(installation, environment=environment).serve() as server,
        AsyncExitStack() as stack,
    ):
        clients: dict[UUID, httpx.AsyncClient] = {}
        for user_id in users:
            token = await installation.token(f"{user_id}@example.org")
            clients[user_id] = await stack.enter_async_context(http(server, token))
        yield clients


@pytest.mark.parametrize("seed", some(range(60), 2))
async def test_copies_become_what_their_users_see(
    shared_installation: Installation, sql: Any, seed: int
) -> None:
    random = Random(seed)
    world = await build(sql, random)
    play = Play(sql, random, world, seed)
    for more in (10, 5):
        async with a_server(shared_installation, world.users) as clients:
            await play.live(clients, more)
    assert any(copy.rows for _, copy in play.copies)
