"""Notices steps that somebody edited while another one deleted them, and what they would be now.

In a CRDT the deletion wins: what is written into a deleted step at the same time is in the log and
nowhere else. So a diagnostic says to whoever edited it who deleted it, and a version is saved in
which it is still there.

What is noticed follows from the log alone, whichever worker reads it and however many updates at a
time. It is stored with each state of the document, so that whoever loads that goes on from there.
"""

import json
from collections import OrderedDict, deque
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import PipelineReader
from crdt.errors import MalformedUpdate
from crdt.updates.delete_set import merge_ranges
from crdt.updates.format import Structs, read_deletions, read_structs
from crdt.updates.writer import without_content
from persistence.ports.directory import SYSTEM
from persistence.ports.update_log import LoggedUpdate, StoredDocument, UpdateInfo

from .replay import SEED, apply_all, replay

JUST_NOW: Final = timedelta(seconds=10)
"""A step was being edited if its last edit is no older than this when it is deleted."""

ON_ITS_WAY: Final = timedelta(seconds=60)
"""How long after a deletion every edit is examined."""

SHORT_BYTES: Final = 500
"""The size of an update that is about one thing: a keystroke, a drag."""

REMEMBERED: Final = 20
"""Deletions by which later edits are judged: such an edit was on its way, or its author offline."""

MOST_EDITED: Final = 1000
"""Steps whose last edit is remembered: a script may edit any number within JUST_NOW."""

MOST_SUSPECTED: Final = 1000
"""What is suspected at once: each edit beside a deletion of many steps may be of any of them."""


@dataclass(frozen=True, slots=True)
class EditedDeletion:
    """A step, by key, that update `deletion` deleted and update `edit` of another user edited.

    `name` is that of the step when it was deleted, once it is known.
    """

    key: str
    deletion: UpdateInfo
    edit: UpdateInfo
    name: str = ""

    @property
    def authors(self) -> tuple[UUID | None, UUID | None]:
        """Who deleted it, and who edited it."""
        return self.deletion.user_id, self.edit.user_id

    @property
    def seq(self) -> int:
        """The update at which this was noticed."""
        return max(self.deletion.seq, self.edit.seq)


