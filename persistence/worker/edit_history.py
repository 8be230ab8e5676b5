"""Who edited a pipeline, when, and what, derived from the update log.

The updates of two people who edit at the same time alternate in the log. So the edits of each user
form a group of their own, which ends when that user pauses.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import PipelineReader, Touched
from crdt.editing.differences import EntryChange, Kind
from crdt.editing.editor import Editor
from persistence.ports.update_log import LoggedUpdate, StoredDocument, UpdateInfo

from .replay import apply_all, replay

PAUSE: Final = timedelta(minutes=5)
"""A user's next edit after so long a pause begins a new group."""


@dataclass(frozen=True, slots=True)
class EditGroup:
    """The edits of one user without a long pause.

    The updates `first_seq` to `last_seq` may include those of other users; `updates` counts only
    those of this one.
    """

    user_id: UUID | None
    first_seq: int
    last_seq: int
    first_at: datetime
    last_at: datetime
    updates: int


@dataclass(frozen=True, slots=True)
class EditedEntries:
    """What a group changed. Entries that were added and removed within it are left out."""

    settings: bool
    steps: Sequence[EntryChange]
    connections: Sequence[EntryChange]


def group_edits(newest_first: Iterable[UpdateInfo], pause: timedelta = PAUSE) -> list[EditGroup]:
    """Group edits by user and pause; return the group with the newest edit first."""
    done: list[EditGroup] = []
    open_: dict[UUID | None, EditGroup] = {}
    for edit in newest_first:
        group = open_.get(edit.user_id)
        if group is not None and group.first_at - edit.at <= pause:
            count = group.updates + _count(edit)
            open_[edit.user_id] = replace(
                group, first_seq=edit.first_seq, first_at=edit.first_at, updates=count
            )
            continue
        if group is not None:
            done.append(group)
        open_[edit.user_id] = EditGroup(
            edit.user_id, edit.first_seq, edit.seq, edit.first_at, edit.at, _count(edit)
        )
    return sorted([*done, *open_.values()], key=lambda each: -each.last_seq)


def _count(edit: UpdateInfo) -> int:
    """Return how many updates one is made of: several if it is folded."""
    return edit.seq - edit.first_seq + 1


def edited_entries(
    before: StoredDocument, updates: Iterable[LoggedUpdate], user_id: UUID | None
) -> EditedEntries:
    """Replay `updates` on the document `before` them; return what those of one user changed.

    Raises DocumentPoisoned if the CRDT library panics at one of them.
    """
    document, _ = replay(before)
    reader, editor = PipelineReader(document), Editor(document)
    steps, connections = _names(editor), editor.ends.all()
    touched = [each for each in _touched(document, reader, updates, user_id) if each]
    if not editor.is_current:
        editor = Editor(document)
    return EditedEntries(
        any(each.settings for each in touched),
        [*_changes({key for each in touched for key in each.steps}, steps, _names(editor))],
        [
            *_changes(
                {key for each in touched for key in each.connections},
                connections,
                editor.ends.all(),
            )
        ],
    )


def _names(editor: Editor) -> dict[str, str]:
    return {key: place.name for key, place in editor.places.all().items()}


def _touched(
    document: Document,
    reader: PipelineReader,
    updates: Iterable[LoggedUpdate],
    user_id: UUID | None,
) -> Iterator[Touched]:
    for update in updates:
        apply_all(document, [update])
        touched = reader.take_touched()
        if update.user_id == user_id:
            yield touched


def _changes(
    touched: Iterable[str], before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[EntryChange]:
    for key in sorted(touched):
        name = after.get(key, before.get(key))
        name = name if isinstance(name, str) else None
        if key in before or key in after:
            yield EntryChange(key, _kind(is_new=key not in before, is_gone=key not in after), name)


def _kind(*, is_new: bool, is_gone: bool) -> Kind:
    if is_gone:
        return "removed"
    return "added" if is_new else "changed"
