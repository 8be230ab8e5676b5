"""Whose roles are looked up again and when, and what follows; on stores in memory."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.auth.access_watch import CHECK_ALL_SECONDS, AccessWatch, Seat
from crdt.protocol.messages import Scope
from persistence.errors import StoreUnavailable
from persistence.memory.stores import MemoryStore
from persistence.memory.versions import MemoryVersions
from persistence.ports.directory import Role
from tests.app.fakes import HeldClock, turns
from tests.contracts.stores import Stores, an_id

LOOM, OTHER, GONE = an_id(1), an_id(2), an_id(404)


class Announcer:
    """Announcements made by hand; `None` is a connection that was lost."""

    def __init__(self) -> None:
        self.announced: asyncio.Queue[Collection[str] | None] = asyncio.Queue()

    async def wait(
        self,
        timeout: float,  # noqa: ASYNC109 - as the port has it
    ) -> Collection[str] | None:
        await asyncio.sleep(0)
        return self.announced.get_nowait() if not self.announced.empty() else ()


class SlowStore(MemoryStore):
    """A directory that counts questions, and answers when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[set[Seat]] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.error: Exception | None = None

    async def roles(self, seats: Collection[Seat]) -> dict[Seat, Role | None]:
        self.asked.append(set(seats))
        found = await super().roles(seats)
        await self.answering.wait()
        if self.error is not None:
            raise self.error
        return found


@dataclass
class RecordedSessions:
    """An audience that writes down what it is applied."""

    taken: set[Seat] = field(default_factory=set)
    applied: list[tuple[UUID, dict[UUID, Scope | None]]] = field(default_factory=list)
    withdrawn: list[UUID] = field(default_factory=list)

    def seats(self) -> set[Seat]:
        return set(self.taken)

    def apply_scopes(self, pipeline_id: UUID, scopes: Mapping[UUID, Scope | None]) -> None:
        self.applied.append((pipeline_id, dict(scopes)))

    def withdraw(self, pipeline_id: UUID) -> None:
        self.withdrawn.append(pipeline_id)


@dataclass
class Scene:
    """A watch over two pipelines of one team, which Ada edits and Bob looks at."""

    store: SlowStore = field(default_factory=SlowStore)
    seats: RecordedSessions = field(default_factory=RecordedSessions)
    announcer: Announcer = field(default_factory=Announcer)
    clock: HeldClock = field(default_factory=HeldClock)

    async def prepare(self) -> None:
        versions = MemoryVersions(self.store)
        stores = Stores(self.store, self.store, self.store, versions, *3 * [self.store])
        await stores.prepare()
        await stores.new_pipeline(1)
        await stores.new_pipeline(2)
        self.team, self.ada = stores.team_id, stores.author.id
        self.bob = (await self.store.create_user("bob@example.org", "Bob")).id
        await self.store.add_member(self.team, self.ada, "admin")
        await self.store.add_member(self.team, self.bob, "viewer")
        self.seats.taken = {(self.ada, LOOM), (self.bob, LOOM), (self.bob, OTHER)}
        self.watch = AccessWatch(self.seats, self.store, self.announcer, self.clock)
        await self.watch.step()
        self.forget()

    def forget(self) -> None:
        self.store.asked.clear()
        self.seats.applied.clear()

    async def step(self, *announced: str) -> None:
        if announced:
            self.announcer.announced.put_nowait(set(announced))
        await self.watch.step()


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.prepare()
    return made


async def test_silence_asks_nothing(scene: Scene) -> None:
    await scene.step()
    assert (scene.store.asked, scene.seats.applied) == ([], [])


async def test_a_user_is_looked_up_wherever_that_user_is(scene: Scene) -> None:
    await scene.store.add_member(scene.team, scene.bob, "member")
    await scene.step(str(scene.bob))
    assert scene.store.asked == [{(scene.bob, LOOM), (scene.bob, OTHER)}]
    assert scene.seats.applied == [
        (LOOM, {scene.bob: "read-write"}),
        (OTHER, {scene.bob: "read-write"}),
    ]


async def test_who_left_the_team_has_no_scope(scene: Scene) -> None:
    await scene.store.remove_member(scene.team, scene.ada)
    await scene.step(str(scene.ada))
    assert scene.seats.applied == [(LOOM, {scene.ada: None})]


async def test_somebody_who_is_not_here_costs_nothing(scene: Scene) -> None:
    await scene.step(str(an_id(99)), f"pipeline:{an_id(98)}")
    assert scene.store.asked == []


