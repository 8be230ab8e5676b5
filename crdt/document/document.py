"""One CRDT document: the only module that touches updates and state vectors of the library.

The library is pycrdt (Yjs wire format, Rust inside). Its malformed-input errors become
MalformedUpdate; its panics, which are BaseException and leave the document in doubt, become
DocumentPoisoned, and so does what takes too long or fails halfway.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import chain
from math import inf
from typing import Any

from pycrdt import Array, Doc, Map, Subscription, Text, TransactionEvent, merge_updates

from crdt.errors import DocumentPoisoned, MalformedUpdate, Overloaded
from crdt.updates.delete_set import DeleteSet, includes_deletions
from crdt.updates.depth import DepthGuard
from crdt.updates.format import Structs, has_structs, read_deletions, read_structs
from crdt.updates.inspection import Inspection, StateVector, inspect_update
from crdt.updates.limits import PART_SECONDS, RELEASED, REPLAYED, Limits
from crdt.updates.pending import Pending, read_state_vector

TOO_EARLY = "a large update lacks what it builds on: reconnect"

EMPTY_STATE_VECTOR = b"\x00"
"""No clients: the state vector of a peer that has nothing."""


class Document:
    """A replica. May be used from one thread at a time, any thread."""

    def __init__(self, client_id: int | None = None) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id, allow_multithreading=True)
        self._state: StateVector = {}
        self._pending = Pending()
        self._depth_guard = DepthGuard(self._read_structs)
        self._changed = False
        self._own: list[bytes] | None = None
        self.cpu_seconds: Callable[[], float] = lambda: 0.0
        """How long this thread has computed; until it is set, an update may take any time."""
        self._everything: bytes | None = None
        self._deleted: DeleteSet | None = None
        end_with(self, self.doc, self.doc.observe(partial(_notice, weakref.ref(self))))

    def notice(self, event: TransactionEvent) -> None:
        """Take note of a transaction that has changed something."""
        self._changed = True
        self._everything = self._deleted = None
        if self._own is not None:
            self._own.append(event.update)

    def waiting(self) -> list[bytes]:
        """Encode what waits for its predecessors, as updates that no encoding or diff includes."""
        return self._pending.updates()

    def load(self, state: bytes) -> None:
        """Take in what this program itself encoded of a whole document, without checking it again.

        Raises MalformedUpdate or DocumentPoisoned.
        """
        self._merge(state)
        self._state = read_state_vector(self.doc.get_state())

    def apply(self, update: bytes | Inspection, limits: Limits = REPLAYED) -> bool:
        """Merge an update, read before or not; whether it brought anything new.

        What lacks its predecessors counts as new: it is kept and takes effect when they arrive, so
        log and relay the bytes as received. Raises MalformedUpdate, the document being untouched
        then as with MessageTooBig and Overloaded, or DocumentPoisoned, also when it takes too long.
        """
        found = update if isinstance(update, Inspection) else inspect_update(update, limits)
        state_after = found.state_after(self._state)
        self._check_depth(found, limits, is_all_here=state_after is not None)
        if state_after is None:
            return self._apply_part(found, limits)
        changed = self._merge_found(found, limits)
        self._state.update(state_after)
        if self._pending:
            self._merge_released(self._pending.release(state_after, self._state), limits)
        return changed

    def _check_depth(self, found: Inspection, limits: Limits, *, is_all_here: bool) -> None:
        # What waits may come to lie between those that arrive.
        levels = found.depth if is_all_here and not self._pending else found.types
        self._depth_guard.check(levels, found.structs, limits)

    def _apply_part(self, found: Inspection, limits: Limits) -> bool:
        """Merge what can be integrated of an update, and of those that waited for it."""
        if found.parts > limits.pending_parts:
            raise Overloaded(TOO_EARLY)
        with _DECODING:
            # To read it only: nothing undecodable may wait.
            merge_updates(found.update)
        ready, is_left = self._pending.add(
            found.update, found.structs, found.deletions, self._state
        )
        return self._merge_released(ready, limits) or is_left

    def _merge_released(self, updates: list[bytes], limits: Limits) -> bool:
        if limits.seconds == inf:
            return self._merge_all(updates)
        found = [inspect_update(update, RELEASED) for update in updates]
        cut = chain.from_iterable(each.chunks or (each.update,) for each in found)
        parts = sum(each.parts for each in found)
        return self._merge_all(cut, limits.seconds + PART_SECONDS * parts)

    def _merge_found(self, found: Inspection, limits: Limits) -> bool:
        """Merge an update that lacks nothing; in pieces if it might take long."""
        if not found.chunks:
            return self._merge(found.update)
        with _DECODING:
            # To read it only: with half of it here, it would be too late.
            merge_updates(found.update)
        return self._merge_all(found.chunks, limits.seconds + PART_SECONDS * found.parts)

    def _merge_all(self, updates: Iterable[bytes], seconds: float = inf) -> bool:
        changed, stop = False, self.cpu_seconds() + seconds
        try:
            for update in updates:
                if self.cpu_seconds() > stop:
                    raise DocumentPoisoned(f"an update takes more than {seconds:.1f} s")
                changed |= self._merge(update)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"part of an update is no update: {error}") from error
        return changed

    def _merge(self, update: bytes) -> bool:
        """Apply an update that lacks nothing; whether it changed anything."""
        self._changed = False
        try:
            with self._spoiling(), _DECODING:
                self.doc.apply_update(update)
        except RuntimeError as error:
            # What lies in something that is no shared type; structs before it are integrated.
            if self._changed or read_state_vector(self.doc.get_state()) != self._state:
                raise DocumentPoisoned(f"half an update was applied: {error}") from error
            raise MalformedUpdate(f"update cannot be applied: {error}") from error
        return self._changed

    @contextmanager
    def _spoiling(self) -> Iterator[None]:
        try:
            yield
        except DocumentPoisoned:
            spoil(self.doc)
            raise

    def _read_structs(self) -> list[Structs]:
        return [read_structs(self.encode()), *self._pending.structs()]

    @contextmanager
    def transact(self) -> Iterator[list[bytes]]:
        """Open one transaction for local edits; the list holds their one update afterwards.

        The list stays empty when nothing changed. Raises DocumentPoisoned, also for an edit that
        nests values too deep to be replayed.
        """
        own: list[bytes] = []
        self._own = own
        try:
            with self._spoiling(), panics_fenced(), self.doc.transaction():
                yield own
        finally:
            self._own = None
        self._count_own(own)

    def _count_own(self, updates: list[bytes]) -> None:
        try:
            for update in updates:
                self._check_depth(inspect_update(update), REPLAYED, is_all_here=True)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"an edit of our own cannot be replayed: {error}") from error
        self._state = read_state_vector(self.doc.get_state())
        if self._pending:
            self._merge_all(self._pending.release([self.doc.client_id], self._state))

    def state_vector(self) -> bytes:
        """Encode what this replica has (y-protocols: the payload of SyncStep1)."""
        return self.doc.get_state()

    def diff(self, state_vector: bytes) -> bytes:
        """Encode what a peer with this state vector lacks. Raises MalformedUpdate.

        What a peer lacks that has nothing is kept until the document changes, so that clients
        joining together cost one encoding.
        """
        if state_vector != EMPTY_STATE_VECTOR:
            return self._diff(state_vector)
        if self._everything is None:
            self._everything = self._diff(state_vector)
        return self._everything

    def _diff(self, state_vector: bytes) -> bytes:
        with _DECODING:
            return self.doc.get_update(state_vector)

    def encode(self) -> bytes:
        """Encode everything but what waits as one update."""
        return self._diff(EMPTY_STATE_VECTOR)

    def contains(self, update: bytes | Inspection, limits: Limits = REPLAYED) -> bool:
        """Whether an answer to our own state vector holds nothing new.

        Such an answer repeats the peer's whole delete set but no known insertion, so any insertion
        is news. Raises MalformedUpdate and MessageTooBig.
        """
        if isinstance(update, Inspection):
            return not update.structs and includes_deletions(self._all_deleted(), update.deletions)
        if has_structs(update):
            return False
        deletions = read_deletions(update, limits.parts)
        return not deletions or includes_deletions(self._all_deleted(), deletions)

    def _all_deleted(self) -> DeleteSet:
        if self._deleted is None:
            self._deleted = read_deletions(self._diff(self.state_vector()))
        return self._deleted


def _notice(document: "weakref.ref[Document]", event: TransactionEvent) -> None:
    if (noticing := document()) is not None:
        noticing.notice(event)


class _Panics:
    """Turns panics of the library, which derive from BaseException alone, into DocumentPoisoned."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, trace: object) -> None:
        # pyo3's PanicException cannot be imported.
        if type(error).__name__ == "PanicException":
            raise DocumentPoisoned(f"the CRDT library panicked: {error}") from error


