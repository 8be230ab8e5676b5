"""Who answers: this process, the one that has the shapes, or nobody yet."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace

import pytest

import app.shapes.leased
from app.shapes.answers import Answer, Caller, DeletionNotAllowed, MustRefetch, Sent
from app.shapes.bodies import begun
from app.shapes.handover import HolderGone
from app.shapes.lease import LEASE_SECONDS
from app.shapes.leased import HeldEngine, LeasedEngine
from app.shapes.parameters import Definition, Offset, ShapeRequest
from app.shapes.tables import TABLES
from crdt.errors import Overloaded
from persistence.ports.shape_lease import Holder
from tests.app.fakes import turns
from tests.app.shapes.test_lease import ONE, OTHER, Scene
from tests.contracts.stores import NOON, an_id

WHO = Caller(an_id(7), NOON, Sent(query=b"table=steps"))
DEFINITION = Definition(TABLES["steps"], ("id",))
REQUEST = ShapeRequest(DEFINITION, Offset(1, 0), handle="1", live=True)


class Native:
    """An engine that answers with its name; what happens while it does is up to a test."""

    is_ready = True

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.sleeps, self.error = 0.0, MustRefetch("dropped", "2")
        self.fails = self.is_closed = False
        self.dropped: list[Definition] = []
        self.before_answer: Callable[[], Awaitable[object]] = turns
        self.before_event: Callable[[], Awaitable[object]] = turns

    async def answer(self, request: ShapeRequest, who: Caller) -> Answer:
        await self.before_answer()
        self._scene.store.seconds += self.sleeps
        if self.fails:
            raise self.error
        return Answer(200, {}, self._events() if request.sse else b"native")

    async def _events(self) -> AsyncGenerator[bytes, None]:
        try:
            await self.before_event()
            yield b"one"
            self._scene.store.seconds += self.sleeps
            yield b"two"
        finally:
            self.is_closed = True

    async def drop(self, definition: Definition, handle: str | None, who: Caller) -> None:
        self.dropped.append(definition)


class Far:
    """What is handed over, and to whom it can be."""

    def __init__(self) -> None:
        self.gone: set[Holder] = set()
        self.asked: list[Holder] = []
        self.status = 200

    async def answer(self, holder: Holder, sent: Sent) -> Answer:
        assert sent is WHO.sent
        self.asked.append(holder)
        if holder in self.gone:
            raise HolderGone
        return Answer(self.status, {}, b"far")


class House:
    """Process one, whose lease and neighbours a test has in its hands."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.native, self.far = Native(self.scene), Far()
        self.held = HeldEngine(self.native, self.scene.one)
        self.scene.one.on_lost = (self.held.lose, lambda: self.scene.lost.append(ONE))
        self.engine = LeasedEngine(self.native, self.held, self.scene.one, self.far)  # type: ignore[arg-type]

    async def answered(self, request: ShapeRequest = REQUEST) -> bytes:
        answer = await self.engine.answer(request, WHO)
        assert isinstance(answer.body, bytes)
        return answer.body


@pytest.fixture
def house() -> House:
    return House()


async def test_who_is_asked_first_answers_itself(house: House) -> None:
    assert await house.answered() == b"native"
    assert house.scene.one.is_held()
    assert house.far.asked == []


async def test_what_another_has_is_handed_over(house: House) -> None:
    await house.scene.other.place()
    assert await house.answered() == b"far"
    assert house.far.asked == [OTHER]


async def test_while_the_holder_is_away_and_has_its_lease_nobody_answers(house: House) -> None:
    await house.scene.other.place()
    house.far.gone.add(OTHER)
    for _ in range(3):
        with pytest.raises(Overloaded, match="moving"):
            await house.answered()
    house.scene.store.seconds += LEASE_SECONDS
    assert await house.answered() == b"native"


async def test_a_new_holder_is_asked_instead(house: House) -> None:
    await house.scene.other.place()
    await house.answered()
    third = replace(OTHER, id=an_id(3))
    house.scene.store._held = third, house.scene.store.seconds + LEASE_SECONDS
    house.far.gone.add(OTHER)
    assert await house.answered() == b"far"
    assert house.far.asked == [OTHER, OTHER, third]


