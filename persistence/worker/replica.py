"""A document beside the rows made from it, as a worker caches it between two projections.

Everything here computes and may take a while: call it in a thread, one call at a time.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from crdt.document.document import Document
from crdt.document.schema import NOTHING, PipelineReader, Touched
from crdt.editing.repair import RESTORABLE_FOR, Finding, Mended, Moment, mend
from crdt.errors import MalformedUpdate
from crdt.pipeline.rows import Diagnostic, RowChanges, Rows, StepPosition
from crdt.updates.state_slices import MIN_STATE_BYTES
from crdt.validation.diagnostics import PIPELINE, Code, step_subject
from crdt.validation.meaning import Meaning
from crdt.validation.reading import read_valid
from crdt.validation.valid_pipeline import UNCHANGED
from persistence.ports.update_log import LoggedUpdate, StoredDocument

from .edited_deletions import EditedDeletion, EditedDeletions
from .projector import difference
from .replay import SEED, Applied, apply_all, replay

LARGE_BYTES: Final = 16 * 1024
"""From so many bytes on an update is large: it may insert and delete in hundreds of places."""

LARGE_WEIGHT: Final = 16
"""How many times its bytes a large update counts: a state is due after one of 64 KiB."""

_KEPT: Final = frozenset({Code.UNDECODABLE_UPDATE, Code.DELETED_WHILE_EDITED})
"""Diagnostics about how the document came about, which its content does not show."""


class Replica:
    """One document up to update `seq`, and the valid rows of exactly that content.

    `state_seq` is the last update in the state that the log has stored, and the updates after it
    weigh `unstored_weight`, in bytes, of which those of a large one count several times: merging
    it takes the library far longer than loading what it has become. An update that cannot be
    decoded, or whose row is missing, is left out and reported; the log keeps what there is of it.
    Then the document is damaged: what it lacks may have been lost instead of deleted, so its rows
    stay, nothing in it is mended, and no state of it is stored, in which the damage would be
    forgotten. `bytes` is how large the document is at most, encoded.
    `holds_diagnostics_anew` says that the last update changed the list of diagnostics in the
    document. `kept` are the diagnostics that do not follow from the content; `reports` are
    those of them that the tables do not have yet, and `reported` is the update up to which
    there is nothing more to report. `repair` is the number of the update that `mend` has
    become. `is_outdated` says that the document must be loaded anew: the last updates brought some
    of what a stand-in is there for, or need more of it.
    """

    def __init__(self, stored: StoredDocument) -> None:
        """Load a document. Raises MalformedUpdate or DocumentPoisoned if its state is unusable."""
        self._document, undecodable = replay(stored, watch=partial(self._watch, stored.noticed))
        if undecodable:
            # No update has done what the stand-in did.
            self._reader.take_touched()
            self._step_keys = self._reader.step_keys()
        self.kept = _diagnostics(undecodable)
        self.reports: list[Diagnostic] = []
        self.reported = self.repair = 0
        self._valid = read_valid(self._reader, Meaning())
        self.seq, self.state_seq = stored.seq, stored.state_seq
        self.bytes = stored.size
        self.unstored_weight = _weight_of(stored.tail)
        self.holds_diagnostics_anew = self.is_outdated = False
        self._is_suspect = bool(
            self._has_plain_entries or self._valid.diagnostics() or self._reader.diagnostics()
        )

    def _watch(self, noticed: bytes, document: Document) -> Applied:
        """Notice what the updates since the stored state do in the document."""
        self._reader = PipelineReader(document)
        self._noticed = EditedDeletions.decode(noticed)
        self._step_keys = self._reader.step_keys()
        self._touched = NOTHING
        return self._note

    def _note(self, update: LoggedUpdate) -> None:
        """Notice what an update did, which was just applied."""
        touched = self._reader.take_touched()
        there = {key for key in touched.steps if self._reader.has_step(key)}
        gone = touched.steps - there
        self._noticed.note(update, there, gone & self._step_keys)
        self._step_keys -= gone
        self._step_keys |= there
        self._touched = self._touched.merged(touched)

    @property
    def is_suspect(self) -> bool:
        """Whether the last update changed what a repair or a report follows from."""
        return self._is_suspect or bool(self.suspected)

    @property
    def suspected(self) -> list[EditedDeletion]:
        """The steps that somebody seems to have edited while another one deleted them."""
        return self._noticed.suspected()

    def note_reported(self, seq: int) -> None:
        """Note that there is nothing to report any more of the updates up to a number."""
        self.reported = max(self.reported, seq)
        self._noticed.forget(self.reported)

    @property
    def is_damaged(self) -> bool:
        """Whether updates are missing in this document."""
        return any(code == Code.UNDECODABLE_UPDATE for code, _ in self.kept)

    def changes_from(self, stored: Rows) -> RowChanges:
        """Return the changes that turn the `stored` rows into the valid ones of this document.

        Where it is damaged, no row is removed that it does not have.
        """
        self.keep(stored.diagnostics.values())
        rows = self._valid.rows()
        wanted = replace(rows, diagnostics={**rows.diagnostics, **self.kept})
        changes = difference(stored, wanted)
        if self.is_damaged:
            return replace(changes, removed_steps=[], removed_connections=[])
        return changes

    def keep(self, stored: Iterable[Diagnostic]) -> None:
        """Keep those of the stored diagnostics that do not follow from the content."""
        # An undecodable update may come before the stored state, where a load does not see it.
        held = {(each.code, each.subject): each for each in stored if each.code in _KEPT}
        self.kept = {**held, **self.kept}
        self._is_suspect |= bool(self.kept)

    def follow(self, updates: Sequence[LoggedUpdate], cursor: int) -> RowChanges:
        """Apply the updates that follow `seq`; return what those after `cursor` change in the rows.

        The rows of those before are written by another worker. Raises as `advance`.
        """
        written = [update for update in updates if update.seq <= cursor]
        if written:
            self.advance(written)
        return self.advance(updates[len(written) :])

    def advance(self, updates: Sequence[LoggedUpdate]) -> RowChanges:
        """Apply the updates that follow `seq`; return what they change in the rows.

        Raises PoisonousUpdate; whatever it raises, the replica must be dropped.
        """
        self._touched = NOTHING
        self.is_outdated |= self._is_mended_by(updates)
        undecodable = apply_all(self._document, updates, applied=self._note)
        self.is_outdated |= self._document.lacks_stand_in
        self.seq = updates[-1].seq
        self.unstored_weight += _weight_of(updates)
        self.bytes += _bytes_of(updates)
        return self._changes(self._touched, _diagnostics(undecodable))

    def _is_mended_by(self, updates: Sequence[LoggedUpdate]) -> bool:
        if not self._document.is_damaged:
            return False
        with suppress(MalformedUpdate):
            return any(self._document.is_mended_by(each.payload) for each in updates)
        return False

    def mend(self, moment: Moment) -> Mended:
        """Mend the document, with the diagnostics in it: as an edit that the log does not have yet.

        The rows follow when the edit comes back from the log (`advance`). If the log refuses it,
        the replica must be dropped, since the library cannot take an edit back.
        """
        return mend(
            self._document,
            self._reader,
            self._valid,
            moment,
            self.kept.values(),
            may_repair=not self.is_damaged,
        )

    def encode(self) -> tuple[bytes, list[bytes], bytes]:
        """Encode the merge of the updates 1..seq, what of them waits, and what was noticed."""
        return self._document.encode(), self._document.waiting(), self._noticed.encode()

    def _changes(self, touched: Touched, undecodable: Mapping[Finding, Diagnostic]) -> RowChanges:
        changes = self._read(touched)
        if undecodable:
            self.kept.update(undecodable)
            found = [*changes.diagnostics, *undecodable.values()]
            changes = replace(changes, diagnostics=found)
        self.holds_diagnostics_anew = touched.diagnostics
        self._is_suspect = bool(
            changes.diagnostics
            or changes.removed_diagnostics
            or touched.diagnostics
            or self._has_plain_entries
            or self._are_back()
        )
        return changes

    def _are_back(self) -> set[Finding]:
        """Return the findings about deleted steps that are there again."""
        return {
            finding for finding in self._about_deleted() if self._reader.has_step(_key_of(finding))
        }

    def _about_deleted(self) -> list[Finding]:
        """Return the findings about steps that were edited while they were deleted."""
        return [finding for finding in self.kept if finding[0] == Code.DELETED_WHILE_EDITED]

    def take_reports(self) -> list[Diagnostic]:
        """Keep the reports, and return them for the tables."""
        reports, self.reports = self.reports, []
        self.kept.update({(each.code, each.subject): each for each in reports})
        return reports

    def next_outlived(self, moment: Moment) -> datetime | None:
        """Return when the next finding about a deleted step is a day old."""
        found_at = [moment.found_at.get(each, moment.now) for each in self._about_deleted()]
        return min(found_at) + RESTORABLE_FOR if found_at else None

    def outlived(self, moment: Moment) -> set[Finding]:
        """Return the findings about deleted steps that are there again, or gone for a day."""
        old = {
            finding
            for finding in self._about_deleted()
            if moment.found_at.get(finding, moment.now) + RESTORABLE_FOR <= moment.now
        }
        return old | self._are_back()

    def _read(self, touched: Touched) -> RowChanges:
        reader, moved = self._reader, list[StepPosition]()
        # Before the others, whose rows are written whole, each with the position read last.
        others = touched.steps - {key for key in touched.moved if self._moves(key, moved)}
        if not (others or touched.connections or touched.settings):
            return RowChanges(moved_steps=moved)
        changes = self._valid.update(
            settings=reader.settings() if touched.settings else UNCHANGED,
            steps={key: reader.step(key) for key in others},
            connections={key: reader.connection(key) for key in touched.connections},
        )
        return replace(changes, moved_steps=moved)

    def _moves(self, key: str, moved: list[StepPosition]) -> bool:
        """Take a step that has only moved the short way, if it can be seen by itself."""
        position = self._reader.position(key)
        found = self._valid.move(key, position) if isinstance(position, dict) else None
        moved += found or ()
        return found is not None

    @property
    def _has_plain_entries(self) -> bool:
        return bool(self._reader.plain_steps or self._reader.plain_connections)


def _key_of(finding: Finding) -> str:
    return finding[1].removeprefix(step_subject(""))


def _diagnostics(undecodable: Sequence[int]) -> dict[Finding, Diagnostic]:
    if not undecodable:
        return {}
    message = (
        f"Update {undecodable[-1]} of the log is missing or cannot be decoded; the tables go on "
        "without it, and keep the rows that the document does not have."
    )
    return {
        (Code.UNDECODABLE_UPDATE.value, PIPELINE): Code.UNDECODABLE_UPDATE.about(PIPELINE, message)
    }


def _bytes_of(updates: Sequence[LoggedUpdate]) -> int:
    # The first one is loaded as a state is.
    return sum(len(update.payload) for update in updates if update.seq != SEED)


def _weight_of(updates: Sequence[LoggedUpdate]) -> int:
    # A small seed is loaded as a state is; a large one lacks the slices of a state.
    sizes = (
        len(update.payload)
        for update in updates
        if update.seq != SEED or len(update.payload) >= MIN_STATE_BYTES
    )
    return sum(size * LARGE_WEIGHT if size >= LARGE_BYTES else size for size in sizes)


class ReplicaCache:
    """The replicas that a worker has used last: at most `size`, of at most `most_bytes` together.

    The one used last is kept, however large: it is likely to be used next. Whoever uses one takes
    it out and puts it back: what fails with one in between has dropped it.
    """

    def __init__(self, size: int, most_bytes: int) -> None:
        self._size, self._most_bytes = size, most_bytes
        self._replicas: OrderedDict[UUID, Replica] = OrderedDict()
        self._bytes = 0

    def held(self) -> set[UUID]:
        """Return the pipelines whose replicas are kept."""
        return set(self._replicas)

    def those_of(self, pipeline_ids: Iterable[UUID]) -> dict[UUID, Replica]:
        """Return replicas and leave them: whoever changes one takes it out before."""
        return {each: self._replicas[each] for each in pipeline_ids if each in self._replicas}

    def take(self, pipeline_id: UUID) -> Replica | None:
        """Take the replica of a pipeline out; it may be behind what other workers have written."""
        if (replica := self._replicas.pop(pipeline_id, None)) is not None:
            self._bytes -= replica.bytes
        return replica

    def put(self, pipeline_id: UUID, replica: Replica) -> None:
        """Keep a replica, and drop those that were not used for the longest time."""
        self.take(pipeline_id)
        self._replicas[pipeline_id] = replica
        self._bytes += replica.bytes
        while len(self._replicas) > 1 and self._is_too_much():
            self.take(next(iter(self._replicas)))

    def _is_too_much(self) -> bool:
        return len(self._replicas) > self._size or self._bytes > self._most_bytes
