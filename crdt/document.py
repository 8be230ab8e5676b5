"""One CRDT document: the only module that touches updates and state vectors of the library.

The library is pycrdt (Yjs wire format, Rust inside). Its malformed-input errors become
MalformedUpdate; its panics, which are BaseException and leave the document in doubt, become
DocumentPoisoned.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pycrdt import Doc, TransactionEvent, merge_updates

from .errors import DocumentPoisoned, MalformedUpdate, ProtocolError
from .nesting import REPLAYED_DEPTH, Nesting
from .pending import Pending, StateVector, read_state_vector
from .update_format import Structs, brings_structs, covers, read_deletions

EMPTY_STATE_VECTOR = b"\x00"
"""No clients: the state vector of a peer that has nothing."""


@dataclass(frozen=True, slots=True)
class _Effect:
    """What a transaction inserted and deleted, as an update, and what it deleted alone."""

    update: bytes
    deletions: bytes

    def is_all_of(self, update: bytes) -> bool:
        """Whether an update left nothing behind that waits for others; False if in doubt."""
        if self.update == update:
            return True
        # The library writes the same values in another order, or numbers in another width.
        one_struct = update.startswith(b"\x01\x01") and not self.update.startswith(b"\x00")
        return one_struct and update.endswith(self.deletions)


class Document:
    """A replica. May be used from one thread at a time, any thread."""

    def __init__(self, client_id: int | None = None) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id, allow_multithreading=True)
        self._effect: _Effect | None = None
        self._own: list[bytes] | None = None
        self._pending = Pending()
        self._nesting = Nesting(self.encode)
        self._everything: bytes | None = None
        self._subscription = self.doc.observe(self._on_transaction)

    def _on_transaction(self, event: TransactionEvent) -> None:
        deletions: bytes = event.delete_set  # type: ignore[attr-defined]  # its stub lacks it
        self._effect = _Effect(event.update, deletions)
        self._everything = None
        if self._own is not None:
            self._own.append(event.update)

    @property
    def is_whole(self) -> bool:
        """Whether no update waits for its predecessors."""
        return not self._pending

    def load(self, state: bytes) -> None:
        """Take in what this program itself encoded of a whole document, without checking it again.

        Raises MalformedUpdate or DocumentPoisoned.
        """
        self._merge(state)
        self._effect = None

    def apply(self, update: bytes, max_depth: int = REPLAYED_DEPTH) -> bool:
        """Merge an update; whether it brought anything new.

        An update whose predecessors are missing counts as new: it is kept and takes effect when
        they arrive, so log and relay the bytes as received. Raises MalformedUpdate, the document
        being untouched then, or DocumentPoisoned. `max_depth` limits the nesting of shared types.
        """
        structs = self._nesting.check(update, max_depth)
        effect = self._merge(update)
        if effect is not None and not self._pending and effect.is_all_of(update):
            return True
        # Without any effect it is known, or waits for an update that nobody has sent yet.
        return self._keep_if_waiting(update, structs) or effect is not None

    def _merge(self, update: bytes) -> _Effect | None:
        """Apply an update and return what came of it, None if nothing did."""
        self._effect = None
        with panics_fenced(), _decoding():
            self.doc.apply_update(update)
        return self._effect

    def _keep_if_waiting(self, update: bytes, structs: Structs | None) -> bool:
        """Keep an update that waits for others; apply once more those it may have set free."""
        waits = self._pending.keep_unless_whole(update, self._state(), structs)
        if self._pending.is_due(self._state()):
            waiting = self._pending.take()
            self._merge(merge_updates(*waiting))
            self._pending.put_back(waiting, self._state())
        if waits:
            self._everything = None
        return waits

    def _state(self) -> StateVector:
        return read_state_vector(self.doc.get_state())

    @contextmanager
    def edit(self) -> Iterator[list[bytes]]:
        """Open one transaction for local edits; the list holds their one update afterwards.

        The list stays empty when nothing changed. Raises DocumentPoisoned, also for an edit that
        nests values too deep to be replayed.
        """
        own: list[bytes] = []
        self._own = own
        try:
            with panics_fenced(), self.doc.transaction():
                yield own
        finally:
            self._own = None
        self._count_own(own)

    def _count_own(self, updates: list[bytes]) -> None:
        try:
            for update in updates:
                self._nesting.trust(update)
        except MalformedUpdate as error:
            raise DocumentPoisoned(f"an edit of our own cannot be replayed: {error}") from error

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
        with panics_fenced(), _decoding():
            found = self.doc.get_update(state_vector)
            return self._pending.merged_into(found) if self._pending else found

    def encode(self) -> bytes:
        """Encode everything as one update, with the updates that wait for others."""
        return self._diff(EMPTY_STATE_VECTOR)

    def contains(self, update: bytes) -> bool:
        """Whether an answer to our own state vector holds nothing new.

        Such an answer repeats the peer's whole delete set but no known insertion, so any insertion
        is news. Raises MalformedUpdate.
        """
        try:
            if brings_structs(update):
                return False
            return covers(read_deletions(self.diff(self.state_vector())), read_deletions(update))
        except ProtocolError as error:
            raise MalformedUpdate(f"update cannot be decoded: {error}") from error


@contextmanager
def _decoding() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise MalformedUpdate(f"update cannot be decoded: {error}") from error


@contextmanager
def panics_fenced() -> Iterator[None]:
    """Turn panics of the library, which derive from BaseException alone, into DocumentPoisoned."""
    try:
        yield
    except BaseException as error:
        # pyo3's PanicException cannot be imported.
        if type(error).__name__ == "PanicException":
            raise DocumentPoisoned(f"the CRDT library panicked: {error}") from error
        raise
