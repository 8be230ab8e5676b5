"""Notices steps that somebody edited while another one deleted them, and what they would be now.

In a CRDT the deletion wins: what is written into a deleted step at the same time is in the log and
nowhere else. So a diagnostic says to whoever edited it who deleted it, and a version is saved in
which it is still there.

Confessed: what a worker has noticed is in its memory until the repair reports it. If it dies within
that half second, or another worker projects the deletion, nothing is reported. The edit is in the
log nevertheless.
"""

from collections import deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.errors import MalformedUpdate
from crdt.updates.delete_set import merge_ranges
from crdt.updates.format import Structs, read_deletions, read_structs
from persistence.ports.directory import SYSTEM
from persistence.ports.update_log import LoggedUpdate, StoredDocument

from .replay import apply_all, replay

JUST_NOW: Final = timedelta(seconds=10)
"""A step was being edited if its last edit is no older than this when it is deleted."""

ON_ITS_WAY: Final = timedelta(seconds=60)
"""How long after a deletion every edit is examined."""

SHORT_BYTES: Final = 500
"""The size of an update that is about one thing: a keystroke, a drag."""

REMEMBERED: Final = 20
"""Deletions by which later edits are judged: such an edit was on its way, or its author offline."""


@dataclass(frozen=True, slots=True)
class EditedDeletion:
    """A step, by key, that update `deletion` deleted and update `edit` of another user edited."""

    key: str
    name: str
    deletion: LoggedUpdate
    edit: LoggedUpdate

    @property
    def authors(self) -> tuple[UUID | None, UUID | None]:
        """Who deleted it, and who edited it."""
        return self.deletion.user_id, self.edit.user_id


@dataclass(frozen=True, slots=True)
class _Deletion:
    update: LoggedUpdate
    names: dict[str, str]
    spans: dict[int, list[tuple[int, int]]]

    def concerns(self, structs: Structs) -> bool:
        """Whether anything is written into what was deleted, or beside it."""
        return any(
            start <= clock < stop
            for found in structs.values()
            for struct in found
            for client, clock in struct.dependencies
            for start, stop in self.spans.get(client, ())
        )


class EditedDeletions:
    """What one document's updates tell about it, as far as a worker has seen them."""

    def __init__(self) -> None:
        self._edits: dict[str, LoggedUpdate] = {}
        self._recent: deque[_Deletion] = deque(maxlen=REMEMBERED)
        self._found: list[EditedDeletion] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def take(self) -> list[EditedDeletion]:
        """Return what was found since the last call."""
        found, self._found = self._found, []
        return found

    def note(
        self, updates: Sequence[LoggedUpdate], edited: Collection[str], deleted: dict[str, str]
    ) -> None:
        """Take what updates of one user did: keys of edited steps, names of deleted ones."""
        last = updates[-1]
        if last.user_id == SYSTEM.id:
            return
        for update in updates if self._recent else ():
            if not edited or self._may_hide(update):
                self._judge(update)
        self._edits.update(dict.fromkeys(edited, last))
        if deleted:
            self._note_deleted(updates, deleted)

    def _note_deleted(self, updates: Sequence[LoggedUpdate], deleted: dict[str, str]) -> None:
        last = updates[-1]
        for key, name in deleted.items():
            edit = self._edits.pop(key, None)
            if edit is not None and _is_while(edit, last):
                self._found.append(EditedDeletion(key, name, last, edit))
        for each in updates:
            if spans := _deleted(each.payload):
                self._recent.append(_Deletion(each, deleted, spans))

    def _may_hide(self, update: LoggedUpdate) -> bool:
        """Whether an update may edit a deleted step beside what it visibly edits.

        Reading an update takes longer than applying it, so a short one that shows is taken for all
        there is, unless it comes right after a deletion.
        """
        newest = self._recent[-1].update.received_at
        return len(update.payload) > SHORT_BYTES or update.received_at - newest <= ON_ITS_WAY

    def _judge(self, update: LoggedUpdate) -> None:
        structs = _structs(update.payload)
        for deletion in self._recent:
            if deletion.update.user_id != update.user_id and deletion.concerns(structs):
                self._found += (
                    EditedDeletion(key, name, deletion.update, update)
                    for key, name in deletion.names.items()
                )


def _is_while(edit: LoggedUpdate, deletion: LoggedUpdate) -> bool:
    is_recent = deletion.received_at - edit.received_at <= JUST_NOW
    return is_recent and edit.user_id != deletion.user_id


def _deleted(payload: bytes) -> dict[int, list[tuple[int, int]]]:
    with suppress(MalformedUpdate):
        return {client: merge_ranges(found) for client, found in read_deletions(payload).items()}
    return {}


def _structs(payload: bytes) -> Structs:
    with suppress(MalformedUpdate):
        return read_structs(payload)
    return {}


def without_deletions(
    stored: StoredDocument, suspected: Sequence[EditedDeletion]
) -> tuple[Document, list[EditedDeletion]]:
    """Make a document as if steps had not been deleted; return it and those which were edited.

    `stored` must have every update from the first one, in `tail`. What was only suspected, since
    one update deleted several steps, is not returned: its edit touches nothing here.
    """
    left_out = {each.deletion.seq for each in suspected}
    document, _ = replay(StoredDocument(None, 0, ()))
    reader = PipelineReader(document)
    touched: dict[int, frozenset[str]] = {}
    for update in stored.tail:
        apply_all(document, [update], left_out)
        touched[update.seq] = reader.take_touched().steps
    return document, [each for each in suspected if each.key in touched.get(each.edit.seq, ())]
