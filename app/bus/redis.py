"""Lines over Redis (version 7 or newer) or Valkey: publish and subscribe, one channel per pipeline.

On a Redis Cluster the channels are sharded (SSUBSCRIBE, SPUBLISH): a message goes to the masters
and replicas of one shard only, not to every node of the cluster.
Source: https://redis.io/docs/latest/develop/pubsub/
"""

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
from .transport import Event, Received, Subscribed, Transport, channel_name

MAX_MESSAGE: Final = 16 * 1024 * 1024
MAX_UPDATE: Final = 1024 * 1024

CONNECT_SECONDS: Final = 3.0
COMMAND_SECONDS: Final = 5.0

CHANNELS_AT_ONCE: Final = 500

CLUSTER_POLL_SECONDS: Final = 0.02
"""How long one shard of a cluster is listened to before the next has its turn."""


async def open_redis_transport(url: str) -> Transport:
    """Connect; find out whether it is a cluster. Raises BusUnavailable."""
    with _redis_errors(url):
        async with _client(url) as client:
            is_cluster = await _is_cluster(client)
    transport = RedisClusterTransport(url) if is_cluster else RedisTransport(url)
    try:
        await transport.begin()
    except BaseException:
        await transport.close()
        raise
    return transport


async def _is_cluster(client: "Redis") -> bool:
    await client.ping()
    try:
        return bool((await client.info("cluster")).get("cluster_enabled"))
    except RedisError:
        # A user who may not ask is told nothing; plain channels work on any server.
        return False


def _options() -> dict[str, Any]:
    return {
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": COMMAND_SECONDS,
        "socket_keepalive": True,
        # The bus opens another line; a library that reconnects by itself would hide the loss.
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
        raise BusUnavailable(f"Redis at {_place(url)} is away: {error}") from error


def _place(url: str) -> str:
    """The address without user and password, which have no place in a log."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path


class RedisTransport:
    """A line over one Redis server: a connection to listen, another to speak."""

    max_message, max_update = MAX_MESSAGE, MAX_UPDATE

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = Redis.from_url(url, **_options())
        self._ear: Any = self._client.pubsub()

    async def begin(self) -> None:
        """Connect. Raises BusUnavailable."""
        with _redis_errors(self._url):
            await self._ear.connect()

    async def listen(self, channels: Collection[UUID]) -> None:
        """See `Transport.listen`."""
        for some in _batches(channels):
            with _redis_errors(self._url):
                await self._ear.subscribe(*some)

    async def unlisten(self, channels: Collection[UUID]) -> None:
        """See `Transport.unlisten`."""
        for some in _batches(channels):
            with _redis_errors(self._url):
                await self._ear.unsubscribe(*some)

    async def send(self, messages: Sequence[Received]) -> None:
        """See `Transport.send`."""
        with _redis_errors(self._url):
            async with self._client.pipeline(transaction=False) as pipeline:
                for channel, message in messages:
                    pipeline.publish(channel_name(channel), message)
                await pipeline.execute()

    async def next_event(self) -> Event | None:
        """See `Transport.next_event`."""
        with _redis_errors(self._url):
            return _event(await self._ear.get_message(timeout=None))

    async def close(self) -> None:
        """See `Transport.close`."""
        with suppress(RedisError, OSError):
            await self._ear.aclose()
        with suppress(RedisError, OSError):
            await self._client.aclose()


class RedisClusterTransport(RedisTransport):
    """A line over a Redis Cluster.

    Confessed: the library asks one shard after the other, so a message may be late by some
    hundredths of a second for each further shard.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = RedisCluster.from_url(url, **_options())
        self._ear: Any = self._client.pubsub()

    async def begin(self) -> None:
        """See `RedisTransport.begin`."""
        with _redis_errors(self._url):
            await self._client.initialize()

    async def listen(self, channels: Collection[UUID]) -> None:
        """See `Transport.listen`."""
        # One by one: those of one command must be of one slot.
        for channel in channels:
            with _redis_errors(self._url):
                await self._ear.ssubscribe(channel_name(channel))

    async def unlisten(self, channels: Collection[UUID]) -> None:
        """See `Transport.unlisten`."""
        for channel in channels:
            with _redis_errors(self._url):
                await self._ear.sunsubscribe(channel_name(channel))

    async def send(self, messages: Sequence[Received]) -> None:
        """See `Transport.send`."""
        for channel, message in messages:
            with _redis_errors(self._url):
                await self._client.spublish(channel_name(channel), message)

    async def next_event(self) -> Event | None:
        """See `Transport.next_event`."""
        with _redis_errors(self._url):
            return _event(await self._ear.get_sharded_message(timeout=CLUSTER_POLL_SECONDS))


def _batches(channels: Collection[UUID]) -> Iterator[list[str]]:
    names = iter([channel_name(channel) for channel in channels])
    while some := list(islice(names, CHANNELS_AT_ONCE)):
        yield some


def _event(reply: Any) -> Event | None:
    if reply is None:
        return None
    try:
        channel = UUID(reply["channel"].decode().removeprefix("pipeloom:"))
    except ValueError:
        return None
    match reply["type"]:
        case "message" | "smessage":
            return Received(channel, reply["data"])
        case "subscribe" | "ssubscribe":
            return Subscribed(channel)
        case _:
            return None
