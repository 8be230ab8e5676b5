"""The real server between a network and a store that a test holds in its hands.

Rooms, hub, group commit, replay and worker are those that run in production; time passes, commits
are decided and the process dies when the play says so.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import count
from random import Random
from typing import Literal, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from app.rooms.hub import Hub
from app.rooms.live_room import LiveRoom
from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.editing.editor import Editor
from crdt.errors import EditRefused, Overloaded, SyncError
from crdt.pipeline.rows import Rows
from crdt.room.session import Session, UserProfile
from crdt.updates.format import read_structs
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from persistence.decision_rounds import DecisionRounds
from persistence.errors import StoreError, StoreUnavailable
from persistence.group_commit import GroupCommit
from persistence.memory.stores import MemoryStore
from persistence.ports.idempotency import Fulfilled
from persistence.ports.update_log import (
    LockedLog,
    LoggedUpdate,
    LogTransaction,
    NewUpdate,
    StoredDocument,
)
from persistence.worker.folding import NotFoldable, fold_log
from persistence.worker.replay import replay
from persistence.worker.worker import Worker, WorkerSettings
from tests.app.fakes import HeldClock
from tests.convergence.faulty_bus import FaultyBus, NodeBus
from tests.convergence.ledger import Ledger
from tests.convergence.link import Link

P = ParamSpec("P")
T = TypeVar("T")

Verdict: TypeAlias = Literal["commit", "refuse", "be away", "commit and be away"]

UNLOAD_AFTER = 5.0

OLD = timedelta(seconds=2)
"""The age of updates that are folded: what a server may still be unsure of is younger."""

NODES = 3
"""How many servers share the store and a bus that cannot be trusted."""

FIRST_PERSON = 10_000
"""The server's own client ids are smaller; those of people are random."""

MAX_PENDING_BYTES = 2_500
"""So few that an edit is refused now and then because the log is slow."""

CALM = 3
"""Turns after which a room whose edit was refused is certainly dropped."""


class AtOnce(ThreadPoolExecutor):
    """Runs what is meant for a thread at once, so that a seed always tells the same story."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class SilentBell:
    """Nobody waits for it: the play calls the worker."""

    async def wait(self, timeout: float) -> Collection[UUID] | None:  # noqa: ASYNC109 - the port
        raise AssertionError("expected project_one to be called, got run")


class HeldTransaction(LogTransaction):
    """A transaction of one node, which may die with it."""

    def __init__(self, log: "HeldLog", transaction: LogTransaction) -> None:
        self._log, self._transaction = log, transaction
        self.updates: list[NewUpdate] = []

    async def lock(
        self, positions: Mapping[UUID, int], most_bytes: int | None = None
    ) -> dict[UUID, LockedLog]:
        """See `LogTransaction.lock`."""
        locked = await self._transaction.lock(positions, most_bytes)
        self._log.require_life()
        return locked

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `LogTransaction.append`."""
        self.updates += updates
        return await self._transaction.append(updates)

    async def fulfil(self, requests: Sequence[Fulfilled]) -> None:
        """See `LogTransaction.fulfil`."""
        await self._transaction.fulfil(requests)


