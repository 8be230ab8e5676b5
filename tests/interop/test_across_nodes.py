"""Stock clients of three nodes, which talk over one Redis, see each other as if they were one.

Number 20 is that of the behaviours by which Hocuspocus providers are accepted: edits, presence and
stateless messages across nodes, stores that do not conflict, and a second node that loads what was
edited at the first. The rest is presence: nobody stays who is gone, and nobody goes who is there.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from tests.balancer import Balancer, balancing
from tests.interop.providers import VERSIONS, Provider
from tests.interop.servers import Arrangement
from tests.interop.site import UNCOMMITTED, Site
from tests.interop.stock import VERSIONS as Y_VERSIONS
from tests.interop.stock import StockClient, stock_client
from tests.interop.tables import expected_tables, tables_of
from tests.interop.test_y_websocket import a_step, agreement, new_id
from tests.server import Address, eventually

# By its name this module comes first, so that no other arrangement is set up twice.
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize(
        "running", [Arrangement("three nodes", nodes=3)], ids=str, indirect=True
    ),
]

GONE_WITHIN = 10.0
"""Seconds after which nobody may be shown any more who was on a node that died."""

BACK_WITHIN = 5.0
"""Seconds after which whoever is back is seen; clients renew their presence only every 15."""

EDITS = 20


async def at_all_nodes(site: Site, document: str, version: str) -> list[Provider]:
    """Providers that have the document, one at each node: of this version, then of the others."""
    versions = (version, *(other for other in VERSIONS if other != version))
    providers = [
        await site.open(each, document, site.owner, at=node)
        for each, node in zip(versions, site.servers.nodes, strict=True)
    ]
    await asyncio.gather(*(provider.until_saved() for provider in providers))
    return providers


async def test_20_an_edit_at_each_node_reaches_all_once(
    site: Site, document: str, version: str
) -> None:
    providers = await at_all_nodes(site, document, version)
    notes = {}
    for number, provider in enumerate(providers):
        await provider.put(f"by {number}", number)
        notes[f"by {number}"] = number
        # Changes that follow each other closely may reach another node as one.
        for each in providers:
            await each.until_saved(notes=notes)
    for provider in providers:
        assert (await provider.status())["observed"] == 3


async def test_20_an_edit_over_rest_reaches_providers_of_other_nodes(
    site: Site, document: str, version: str
) -> None:
    providers = await at_all_nodes(site, document, version)
    wanted = {"name": "greet", "type": "claude", "config": {"prompt": "Say hello."}}
    path = f"/api/pipelines/{document}/steps"
    step = await site.create(site.servers.nodes[2], path, wanted)
    for provider in providers:
        await provider.await_steps([step])


async def test_20_presence_is_seen_at_all_nodes_and_gone_when_destroyed(
    site: Site, document: str, version: str
) -> None:
    first, *others = await at_all_nodes(site, document, version)
    await first.present({"cursor": {"x": 1, "y": 2}})
    user = {"id": str(site.owner.id), "name": "Demo Owner"}
    for other in others:
        await other.until(others=[{"cursor": {"x": 1, "y": 2}, "user": user}])
    await first.destroy()
    for other in others:
        await other.until(others=[])


async def test_presence_taken_back_is_gone_from_all_nodes_while_its_client_stays(
    site: Site, document: str, version: str
) -> None:
    first, *others = await at_all_nodes(site, document, version)
    async with stock_client("3.1", site.servers.nodes[1], document, site.viewer.token()) as viewer:
        await viewer.online()
        for state in ({"status": "busy"}, {"status": "back"}):
            await first.present(state)
            for other in others:
                await other.until(others=[state])
            await viewer.await_others(1)
            await first.present(None)
            for other in others:
                await other.until(others=[])
            await viewer.await_others(0)
        await first.put("still", 1)
        await first.until_saved()


async def test_presence_of_y_websocket_taken_back_is_gone_from_all_nodes(
    site: Site, document: str
) -> None:
    watchers = await at_all_nodes(site, document, "4")
    async with stock_client("3.1", site.servers.nodes[0], document, site.viewer.token()) as viewer:
        await viewer.online()
        await viewer.present({"status": "busy"})
        for watcher in watchers:
            await watcher.until(others=[{"status": "busy"}])
        await viewer.present(None)
        for watcher in watchers:
            await watcher.until(others=[])
        assert (await viewer.status())["connected"]


async def test_20_a_text_is_heard_once_at_all_nodes(
    site: Site, document: str, version: str
) -> None:
    first, *others = await at_all_nodes(site, document, version)
    await first.tell("héllo")
    for provider in (first, *others):
        await provider.until(heard=["héllo"])
    await first.tell("end")
    for provider in (first, *others):
        await provider.until(heard=["héllo", "end"])


async def test_20_what_is_edited_at_all_nodes_at_once_is_stored_once(
    site: Site, document: str, version: str
) -> None:
    providers = await at_all_nodes(site, document, version)
    before = await site.head(document)
    await asyncio.gather(
        *(
            provider.put(key, number)
            for number, provider in enumerate(providers)
            for key in ("same", *(f"{number} {edit}" for edit in range(EDITS)))
        )
    )
    keys = ["same", *(f"{number} {edit}" for number in range(3) for edit in range(EDITS))]
    for provider in providers:
        await provider.await_notes(keys)
        await provider.until_saved()

    async def agreed() -> bool:
        first, *others = [(await provider.status())["notes"] for provider in providers]
        return all(first == other for other in others)

    await eventually("documents that agree", agreed)
    sent = [(await provider.status())["sent"]["update"] for provider in providers]
    assert await site.head(document) == before + sum(sent)


async def test_20_the_tables_hold_what_was_edited_at_all_nodes_at_once(
    site: Site, document: str
) -> None:
    """Each node has a worker of its own beside it, too."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                stock_client(version, node, document, site.owner.token())
            )
            for version, node in zip(Y_VERSIONS, site.servers.nodes, strict=True)
        ]
        await asyncio.gather(*(client.online() for client in clients))
        shared = new_id()
        await clients[0].put_step(shared, a_step("shared"))
        await agreement(*clients)
        await asyncio.gather(
            *(
                change
                for number, client in enumerate(clients)
                for change in (
                    client.set(shared, "position", {"x": number, "y": number}),
                    client.put_step(new_id(), a_step(f"by {number}")),
                    client.rename(f"renamed by {number}"),
                )
            )
        )
        agreed = await agreement(*clients)
    assert len(agreed["steps"]) == 4
    assert await tables_of(site.installation, document) == expected_tables(agreed)


