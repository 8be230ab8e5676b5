"""Transports over Redis (version 7 or newer) or Valkey, with one channel per pipeline.

On a Redis Cluster the channels are sharded (SSUBSCRIBE, SPUBLISH): a message goes to the masters
and replicas of one shard only, not to every node of the cluster.
Source: https://redis.io/docs/latest/develop/pubsub/
"""

import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .base import BusUnavailable
from .transport import ChannelMessage, Event, Subscribed, Transport, channel_name

MAX_MESSAGE: Final = 16 * 1024 * 1024
MAX_UPDATE: Final = 1024 * 1024
"""Other nodes read a longer update from the log, so that Redis need not hold it in its buffers."""

CONNECT_SECONDS: Final = 3.0
COMMAND_SECONDS: Final = 5.0

CHANNELS_AT_ONCE: Final = 500
"""Most channels of one SUBSCRIBE or UNSUBSCRIBE."""

CLUSTER_POLL_SECONDS: Final = 0.02
"""How long the library waits for messages of one shard before it asks the next one."""


async def open_redis_transport(url: str) -> Transport:
    """Connect; find out whether it is a cluster. Raises BusUnavailable."""
    with _redis_errors(url):
        async with _client(url) as client:
            is_cluster = await _is_cluster(client)
    transport = RedisClusterTransport(url) if is_cluster else RedisTransport(url)
    try:
        await transport.connect()
    except BaseException:
        await transport.close()
        raise
    return transport


async def redis_facts(url: str, pings: int) -> tuple[str, list[float]]:
    """Connect; return the version, and how many seconds each of some pings has taken.

    The version is "unknown" to a user who may not ask. Raises BusUnavailable.
    """
    taken = []
    with _redis_errors(url):
        async with _client(url) as client:
            for _ in range(pings):
                began = time.perf_counter()
                await client.ping()
                taken.append(time.perf_counter() - began)
            try:
                version = str((await client.info("server")).get("redis_version", "unknown"))
            except RedisError:
                version = "unknown"
    return version, taken


async def _is_cluster(client: "Redis") -> bool:
    await client.ping()
    try:
        return bool((await client.info("cluster")).get("cluster_enabled"))
    except RedisError:
        # The user of the URL may not run INFO; plain channels work on any server.
        return False


def _options() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": COMMAND_SECONDS,
        "socket_keepalive": True,
        # The bus reconnects itself: a library that does it would hide that messages were lost.
        "retry": Retry(NoBackoff(), 0),
    }


@asynccontextmanager
async def _client(url: str) -> AsyncIterator["Redis"]:
    client = Redis.from_url(url, **_options())
    try:
        yield client
    finally:
        await client.aclose()


@contextmanager
def _redis_errors(url: str) -> Iterator[None]:
    try:
        yield
    except (RedisError, OSError) as error:
        raise BusUnavailable(f"Redis at {_address(url)} is away: {error}") from error


def _address(url: str) -> str:
    """The address without user and password, which have no place in a log."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


class RedisTransport:
    """A `Transport` over one Redis server: one connection to subscribe, another to publish.

    RESP2 allows no other commands on a connection that has subscribed.
    """

    max_message, max_update = MAX_MESSAGE, MAX_UPDATE

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = Redis.from_url(url, **_options())
        self._pubsub: Any = self._client.pubsub()

    async def connect(self) -> None:
        """Connect. Raises BusUnavailable."""
        with _redis_errors(self._url):
            await self._pubsub.connect()

    async def subscribe(self, channels: Collection[UUID]) -> None:
        """See `Transport.subscribe`."""
        for batch in _batches(channels):
            with _redis_errors(self._url):
                await self._pubsub.subscribe(*batch)

    async def unsubscribe(self, channels: Collection[UUID]) -> None:
        """See `Transport.unsubscribe`."""
        for batch in _batches(channels):
            with _redis_errors(self._url):
                await self._pubsub.unsubscribe(*batch)

    async def publish(self, messages: Sequence[ChannelMessage]) -> None:
        """See `Transport.publish`."""
        with _redis_errors(self._url):
            async with self._client.pipeline(transaction=False) as pipeline:
                for channel, payload in messages:
                    pipeline.publish(channel_name(channel), payload)
                await pipeline.execute()

    async def next_event(self) -> Event | None:
        """See `Transport.next_event`."""
        with _redis_errors(self._url):
            return _event(await self._pubsub.get_message(timeout=None))

    async def close(self) -> None:
        """See `Transport.close`."""
        with suppress(RedisError, OSError):
            await self._pubsub.aclose()
        with suppress(RedisError, OSError):
            await self._client.aclose()


class RedisClusterTransport(RedisTransport):
    """A `Transport` over a Redis Cluster.

    Confessed: the library asks one shard after the other, so a message may be late by some
    hundredths of a second for each further shard.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = RedisCluster.from_url(url, **_options())
        self._pubsub: Any = self._client.pubsub()

    async def connect(self) -> None:
        """See `RedisTransport.connect`."""
        with _redis_errors(self._url):
            await self._client.initialize()

    async def subscribe(self, channels: Collection[UUID]) -> None:
        """See `Transport.subscribe`."""
        # One by one: the channels of one SSUBSCRIBE must be of one hash slot.
        for channel in channels:
            with _redis_errors(self._url):
                await self._pubsub.ssubscribe(channel_name(channel))

    async def unsubscribe(self, channels: Collection[UUID]) -> None:
        """See `Transport.unsubscribe`."""
        for channel in channels:
            with _redis_errors(self._url):
                await self._pubsub.sunsubscribe(channel_name(channel))

    async def publish(self, messages: Sequence[ChannelMessage]) -> None:
        """See `Transport.publish`."""
        for channel, payload in messages:
            with _redis_errors(self._url):
                await self._client.spublish(channel_name(channel), payload)

    async def next_event(self) -> Event | None:
        """See `Transport.next_event`."""
        with _redis_errors(self._url):
            return _event(await self._pubsub.get_sharded_message(timeout=CLUSTER_POLL_SECONDS))


def _batches(channels: Collection[UUID]) -> Iterator[list[str]]:
    names = iter([channel_name(channel) for channel in channels])
    while batch := list(islice(names, CHANNELS_AT_ONCE)):
        yield batch


def _event(reply: Any) -> Event | None:
    if reply is None:
        return None
    try:
        channel = UUID(reply["channel"].decode().removeprefix("pipeloom:"))
    except ValueError:
        return None
    match reply["type"]:
        case "message" | "smessage":
            return ChannelMessage(channel, reply["data"])
        case "subscribe" | "ssubscribe":
            return Subscribed(channel)
        case _:
            return None