@dataclass(frozen=True, slots=True)
class _Deletion:
    update: UpdateInfo
    keys: set[str]
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
    """What one document's updates tell about it, up to the last one that was noted."""

    def __init__(self) -> None:
        self._edits: OrderedDict[str, UpdateInfo] = OrderedDict()
        self._deletions: deque[_Deletion] = deque(maxlen=REMEMBERED)
        self._suspected: list[EditedDeletion] = []

    def suspected(self) -> list[EditedDeletion]:
        """Return what was noticed and is not forgotten."""
        return [*self._suspected]

    def referred(self) -> frozenset[int]:
        """Return the numbers of updates that a report may name: they must be found in the log.

        Not those of the last edits: whatever comes a day later was not made at the same time.
        """
        found = {each.update.seq for each in self._deletions}
        for suspected in self._suspected:
            found |= {suspected.deletion.seq, suspected.edit.seq}
        return frozenset(found)

    def forget(self, until: int) -> None:
        """Forget what was noticed at updates up to a number: it is reported."""
        if self._suspected:
            self._suspected = [each for each in self._suspected if each.seq > until]

    def note(self, update: LoggedUpdate, edited: Collection[str], deleted: Collection[str]) -> None:
        """Take what the next update did, by keys: edited steps that are there, and deleted ones."""
        if update.user_id == SYSTEM.id or update.seq == SEED:
            return
        made = UpdateInfo(update.seq, update.user_id, update.received_at)
        if self._deletions:
            self._note_restored(edited)
            if not edited or self._may_hide(update):
                self._judge(update, made)
        for key in edited:
            self._edits[key] = made
            self._edits.move_to_end(key)
        if deleted:
            self._note_deleted(update, made, deleted)
        self._forget_edits(made.at)

    def _note_restored(self, there: Collection[str]) -> None:
        """Nobody needs to know who deleted a step that is back."""
        for deletion in self._deletions:
            deletion.keys.difference_update(there)
        if self._suspected:
            self._suspected = [each for each in self._suspected if each.key not in there]

    def _note_deleted(
        self, update: LoggedUpdate, made: UpdateInfo, deleted: Collection[str]
    ) -> None:
        for key in sorted(deleted):
            edit = self._edits.pop(key, None)
            if edit is not None and _is_while(edit, made):
                self._suspect(EditedDeletion(key, made, edit))
        if spans := _deleted(update.payload):
            self._deletions.append(_Deletion(made, set(deleted), spans))

    def _may_hide(self, update: LoggedUpdate) -> bool:
        """Whether an update may edit a deleted step beside what it visibly edits.

        Reading an update takes longer than applying it, so a short one that shows is taken for all
        there is, unless it comes right after a deletion.
        """
        newest = self._deletions[-1].update.at
        return len(update.payload) > SHORT_BYTES or update.received_at - newest <= ON_ITS_WAY

    def _judge(self, update: LoggedUpdate, made: UpdateInfo) -> None:
        structs = _structs(update.payload)
        for deletion in self._deletions:
            if deletion.update.user_id != made.user_id and deletion.concerns(structs):
                for key in sorted(deletion.keys):
                    self._suspect(EditedDeletion(key, deletion.update, made))

    def _suspect(self, found: EditedDeletion) -> None:
        if len(self._suspected) < MOST_SUSPECTED:
            self._suspected.append(found)

    def _forget_edits(self, now: datetime) -> None:
        while self._edits:
            oldest = next(iter(self._edits.values()))
            if len(self._edits) <= MOST_EDITED and now - oldest.at <= JUST_NOW:
                return
            self._edits.popitem(last=False)

    def encode(self) -> bytes:
        """Encode what is known, to go on from it in another process."""
        known = {
            "edits": [[key, _plain(edit)] for key, edit in self._edits.items()],
            "deletions": [
                [_plain(each.update), sorted(each.keys), [*each.spans.items()]]
                for each in self._deletions
            ],
            "suspected": [
                [each.key, _plain(each.deletion), _plain(each.edit)] for each in self._suspected
            ],
        }
        return json.dumps(known, separators=(",", ":")).encode() if any(known.values()) else b""

    @classmethod
    def decode(cls, encoded: bytes) -> "EditedDeletions":
        """Go on from what another one has encoded; b"" stands for nothing."""
        made = cls()
        if encoded:
            known = json.loads(encoded)
            made._edits.update((key, _info(edit)) for key, edit in known["edits"])
            made._deletions.extend(
                _Deletion(
                    _info(update), set(keys), {client: _spans(found) for client, found in spans}
                )
                for update, keys, spans in known["deletions"]
            )
            made._suspected += (
                EditedDeletion(key, _info(deletion), _info(edit))
                for key, deletion, edit in known["suspected"]
            )
        return made


def _plain(update: UpdateInfo) -> list[Any]:
    user_id = None if update.user_id is None else str(update.user_id)
    return [update.seq, user_id, update.at.isoformat()]


def _info(plain: Sequence[Any]) -> UpdateInfo:
    seq, user_id, at = plain
    return UpdateInfo(seq, None if user_id is None else UUID(user_id), datetime.fromisoformat(at))


def _spans(plain: Sequence[Any]) -> list[tuple[int, int]]:
    return [(start, stop) for start, stop in plain]


def _is_while(edit: UpdateInfo, deletion: UpdateInfo) -> bool:
    return deletion.at - edit.at <= JUST_NOW and edit.user_id != deletion.user_id


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
    document, _ = replay(StoredDocument(None, 0, ()))
    reader = PipelineReader(document)
    left_out = {each.deletion.seq: dict[str, str]() for each in suspected}
    touched: dict[int, frozenset[str]] = {}
    for update in stored.tail:
        if update.seq in left_out:
            keys = {each.key for each in suspected if each.deletion.seq == update.seq}
            left_out[update.seq] = {key: _name(reader, key) for key in keys}
            _leave_out(document, update)
        else:
            apply_all(document, [update])
        touched[update.seq] = reader.take_touched().steps
    return document, [
        replace(each, name=left_out[each.deletion.seq].get(each.key, ""))
        for each in suspected
        if each.key in touched.get(each.edit.seq, ())
    ]


def _leave_out(document: Document, update: LoggedUpdate) -> None:
    """Let what follows of the same client go on, in a document that nobody else gets."""
    with suppress(MalformedUpdate):
        for substitute in without_content(read_structs(update.payload)):
            document.apply(substitute)


def _name(reader: PipelineReader, key: str) -> str:
    entry = reader.step(key)
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else ""
