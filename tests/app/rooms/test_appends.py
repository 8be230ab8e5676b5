"""What waits for commits is done in the order in which it came, and knows how they ended."""

import asyncio
from typing import Any

import pytest

from app.rooms.appends import Appends
from crdt.errors import Overloaded, SyncError
from persistence.ports.update_log import NewUpdate
from tests.app.fakes import PIPELINE, HandCommitter, turns
from tests.contracts.stores import NOON


class Scene:
    def __init__(self) -> None:
        self.committer = HandCommitter([])
        self.done: list[object] = []
        self.appends = Appends(self.committer, self._store, self._refuse)

    def _store(self, seq: int, payload: bytes) -> None:
        self.done.append((seq, payload))

    def _refuse(self, error: BaseException) -> SyncError:
        self.done.append(str(error))
        return Overloaded()

    def append(self, payload: bytes) -> None:
        self.appends.append(NewUpdate(PIPELINE, None, payload, NOON))

    def wait(self, name: str) -> None:
        """Wait for the last append in both ways."""
        self.appends.when_decided(lambda is_stored: self.done.append((name, is_stored)))
        self.appends.when_durable(lambda: self.done.append(name))


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_what_waits_is_done_at_its_own_commit_in_the_order_in_which_it_came(
    scene: Scene,
) -> None:
    for name in ("a", "b"):
        scene.append(name.encode())
        scene.wait(name)
    scene.committer.commit()
    await turns()
    assert scene.done == [(1, b"a"), ("a", True), "a"]
    assert not scene.appends.are_decided
    scene.committer.commit()
    await turns()
    assert scene.done[3:] == [(2, b"b"), ("b", True), "b"]
    assert scene.appends.are_decided


async def test_it_is_done_at_once_when_nothing_waits(scene: Scene) -> None:
    scene.wait("now")
    assert scene.done == [("now", True), "now"]


async def test_what_waits_for_a_refused_append_is_only_decided(scene: Scene) -> None:
    scene.append(b"a")
    scene.wait("a")
    scene.committer.refuse(Overloaded("full"))
    await turns()
    assert scene.done == ["full", ("a", False)]
    with pytest.raises(Overloaded):
        scene.appends.check()


async def test_a_refusal_that_comes_early_decides_nothing_before_it(scene: Scene) -> None:
    """A room stayed for ever, and with it whoever wanted to open its pipeline had to wait."""
    for name in ("a", "b"):
        scene.append(name.encode())
        scene.wait(name)
    scene.committer.refuse(Overloaded("full"), last=True)
    await turns()
    assert scene.done == ["full"]
    assert not scene.appends.are_decided
    scene.committer.commit()
    await turns()
    assert scene.done[1:] == [(1, b"a"), ("a", True), "a", ("b", False)]
    assert scene.appends.are_decided


async def test_a_refusal_that_comes_late_keeps_waiting_what_follows_it(scene: Scene) -> None:
    """After a commit of unknown outcome, what clients wrote is reported before what is lost."""
    for name in ("a", "b"):
        scene.append(name.encode())
        scene.wait(name)
    scene.committer.commit(last=True)
    await turns()
    assert scene.done == [(1, b"b")]
    assert not scene.appends.are_decided
    scene.committer.refuse(Overloaded("lost"))
    await turns()
    assert scene.done[1:] == ["lost", ("a", False), ("b", False)]
    assert scene.appends.are_decided


async def test_who_waits_for_all_learns_of_a_late_refusal(scene: Scene) -> None:
    scene.append(b"a")
    scene.append(b"b")
    committed = asyncio.create_task(scene.appends.committed(10))
    await turns()
    scene.committer.commit(last=True)
    await turns()
    assert not committed.done()
    scene.committer.refuse(Overloaded("lost"))
    with pytest.raises(Overloaded):
        await committed


async def test_who_waits_for_all_learns_of_an_early_refusal(scene: Scene) -> None:
    scene.append(b"a")
    scene.append(b"b")
    committed = asyncio.create_task(scene.appends.committed(10))
    await turns()
    scene.committer.refuse(Overloaded("full"), last=True)
    await turns()
    assert not committed.done()
    scene.committer.commit()
    with pytest.raises(Overloaded):
        await committed


async def test_one_that_fails_keeps_no_other_from_being_done(scene: Scene) -> None:
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    scene.append(b"a")
    scene.appends.when_durable(lambda: 1 // 0)
    scene.wait("a")
    scene.committer.commit()
    await turns()
    assert scene.done[1:] == [("a", True), "a"]
    assert [type(each["exception"]) for each in failures] == [ZeroDivisionError]
