"""Ten people in two rooms, a network, a log and a server that dies: all of it from one seed.

A step of the play is one act and one turn of the event loop, so whatever takes several turns (to
open a room, to hear of a commit) is interleaved with what happens next.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from functools import partial
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

from pycrdt import Doc, Map

from crdt.document.document import Document
from crdt.document.schema import seed as seed_document
from crdt.protocol.messages import Accepted, Message, SyncStep2
from persistence.memory.stores import MemoryStore
from persistence.ports.directory import NewPipeline
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.convergence.client import Client
from tests.convergence.edits import first_draft
from tests.convergence.ledger import Ledger, clocks
from tests.convergence.link import Link
from tests.convergence.server import Server, Verdict, valid_rows
from tests.convergence.server_edits import change_from

ROOMS, CLIENTS_PER_ROOM, STEPS = 2, 5, 480
A_WHILE = 3.0
"""Seconds that pass at most between two steps."""

LONG_ENOUGH = 80.0
"""Seconds after which every presence was renewed, or forgotten."""

Act: TypeAlias = "Callable[[Play], str | None]"


class Play:
    """What has happened so far; `script` tells it line by line."""

    def __init__(self, seed: int, store: MemoryStore) -> None:
        self.random = Random(seed)
        self.script: list[str] = []
        self.store, self.ledger = store, Ledger()
        self.server = Server(store, self.ledger, Random(self.random.random()))
        self.pipelines = [an_id(100 + number) for number in range(ROOMS)]
        self.clients: dict[Client, UUID] = {}
        self.links: list[Link] = []
        self.folded = 0

    async def prepare(self) -> None:
        """Create the pipelines and the people."""
        organization = await self.store.create_organization("Looms", "looms")
        team = await self.store.create_team(organization, "Weavers", "weavers")
        for number, pipeline_id in enumerate(self.pipelines):
            first = seed_document(Document(client_id=1), first_draft())
            await self.store.create_pipeline(
                NewPipeline(pipeline_id, team, None, a_pipeline(), first, NOON)
            )
            self.ledger.enter_one(pipeline_id, first)
            for place in range(CLIENTS_PER_ROOM):
                user = await self.store.create_user(f"{number}{place}@example.org", "Weaver")
                name = f"{'ab'[number]}{place}"
                client = Client(name, user.id, Random(self.random.random()))
                self.clients[client] = pipeline_id

    async def run(self) -> None:
        """Perform at random, checking what must hold at any time."""
        acts, weights = [*ACTS], [*ACTS.values()]
        for act in self.random.choices(acts, weights, k=STEPS):
            if (line := act(self)) is not None:
                self.script.append(line)
            await self._turn()
            await self._interrupt()

    async def _turn(self) -> None:
        """Let the event loop go on; what fails in its callbacks fails the play."""
        await asyncio.sleep(0)
        self.server.recover()
        assert not self.server.failures, self.server.failures

    async def _interrupt(self) -> None:
        """Now and then, do what takes longer than a step."""
        chance = self.random.random()
        if chance < 0.002:
            await self.crash()
        elif chance < 0.008:
            self.script.append(f"{self.server.lose_a_node()} dies")
        elif chance < 0.02:
            self.script.append("follow")
            await self.server.follow_log()
        elif chance < 0.045:
            await self.project()
        elif chance < 0.075:
            await self.audit()
        elif chance < 0.085:
            await self.fold()

    async def crash(self) -> None:
        """Let the server die with all it has not committed."""
        self.script.append("crash")
        await self.server.crash(self.links)
        self.links.clear()

    async def project(self) -> None:
        """Let the worker do its next piece; the rows must be those of the log up to the cursor."""
        self.script.append("project")
        await self.server.worker.project_one()
        for pipeline_id in self.pipelines:
            cursor, rows = self.server.projected(pipeline_id)
            if cursor:
                document = await self.server.replayed(pipeline_id, cursor)
                assert rows == valid_rows(document), f"the rows are not those of update {cursor}"

    async def fold(self) -> None:
        """Let the worker merge old updates, while some are away and others a little behind."""
        for pipeline_id in self.pipelines:
            if saved := await self.server.fold(pipeline_id):
                self.folded += saved
                self.script.append(f"fold {saved} rows")

    async def audit(self) -> None:
        """When nothing waits to be committed, every open room must hold what the log holds."""
        await self._turn()
        await self._turn()
        self.script.append("audit")
        for pipeline_id in self.pipelines:
            for document in await self.server.settled_documents(pipeline_id):
                assert_same(document.doc, self.ledger.document(pipeline_id).doc, "room and log")

    async def heal(self) -> None:
        """Connect everybody, lose nothing any more, and let time pass until all is said."""
        self.script.append("heal")
        self.server.bus.is_faulty = False
        for _ in range(round(LONG_ENOUGH / A_WHILE)):
            for client in self.clients:
                if client.link is None:
                    self.connect(client)
            await self.settle()
            await self.server.follow_log()
            self.pass_time(A_WHILE)
        await self.settle()
        assert all(client.link for client in self.clients), "somebody cannot stay connected"

    async def settle(self) -> None:
        """Deliver and commit until nothing moves."""
        quiet = 0
        while quiet < 8:
            busy = self._ring_all() or self._deliver_all() or self._commit("commit") is not None
            await self._turn()
            quiet = 0 if busy else quiet + 1

    def _ring_all(self) -> bool:
        rings = bool(self.server.bus.waiting)
        while self.server.bus.waiting:
            self.server.bus.deliver_one()
        return rings

    def _deliver_all(self) -> bool:
        ready = self._ready()
        for deliver in ready:
            deliver()
        return bool(ready)

    def _ready(self) -> list[Callable[[], None]]:
        self.links = [link for link in self.links if not link.is_over]
        downs = [link.deliver_down for link in self.links if link.can_deliver_down]
        return downs + [
            partial(self.apply_remote, link) for link in self.links if link.can_deliver_up
        ]

    def connect(self, client: Client) -> None:
        """Let a client visit its room."""
        pace = self.random.choice([1.0, 1.0, 0.3, 0.05])
        link = Link(client, self.clients[client], pace, self._check_durable)
        self.links.append(link)
        client.connect(link)
        self.server.admit(link)

    def apply_remote(self, link: Link) -> None:
        """Let the server read one frame."""
        link.deliver_up()

    def _check_durable(self, link: Link, message: Message) -> None:
        """What tells a client that its work is safe must be true when the server says so."""
        client = next(client for client in self.clients if client is link.peer)
        match message:
            case Accepted(payload) if payload:
                client.safe.append(payload)
                durable = self.ledger.has(link.pipeline_id, payload)
                assert durable, f"{client.name} got an echo of {payload!r} before its commit"
            case SyncStep2(payload):
                durable = self.ledger.has(link.pipeline_id, payload)
                assert durable, f"{client.name} was told of uncommitted edits: {payload!r}"

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.server.clock.seconds += seconds
        self.server.tick()
        for client in self.clients:
            client.tick(self.server.clock.seconds)

    def online(self) -> list[Client]:
        return [client for client in self.clients if client.link is not None]

    def _commit(self, verdict: Verdict) -> str | None:
        asked = [node.log for node in self.server.nodes if node.log.is_asked]
        if not asked:
            return None
        self.random.choice(asked).decide(verdict)
        return verdict

    def somebody(self, clients: Iterable[Client]) -> Client | None:
        candidates = list(clients)
        return self.random.choice(candidates) if candidates else None


def _edit(play: Play) -> str:
    client = play.random.choice([*play.clients])
    where = "" if client.link else " offline"
    return f"{client.name} edits{where}: {client.edit()}"


def _point(play: Play) -> str | None:
    client = play.somebody(play.online())
    if client is None:
        return None
    client.point()
    return f"{client.name} points"


def _deliver(play: Play) -> str | None:
    links = [link for link in play.links if link.can_deliver_up or link.can_deliver_down]
    if not links:
        return None
    (link,) = play.random.choices(links, [link.pace for link in links])
    upwards = link.can_deliver_up and (not link.can_deliver_down or play.random.random() < 0.4)
    name = next(client.name for client in play.clients if client is link.peer)
    for _ in range(play.random.choice([1, 1, 2, 8])):
        if upwards and link.can_deliver_up:
            play.apply_remote(link)
        elif not upwards and link.can_deliver_down:
            link.deliver_down()
    return f"{name} is heard" if upwards else f"{name} hears"


def _connect(play: Play) -> str | None:
    client = play.somebody(client for client in play.clients if client.link is None)
    if client is None:
        return None
    play.connect(client)
    return f"{client.name} connects"


def _cut(play: Play) -> str | None:
    client = play.somebody(play.online())
    if client is None or client.link is None:
        return None
    survivors = play.random.randint(0, len(client.link.up))
    client.link.cut(survivors)
    return f"{client.name} is cut off, {survivors} frames get through"


def _reload(play: Play) -> str | None:
    client = play.random.choice([*play.clients])
    client.leave()
    client.open_page()
    return f"{client.name} opens a new page"


def _talk_rubbish(play: Play) -> str | None:
    client = play.somebody(play.online())
    if client is None:
        return None
    client.talk_rubbish()
    return f"{client.name} talks rubbish"


def _decide(play: Play) -> str | None:
    verdicts: list[Verdict] = ["commit", "refuse", "be away", "commit and be away"]
    (verdict,) = play.random.choices(verdicts, [30, 1, 1, 1])
    return play._commit(verdict)


def _wait(play: Play) -> str | None:
    seconds = play.random.uniform(0, A_WHILE)
    play.pass_time(seconds)
    return f"{seconds:.1f} s pass"


def _program_edits(play: Play) -> str:
    pipeline_id = play.random.choice(play.pipelines)
    users = [client.user_id for client, at in play.clients.items() if at == pipeline_id]
    change = change_from(play.random.getrandbits(32))
    aside = play.random.random() < 0.3
    play.server.edit(pipeline_id, play.random.choice(users), change, aside=aside)
    return f"a program edits {'aside' if aside else 'the live document'}"


def _ring(play: Play) -> str | None:
    bus = play.server.bus
    for _ in range(play.random.choice([1, 3, 10])):
        if bus.waiting:
            bus.deliver_one()
    return "news arrive"


ACTS: dict[Act, float] = {
    _edit: 20,
    _point: 3,
    _deliver: 50,
    _connect: 6,
    _cut: 1.5,
    _reload: 0.4,
    _talk_rubbish: 0.2,
    _decide: 12,
    _wait: 4,
    _ring: 20,
    _program_edits: 4,
}


def content(doc: "Doc[Any]") -> str:
    """Everything that can be read in a document, as one text."""
    roots = {name: doc.get(name, type=Map) for name in ("pipeline", "steps", "connections")}
    plain = {name: json.loads(str(root)) for name, root in roots.items()}
    return json.dumps(plain, sort_keys=True, indent=1, ensure_ascii=False)


def assert_same(one: "Doc[Any]", other: "Doc[Any]", who: str) -> None:
    """Both hold the same edits and read the same."""
    assert clocks(one.get_state()) == clocks(other.get_state()), f"{who} hold different edits"
    assert content(one) == content(other), f"{who} read differently"