class _Decoding(_Panics):
    """Turns the library's errors about bytes it cannot read into MalformedUpdate, too."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ValueError):
            raise MalformedUpdate(f"update cannot be decoded: {error}") from error
        super().__exit__(kind, error, trace)


_PANICS, _DECODING = _Panics(), _Decoding()


def panics_fenced() -> AbstractContextManager[None]:
    """Turn panics of the library into DocumentPoisoned."""
    return _PANICS


_spoiled: "weakref.WeakSet[Doc[Any]]" = weakref.WeakSet()


def spoil(doc: "Doc[Any]") -> None:
    """Leave the subscriptions of a document alone from now on."""
    # After a panic the library still holds the lock for which unsubscribing would wait for ever.
    _spoiled.add(doc)


def end_with(
    owner: object, observed: "Doc[Any] | Map[Any] | Array[Any] | Text", subscription: Subscription
) -> None:
    """End a subscription when its owner is gone; its callback must not hold the owner."""
    finalizer = weakref.finalize(owner, _end, observed, subscription)
    # At the end of the process there is nothing left to free.
    finalizer.atexit = False


def _end(observed: "Doc[Any] | Map[Any] | Array[Any] | Text", subscription: Subscription) -> None:
    doc = observed if isinstance(observed, Doc) else observed.doc
    if doc not in _spoiled:
        observed.unobserve(subscription)
