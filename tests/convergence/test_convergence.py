"""After whatever happened, everybody has the same, and nothing acknowledged is lost.

Three servers share a log and a bus that drops, repeats, delays and reorders. A failure prints its
seed and its script; tests/rounds.py says which seeds are played.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import sleep

import pytest
from structlog.testing import capture_logs

from persistence.memory.stores import MemoryStore
from tests.contracts.stores import an_id
from tests.convergence.play import Play, assert_same
from tests.convergence.server import NODES, UNLOAD_AFTER, valid_rows
from tests.convergence.server_edits import VERBS
from tests.rounds import some

SEEDS = some(range(200), few=8)
EXPECTED_LOGS = {"room.commit_failed"}


class SlowPlay(Play):
    """A play on a machine that is busy with other things."""

    async def _turn(self) -> None:
        await super()._turn()
        sleep(0.001)  # noqa: ASYNC251 - everybody is to wait


@asynccontextmanager
async def a_play(seed: int, kind: type[Play] = Play) -> AsyncIterator[Play]:
    """Stage a play; whatever fails in it is told with its seed and its script."""
    numbers = iter(range(1, 100))
    play = kind(seed, MemoryStore(lambda: an_id(next(numbers))))
    try:
        with capture_logs() as logs:
            await play.prepare()
            await play.run()
            yield play
        unexpected = [log for log in logs if log["event"] not in EXPECTED_LOGS]
        assert not unexpected, f"expected no such log: {unexpected}"
    except Exception as error:
        script = "\n".join(f"{line:4} {act}" for line, act in enumerate(play.script, 1))
        raise AssertionError(f"seed {seed}: {error!r}\n{script}") from error


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_everybody_ends_with_the_same(seed: int) -> None:
    async with a_play(seed) as play:
        await play.heal()
        assert_everything_is_echoed(play)
        await assert_replicas_agree(play)
        await assert_nothing_acknowledged_is_lost(play)
        assert_everybody_knows_who_is_here(play)
        await assert_tables_agree(play)
        await assert_a_newcomer_is_introduced(play)
        await assert_a_departure_is_noticed(play)
        await assert_rooms_are_unloaded(play)


async def test_a_seed_always_tells_the_same_story() -> None:
    async with a_play(1) as one, a_play(1) as other:
        pass
    assert_same_story(one, other)


@pytest.mark.parametrize("seed", [161, 197])
async def test_a_slow_machine_tells_the_same_story(seed: int) -> None:
    async with a_play(seed) as one, a_play(seed, SlowPlay) as other:
        pass
    assert_same_story(one, other)


async def test_the_play_is_no_idle_one() -> None:
    told, acknowledged, folded, verbs = set[str](), 0, 0, set[str]()
    # The first four have everything, as long as the play is what it is now.
    for seed in (25, 0, 17, 31, *range(1, 13)):
        async with a_play(seed) as play:
            await play.heal()
        told |= {line.split(" ", 1)[-1].split(":")[0] for line in play.script} | {*play.script}
        acknowledged += sum(len(client.safe) for client in play.clients)
        folded += play.folded
        verbs |= {verb for _, _, verb in play.server.answered}
        if acknowledged > 100 and folded > 10 and verbs == ALL_VERBS and told >= ACCIDENTS:
            return
    raise AssertionError((acknowledged, folded, ALL_VERBS - verbs, ACCIDENTS - told))


ALL_VERBS = {verb.__name__ for verb in VERBS}
ACCIDENTS = {
    "crash",
    "refuse",
    "be away",
    "commit and be away",
    "edits offline",
    "talks rubbish",
    "opens a new page",
    "audit",
    "program edits aside",
    "project",
}


def assert_same_story(one: Play, other: Play) -> None:
    assert one.script == other.script
    assert [c.doc.get_state() for c in one.clients] == [c.doc.get_state() for c in other.clients]


def assert_everything_is_echoed(play: Play) -> None:
    for client in play.clients:
        assert not client.unechoed, f"{client.name} waits for an echo of {client.unechoed}"


async def assert_replicas_agree(play: Play) -> None:
    for client, pipeline_id in play.clients.items():
        for room in play.server.room_documents(pipeline_id):
            assert_same(client.doc, room.doc, f"{client.name} and the room")
    for pipeline_id in play.pipelines:
        room, *_ = play.server.room_documents(pipeline_id)
        replayed = await play.server.replayed(pipeline_id)
        assert_same(room.doc, replayed.doc, "the room and the replay of the log")
        loaded = await play.server.loaded(pipeline_id)
        assert_same(room.doc, loaded.doc, "the room and what would be loaded")


async def assert_nothing_acknowledged_is_lost(play: Play) -> None:
    for client, pipeline_id in play.clients.items():
        for payload in client.safe:
            held = play.ledger.has(pipeline_id, payload)
            assert held, f"{client.name} was told that {payload!r} is safe"


async def assert_tables_agree(play: Play) -> None:
    while await play.server.worker.project_one():
        pass
    for pipeline_id in play.pipelines:
        cursor, rows = play.server.projected(pipeline_id)
        updates = await play.store.since(pipeline_id, 0)
        assert cursor == updates[-1].seq
        assert rows == valid_rows(await play.server.replayed(pipeline_id))


def assert_everybody_knows_who_is_here(play: Play) -> None:
    for pipeline_id in play.pipelines:
        here = [c for c in play.online() if play.clients[c] == pipeline_id]
        for client in here:
            expected = {c.doc.client_id: c.seen_by(client) for c in here}
            assert client.awareness.states == expected, f"{client.name} sees others"


async def assert_a_newcomer_is_introduced(play: Play) -> None:
    newcomer = play.random.choice(play.online())
    newcomer.leave()
    await play.settle()
    newcomer.open_page()
    # awareness.js takes no notice of the state that a client begins with.
    newcomer.point()
    play.connect(newcomer)
    await play.settle()
    assert_everybody_knows_who_is_here(play)


async def assert_a_departure_is_noticed(play: Play) -> None:
    for client in play.random.sample(play.online(), 4):
        if client.link is not None and play.random.random() < 0.5:
            client.link.cut(0)
        else:
            client.leave()
    await play.settle()
    assert_everybody_knows_who_is_here(play)


async def assert_rooms_are_unloaded(play: Play) -> None:
    for client in play.online():
        client.leave()
    await play.settle()
    play.pass_time(UNLOAD_AFTER + 1)
    assert [len(node.hub) for node in play.server.nodes] == [0] * NODES
