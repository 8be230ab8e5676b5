"""Which deletions are suspected of having taken somebody's edit along."""

from datetime import timedelta
from uuid import UUID

import pytest

from crdt.document.document import Document
from crdt.document.schema import root_map
from persistence.ports.directory import SYSTEM
from persistence.ports.update_log import LoggedUpdate
from persistence.worker.edited_deletions import (
    JUST_NOW,
    ON_ITS_WAY,
    REMEMBERED,
    SHORT_BYTES,
    EditedDeletions,
)
from tests.persistence.worker.test_worker import NOON, A, B, Editor

ADA, BEN = UUID(int=1), UUID(int=2)


class Scene:
    """An editor whose updates are noted as the worker would note them."""

    def __init__(self) -> None:
        self.editor, self.noticed, self.seq = Editor(UUID(int=3)), EditedDeletions(), 1
        self.late = Document()
        self.late.load(self.editor.document.encode())

    def update(self, payload: bytes, by: UUID | None, seconds: float = 0) -> LoggedUpdate:
        self.seq += 1
        return LoggedUpdate(self.seq, by, payload, NOON + timedelta(seconds=seconds))

    def edit(self, by: UUID | None, seconds: float = 0) -> None:
        made = self.update(self.editor.rename(A, f"{seconds}"), by, seconds)
        self.noticed.note(made, {A}, set())

    def delete(self, by: UUID | None, seconds: float = 0, step: str = A) -> None:
        made = self.update(self.editor.delete(step), by, seconds)
        self.noticed.note(made, set(), {step})

    def edit_late(
        self, by: UUID | None, seconds: float, name: str = "late", *, shows: bool
    ) -> None:
        """Edit a replica that knows of no deletion."""
        with self.late.transact() as updates:
            root_map(self.late, "steps")[A]["name"] = name
        self.noticed.note(self.update(updates[0], by, seconds), {B} if shows else set(), set())


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("editor", "seconds", "is_found"),
    [
        (BEN, JUST_NOW.total_seconds(), True),
        (BEN, JUST_NOW.total_seconds() + 1, False),
        (ADA, 1, False),
        (SYSTEM.id, 1, False),
        (None, 1, True),
    ],
)
def test_an_edit_just_before(
    scene: Scene, editor: UUID | None, seconds: float, is_found: bool
) -> None:
    scene.edit(editor)
    scene.delete(ADA, seconds)
    found = scene.noticed.suspected()
    assert [(each.key, each.authors) for each in found] == (
        [(A, (ADA, editor))] if is_found else []
    )
    assert [each.seq for each in found] == [scene.seq] * is_found
    scene.noticed.forget(scene.seq)
    assert not scene.noticed.suspected()


@pytest.mark.parametrize("shows", [True, False])
def test_an_edit_that_comes_after(scene: Scene, shows: bool) -> None:
    scene.delete(ADA)
    scene.edit_late(BEN, ON_ITS_WAY.total_seconds(), shows=shows)
    assert [each.key for each in scene.noticed.suspected()] == [A]


@pytest.mark.parametrize(
    ("name", "shows", "is_found"),
    [("late", True, False), ("late", False, True), ("x" * SHORT_BYTES, True, True)],
)
def test_much_later_only_what_shows_nothing_or_is_long_is_examined(
    scene: Scene, name: str, shows: bool, is_found: bool
) -> None:
    scene.delete(ADA)
    scene.edit_late(BEN, ON_ITS_WAY.total_seconds() + 1, name, shows=shows)
    assert bool(scene.noticed.suspected()) is is_found


def test_nobody_is_suspected_for_an_edit_elsewhere_or_of_their_own(scene: Scene) -> None:
    scene.delete(ADA)
    moved = scene.update(scene.editor.move(B, 5), BEN)
    scene.noticed.note(moved, {B}, set())
    scene.edit_late(ADA, 0, shows=False)
    assert not scene.noticed.suspected()


def test_bytes_that_are_no_update_are_passed_over(scene: Scene) -> None:
    scene.delete(ADA)
    scene.noticed.note(scene.update(b"\xff\xff", BEN), set(), set())
    scene.noticed.note(scene.update(b"\xff\xff", BEN), set(), {B})
    assert not scene.noticed.suspected()


def test_only_so_many_deletions_are_remembered(scene: Scene) -> None:
    scene.delete(ADA)
    for _ in range(REMEMBERED):
        scene.noticed.note(scene.update(scene.editor.move(B, 5), ADA), set(), {B})
    gone = len(scene.noticed._deletions)
    assert gone <= REMEMBERED
