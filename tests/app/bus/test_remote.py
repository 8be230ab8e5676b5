"""A bus between processes comes back whatever happens to its carrier."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial

import pytest
from structlog.testing import capture_logs

from app.bus.base import Bus, BusUnavailable
from app.bus.postgres import open_postgres_transport
from app.bus.publish_queue import MAX_MESSAGES
from app.bus.redis import MAX_MESSAGE, open_redis_transport
from app.bus.remote import RemoteBus
from app.bus.transport import Transport, channel_name
from app.tasks import end
from app.telemetry.metrics import REGISTRY
from crdt.protocol.messages import Stateless
from crdt.room.peer_messages import Committed
from persistence.postgres.pool import connection
from tests.contracts.stores import an_id
from tests.contracts.test_bus import FIRST, LAST, Nodes, Room, remote, subscribed
from tests.redis_server import RedisServer
from tests.server import eventually

PATIENCE = 20.0

KILL_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


@pytest.fixture
async def nodes(redis_server: RedisServer) -> AsyncIterator[Nodes]:
    async with remote(partial(open_redis_transport, redis_server.url)) as made:
        yield made


async def until(what: str, condition: Callable[[], bool]) -> None:
    async def holds() -> bool:
        return condition()

    await eventually(what, holds)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def is_available(bus: Bus) -> bool:
    try:
        await bus.check()
    except BusUnavailable:
        return False
    return True


async def until_available(bus: Bus, expected: bool = True) -> None:
    async def is_so() -> bool:
        return await is_available(bus) == expected

    await eventually("a connection" if expected else "no connection", is_so)


async def a_message_arrives(sender: Room, receiver: Room, times_subscribed: int = 1) -> None:
    """Both sides are subscribed, for so many times, and the one receives from the other."""
    await sender.subscribed(times_subscribed)
    await receiver.subscribed(times_subscribed)
    sender.publish(LAST)
    await receiver.receive_until(LAST)


async def test_a_killed_redis_is_found_again(nodes: Nodes, redis_server: RedisServer) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await a_message_arrives(sender, receiver)
    redis_server.kill()
    await until_available(nodes.there, False)
    sender.publish(FIRST)
    assert receiver.has_received_all
    redis_server.start()
    await a_message_arrives(sender, receiver, times_subscribed=2)
    await until_available(nodes.there)


async def test_an_outage_is_one_line_of_each_node(redis_server: RedisServer) -> None:
    attempts = Counter[str]()

    def a_bus(node: str) -> RemoteBus:
        async def opened() -> Transport:
            attempts[node] += 1
            return await open_redis_transport(redis_server.url)

        return RemoteBus(opened, node)

    buses = [a_bus("here"), a_bus("there")]
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    for bus in buses:
        await until_available(bus)
    with capture_logs() as logs:
        redis_server.kill()
        await until("further attempts", lambda: min(attempts.values()) > 3)
    await end(tasks)
    lines = sorted((log["event"], log["node"]) for log in logs)
    assert lines == [("bus.disconnected", "here"), ("bus.disconnected", "there")]


async def test_cut_connections_are_made_again(nodes: Nodes, redis_server: RedisServer) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await a_message_arrives(sender, receiver)
    for round_ in range(3):
        before = min(sender.times_subscribed, receiver.times_subscribed)
        with redis_server.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            if round_:
                client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await a_message_arrives(sender, receiver, before + 1)


async def test_a_redis_that_hangs_is_away(redis_server: RedisServer) -> None:
    bus = RemoteBus(
        partial(open_redis_transport, redis_server.url),
        "here",
        heartbeat_seconds=0.05,
        timeout_seconds=0.5,
    )
    task = asyncio.create_task(bus.run())
    await until_available(bus)
    reconnects = value("pipeloom_bus_reconnects_total")
    assert value("pipeloom_bus_up") == 1
    redis_server.signal(signal.SIGSTOP)
    await until_available(bus, False)
    assert value("pipeloom_bus_up") == 0
    redis_server.signal(signal.SIGCONT)
    await until_available(bus)
    assert value("pipeloom_bus_up") == 1
    assert value("pipeloom_bus_reconnects_total") == reconnects + 1
    await end([task])


async def test_what_is_sent_while_redis_hangs_counts_as_lost(redis_server: RedisServer) -> None:
    bus = RemoteBus(
        partial(open_redis_transport, redis_server.url),
        "here",
        heartbeat_seconds=30,
        timeout_seconds=0.5,
    )
    task = asyncio.create_task(bus.run())
    await until_available(bus)
    lost = value("pipeloom_bus_dropped_total", reason="away")
    redis_server.signal(signal.SIGSTOP)
    Room(bus).publish(FIRST, FIRST)
    await until_available(bus, False)
    assert value("pipeloom_bus_dropped_total", reason="away") == lost + 2
    redis_server.signal(signal.SIGCONT)
    await end([task])


async def test_a_message_that_no_transport_carries_counts_as_lost(nodes: Nodes) -> None:
    sender = Room(nodes.here)
    await sender.subscribed()
    lost = value("pipeloom_bus_dropped_total", reason="too_long")
    sender.publish(Stateless("x" * MAX_MESSAGE))
    assert value("pipeloom_bus_dropped_total", reason="too_long") == lost + 1


async def test_messages_are_counted_on_both_ends(nodes: Nodes) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, receiver)
    published, received = (
        value("pipeloom_bus_published_total"),
        value("pipeloom_bus_received_total"),
    )
    sender.publish(FIRST, LAST)
    assert await receiver.receive(2) == [FIRST, LAST]
    assert value("pipeloom_bus_published_total") == published + 2
    assert value("pipeloom_bus_received_total") == received + 2


async def test_without_redis_rooms_of_one_node_still_receive_from_each_other() -> None:
    async with remote(partial(open_redis_transport, "redis://127.0.0.1:1/0")) as nodes:
        one, other = Room(nodes.here), Room(nodes.here)
        one.publish(FIRST)
        assert await other.receive(1) == [FIRST]
        before = value("pipeloom_bus_dropped_total", reason="queue_full")
        for _ in range(100_000):
            one.publish(FIRST)
        dropped = value("pipeloom_bus_dropped_total", reason="queue_full") - before
        assert dropped == 100_001 - MAX_MESSAGES
        assert await until_away(nodes.here) == "Redis at 127.0.0.1:1 is away"


async def until_away(bus: Bus) -> str:
    """Wait until the bus has noticed that Redis is away; return what it says of it."""

    async def said() -> str | None:
        try:
            await bus.check()
        except BusUnavailable as error:
            place, away, _ = str(error).partition(" is away")
            return place + away if away else None
        return None

    return await eventually("Redis to be away", said) or ""


async def test_garbage_is_ignored_and_reported_once(
    nodes: Nodes, redis_server: RedisServer
) -> None:
    sender, receiver = Room(nodes.here), Room(nodes.there)
    await subscribed(sender, receiver)
    unreadable = value("pipeloom_bus_unreadable_total")
    with capture_logs() as logs, redis_server.client() as client:
        for garbage in [b"", b"\xff" * 100, b"\x01\x00\x09", bytes(1_000_000), b"{}"]:
            client.publish(channel_name(an_id(1)), garbage)
        sender.publish(FIRST)
        assert await receiver.receive(1) == [FIRST]
        # The sender's own node receives the garbage too, in its own time.
        await until(
            "both nodes to have read it",
            lambda: value("pipeloom_bus_unreadable_total") == unreadable + 10,
        )
    assert [log["event"] for log in logs].count("bus.unreadable") == 2, "once a node"


async def test_a_room_that_fails_does_not_end_the_connection_of_all(nodes: Nodes) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a fault of our own")

    sender, receiver, publisher = Room(nodes.here, 2), Room(nodes.there, 2), Room(nodes.here)
    failing = asyncio.Event()
    nodes.there.subscribe(an_id(1), fail, failing.set)
    await subscribed(sender, receiver, publisher)
    await failing.wait()
    with capture_logs() as logs:
        publisher.publish(FIRST)
        await a_message_arrives(sender, receiver)
    assert "bus.handler_failed" in {log["event"] for log in logs}
    assert "bus.failed" not in {log["event"] for log in logs}
    assert receiver.times_subscribed == 1


async def test_a_lost_connection_to_postgresql_is_made_again(empty_database_url: str) -> None:
    async with remote(partial(open_postgres_transport, empty_database_url)) as nodes:
        sender, receiver = Room(nodes.here), Room(nodes.there)
        await a_message_arrives(sender, receiver)
        async with connection(empty_database_url) as admin:
            await admin.run_script(KILL_LISTENERS)
        await a_message_arrives(sender, receiver, times_subscribed=2)


async def test_garbage_in_postgresql_is_ignored(empty_database_url: str) -> None:
    async with remote(partial(open_postgres_transport, empty_database_url)) as nodes:
        sender, receiver = Room(nodes.here), Room(nodes.there)
        await subscribed(sender, receiver)
        async with connection(empty_database_url) as admin:
            for garbage in ("", "not base64 €", "AAAA", "A" * 7000):
                script = f"SELECT pg_notify('{channel_name(an_id(1))}', '{garbage}')"
                await admin.run_script(script)
        sender.publish(FIRST, Stateless("x"), Committed(9, bytes(4_000)))
        assert await receiver.receive(3) == [FIRST, Stateless("x"), Committed(9, bytes(4_000))]