class HeldLog:
    """An `UpdateLog` whose commits wait for a verdict."""

    def __init__(self, store: MemoryStore, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger
        self._asked: list[asyncio.Future[Verdict]] = []
        self._is_dead = False
        self._forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.refuses_all = False
        self.reserve, self.free = store.reserve, store.free

    @property
    def is_asked(self) -> bool:
        """Whether a commit waits."""
        return bool(self._asked)

    def decide(self, verdict: Verdict) -> None:
        """Let the commit end that waits the longest."""
        self._asked.pop(0).set_result(verdict)

    def die(self) -> None:
        """Lose all locks, as PostgreSQL takes them from who is gone, and answer never again."""
        self._is_dead = True
        while self.is_asked:
            self.decide("be away")

    def require_life(self) -> None:
        """Raise StoreUnavailable after the death of the node."""
        if self._is_dead:
            raise StoreUnavailable("dead")

    async def append(self, updates: Sequence[NewUpdate]) -> list[int | None]:
        """See `UpdateLog.append`."""
        async with self.transaction() as transaction:
            await transaction.lock({update.pipeline_id: sys.maxsize for update in updates})
            return await transaction.append(updates)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[HeldTransaction]:
        """See `UpdateLog.transaction`."""
        if self._is_dead:
            await self._forever
        verdict: Verdict = "commit"
        async with self._store.transaction() as transaction:
            yield (held := HeldTransaction(self, transaction))
            if held.updates:
                verdict = await self._judge()
        self._ledger.enter(held.updates)
        if verdict == "commit and be away":
            raise StoreUnavailable("away before it could say so")

    async def _judge(self) -> Verdict:
        """Wait for the verdict on a commit; raise it if it is none."""
        self.require_life()
        if self.refuses_all:
            raise StoreError("refused")
        self._asked.append(asyncio.get_running_loop().create_future())
        verdict = await self._asked[-1]
        if verdict == "refuse":
            # A later update may need this one, and must not come before it in the log.
            self.refuses_all = True
            raise StoreError("refused")
        if verdict == "be away":
            raise StoreUnavailable("away")
        return verdict

    async def load(self, pipeline_id: UUID) -> StoredDocument:
        """See `UpdateLog.load`."""
        return await self._store.load(pipeline_id)

    async def since(
        self, pipeline_id: UUID, seq: int, limit: int | None = None
    ) -> list[LoggedUpdate]:
        """See `UpdateLog.since`."""
        return await self._store.since(pipeline_id, seq, limit)

    async def heads(self, pipeline_ids: Collection[UUID]) -> dict[UUID, int]:
        """See `UpdateLog.heads`."""
        return await self._store.heads(pipeline_ids)

    async def store_state(
        self,
        pipeline_id: UUID,
        seq: int,
        state: bytes,
        waiting: Sequence[bytes] = (),
        noticed: bytes = b"",
        *,
        slices: bytes = b"",
    ) -> None:
        """See `UpdateLog.store_state`."""
        await self._store.store_state(pipeline_id, seq, state, waiting, noticed, slices=slices)


class Node:
    """One server process."""

    def __init__(self, name: str, log: HeldLog, hub: Hub, committer: GroupCommit) -> None:
        self.name, self.log, self.hub, self.committer = name, log, hub, committer
        self.links: list[Link] = []
        self._calm = 0

    def recover(self) -> None:
        """Let the log accept updates again when all that followed a refused one is refused."""
        self._calm = 0 if self.committer.pending_bytes else self._calm + 1
        if self._calm > CALM:
            self.log.refuses_all = False

    def room(self, pipeline_id: UUID) -> LiveRoom | None:
        """The room if it is open here."""
        room = self.hub._rooms.get(pipeline_id)
        return None if room is None or room.dropped else room


class Server:
    """Several server processes and a worker; the store outlives them."""

    def __init__(self, store: MemoryStore, ledger: Ledger, random: Random) -> None:
        self._store, self._ledger, self._random = store, ledger, random
        # 1 is the client of the first draft.
        self._client_ids, self._names = count(2), count(1)
        self.answered: list[tuple[UUID, int, str]] = []
        self.refused: list[Exception] = []
        self.clock = HeldClock()
        store._monotonic = self.clock.monotonic
        self.failures: list[object] = []
        self._entering: set[asyncio.Task[None]] = set()
        self._graves: list[Node] = []
        loop = asyncio.get_running_loop()
        loop.set_default_executor(AtOnce())
        # What waits for a while waits for the play's time: the machine's would tell other stories.
        loop.time = self.clock.monotonic  # type: ignore[method-assign]
        loop.set_exception_handler(lambda _, context: self.failures.append(context))
        self.start()

    def start(self) -> None:
        """Begin with nothing but what the store holds."""
        self.bus = FaultyBus(self._random)
        self.buses: dict[Node, NodeBus] = {}
        for _ in range(NODES):
            self._start_node()
        settings = WorkerSettings(batch=5, state_every=7, cached_documents=1)
        self.worker = Worker(self._store, self._store, SilentBell(), settings, self.clock.monotonic)

    @property
    def nodes(self) -> list[Node]:
        return list(self.buses)

    def _start_node(self) -> None:
        log, bus = HeldLog(self._store, self._ledger), self.bus.view()
        committer = GroupCommit(
            log,
            max_batch=4,
            max_pending_bytes=MAX_PENDING_BYTES,
            sleep=_instant,
            monotonic=self.clock.monotonic,
        )
        name = f"node {next(self._names)}"
        hub = Hub(
            log,
            committer,
            DecisionRounds(log, committer, sleep=_instant, monotonic=self.clock.monotonic),
            bus,
            self.clock,
            unload_after=UNLOAD_AFTER,
            new_client_id=lambda: next(self._client_ids),
            node=name,
        )
        self.buses[Node(name, log, hub, committer)] = bus

    def recover(self) -> None:
        """See `Node.recover`."""
        for node in self.nodes:
            node.recover()

    @property
    def pending_bytes(self) -> int:
        return sum(node.committer.pending_bytes for node in self.nodes)

    def tick(self) -> None:
        for node in self.nodes:
            node.hub.tick()

    async def follow_log(self) -> None:
        for node in self.nodes:
            await node.hub.follow_log()

    def lose_a_node(self) -> str:
        """Let one node die, unheard, with all it has not committed; another takes its place."""
        node = self._random.choice(self.nodes)
        self.buses.pop(node).die()
        node.log.die()
        # Its tasks wait for ever, and may not be collected meanwhile.
        self._graves.append(node)
        for link in node.links:
            link.die()
        self._start_node()
        return node.name

    async def fold(self, pipeline_id: UUID) -> int:
        """Fold what is old of a log; return how many rows fewer it has."""
        before = self.clock.now() - OLD
        found = await self._store.next_foldable(before, only=pipeline_id)
        saved = 0
        if found is not None:
            # What waits for others is not folded.
            with suppress(NotFoldable):
                async for step in fold_log(self._store, self._store, found):
                    saved += step.rows_before - step.rows_after
        return saved

    async def crash(self, links: Collection[Link]) -> None:
        """All die: every task ends where it stands, every connection with it. Then start anew."""
        for node in self.nodes:
            node.log.die()
        # What ends a task may start another, which must not reach the store any more.
        self._graves += self.nodes
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        for link in links:
            link.die()
        self.start()

    def admit(self, link: Link) -> None:
        """Open the room for a visitor and let it in, as `app/websocket/endpoints.py` does."""
        node = self._random.choice(self.nodes)
        node.links.append(link)
        task = asyncio.create_task(self._enter(node.hub, link))
        self._entering.add(task)
        task.add_done_callback(self._entered)

    def edit(
        self, pipeline_id: UUID, user_id: UUID, change: Callable[[Editor], str], *, aside: bool
    ) -> None:
        """Let a program edit, as REST does."""
        task = asyncio.create_task(
            self._edit(self._random.choice(self.nodes).hub, pipeline_id, user_id, change, aside)
        )
        self._entering.add(task)
        task.add_done_callback(self._entered)

    async def _edit(
        self,
        hub: Hub,
        pipeline_id: UUID,
        user_id: UUID,
        change: Callable[[Editor], str],
        aside: bool,
    ) -> None:
        try:
            verb = hub.edit_aside if aside else hub.edit
            result = await verb(pipeline_id, user_id, change)
        except (EditRefused, SyncError, StoreError) as error:
            self.refused.append(error)
            return
        self.answered.append((pipeline_id, result.seq, result.value))
        await self._check_answered(pipeline_id, result.seq)

    async def _check_answered(self, pipeline_id: UUID, seq: int) -> None:
        """What a program is told to be stored is in the log, and waits for nothing there."""
        updates = await self._store.since(pipeline_id, 0)
        assert updates[-1].seq >= seq, f"update {seq} was answered before its commit"
        document = await self.replayed(pipeline_id, seq)
        for waiting in document.waiting():
            ours = {client for client in read_structs(waiting) if client < FIRST_PERSON}
            assert not ours, f"an edit of the server waits in the log at {seq}"

    def _entered(self, task: "asyncio.Task[None]") -> None:
        self._entering.discard(task)
        if not task.cancelled():
            task.result()

    async def _enter(self, hub: Hub, link: Link) -> None:
        try:
            room = await hub.open(link.pipeline_id)
        except SyncError as error:
            link.close(error)
        except StoreError:
            link.close(Overloaded())
        else:
            session = hub.new_session()
            link.entered(room, session)
            room.join(
                Session(session, UserProfile(link.peer.user_id, "Weaver"), "read-write"), link
            )

    def room_documents(self, pipeline_id: UUID) -> list[Document]:
        """The documents of the rooms that are open."""
        rooms = [node.room(pipeline_id) for node in self.nodes]
        return [room._room.document for room in rooms if room is not None]

    async def settled_documents(self, pipeline_id: UUID) -> list[Document]:
        """Those of rooms that hold all of the log, and nothing else."""
        (head,) = (await self._store.heads([pipeline_id])).values()
        rooms = [node.room(pipeline_id) for node in self.nodes if not node.committer.pending_bytes]
        return [r._room.document for r in rooms if r and r.is_durable and r.position.seq == head]

    async def replayed(self, pipeline_id: UUID, seq: int | None = None) -> Document:
        """What the log says, up to and including `seq`."""
        updates = await self._store.since(pipeline_id, 0)
        updates = [each for each in updates if seq is None or each.first_seq <= seq]
        document, left_out = replay(StoredDocument(None, 0, updates))
        assert not left_out
        return document

    async def loaded(self, pipeline_id: UUID) -> Document:
        """What a room would be loaded with."""
        document, left_out = replay(await self._store.load(pipeline_id))
        assert not left_out
        return document

    def projected(self, pipeline_id: UUID) -> tuple[int, Rows]:
        """The cursor and the rows in the tables."""
        pipeline = self._store._pipelines[pipeline_id]
        return pipeline.cursor, pipeline.rows


def valid_rows(document: Document) -> Rows:
    """The rows that a document asks for, made without a past."""
    return read_valid(PipelineReader(document), Meaning()).rows()


async def _instant(seconds: float) -> None:
    await asyncio.sleep(0)