async def test_many_announcements_are_one_question(scene: Scene) -> None:
    await scene.step(str(scene.ada), str(scene.bob), *(str(an_id(n)) for n in range(500)))
    assert scene.store.asked == [scene.seats.taken]


async def test_a_pipeline_is_looked_up_for_all_who_are_in_it(scene: Scene) -> None:
    await scene.step(f"pipeline:{LOOM}")
    assert scene.store.asked == [{(scene.ada, LOOM), (scene.bob, LOOM)}]
    assert scene.seats.applied == [(LOOM, {scene.ada: "read-write", scene.bob: "readonly"})]


async def test_a_deleted_pipeline_is_withdrawn_and_no_other(scene: Scene) -> None:
    await scene.store.delete_pipeline(LOOM)
    await scene.step(f"pipeline:{LOOM}")
    assert (scene.seats.withdrawn, scene.seats.applied) == ([LOOM], [])


@pytest.mark.parametrize("announced", [None, {""}, {"everything"}, {"pipeline:"}])
async def test_what_cannot_be_understood_is_a_reason_to_look_at_everybody(
    scene: Scene, announced: set[str] | None
) -> None:
    scene.announcer.announced.put_nowait(announced)
    await scene.watch.step()
    assert scene.store.asked == [scene.seats.taken]


async def test_everybody_is_looked_at_from_time_to_time(scene: Scene) -> None:
    scene.clock.seconds = CHECK_ALL_SECONDS - 1
    await scene.step()
    assert scene.store.asked == []
    scene.clock.seconds = CHECK_ALL_SECONDS
    await scene.step()
    await scene.step()
    assert scene.store.asked == [scene.seats.taken]


async def test_a_question_without_an_answer_is_asked_again(scene: Scene) -> None:
    scene.store.error = StoreUnavailable("PostgreSQL is away")
    with pytest.raises(StoreUnavailable):
        await scene.step(str(scene.ada))
    assert scene.seats.applied == []
    scene.store.error = None
    await scene.step()
    assert scene.seats.applied == [(LOOM, {scene.ada: "read-write"})]


async def test_an_outage_changes_nothing_and_is_reported_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.auth.access_watch.RETRY_SECONDS", 0.0)
    scene.store.error = StoreUnavailable("PostgreSQL is away")
    scene.announcer.announced.put_nowait(None)
    with capture_logs() as logs:
        running = asyncio.create_task(scene.watch.run())
        await turns(100)
        assert len(scene.store.asked) > 3
        assert scene.seats.applied == []
        scene.store.error = None
        await turns(20)
        running.cancel()
    assert [entry["event"] for entry in logs] == ["access.unchecked"]
    assert (LOOM, {scene.ada: "read-write", scene.bob: "readonly"}) in scene.seats.applied


async def test_a_bug_does_not_end_the_watch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.auth.access_watch.RETRY_SECONDS", 0.0)
    scene.store.error = LookupError("a bug")
    scene.announcer.announced.put_nowait({str(scene.ada)})
    with capture_logs() as logs:
        running = asyncio.create_task(scene.watch.run())
        await turns(50)
        scene.store.error = None
        await turns(20)
        running.cancel()
    assert "access.failed" in {entry["event"] for entry in logs}
    assert scene.seats.applied == [(LOOM, {scene.ada: "read-write"})]


async def test_who_joins_in_silence_is_not_looked_up_again(scene: Scene) -> None:
    revision = scene.watch.revision
    await scene.step()
    await scene.watch.catch_up(scene.ada, since=revision)
    assert scene.store.asked == []


async def test_who_joins_after_an_announcement_is_looked_up_again(scene: Scene) -> None:
    """The role was looked up before the change, and the seat taken after it was announced."""
    scene.seats.taken.discard((scene.ada, LOOM))
    revision = scene.watch.revision
    await scene.store.remove_member(scene.team, scene.ada)
    await scene.step(str(scene.ada))
    assert scene.seats.applied == []
    scene.seats.taken.add((scene.ada, LOOM))
    await scene.watch.catch_up(scene.ada, since=revision)
    assert scene.seats.applied == [(LOOM, {scene.ada: None})]


async def test_an_older_answer_never_comes_after_a_newer_one(scene: Scene) -> None:
    scene.store.answering.clear()
    older = asyncio.create_task(scene.step(str(scene.ada)))
    await turns()
    await scene.store.remove_member(scene.team, scene.ada)
    newer = asyncio.create_task(scene.watch.catch_up(scene.ada, since=-1))
    await turns()
    scene.store.answering.set()
    await asyncio.gather(older, newer)
    assert scene.seats.applied == [(LOOM, {scene.ada: "read-write"}), (LOOM, {scene.ada: None})]
