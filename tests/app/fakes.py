"""The world around a room, held in the hands of a test: its time, its log, its bus, its clients.

Everything that leaves a room is written into one journal, so that a test can look at the order.
"""

import asyncio
import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias
from uuid import UUID

from pycrdt import Map

from app.bus.base import Handler, OnSubscribed, Unsubscribe, do_nothing
from app.bus.memory import MemoryBus
from app.rooms.outbox import FrameBatch
from crdt.document.document import Document
from crdt.errors import SyncError
from crdt.protocol.lib0 import var_string, var_uint
from crdt.protocol.messages import AwarenessUpdate, Message, Refused
from crdt.protocol.y_websocket import AUTH, decode, encode
from crdt.room.peer_messages import PeerMessage
from persistence.ports.update_log import NewUpdate
from tests.contracts.stores import NOON, an_id

Journal: TypeAlias = list[tuple[str, object]]

USER, PIPELINE = an_id(7), an_id(1)


class HeldClock:
    """Time that passes when a test says so; what a thread has computed is real."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def thread_time(self) -> float:
        return time.thread_time()


class HandCommitter:
    """A committer whose commits are decided by hand."""

    def __init__(self, journal: Journal) -> None:
        self.submitted: list[NewUpdate] = []
        self.refusal: SyncError | None = None
        self._journal, self._committed = journal, 0
        self._undecided: list[Callable[[int | Exception], object]] = []

    def enqueue(self, update: NewUpdate, on_outcome: Callable[[int | Exception], object]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self._journal.append(("log", update.payload))
        self.submitted.append(update)
        self._undecided.append(partial(asyncio.get_running_loop().call_soon, on_outcome))

    def commit(self, *, last: bool = False) -> None:
        """Decide well about the oldest undecided update, or the newest."""
        self._committed += 1
        self._undecided.pop(-1 if last else 0)(self._committed)

    def refuse(self, error: Exception, *, last: bool = False) -> None:
        """Fail the oldest undecided update, or the newest."""
        self._undecided.pop(-1 if last else 0)(error)


class JournalBus(MemoryBus):
    """A bus that writes down what is published."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self.subscribers = 0

    def publish(self, pipeline_id: UUID, news: PeerMessage, sender: Handler) -> None:
        self._journal.append(("bus", news))
        super().publish(pipeline_id, news, sender)

    def subscribe(
        self, pipeline_id: UUID, handler: Handler, on_subscribed: OnSubscribed = do_nothing
    ) -> Unsubscribe:
        self.subscribers += 1
        unsubscribe = super().subscribe(pipeline_id, handler, on_subscribed)

        def counted() -> None:
            self.subscribers -= 1
            unsubscribe()

        return counted


class Inbox:
    """An outbox seen from its client: what arrived, and how it ended."""

    def __init__(
        self,
        name: str = "client",
        journal: Journal | None = None,
        encode: Callable[[Message], bytes] = encode,
    ) -> None:
        self.encode = encode
        self.received: list[Message] = []
        self.end: SyncError | None = None
        self.refill: Callable[[], bool] = lambda: True
        self.limit: int | None = None
        self.reserved = 0
        self._name = name
        self._journal: Journal = [] if journal is None else journal

    def put(self, frame: bytes) -> None:
        message = message_of(frame)
        self.received.append(message)
        self._journal.append((self._name, message))

    answer = put

    def offer(self, batch: FrameBatch) -> None:
        for frame in batch.payloads:
            self.put(frame)

    def reserve(self, size: int) -> None:
        self.reserved += size

    def close(self, error: SyncError) -> None:
        assert self.end is None, "closed twice"
        self.end = error

    @property
    def close_code(self) -> int | None:
        """How the server closed, None while it did not."""
        return None if self.end is None else self.end.close_code

    def of(self, kind: type[Message]) -> list[Message]:
        """What arrived of one kind of message."""
        return [message for message in self.received if isinstance(message, kind)]


def message_of(frame: bytes) -> Message:
    """Read a frame of the server; the codec reads those of clients, which send no auth."""
    return Refused(frame[3:].decode()) if frame[0] == AUTH else decode(frame)


class Replica(Document):
    """A client's copy of the document."""

    def set(self, key: str, value: object) -> bytes:
        """Write one entry of the pipeline's settings; return the update."""
        with self.transact() as updates:
            _settings(self)[key] = value
        return updates[0]

    @property
    def content(self) -> Any:
        """The pipeline's settings."""
        return content(self)


def content(document: Document) -> Any:
    """The pipeline's settings as a document has them."""
    return json.loads(str(_settings(document)))


def content_of(update: bytes) -> Any:
    """The pipeline's settings as this update alone has them."""
    document = Document()
    document.apply(update)
    return content(document)


def _settings(document: Document) -> "Map[Any]":
    settings: Map[Any] = document.doc.get("pipeline", type=Map)
    return settings


def presence(client: int, clock: int, state: str) -> AwarenessUpdate:
    """An awareness update of one client."""
    return AwarenessUpdate(var_uint(1) + var_uint(client) + var_uint(clock) + var_string(state))


async def turns(count: int = 5) -> None:
    """Let what is ready run."""
    for _ in range(count):
        await asyncio.sleep(0)
