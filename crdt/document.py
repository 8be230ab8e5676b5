"""One CRDT document: the only module that touches updates and state vectors of the library.

The library is pycrdt (Yjs wire format, Rust inside). Its malformed-input errors become
MalformedUpdate; its panics, which are BaseException and leave the document in doubt, become
DocumentPoisoned.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pycrdt import Doc, TransactionEvent

from .errors import DocumentPoisoned, MalformedUpdate, ProtocolError
from .update_format import brings_structs, check_nesting, covers, read_deletions

EMPTY_STATE_VECTOR = b"\x00"
"""No clients: the state vector of a peer that has nothing."""


class Document:
    """A replica. May be used from one thread at a time, any thread."""

    def __init__(self, client_id: int | None = None) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id, allow_multithreading=True)
        self._changed = False
        self._own: list[bytes] | None = None
        self._everything: bytes | None = None
        self._subscription = self.doc.observe(self._on_transaction)

    def _on_transaction(self, event: TransactionEvent) -> None:
        self._changed = True
        self._everything = None
        if self._own is not None:
            self._own.append(event.update)

    def apply(self, update: bytes) -> bool:
        """Merge an update; whether it brought anything new.

        An update whose predecessors are missing counts as new: it is kept and takes effect when
        they arrive, so log and relay the bytes as received. Raises MalformedUpdate, the document
        being untouched then, or DocumentPoisoned.
        """
        check_nesting(update)
        self._changed = False
        with panics_fenced(), _decoding():
            self.doc.apply_update(update)
        return self._changed

    @contextmanager
    def edit(self) -> Iterator[list[bytes]]:
        """Open one transaction for local edits; the list holds their one update afterwards.

        The list stays empty when nothing changed. Raises DocumentPoisoned.
        """
        own: list[bytes] = []
        self._own = own
        try:
            with panics_fenced(), self.doc.transaction():
                yield own
        finally:
            self._own = None

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
            return self.doc.get_update(state_vector)

    def encode(self) -> bytes:
        """Encode everything as one update."""
        return self.doc.get_update()

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