@pytest.mark.parametrize("fails", [False, True], ids=["answer", "refusal"])
async def test_what_was_made_before_a_long_sleep_is_not_sent(house: House, fails: bool) -> None:
    await house.answered()
    house.native.sleeps, house.native.fails = LEASE_SECONDS, fails
    with pytest.raises(Overloaded):
        await house.answered()
    # It asks anew who has the shapes; what it had is forgotten.
    house.native.sleeps = 0.0
    assert house.scene.lost == [ONE]


async def test_a_refusal_is_passed_on_while_the_lease_is_held(house: House) -> None:
    house.native.fails = True
    with pytest.raises(MustRefetch):
        await house.answered()


async def test_a_stream_ends_with_the_lease(house: House) -> None:
    request = replace(REQUEST, sse=True)
    for sleeps, expected in ((0.0, [b"one", b"two"]), (LEASE_SECONDS, [b"one"])):
        house.native.sleeps = 0.0
        answer = await house.engine.answer(request, WHO)
        house.native.sleeps, house.native.is_closed = sleeps, False
        assert not isinstance(answer.body, bytes)
        assert [part async for part in answer.body] == expected
        assert house.native.is_closed


async def test_a_stream_that_nobody_reads_is_closed(house: House) -> None:
    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            yield b"one"
        finally:
            house.native.is_closed = True

    body = await begun(events())
    house.native._events = lambda: body  # type: ignore[method-assign]
    answer = await house.engine.answer(replace(REQUEST, sse=True), WHO)
    assert not isinstance(answer.body, bytes)
    await answer.body.aclose()
    assert house.native.is_closed


@pytest.mark.parametrize("sse", [False, True], ids=["answer", "stream"])
async def test_what_waits_for_the_database_ends_with_the_lease(house: House, sse: bool) -> None:
    await house.scene.one.place()
    if sse:
        answer = await house.engine.answer(replace(REQUEST, sse=True), WHO)
        assert not isinstance(answer.body, bytes)
        house.native.before_event = asyncio.Event().wait
        waiting: asyncio.Future[object] = asyncio.ensure_future(anext(answer.body, b"the end"))
    else:
        house.native.before_answer = asyncio.Event().wait
        waiting = asyncio.ensure_future(house.answered())
    await turns()
    house.scene.store.seconds += LEASE_SECONDS
    assert not house.scene.one.is_held()
    if sse:
        assert await waiting == b"the end"
        assert house.native.is_closed
    else:
        with pytest.raises(Overloaded):
            await waiting


async def test_what_is_handed_over_is_answered_here_or_not_at_all(house: House) -> None:
    with pytest.raises(Overloaded):
        await house.held.answer(REQUEST, WHO)
    # It has not even taken the lease that nobody has.
    assert await house.scene.store.holder() is None
    await house.scene.one.place()
    assert (await house.held.answer(REQUEST, WHO)).body == b"native"
    await house.scene.one.release()
    await house.scene.other.place()
    with pytest.raises(Overloaded):
        await house.held.answer(REQUEST, WHO)
    with pytest.raises(Overloaded):
        await house.held.drop(DEFINITION, None, WHO)
    assert house.far.asked == []


async def test_the_lease_is_given_back_behind_what_is_being_answered(house: House) -> None:
    await house.scene.one.place()
    go = asyncio.Event()
    house.native.before_answer = go.wait
    waiting = asyncio.create_task(house.answered())
    await turns()
    giving = asyncio.create_task(house.held.give_back())
    await turns()
    assert house.scene.one.is_held()
    go.set()
    assert await waiting == b"native"
    await giving
    assert not house.scene.one.is_held()


async def test_what_is_never_answered_keeps_nobody_from_the_lease(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.shapes.leased, "IN_PROGRESS_SECONDS", 0.01)
    await house.scene.one.place()
    house.native.before_answer = asyncio.Event().wait
    waiting = asyncio.create_task(house.answered())
    await turns()
    await house.held.give_back()
    assert await house.scene.store.holder() is None
    waiting.cancel()


async def test_a_shape_is_dropped_where_it_is(house: House) -> None:
    await house.engine.drop(DEFINITION, None, WHO)
    assert house.native.dropped == [DEFINITION]
    await house.scene.one.release()
    house = House()
    await house.scene.other.place()
    for status, problem in ((202, None), (404, DeletionNotAllowed), (503, Overloaded)):
        house.far.status = status
        if problem is None:
            await house.engine.drop(DEFINITION, "1", WHO)
        else:
            with pytest.raises(problem):
                await house.engine.drop(DEFINITION, "1", WHO)
    assert house.native.dropped == []
