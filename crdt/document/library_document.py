"""The library's document: merges updates whose dependencies are all there.

The library is pycrdt, which wraps yrs, the port of Yjs to Rust. Updates are those of the Yjs update
format, version 1. Four of the library's properties shape this module:

- It reports malformed bytes as ValueError, which becomes MalformedUpdate here.
- It panics at some updates that can be decoded. A panic is a BaseException, which `except
  Exception` does not catch, and leaves the document in doubt: it becomes DocumentPoisoned, and so
  does a change that takes too long or fails halfway. Such a document must be loaded anew.
- It cannot roll a transaction back.
- It loses text where an update cuts a surrogate pair, so the pair is replaced before
  (`crdt/updates/surrogates`). It can replace no text in place: a document that holds such a pair is
  loaded anew, and whoever keeps shared types of it must get them again (`generation`).
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from math import inf
from typing import Any

from pycrdt import Doc, TransactionEvent, merge_updates

from crdt.errors import DocumentPoisoned, MalformedUpdate
from crdt.updates.delete_set import DeleteSet
from crdt.updates.format import read_deletions
from crdt.updates.inspection import Inspection, inspect_update
from crdt.updates.limits import PART_SECONDS, Limits
from crdt.updates.state_slices import NO_SLICES, sliced
from crdt.updates.state_vector import EMPTY_STATE_VECTOR, StateVector, read_state_vector
from crdt.updates.surrogates.pair_index import PairIndex
from crdt.updates.surrogates.pairs import Pairs, replace_pairs

from .library import DECODING, end_with, panics_fenced, spoil


class LibraryDocument:
    """A document of the library, and the surrogate pairs in it. `client_id` is that of its edits.

    `state` is the library's state vector, client -> clock, kept here so that no update has to ask
    for it. Whoever has something merged enters it there: what is released before it is merged, and
    everything else after that.
    """

    def __init__(self, client_id: int) -> None:
        self.generation = 0
        """How often the library's document was replaced: shared types are those of one of them."""
        self.version = 0
        """Counts the transactions that have changed something."""
        self.cpu_seconds: Callable[[], float] = lambda: 0.0
        """Returns the CPU time of this thread in seconds."""
        self.state: StateVector = {}
        self.pairs = PairIndex()
        self._changed = False
        self._own: list[bytes] | None = None
        self._everything: bytes | None = None
        self._deleted: DeleteSet | None = None
        self._observe(Doc(client_id=client_id, allow_multithreading=True))

    def _observe(self, doc: "Doc[Any]") -> None:
        self.doc = doc
        # The library keeps callbacks in Rust, out of the garbage collector's sight: one that held
        # the document would keep it in memory for ever.
        self._unobserve = end_with(self, doc, doc.observe(partial(_notice, weakref.ref(self))))

    def notice(self, event: TransactionEvent) -> None:
        """Note that a transaction was committed which changed something; the library calls this."""
        self._changed = True
        self.version += 1
        self._everything = self._deleted = None
        if self._own is not None:
            self._own.append(event.update)

    def load_slices(self, state: bytes, slices: bytes = NO_SLICES) -> Iterator[None]:
        """See `Document.load_slices`."""
        found = sliced(state, slices) if slices else None
        for update in (state,) if found is None else found:
            self._give(update)
            yield
        self.state = read_state_vector(self.doc.get_state())
        if found is not None and self.state != found.state_vector:
            raise MalformedUpdate("a slice of a state depends on a later one")
        self.pairs.load(state)

    def keep_diff(self, everything: bytes | None) -> None:
        """Take what all of this document is, encoded, so that it need not be encoded."""
        self._everything = everything

    def replace_with(self, other: "LibraryDocument") -> None:
        """Become another document, which is not used any more."""
        self._unobserve()
        self.state, self.pairs = other.state, other.pairs
        doc, self._everything = other.give_up()
        self._observe(doc)
        self._deleted = None
        self.generation += 1
        self.version += 1

    def give_up(self) -> "tuple[Doc[Any], bytes | None]":
        """Return the library's document and what it is, encoded, if that is kept."""
        self._unobserve()
        return self.doc, self._everything

    def release(self) -> None:
        """Free what the library has of it: this is an empty document then, and not used any more.

        What uses a document may be part of cycles. The garbage collector would free several large
        ones at once, whenever it comes by, and the interpreter is held for all of them.
        """
        self._unobserve()
        self._observe(Doc(client_id=self.doc.client_id, allow_multithreading=True))
        self.state, self.pairs = {}, PairIndex()
        self._everything = self._deleted = None
        self.generation += 1

    def merge(self, found: Inspection, limits: Limits) -> bool:
        """Merge an update, in chunks if it might take long; return whether it changed anything.

        Raises MalformedUpdate if it cannot be decoded: the document is untouched then. Raises
        DocumentPoisoned if the library panics, if only half of the update was applied, or if
        applying it takes longer than the limits allow.
        """
        if self.pairs.is_empty and not found.pairs:
            # Without a tuple and a call for what nearly every update is.
            return self._merge_one((found,), limits) if found.chunks else self._give(found.update)
        return self._merge_whole((found,), self.state, limits, self._merge_one)

    def merge_released(
        self, updates: Sequence[Inspection], before: StateVector, limits: Limits
    ) -> bool:
        """Merge updates that have waited; `before` is the state vector without them.

        Returns whether they changed anything. Raises DocumentPoisoned as `merge`.
        """
        return self._merge_whole(updates, before, limits, self._merge_in_chunks)

    def _merge_whole(
        self,
        updates: Sequence[Inspection],
        before: StateVector,
        limits: Limits,
        merge: Callable[[Sequence[Inspection], Limits], bool],
    ) -> bool:
        """Merge updates without cutting a surrogate pair: see `crdt/updates/surrogates`.

        `merge` does it when all pairs that they cut are replaced, in them and in the document,
        which has the state vector `before`. All of the updates are looked at before the first is
        merged, so that the document is replaced once at most. Returns whether anything changed.
        """
        cut = self.pairs.cut_by(updates, before)
        if cut:
            updates = [_without(each, cut, limits) for each in updates]
        if cut and self.pairs.holds_any(cut):
            changed = self._replaced(cut, lambda: merge(updates, limits))
        else:
            changed = merge(updates, limits)
        self.pairs.merged(updates, before)
        return changed

    def _replaced(self, cut: Pairs, merge: Callable[[], bool]) -> bool:
        """Replace pairs of the document, then merge something; return whether anything changed.

        If that is refused, the document is as it was before.
        """
        state = self.diff(EMPTY_STATE_VECTOR)
        mended = replace_pairs(state, cut)
        # The pairs may be gone with the map in which they were.
        if mended is state:
            self.pairs.discard(cut)
            return merge()
        doc, unobserve = self.doc, self._unobserve
        self._observe(Doc(client_id=doc.client_id, allow_multithreading=True))
        try:
            self._give(mended)
            merge()
        except MalformedUpdate:
            self._unobserve()
            self.doc, self._unobserve = doc, unobserve
            raise
        unobserve()
        self.generation += 1
        self.pairs.discard(cut)
        return True

    def _merge_one(self, updates: Sequence[Inspection], limits: Limits) -> bool:
        (found,) = updates
        if not found.chunks:
            return self._give(found.update)
        # Before the first chunk is applied: afterwards the update could not be refused any more.
        check_decodable(found.update)
        return self._merge_in_chunks(updates, limits)

    def _merge_in_chunks(self, updates: Sequence[Inspection], limits: Limits) -> bool:
        chunks = chain.from_iterable(each.chunks or (each.update,) for each in updates)
        parts = sum(each.parts for each in updates)
        return self._merge_all(chunks, limits.seconds + PART_SECONDS * parts)

    def _merge_all(self, updates: Iterable[bytes], seconds: float = inf) -> bool:
        """Merge updates in order within a time, in seconds; return whether they changed anything.

        The time is checked between two updates, since nothing can interrupt the library within one.
        Raises DocumentPoisoned when it is over, or when one of them cannot be decoded: those before
        it are applied and cannot be taken back.
        """
        changed, stop = False, self.cpu_seconds() + seconds
        try:
            for update in updates:
                if self.cpu_seconds() > stop:
                    raise DocumentPoisoned(f"an update takes more than {seconds:.1f} s")
                changed |= self._give(update)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"part of an update is no update: {error}") from error
        return changed

    def _give(self, update: bytes) -> bool:
        """Give the library an update as it is; return whether it changed anything."""
        self._changed = False
        # No context manager: entering one takes as long as the library takes for the update.
        try:
            self.doc.apply_update(update)
        except BaseException as error:
            self._refuse_update(error)
            raise
        return self._changed

    def _refuse_update(self, error: BaseException) -> None:
        """Raise what an error of the library means for an update, if it means anything."""
        with self._spoiling(), DECODING:
            if not isinstance(error, RuntimeError):
                raise error
        # The library raises this at a struct whose parent is no shared type. It has integrated the
        # structs before it, if there are any: an event or the clocks show that.
        if self._changed or read_state_vector(self.doc.get_state()) != self.state:
            raise DocumentPoisoned(f"half an update was applied: {error}") from error
        raise MalformedUpdate(f"update cannot be applied: {error}") from error

    @contextmanager
    def _spoiling(self) -> Iterator[None]:
        """Mark the library's document as spoiled when it was poisoned."""
        try:
            yield
        except DocumentPoisoned:
            spoil(self.doc)
            raise

    @contextmanager
    def transact(self, count: Callable[[list[bytes]], object]) -> Iterator[list[bytes]]:
        """Open one transaction for local edits; see `Document.transact`.

        `count` is called with their one update, or none, afterwards. Raises DocumentPoisoned, if
        the library panics.
        """
        own: list[bytes] = []
        self._own = own
        try:
            with self._spoiling(), panics_fenced(), self.doc.transaction():
                yield own
        finally:
            self._own = None
        count(own)

    def note_own(self, found: Inspection) -> None:
        """Take note of the pairs in an edit that was made in a transaction."""
        self.pairs.merged((found,), self.state)

    def diff(self, state_vector: bytes) -> bytes:
        """Encode what a peer with this state vector lacks; see `Document.diff`."""
        if state_vector != EMPTY_STATE_VECTOR:
            return self._diff(self.pairs.lowered(state_vector))
        if self._everything is None:
            self._everything = self._diff(state_vector)
        return self._everything

    def _diff(self, state_vector: bytes) -> bytes:
        with DECODING:
            return self.doc.get_update(state_vector)

    def encode(self) -> bytes:
        """Encode everything as one update."""
        return self._diff(EMPTY_STATE_VECTOR)

    def deletions(self) -> DeleteSet:
        """Return all that is deleted, client -> [(clock, length)]; kept until something changes."""
        if self._deleted is None:
            self._deleted = read_deletions(self._diff(self.doc.get_state()))
        return self._deleted


def check_decodable(update: bytes) -> None:
    """Raise MalformedUpdate if the library cannot decode an update. It is not applied."""
    with DECODING:
        # The result is not used: this only makes the library decode it.
        merge_updates(update)


def _without(update: Inspection, cut: Pairs, limits: Limits) -> Inspection:
    mended = replace_pairs(update.update, cut)
    return update if mended is update.update else inspect_update(mended, limits)


def _notice(document: "weakref.ref[LibraryDocument]", event: TransactionEvent) -> None:
    if (noticing := document()) is not None:
        noticing.notice(event)
