from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from crdt.document.document import Document
from crdt.document.schema import seed
from crdt.editing.differences import EntryChange
from crdt.editing.editor import Editor
from crdt.editing.verbs import delete_step, patch_settings, patch_step, put_connection, put_step
from crdt.updates.surrogates.pairs import pairs_in
from persistence.ports.update_log import LoggedUpdate, StoredDocument, UpdateInfo
from persistence.worker.edit_history import (
    PAUSE,
    EditedEntries,
    EditGroup,
    edited_entries,
    group_edits,
)
from tests.contracts.stores import NOON, an_id
from tests.convergence.edits import first_draft
from tests.crdt.entries import key
from tests.crdt.raw_updates import deletions

ADA, BOB = an_id(1), an_id(2)


def at(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)


def log(*edits: tuple[UUID | None, float]) -> list[UpdateInfo]:
    """Edits by their authors and minutes, newest first as the log tells them."""
    return [UpdateInfo(seq, who, NOON + at(when)) for seq, (who, when) in enumerate(edits, 1)][::-1]


def told(found: list[EditGroup]) -> list[tuple[UUID | None, int, int, int]]:
    return [(each.user_id, each.first_seq, each.last_seq, each.updates) for each in found]


def test_nothing_was_edited() -> None:
    assert group_edits([]) == []


def test_a_pause_ends_a_stretch() -> None:
    found = group_edits(log((ADA, 0), (ADA, 5), (ADA, 10.1), (ADA, 11)))
    assert told(found) == [(ADA, 3, 4, 2), (ADA, 1, 2, 2)]
    assert (found[0].first_at, found[0].last_at) == (NOON + at(10.1), NOON + at(11))


def test_two_who_take_turns_have_a_stretch_each() -> None:
    found = group_edits(log((ADA, 0), (BOB, 1), (None, 1), (ADA, 2), (BOB, 3)))
    assert told(found) == [(BOB, 2, 5, 2), (ADA, 1, 4, 2), (None, 3, 3, 1)]


@pytest.mark.parametrize("number", range(30))
def test_every_edit_is_in_one_stretch(number: int) -> None:
    rng = Random(number)
    minutes = sorted(rng.uniform(0, 60) for _ in range(40))
    edits = log(*((rng.choice([ADA, BOB, None]), minute) for minute in minutes))
    found = group_edits(edits)
    assert sum(each.updates for each in found) == len(edits), f"seed {number}"
    for each in found:
        own = [e for e in edits if e.user_id == each.user_id]
        inside = [e for e in own if each.first_seq <= e.seq <= each.last_seq]
        assert len(inside) == each.updates
        assert all(abs(e.at - each.first_at) > PAUSE for e in own if e.seq < each.first_seq)


class Scribe:
    """Writes a log by verbs."""

    def __init__(self) -> None:
        self.document = Document(1)
        self.updates = [LoggedUpdate(1, None, seed(self.document, first_draft()), NOON)]
        self.editor = Editor(self.document)

    def __call__(self, who: UUID, verb: object, *args: object) -> None:
        with self.document.transact() as updates:
            verb(self.editor, *args)  # type: ignore[operator]
        (payload,) = updates
        self.updates.append(LoggedUpdate(len(self.updates) + 1, who, payload, NOON))


def test_what_one_of_two_changed_is_told_by_name() -> None:
    scribe = Scribe()
    scribe(ADA, patch_step, key(1), {"name": "mine"})
    scribe(BOB, patch_step, key(2), {"name": "theirs"})
    scribe(ADA, put_step, key(50), {"name": "new", "type": "claude"})
    scribe(ADA, put_step, key(51), {"name": "short", "type": "claude"})
    scribe(BOB, patch_settings, {"name": "Weft"})
    scribe(ADA, put_connection, key(60), {"from_step_id": key(50), "to_step_id": key(1)})
    scribe(ADA, delete_step, key(51))
    scribe(ADA, delete_step, key(4))
    base, updates = StoredDocument(None, 0, scribe.updates[:1]), scribe.updates[1:]
    assert edited_entries(base, updates, ADA) == EditedEntries(
        False,
        [
            EntryChange(key(1), "changed", "mine"),
            EntryChange(key(4), "removed", "step 3"),
            EntryChange(key(50), "added", "new"),
        ],
        [EntryChange(key(22), "removed"), EntryChange(key(60), "added")],
    )
    assert edited_entries(base, updates, BOB) == EditedEntries(
        True, [EntryChange(key(2), "changed", "theirs")], []
    )


def test_half_a_character_that_is_deleted_changes_one_step() -> None:
    scribe = Scribe()
    scribe(BOB, patch_step, key(1), {"config": {"prompt": "x😁y"}})
    scribe(BOB, patch_step, key(2), {"config": {"prompt": "x😁y"}})
    own = scribe.document.doc.client_id
    [low, _] = pairs_in(scribe.updates[1].payload)[own] + pairs_in(scribe.updates[2].payload)[own]
    scribe.updates.append(LoggedUpdate(4, ADA, b"\x00" + deletions(own, (low, 1)), NOON))
    base, updates = StoredDocument(None, 0, scribe.updates[:1]), scribe.updates[1:]
    [change] = edited_entries(base, updates, ADA).steps
    assert (change.id, change.kind) == (key(1), "changed")
