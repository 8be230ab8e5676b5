"""Three servers, one database, one Redis: whatever dies or hangs, no acknowledged edit is lost.

The accidents differ from run to run; PIPELOOM_TEST_SEED repeats those of one (tests/rounds.py).
"""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import httpx
import pytest
from websockets.exceptions import InvalidHandshake

from tests.app.test_crash import Ledger, markers_in, markers_in_tables, prepared
from tests.conftest import Tell
from tests.editor import Editor, joined
from tests.redis_server import RedisServer
from tests.rounds import SEED, rounds
from tests.server import Installation, Server, eventually

NODES, WRITERS = 3, 6
PAUSE = 0.05
"""Between two edits of a writer: the accidents are what is tested, not the load."""

AT_MOST = 12.0
"""Seconds within which an edit reaches all servers after an accident has ended."""


@dataclass
class Cluster:
    """The servers, which may be replaced, and what they stand on."""

    installation: Installation
    redis: RedisServer
    rng: random.Random
    stack: AsyncExitStack
    token: str = ""
    pipeline_id: str = ""
    servers: list[Server] = field(default_factory=list)
    options: tuple[str, ...] = ()

    async def start(self) -> Server:
        return await self.stack.enter_async_context(self.installation.serve(*self.options))

    def room(self, number: int) -> str:
        return self.servers[number].room(self.pipeline_id, self.token)

    async def kill_a_server(self) -> None:
        number = self.rng.randrange(NODES)
        await self.servers[number].program.kill()
        self.servers[number] = await self.start()

    async def stop_a_server(self) -> None:
        program = self.rng.choice(self.servers).program
        program.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self.rng.uniform(0.5, 3))
        program.send_signal(signal.SIGCONT)

    async def kill_redis(self) -> None:
        self.redis.kill()
        await asyncio.sleep(self.rng.uniform(0.1, 2))
        await asyncio.to_thread(self.redis.start)

    async def stop_redis(self) -> None:
        self.redis.signal(signal.SIGSTOP)
        await asyncio.sleep(self.rng.uniform(0.5, 3))
        self.redis.signal(signal.SIGCONT)

    async def cut_redis(self) -> None:
        with self.redis.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


Accident: TypeAlias = Callable[[Cluster], Awaitable[None]]

ACCIDENTS: Mapping[str, Accident] = {
    "server killed": Cluster.kill_a_server,
    "server paused": Cluster.stop_a_server,
    "redis killed": Cluster.kill_redis,
    "redis paused": Cluster.stop_redis,
    "redis connections cut": Cluster.cut_redis,
}


@asynccontextmanager
async def a_cluster(
    installation: Installation, redis: RedisServer, rng: random.Random
) -> AsyncIterator[Cluster]:
    environment = {**installation.environment, "REDIS_URL": redis.url}
    async with AsyncExitStack() as stack:
        cluster = Cluster(replace(installation, environment=environment), redis, rng, stack)
        cluster.servers = [await cluster.start() for _ in range(NODES)]
        cluster.token = await installation.token()
        cluster.pipeline_id = await prepared(cluster.servers[0], installation, cluster.token)
        yield cluster


async def write_on_and_on(cluster: Cluster, ledger: Ledger, number: int) -> None:
    """Edit at one server until that fails, then at another."""
    while True:
        with suppress(OSError, InvalidHandshake, AssertionError, TimeoutError):
            async with joined(cluster.room(number % NODES)) as editor:
                await ledger.write(editor, pause=PAUSE)
        number += 1
        await asyncio.sleep(PAUSE)


async def spread(cluster: Cluster, ledger: Ledger) -> float:
    """Edit at one server, and wait until all have it; return the seconds that took."""
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        editors = [
            await stack.enter_async_context(joined(cluster.room(number))) for number in range(NODES)
        ]
        edited = await ledger.write_one(cluster.rng.choice(editors))
        for editor in editors:
            await editor.until("the edit", lambda: edited in markers_in_names(editor))  # noqa: B023
    return time.monotonic() - began


def markers_in_names(editor: Editor) -> set[str]:
    return {step["name"] for step in editor.steps.values()}


async def test_whatever_dies_no_acknowledged_edit_is_lost(
    installation: Installation, redis_server: RedisServer, tell: Tell
) -> None:
    print(f"seed {SEED}")
    rng = random.Random(SEED)
    ledger, recoveries = Ledger(rng), list[tuple[str, float]]()
    async with a_cluster(installation, redis_server, rng) as cluster:
        writers = [
            asyncio.create_task(write_on_and_on(cluster, ledger, number))
            for number in range(WRITERS)
        ]
        twice = list(ACCIDENTS) * 2
        for name in rng.sample(twice, rounds(len(twice), few=2)):
            await asyncio.sleep(rng.random() / 2)
            await ACCIDENTS[name](cluster)
            recoveries.append((name, await spread(cluster, ledger)))
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        kept = await what_all_servers_hold(cluster)
        assert await markers_in_tables(installation, cluster.pipeline_id) == kept
    lost = ledger.echoed - kept
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in recoveries)
    tell(
        f"{NODES} servers: seed {SEED}, {ledger.sent} updates sent, {len(ledger.echoed)} "
        f"echoed, {len(lost)} lost; an edit reached all after: {told}"
    )
    assert not lost
    assert len(ledger.echoed) > 100
    assert max(seconds for _, seconds in recoveries) < AT_MOST


async def what_all_servers_hold(cluster: Cluster) -> set[str]:
    """The markers, once all servers hold the same."""
    async with AsyncExitStack() as stack:
        auditors = [
            await stack.enter_async_context(joined(cluster.room(number))) for number in range(NODES)
        ]

        async def all_agree() -> bool:
            first, *others = [markers_in_names(auditor) for auditor in auditors]
            return all(first == other for other in others)

        await eventually("the same on all servers", all_agree)
        held = [markers_in(auditor.doc) for auditor in auditors]
    assert held[0] == held[1] == held[2]
    return held[0]


@pytest.mark.timed
async def test_without_redis_servers_work_and_follow_the_log(installation: Installation) -> None:
    environment = {**installation.environment, "REDIS_URL": "redis://127.0.0.1:1/0"}
    alone = replace(installation, environment=environment)
    async with alone.serve() as here, alone.serve("--no-worker") as there:
        token = await installation.token()
        pipeline_id = await installation.demo_pipeline()
        async with (
            joined(here.room(pipeline_id, token)) as alice,
            joined(there.room(pipeline_id, token)) as bob,
        ):
            began = time.monotonic()
            before = len(bob.steps)
            await Ledger(random.Random(1)).write_one(alice)
            await alice.until_echoed()
            await bob.until("the edit", lambda: len(bob.steps) == before + 1)
            assert time.monotonic() - began < 2
        async with httpx.AsyncClient() as client:
            answer = await client.get(here.http("/readyz"))
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "127.0.0.1:1" in answer.json()["checks"]["bus"]
