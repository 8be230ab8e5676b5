"""One socket, many documents: a real connection, hub and admission on a store in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from app.auth.access_watch import AccessWatch
from app.auth.admission import Admission
from app.auth.tokens import Tokens
from app.bus.memory import MemoryBus
from app.rooms.hub import Hub
from app.rooms.inspect_in_thread import LARGE_BYTES
from app.services.events import RoomEvent, RoomEvents
from app.settings import Settings
from app.websocket.endpoints import Endpoints
from crdt.errors import Draining
from crdt.protocol.awareness_update import read_entries
from crdt.protocol.hocuspocus import (
    PING,
    PONG,
    Authenticate,
    Denied,
    Detach,
    Detached,
    FromClient,
    ToClient,
)
from crdt.protocol.lib0 import var_uint
from crdt.protocol.messages import (
    KEEP_ALIVE,
    Authenticated,
    AwarenessUpdate,
    Stateless,
    SyncStep1,
    SyncStep2,
    TokenWanted,
    Update,
)
from crdt.room.awareness import Awareness
from crdt.room.room import READ_ONLY, stateless_from
from crdt.room.session import UserProfile
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import ACCEPTED as ACCEPTED_LIMITS
from crdt.updates.limits import Limits
from persistence.decision_rounds import DecisionRounds
from persistence.errors import StoreUnavailable
from persistence.group_commit import GroupCommit
from persistence.ports.directory import NewPipeline, User
from tests.app.auth.test_access_watch import Announcer
from tests.app.fakes import HeldClock, Replica, content_of, presence, turns
from tests.app.gates import GatedStore
from tests.app.websocket.test_join_span import joins
from tests.app.wire import PATIENCE, Wire
from tests.contracts.stores import NOON, a_pipeline, an_id
from tests.hocuspocus import ACCEPTED, REFUSED, client_frame, read

LOOM, OTHER = an_id(1), an_id(2)
DOC, SECOND = str(LOOM), str(OTHER)
NOTHING = b"\x00"
AN_HOUR = timedelta(hours=1)


@dataclass
class Client:
    """The far end of one socket."""

    wire: Wire
    served: "asyncio.Task[None]"

    def say(self, address: str, message: FromClient) -> None:
        self.wire.send(client_frame(address, message))

    def begin(self, address: str, token: str) -> None:
        """Say what a provider says first, without waiting."""
        self.say(address, Authenticate(token))
        self.say(address, SyncStep1(NOTHING))

    @property
    def heard(self) -> list[tuple[str, ToClient]]:
        return [read(frame) for frame in self.wire.frames if frame != PONG]

    def at(self, address: str) -> list[ToClient]:
        return [message for each, message in self.heard if each == address]

    def of(self, address: str, kind: type[Any]) -> list[Any]:
        return [message for message in self.at(address) if isinstance(message, kind)]

    async def until(self, address: str, message: ToClient, times: int = 1) -> None:
        await self.wire.until(lambda: self.at(address).count(message) >= times)

    async def until_one(self, address: str, kind: type[Any], times: int = 1) -> Any:
        await self.wire.until(lambda: len(self.of(address, kind)) >= times)
        return self.of(address, kind)[times - 1]

    async def opened(self, address: str, token: str) -> bytes:
        """Open a document; return the update that it consists of."""
        self.begin(address, token)
        answer: SyncStep2 = await self.until_one(address, SyncStep2)
        return answer.update

    async def read(self) -> None:
        """Wait until the server has read everything so far."""
        count = self.wire.frames.count(PONG)
        self.wire.send(PING)
        await self.wire.until(lambda: self.wire.frames.count(PONG) > count)

    async def settled(self, address: str) -> None:
        """Wait until everything said so far about a document is answered."""
        answers = len(self.of(address, SyncStep2))
        self.say(address, SyncStep1(NOTHING))
        await self.until_one(address, SyncStep2, times=answers + 1)

    async def leave(self) -> None:
        self.wire.hang_up()
        await within_patience(self.served)

    async def closed(self) -> int:
        """Wait until the server closes the socket; return the code."""
        await within_patience(self.served)
        ((code, reason),) = self.wire.closes
        assert reason
        return code


async def within_patience(what: Awaitable[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        await what


@dataclass
class Scene:
    """Two pipelines of a team: Ada writes, Bob reads, Eve is nobody."""

    store: GatedStore = field(default_factory=GatedStore)
    clock: HeldClock = field(default_factory=HeldClock)
    announcer: Announcer = field(default_factory=Announcer)
    tokens: Tokens = field(default_factory=lambda: Tokens("a secret that is long enough for HS256"))
    settings: Settings = field(default_factory=lambda: Settings(max_documents=3))

    async def prepare(self) -> None:
        organization = await self.store.create_organization("Looms", "looms")
        self.team = await self.store.create_team(organization, "Weavers", "weavers")
        self.ada = await self.store.create_user("ada@example.org", "Ada")
        self.bob = await self.store.create_user("bob@example.org", "Bob")
        self.eve = await self.store.create_user("eve@example.org", "Eve")
        await self.store.add_member(self.team, self.ada.id, "member")
        await self.store.add_member(self.team, self.bob.id, "viewer")
        self.replica = Replica(client_id=1)
        seed = self.replica.set("name", "Loom")
        for pipeline_id in (LOOM, OTHER):
            await self.store.create_pipeline(
                NewPipeline(pipeline_id, self.team, None, a_pipeline(), seed, NOON)
            )
        committer = GroupCommit(self.store)
        bus = MemoryBus()
        self.events = RoomEvents(bus)
        decisions = DecisionRounds(self.store, committer)
        self.hub = Hub(self.store, committer, decisions, bus, self.clock, unload_after=30.0)
        self.watch = AccessWatch(self.hub, self.store, self.announcer, self.clock)
        await self.watch.step()

    def token(self, user: User, lives: timedelta = AN_HOUR) -> str:
        return self.tokens.issue(user, lives, datetime.now(UTC))

    @asynccontextmanager
    async def client(self, **settings: Any) -> AsyncIterator[Client]:
        """A socket at `/collab`."""
        wire = Wire()
        admission = Admission(self.store, self.tokens, self.watch)
        settings_now = self.settings.model_copy(update=settings)
        endpoints = Endpoints(self.hub, admission, settings_now, self.clock)
        client = Client(wire, asyncio.create_task(endpoints.hocuspocus(wire.websocket)))
        try:
            yield client
        finally:
            await client.leave()
            assert endpoints.idle.is_set()

    def at_expiry(self, before: timedelta) -> None:
        """Let it be some time before the end of tokens issued now that live an hour."""
        moment = datetime.now(UTC) + AN_HOUR - before
        self.clock.seconds = (moment - NOON).total_seconds()
        self.hub.tick()

    async def here(self) -> int:
        """How many sessions the room of the first pipeline has."""
        room = await self.hub.open(LOOM)
        return len(room._clients)


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.prepare()
    return made


@pytest.fixture
def ada(scene: Scene) -> str:
    """A token of somebody who writes."""
    return scene.token(scene.ada)


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[Client]:
    async with scene.client() as connected:
        yield connected


class TestTraces:
    async def test_a_document_that_is_opened_is_told_of(
        self, client: Client, ada: str, exported: InMemorySpanExporter
    ) -> None:
        await client.opened(DOC, ada)
        (span,) = joins(exported)
        assert [event.name for event in span.events] == ["authenticated", "loaded", "synced"]
        assert (span.attributes or {})["pipeloom.pipeline_id"] == str(LOOM)

    async def test_one_that_is_denied_is_told_of_without_its_token(
        self, scene: Scene, client: Client, exported: InMemorySpanExporter
    ) -> None:
        token = scene.token(scene.eve)
        client.begin(DOC, token)
        await client.until_one(DOC, Denied)
        (span,) = joins(exported)
        assert (span.attributes or {})["error.type"] == "Forbidden"
        assert token not in span.to_json()


class TestOpening:
    async def test_the_scope_is_told_then_the_server_asks_then_it_answers(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        assert content_of(await client.opened(DOC, ada)) == {"name": "Loom"}
        asked = SyncStep1(scene.replica.state_vector())
        granted, question, _ = client.at(DOC)
        assert (granted, question) == (Authenticated("read-write"), asked)

    async def test_the_scope_is_told_before_the_document_is_loaded(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.open.clear()
        client.begin(DOC, ada)
        await client.until(DOC, Authenticated("read-write"))
        assert client.at(DOC) == [Authenticated("read-write")]
        scene.store.reading.open.set()
        await client.until_one(DOC, SyncStep2)

    async def test_what_is_said_meanwhile_waits_in_its_order(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.open.clear()
        first, second = scene.replica.set("a", 1), scene.replica.set("a", 2)
        client.begin(DOC, ada)
        client.say(DOC, Update(first))
        client.say(DOC, Update(second))
        await client.read()
        scene.store.reading.open.set()
        await client.until(DOC, ACCEPTED, times=2)
        logged = await scene.store.since(LOOM, 1)
        assert [update.payload for update in logged] == [first, second]

    async def test_whose_presence_was_said_first_has_a_pace_of_its_own(
        self, scene: Scene, ada: str
    ) -> None:
        async with scene.client(awareness_per_second=1.0) as client:
            client.begin(DOC, ada)
            client.say(DOC, presence(7, 1, "{}"))
            await client.until_one(DOC, SyncStep2)
            client.say(DOC, presence(8, 1, "{}"))
            for clock in range(1, 12):
                client.say(DOC, presence(9, clock, "{}"))
            client.say(DOC, presence(7, 2, '{"cursor":null}'))
            await client.read()
            told = [message.payload for message in client.of(DOC, AwarenessUpdate)]
            assert any(b"cursor" in payload for payload in told)

    async def test_large_edits_keep_their_place_before_and_after_it_is_open(
        self, scene: Scene, client: Client, ada: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sizes = (LARGE_BYTES, 1, LARGE_BYTES, 1)
        edits = [scene.replica.set("name", "x" * size) for size in sizes]
        on_the_loop: list[int] = []

        def inspect(update: bytes, limits: Limits) -> Inspection:
            on_the_loop.append(len(update))
            return inspect_update(update, limits)

        monkeypatch.setattr("crdt.room.room.inspect_update", inspect)
        client.begin(DOC, ada)
        for edit in edits[:2]:
            client.say(DOC, Update(edit))
        await client.until(DOC, ACCEPTED, times=2)
        for edit in edits[2:]:
            client.say(DOC, Update(edit))
        await client.until(DOC, ACCEPTED, times=4)
        log = await scene.store.since(LOOM, 1)
        assert [update.payload for update in log] == edits
        assert on_the_loop == [len(edits[1]), len(edits[3])]

    async def test_what_is_said_before_a_sync_step_1_is_not_acknowledged(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.asking.open.clear()
        client.say(DOC, Authenticate(ada))
        client.say(DOC, Update(scene.replica.set("a", 1)))
        client.say(DOC, SyncStep1(NOTHING))
        client.say(DOC, Update(scene.replica.set("b", 1)))
        await client.read()
        scene.store.asking.open.set()
        await client.until(DOC, ACCEPTED)
        client.say(DOC, SyncStep2(scene.replica.encode()))
        await client.settled(DOC)
        assert client.at(DOC).count(ACCEPTED) == 2

    async def test_what_is_said_before_the_token_is_passed_over(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        client.say(DOC, Update(scene.replica.set("a", 1)))
        client.say(DOC, Detach())
        await client.opened(DOC, ada)
        assert client.of(DOC, type(ACCEPTED)) == []

    async def test_who_is_here_is_told_on_joining(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        client.say(DOC, presence(7, 1, "{}"))
        await client.until_one(DOC, AwarenessUpdate)
        async with scene.client() as second:
            await second.opened(DOC, ada)
            assert client.of(DOC, AwarenessUpdate) == second.of(DOC, AwarenessUpdate)

    async def test_a_bug_is_logged_and_ends_the_socket(
        self, scene: Scene, client: Client, ada: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail() -> int:
            raise LookupError("a bug")

        monkeypatch.setattr(scene.hub, "new_session", fail)
        with capture_logs() as logs:
            client.begin(DOC, ada)
            assert await client.closed() == 1011
        assert [(line["event"], line["error"]) for line in logs] == [("connection.failed", "a bug")]

    async def test_a_document_that_fails_to_load_ends_the_socket(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.error = StoreUnavailable("gone fishing")
        client.begin(DOC, ada)
        assert await client.closed() == 1013

    async def test_a_failure_of_ours_ends_the_socket(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.error = ZeroDivisionError()
        client.begin(DOC, ada)
        assert await client.closed() == 1013

    async def test_a_pipeline_deleted_meanwhile_is_denied_after_all(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.open.clear()
        client.begin(DOC, ada)
        await client.until(DOC, Authenticated("read-write"))
        await scene.store.delete_pipeline(LOOM)
        scene.store.reading.open.set()
        await client.until_one(DOC, Denied)


class TestDenial:
    async def test_each_has_its_reason_and_leaves_the_socket_open(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        refused = {
            DOC: "garbage",
            SECOND: scene.token(scene.eve),
            str(an_id(404)): ada,
            "no id at all": ada,
        }
        expected = ("4401 token", "4403 not a member", "4404 no pipeline", "4404 no such pipeline")
        for (address, token), beginning in zip(refused.items(), expected, strict=True):
            client.begin(address, token)
            assert (await client.until_one(address, Denied)).reason.startswith(beginning)
        await client.opened(DOC, ada)

    async def test_another_token_may_be_tried_on_the_same_socket(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        client.begin(DOC, "garbage")
        client.say(DOC, Update(scene.replica.set("a", 1)))
        await client.until_one(DOC, Denied)
        client.begin(DOC, ada)
        await client.until_one(DOC, SyncStep2)
        assert len(client.of(DOC, SyncStep2)) == 1
        client.say(DOC, SyncStep2(scene.replica.encode()))
        await client.settled(DOC)
        assert client.at(DOC).count(ACCEPTED) == 1

    async def test_a_denial_takes_no_place(self, scene: Scene, client: Client, ada: str) -> None:
        for number in range(2 * scene.settings.max_documents):
            client.begin(f"{DOC}\0{number}", "garbage")
            await client.until_one(f"{DOC}\0{number}", Denied)
        await client.opened(DOC, ada)

    async def test_who_types_on_does_not_disturb_another_document(
        self, scene: Scene, ada: str
    ) -> None:
        async with scene.client(unauthenticated_messages=10) as client:
            await client.opened(DOC, ada)
            client.begin(SECOND, "garbage")
            await client.until_one(SECOND, Denied)
            for number in range(20):
                client.say(SECOND, Update(scene.replica.set("a", number)))
            await client.read()
            assert client.wire.closes == []

    async def test_only_the_latest_of_several_tokens_is_answered(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.asking.open.clear()
        client.begin(DOC, scene.token(scene.eve))
        await client.read()
        client.begin(DOC, ada)
        await client.read()
        scene.store.asking.open.set()
        await client.until_one(DOC, SyncStep2)
        await client.read()
        assert client.of(DOC, Denied) == []
        assert len(client.of(DOC, SyncStep1)) == len(client.of(DOC, SyncStep2)) == 1


class TestDocuments:
    async def test_each_has_its_own_session(self, scene: Scene, client: Client, ada: str) -> None:
        for address in (DOC, SECOND):
            await client.opened(address, ada)
        client.say(SECOND, Update(scene.replica.set("a", 1)))
        await client.until(SECOND, ACCEPTED)
        assert client.of(DOC, type(ACCEPTED)) == client.of(DOC, Update) == []

    async def test_one_document_may_be_open_twice_under_session_addresses(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        one, two = f"{DOC}\0one", f"{DOC}\0two"
        await client.opened(one, ada)
        await client.opened(two, ada)
        edit = scene.replica.set("a", 1)
        client.say(one, Update(edit))
        await client.until(one, ACCEPTED)
        assert client.of(two, Update) == [Update(edit)]
        assert client.of(one, Update) == client.of(two, type(ACCEPTED)) == []
        client.say(one, Detach())
        client.say(two, Update(scene.replica.set("a", 2)))
        await client.until(two, ACCEPTED)
        assert await scene.here() == 1

    async def test_a_session_of_one_is_denied_alone(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        one, two = f"{DOC}\0one", f"{DOC}\0two"
        client.begin(one, ada)
        client.begin(two, "garbage")
        await client.until_one(one, SyncStep2)
        await client.until_one(two, Denied)

    async def test_a_document_that_is_detached_is_left(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        client.say(DOC, presence(7, 1, "{}"))
        client.say(DOC, Detach())
        # Provider 2 says this after it has detached.
        client.say(DOC, presence(7, 1, "null"))
        await client.read()
        assert await scene.here() == 0
        assert await client.opened(DOC, ada) is not None
        # Its presence was gone before the second session began.
        assert [len(read_presence(each)) for each in client.of(DOC, AwarenessUpdate)] == [1]

    async def test_one_that_is_detached_while_it_knocks_is_not_entered(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.asking.open.clear()
        client.begin(DOC, ada)
        client.say(DOC, Detach())
        await client.read()
        scene.store.asking.open.set()
        await client.opened(SECOND, ada)
        assert client.at(DOC) == []
        assert await scene.here() == 0

    async def test_one_that_is_detached_while_it_loads_is_not_entered(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.open.clear()
        client.begin(DOC, ada)
        await client.until(DOC, Authenticated("read-write"))
        client.say(DOC, Detach())
        client.begin(DOC, ada)
        await client.until(DOC, Authenticated("read-write"), times=2)
        scene.store.reading.open.set()
        await client.until_one(DOC, SyncStep2)
        assert len(client.of(DOC, SyncStep2)) == await scene.here() == 1

    async def test_the_failure_of_one_that_was_detached_is_nobody_s(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.asking.open.clear()
        client.begin(DOC, ada)
        client.say(DOC, Detach())
        await client.read()
        scene.store.asking.error = StoreUnavailable("gone fishing")
        scene.store.asking.open.set()
        await turns()
        scene.store.asking.error = None
        await client.opened(SECOND, ada)

    async def test_the_end_of_a_room_is_the_end_of_the_socket(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        await client.opened(SECOND, ada)
        scene.hub.withdraw(LOOM)
        assert await client.closed() == 4404
        assert scene.hub.seats() == set()

    async def test_the_end_of_the_hub_is_the_end_of_the_socket(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        scene.hub.close()
        assert await client.closed() == Draining.close_code

    async def test_who_hangs_up_while_entering_is_not_let_in(self, scene: Scene, ada: str) -> None:
        scene.store.reading.open.clear()
        async with scene.client() as client:
            client.begin(DOC, ada)
            await client.until(DOC, Authenticated("read-write"))
            client.wire.hang_up()
            await turns()
            assert not client.served.done()
            scene.store.reading.open.set()
        assert await scene.here() == 0


class TestEditing:
    async def test_an_update_is_acknowledged_once_it_is_committed(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        async with scene.client() as other:
            await other.opened(DOC, ada)
            scene.store.writing.open.clear()
            edit = scene.replica.set("a", 1)
            client.say(DOC, Update(edit))
            await other.until(DOC, Update(edit))
            await client.read()
            assert client.of(DOC, type(ACCEPTED)) == []
            scene.store.writing.open.set()
            await client.until(DOC, ACCEPTED)
            assert other.of(DOC, type(ACCEPTED)) == []

    async def test_an_empty_answer_is_acknowledged(self, client: Client, ada: str) -> None:
        await client.opened(DOC, ada)
        client.say(DOC, SyncStep2(b"\x00\x00"))
        await client.until(DOC, ACCEPTED)

    async def test_a_viewer_is_acknowledged_what_is_no_news_and_refused_the_rest(
        self, scene: Scene, client: Client
    ) -> None:
        await client.opened(DOC, scene.token(scene.bob))
        assert client.at(DOC)[0] == Authenticated("readonly")
        (question,) = client.of(DOC, SyncStep1)
        client.say(DOC, SyncStep2(scene.replica.diff(question.state_vector)))
        await client.until(DOC, ACCEPTED)
        client.say(DOC, Update(scene.replica.set("a", 1)))
        await client.until(DOC, REFUSED)
        client.say(DOC, SyncStep2(scene.replica.diff(question.state_vector)))
        await client.until(DOC, REFUSED, times=2)
        assert client.at(DOC).count(ACCEPTED) == 1
        assert READ_ONLY != REFUSED, "the reason has no place in the frame"

    async def test_a_text_is_told_to_everybody_with_its_sender(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        async with scene.client() as other:
            await other.opened(DOC, scene.token(scene.bob))
            other.say(DOC, Stateless("hello"))
            told = Stateless(stateless_from(UserProfile(scene.bob.id, "Bob"), "hello"))
            await client.until(DOC, told)
            await other.until(DOC, told)

    async def test_what_happens_beside_the_document_is_told_to_everybody(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        event = RoomEvent("comment.created", {"content": "hi"})
        scene.events.publish(UUID(DOC), event)
        await client.until(DOC, event.message())

    @pytest.mark.parametrize("frame", ["03646f63", "01ff", "00", "", "03646f630602" + "6869"])
    async def test_garbage_ends_the_socket(
        self, scene: Scene, client: Client, ada: str, frame: str
    ) -> None:
        await client.opened(DOC, ada)
        client.wire.send(bytes.fromhex(frame))
        assert await client.closed() == 4400
        assert scene.hub.seats() == set()

    async def test_a_text_frame_ends_the_socket(self, client: Client) -> None:
        client.wire.send_text("hello")
        assert await client.closed() == 4400

    async def test_an_update_that_cannot_be_decoded_ends_the_socket(
        self, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        client.say(DOC, Update(b"junk"))
        assert await client.closed() == 4400


class TestTooMuch:
    async def test_a_message_that_is_too_big_ends_its_document_alone(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        await client.opened(SECOND, ada)
        client.wire.send_too_much(client_frame(DOC, Update(b"the beginning"))[:40])
        assert (await client.until_one(DOC, Denied)).reason.startswith("4413 message too big")
        assert scene.hub.seats() == {(scene.ada.id, OTHER)}
        client.say(DOC, Update(scene.replica.set("a", 1)))
        await client.settled(SECOND)
        assert ACCEPTED not in client.at(DOC)
        assert client.wire.closes == []

    @pytest.mark.parametrize("padding", [0, LARGE_BYTES])
    async def test_so_does_an_update_that_costs_too_much(
        self, scene: Scene, client: Client, ada: str, padding: int
    ) -> None:
        await client.opened(DOC, ada)
        costly = var_uint(ACCEPTED_LIMITS.parts) + bytes(ACCEPTED_LIMITS.parts + padding)
        client.say(DOC, Update(costly))
        assert (await client.until_one(DOC, Denied)).reason.startswith("4413 message too big")
        assert (scene.hub.seats(), client.wire.closes) == (set(), [])

    async def test_its_socket_is_kept_and_not_silent(self, scene: Scene, ada: str) -> None:
        async with scene.client(keep_alive=0.02, unauthenticated_seconds=0.02) as client:
            await client.opened(DOC, ada)
            client.wire.send_too_much(client_frame(DOC, Update(b"the beginning"))[:40])
            await client.until_one(DOC, Denied)
            # Longer than a socket without a token would be kept.
            await client.until(DOC, KEEP_ALIVE, times=10)
            assert client.wire.closes == []
            await client.opened(DOC, ada)

    async def test_without_a_token_it_ends_the_socket(self, client: Client) -> None:
        client.wire.send_too_much(client_frame(DOC, Update(b"the beginning"))[:40])
        assert await client.closed() == 4205

    async def test_a_beginning_without_an_address_ends_the_socket(
        self, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        client.wire.send_too_much(b"\xff" * 40)
        assert await client.closed() == 4400


class TestTokens:
    async def test_one_is_asked_for_before_it_expires_and_renews_the_session(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        scene.at_expiry(before=timedelta(seconds=10))
        await client.until(DOC, TokenWanted())
        client.say(DOC, Authenticate(scene.token(scene.ada, 2 * AN_HOUR)))
        await client.until(DOC, Authenticated("read-write"), times=2)
        scene.at_expiry(before=-timedelta(minutes=1))
        client.say(DOC, Update(scene.replica.set("a", 1)))
        await client.until(DOC, ACCEPTED)
        assert client.at(DOC).count(TokenWanted()) == 1

    async def test_without_another_one_the_socket_ends(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        scene.at_expiry(before=-timedelta(minutes=1))
        assert await client.closed() == 4401

    @pytest.mark.parametrize(("whose", "code"), [("bob", 4403), ("eve", 4403), ("nobody", 4401)])
    async def test_a_bad_one_ends_the_document_and_the_socket(
        self, scene: Scene, client: Client, ada: str, whose: str, code: int
    ) -> None:
        await client.opened(DOC, ada)
        user = getattr(scene, whose, None)
        client.say(DOC, Authenticate(scene.token(user) if user else "garbage"))
        assert await client.closed() == code
        assert client.at(DOC)[-1] == Detached("Unauthorized")

    async def test_one_that_cannot_be_checked_leaves_the_session_as_it_is(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        scene.at_expiry(before=timedelta(seconds=10))
        await client.until(DOC, TokenWanted())
        scene.store.asking.error = StoreUnavailable("gone fishing")
        client.say(DOC, Authenticate(scene.token(scene.ada, 2 * AN_HOUR)))
        await client.read()
        await turns()
        scene.store.asking.error = None
        scene.hub.tick()
        await client.until(DOC, TokenWanted(), times=2)
        assert client.wire.closes == []

    async def test_a_change_of_role_is_told_and_whoever_may_write_is_asked(
        self, scene: Scene, client: Client
    ) -> None:
        await client.opened(DOC, scene.token(scene.bob))
        client.say(DOC, Update(scene.replica.set("a", 1)))
        await client.until(DOC, REFUSED)
        await scene.store.add_member(scene.team, scene.bob.id, "member")
        scene.announcer.announced.put_nowait({str(scene.bob.id)})
        await scene.watch.step()
        await client.until(DOC, Authenticated("read-write"))
        await client.until_one(DOC, SyncStep1, times=2)
        client.say(DOC, SyncStep2(scene.replica.encode()))
        await client.until(DOC, ACCEPTED)

    async def test_a_change_while_it_enters_is_not_missed(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.reading.open.clear()
        client.begin(DOC, ada)
        await client.until(DOC, Authenticated("read-write"))
        await scene.store.add_member(scene.team, scene.ada.id, "viewer")
        scene.announcer.announced.put_nowait({str(scene.ada.id)})
        await scene.watch.step()
        scene.store.reading.open.set()
        await client.until(DOC, Authenticated("readonly"))

    async def test_access_withdrawn_ends_the_socket(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        await client.opened(DOC, ada)
        scene.hub.apply_scopes(LOOM, {scene.ada.id: None})
        assert await client.closed() == 4403


class TestLimits:
    async def test_documents(self, scene: Scene, client: Client, ada: str) -> None:
        scene.store.asking.open.clear()
        for number in range(scene.settings.max_documents + 1):
            client.begin(f"{DOC}\0{number}", ada)
        await turns()
        scene.store.asking.open.set()
        assert await client.closed() == 4205

    async def test_documents_left_while_they_knock_count_until_their_token_is_tried(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        scene.store.asking.open.clear()
        for _ in range(scene.settings.max_documents + 1):
            client.begin(DOC, ada)
            client.say(DOC, Detach())
        await turns()
        scene.store.asking.open.set()
        assert await client.closed() == 4205

    async def test_documents_that_are_left_make_room(
        self, scene: Scene, client: Client, ada: str
    ) -> None:
        for number in range(2 * scene.settings.max_documents):
            await client.opened(f"{DOC}\0{number}", ada)
            client.say(f"{DOC}\0{number}", Detach())
        await client.read()
        assert client.wire.closes == []

    async def test_messages_of_a_stranger(self, scene: Scene) -> None:
        async with scene.client(unauthenticated_messages=5) as client:
            for number in range(6):
                client.say(f"doc {number}", SyncStep1(NOTHING))
            assert await client.closed() == 4205

    async def test_bytes_of_a_stranger(self, scene: Scene) -> None:
        async with scene.client(unauthenticated_bytes=2000) as client:
            client.say(DOC, Update(b"x" * 1500))
            await client.read()
            client.say(DOC, Authenticate("x" * 500))
            assert await client.closed() == 4205

    async def test_pings_of_a_stranger(self, scene: Scene) -> None:
        async with scene.client(unauthenticated_messages=5) as client:
            for _ in range(6):
                client.wire.send(PING)
            assert await client.closed() == 4205

    async def test_a_user_may_say_more_than_a_stranger(self, scene: Scene, ada: str) -> None:
        async with scene.client(unauthenticated_messages=5) as client:
            scene.store.reading.open.clear()
            client.begin(DOC, ada)
            await client.until(DOC, Authenticated("read-write"))
            for number in range(20):
                client.say(DOC, Update(scene.replica.set("a", number)))
            await client.read()
            scene.store.reading.open.set()
            await client.until(DOC, ACCEPTED, times=20)

    async def test_bytes_of_a_user_whose_document_loads(self, scene: Scene, ada: str) -> None:
        async with scene.client(max_message_bytes=2000) as client:
            scene.store.reading.open.clear()
            client.begin(DOC, ada)
            await client.until(DOC, Authenticated("read-write"))
            for _ in range(20):
                client.say(DOC, Update(b"small"))
            await turns()
            scene.store.reading.open.set()
            assert await client.closed() == 4205

    async def test_seconds_of_a_stranger(self, scene: Scene) -> None:
        async with scene.client(unauthenticated_seconds=0.001) as client:
            assert await client.closed() == 4408

    async def test_a_token_that_is_being_tried_does_not_put_off_the_end(
        self, scene: Scene, ada: str
    ) -> None:
        scene.store.asking.open.clear()
        async with scene.client(unauthenticated_seconds=0.001) as client:
            client.begin(DOC, ada)
            await client.wire.until(lambda: bool(client.wire.closes))
            scene.store.asking.open.set()
            assert await client.closed() == 4408

    async def test_a_user_who_closes_all_documents_is_a_stranger(
        self, scene: Scene, ada: str
    ) -> None:
        async with scene.client(unauthenticated_seconds=0.5) as client:
            await client.opened(DOC, ada)
            client.say(DOC, Detach())
            assert await client.closed() == 4408


class TestLiveness:
    async def test_a_ping_is_answered_and_a_pong_is_not(self, client: Client) -> None:
        client.wire.send(PONG)
        client.wire.send(PING)
        await client.wire.until(lambda: client.wire.frames == [PONG])

    async def test_a_silent_socket_hears_of_nobody(self, scene: Scene, ada: str) -> None:
        async with scene.client(keep_alive=0.001) as client:
            await client.opened(DOC, ada)
            await client.until(DOC, AwarenessUpdate(NOTHING))

    async def test_without_a_document_there_is_nothing_to_say(self, scene: Scene) -> None:
        async with scene.client(keep_alive=0.001) as client:
            await client.read()
            await asyncio.wait([client.served], timeout=0.01)
            assert client.wire.frames == [PONG]


def read_presence(update: AwarenessUpdate) -> list[int]:
    """The clients that are present after an update that begins with nobody."""
    awareness = Awareness()
    awareness.apply(update.payload, 1, UserProfile(UUID(int=1)), 0.0)
    return [each.client for each in read_entries(awareness.encode())]


class TestSlowReaders:
    async def test_each_document_that_missed_something_is_caught_up_and_no_other(
        self, scene: Scene, ada: str
    ) -> None:
        async with scene.client(outbox_bytes=2000) as slow, scene.client() as writer:
            for address in (DOC, SECOND, f"{DOC}\0second"):
                await slow.opened(address, ada)
            replicas = {address: Replica(client_id=9) for address in (DOC, SECOND)}
            for address, replica in replicas.items():
                replica.apply(await writer.opened(address, ada))
            slow.wire.writable.clear()
            slow.say(SECOND, Update(scene.replica.set("mine", 1)))
            for number in range(50):
                for address, replica in replicas.items():
                    writer.say(address, Update(replica.set("busy", f"{number:100}")))
            await writer.until(DOC, ACCEPTED, times=50)
            await writer.until(SECOND, ACCEPTED, times=50)
            slow.wire.writable.set()
            for address in (DOC, SECOND, f"{DOC}\0second"):
                diff = await slow.until_one(address, SyncStep2, times=2)
                assert content_of(diff.update)["busy"] == f"{49:100}"
                assert len(slow.of(address, Update)) < 50
            await slow.until(SECOND, ACCEPTED)
            assert slow.at(SECOND).count(ACCEPTED) == 1
            assert slow.at(DOC).count(ACCEPTED) == 0