async def test_20_what_was_acknowledged_at_one_node_is_there_when_another_loads(
    site: Site, document: str, version: str
) -> None:
    here, there, _ = site.servers.nodes
    editor = await site.open("4", document, site.owner, at=here)
    for number in range(EDITS):
        await editor.put(f"step {number}", number)
    await editor.until_saved(sent={"update": EDITS})
    late = await site.open(version, document, site.owner, at=there)
    status = await late.until_saved()
    assert status["loaded"] == {f"step {number}": number for number in range(EDITS)}


async def test_20_what_was_not_committed_when_another_node_loads_comes_with_its_commit(
    site: Site, document: str, version: str
) -> None:
    here, there, _ = site.servers.nodes
    editor = await site.open("4", document, site.owner, at=here)
    witness = await site.open("3", document, site.owner, at=here)
    await asyncio.gather(editor.until_saved(), witness.until_saved())
    async with site.uncommitted(document):
        await editor.put("held", 1)
        await witness.await_notes(["held"])
        await site.until_waiting(UNCOMMITTED)
        late = await site.open(version, document, site.owner, at=there)
        assert (await late.until_saved())["loaded"] == {}
    assert (await late.until(notes={"held": 1}))["scopes"] == ["read-write"]
    await editor.until_saved()


async def test_20_who_loads_a_document_while_it_is_edited_elsewhere_misses_nothing(
    site: Site, document: str, version: str
) -> None:
    here, *there = site.servers.nodes
    editor = await site.open("4", document, site.owner, at=here)
    await editor.until_saved()
    keys = [f"step {number}" for number in range(10 * EDITS)]

    async def write() -> None:
        for key in keys:
            await editor.put(key, 1)

    writing = asyncio.create_task(write())
    late = [await site.open(version, document, site.owner, at=node) for node in there]
    await asyncio.gather(*(provider.until(synced=True) for provider in late))
    await writing
    await asyncio.gather(*(provider.await_notes(keys) for provider in late))
    assert await site.head(document) > len(keys)


@pytest.mark.timed
async def test_who_was_at_a_node_that_dies_is_gone_from_the_others_in_time_and_comes_back(
    site: Site, document: str
) -> None:
    dying, *others = site.servers.nodes
    doomed: list[Provider | StockClient] = [
        await site.open(version, document, site.owner, at=dying) for version in VERSIONS
    ]
    watchers = [
        await site.open(version, document, site.viewer, at=node)
        for version, node in zip(("3", "4"), others, strict=True)
    ]
    await asyncio.gather(*(provider.until_saved() for provider in (*doomed, *watchers)))
    async with (
        stock_client("3.1", dying, document, site.owner.token()) as doomed_client,
        stock_client("3.0", others[0], document, site.viewer.token()) as watching_client,
    ):
        await asyncio.gather(doomed_client.online(), watching_client.online())
        doomed.append(doomed_client)
        await asyncio.gather(
            *(one.present({"here": True}) for one in (*doomed, *watchers, watching_client))
        )

        async def until_others(count: int) -> None:
            for watcher in watchers:
                await watcher.until(others=[{"here": True}] * count)
            await watching_client.await_others(count)

        await until_others(len(doomed) + 2)
        began = time.monotonic()
        async with site.servers.away(signal.SIGKILL, 0):
            await until_others(2)
            assert time.monotonic() - began < GONE_WITHIN
            ghosts = {(await one.status())["client"] for one in doomed}
            for watcher in (*watchers, watching_client):
                assert set((await watcher.status())["departed"]) == ghosts
        began = time.monotonic()
        await until_others(len(doomed) + 2)
        assert time.monotonic() - began < BACK_WITHIN


async def sessions_at(site: Site, node: Address) -> int:
    """How many sessions a node says it has."""
    metrics = (await site.http.get(node.http("/metrics"))).text
    lines = [line for line in metrics.splitlines() if line.startswith("pipeloom_sessions{")]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)


async def until_sessions(site: Site, node: Address, count: int) -> None:
    """Wait until a node knows of so many sessions: those of other tests may end late."""

    async def so_many() -> bool:
        return await sessions_at(site, node) == count

    await eventually(f"{count} sessions", so_many)


Return = Callable[[], Awaitable[object]]


async def stays_when_its_old_connection_ends(
    site: Site, document: str, balancer: Balancer, roamer: Provider | StockClient, back: Return
) -> None:
    """Bring a client of the first node to the second, and let the first learn of it only then."""
    old = site.servers.nodes[0]
    keeper, *watchers = everybody = await at_all_nodes(site, document, "4")
    await until_sessions(site, old, 2)
    await roamer.present({"status": "here"})
    for watcher in everybody:
        await watcher.until(others=[{"status": "here"}])
    balancer.strand()
    await back()
    assert await sessions_at(site, old) == 2
    balancer.release()
    await until_sessions(site, old, 1)
    # Whatever the old node tells of that end is told before this.
    await keeper.present({"status": "end"})
    for watcher in watchers:
        await watcher.until(others=[{"status": "here"}, {"status": "end"}])
    await roamer.present({"status": "on"})
    for watcher in watchers:
        await watcher.until(others=[{"status": "on"}, {"status": "end"}])
    await keeper.until(others=[{"status": "on"}])
    for watcher in everybody:
        assert (await watcher.status())["departed"] == []


async def test_a_provider_back_at_another_node_stays_when_its_old_connection_ends(
    site: Site, document: str, version: str
) -> None:
    async with balancing(node.port for node in site.servers.nodes[:2]) as balancer:
        roamer = await site.open(version, document, site.owner, at=balancer.address)
        await roamer.until_saved()

        async def back() -> None:
            await roamer.until_saved(scopes=["read-write"] * 2, received={"step_2": 2})

        await stays_when_its_old_connection_ends(site, document, balancer, roamer, back)


@pytest.mark.parametrize("y_version", Y_VERSIONS)
async def test_a_y_websocket_client_back_at_another_node_stays_when_its_old_connection_ends(
    site: Site, document: str, y_version: str
) -> None:
    async with (
        balancing(node.port for node in site.servers.nodes[:2]) as balancer,
        stock_client(y_version, balancer.address, document, site.owner.token()) as roamer,
    ):
        await roamer.online()

        async def back() -> None:
            await roamer.await_closed(1006)
            await roamer.await_synced()

        await stays_when_its_old_connection_ends(site, document, balancer, roamer, back)


async def test_a_client_that_goes_from_node_to_node_is_everywhere_once(
    site: Site, document: str, version: str
) -> None:
    watchers = await at_all_nodes(site, document, version)
    hops = 6
    async with balancing(node.port for node in site.servers.nodes) as balancer:
        roamer = await site.open(version, document, site.owner, at=balancer.address)
        await roamer.until_saved()
        await roamer.present({"status": "here"})
        for hop in range(hops):
            balancer.strand()
            if hop % 2:
                # The old node may learn of it before the new one.
                balancer.release()
            await roamer.until_saved(scopes=["read-write"] * (hop + 2))
            balancer.release()
        for node, sessions in zip(site.servers.nodes, (2, 1, 1), strict=True):
            await until_sessions(site, node, sessions)
        for watcher in watchers:
            await watcher.present({"status": "end"})

        async def everybody_once() -> bool:
            seen = [(await watcher.status())["others"] for watcher in watchers]
            wanted = ["end", "end", "here"]
            return all(sorted(state.get("status", "") for state in one) == wanted for one in seen)

        await eventually("everybody once at all nodes", everybody_once, BACK_WITHIN)
